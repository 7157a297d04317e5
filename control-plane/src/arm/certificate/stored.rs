//! Certificates that come from elsewhere, as they are stored with the child that refers to them.
//!
//! The document keeps the reference as it was written. What it stands for is the child's secret, so that it is sealed, kept
//! in revisions and compiled like a certificate that was sent. A reference that leads to nothing stores the reason.

use serde::{Deserialize, Serialize};
use tidegate_shared::secret::{Secret, base64_list};

use super::ServerCertificate;
use crate::clock::Millis;

/// What a reference to a certificate stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct StoredCertificate {
    /// The chain of a server certificate, or trusted authorities, in DER.
    #[serde(with = "base64_list", skip_serializing_if = "Vec::is_empty")]
    pub(crate) chain: Vec<Vec<u8>>,
    /// The private key of a server certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Secret>,
    /// The reason why there is no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// The time at which this content was first fetched, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fetched_at: Option<i64>,
}

/// The reason why a certificate could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FetchFault {
    /// The vault, or the operator's configuration, does not give the certificate. As in Azure, the listeners that use it
    /// are disabled.
    Refused(String),
    /// The vault could not be asked. As in Azure, this has no impact on listeners that have a certificate.
    Unreachable(String),
}

impl FetchFault {
    /// The reason, for a person to read.
    pub(crate) fn reason(&self) -> &str {
        match self {
            FetchFault::Refused(reason) | FetchFault::Unreachable(reason) => reason,
        }
    }
}

impl StoredCertificate {
    /// A server certificate.
    pub(crate) fn server(certificate: &ServerCertificate, fetched_at: Millis) -> StoredCertificate {
        let (chain, key) = (certificate.chain.clone(), Some(certificate.key.clone()));
        StoredCertificate { chain, key, fault: None, fetched_at: Some(fetched_at.0) }
    }

    /// Trusted authorities.
    pub(crate) fn authorities(certificates: &[Vec<u8>], fetched_at: Millis) -> StoredCertificate {
        let chain = certificates.to_vec();
        StoredCertificate { chain, key: None, fault: None, fetched_at: Some(fetched_at.0) }
    }

    /// Nothing, for that reason.
    pub(crate) fn missing(reason: &str) -> StoredCertificate {
        StoredCertificate { fault: Some(reason.to_owned()), ..StoredCertificate::default() }
    }

    /// Serializes it for storage.
    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_vec(self).expect("a certificate is plain data"))
    }

    /// Restores it from its stored form. A certificate that was sent has the same form, without a time.
    pub(crate) fn from_secret(secret: &Secret) -> Option<StoredCertificate> {
        serde_json::from_slice(secret.expose()).ok()
    }

    /// Returns what is to be stored after another attempt to fetch it. Content that has not changed keeps its time, and
    /// content stays if the vault could not be asked.
    #[must_use]
    pub(crate) fn after(
        stored: Option<StoredCertificate>,
        fetched: Result<StoredCertificate, FetchFault>,
    ) -> StoredCertificate {
        match (fetched, stored) {
            (Ok(new), Some(old))
                if (&new.chain, &new.key) == (&old.chain, &old.key) && old.fetched_at.is_some() =>
            {
                old
            }
            (Ok(new), _) => new,
            (Err(FetchFault::Unreachable(_)), Some(old)) if !old.chain.is_empty() || old.fault.is_some() => {
                old
            }
            (Err(fault), _) => StoredCertificate::missing(fault.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_takes_a_certificate_away() {
        let content = |byte: u8, at| StoredCertificate::authorities(&[vec![byte]], Millis(at));
        let gone = StoredCertificate::missing;
        let refused = || Err(FetchFault::Refused("denied".to_owned()));
        let unreachable = || Err(FetchFault::Unreachable("no answer".to_owned()));
        for (stored, fetched, expected) in [
            (None, Ok(content(1, 5)), content(1, 5)),
            (Some(content(1, 5)), Ok(content(1, 9)), content(1, 5)),
            (Some(content(1, 5)), Ok(content(2, 9)), content(2, 9)),
            (Some(gone("denied")), Ok(content(2, 9)), content(2, 9)),
            (Some(content(1, 5)), unreachable(), content(1, 5)),
            (Some(content(1, 5)), refused(), gone("denied")),
            (Some(gone("expired")), unreachable(), gone("expired")),
            (Some(gone("expired")), refused(), gone("denied")),
            (None, unreachable(), gone("no answer")),
        ] {
            let text = format!("{stored:?} {fetched:?}");
            let after = StoredCertificate::after(stored, fetched);
            assert_eq!(after, expected, "{text}");
            assert_eq!(StoredCertificate::from_secret(&after.to_secret()), Some(after));
        }
    }
}
