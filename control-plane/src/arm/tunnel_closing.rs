//! The body of `closeTunnels`.

use std::sync::LazyLock;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::level::Level;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations, code};

/// The longest time over which tunnels are closed, in seconds.
const MAX_OVER: i64 = 86_400;

/// The tunnels to close.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CloseTunnels {
    /// The condition that the tunnels meet, as in the `$filter` of their list. Required; an empty text means all tunnels
    /// of the gateway.
    pub(crate) filter: Option<String>,
    /// The seconds over which the ends are spread evenly: 0 to 86400, 0 if absent.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) over: Option<i64>,
}

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<CloseTunnels>);

/// Reads the body: the condition, and the time.
///
/// # Errors
/// Every fault of the body.
///
/// # Panics
/// If the normalized body does not fit the type, which would be a bug in [`super::shape`].
pub(crate) fn read(body: Value) -> Result<(String, Duration), Violations> {
    let mut violations = Violations::default();
    let body = expect_object(body, ROOT, &mut violations).unwrap_or_default();
    let body = normalize_object(body, &Level::resource(SHAPE.properties()), &mut violations);
    let CloseTunnels { filter, over } =
        serde_json::from_value(Value::Object(body)).expect("canonical properties fit their type");
    if filter.is_none() {
        let message = "The property 'filter' is required: the condition of the tunnels to close. An empty text means all \
                       tunnels of the gateway.";
        violations.push(code::INVALID_FORMAT, "filter", message);
    }
    let over = over.unwrap_or_default();
    if !(0..=MAX_OVER).contains(&over) {
        let message = format!("The value {over} of 'over' is outside of 0 to {MAX_OVER} seconds.");
        violations.push(code::INVALID_FORMAT, "over", message);
    }
    match filter {
        Some(filter) if violations.is_empty() => Ok((filter, Duration::from_secs(over.unsigned_abs()))),
        _ => Err(violations),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closing_has_a_filter_and_a_time() {
        let read = |body| {
            read(body).map_err(|violations| {
                violations.0.iter().map(|violation| violation.target.clone()).collect::<Vec<_>>()
            })
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            read(json!({"filter": "pool eq 'a'", "over": 10})),
            Ok(("pool eq 'a'".into(), seconds(10)))
        );
        assert_eq!(read(json!({"filter": ""})), Ok((String::new(), seconds(0))));
        for (body, target) in [
            (json!({}), "filter"),
            (json!({"filter": "", "over": -1}), "over"),
            (json!({"filter": "", "over": 86_401}), "over"),
            (json!({"filter": []}), "filter"),
        ] {
            assert!(read(body.clone()).unwrap_err().iter().any(|found| found.ends_with(target)), "{body}");
        }
    }
}
