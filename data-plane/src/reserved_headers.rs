//! Names of headers that nobody but the gateway may set, or that frame a message. Pure.

/// Header names that frame a message, concern one connection, or are set by the gateway. A backend that maps `_` to `-`, as
/// CGI, WSGI and PHP do, would take `X_Forwarded_For` for the gateway's own `X-Forwarded-For`.
pub(crate) const RESERVED: [&str; 14] = [
    "content-length",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "x-appgw-trace-id",
    "x-azure-ja4-fingerprint",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-original-host",
    "x-original-url",
    "sec-websocket-accept",
    "sec-websocket-key",
    "sec-websocket-version",
];

/// Whether a name without upper case is a reserved one, or becomes one once each `_` is a `-`.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| {
        let mut pairs = name.bytes().zip(reserved.bytes());
        name.len() == reserved.len()
            && pairs.all(|(byte, expected)| byte == expected || (byte, expected) == (b'_', b'-'))
    })
}
