//! The errors of request processing, and their responses. This is the only module of the data plane that chooses a
//! status for a failure.

use bytes::Bytes;
use http::StatusCode;
use thiserror::Error;
use tidegate_http1::{Fault, Known, ResponseHead};

use crate::body::collect::CollectError;
use crate::error_info::ErrorInfo;
use crate::local_reply::LocalReplies;
use crate::metrics::series::TunnelLimit;
use crate::registry::CloseReason;
use crate::runtime::Unroutable;
use crate::runtime::pattern::Exhausted;
use crate::spool::SpoolError;
use crate::upstream::{ConnectError, UpstreamError};

/// The reason for a local error reply. The message is for the log, never for the client.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    #[error("the request was rejected: {0}")]
    Refused(Fault),
    #[error("the Host header is missing, repeated or malformed")]
    InvalidHost,
    #[error("the request target is neither a path, nor an absolute URL of a host, nor *")]
    InvalidTarget,
    #[error("the path has a segment '.' or '..', which servers resolve differently")]
    DotSegments,
    #[error("the method is not supported")]
    MethodNotServed,
    #[error("TRACE is not supported")]
    TraceNotServed,
    #[error("CONNECT is supported only for WebSocket")]
    ProtocolNotServed,
    #[error("an upgrade to HTTP/2 without TLS is not supported")]
    Http2Upgrade,
    #[error("the Connection header names a header of the WebSocket handshake")]
    HandshakeHeaders,
    #[error("a header field is too large")]
    FieldTooLarge,
    #[error("the client's body ended early or is malformed")]
    ClientBody,
    #[error("the client paused for {seconds} s within its body")]
    SlowBody { seconds: u64 },
    #[error("the body is larger than {limit} bytes, the space for buffered bodies")]
    BodyTooLarge { limit: u64 },
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("the limit of connections allows no further stream")]
    StreamLimit,
    #[error("plain HTTP was sent to an HTTPS listener")]
    PlainHttp,
    #[error("{0}")]
    ClientCertificate(&'static str),
    #[error(
        "the listener requires another client certificate than the TLS handshake of this connection asked for"
    )]
    Misdirected,
    #[error("the listener does not offer the TLS version and cipher suite of this connection")]
    SuiteNotOffered,
    #[error("this connection uses TLS, and the listener no longer does")]
    ProtocolChanged,
    #[error("no listener serves this host")]
    NoListener,
    #[error("no rule refers to the listener")]
    NoRule,
    #[error("the pool is empty")]
    EmptyPool,
    #[error("no backend of the pool is healthy")]
    NoHealthyBackend,
    #[error("backend {backend}: {source}")]
    Connect { backend: String, source: ConnectError },
    #[error("backend {backend}: {source}")]
    Broken { backend: String, source: UpstreamError },
    #[error("backend {backend}: {}", cut.reason())]
    Drained { backend: String, cut: CloseReason },
    #[error("backend {backend} answered 101: {what}")]
    FalseUpgrade { backend: String, what: &'static str },
    #[error(
        "backend {backend} answered a WebSocket handshake with {status}, which a client of HTTP/2 would take for its success"
    )]
    NoUpgrade { backend: String, status: StatusCode },
    #[error(transparent)]
    Rewrite(#[from] RewriteFault),
    #[error("{}", limit_sentence(*.0))]
    TunnelLimit(TunnelLimit),
    #[error("no response within {seconds} s")]
    Timeout { seconds: u64 },
}

impl From<Unroutable> for ProxyError {
    fn from(why: Unroutable) -> ProxyError {
        match why {
            Unroutable::NoRule => ProxyError::NoRule,
            Unroutable::DotSegments => ProxyError::DotSegments,
        }
    }
}

impl From<CollectError> for ProxyError {
    fn from(why: CollectError) -> ProxyError {
        match why {
            CollectError::TooLarge { limit } => ProxyError::BodyTooLarge { limit },
            CollectError::Spool(error) => ProxyError::Spool(error),
            CollectError::Broken => ProxyError::ClientBody,
            CollectError::Slow { seconds } => ProxyError::SlowBody { seconds },
            CollectError::Refused(fault) => ProxyError::Refused(fault),
        }
    }
}

/// The reason why the rewrites of a request failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum RewriteFault {
    #[error("the rewrites select a path rule again and again")]
    Loop,
    #[error("the rewritten texts are larger than 64 KiB")]
    TooLarge,
    #[error("the rewrite conditions exceed the search budget")]
    TooCostly,
    #[error("the rewritten Host header is malformed")]
    Host,
}

impl From<Exhausted> for RewriteFault {
    fn from(_: Exhausted) -> RewriteFault {
        RewriteFault::TooCostly
    }
}

/// The value of `Allow`: the forwarded methods of RFC 9110 and RFC 5789. Other methods except for CONNECT and TRACE
/// are forwarded too.
const SERVED: &[u8] = b"GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

/// The value of `Retry-After` in seconds: connections and disk space become free quickly.
const RETRY_AFTER: &[u8] = b"5";
/// The value of `Retry-After` in seconds after too many handshakes in one second.
const NEXT_SECOND: &[u8] = b"1";

impl ProxyError {
    fn status(&self) -> StatusCode {
        match self {
            ProxyError::Refused(fault) => status_of(*fault),
            ProxyError::InvalidHost
            | ProxyError::InvalidTarget
            | ProxyError::DotSegments
            | ProxyError::ClientBody
            | ProxyError::HandshakeHeaders
            | ProxyError::PlainHttp
            | ProxyError::ClientCertificate(_) => StatusCode::BAD_REQUEST,
            // On a new connection, the client can meet the listener's requirements (RFC 9110, section 15.5.20).
            ProxyError::Misdirected | ProxyError::SuiteNotOffered | ProxyError::ProtocolChanged => {
                StatusCode::MISDIRECTED_REQUEST
            }
            ProxyError::Rewrite(RewriteFault::Host) => StatusCode::BAD_REQUEST,
            ProxyError::Rewrite(RewriteFault::Loop | RewriteFault::TooLarge | RewriteFault::TooCostly) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            ProxyError::MethodNotServed | ProxyError::TraceNotServed => StatusCode::METHOD_NOT_ALLOWED,
            ProxyError::Http2Upgrade => StatusCode::FORBIDDEN,
            ProxyError::FieldTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ProxyError::ProtocolNotServed => StatusCode::NOT_IMPLEMENTED,
            ProxyError::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            ProxyError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ProxyError::Spool(_)
            | ProxyError::StreamLimit
            | ProxyError::TunnelLimit(TunnelLimit::Pool | TunnelLimit::Member) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ProxyError::TunnelLimit(TunnelLimit::Address | TunnelLimit::Rate) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            ProxyError::NoListener | ProxyError::NoRule => StatusCode::NOT_FOUND,
            ProxyError::Connect { source, .. } if source.is_exhaustion() => StatusCode::SERVICE_UNAVAILABLE,
            ProxyError::EmptyPool
            | ProxyError::NoHealthyBackend
            | ProxyError::Connect { .. }
            | ProxyError::Broken { .. }
            | ProxyError::Drained { .. }
            | ProxyError::NoUpgrade { .. }
            | ProxyError::FalseUpgrade { .. } => StatusCode::BAD_GATEWAY,
            ProxyError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Returns the value of the access log's error field.
    pub(crate) fn info(&self) -> ErrorInfo {
        match self {
            ProxyError::Refused(fault) => info_of(*fault),
            ProxyError::InvalidHost
            | ProxyError::NoListener
            | ProxyError::Misdirected
            | ProxyError::SuiteNotOffered
            | ProxyError::ProtocolChanged
            | ProxyError::Rewrite(RewriteFault::Host) => ErrorInfo::InvalidHost,
            ProxyError::PlainHttp => ErrorInfo::HttpToHttpsPort,
            ProxyError::ClientCertificate(_) => ErrorInfo::HttpsNoCert,
            ProxyError::InvalidTarget | ProxyError::DotSegments => ErrorInfo::RequestUriInvalid,
            ProxyError::Rewrite(RewriteFault::Loop | RewriteFault::TooLarge | RewriteFault::TooCostly) => {
                ErrorInfo::InvalidRequest
            }
            ProxyError::MethodNotServed | ProxyError::ProtocolNotServed => ErrorInfo::InvalidMethod,
            ProxyError::TraceNotServed => ErrorInfo::InvalidMethodTrace,
            ProxyError::Http2Upgrade => ErrorInfo::InvalidVersion,
            ProxyError::FieldTooLarge | ProxyError::HandshakeHeaders | ProxyError::NoRule => {
                ErrorInfo::InvalidRequest
            }
            ProxyError::ClientBody | ProxyError::SlowBody { .. } => ErrorInfo::ClientClosedRequest,
            ProxyError::BodyTooLarge { .. } => ErrorInfo::InvalidContentLength,
            // Neither the request nor a backend is at fault.
            ProxyError::Spool(_) | ProxyError::StreamLimit | ProxyError::TunnelLimit(_) => {
                ErrorInfo::GatewayExhausted
            }
            ProxyError::Connect { source, .. } if source.is_exhaustion() => ErrorInfo::GatewayExhausted,
            ProxyError::EmptyPool | ProxyError::NoHealthyBackend | ProxyError::Connect { .. } => {
                ErrorInfo::UpstreamNoLive
            }
            ProxyError::Drained { .. }
            | ProxyError::NoUpgrade { .. }
            | ProxyError::Broken { .. }
            | ProxyError::FalseUpgrade { .. } => ErrorInfo::UpstreamClosedConnection,
            ProxyError::Timeout { .. } => ErrorInfo::UpstreamTimedOut,
        }
    }

    /// Returns the local reply, without a body for a HEAD request.
    pub(crate) fn response(&self, replies: &LocalReplies, to_head: bool) -> (ResponseHead, Bytes) {
        let status = self.status();
        let (mut head, body) = replies.response(status, to_head);
        match self {
            ProxyError::TunnelLimit(TunnelLimit::Rate) => {
                head.fields.append(Known::RetryAfter, NEXT_SECOND);
            }
            _ if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) => {
                head.fields.append(Known::RetryAfter, RETRY_AFTER);
            }
            _ => {}
        }
        // A malformed request may be an attempt at request smuggling, so nothing more is read from this client. A
        // misdirected request can never succeed on this connection.
        match self {
            ProxyError::Refused(_)
            | ProxyError::InvalidHost
            | ProxyError::InvalidTarget
            | ProxyError::ClientBody
            | ProxyError::SlowBody { .. }
            | ProxyError::BodyTooLarge { .. }
            | ProxyError::Misdirected
            | ProxyError::SuiteNotOffered
            | ProxyError::ProtocolChanged
            | ProxyError::PlainHttp => {
                head.fields.append(Known::Connection, b"close");
            }
            _ => {}
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            head.fields.append(Known::Allow, SERVED);
        }
        (head, body)
    }
}

fn limit_sentence(limit: TunnelLimit) -> &'static str {
    match limit {
        TunnelLimit::Pool => "the pool has its maximum number of tunnels",
        TunnelLimit::Member => "the members that could be chosen have their maximum number of tunnels",
        TunnelLimit::Address => "the client's address has its maximum number of tunnels",
        TunnelLimit::Rate => "the pool has had its maximum number of handshakes in this second",
    }
}

fn info_of(fault: Fault) -> ErrorInfo {
    match fault {
        Fault::Method | Fault::Connect => ErrorInfo::InvalidMethod,
        Fault::Version => ErrorInfo::InvalidVersion,
        Fault::OldRequest => ErrorInfo::Invalid09Method,
        Fault::Target | Fault::TargetTooLong => ErrorInfo::RequestUriInvalid,
        Fault::HostMissing => ErrorInfo::HttpNoHostHeader,
        Fault::HostTwice => ErrorInfo::InvalidHost,
        Fault::LengthInvalid | Fault::LengthTwice | Fault::LengthMissing => ErrorInfo::InvalidContentLength,
        Fault::HeadTimeout
        | Fault::BodyTimeout
        | Fault::SendTimeout
        | Fault::SlowBody
        | Fault::SlowAnswer => ErrorInfo::ClientClosedRequest,
        _ => ErrorInfo::InvalidRequest,
    }
}

fn status_of(fault: Fault) -> StatusCode {
    match fault {
        Fault::Connect => StatusCode::METHOD_NOT_ALLOWED,
        Fault::TargetTooLong => StatusCode::URI_TOO_LONG,
        Fault::HeadTooLarge | Fault::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Fault::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Expectation => StatusCode::EXPECTATION_FAILED,
        Fault::CodingNotServed => StatusCode::NOT_IMPLEMENTED,
        Fault::HeadTimeout
        | Fault::BodyTimeout
        | Fault::SendTimeout
        | Fault::SlowBody
        | Fault::SlowAnswer => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_status_its_name_and_its_connection() {
        let cases = [
            (ProxyError::MethodNotServed, 405, ErrorInfo::InvalidMethod, false),
            (ProxyError::TraceNotServed, 405, ErrorInfo::InvalidMethodTrace, false),
            (ProxyError::Refused(Fault::Method), 400, ErrorInfo::InvalidMethod, true),
            (ProxyError::Refused(Fault::Connect), 405, ErrorInfo::InvalidMethod, true),
            (ProxyError::Refused(Fault::OldRequest), 400, ErrorInfo::Invalid09Method, true),
            (ProxyError::Refused(Fault::Version), 400, ErrorInfo::InvalidVersion, true),
            (ProxyError::Refused(Fault::Target), 400, ErrorInfo::RequestUriInvalid, true),
            (ProxyError::Refused(Fault::HostMissing), 400, ErrorInfo::HttpNoHostHeader, true),
            (ProxyError::Refused(Fault::HeadTimeout), 408, ErrorInfo::ClientClosedRequest, true),
            (ProxyError::HandshakeHeaders, 400, ErrorInfo::InvalidRequest, false),
            (ProxyError::Misdirected, 421, ErrorInfo::InvalidHost, true),
            (ProxyError::SuiteNotOffered, 421, ErrorInfo::InvalidHost, true),
            (ProxyError::ProtocolChanged, 421, ErrorInfo::InvalidHost, true),
            (ProxyError::DotSegments, 400, ErrorInfo::RequestUriInvalid, false),
            (ProxyError::StreamLimit, 503, ErrorInfo::GatewayExhausted, false),
            (ProxyError::TunnelLimit(TunnelLimit::Pool), 503, ErrorInfo::GatewayExhausted, false),
            (ProxyError::TunnelLimit(TunnelLimit::Member), 503, ErrorInfo::GatewayExhausted, false),
            (ProxyError::TunnelLimit(TunnelLimit::Address), 429, ErrorInfo::GatewayExhausted, false),
            (ProxyError::NoListener, 404, ErrorInfo::InvalidHost, false),
            (ProxyError::PlainHttp, 400, ErrorInfo::HttpToHttpsPort, true),
        ];
        for (error, status, info, closes) in cases {
            let (head, _) = error.response(&LocalReplies::default(), false);
            let found = (head.status.as_u16(), error.info());
            assert_eq!(found, (status, info), "{error:?}");
            assert_eq!(head.fields.has(Known::Connection), closes, "{error:?}");
        }
    }

    #[test]
    fn what_is_not_to_be_had_now_may_be_asked_for_again() {
        for (error, status, seconds) in [
            (ProxyError::Spool(SpoolError::NoRoom), 503, b"5"),
            (ProxyError::TunnelLimit(TunnelLimit::Pool), 503, b"5"),
            (ProxyError::TunnelLimit(TunnelLimit::Address), 429, b"5"),
            (ProxyError::TunnelLimit(TunnelLimit::Rate), 429, b"1"),
        ] {
            let (head, _) = error.response(&LocalReplies::default(), false);
            assert_eq!(head.status.as_u16(), status);
            assert_eq!(head.fields.get(Known::RetryAfter), Some(seconds.as_slice()));
        }
        let (head, _) = ProxyError::EmptyPool.response(&LocalReplies::default(), false);
        assert!(!head.fields.has(Known::RetryAfter));
    }
}
