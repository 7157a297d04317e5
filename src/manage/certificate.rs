//! The validity of a certificate, read from the certificate that a document shows. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use x509_parser::prelude::{FromDer, Pem, X509Certificate};

use crate::output::{Cell, Tone};

use super::view;

/// A certificate that ends within this many seconds is worth a warning: 30 days.
const SOON: i64 = 30 * 86_400;

/// The collections of certificates in the document of a gateway.
pub(crate) const CERTIFICATES: [&str; 4] =
    ["sslCertificates", "trustedRootCertificates", "trustedClientCertificates", "authenticationCertificates"];

/// The time in which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) begin: Timestamp,
    pub(crate) end: Timestamp,
}

/// Returns the validity of a document's certificate; that of the first one of a chain. `None` if the document shows
/// none.
pub(crate) fn validity(document: &Value) -> Option<Validity> {
    let properties = &document["properties"];
    let text =
        ["publicCertData", "data", "validatedCertData"].iter().find_map(|name| properties[*name].as_str())?;
    let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = match STANDARD.decode(bytes) {
        Ok(der) => der,
        Err(_) => text.as_bytes().to_vec(),
    };
    let der = match Pem::iter_from_buffer(&der).next() {
        Some(Ok(pem)) => pem.contents,
        _ => der,
    };
    let (_, certificate) = X509Certificate::from_der(first_of_bag(&der).unwrap_or(&der)).ok()?;
    let validity = certificate.validity();
    let [begin, end] =
        [validity.not_before, validity.not_after].map(|time| Timestamp::from_second(time.timestamp()));
    Some(Validity { begin: begin.ok()?, end: end.ok()? })
}

impl Validity {
    /// True if it has ended, or ends soon.
    pub(crate) fn ends_soon(&self, now: Timestamp) -> bool {
        self.end.duration_since(now).as_secs() < SOON
    }

    /// Returns the cell of the end.
    pub(super) fn end_cell(&self, now: Timestamp) -> Cell {
        let left = self.end.duration_since(now).as_secs();
        let date = self.end.strftime("%Y-%m-%d");
        match left {
            ..0 => Cell::new(format!("{date} (ended)"), Tone::Bad),
            0..SOON => Cell::new(format!("{date} (in {})", view::seconds(left)), Tone::Warning),
            _ => Cell::new(date.to_string(), Tone::Plain),
        }
    }

    /// Returns the cell of the age.
    pub(super) fn age_cell(&self, now: Timestamp) -> Cell {
        match now.duration_since(self.begin).as_secs() {
            ..0 => Cell::new("not valid yet", Tone::Bad),
            age => view::seconds(age).into(),
        }
    }
}

/// Returns the first certificate of a PKCS#7 structure (RFC 2315, section 9.1), in which Azure returns certificates.
fn first_of_bag(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const CONTEXT_0: u8 = 0xa0;
    let (outer, _) = element(der, SEQUENCE)?;
    // The type of the content, its wrapper, the signed data: version, digests, content, certificates.
    let (_, after_type) = any(outer)?;
    let (wrapped, _) = element(after_type, CONTEXT_0)?;
    let (signed, _) = element(wrapped, SEQUENCE)?;
    let mut rest = signed;
    for _ in 0..3 {
        rest = any(rest)?.1;
    }
    let (certificates, _) = element(rest, CONTEXT_0)?;
    Some(certificates)
}

/// Returns the content of the first element, and what follows it. `None` if it has another tag.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    any(der).filter(|_| der.first() == Some(&tag))
}

/// Returns the content of the first element, and what follows it.
fn any(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, first) = (der.get(1..)?, *der.get(1)?);
    let (length, start) = match first {
        0x80.. => {
            let bytes = header.get(1..=usize::from(first & 0x7f))?;
            let length = (bytes.len() <= 4)
                .then(|| bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)))?;
            (length, 2 + bytes.len())
        }
        short => (usize::from(short), 2),
    };
    Some((der.get(start..start + length)?, der.get(start + length..)?))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use serde_json::json;

    use super::*;

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2029, 2, 3);
        params.not_after = date_time_ymd(2031, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    #[test]
    fn the_end_is_read_in_every_form() {
        let der = certificate();
        let parts = [&[2, 1, 1, 0x31, 0, 0x30, 0][..], &wrapped(0xa0, &der), &[0x31, 0]].concat();
        let bag = wrapped(0x30, &[&[6, 1, 1][..], &wrapped(0xa0, &wrapped(0x30, &parts))].concat());
        for data in [STANDARD.encode(&der), STANDARD.encode(&bag)] {
            let document = json!({"properties": {"publicCertData": data}});
            let Validity { begin, end } = validity(&document).unwrap();
            assert_eq!(
                [begin, end].map(|time| time.strftime("%F").to_string()),
                ["2029-02-03", "2031-02-03"]
            );
        }
        for broken in ["", "AAAA", "MIIB", "no base64!"] {
            assert!(validity(&json!({"properties": {"data": broken}})).is_none(), "{broken}");
        }
        for length in 0..bag.len() {
            let _ = first_of_bag(&bag[..length]);
        }
    }

    #[test]
    fn a_near_end_is_a_warning() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let begin: Timestamp = "2029-12-01T00:00:00Z".parse().unwrap();
        for (end, expected) in [
            ("2029-12-31T00:00:00Z", Cell::new("2029-12-31 (ended)", Tone::Bad)),
            ("2030-01-03T00:00:00Z", Cell::new("2030-01-03 (in 2d)", Tone::Warning)),
            ("2031-01-01T00:00:00Z", Cell::new("2031-01-01", Tone::Plain)),
        ] {
            let validity = Validity { begin, end: end.parse().unwrap() };
            assert_eq!(validity.end_cell(now), expected);
            assert_eq!(validity.ends_soon(now), end < "2030-02-01");
        }
        let validity = Validity { begin, end: now };
        assert_eq!(validity.age_cell(now), Cell::from("31d"));
        let early = "2029-11-30T00:00:00Z".parse().unwrap();
        assert_eq!(validity.age_cell(early), Cell::new("not valid yet", Tone::Bad));
    }
}
