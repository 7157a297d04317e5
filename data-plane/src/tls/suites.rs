//! Cipher suites: their rustls implementations, and their names in logs and variables.

use std::borrow::Cow;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};
use tidegate_shared::snapshot::CipherSuite;

use super::provider;

/// Every supported suite; the index of each is its bit in a [`SuiteSet`].
const ALL: [CipherSuite; 6] = [
    CipherSuite::Tls13Aes128GcmSha256,
    CipherSuite::Tls13Aes256GcmSha384,
    CipherSuite::EcdheEcdsaAes128GcmSha256,
    CipherSuite::EcdheEcdsaAes256GcmSha384,
    CipherSuite::EcdheRsaAes128GcmSha256,
    CipherSuite::EcdheRsaAes256GcmSha384,
];

/// A set of supported suites, cheap to compare for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SuiteSet(u8);

impl SuiteSet {
    /// The suites of a listener.
    pub(crate) fn of(suites: &[CipherSuite]) -> SuiteSet {
        SuiteSet::among(|suite| suites.contains(&suite))
    }

    /// The one suite that a handshake negotiated.
    pub(super) fn agreed(suite: rustls::CipherSuite) -> SuiteSet {
        SuiteSet::among(|known| supported(known).suite() == suite)
    }

    fn among(is_meant: impl Fn(CipherSuite) -> bool) -> SuiteSet {
        let bits = ALL.iter().enumerate().filter(|(_, suite)| is_meant(**suite)).map(|(place, _)| 1 << place);
        SuiteSet(bits.sum())
    }

    /// Returns true if all of the other suites are among these.
    pub(crate) fn holds(self, others: SuiteSet) -> bool {
        others.0 & !self.0 == 0
    }
}

/// Returns the cryptography provider limited to these suites, the preferred first.
pub(super) fn provider_of(suites: &[CipherSuite]) -> Arc<CryptoProvider> {
    let cipher_suites = suites.iter().map(|suite| supported(*suite)).collect();
    Arc::new(CryptoProvider { cipher_suites, ..provider().as_ref().clone() })
}

/// Returns the TLS versions that these suites imply.
pub(super) fn versions_of(suites: &[CipherSuite]) -> Vec<&'static SupportedProtocolVersion> {
    [&version::TLS13, &version::TLS12]
        .into_iter()
        .filter(|version| suites.iter().any(|suite| *supported(*suite).version() == **version))
        .collect()
}

fn supported(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::Tls13Aes128GcmSha256 => cipher_suite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::Tls13Aes256GcmSha384 => cipher_suite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::EcdheEcdsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheEcdsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheRsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheRsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    }
}

/// Returns a suite's OpenSSL name, which Azure also shows, or its number in hexadecimal if the table lacks it.
pub(super) fn name_of(suite: rustls::CipherSuite) -> Cow<'static, str> {
    let number = u16::from(suite);
    match NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("0x{number:04x}")),
    }
}

/// The numbers of the IANA registry with OpenSSL's names.
const NAMES: &[(u16, &str)] = &[
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
    (0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xc030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"),
    (0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (0xccaa, "DHE-RSA-CHACHA20-POLY1305"),
    (0x009c, "AES128-GCM-SHA256"),
    (0x009d, "AES256-GCM-SHA384"),
    (0x009e, "DHE-RSA-AES128-GCM-SHA256"),
    (0x009f, "DHE-RSA-AES256-GCM-SHA384"),
    (0xc009, "ECDHE-ECDSA-AES128-SHA"),
    (0xc00a, "ECDHE-ECDSA-AES256-SHA"),
    (0xc013, "ECDHE-RSA-AES128-SHA"),
    (0xc014, "ECDHE-RSA-AES256-SHA"),
    (0xc023, "ECDHE-ECDSA-AES128-SHA256"),
    (0xc024, "ECDHE-ECDSA-AES256-SHA384"),
    (0xc027, "ECDHE-RSA-AES128-SHA256"),
    (0xc028, "ECDHE-RSA-AES256-SHA384"),
    (0x0033, "DHE-RSA-AES128-SHA"),
    (0x0039, "DHE-RSA-AES256-SHA"),
    (0x0067, "DHE-RSA-AES128-SHA256"),
    (0x006b, "DHE-RSA-AES256-SHA256"),
    (0x002f, "AES128-SHA"),
    (0x0035, "AES256-SHA"),
    (0x003c, "AES128-SHA256"),
    (0x003d, "AES256-SHA256"),
    (0x000a, "DES-CBC3-SHA"),
    (0xc008, "ECDHE-ECDSA-DES-CBC3-SHA"),
    (0xc012, "ECDHE-RSA-DES-CBC3-SHA"),
    (0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    (0x5600, "TLS_FALLBACK_SCSV"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use CipherSuite::*;

    #[test]
    fn suites_imply_versions() {
        for (suites, expected) in [
            (&[Tls13Aes128GcmSha256][..], &[&version::TLS13][..]),
            (&[EcdheRsaAes256GcmSha384], &[&version::TLS12]),
            (&[EcdheRsaAes256GcmSha384, Tls13Aes256GcmSha384], &[&version::TLS13, &version::TLS12]),
        ] {
            assert_eq!(versions_of(suites), expected, "{suites:?}");
        }
    }

    #[test]
    fn the_library_gets_the_suites_in_their_order() {
        let provider = provider_of(&[EcdheRsaAes128GcmSha256, EcdheEcdsaAes256GcmSha384]);
        let names: Vec<_> = provider.cipher_suites.iter().map(|suite| name_of(suite.suite())).collect();
        assert_eq!(names, ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]);
    }

    #[test]
    fn unknown_suites_are_shown_by_number() {
        assert_eq!(name_of(rustls::CipherSuite::from(0x0a0a)), "0x0a0a");
        assert_eq!(name_of(rustls::CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA), "AES128-SHA");
    }
}
