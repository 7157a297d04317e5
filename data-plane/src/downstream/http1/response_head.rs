//! The head of a response as it is written to a client of HTTP/1.1 or HTTP/1.0, and the framing of its body. Pure,
//! apart from the date.
//!
//! Trailers are sent only to clients that have said `TE: trailers` (RFC 9110, section 6.5.1): others may discard
//! them, and some do not expect them at all.

use std::io::Write;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version, request, response};
use hyper::ext::ReasonPhrase;
use tidegate_http1::{Known, ResponseHead};

use super::date;

/// What the head of a request says about the response to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// True for HTTP/1.0, which knows neither chunks nor interim responses.
    pub(crate) is_old: bool,
    pub(crate) is_head: bool,
    /// True if the client wants to send another request.
    pub(crate) keep_alive: bool,
    /// True if the client accepts trailers.
    pub(crate) takes_trailers: bool,
}

impl Asked {
    /// Reads the head of a request. `keep_alive` is what it says about its connection.
    pub(crate) fn by(request: &request::Parts, keep_alive: bool) -> Asked {
        let is_old = request.version == Version::HTTP_10;
        Asked {
            is_old,
            is_head: request.method == Method::HEAD,
            keep_alive,
            takes_trailers: !is_old && has_token(&request.headers, TE, b"trailers"),
        }
    }

    /// Returns what a client is told whose request is rejected: nothing is known but the method.
    pub(crate) fn by_refused(method: &Method) -> Asked {
        Asked { is_old: false, is_head: *method == Method::HEAD, keep_alive: false, takes_trailers: false }
    }
}

/// What is known of the length of a body before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is no body, or an empty one.
    Empty,
    Known(u64),
    Unknown,
}

/// How the body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// This number of bytes; 0 for no body.
    Length(u64),
    Chunked,
    /// The end of the connection is that of the body.
    UntilClose,
}

/// How a response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseFraming {
    pub(crate) body: BodyFraming,
    /// True if the connection may carry another request.
    pub(crate) keep_alive: bool,
}

/// Returns true if a client of this version knows interim responses.
pub(super) fn knows_interim(version: Version) -> bool {
    version != Version::HTTP_10
}

/// Writes the head of a response, and returns how the body behind it must be sent.
pub(crate) fn write(
    response: &response::Parts,
    length: Length,
    asked: Asked,
    out: &mut Vec<u8>,
) -> ResponseFraming {
    let status = response.status;
    write_first_line(response, asked.is_old, out);
    let body = framing(status, length, asked);
    let is_switch = status == StatusCode::SWITCHING_PROTOCOLS;
    let closes = body == BodyFraming::UntilClose || has_token(&response.headers, CONNECTION, b"close");
    let keep_alive = asked.keep_alive && !closes && !is_switch;
    let mut has_date = false;
    for (name, value) in &response.headers {
        // Those of framing are written below.
        if *name == CONNECTION || *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            continue;
        }
        has_date |= *name == DATE;
        write_field(name.as_str().as_bytes(), value.as_bytes(), out);
    }
    write_connection(&response.headers, asked, keep_alive || is_switch, out);
    write_framing(response, length, body, asked, out);
    if !has_date {
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    ResponseFraming { body, keep_alive }
}

/// Writes an interim response of a backend (RFC 9110, section 15.2) without what belongs to its connection.
pub(super) fn write_interim(head: &ResponseHead, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    for (name, value) in head.fields.iter() {
        let is_nominated =
            || head.fields.list(Known::Connection).any(|item| item.eq_ignore_ascii_case(name.as_bytes()));
        if !name.known().is_some_and(is_hop_by_hop) && !is_nominated() {
            write_field(name.as_bytes(), value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Returns true for the fields of one connection (RFC 9110, section 7.6.1), and those of framing.
fn is_hop_by_hop(name: Known) -> bool {
    matches!(
        name,
        Known::Connection
            | Known::ContentLength
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Te
            | Known::Trailer
            | Known::TransferEncoding
            | Known::Upgrade
    )
}

/// Writes the last chunk and the trailers.
pub(crate) fn write_trailers(trailers: &HeaderMap, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        write_field(name.as_str().as_bytes(), value.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_first_line(response: &response::Parts, is_old: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if is_old { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(response.status.as_str().as_bytes());
    out.push(b' ');
    match response.extensions.get::<ReasonPhrase>() {
        Some(reason) => out.extend_from_slice(reason.as_bytes()),
        None => {
            let reason = response.status.canonical_reason().unwrap_or("<none>");
            out.extend_from_slice(reason.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Writes `Connection` with what the response says itself, and with what the client must know.
fn write_connection(headers: &HeaderMap, asked: Asked, keep_alive: bool, out: &mut Vec<u8>) {
    let said = || headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    let word: Option<&[u8]> = match (keep_alive, asked.is_old) {
        (false, false) => Some(b"close"),
        (true, true) => Some(b"keep-alive"),
        (true, false) | (false, true) => None,
    };
    let word = word.filter(|word| !has_token(headers, CONNECTION, word));
    let mut lead: &[u8] = b"connection: ";
    for value in said().chain(word) {
        out.extend_from_slice(lead);
        out.extend_from_slice(value);
        lead = b", ";
    }
    if lead == b", " {
        out.extend_from_slice(b"\r\n");
    }
}

/// Decides how the body is sent (RFC 9112, section 6).
fn framing(status: StatusCode, length: Length, asked: Asked) -> BodyFraming {
    match length {
        _ if asked.is_head || !has_body(status) => BodyFraming::Length(0),
        Length::Empty => BodyFraming::Length(0),
        Length::Known(bytes) => BodyFraming::Length(bytes),
        Length::Unknown if asked.is_old => BodyFraming::UntilClose,
        Length::Unknown => BodyFraming::Chunked,
    }
}

/// Returns false for a status whose responses have no body and no length.
fn has_body(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn write_framing(
    response: &response::Parts,
    length: Length,
    body: BodyFraming,
    asked: Asked,
    out: &mut Vec<u8>,
) {
    if !has_body(response.status) {
        return;
    }
    match body {
        // The length that a GET would have had, if it is known.
        BodyFraming::Length(_) if asked.is_head => {
            let said = response.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
            match (said, length) {
                (Some(said), _) => write_field(b"content-length", said, out),
                (None, Length::Known(bytes)) => write_length(bytes, out),
                (None, Length::Empty | Length::Unknown) => {}
            }
        }
        BodyFraming::Length(bytes) => write_length(bytes, out),
        BodyFraming::Chunked => write_field(b"transfer-encoding", b"chunked", out),
        BodyFraming::UntilClose => {}
    }
}

fn write_length(bytes: u64, out: &mut Vec<u8>) {
    write!(out, "content-length: {bytes}\r\n").expect("a vector takes everything");
}

/// Returns true if a comma-separated header contains `token`, compared without case.
fn has_token(headers: &HeaderMap, name: http::HeaderName, token: &[u8]) -> bool {
    let values = headers.get_all(name).into_iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests;
