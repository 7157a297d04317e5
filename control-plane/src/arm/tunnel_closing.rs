//! The bodies of `closeTunnels` and of the `close` of one tunnel.

use std::sync::LazyLock;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::extension::CloseFrame;
use super::level::Level;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations, code};

/// The longest time over which tunnels are closed, in seconds.
const MAX_OVER: i64 = 86_400;

/// The property with the frame, and the word for none.
const CLOSE_FRAME: &str = "closeFrame";
const NONE: &str = "none";

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
    /// The Close frame (RFC 6455) that the clients receive before, in place of the one in the policy of their pool. `none`
    /// means that they receive none; the policy decides if absent.
    #[schemars(extend("x-off" = "none"))]
    pub(crate) close_frame: Option<CloseFrame>,
}

/// What the client of a tunnel is told before the tunnel is closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CloseTunnel {
    /// The Close frame (RFC 6455) that the client receives before, in place of the one in the policy of the pool. `none`
    /// means that it receives none; the policy decides if absent.
    #[schemars(extend("x-off" = "none"))]
    pub(crate) close_frame: Option<CloseFrame>,
}

/// The Close frame that a body asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AskedFrame {
    /// That of the policy.
    OfPolicy,
    Nothing,
    /// This one, whose values are not checked.
    Frame(CloseFrame),
}

static MANY: LazyLock<Shape> = LazyLock::new(Shape::of::<CloseTunnels>);
static ONE: LazyLock<Shape> = LazyLock::new(Shape::of::<CloseTunnel>);

/// Reads the body of `closeTunnels`: the condition, the time, and the frame.
///
/// # Errors
/// Every fault of the body, except for the values of the frame.
///
/// # Panics
/// If the normalized body does not fit the type, which would be a bug in [`super::shape`].
pub(crate) fn read_many(body: Value) -> Result<(String, Duration, AskedFrame), Violations> {
    let mut violations = Violations::default();
    let (CloseTunnels { filter, over, close_frame }, is_none) = read(body, &MANY, &mut violations);
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
        Some(filter) if violations.is_empty() => {
            Ok((filter, Duration::from_secs(over.unsigned_abs()), asked(close_frame, is_none)))
        }
        _ => Err(violations),
    }
}

/// Reads the body of the `close` of one tunnel: the frame.
///
/// # Errors
/// Every fault of the body, except for the values of the frame.
///
/// # Panics
/// If the normalized body does not fit the type, which would be a bug in [`super::shape`].
pub(crate) fn read_one(body: Value) -> Result<AskedFrame, Violations> {
    let mut violations = Violations::default();
    let (CloseTunnel { close_frame }, is_none) = read(body, &ONE, &mut violations);
    if violations.is_empty() { Ok(asked(close_frame, is_none)) } else { Err(violations) }
}

/// Reads a body. Also returns whether it says that there is no frame, which its type cannot say. Unknown properties are
/// violations.
fn read<T: DeserializeOwned>(body: Value, shape: &Shape, violations: &mut Violations) -> (T, bool) {
    let body = expect_object(body, ROOT, violations).unwrap_or_default();
    let is_none = says_none(&body);
    let body = normalize_object(body, &Level::resource(shape.properties()), violations);
    violations.refuse_warned(code::UNKNOWN_PROPERTY);
    (serde_json::from_value(Value::Object(body)).expect("canonical properties fit their type"), is_none)
}

fn says_none(body: &Map<String, Value>) -> bool {
    let frame = body.iter().find(|(name, _)| name.eq_ignore_ascii_case(CLOSE_FRAME));
    frame.and_then(|(_, value)| value.as_str()).is_some_and(|word| word.eq_ignore_ascii_case(NONE))
}

fn asked(frame: Option<CloseFrame>, is_none: bool) -> AskedFrame {
    match frame {
        Some(frame) => AskedFrame::Frame(frame),
        None if is_none => AskedFrame::Nothing,
        None => AskedFrame::OfPolicy,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closing_has_a_filter_a_time_and_a_frame() {
        let read = |body| {
            read_many(body).map_err(|violations| {
                violations.0.iter().map(|violation| violation.target.clone()).collect::<Vec<_>>()
            })
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            read(json!({"filter": "pool eq 'a'", "over": 10})),
            Ok(("pool eq 'a'".into(), seconds(10), AskedFrame::OfPolicy))
        );
        let none = Ok((String::new(), seconds(0), AskedFrame::Nothing));
        assert_eq!(read(json!({"filter": "", "CloseFrame": "None"})), none);
        for (body, target) in [
            (json!({}), "filter"),
            (json!({"filter": "", "over": -1}), "over"),
            (json!({"filter": "", "over": 86_401}), "over"),
            (json!({"filter": []}), "filter"),
            (json!({"filter": "", "unrelated": 1}), "unrelated"),
            (json!({"filter": "", "closeFrame": "some"}), "closeFrame"),
            (json!({"filter": "", "closeFrame": {"code": 1001, "cause": 1}}), "closeFrame.cause"),
        ] {
            assert!(read(body.clone()).unwrap_err().iter().any(|found| found.ends_with(target)), "{body}");
        }
    }

    #[test]
    fn the_closing_of_one_tunnel_may_have_a_frame() {
        let frame = CloseFrame { code: Some(1001), reason: Some("bye".into()) };
        for (body, expected) in [
            (json!({}), Ok(AskedFrame::OfPolicy)),
            (json!({"closeFrame": null}), Ok(AskedFrame::OfPolicy)),
            (json!({"closeFrame": "none"}), Ok(AskedFrame::Nothing)),
            (json!({"closeFrame": {"code": 1001, "reason": "bye"}}), Ok(AskedFrame::Frame(frame))),
            (json!({"filter": ""}), Err(())),
        ] {
            assert_eq!(read_one(body.clone()).map_err(drop), expected, "{body}");
        }
    }
}
