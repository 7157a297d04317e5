//! The TLS versions, cipher suites and predefined policies of Azure, in Azure's order.
//!
//! Data only: the compiler checks policies against it, and the API lists it. The compiler also decides which of
//! them a worker can serve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A version of TLS, ordered from the oldest to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) enum TlsVersion {
    TLSv1_0,
    TLSv1_1,
    TLSv1_2,
    TLSv1_3,
}

impl TlsVersion {
    /// Every version.
    pub(crate) const ALL: [TlsVersion; 4] =
        [TlsVersion::TLSv1_0, TlsVersion::TLSv1_1, TlsVersion::TLSv1_2, TlsVersion::TLSv1_3];

    /// Returns whether Azure has retired the version: no policy may enable it any more.
    pub(crate) fn is_deprecated(self) -> bool {
        self < TlsVersion::TLSv1_2
    }
}

/// A cipher suite, by its IANA name.
#[expect(non_camel_case_types, reason = "the names are those of Azure")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum CipherSuite {
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    TLS_RSA_WITH_AES_256_GCM_SHA384,
    TLS_RSA_WITH_AES_128_GCM_SHA256,
    TLS_RSA_WITH_AES_256_CBC_SHA256,
    TLS_RSA_WITH_AES_128_CBC_SHA256,
    TLS_RSA_WITH_AES_256_CBC_SHA,
    TLS_RSA_WITH_AES_128_CBC_SHA,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    TLS_DHE_DSS_WITH_AES_256_CBC_SHA256,
    TLS_DHE_DSS_WITH_AES_128_CBC_SHA256,
    TLS_DHE_DSS_WITH_AES_256_CBC_SHA,
    TLS_DHE_DSS_WITH_AES_128_CBC_SHA,
    TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA,
    TLS_AES_128_GCM_SHA256,
    TLS_AES_256_GCM_SHA384,
}

/// The suites that a custom policy may name. The suites of TLS 1.3 are always on where that version is.
pub(crate) const SUITES: [CipherSuite; 28] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_DSS_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_DHE_DSS_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DHE_DSS_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DHE_DSS_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA,
];

/// A policy of type `Custom` must name at least one of these.
pub(crate) const NEEDED: [CipherSuite; 6] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
];

/// The versions and suites of a predefined policy.
#[derive(Debug)]
pub(crate) struct PredefinedPolicy {
    /// The name of the policy.
    pub(crate) name: SslPolicyName,
    /// The minimum version.
    pub(crate) oldest: TlsVersion,
    /// The suites in order of preference.
    pub(crate) suites: &'static [CipherSuite],
}

/// The policy of a gateway without `sslPolicy`.
pub(crate) const DEFAULT: SslPolicyName = SslPolicyName::AppGwSslPolicy20220101;

/// Every predefined policy, from the oldest to the newest.
pub(crate) static PREDEFINED: [PredefinedPolicy; 5] = [
    PredefinedPolicy {
        name: SslPolicyName::AppGwSslPolicy20150501,
        oldest: TlsVersion::TLSv1_0,
        suites: &SUITES,
    },
    PredefinedPolicy {
        name: SslPolicyName::AppGwSslPolicy20170401,
        oldest: TlsVersion::TLSv1_1,
        suites: &SUITES_OF_2017,
    },
    PredefinedPolicy {
        name: SslPolicyName::AppGwSslPolicy20170401S,
        oldest: TlsVersion::TLSv1_2,
        suites: &SUITES_OF_2017,
    },
    PredefinedPolicy {
        name: SslPolicyName::AppGwSslPolicy20220101,
        oldest: TlsVersion::TLSv1_2,
        suites: &SUITES_OF_2022,
    },
    PredefinedPolicy {
        name: SslPolicyName::AppGwSslPolicy20220101S,
        oldest: TlsVersion::TLSv1_2,
        suites: &STRICT_SUITES_OF_2022,
    },
];

const SUITES_OF_2017: [CipherSuite; 16] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
];

const SUITES_OF_2022: [CipherSuite; 10] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
];

const STRICT_SUITES_OF_2022: [CipherSuite; 6] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

/// A predefined TLS policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SslPolicyName {
    AppGwSslPolicy20150501,
    AppGwSslPolicy20170401,
    AppGwSslPolicy20170401S,
    AppGwSslPolicy20220101,
    AppGwSslPolicy20220101S,
}

impl SslPolicyName {
    /// Returns the versions and suites of the policy.
    pub(crate) fn policy(self) -> &'static PredefinedPolicy {
        PREDEFINED.iter().find(|policy| policy.name == self).expect("every name has its policy")
    }

    /// Returns whether the policy allows TLS 1.3, as those since 2022 do.
    pub(crate) fn has_tls13(self) -> bool {
        self.policy().suites.contains(&CipherSuite::TLS_AES_128_GCM_SHA256)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_policy_stands_for_different_suites_each_once() {
        for policy in &PREDEFINED {
            let names: BTreeSet<_> = policy.suites.iter().map(|suite| format!("{suite:?}")).collect();
            assert_eq!(names.len(), policy.suites.len(), "{:?}", policy.name);
            assert_eq!(policy.name.policy().suites.len(), policy.suites.len());
        }
        let counts: Vec<_> = PREDEFINED.iter().map(|policy| policy.suites.len()).collect();
        assert_eq!(counts, [28, 16, 16, 10, 6]);
        assert_eq!(PREDEFINED.iter().filter(|policy| policy.name.has_tls13()).count(), 2);
    }
}
