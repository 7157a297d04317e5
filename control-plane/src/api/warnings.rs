//! The warnings of a request, in a header of its response.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::violation::Warnings;

const WARNINGS: HeaderName = HeaderName::from_static("x-tidegate-warnings");

/// The maximum length of the header's value, in bytes. Clients and proxies limit the size of a head.
const MAX_LENGTH: usize = 2048;

/// Returns the header with the warnings, each with its JSON path; none if there are no warnings.
///
/// Characters that a header cannot contain are percent-encoded, and `%` too. Warnings beyond the maximum length are
/// counted only.
pub(super) fn header(warnings: &Warnings) -> HeaderMap {
    header_of(warnings.iter().map(|warning| (warning.target.as_str(), warning.message.as_str())).collect())
}

/// Returns the header with stored warnings, which are a list of objects.
pub(super) fn header_of_stored(warnings: Option<&Value>) -> HeaderMap {
    let list = warnings.and_then(Value::as_array).into_iter().flatten();
    let text = |warning: &'_ Value, name: &str| warning[name].as_str().unwrap_or_default().to_owned();
    let pairs: Vec<_> = list.map(|one| (text(one, "target"), text(one, "message"))).collect();
    header_of(pairs.iter().map(|(target, message)| (target.as_str(), message.as_str())).collect())
}

fn header_of(warnings: Vec<(&str, &str)>) -> HeaderMap {
    let mut line = String::new();
    let mut left = warnings.len();
    for (target, message) in warnings {
        let text = encoded(&format!("{target}: {message}"));
        if line.len() + text.len() > MAX_LENGTH {
            break;
        }
        let separator = if line.is_empty() { "" } else { "; " };
        line.push_str(separator);
        line.push_str(&text);
        left -= 1;
    }
    if left > 0 {
        let separator = if line.is_empty() { "" } else { "; " };
        let _ = write!(line, "{separator}and {left} more");
    }
    let value = HeaderValue::try_from(line).ok().filter(|value| !value.is_empty());
    value.map(|value| (WARNINGS, value)).into_iter().collect()
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::Violations;

    fn value(warnings: &[(&str, &str)]) -> Option<String> {
        let mut violations = Violations::default();
        for (target, message) in warnings {
            violations.warn("Code", *target, *message);
        }
        let headers = header(violations.warnings());
        headers.get(WARNINGS).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn warnings_are_one_line_that_a_header_can_hold() {
        assert_eq!(value(&[]), None);
        assert_eq!(
            value(&[("a", "One."), ("b.ü", "100 %\r\n")]).unwrap(),
            "a: One.; b.%C3%BC: 100 %25%0D%0A"
        );
        let long = "x".repeat(1500);
        assert_eq!(
            value(&[("a", "One."), ("b", &long), ("c", &long)]).unwrap(),
            format!("a: One.; b: {long}; and 1 more")
        );
        assert_eq!(value(&[("b", &"x".repeat(9999))]).unwrap(), "and 1 more");
    }
}
