//! Everything that can keep a request from its backend's answer, and what the client is told. The only place of the
//! data plane that chooses a status for a failure.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use thiserror::Error;

use super::body::ResponseBody;
use super::upstream::ConnectError;
use crate::cut::Cut;

/// Why a request gets the gateway's own answer. The message is for the log, never for the client.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    #[error("the Host header is missing, repeated or malformed")]
    InvalidHost,
    #[error("the request target is neither a path nor *")]
    InvalidTarget,
    #[error("the method is not served")]
    MethodNotServed,
    #[error("the transfer coding is not served")]
    TransferCoding,
    #[error("the client's body broke off or is malformed")]
    ClientBody,
    #[error("plain HTTP was sent to an HTTPS listener")]
    PlainHttp,
    #[error("{0}")]
    ClientCertificate(&'static str),
    #[error("the listener asks another client certificate than this connection was asked for")]
    Misdirected,
    #[error("no listener answers for this host")]
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
    Broken { backend: String, source: hyper::Error },
    #[error("backend {backend}: {}", cut.reason())]
    Drained { backend: String, cut: Cut },
    #[error("backend {backend} answered 101: {what}")]
    FalseUpgrade { backend: String, what: &'static str },
    #[error("backend {backend} answered in a transfer coding that is not served")]
    ForeignCoding { backend: String },
    #[error("no response within {seconds} s")]
    Timeout { seconds: u64 },
}

/// The methods of RFC 9110 and RFC 5789 that are forwarded; any other but CONNECT and TRACE is too.
const SERVED: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

impl ProxyError {
    fn status(&self) -> StatusCode {
        match self {
            ProxyError::InvalidHost
            | ProxyError::InvalidTarget
            | ProxyError::ClientBody
            | ProxyError::PlainHttp
            | ProxyError::ClientCertificate(_) => StatusCode::BAD_REQUEST,
            // Another connection would be asked for what the listener wants (RFC 9110, section 15.5.20).
            ProxyError::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            ProxyError::MethodNotServed => StatusCode::METHOD_NOT_ALLOWED,
            ProxyError::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            ProxyError::NoListener | ProxyError::NoRule => StatusCode::NOT_FOUND,
            ProxyError::Connect { source, .. } if source.is_exhaustion() => StatusCode::SERVICE_UNAVAILABLE,
            ProxyError::EmptyPool
            | ProxyError::NoHealthyBackend
            | ProxyError::Connect { .. }
            | ProxyError::Broken { .. }
            | ProxyError::Drained { .. }
            | ProxyError::ForeignCoding { .. }
            | ProxyError::FalseUpgrade { .. } => StatusCode::BAD_GATEWAY,
            ProxyError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The gateway's own answer, in the shape that clients of Application Gateway know.
    pub(crate) fn response(&self) -> Response<ResponseBody> {
        let status = self.status();
        let mut response = page(status);
        let headers = response.headers_mut();
        match self {
            // What is malformed once may be an attempt to smuggle: nothing more is read from this client.
            ProxyError::InvalidHost
            | ProxyError::InvalidTarget
            | ProxyError::TransferCoding
            | ProxyError::ClientBody
            | ProxyError::PlainHttp => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            ProxyError::MethodNotServed => {
                headers.insert(header::ALLOW, HeaderValue::from_static(SERVED));
            }
            _ => {}
        }
        response
    }
}

/// Sends the client elsewhere.
pub(crate) fn redirect(status: StatusCode, location: HeaderValue) -> Response<ResponseBody> {
    let mut response = page(status);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn page(status: StatusCode) -> Response<ResponseBody> {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or(""));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>Tidegate</center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(ResponseBody::Whole(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::SERVER, HeaderValue::from_static("Tidegate"));
    response
}
