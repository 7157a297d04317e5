//! The function `format`: placeholders with widths, and the number formats of .NET in its invariant culture.

use serde_json::Value;

use super::{ANY, Function, FunctionResult, Text, display, text};

pub(super) const TABLE: &[Function] = &[Function::new("format", 1, ANY, format)];

/// The maximum number of digits that a format can ask for.
const MAX_DIGITS: usize = 99;

/// Formats `{0}`, `{0,8}` and `{0:D3}`; doubled braces are literal ones.
fn format(values: &[Value]) -> FunctionResult {
    let pattern = text(&values[0])?;
    let mut whole = Text::default();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        whole.push(&rest[..at])?;
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if rest.starts_with(brace) {
            whole.push(brace)?;
            rest = &rest[1..];
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{").ok_or("a brace of the format is not matched.")?;
        whole.push(&placed(&rest[..end], &values[1..])?)?;
        rest = &rest[end + 1..];
    }
    whole.push(rest)?;
    Ok(whole.into())
}

fn placed(item: &str, values: &[Value]) -> Result<String, String> {
    let (head, style) = item.split_once(':').unwrap_or((item, ""));
    let (index, width) = head.split_once(',').unwrap_or((head, "0"));
    let value = index.trim().parse().ok().and_then(|index: usize| values.get(index));
    let value = value.ok_or_else(|| format!("'{{{item}}}' refers to no argument."))?;
    let plain = match value {
        Value::Number(_) if !style.is_empty() => styled(value, style).ok_or_else(|| {
            format!(
                "the format '{style:.40}' is not supported: use D, F, N, X with a number of digits, or 0.00."
            )
        })?,
        // A format is for numbers only, and does not matter for other values.
        other => display(other),
    };
    let width: i64 = width.trim().parse().map_err(|_| format!("'{width}' is not a width."))?;
    let columns = usize::try_from(width.unsigned_abs()).unwrap_or(0).min(1000);
    Ok(if width < 0 { format!("{plain:<columns$}") } else { format!("{plain:>columns$}") })
}

/// Formats a number; `None` if the format is unknown, or is one of integers and the number is not one.
fn styled(value: &Value, style: &str) -> Option<String> {
    if style.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        let (whole, fraction) = style.split_once('.').unwrap_or((style, ""));
        let is_plain = !fraction.contains('.') && style.len() <= MAX_DIGITS;
        return is_plain
            .then(|| fixed(value, fraction.len()))
            .flatten()
            .map(|plain| padded(&plain, whole.len()));
    }
    let (letter, digits) = style.split_at_checked(1)?;
    let digits = match digits {
        "" => None,
        digits => Some(digits.parse().ok().filter(|digits| *digits <= MAX_DIGITS)?),
    };
    match letter {
        "d" | "D" => Some(padded(&value.as_i64()?.to_string(), digits.unwrap_or(1))),
        "x" => Some(format!("{:0width$x}", value.as_i64()?, width = digits.unwrap_or(1))),
        "X" => Some(format!("{:0width$X}", value.as_i64()?, width = digits.unwrap_or(1))),
        "f" | "F" => fixed(value, digits.unwrap_or(2)),
        "n" | "N" => fixed(value, digits.unwrap_or(2)).map(|plain| grouped(&plain)),
        "g" | "G" if digits.is_none() => Some(display(value)),
        _ => None,
    }
}

/// Formats a number with this many digits after the point.
fn fixed(value: &Value, digits: usize) -> Option<String> {
    match (value.as_i64(), value.as_f64()) {
        (Some(number), _) if digits == 0 => Some(number.to_string()),
        (Some(number), _) => Some(format!("{number}.{:0<digits$}", "")),
        (None, Some(number)) => Some(format!("{number:.digits$}")),
        (None, None) => None,
    }
}

/// Adds zeros until there are this many digits before the point.
fn padded(plain: &str, digits: usize) -> String {
    let (sign, rest) = sign_of(plain);
    let whole = rest.find('.').unwrap_or(rest.len());
    format!("{sign}{}{rest}", "0".repeat(digits.saturating_sub(whole)))
}

/// Separates thousands.
fn grouped(plain: &str) -> String {
    let (sign, rest) = sign_of(plain);
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut grouped = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

fn sign_of(plain: &str) -> (&str, &str) {
    plain.split_at(usize::from(plain.starts_with('-')))
}
