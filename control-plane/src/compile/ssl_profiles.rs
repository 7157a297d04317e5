//! SSL profiles: the TLS settings of single listeners.

use tidegate_shared::snapshot::{CipherSuite, ClientAuthentication};

use super::resources::{Resource, Resources};
use super::tls_policy::{self, Generation, generation, is_no_policy};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{
    ClientAuthMode, ClientRevocation, SslPolicy, SslProfile, TrustedClientCertificate,
};
use crate::arm::tls_policy::DEFAULT;
use crate::violation::{Violations, code};

/// The maximum number of trusted client certificates of one profile, as Azure publishes it.
const AUTHORITIES: usize = 100;

/// The compiled TLS settings of a profile.
#[derive(Debug)]
pub(super) struct Profile {
    /// The cipher suites; those of the gateway's policy if `None`.
    pub(super) suites: Option<Vec<CipherSuite>>,
    pub(super) clients: Option<ClientAuthentication>,
}

type Source = Resource<SslProfile>;

/// Compiles the profiles, in the order of `profiles`. Their policies must be of the same generation as that of
/// the gateway, which is the default policy if the gateway names none.
pub(super) fn compile(
    profiles: &Resources<SslProfile>,
    authorities: &Resources<TrustedClientCertificate>,
    policy: Option<&SslPolicy>,
    violations: &mut Violations,
) -> Vec<Profile> {
    let of_gateway = policy.and_then(generation).unwrap_or(Generation::New);
    let compiled = profiles.iter().map(|resource| {
        let clients = clients(resource, authorities, violations);
        let policy = resource.properties.ssl_policy.as_ref().filter(|policy| !is_no_policy(policy));
        let suites = policy.map(|policy| {
            check_policy(resource, policy, of_gateway, violations);
            tls_policy::served(Some(policy))
        });
        Profile { suites, clients }
    });
    compiled.collect()
}

fn check_policy(resource: &Source, policy: &SslPolicy, of_gateway: Generation, violations: &mut Violations) {
    tls_policy::check(policy, &resource.at("sslPolicy"), violations);
    if generation(policy).is_some_and(|generation| generation != of_gateway) {
        let message = format!(
            "The policy of {} is of another generation than that of the gateway, which defaults to \
             {DEFAULT:?}. Policies of 2022 and of type CustomV2 cannot be combined with older ones.",
            resource.id
        );
        violations.push(code::SSL_POLICY_MISMATCH, resource.at("sslPolicy"), message);
    }
}

/// Compiles the authentication of clients. Without certificate authorities clients are not asked for a
/// certificate, except in mode `Passthrough`.
fn clients(
    resource: &Source,
    authorities: &Resources<TrustedClientCertificate>,
    violations: &mut Violations,
) -> Option<ClientAuthentication> {
    let named = named_authorities(resource, authorities, violations);
    let asked = resource.properties.client_auth_configuration.clone().unwrap_or_default();
    let at = |property: &str| resource.at(&format!("clientAuthConfiguration.{property}"));
    if asked.verify_client_revocation == Some(ClientRevocation::Ocsp) {
        let message =
            "Revocation checks of client certificates are not supported. Set it to 'None' or leave it out.";
        violations.push(code::NOT_SUPPORTED, at("verifyClientRevocation"), message);
    }
    let by_named_issuer = asked.verify_client_cert_issuer_dn == Some(true);
    if asked.verify_client_auth_mode == Some(ClientAuthMode::Passthrough) {
        if by_named_issuer {
            let message = "In mode 'Passthrough' certificates and their issuer's names are not verified.";
            violations.push(code::EXCLUSIVE, at("verifyClientCertIssuerDN"), message);
        }
        return Some(ClientAuthentication::Passthrough);
    }
    if resource.properties.trusted_client_certificates.is_empty() {
        // A check that cannot be done must not appear to be done. Azure took `verifyClientCertIssuerDN` so, with which
        // az and PowerShell create profiles; it gets a warning.
        if asked.verify_client_auth_mode == Some(ClientAuthMode::Strict) {
            let message = "Client certificates require at least one of trustedClientCertificates.";
            violations.push(code::CLIENT_AUTHORITY_REQUIRED, at("verifyClientAuthMode"), message);
        }
        return None;
    }
    Some(ClientAuthentication::Required { authorities: named, by_named_issuer })
}

/// Returns the indices of the trusted client certificates, ascending and without duplicates.
fn named_authorities(
    resource: &Source,
    authorities: &Resources<TrustedClientCertificate>,
    violations: &mut Violations,
) -> Vec<usize> {
    let trusted = &resource.properties.trusted_client_certificates;
    if trusted.len() > AUTHORITIES {
        let message = over_limit("trustedClientCertificates in an SSL profile", trusted.len(), AUTHORITIES);
        violations.push(code::limit::PROFILE_AUTHORITIES, resource.at("trustedClientCertificates"), message);
    }
    let find = |(i, reference)| {
        let property = format!("trustedClientCertificates[{i}]");
        authorities.find(resource, &property, reference, violations)
    };
    let mut named: Vec<usize> = trusted.iter().enumerate().filter_map(find).collect();
    named.sort_unstable();
    named.dedup();
    named
}
