//! The names of headers that only the gateway may set, or that frame a message. Pure.

/// Headers that frame a message, concern one connection, or are set by the gateway. A backend that maps `_` to `-`,
/// as CGI, WSGI and PHP do, would mistake `X_Forwarded_For` for the gateway's own `X-Forwarded-For`.
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

/// Returns true if a name equals a reserved one without case, once each `_` is replaced by `-`.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    RESERVED.iter().any(|reserved| {
        let mut pairs = name.iter().zip(reserved.bytes());
        name.len() == reserved.len()
            && pairs.all(|(byte, expected)| {
                byte.to_ascii_lowercase() == expected || (*byte, expected) == (b'_', b'-')
            })
    })
}
