//! The behaviours of a scripted backend.

/// A behaviour towards requests.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// For HTTP, reply 200 with a JSON description of the request. For a WebSocket, send a valid 101 and echo
    /// messages.
    Serve,
    /// Like `Serve`, after [`Backend::release`](super::Backend::release).
    Held,
    /// Read the request and never reply.
    Hang,
    /// Reset each connection as soon as it is accepted.
    ResetOnAccept,
    /// Close each connection after the request, without a response.
    CloseOnRequest,
    /// Send a first chunk at once, and the last one after the release.
    Drip,
    /// Send these bytes, with `{accept}` replaced by the right `Sec-WebSocket-Accept`.
    Literal {
        /// The bytes to send.
        response: String,
        /// The next step with the connection.
        then: Then,
    },
}

/// The next step with a connection after literal bytes.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// Wait for the next request.
    Next,
    /// Close it.
    Close,
    /// Reset it.
    Reset,
    /// Keep it open, and send nothing more.
    Hold,
    /// Echo every byte until the end.
    EchoBytes,
}

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

impl Behaviour {
    /// Sends literal bytes.
    pub fn literal(response: impl Into<String>, then: Then) -> Behaviour {
        Behaviour::Literal { response: response.into(), then }
    }

    /// Sends a plain response with this status and body.
    pub fn status(status: u16, body: &str) -> Behaviour {
        let length = body.len();
        let response = format!("HTTP/1.1 {status} As told\r\nContent-Length: {length}\r\n\r\n{body}");
        Behaviour::literal(response, Then::Next)
    }

    /// Sends a 101 whose `Sec-WebSocket-Accept` belongs to another key.
    pub fn lying_accept() -> Behaviour {
        let response = format!("{SWITCHING}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
        Behaviour::literal(response, Then::Hold)
    }

    /// Sends a 101 without `Sec-WebSocket-Accept`.
    pub fn no_accept() -> Behaviour {
        Behaviour::literal(format!("{SWITCHING}\r\n"), Then::Hold)
    }

    /// Sends a valid 101 and the first bytes of the tunnel in the same segment, then echoes every byte.
    pub fn early_bytes(bytes: &str) -> Behaviour {
        Behaviour::literal(
            format!("{SWITCHING}Sec-WebSocket-Accept: {{accept}}\r\n\r\n{bytes}"),
            Then::EchoBytes,
        )
    }

    /// Sends a valid 101, then echoes every byte.
    pub fn echo_bytes() -> Behaviour {
        Behaviour::early_bytes("")
    }

    /// Sends a valid 101 with more header lines, then echoes every byte.
    pub fn switching_with(header_lines: &str) -> Behaviour {
        let response = format!("{SWITCHING}{header_lines}Sec-WebSocket-Accept: {{accept}}\r\n\r\n");
        Behaviour::literal(response, Then::EchoBytes)
    }

    /// Sends the head of a response and a part of its body, then resets the connection.
    pub fn reset_mid_response() -> Behaviour {
        Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this much", Then::Reset)
    }

    /// Sends bytes that are not HTTP.
    pub fn garbage() -> Behaviour {
        Behaviour::literal("SSH-2.0-not-a-web-server\r\n\r\n", Then::Close)
    }
}
