//! The faults of HTTP/1.1 messages.

use thiserror::Error;

/// The reason why a message is rejected. The text is for the log, never for the peer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("the first line is malformed")]
    FirstLine,
    #[error("the request is HTTP/0.9")]
    OldRequest,
    #[error("the method is malformed")]
    Method,
    #[error("CONNECT is not supported")]
    Connect,
    #[error("the request target is neither a path nor *, or has a character that must be encoded")]
    Target,
    #[error("the request target is longer than 32 KiB")]
    TargetTooLong,
    #[error("the version is not HTTP/1")]
    Version,
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    #[error("a header is folded over several lines")]
    Folded,
    #[error("the name of a header is malformed")]
    FieldName,
    #[error("a header has a control character")]
    ControlCharacter,
    #[error("the headers are larger than 32 KiB")]
    HeadTooLarge,
    #[error("there are more than 100 header lines")]
    TooManyFields,
    #[error("the Host header is missing")]
    HostMissing,
    #[error("there are several Host headers")]
    HostTwice,
    #[error("there are several Authorization headers")]
    AuthorizationTwice,
    #[error("Content-Length is not a number, or has leading zeros")]
    LengthInvalid,
    #[error("there are several Content-Length headers")]
    LengthTwice,
    #[error("POST has neither Content-Length nor Transfer-Encoding")]
    LengthMissing,
    #[error("there are both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    #[error("chunked is not the last transfer coding, or is repeated")]
    Coding,
    #[error("the transfer coding is not supported")]
    CodingNotServed,
    #[error("an HTTP/1.0 message has Transfer-Encoding")]
    CodingInOldVersion,
    #[error("the expectation is not 100-continue")]
    Expectation,
    #[error("the body is larger than the limit")]
    BodyTooLarge,
    #[error("a chunk is malformed")]
    Chunk,
    #[error("a chunk extension is malformed")]
    ChunkExtension,
    #[error("the chunk extensions are larger than 8 KiB")]
    ChunkExtensions,
    #[error("the trailers are malformed or larger than 8 KiB")]
    Trailers,
    #[error("there are more than 16 interim responses")]
    Interim,
    #[error("the client did not finish the head of its request in time")]
    HeadTimeout,
    #[error("the client paused for too long within the body of its request")]
    BodyTimeout,
    #[error("the client sent the body of its request below the minimum rate")]
    SlowBody,
    #[error("the client read the response below the minimum rate")]
    SlowAnswer,
    #[error("the client read nothing for too long")]
    SendTimeout,
}
