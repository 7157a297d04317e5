//! Values that come from secure parameters of a template: they are taken out of a body, so that no answer shows them.
//! Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Takes the values at these places out of the body of a PUT. Returns them by place.
///
/// A place is a JSON pointer (RFC 6901). The location stays where it is: it is no secret, and later writes are compared
/// with it.
pub(crate) fn take_secrets(body: &mut Value, places: &BTreeSet<String>) -> Map<String, Value> {
    let mut taken = Map::new();
    if !places.is_empty() {
        take(body, "", places, &mut taken);
    }
    taken
}

fn take(value: &mut Value, at: &str, places: &BTreeSet<String>, taken: &mut Map<String, Value>) {
    match value {
        Value::Object(object) => object.retain(|name, value| {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            place_is_location(at, name) || keeps(value, place, places, taken)
        }),
        Value::Array(list) => {
            let mut index = 0;
            list.retain_mut(|value| {
                let place = format!("{at}/{index}");
                index += 1;
                keeps(value, place, places, taken)
            });
        }
        _ => {}
    }
}

/// Takes out what is secret within a value. Returns whether the value itself stays.
fn keeps(
    value: &mut Value,
    place: String,
    places: &BTreeSet<String>,
    taken: &mut Map<String, Value>,
) -> bool {
    if places.contains(&place) {
        taken.insert(place, value.clone());
        return false;
    }
    take(value, &place, places, taken);
    true
}

fn place_is_location(at: &str, name: &str) -> bool {
    at.is_empty() && name.eq_ignore_ascii_case("location")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_at_a_place_is_taken_with_all_that_is_in_it() {
        let mut body = json!({"location": "l", "properties": {"a/b": "s", "c": [1, "t", 2, {"d": "u", "e": 3}], "f": {"g": 1}}});
        let places = [
            "/location",
            "/properties/a~1b",
            "/properties/c/1",
            "/properties/c/3/d",
            "/properties/f",
            "/gone",
        ];
        let places = places.map(str::to_owned).into();
        let taken = take_secrets(&mut body, &places);
        assert_eq!(body, json!({"location": "l", "properties": {"c": [1, 2, {"e": 3}]}}));
        let expected = json!({"/properties/a~1b": "s", "/properties/c/1": "t", "/properties/c/3/d": "u",
            "/properties/f": {"g": 1}});
        assert_eq!(Value::Object(taken), expected);
        assert!(take_secrets(&mut body, &BTreeSet::new()).is_empty());
    }
}
