//! The texts of a client's certificate for rewrite rules and access logs. Pure, and never fails: a part that cannot
//! be parsed is empty. The formats are those of Azure, which has them from nginx and OpenSSL.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The texts of a certificate, each printable ASCII.
#[derive(Debug, Default)]
pub(super) struct Description {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) fingerprint: String,
    pub(super) start_date: String,
    pub(super) end_date: String,
}

/// The characters of an escaped PEM that are percent-encoded: all but the unreserved ones (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Description {
    pub(super) fn of(der: &[u8]) -> Description {
        let fingerprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, der);
        let mut described = Description {
            fingerprint: fingerprint.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            ..Description::default()
        };
        if let Ok((_, certificate)) = parse_x509_certificate(der) {
            described.subject = name(certificate.subject());
            described.issuer = name(certificate.issuer());
            described.serial = serial(certificate.raw_serial());
            described.start_date = date(certificate.validity().not_before);
            described.end_date = date(certificate.validity().not_after);
        }
        described
    }
}

/// Returns the PEM of a certificate, percent-encoded on one line.
pub(super) fn escaped_pem(der: &[u8]) -> String {
    utf8_percent_encode(&pem(der), ESCAPED).to_string()
}

fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in base64.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// Formats the serial number, without the zero byte that DER puts before a number with a set sign bit.
fn serial(raw: &[u8]) -> String {
    let significant = match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    significant.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Formats a time like `Nov  3 00:00:00 2026 GMT`.
fn date(time: ASN1Time) -> String {
    Timestamp::from_second(time.timestamp())
        .map(|time| time.to_zoned(TimeZone::UTC).strftime("%b %e %H:%M:%S %Y GMT").to_string())
        .unwrap_or_default()
}

/// Formats a distinguished name by RFC 2253: the most specific part first.
fn name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let value = match attribute.as_str() {
        Ok(text) => escape(text),
        Err(_) => {
            attribute.as_slice().iter().fold(String::from("#"), |text, byte| text + &format!("{byte:02X}"))
        }
    };
    format!("{kind}={value}")
}

/// Escapes a value by RFC 2253, section 2.4. Characters other than printable ASCII are escaped too, so that the
/// text is a valid header value.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (i, byte) in text.bytes().enumerate() {
        let at_edge = (i == 0 && matches!(byte, b' ' | b'#')) || (i == last && byte == b' ');
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => escaped.extend(['\\', char::from(byte)]),
            _ if at_edge => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => write!(escaped, "\\{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SerialNumber, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_is_described_as_openssl_does() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "A, B");
        params.distinguished_name.push(DnType::CommonName, "Jürgen\r\nX-Admin: yes");
        params.serial_number = Some(SerialNumber::from(vec![0xab, 0x01]));
        params.not_before = date_time_ymd(2026, 2, 3);
        params.not_after = date_time_ymd(2096, 11, 23);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let described = Description::of(certificate.der());
        assert_eq!(described.subject, r"CN=J\C3\BCrgen\0D\0AX-Admin: yes,O=A\, B,C=DE");
        assert_eq!(described.issuer, described.subject);
        assert_eq!(described.serial, "AB01");
        assert_eq!(described.fingerprint.len(), 40);
        assert_eq!(described.start_date, "Feb  3 00:00:00 2026 GMT");
        assert_eq!(described.end_date, "Nov 23 00:00:00 2096 GMT");
        let pem = escaped_pem(certificate.der());
        assert!(pem.starts_with("-----BEGIN%20CERTIFICATE-----%0AMII"), "{pem}");
        assert!(pem.ends_with("%0A-----END%20CERTIFICATE-----%0A"), "{pem}");
        let decoded = percent_encoding::percent_decode_str(&pem).decode_utf8().unwrap();
        let lines: Vec<_> = decoded.lines().collect();
        let base64 = lines[1..lines.len() - 1].concat();
        assert_eq!(STANDARD.decode(base64).unwrap(), certificate.der().as_ref());
    }

    #[test]
    fn nonsense_has_a_fingerprint_and_nothing_else() {
        let described = Description::of(b"nonsense");
        assert_eq!(described.subject, "");
        assert_eq!(described.start_date, "");
        assert_eq!(described.fingerprint.len(), 40);
    }

    #[test]
    fn edges_are_escaped() {
        for (text, expected) in [
            (" a ", r"\ a\ "),
            ("#a#", r"\#a#"),
            ("", ""),
            (" ", r"\ "),
            (r#"a+b"c\d<e>f;g"#, r#"a\+b\"c\\d\<e\>f\;g"#),
        ] {
            assert_eq!(escape(text), expected, "{text}");
        }
    }
}
