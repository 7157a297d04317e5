//! SSL profiles: how single listeners do TLS.

use super::resources::Resources;
use super::tls_policy::{self, generation};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{SslPolicy, SslProfile, TrustedClientCertificate};
use crate::violation::{Violations, code};

/// The most trusted client certificates of one profile, as the official service publishes it.
const AUTHORITIES: usize = 100;

/// Checks the profiles, and that their policies go with that of the gateway and with each other.
pub(super) fn check(
    profiles: &Resources<SslProfile>,
    authorities: &Resources<TrustedClientCertificate>,
    policy: Option<&SslPolicy>,
    violations: &mut Violations,
) {
    let mut first = policy.and_then(generation);
    for resource in profiles.iter() {
        let trusted = &resource.properties.trusted_client_certificates;
        if trusted.len() > AUTHORITIES {
            let message =
                over_limit("trustedClientCertificates in an SSL profile", trusted.len(), AUTHORITIES);
            violations.push(
                code::limit::PROFILE_AUTHORITIES,
                resource.at("trustedClientCertificates"),
                message,
            );
        }
        for (i, reference) in trusted.iter().enumerate() {
            let property = format!("trustedClientCertificates[{i}]");
            authorities.find(resource, &property, reference, violations);
        }
        let Some(policy) = &resource.properties.ssl_policy else { continue };
        tls_policy::check(policy, &resource.at("sslPolicy"), violations);
        let Some(generation) = generation(policy) else { continue };
        if *first.get_or_insert(generation) != generation {
            let message = format!(
                "The policy of {} is of another generation than that of the gateway or of another profile. Policies \
                 of 2022 and of type CustomV2 cannot be together with older ones.",
                resource.id
            );
            violations.push(code::SSL_POLICY_MISMATCH, resource.at("sslPolicy"), message);
        }
    }
}
