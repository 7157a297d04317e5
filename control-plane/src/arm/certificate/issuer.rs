//! Who signs clients' certificates: the name that the service shows of a trusted client certificate.

use x509_parser::certificate::X509Certificate;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::read_authorities;

/// The most certificates of a chain that are looked at: a real one has a handful.
const LOOKED_AT: usize = 100;

/// The distinguished name of the last authority in a chain. None where the data cannot be read. The most specific part
/// comes first, as the official service has it.
pub fn client_issuer(data: &str) -> Option<String> {
    let chain = read_authorities(data).ok()?;
    let read = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
    let certificates: Vec<X509Certificate<'_>> =
        chain.iter().take(LOOKED_AT).filter_map(|der: &Vec<u8>| read(der.as_slice())).collect();
    last_authority(&certificates).map(|last| printed(last.subject()))
}

/// The authority in a chain that signs none of the others, wherever it stands: the last intermediate, or a root on its
/// own. A certificate that is no authority's does not count.
pub fn last_authority<'a, 'b>(chain: &'a [X509Certificate<'b>]) -> Option<&'a X509Certificate<'b>> {
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
