//! Documents as cells of tables. Pure.

use jiff::{SpanRound, Timestamp, Unit};
use serde_json::Value;

use crate::output::{Cell, Tone};

/// Returns a value as a short text: a reference as the name that it refers to, a list by its members.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => match text.starts_with("/subscriptions/") {
            true => text.rsplit('/').next().unwrap_or_default().to_owned(),
            false => text.clone(),
        },
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(object) => {
            let known = ["name", "fqdn", "ipAddress", "id"].iter().find_map(|name| object.get(*name));
            known.map(text).unwrap_or_default()
        }
        Value::Number(number) => number.to_string(),
    }
}

/// Returns the state of a resource with the colour of its meaning.
pub(super) fn state(document: &Value) -> Cell {
    let state = document["properties"]["provisioningState"].as_str().unwrap_or_default();
    Cell::new(state, tone(state))
}

/// The meaning of a state of a gateway, a member or a worker.
pub(super) fn tone(state: &str) -> Tone {
    match state.to_ascii_lowercase().as_str() {
        "succeeded" | "running" | "up" | "serving" | "connected" | "yes" | "open" => Tone::Good,
        "failed" | "down" | "no" | "rejected" | "disconnected" => Tone::Bad,
        "updating" | "deleting" | "partial" | "unknown" | "draining" | "drained" | "starting"
        | "stopping" | "closing" => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// Returns how long ago a time is, such as `3d`, `2h` or `5s`.
pub(super) fn age(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map(|time| seconds(now.duration_since(time).as_secs())).unwrap_or_default()
}

/// Returns a number of seconds in the largest two units, such as `3d 4h` or `5s`.
pub(super) fn seconds(seconds: i64) -> String {
    let round = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let Ok(span) = jiff::Span::new().try_seconds(seconds.max(0)).and_then(|span| span.round(round)) else {
        return String::new();
    };
    let parts = [
        (i64::from(span.get_days()), "d"),
        (i64::from(span.get_hours()), "h"),
        (span.get_minutes(), "m"),
        (span.get_seconds(), "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let shown = parts[first..].iter().take(2).filter(|(count, unit)| *count > 0 || *unit == "s");
    let shown: Vec<String> = shown.map(|(count, unit)| format!("{count}{unit}")).collect();
    // `3d 0s` says no more than `3d`.
    shown.iter().take_while(|part| *part != "0s" || shown.len() == 1).cloned().collect::<Vec<_>>().join(" ")
}

/// Returns a number of bytes with a unit, such as `2.0 KiB`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let (mut size, mut unit) = (number as f64 / 1024.0, 0);
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_people_name_them() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(true), "yes"),
            (json!(7), "7"),
            (json!("Https"), "Https"),
            (json!({"id": "/subscriptions/s/x/frontendPorts/web"}), "web"),
            (json!([{"ipAddress": "10.0.0.1"}, {"fqdn": "a.example"}]), "10.0.0.1, a.example"),
            (json!([{"name": "one", "id": "/subscriptions/s/two"}]), "one"),
            (json!(["a", "b"]), "a, b"),
        ] {
            assert_eq!(text(&value), expected, "{value}");
        }
    }

    #[test]
    fn bytes_have_one_unit() {
        for (given, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (2048, "2.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(given), expected, "{given}");
        }
    }

    #[test]
    fn times_have_two_units() {
        for (given, expected) in [
            (0, "0s"),
            (5, "5s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3600, "1h"),
            (7_260, "2h 1m"),
            (86_400 * 3 + 3_601, "3d 1h"),
            (86_400 * 400, "400d"),
            (-5, "0s"),
        ] {
            assert_eq!(seconds(given), expected, "{given}");
        }
    }
}
