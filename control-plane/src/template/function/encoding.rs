//! Functions on encodings: base64, JSON and data URIs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::uri::unescape;
use super::{Function, FunctionResult, text};
use crate::arm::relaxed_json::strict;

/// The prefix of a text as a data URI.
const DATA_URI: &str = "data:text/plain;charset=utf8;base64,";

pub(super) const TABLE: &[Function] = &[
    Function::new("base64", 1, 1, |v| Ok(STANDARD.encode(text(&v[0])?).into())),
    Function::new("base64ToJson", 1, 1, |v| parse(&from_base64(text(&v[0])?)?)),
    Function::new("base64ToString", 1, 1, |v| Ok(from_base64(text(&v[0])?)?.into())),
    Function::new("dataUri", 1, 1, |v| Ok(format!("{DATA_URI}{}", STANDARD.encode(text(&v[0])?)).into())),
    Function::new("dataUriToString", 1, 1, data_uri_to_string),
    Function::new("json", 1, 1, |v| parse(text(&v[0])?)),
];

fn from_base64(encoded: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| "the text is not base64.")?;
    String::from_utf8(bytes).map_err(|_| "the decoded bytes are not text.".to_owned())
}

/// Reads JSON, also in the relaxed form that ARM takes.
fn parse(json: &str) -> FunctionResult {
    let read = serde_json::from_str(json).or_else(|_| serde_json::from_str(&strict(json)));
    read.map_err(|_| "the text is not JSON.".to_owned())
}

fn data_uri_to_string(values: &[Value]) -> FunctionResult {
    let wrong = "the text is not a data URI.";
    let (head, data) =
        text(&values[0])?.strip_prefix("data:").and_then(|r| r.split_once(',')).ok_or(wrong)?;
    if head.to_ascii_lowercase().ends_with(";base64") {
        return Ok(from_base64(data)?.into());
    }
    Ok(unescape(data)?.into())
}
