//! The faults of HTTP/1.1 messages.

use thiserror::Error;

/// The reason why a message is rejected. The text is for the log, never for the peer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// The first line is malformed.
    #[error("the first line is malformed")]
    FirstLine,
    /// The request is HTTP/0.9.
    #[error("the request is HTTP/0.9")]
    OldRequest,
    /// The method is malformed.
    #[error("the method is malformed")]
    Method,
    /// CONNECT is not supported.
    #[error("CONNECT is not supported")]
    Connect,
    /// The request target is neither a path nor *, or has a character that must be encoded.
    #[error("the request target is neither a path nor *, or has a character that must be encoded")]
    Target,
    /// The request target is longer than 32 KiB.
    #[error("the request target is longer than 32 KiB")]
    TargetTooLong,
    /// The version is not HTTP/1.
    #[error("the version is not HTTP/1")]
    Version,
    /// A line ends without a carriage return.
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    /// A header is folded over several lines.
    #[error("a header is folded over several lines")]
    Folded,
    /// The name of a header is malformed.
    #[error("the name of a header is malformed")]
    FieldName,
    /// A header has a control character.
    #[error("a header has a control character")]
    ControlCharacter,
    /// The headers are larger than 32 KiB.
    #[error("the headers are larger than 32 KiB")]
    HeadTooLarge,
    /// There are more than 100 header lines.
    #[error("there are more than 100 header lines")]
    TooManyFields,
    /// The Host header is missing.
    #[error("the Host header is missing")]
    HostMissing,
    /// There are several Host headers.
    #[error("there are several Host headers")]
    HostTwice,
    /// There are several Authorization headers.
    #[error("there are several Authorization headers")]
    AuthorizationTwice,
    /// Content-Length is not a number, or has leading zeros.
    #[error("Content-Length is not a number, or has leading zeros")]
    LengthInvalid,
    /// There are several Content-Length headers.
    #[error("there are several Content-Length headers")]
    LengthTwice,
    /// POST has neither Content-Length nor Transfer-Encoding.
    #[error("POST has neither Content-Length nor Transfer-Encoding")]
    LengthMissing,
    /// There are both Content-Length and Transfer-Encoding.
    #[error("there are both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    /// Chunked is not the last transfer coding, or is repeated.
    #[error("chunked is not the last transfer coding, or is repeated")]
    Coding,
    /// The transfer coding is not supported.
    #[error("the transfer coding is not supported")]
    CodingNotServed,
    /// An HTTP/1.0 message has Transfer-Encoding.
    #[error("an HTTP/1.0 message has Transfer-Encoding")]
    CodingInOldVersion,
    /// The expectation is not 100-continue.
    #[error("the expectation is not 100-continue")]
    Expectation,
    /// The body is larger than the limit.
    #[error("the body is larger than the limit")]
    BodyTooLarge,
    /// A chunk is malformed.
    #[error("a chunk is malformed")]
    Chunk,
    /// A chunk extension is malformed.
    #[error("a chunk extension is malformed")]
    ChunkExtension,
    /// The chunk extensions are larger than 8 KiB (16 KiB from a backend).
    #[error("the chunk extensions are too large")]
    ChunkExtensions,
    /// The trailers are malformed, larger than 8 KiB (16 KiB from a backend), or more than 100.
    #[error("the trailers are malformed or too large")]
    Trailers,
    /// There are more than 16 interim responses.
    #[error("there are more than 16 interim responses")]
    Interim,
    /// The client did not finish the head of its request in time.
    #[error("the client did not finish the head of its request in time")]
    HeadTimeout,
    /// The client paused for too long within the body of its request.
    #[error("the client paused for too long within the body of its request")]
    BodyTimeout,
    /// The client sent the body of its request below the minimum rate.
    #[error("the client sent the body of its request below the minimum rate")]
    SlowBody,
    /// The client read the response below the minimum rate.
    #[error("the client read the response below the minimum rate")]
    SlowAnswer,
    /// The client read nothing for too long.
    #[error("the client read nothing for too long")]
    SendTimeout,
}
