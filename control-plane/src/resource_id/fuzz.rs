//! Fuzz target of resource IDs: parsing a printed ID yields the same ID, with the segments of the text.

use super::ResourceId;

#[test]
fn fuzz_resource_ids() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Some(id) = ResourceId::parse(text) else { return };
        let plain: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('/').collect();
        assert_eq!(id.segments().collect::<Vec<_>>(), plain, "{text}");
        let again = ResourceId::parse(id.as_str()).expect("what is printed is an ID");
        assert_eq!((again.as_str(), &again), (id.as_str(), &id), "{text}");
        let upper = ResourceId::parse(&text.to_ascii_uppercase()).expect("case makes no difference");
        assert_eq!(upper, id, "{text}");
    });
}
