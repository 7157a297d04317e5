//! The PKCS#7 structure in which Azure returns certificates (`publicCertData`).
//!
//! A `SignedData` without signers is a fixed wrapper around the certificates, so it is encoded by hand. This
//! module only writes.

/// `1.2.840.113549.1.7.2`, signedData.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `1.2.840.113549.1.7.1`, data.
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// Constructed, context-specific 0: the content of the outer structure, and the certificates of the inner one.
const CONTEXT_0: u8 = 0xa0;

/// Encodes the certificates as a degenerate `SignedData` (RFC 2315, section 9.1). Input and output are DER.
pub(crate) fn certificate_bag(certificates: &[Vec<u8>]) -> Vec<u8> {
    let signed_data = [
        element(INTEGER, &[1]),
        element(SET, &[]),
        element(SEQUENCE, DATA),
        element(CONTEXT_0, &certificates.concat()),
        element(SET, &[]),
    ]
    .concat();
    let content = element(CONTEXT_0, &element(SEQUENCE, &signed_data));
    element(SEQUENCE, &[SIGNED_DATA, &content].concat())
}

/// Encodes one DER element: tag, length in the shortest form, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match significant {
        [] => out.push(0),
        [short @ ..0x80] => out.push(*short),
        long => {
            // The length has at most eight bytes, so the cast is exact.
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        for (length, header) in [
            (0, &[0x04, 0x00][..]),
            (0x7f, &[0x04, 0x7f]),
            (0x80, &[0x04, 0x81, 0x80]),
            (0xff, &[0x04, 0x81, 0xff]),
            (0x100, &[0x04, 0x82, 0x01, 0x00]),
            (0x01_0000, &[0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            assert!(element(4, &vec![7; length]).starts_with(header), "{length}");
        }
    }

    #[test]
    fn the_bag_holds_the_certificates_in_order() {
        // As `openssl crl2pkcs7 -nocrl` writes it, with two elements that stand in for certificates.
        let bag = certificate_bag(&[vec![0x30, 0x01, 0x41], vec![0x30, 0x01, 0x42]]);
        let expected: &[&[u8]] = &[
            &[0x30, 0x2b],
            SIGNED_DATA,
            &[0xa0, 0x1e, 0x30, 0x1c, 0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b],
            DATA,
            &[0xa0, 0x06, 0x30, 0x01, 0x41, 0x30, 0x01, 0x42, 0x31, 0x00],
        ];
        assert_eq!(bag, expected.concat());
    }
}
