//! The issuer name of client certificates, which the API returns for a trusted client certificate.

use x509_parser::certificate::X509Certificate;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::read_authorities;

/// The maximum number of certificates of a chain that are examined; real chains have a handful.
const LOOKED_AT: usize = 100;

/// Returns the distinguished name of the last CA in a chain, the most specific attribute first, as Azure
/// returns it. `None` if the data cannot be parsed.
pub(crate) fn client_issuer(data: &str) -> Option<String> {
    let chain = read_authorities(data).ok()?;
    let read = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
    let certificates: Vec<X509Certificate<'_>> =
        chain.iter().take(LOOKED_AT).filter_map(|der: &Vec<u8>| read(der.as_slice())).collect();
    last_authority(&certificates).map(|last| printed(last.subject()))
}

/// Returns the last CA of a chain that issued none of the other CAs, in any order: the last intermediate, or a
/// single root. Ignores certificates that are not CAs.
pub(crate) fn last_authority<'a, 'b>(chain: &'a [X509Certificate<'b>]) -> Option<&'a X509Certificate<'b>> {
    let authorities = || chain.iter().take(LOOKED_AT).filter(|certificate| certificate.is_ca());
    let signs_another = |authority: &X509Certificate<'_>| {
        let signed = |other: &&X509Certificate<'_>| other.subject().as_raw() != authority.subject().as_raw();
        authorities().filter(signed).any(|other| other.issuer().as_raw() == authority.subject().as_raw())
    };
    authorities().rfind(|authority| !signs_another(authority))
}

fn printed(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_attributes()
        .map(|attribute| {
            let kind = attribute.attr_type();
            let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
            format!("{kind}={}", attribute.as_str().unwrap_or_default())
        })
        .collect();
    parts.reverse();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    };

    use super::*;

    fn authority(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    #[test]
    fn the_last_authority_of_a_chain_is_named_wherever_it_stands() {
        let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let middle = authority("middle").signed_by(&key, &root).unwrap();
        let (root, middle) = (root.pem(), middle.pem());
        for (chain, expected) in [
            (root.clone(), Some("CN=root, C=DE")),
            (format!("{root}{middle}"), Some("CN=middle, C=DE")),
            (format!("{middle}{root}"), Some("CN=middle, C=DE")),
            ("nonsense".to_owned(), None),
        ] {
            assert_eq!(client_issuer(&chain).as_deref(), expected);
        }
    }
}
