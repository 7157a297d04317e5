//! Requests to vaults and their authorities: one response of bounded size each, without redirects.

use std::error::Error;
use std::fs;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::credentials::Credentials;
use crate::arm::certificate::FetchFault;
use crate::fetch_policy::FetchDeny;
use crate::service::fetcher::connector::{self, Web};

/// The maximum size of a response, in bytes.
const MAX_RESPONSE: usize = 256 * 1024;

/// A client of one vault.
pub(super) struct Http {
    /// Connects to every address: the operator has named the vault.
    vault: Web<Full<Bytes>>,
}

/// A response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Http {
    /// Creates a client that verifies the vault as the credentials require.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read.
    pub(super) fn new(credentials: &Credentials) -> io::Result<Http> {
        let roots = credentials.ca_certificate.as_deref().map(fs::read).transpose()?;
        let roots = match roots {
            None => None,
            Some(pem) => {
                let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
                let read =
                    read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
                Some(read)
            }
        };
        Ok(Http { vault: connector::client(Arc::new(FetchDeny::nothing()), roots)? })
    }

    /// Sends a request to the vault, or to an authority that the operator has named.
    ///
    /// # Errors
    /// [`FetchFault::Unreachable`] if there is no response.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, FetchFault> {
        send(&self.vault, request).await
    }

    /// Sends a request to an authority that a vault has named.
    ///
    /// # Errors
    /// [`FetchFault::Refused`] if the policy denies its address; [`FetchFault::Unreachable`] if there is no response.
    pub(super) async fn send_within(
        deny: &Arc<FetchDeny>,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, FetchFault> {
        let host = host(request.uri());
        let refused = || {
            FetchFault::Refused(format!(
                "the address of the authority {host} is refused by --fetch-deny: name it as 'authority' in the \
                 credentials of the vault"
            ))
        };
        connector::check(request.uri(), deny).map_err(|_| refused())?;
        let web = connector::client(deny.clone(), None).map_err(|error| {
            tracing::error!(%error, "no authority can be asked: the system's certificate authorities cannot be read");
            FetchFault::Unreachable(format!("{host} cannot be reached"))
        })?;
        send(&web, request).await
    }
}

async fn send(web: &Web<Full<Bytes>>, mut request: Request<Full<Bytes>>) -> Result<Answer, FetchFault> {
    let host = host(request.uri());
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("Tidegate"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let failed = |error: &(dyn Error + 'static)| {
        let cause = std::iter::successors(Some(error), |&error| error.source()).last();
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        tracing::info!(host, error = cause, "a vault or its authority cannot be reached");
        FetchFault::Unreachable(format!("{host} cannot be reached"))
    };
    let response = web.request(request).await.map_err(|error| failed(&error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(|error| failed(&*error))?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

/// Returns the host of a URL with its port, for messages.
pub(super) fn host(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

/// Returns the fault of a response that is no success. `code` is the error code in its body; it is repeated if it looks
/// like one.
pub(super) fn fault(host: &str, status: StatusCode, code: Option<&str>) -> FetchFault {
    let is_word = |text: &&str| {
        (1..=60).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let code = code.filter(is_word).map(|code| format!(", {code}")).unwrap_or_default();
    let number = status.as_u16();
    let is_transient = status.is_server_error()
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
    if is_transient {
        return FetchFault::Unreachable(format!("{host} fails for now (status {number}{code})"));
    }
    FetchFault::Refused(match number {
        401 | 403 => format!("{host} refuses access to it (status {number}{code})"),
        404 => format!("{host} has no such secret (status 404{code})"),
        _ => format!("{host} does not return it (status {number}{code})"),
    })
}
