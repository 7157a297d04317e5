//! What a scripted backend can be told to do to a request.

/// What to do to a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// HTTP: 200 with a JSON account of the request. WebSocket: a proper 101, then every message comes back.
    Serve,
    /// The same, once released.
    Held,
    /// Take the request and never answer.
    Hang,
    /// Reset each connection as soon as it is accepted.
    ResetOnAccept,
    /// Close each connection once the request is there, without an answer.
    CloseOnRequest,
    /// A first chunk at once, the last one once released.
    Drip,
    /// These bytes, `{accept}` replaced by the right `Sec-WebSocket-Accept`.
    Literal {
        /// The bytes.
        response: String,
        /// What then becomes of the connection.
        then: Then,
    },
}

/// What becomes of a connection after literal bytes.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// The next request is awaited.
    Next,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
    /// It stays open and nothing more is said.
    Hold,
    /// Every byte comes back, up to the end.
    EchoBytes,
}

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

impl Behaviour {
    /// Literal bytes.
    pub fn literal(response: impl Into<String>, then: Then) -> Behaviour {
        Behaviour::Literal { response: response.into(), then }
    }

    /// A plain response with that status and body.
    pub fn status(status: u16, body: &str) -> Behaviour {
        let length = body.len();
        let response = format!("HTTP/1.1 {status} As told\r\nContent-Length: {length}\r\n\r\n{body}");
        Behaviour::literal(response, Then::Next)
    }

    /// A 101 whose `Sec-WebSocket-Accept` belongs to another key.
    pub fn lying_accept() -> Behaviour {
        let response = format!("{SWITCHING}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
        Behaviour::literal(response, Then::Hold)
    }

    /// A 101 without any `Sec-WebSocket-Accept`.
    pub fn no_accept() -> Behaviour {
        Behaviour::literal(format!("{SWITCHING}\r\n"), Then::Hold)
    }

    /// A proper 101, and in the same segment the first bytes of the tunnel. Then bytes come back.
    pub fn early_bytes(bytes: &str) -> Behaviour {
        Behaviour::literal(
            format!("{SWITCHING}Sec-WebSocket-Accept: {{accept}}\r\n\r\n{bytes}"),
            Then::EchoBytes,
        )
    }

    /// A proper 101, then every byte comes back, whatever it is.
    pub fn echo_bytes() -> Behaviour {
        Behaviour::early_bytes("")
    }

    /// A proper 101 with more header lines, then every byte comes back.
    pub fn switching_with(header_lines: &str) -> Behaviour {
        let response = format!("{SWITCHING}{header_lines}Sec-WebSocket-Accept: {{accept}}\r\n\r\n");
        Behaviour::literal(response, Then::EchoBytes)
    }

    /// The head of a response and a part of its body, then a reset.
    pub fn reset_mid_response() -> Behaviour {
        Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this much", Then::Reset)
    }

    /// Something that is not HTTP.
    pub fn garbage() -> Behaviour {
        Behaviour::literal("SSH-2.0-not-a-web-server\r\n\r\n", Then::Close)
    }
}
