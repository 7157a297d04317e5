//! The head of a response as it is written to a client of HTTP/1.1 or HTTP/1.0, and the framing of its body. Pure,
//! apart from the date.
//!
//! Trailers are sent only to clients that have said `TE: trailers` (RFC 9110, section 6.5.1): others may discard
//! them, and some do not expect them at all.

use http::{Method, StatusCode, Version};
use tidegate_http1::{BodyLength, Fields, Known, RequestHead, ResponseHead};

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
    /// Reads the head of a request.
    pub(crate) fn by(request: &RequestHead) -> Asked {
        let is_old = request.version == Version::HTTP_10;
        Asked {
            is_old,
            is_head: request.method == Method::HEAD,
            keep_alive: request.framing.keep_alive,
            takes_trailers: !is_old && request.fields.lists(Known::Te, b"trailers"),
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

/// Writes the head of a response with its framing, and returns how the body behind it must be sent.
pub(crate) fn write(
    head: &mut ResponseHead,
    length: Length,
    asked: Asked,
    out: &mut Vec<u8>,
) -> ResponseFraming {
    head.version = if asked.is_old { Version::HTTP_10 } else { Version::HTTP_11 };
    let body = framing(head.status, length, asked);
    let is_switch = head.status == StatusCode::SWITCHING_PROTOCOLS;
    let closes = body == BodyFraming::UntilClose || head.fields.lists(Known::Connection, b"close");
    let keep_alive = asked.keep_alive && !closes && !is_switch;
    set_connection(&mut head.fields, asked, keep_alive || is_switch);
    set_framing(head, length, body, asked);
    if !head.fields.has(Known::Date) {
        date::with(|now| head.fields.append_all(now));
    }
    head.write(out);
    ResponseFraming { body, keep_alive }
}

/// Writes an interim response of a backend (RFC 9110, section 15.2) without what belongs to its connection.
pub(super) fn write_interim(head: &ResponseHead, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    let mut fields = head.fields.clone();
    fields.remove_nominated(&[]);
    fields.remove_each(Known::HOP_BY_HOP);
    fields.set_body(BodyLength::None);
    fields.write(out);
}

/// Adds to `Connection` what the client must know.
fn set_connection(fields: &mut Fields, asked: Asked, keep_alive: bool) {
    let word: &[u8] = match (keep_alive, asked.is_old) {
        (false, false) => b"close",
        (true, true) => b"keep-alive",
        (true, false) | (false, true) => return,
    };
    if !fields.lists(Known::Connection, word) {
        fields.join(Known::Connection, b", ", Some(word));
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

fn set_framing(head: &mut ResponseHead, length: Length, body: BodyFraming, asked: Asked) {
    head.fields.set_body(match (body, length) {
        _ if !has_body(head.status) => BodyLength::None,
        // The length that a GET would have had, if it is known.
        (BodyFraming::Length(_), _) if asked.is_head && head.fields.has(Known::ContentLength) => {
            head.fields.remove(Known::TransferEncoding);
            return;
        }
        (BodyFraming::Length(_), Length::Known(bytes)) if asked.is_head => BodyLength::Bytes(bytes),
        (BodyFraming::Length(_), _) if asked.is_head => BodyLength::None,
        (BodyFraming::Length(bytes), _) => BodyLength::Bytes(bytes),
        (BodyFraming::Chunked, _) => BodyLength::Chunked,
        (BodyFraming::UntilClose, _) => BodyLength::UntilClose,
    });
}

#[cfg(test)]
mod tests;
