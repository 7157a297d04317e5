//! Certificate authorities of clients, and pinned certificates of backends in the style of Azure v1.

use tidegate_shared::snapshot::ClientAuthority;
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use super::resources::{Resource, Resources, given};
use crate::arm::certificate::{CertificateError, last_authority, read_authorities};
use crate::arm::gateway::TrustedClientCertificate;
use crate::violation::{Violations, code};

/// The maximum size of one trusted client certificate in bytes, as Azure publishes it.
const SIZE: usize = 25 * 1024;

/// A placeholder for an invalid certificate. It keeps indices aligned; the document is rejected anyway.
const REFUSED: ClientAuthority =
    ClientAuthority { roots: Vec::new(), intermediates: Vec::new(), issuer: Vec::new() };

/// Compiles the chains, in the order of `certificates`. Each must have exactly one root.
pub(super) fn compile(
    certificates: &Resources<TrustedClientCertificate>,
    violations: &mut Violations,
) -> Vec<ClientAuthority> {
    let compiled = certificates.iter().map(|resource| {
        chain(resource).unwrap_or_else(|(code, complaint)| {
            let message = format!("Trusted client certificate {}: {complaint}.", resource.id);
            violations.push(code, resource.at("data"), message);
            REFUSED
        })
    });
    compiled.collect()
}

fn chain(resource: &Resource<TrustedClientCertificate>) -> Result<ClientAuthority, (&'static str, String)> {
    let data = given(resource.properties.data.as_ref())
        .ok_or_else(|| (code::CLIENT_AUTHORITY_DATA, "data must be specified".to_owned()))?;
    let certificates = read_authorities(data).map_err(|reason| match reason {
        CertificateError::UnwantedKey => (code::CLIENT_AUTHORITY_KEY, reason.to_string()),
        _ => (code::CLIENT_AUTHORITY_INVALID, format!("data is invalid: {reason}")),
    })?;
    if certificates.iter().map(Vec::len).sum::<usize>() > SIZE {
        return Err((code::CLIENT_AUTHORITY_INVALID, format!("data is larger than {SIZE} bytes")));
    }
    let parsed: Result<Vec<_>, _> =
        certificates.iter().map(|der| parse_x509_certificate(der).map(|(_, parsed)| parsed)).collect();
    let parsed = parsed.map_err(|_| (code::CLIENT_AUTHORITY_INVALID, "data is invalid".to_owned()))?;
    let authorities: Vec<_> = parsed.iter().filter(|certificate| certificate.is_ca()).collect();
    if authorities.is_empty() {
        return Err((code::CLIENT_AUTHORITY_LEAF, "it contains no CA certificate".to_owned()));
    }
    let (roots, intermediates): (Vec<_>, Vec<_>) = authorities.into_iter().partition(|one| is_root(one));
    let (1, Some(issuer)) = (roots.len(), last_authority(&parsed)) else {
        let complaint = format!("it must contain exactly one root, not {}", roots.len());
        return Err((code::CLIENT_AUTHORITY_ROOTS, complaint));
    };
    let der = |list: Vec<&X509Certificate<'_>>| list.iter().map(|one| one.as_raw().to_vec()).collect();
    Ok(ClientAuthority {
        issuer: issuer.subject().as_raw().to_vec(),
        roots: der(roots),
        intermediates: der(intermediates),
    })
}

fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == certificate.subject().as_raw()
}
