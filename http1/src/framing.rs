//! How a message ends, and if its connection can carry another one. Pure.

/// How the body of a message ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// No byte follows the head.
    #[default]
    None,
    /// After this number of bytes, which is at least 1.
    Bytes(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// At the end of the connection. Only responses have such a body.
    UntilClose,
}

/// What a head says about the bytes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// How the body ends.
    pub body: BodyLength,
    /// True if the sender of the head expects another message on its connection after the body.
    pub keep_alive: bool,
}

impl Default for Framing {
    fn default() -> Framing {
        Framing { body: BodyLength::None, keep_alive: true }
    }
}
