//! Functions on encodings: base64, JSON and URIs.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Function, FunctionResult, text};

/// The prefix of a text as a data URI.
const DATA_URI: &str = "data:text/plain;charset=utf8;base64,";

pub(super) const TABLE: &[Function] = &[
    Function::new("base64", 1, 1, |v| Ok(STANDARD.encode(text(&v[0])?).into())),
    Function::new("base64ToJson", 1, 1, |v| parse(&from_base64(text(&v[0])?)?)),
    Function::new("base64ToString", 1, 1, |v| Ok(from_base64(text(&v[0])?)?.into())),
    Function::new("dataUri", 1, 1, |v| Ok(format!("{DATA_URI}{}", STANDARD.encode(text(&v[0])?)).into())),
    Function::new("dataUriToString", 1, 1, data_uri_to_string),
    Function::new("json", 1, 1, |v| parse(text(&v[0])?)),
    Function::new("uri", 2, 2, uri),
    Function::new("uriComponent", 1, 1, |v| Ok(escape(text(&v[0])?).into())),
    Function::new("uriComponentToString", 1, 1, |v| Ok(unescape(text(&v[0])?)?.into())),
];

fn from_base64(encoded: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| "the text is not base64.")?;
    String::from_utf8(bytes).map_err(|_| "the decoded bytes are not text.".to_owned())
}

fn parse(json: &str) -> FunctionResult {
    serde_json::from_str(json).map_err(|_| "the text is not JSON.".to_owned())
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

/// Resolves a relative URI: it replaces everything after the last slash of the base.
fn uri(values: &[Value]) -> FunctionResult {
    let (base, relative) = (text(&values[0])?, text(&values[1])?);
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    let authority_end = base[after_scheme..].find('/').map(|at| after_scheme + at);
    let relative_path = relative.trim_start_matches('/');
    Ok(match (authority_end, relative.starts_with('/')) {
        (None, _) => format!("{base}/{relative_path}"),
        (Some(end), true) => format!("{}/{relative_path}", &base[..end]),
        (Some(_), false) => format!("{}{relative}", &base[..=base.rfind('/').unwrap_or(0)]),
    }
    .into())
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes everything");
        }
        escaped
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "the decoded bytes are not text.".to_owned())
}
