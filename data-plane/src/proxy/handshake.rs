//! The WebSocket opening handshake: the requests that ask for it by HTTP/1.1 (RFC 6455, section 4) or HTTP/2 (RFC
//! 8441), and the check of the response. Pure. Backends receive it by HTTP/1.1 only.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, Version};
use tidegate_http1::{Fields, Known, RequestHead, ResponseHead};

use crate::thread::Thread;

/// The headers of a handshake that must reach the backend (RFC 6455, section 4.1).
const END_TO_END: [Known; 4] = [
    Known::SecWebsocketKey,
    Known::SecWebsocketVersion,
    Known::SecWebsocketProtocol,
    Known::SecWebsocketExtensions,
];

/// A running handshake, with the response that the backend must send.
#[derive(Debug)]
pub(crate) struct Handshake {
    accept: String,
    /// True if the client sent an extended CONNECT: it has sent no key and waits for a 200.
    extended: bool,
}

impl Handshake {
    /// Returns the handshake that a request asks for. Anything else (another protocol, a body, a missing key) is an
    /// ordinary request, and the gateway ignores its `Upgrade` (RFC 9110, section 7.8). An extended CONNECT of HTTP/2
    /// (`is_extended`) is given a key from `key`.
    pub(crate) fn asked_by(
        head: &mut RequestHead,
        is_extended: bool,
        key: impl FnOnce() -> String,
    ) -> Option<Handshake> {
        if is_extended {
            let key = key();
            head.fields.set(Known::SecWebsocketKey, key.as_bytes());
            return Some(Handshake { accept: accept(key.as_bytes()), extended: true });
        }
        let fields = &head.fields;
        let wants = head.method == Method::GET
            && head.version == Version::HTTP_11
            && fields.lists(Known::Upgrade, b"websocket")
            && fields.lists(Known::Connection, b"upgrade")
            && !fields.has(Known::TransferEncoding)
            && fields.get(Known::ContentLength).is_none_or(|length| length == b"0");
        let mut keys = fields.get_all(Known::SecWebsocketKey);
        match (keys.next(), keys.next()) {
            (Some(key), None) if wants => Some(Handshake { accept: accept(key), extended: false }),
            _ => None,
        }
    }

    /// Returns true if the `Connection` header names a header of the handshake. A proxy removes those (RFC 9110,
    /// section 7.6.1), and the backend would get a handshake without them.
    pub(crate) fn loses_headers(fields: &Fields) -> bool {
        let is_end_to_end =
            |item: &[u8]| END_TO_END.iter().any(|name| item.eq_ignore_ascii_case(name.as_str().as_bytes()));
        fields.list(Known::Connection).any(is_end_to_end)
    }

    /// Sets the `Connection` and `Upgrade` headers of a handshake for the next hop.
    pub(crate) fn ask(fields: &mut Fields) {
        fields.set(Known::Connection, b"Upgrade");
        fields.set(Known::Upgrade, b"websocket");
    }

    /// Returns the fault in the headers of a 101. A backend that sends 101 without having understood the handshake
    /// would misread the client's frames.
    pub(crate) fn fault(&self, fields: &Fields) -> Option<&'static str> {
        let mut accepts = fields.get_all(Known::SecWebsocketAccept);
        if !fields.lists(Known::Upgrade, b"websocket") {
            Some("without Upgrade: websocket")
        } else if !fields.lists(Known::Connection, b"upgrade") {
            Some("without Connection: Upgrade")
        } else if accepts.next() != Some(self.accept.as_bytes()) || accepts.next().is_some() {
            Some("with a wrong Sec-WebSocket-Accept")
        } else {
            None
        }
    }
}

impl Handshake {
    /// Converts a valid 101 to the response that the client expects.
    pub(crate) fn conclude(&self, response: &mut ResponseHead) {
        if self.extended {
            response.status = StatusCode::OK;
            response.fields.remove(Known::SecWebsocketAccept);
        }
    }

    /// Returns true if the client would take a response without 101 for success: after an extended CONNECT, every 2xx
    /// means success.
    pub(crate) fn is_mistaken_for_open(&self, status: StatusCode) -> bool {
        self.extended && status.is_success()
    }
}

/// Returns a new `Sec-WebSocket-Key`: 16 random bytes in base64.
pub(crate) fn key(thread: &Thread) -> String {
    STANDARD.encode(thread.random.borrow_mut().u128(..).to_ne_bytes())
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

    fn request(method: Method, pairs: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::new(method, "/").unwrap();
        for (name, value) in pairs {
            head.fields.append(*name, value.as_bytes());
        }
        head
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
                Handshake::asked_by(&mut request(method.clone(), pairs), false, || unreachable!()).is_some(),
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
            assert_eq!(Handshake::loses_headers(&asked.fields), loses, "{connection}");
        }
    }

    #[test]
    fn only_the_right_accept_value_opens_the_tunnel() {
        let mut asked = request(
            Method::GET,
            &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", KEY)],
        );
        let handshake = Handshake::asked_by(&mut asked, false, || unreachable!()).unwrap();
        let cases: &[(&[(&'static str, &'static str)], bool)] = &[
            (&[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)], true),
            (&[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", KEY)], false),
            (&[("connection", "upgrade"), ("upgrade", "websocket")], false),
            (&[("connection", "upgrade"), ("upgrade", "h2c"), ("sec-websocket-accept", ACCEPT)], false),
            (&[("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)], false),
        ];
        for (pairs, good) in cases {
            let fields = request(Method::GET, pairs).fields;
            assert_eq!(handshake.fault(&fields).is_none(), *good, "{pairs:?}");
        }
    }
}
