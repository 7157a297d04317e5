//! The canonical form of resource IDs. Authorization, documents and the store parse IDs only with
//! [`ResourceId::parse`], so that the ID that was authorized is the ID that is stored. Pure and independent of
//! resource types.
//!
//! ARM's form is `/subscriptions/{id}/resourceGroups/{name}/providers/{namespace}/{type}/{name}…`. Two IDs name
//! the same resource if they are equal ignoring ASCII case. Text with empty segments, dot segments or
//! characters that a URL parser would interpret has no canonical form.

use std::fmt;

/// The maximum length of an ID, in bytes. The longest ID of a resource served here has about 700.
const MAX_LENGTH: usize = 2048;

/// A resource ID in canonical form: exactly one slash before each segment, each as its creator spelled it.
#[derive(Clone, Debug)]
pub(crate) struct ResourceId(String);

impl ResourceId {
    /// Parses an ID. The leading slash may be missing, because ARM clients omit it.
    ///
    /// Returns `None` for text without a canonical form: an empty segment (a doubled or trailing slash), a
    /// segment `.` or `..`, any of `%`, `\`, `?`, `#`, a control character, white space around a segment, an
    /// odd number of segments, or a first segment other than `subscriptions`.
    pub(crate) fn parse(text: &str) -> Option<ResourceId> {
        let path = text.strip_prefix('/').unwrap_or(text);
        let segments = || path.split('/');
        let canonical = text.len() <= MAX_LENGTH
            && segments().all(is_segment)
            && segments().count() % 2 == 0
            && segments().next().is_some_and(|first| first.eq_ignore_ascii_case("subscriptions"));
        canonical.then(|| ResourceId(format!("/{path}")))
    }

    /// The ID as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, from `subscriptions` on.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.0[1..].split('/')
    }
}

fn is_segment(segment: &str) -> bool {
    let readable = |c: char| !c.is_control() && !matches!(c, '%' | '\\' | '?' | '#');
    !matches!(segment, "" | "." | "..") && segment.trim() == segment && segment.chars().all(readable)
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &ResourceId) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/publicIPAddresses/Ip";

    #[test]
    fn an_id_keeps_its_spelling_and_gets_its_slash() {
        for (text, canonical) in [(ID, ID), (&ID[1..], ID), ("/SUBSCRIPTIONS/s", "/SUBSCRIPTIONS/s")] {
            assert_eq!(ResourceId::parse(text).unwrap().as_str(), canonical, "{text}");
        }
        assert_eq!(ResourceId::parse(ID), ResourceId::parse(&ID.to_ascii_uppercase()));
        assert_eq!(ResourceId::parse(ID).unwrap().segments().nth(3), Some("Rg"));
    }

    #[test]
    fn text_that_two_readers_could_take_for_two_ids_is_none() {
        for bad in [
            String::new(),
            "/".to_owned(),
            format!("/{ID}"),
            format!("///{ID}"),
            format!("{ID}/"),
            format!("{ID}/probes"),
            ID.replace("/Rg", "//Rg"),
            ID.replace("Rg", ".."),
            ID.replace("Rg", "x/../Rg/."),
            ID.replace("Rg", "%52g"),
            ID.replace("/Rg", "\\Rg"),
            ID.replace("Rg", " Rg"),
            ID.replace("Rg", "R\u{0}g"),
            format!("{ID}?x"),
            format!("{ID}#x"),
            format!("https://host{ID}"),
            ID.replace("subscriptions", "tenants"),
            format!("{ID}{}", "x".repeat(MAX_LENGTH)),
        ] {
            assert_eq!(ResourceId::parse(&bad), None, "{bad}");
        }
    }
}
