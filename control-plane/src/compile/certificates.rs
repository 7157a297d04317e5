//! Server certificates, and the certificate authorities that are trusted for backends.

use tidegate_shared::snapshot::{Certificate, Staple, TrustedRoot};

use super::ocsp;
use super::resources::{Resource, Resources, given};
use crate::arm::body::SECRET_ID;
use crate::arm::certificate::{ServerCertificate, read_authorities};
use crate::arm::collection::{Collection, over_limit};
use crate::arm::document::Document;
use crate::arm::gateway::{AuthenticationCertificate, SslCertificate, TrustedRootCertificate};
use crate::arm::secret_reference::SecretReference;
use crate::violation::{Violations, code};

/// Compiles the server certificates. Reading has already parsed them, so each is either valid or absent. Also returns the
/// index of the compiled form of each; `None` for a reference that leads to no certificate, which disables listeners.
pub(super) fn servers(
    document: &Document,
    certificates: &Resources<SslCertificate>,
    violations: &mut Violations,
) -> (Vec<Certificate>, Vec<Option<usize>>) {
    let collection = Collection::named("sslCertificates").expect("the collection exists");
    let children: Vec<_> = document.members(collection).collect();
    let (mut compiled, mut places) = (Vec::new(), Vec::new());
    for resource in certificates.iter() {
        let child = children[resource.place];
        let is_reference =
            check_reference(resource, resource.properties.key_vault_secret_id.as_ref(), violations);
        match child.secret.as_ref().and_then(ServerCertificate::from_secret) {
            Some(ServerCertificate { chain, key }) => {
                let staple = staple(resource, &chain, violations);
                places.push(Some(compiled.len()));
                compiled.push(Certificate { name: resource.name.clone(), chain, key, staple });
            }
            None => {
                places.push(None);
                if !is_reference && document.files_of(child).is_none() {
                    violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id));
                }
            }
        }
    }
    (compiled, places)
}

/// Checks the reference of a certificate to a vault. Returns whether it has one.
fn check_reference<T>(
    resource: &Resource<T>,
    reference: Option<&String>,
    violations: &mut Violations,
) -> bool {
    let Some(reference) = given(reference) else { return false };
    if let Err(error) = SecretReference::parse(reference) {
        let message = format!("Key Vault secret ID of certificate {} is invalid: {error}.", resource.id);
        violations.push(code::KEY_VAULT_ID, resource.at(SECRET_ID), message);
    }
    true
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
pub(crate) const BUNDLED: usize = 100;

/// Compiles the certificate authorities of each trusted root certificate, in the order of `roots`. A reference that leads
/// to none yields none: no backend is trusted because of it.
pub(super) fn authorities(
    document: &Document,
    roots: &Resources<TrustedRootCertificate>,
    violations: &mut Violations,
) -> Vec<TrustedRoot> {
    let collection = Collection::named("trustedRootCertificates").expect("the collection exists");
    let children: Vec<_> = document.members(collection).collect();
    let mut compiled = Vec::new();
    for resource in roots.iter() {
        let mut certificates = Vec::new();
        let data = given(resource.properties.data.as_ref());
        if check_reference(resource, resource.properties.key_vault_secret_id.as_ref(), violations) {
            if data.is_some() {
                let message = "Only one of data and keyVaultSecretId is allowed.";
                violations.push(code::EXCLUSIVE, resource.at("data"), message);
            }
            let stored = children[resource.place].stored_certificate().unwrap_or_default();
            compiled.push(TrustedRoot { certificates: stored.chain });
            continue;
        }
        match data.map(read_authorities) {
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
