//! Conversions from and to the types of the crate `http`, which HTTP/2 uses. Pure.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, Uri, Version, request, response};

use crate::fields::Fields;
use crate::framing::{BodyLength, Framing};
use crate::head::{RequestHead, ResponseHead};
use crate::known::Known;
use crate::line::is_length;

impl From<&HeaderMap> for Fields {
    /// Names are in lower case, and the lines of one name are neighbours.
    fn from(map: &HeaderMap) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in map {
            fields.append(name, value.as_bytes());
        }
        fields
    }
}

impl From<Fields> for HeaderMap {
    /// The values share the bytes of the lines.
    fn from(mut fields: Fields) -> HeaderMap {
        let bytes = Bytes::from(fields.take_bytes());
        map_of(&fields, &bytes)
    }
}

fn map_of(fields: &Fields, bytes: &Bytes) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields.spans() {
        // Both are valid: the scanner and `append` let nothing else in.
        let name = HeaderName::from_bytes(&bytes[name]);
        let value = HeaderValue::from_maybe_shared(bytes.slice(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

impl RequestHead {
    /// Returns the head of a request in the form of HTTP/1.1. The target is in origin form, and the authority
    /// of the URI is dropped. The framing is that of the fields: a body without a length needs
    /// [`Fields::set_body`].
    pub fn from_http(parts: &request::Parts) -> RequestHead {
        let mut head = RequestHead { method: parts.method.clone(), ..RequestHead::default() };
        (head.version, head.fields) = (version_of(parts.version), Fields::from(&parts.headers));
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        head.target = head.fields.push_text(target.as_bytes());
        head.framing = framing(&head.fields, head.version);
        head
    }
}

impl From<RequestHead> for request::Parts {
    /// A target that is no URI becomes `/`; the scanner accepts none.
    fn from(mut head: RequestHead) -> request::Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        let target = head.fields.text(head.target).len();
        let start = head.target.start as usize;
        let bytes = Bytes::from(head.fields.take_bytes());
        if target > 0 {
            parts.uri = Uri::from_maybe_shared(bytes.slice(start..start + target)).unwrap_or_default();
        }
        parts.headers = map_of(&head.fields, &bytes);
        (parts.method, parts.version) = (head.method, head.version);
        parts
    }
}

impl ResponseHead {
    /// Returns the head of a response in the form of HTTP/1.1. The framing is that of the fields, for a
    /// response to a method that has a body: a body without a length needs [`Fields::set_body`].
    pub fn from_http(parts: &response::Parts) -> ResponseHead {
        let mut head = ResponseHead::new(parts.status);
        (head.version, head.fields) = (version_of(parts.version), Fields::from(&parts.headers));
        head.framing = framing(&head.fields, head.version);
        head
    }
}

impl From<ResponseHead> for response::Parts {
    /// The reason phrase is lost.
    fn from(head: ResponseHead) -> response::Parts {
        let (mut parts, ()) = Response::new(()).into_parts();
        (parts.status, parts.version) = (head.status, head.version);
        parts.headers = head.fields.into();
        parts
    }
}

fn version_of(version: Version) -> Version {
    if version == Version::HTTP_10 { Version::HTTP_10 } else { Version::HTTP_11 }
}

/// Returns the framing that valid fields define.
fn framing(fields: &Fields, version: Version) -> Framing {
    let length = fields.get(Known::ContentLength).filter(|length| is_length(length));
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
    let body = match length {
        _ if fields.has(Known::TransferEncoding) => BodyLength::Chunked,
        None | Some(0) => BodyLength::None,
        Some(length) => BodyLength::Bytes(length),
    };
    Framing { body, keep_alive: fields.keep_alive(version == Version::HTTP_10) }
}

#[cfg(test)]
mod tests;
