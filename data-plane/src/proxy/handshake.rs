//! The WebSocket opening handshake: the requests that ask for it by HTTP/1.1 (RFC 6455, section 4) or HTTP/2 (RFC
//! 8441), and the check of the response. Pure. Backends receive it by HTTP/1.1 only.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::ext::Protocol;

use super::headers::has_token;
use crate::thread::Thread;

/// The headers of a handshake that must reach the backend (RFC 6455, section 4.1).
const END_TO_END: [HeaderName; 4] =
    [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_EXTENSIONS];

/// A running handshake, with the response that the backend must send.
#[derive(Debug)]
pub(crate) struct Handshake {
    accept: String,
    /// True if the client sent an extended CONNECT: it has sent no key and waits for a 200.
    extended: bool,
}

impl Handshake {
    /// Returns the handshake that a request asks for. Anything else (another protocol, a body, a missing key) is an
    /// ordinary request, and the gateway ignores its `Upgrade` (RFC 9110, section 7.8). A handshake by HTTP/2 is
    /// converted to HTTP/1.1, with a key from `key`.
    pub(crate) fn asked_by<B>(
        request: &mut Request<B>,
        key: impl FnOnce() -> HeaderValue,
    ) -> Option<Handshake> {
        if request.version() == Version::HTTP_2 {
            request.extensions_mut().remove::<Protocol>()?;
            let key = key();
            let accept = accept(key.as_bytes());
            request.headers_mut().insert(SEC_WEBSOCKET_KEY, key);
            return Some(Handshake { accept, extended: true });
        }
        let headers = request.headers();
        let wants = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && has_token(headers, &UPGRADE, "websocket")
            && has_token(headers, &CONNECTION, "upgrade")
            && !headers.contains_key(TRANSFER_ENCODING)
            && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
        match (keys.next(), keys.next()) {
            (Some(key), None) if wants => Some(Handshake { accept: accept(key.as_bytes()), extended: false }),
            _ => None,
        }
    }

    /// Returns true if the `Connection` header names a header of the handshake. A proxy removes those (RFC 9110,
    /// section 7.6.1), and the backend would get a handshake without them.
    pub(crate) fn loses_headers(headers: &HeaderMap) -> bool {
        END_TO_END.iter().any(|name| has_token(headers, &CONNECTION, name.as_str()))
    }

    /// Sets the `Connection` and `Upgrade` headers of a handshake for the next hop.
    pub(crate) fn ask(headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }

    /// Returns the fault in the headers of a 101. A backend that sends 101 without having understood the handshake
    /// would misread the client's frames.
    pub(crate) fn fault(&self, headers: &HeaderMap) -> Option<&'static str> {
        let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
        if !has_token(headers, &UPGRADE, "websocket") {
            Some("without Upgrade: websocket")
        } else if !has_token(headers, &CONNECTION, "upgrade") {
            Some("without Connection: Upgrade")
        } else if accepts.next().is_none_or(|value| value.as_bytes() != self.accept.as_bytes())
            || accepts.next().is_some()
        {
            Some("with a wrong Sec-WebSocket-Accept")
        } else {
            None
        }
    }
}

impl Handshake {
    /// Converts a valid 101 to the response that the client expects.
    pub(crate) fn conclude<B>(&self, response: &mut Response<B>) {
        if self.extended {
            *response.status_mut() = StatusCode::OK;
            response.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
        }
    }

    /// Returns true if the client would take a response without 101 for success: after an extended CONNECT, every 2xx
    /// means success.
    pub(crate) fn is_mistaken_for_open<B>(&self, response: &Response<B>) -> bool {
        self.extended && response.status().is_success()
    }
}

/// Returns a new `Sec-WebSocket-Key`: 16 random bytes in base64.
pub(crate) fn key(thread: &Thread) -> HeaderValue {
    let nonce = thread.random.borrow_mut().u128(..).to_ne_bytes();
    HeaderValue::from_str(&STANDARD.encode(nonce)).expect("base64 is a header value")
}

fn accept(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn request(method: Method, pairs: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        for (name, value) in pairs {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn only_a_whole_websocket_handshake_is_one() {
        let key = ("sec-websocket-key", KEY);
        let cases: &[(Method, &[(&'static str, &'static str)], bool)] = &[
            (Method::GET, &[("connection", "Upgrade"), ("upgrade", "websocket"), key], true),
            (Method::GET, &[("connection", "keep-alive, upgrade"), ("upgrade", "WebSocket"), key], true),
            (
                Method::GET,
                &[("connection", "Upgrade"), ("upgrade", "websocket"), ("content-length", "0"), key],
                true,
            ),
            (Method::POST, &[("connection", "Upgrade"), ("upgrade", "websocket"), key], false),
            (Method::GET, &[("upgrade", "websocket"), key], false),
            (Method::GET, &[("connection", "Upgrade"), ("upgrade", "h2c"), key], false),
            (Method::GET, &[("connection", "Upgrade"), ("upgrade", "websocket")], false),
            (Method::GET, &[("connection", "Upgrade"), ("upgrade", "websocket"), key, key], false),
            (
                Method::GET,
                &[("connection", "Upgrade"), ("upgrade", "websocket"), ("content-length", "1"), key],
                false,
            ),
            (
                Method::GET,
                &[("connection", "Upgrade"), ("upgrade", "websocket"), ("transfer-encoding", "chunked"), key],
                false,
            ),
        ];
        for (method, pairs, expected) in cases {
            assert_eq!(
                Handshake::asked_by(&mut request(method.clone(), pairs), || unreachable!()).is_some(),
                *expected,
                "{method} {pairs:?}"
            );
        }
    }

    #[test]
    fn connection_names_no_header_of_the_handshake() {
        for (connection, loses) in [
            ("Upgrade", false),
            ("Upgrade, Sec-WebSocket", false),
            ("Upgrade, Sec-WebSocket-Key", true),
            ("sec-websocket-version, upgrade", true),
            ("Upgrade,sec-websocket-PROTOCOL", true),
            ("Upgrade, X, Sec-WebSocket-Extensions", true),
        ] {
            let asked = request(Method::GET, &[("connection", connection)]);
            assert_eq!(Handshake::loses_headers(asked.headers()), loses, "{connection}");
        }
    }

    #[test]
    fn only_the_right_accept_value_opens_the_tunnel() {
        let mut asked = request(
            Method::GET,
            &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", KEY)],
        );
        let handshake = Handshake::asked_by(&mut asked, || unreachable!()).unwrap();
        let cases: &[(&[(&'static str, &'static str)], bool)] = &[
            (&[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)], true),
            (&[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", KEY)], false),
            (&[("connection", "upgrade"), ("upgrade", "websocket")], false),
            (&[("connection", "upgrade"), ("upgrade", "h2c"), ("sec-websocket-accept", ACCEPT)], false),
            (&[("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)], false),
        ];
        for (pairs, good) in cases {
            let headers = request(Method::GET, pairs).headers().clone();
            assert_eq!(handshake.fault(&headers).is_none(), *good, "{pairs:?}");
        }
    }
}
