//! The body of a PATCH, which contains tags only.
//!
//! Azure updates only the tags and ignores the rest of the body. Here the rest is refused, because its sender means
//! a change that would not happen.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::level::Level;
use super::naming::MAX_NAME;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations, code};

/// Tags that replace those of a resource. `TagsObject` in Azure's specification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TagsObject {
    /// All new tags. If absent, the resource keeps its tags; an empty object removes them.
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<TagsObject>);

/// Replaces the tags of a resource's body by those of a PATCH's body. Returns the violations of the patch.
pub(crate) fn replace(resource: &mut Map<String, Value>, patch: Value) -> Violations {
    let mut violations = Violations::default();
    let patch = expect_object(patch, ROOT, &mut violations).unwrap_or_default();
    let is_tags = |name: &String| name.eq_ignore_ascii_case("tags");
    let (tags, rest): (Map<_, _>, Map<_, _>) = patch.into_iter().partition(|(name, _)| is_tags(name));
    for name in rest.keys() {
        let name: String = name.chars().take(MAX_NAME).collect();
        let message = format!(
            "PATCH changes 'tags' only, not '{name}'. Send the whole resource with PUT, or one child of a gateway \
             with PUT to its own URL."
        );
        violations.push(code::PATCH_OF_TAGS_ONLY, name, message);
    }
    let mut tags = normalize_object(tags, &Level::resource(SHAPE.properties()), &mut violations);
    resource.extend(tags.remove("tags").map(|tags| ("tags".to_owned(), tags)));
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_are_replaced_whole_and_nothing_else_is() {
        let cases = [
            (json!({"tags": {"b": "2"}}), json!({"location": "here", "tags": {"b": "2"}}), None),
            (json!({"Tags": {}}), json!({"location": "here", "tags": {}}), None),
            (
                json!({"tags": {"b": "2"}, "properties": {}}),
                json!({"location": "here", "tags": {"b": "2"}}),
                Some("properties"),
            ),
            (json!({}), json!({"location": "here", "tags": {"a": "1"}}), None),
            (json!({"tags": null}), json!({"location": "here", "tags": {"a": "1"}}), None),
            (json!({"tags": ["a"]}), json!({"location": "here", "tags": {"a": "1"}}), Some("tags")),
            (json!({"tags": {"a": {}}}), json!({"location": "here", "tags": {}}), Some("tags.a")),
            (json!([]), json!({"location": "here", "tags": {"a": "1"}}), Some(ROOT)),
        ];
        for (patch, expected, complaint) in cases {
            let Value::Object(mut resource) = json!({"location": "here", "tags": {"a": "1"}}) else {
                panic!()
            };
            let violations = replace(&mut resource, patch.clone());
            assert_eq!(Value::Object(resource), expected, "{patch}");
            assert_eq!(violations.0.first().map(|v| v.target.as_str()), complaint, "{patch}");
        }
    }
}
