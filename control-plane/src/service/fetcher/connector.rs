//! Connections to servers that clients name, restricted to the addresses that the policy allows.
//!
//! The policy is applied to the resolved address of the connection itself, so a name that resolves to another
//! address later gains nothing.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Uri;
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tower::Service;

use crate::fetch_policy::FetchDeny;

pub(in crate::service) type Web<B> = Client<HttpsConnector<HttpConnector<AllowedAddresses>>, B>;

/// The policy denies every address of the server.
#[derive(Debug, Error)]
#[error("every address of the server is refused by --fetch-deny")]
pub(in crate::service) struct Denied;

/// Resolves names with the system's resolver and keeps the addresses that the policy allows.
#[derive(Clone)]
pub(in crate::service) struct AllowedAddresses {
    system: GaiResolver,
    deny: Arc<FetchDeny>,
}

impl Service<Name> for AllowedAddresses {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolved, deny) = (self.system.call(name), self.deny.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolved.await?.collect();
            let was_found = !found.is_empty();
            let allowed: Vec<_> = found.into_iter().filter(|one| !deny.refuses(one.ip())).collect();
            if allowed.is_empty() && was_found { Err(Denied.into()) } else { Ok(allowed.into_iter()) }
        })
    }
}

/// Checks a URL whose host is an IP address, which is not resolved.
///
/// # Errors
/// If the policy denies the address.
pub(in crate::service) fn check(uri: &Uri, deny: &FetchDeny) -> Result<(), Denied> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) if deny.refuses(address) => Err(Denied),
        _ => Ok(()),
    }
}

/// Creates a client for one request of an author. It trusts `roots`, or else the system's certificate authorities, which
/// it reads.
///
/// # Errors
/// If the authorities cannot be read.
pub(in crate::service) fn client<B>(
    deny: Arc<FetchDeny>,
    roots: Option<Vec<CertificateDer<'static>>>,
) -> io::Result<Web<B>>
where
    B: Body<Data = Bytes> + Send + 'static + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut http = HttpConnector::new_with_resolver(AllowedAddresses { system: GaiResolver::new(), deny });
    http.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let connector = match roots {
        None => builder.with_provider_and_native_roots(default_provider())?,
        Some(roots) => builder.with_tls_config(trusting(roots)?),
    };
    let connector = connector.https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

fn trusting(roots: Vec<CertificateDer<'static>>) -> io::Result<ClientConfig> {
    let invalid = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(invalid)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(invalid)?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// Returns whether the policy caused an error.
pub(super) fn is_denied(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<Denied>())
}
