//! Functions on URIs (RFC 3986): resolution, parts and percent-encoding.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{Function, FunctionResult, display, object, text};

pub(super) const TABLE: &[Function] = &[
    Function::new("buildUri", 1, 1, build),
    Function::new("parseUri", 1, 1, parse),
    Function::new("uri", 2, 2, |v| Ok(resolve(text(&v[0])?, text(&v[1])?).into())),
    Function::new("uriComponent", 1, 1, |v| Ok(escape(text(&v[0])?).into())),
    Function::new("uriComponentToString", 1, 1, |v| Ok(unescape(text(&v[0])?)?.into())),
];

/// Splits `scheme://authority/rest`; the authority is empty if there is no `//`.
fn split(uri: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let rest = rest.strip_prefix("//").filter(|_| is_scheme)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    Some((scheme, authority, rest))
}

/// Resolves a relative URI. The one difference to the RFC is documented by ARM: after a base that ends with a
/// slash, a slash at the start of the relative URI does not lead to the root.
fn resolve(base: &str, relative: &str) -> String {
    let Some((scheme, authority, rest)) = split(base).filter(|_| split(relative).is_none()) else {
        return match split(relative) {
            Some(_) => relative.to_owned(),
            None => format!("{}/{}", base.trim_end_matches('/'), relative.trim_start_matches('/')),
        };
    };
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (target, more) = relative.split_at(relative.find(['?', '#']).unwrap_or(relative.len()));
    let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    let joined = match target {
        "" => path.to_owned(),
        _ if path.ends_with('/') => format!("{path}{}", target.trim_start_matches('/')),
        _ if target.starts_with('/') => target.to_owned(),
        _ => format!("{folder}{target}"),
    };
    let slash = if joined.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{authority}{}{more}", without_dots(&format!("{slash}{joined}")))
}

/// Removes the segments `.` and `..` of a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        // Dots at the end leave the slash before them.
        match (is_dots, segments.peek()) {
            (false, _) => kept.push(segment),
            (true, None) => kept.push(""),
            (true, Some(_)) => {}
        }
    }
    format!("/{}", kept.join("/"))
}

fn parse(values: &[Value]) -> FunctionResult {
    let (scheme, authority, rest) = split(text(&values[0])?).ok_or("the text is not an absolute URI.")?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').map_or((rest, ""), |(path, query)| (path, query));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, Some(port.parse::<u16>().map_err(|_| "the port is not a number from 0 to 65535.")?))
        }
        _ => (host, None),
    };
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let mut parts = json!({"scheme": scheme, "host": host, "path": path, "query": query});
    if let Some(port) = port {
        parts["port"] = port.into();
    }
    Ok(parts)
}

fn build(values: &[Value]) -> FunctionResult {
    let parts = object(&values[0])?;
    let part = |name: &str| member(parts, name).map(display).unwrap_or_default();
    let (scheme, host) = (part("scheme"), part("host"));
    if scheme.is_empty() || host.is_empty() {
        return Err("the object needs a scheme and a host.".to_owned());
    }
    let before = |mark: &str, part: String| match part.is_empty() || part.starts_with(mark) {
        true => part,
        false => format!("{mark}{part}"),
    };
    let port = before(":", part("port"));
    let (path, query) = (before("/", part("path")), before("?", part("query")));
    Ok(format!("{scheme}://{host}{port}{path}{query}").into())
}

fn member<'m>(parts: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    parts.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
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

pub(super) fn unescape(text: &str) -> Result<String, String> {
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
