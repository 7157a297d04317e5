//! Connections to the control plane: HTTP/1.1 over TLS, with the authority of a context or those of the system.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{ApiError, Endpoint};

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The time limit for one address of the control plane to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates the client. `authority` replaces the system's authorities, so that nobody else can speak for a control
/// plane with an authority of its own.
///
/// # Errors
/// There is no certificate in `authority`, or one cannot be read.
pub(super) fn client(authority: Option<&[u8]>) -> Result<HttpClient, ApiError> {
    let bad = |e: &dyn std::fmt::Display| {
        ApiError::BadRequest(format!("the certificate authority cannot be read: {e}"))
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&e))?;
    let config = match authority {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.map_err(|e| bad(&e))?).map_err(|e| bad(&e))?;
            }
            if roots.is_empty() {
                return Err(bad(&"it has no PEM certificate"));
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_native_roots().map_err(|e| bad(&e))?,
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config.with_no_client_auth())
        .https_or_http()
        .enable_http1();
    Ok(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp)))
}

/// Returns the error of a failed exchange, with the innermost cause, which is the one that helps.
pub(super) fn failure(endpoint: &Endpoint, error: &ClientError) -> ApiError {
    let url = endpoint.to_string();
    let innermost = causes(error).last();
    let cause = innermost.map_or_else(String::new, ToString::to_string);
    if causes(error).filter_map(tls_error).any(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
    {
        return ApiError::NotTrusted { url, cause };
    }
    ApiError::Unreachable { url, cause }
}

/// Returns the error and its causes, the innermost last.
fn causes<'a>(error: &'a ClientError) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error as &'a (dyn Error + 'static)), |&error| error.source())
}

/// Returns the TLS error in an error. An I/O error does not show its content as a source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let content = |error: &&'a (dyn Error + 'static)| {
        let content = error.downcast_ref::<std::io::Error>()?.get_ref()?;
        Some(content as &'a (dyn Error + 'static))
    };
    std::iter::successors(Some(error), content).find_map(|error| error.downcast_ref::<rustls::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_must_be_one() {
        for bad in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(client(Some(bad.as_bytes())), Err(ApiError::BadRequest(_))), "{bad}");
        }
    }
}
