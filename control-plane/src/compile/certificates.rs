//! Server certificates, and the certificate authorities that are trusted for backends.

use tidegate_shared::snapshot::{Certificate, Staple, TrustedRoot};

use super::ocsp;
use super::resources::{Resource, Resources, given};
use crate::arm::certificate::{ServerCertificate, read_authorities};
use crate::arm::collection::{Collection, over_limit};
use crate::arm::document::Document;
use crate::arm::gateway::{AuthenticationCertificate, SslCertificate, TrustedRootCertificate};
use crate::violation::{Violations, code};

/// Compiles the server certificates. Reading has already parsed them, so each is either valid or absent.
pub(super) fn servers(
    document: &Document,
    certificates: &Resources<SslCertificate>,
    violations: &mut Violations,
) -> Vec<Certificate> {
    let collection = Collection::named("sslCertificates").expect("the collection exists");
    let children: Vec<_> = document.members(collection).collect();
    let mut compiled = Vec::new();
    for resource in certificates.iter() {
        let child = children[resource.place];
        match child.secret.as_ref().and_then(ServerCertificate::from_secret) {
            Some(ServerCertificate { chain, key }) => {
                let staple = staple(resource, &chain, violations);
                compiled.push(Certificate { name: resource.name.clone(), chain, key, staple });
            }
            None => {
                violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id));
            }
        }
    }
    compiled
}

/// Returns the OCSP response to staple, if there is one.
fn staple(
    resource: &Resource<SslCertificate>,
    chain: &[Vec<u8>],
    violations: &mut Violations,
) -> Option<Staple> {
    let data = given(resource.properties.ocsp_response.as_ref())?;
    let own = chain.first().map(Vec::as_slice).unwrap_or_default();
    match ocsp::staple(data, own) {
        Ok(staple) => Some(staple),
        Err(complaint) => {
            let message = format!("OCSP response for certificate {} is invalid: {complaint}.", resource.id);
            violations.push(code::OCSP_RESPONSE, resource.at("ocspResponse"), message);
            None
        }
    }
}

/// The maximum number of certificates in one trusted root certificate, which may be a bundle.
const BUNDLED: usize = 100;

/// Compiles the certificate authorities of each trusted root certificate, in the order of `roots`.
pub(super) fn authorities(
    roots: &Resources<TrustedRootCertificate>,
    violations: &mut Violations,
) -> Vec<TrustedRoot> {
    let mut compiled = Vec::new();
    for resource in roots.iter() {
        let mut certificates = Vec::new();
        match given(resource.properties.data.as_ref()).map(read_authorities) {
            Some(Ok(list)) if list.len() > BUNDLED => {
                let message = over_limit("certificates in a trusted root certificate", list.len(), BUNDLED);
                violations.push(code::limit::BUNDLE, resource.at("data"), message);
            }
            Some(Ok(list)) => certificates = list,
            Some(Err(reason)) => {
                let message = format!("Data for certificate {} is invalid: {reason}.", resource.id);
                violations.push(code::ROOT_INVALID, resource.at("data"), message);
            }
            None => violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id)),
        }
        compiled.push(TrustedRoot { certificates });
    }
    compiled
}

/// Returns the certificates (DER) of each authentication certificate, in the order of `certificates`.
pub(super) fn pinned(
    certificates: &Resources<AuthenticationCertificate>,
    violations: &mut Violations,
) -> Vec<Vec<Vec<u8>>> {
    let mut compiled = Vec::new();
    for resource in certificates.iter() {
        let read = given(resource.properties.data.as_ref()).map(read_authorities);
        match &read {
            Some(Ok(list)) if list.len() > BUNDLED => {
                let message =
                    over_limit("certificates in an authentication certificate", list.len(), BUNDLED);
                violations.push(code::limit::BUNDLE, resource.at("data"), message);
            }
            Some(Ok(_)) => {}
            Some(Err(reason)) => {
                let message = format!("Data for certificate {} is invalid: {reason}.", resource.id);
                violations.push(code::AUTHENTICATION_INVALID, resource.at("data"), message);
            }
            None => violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id)),
        }
        compiled.push(read.and_then(Result::ok).unwrap_or_default());
    }
    compiled
}

fn data_required(id: &str) -> String {
    format!("Data must be specified for Certificate {id} in Application Gateway.")
}
