//! TLS policies of the gateway and its profiles: consistency, and support by workers.
//!
//! Workers support TLS 1.2 and 1.3, with ECDHE and GCM. Other suites of a policy are left out; the response
//! lists the supported ones. A policy without any supported suite is rejected.

use tidegate_shared::snapshot;

use crate::arm::gateway::{SslPolicy, SslPolicyType};
use crate::arm::tls_policy::{CipherSuite, DEFAULT, NEEDED, TlsVersion};
use crate::violation::{Violations, code};

/// The generation of a policy. One gateway cannot mix generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Up to TLS 1.2.
    Old,
    /// With TLS 1.3.
    New,
}

/// Returns the generation of a policy, if its type determines one.
pub(super) fn generation(policy: &SslPolicy) -> Option<Generation> {
    let is_new = match policy.policy_type? {
        SslPolicyType::Predefined => policy.policy_name?.has_tls13(),
        SslPolicyType::Custom => false,
        SslPolicyType::CustomV2 => true,
    };
    Some(if is_new { Generation::New } else { Generation::Old })
}

/// Returns whether the policy is empty, which is equivalent to none: clients send such objects.
pub(crate) fn is_no_policy(policy: &SslPolicy) -> bool {
    policy.policy_type.is_none()
        && policy.policy_name.is_none()
        && policy.min_protocol_version.is_none()
        && !named(policy.cipher_suites.as_ref())
        && !named(policy.disabled_ssl_protocols.as_ref())
}

/// Checks the policy at `target`.
pub(super) fn check(policy: &SslPolicy, target: &str, violations: &mut Violations) {
    if is_no_policy(policy) {
        return;
    }
    match policy.policy_type {
        None => check_untyped(policy, target, violations),
        Some(SslPolicyType::Predefined) => check_predefined(policy, target, violations),
        Some(kind @ (SslPolicyType::Custom | SslPolicyType::CustomV2)) => {
            check_custom(policy, kind, target, violations);
        }
    }
}

/// The suites of TLS 1.2 that workers support.
const SERVED_OF_TLS12: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

/// The suites of TLS 1.3, which are always on where a policy allows that version.
const SERVED_OF_TLS13: [CipherSuite; 2] =
    [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];

/// Returns the supported suites of a policy in order of preference; empty if there are none.
pub(crate) fn served_cipher_suites(policy: &SslPolicy) -> Vec<CipherSuite> {
    let listed = policy.cipher_suites.as_deref().unwrap_or_default();
    let of_tls12 = || listed.iter().copied().filter(|suite| SERVED_OF_TLS12.contains(suite));
    let mut suites: Vec<CipherSuite> = match policy.policy_type {
        Some(SslPolicyType::Custom) => of_tls12().collect(),
        Some(SslPolicyType::CustomV2) if policy.min_protocol_version == Some(TlsVersion::TLSv1_3) => {
            SERVED_OF_TLS13.to_vec()
        }
        Some(SslPolicyType::CustomV2) => SERVED_OF_TLS13.into_iter().chain(of_tls12()).collect(),
        Some(SslPolicyType::Predefined) | None => {
            let named = policy.policy_name.unwrap_or(DEFAULT).policy().suites.iter().copied();
            named.filter(|suite| known(*suite).is_some()).collect()
        }
    };
    let mut seen = Vec::new();
    suites.retain(|suite| {
        !seen.contains(suite) && {
            seen.push(*suite);
            true
        }
    });
    suites
}

/// Returns the suites as workers know them. Without a policy, those of the default one.
pub(super) fn served(policy: Option<&SslPolicy>) -> Vec<snapshot::CipherSuite> {
    let default = SslPolicy::default();
    served_cipher_suites(policy.unwrap_or(&default)).into_iter().filter_map(known).collect()
}

fn known(suite: CipherSuite) -> Option<snapshot::CipherSuite> {
    Some(match suite {
        CipherSuite::TLS_AES_128_GCM_SHA256 => snapshot::CipherSuite::Tls13Aes128GcmSha256,
        CipherSuite::TLS_AES_256_GCM_SHA384 => snapshot::CipherSuite::Tls13Aes256GcmSha384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
            snapshot::CipherSuite::EcdheEcdsaAes128GcmSha256
        }
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
            snapshot::CipherSuite::EcdheEcdsaAes256GcmSha384
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => snapshot::CipherSuite::EcdheRsaAes128GcmSha256,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => snapshot::CipherSuite::EcdheRsaAes256GcmSha384,
        _ => return None,
    })
}

fn named<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

/// Checks a policy of the oldest form, which has no type and only lists the disabled versions.
fn check_untyped(policy: &SslPolicy, target: &str, violations: &mut Violations) {
    let alone = policy.policy_name.is_none()
        && policy.min_protocol_version.is_none()
        && !named(policy.cipher_suites.as_ref());
    let off = policy.disabled_ssl_protocols.as_deref().unwrap_or_default();
    if !alone {
        violations.push(code::SSL_POLICY_TYPE, target, "Property 'policyType' is required.");
    } else if off.iter().any(|version| !version.is_deprecated()) {
        let message = "TLS 1.2 and 1.3 are always enabled. Only TLSv1_0 and TLSv1_1 can be disabled, and \
                       they always are.";
        violations.push(code::NOT_SUPPORTED, format!("{target}.disabledSslProtocols"), message);
    }
}

fn check_predefined(policy: &SslPolicy, target: &str, violations: &mut Violations) {
    let at = |property: &str| format!("{target}.{property}");
    match policy.policy_name {
        None => {
            let message = "Property 'policyName' is required for PolicyType 'Predefined'.";
            violations.push(code::SSL_POLICY_NAME, at("policyName"), message);
        }
        Some(name) if name.policy().oldest.is_deprecated() => {
            deprecated(&format!("{name:?}"), name.policy().oldest, at("policyName"), violations);
        }
        Some(_) => {}
    }
    for (name, present) in [
        ("minProtocolVersion", policy.min_protocol_version.is_some()),
        ("cipherSuites", named(policy.cipher_suites.as_ref())),
        ("disabledSslProtocols", named(policy.disabled_ssl_protocols.as_ref())),
    ] {
        if present {
            unsupported_property(SslPolicyType::Predefined, name, target, violations);
        }
    }
}

fn check_custom(policy: &SslPolicy, kind: SslPolicyType, target: &str, violations: &mut Violations) {
    let at = |property: &str| format!("{target}.{property}");
    for (name, present) in [
        ("policyName", policy.policy_name.is_some()),
        ("disabledSslProtocols", named(policy.disabled_ssl_protocols.as_ref())),
    ] {
        if present {
            unsupported_property(kind, name, target, violations);
        }
    }
    match policy.min_protocol_version {
        None => {
            let message = format!("Property 'minProtocolVersion' is required for PolicyType '{kind:?}'.");
            violations.push(code::SSL_POLICY_VERSION, at("minProtocolVersion"), message);
        }
        Some(version) if version.is_deprecated() => {
            deprecated(&format!("{version:?}"), version, at("minProtocolVersion"), violations);
        }
        Some(TlsVersion::TLSv1_3) if kind == SslPolicyType::Custom => {
            let message = "TLS 1.3 requires a policy of type 'CustomV2'.";
            violations.push(code::SSL_POLICY_VERSION, at("minProtocolVersion"), message);
        }
        Some(_) => {}
    }
    let suites = policy.cipher_suites.as_deref().unwrap_or_default();
    // With TLS 1.3 alone the suites are fixed.
    let needs_suites =
        kind == SslPolicyType::Custom || policy.min_protocol_version != Some(TlsVersion::TLSv1_3);
    if suites.is_empty() && needs_suites {
        let message = format!("Property 'cipherSuites' is required for PolicyType '{kind:?}'.");
        violations.push(code::SSL_POLICY_SUITES, at("cipherSuites"), message);
    } else if kind == SslPolicyType::Custom && !suites.iter().any(|suite| NEEDED.contains(suite)) {
        let needed: Vec<String> = NEEDED.iter().map(|suite: &CipherSuite| format!("{suite:?}")).collect();
        let message = format!("A custom policy must have at least one of {}.", needed.join(", "));
        violations.push(code::SSL_POLICY_SUITES, at("cipherSuites"), message);
    } else if served_cipher_suites(policy).is_empty() {
        let served: Vec<String> = SERVED_OF_TLS12.iter().map(|suite| format!("{suite:?}")).collect();
        let message = format!("None of these suites is supported. Supported are {}.", served.join(", "));
        violations.push(code::NOT_SUPPORTED, at("cipherSuites"), message);
    }
}

fn unsupported_property(kind: SslPolicyType, name: &str, target: &str, violations: &mut Violations) {
    let message = format!("Specified PolicyType '{kind:?}' does not support property '{name}'.");
    violations.push(code::SSL_POLICY_PROPERTY, format!("{target}.{name}"), message);
}

fn deprecated(value: &str, version: TlsVersion, target: String, violations: &mut Violations) {
    let message = format!(
        "'{value}' allows {version:?}, which Azure has retired and which no worker speaks. Use TLSv1_2 or newer, or \
         the predefined policy {DEFAULT:?}."
    );
    violations.push(code::SSL_POLICY_DEPRECATED, target, message);
}
