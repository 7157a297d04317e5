//! Server certificates and the authorities that backends are checked against.

use tidegate_shared::snapshot::Certificate;

use super::resources::{Resources, given};
use crate::arm::certificate::{ServerCertificate, read_authorities};
use crate::arm::collection::Collection;
use crate::arm::document::Document;
use crate::arm::gateway::{SslCertificate, TrustedRootCertificate};
use crate::violation::{Violations, code};

/// The server certificates, as reading left them: tried already, so one is either whole or absent.
pub(super) fn servers(
    document: &Document,
    certificates: &Resources<SslCertificate>,
    violations: &mut Violations,
) -> Vec<Certificate> {
    let collection = Collection::named("sslCertificates").expect("the collection exists");
    let mut compiled = Vec::new();
    for (resource, child) in certificates.iter().zip(document.members(collection)) {
        match child.secret.as_ref().and_then(ServerCertificate::from_secret) {
            Some(ServerCertificate { chain, key }) => {
                compiled.push(Certificate { name: resource.name.clone(), chain, key });
            }
            None => {
                violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id));
            }
        }
    }
    compiled
}

/// The authorities of each trusted root certificate, DER.
pub(super) fn authorities(
    roots: &Resources<TrustedRootCertificate>,
    violations: &mut Violations,
) -> Vec<Vec<Vec<u8>>> {
    let mut compiled = Vec::new();
    for resource in roots.iter() {
        let mut authorities = Vec::new();
        match given(resource.properties.data.as_ref()).map(read_authorities) {
            Some(Ok(list)) => authorities = list,
            Some(Err(reason)) => {
                let message = format!("Data for certificate {} is invalid: {reason}.", resource.id);
                violations.push(code::ROOT_INVALID, resource.at("data"), message);
            }
            None => violations.push(code::CERTIFICATE_DATA, resource.target(), data_required(&resource.id)),
        }
        compiled.push(authorities);
    }
    compiled
}

fn data_required(id: &str) -> String {
    format!("Data must be specified for Certificate {id} in Application Gateway.")
}
