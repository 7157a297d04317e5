//! OCSP responses (RFC 6960) that are stapled to the handshakes of a certificate.
//!
//! Reads only what a worker needs: that the response is well-formed, that it reports this certificate as good,
//! and until when. The signature is not verified, because clients verify it themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tidegate_shared::snapshot::Staple;
use x509_parser::parse_x509_certificate;

/// The maximum size of a response in bytes. Real ones have 500 to 2,000.
const SIZE: usize = 16 * 1024;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// Context-specific 0 and 1, constructed.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
/// `1.3.6.1.5.5.7.48.1.1`, id-pkix-ocsp-basic.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
/// The certificate status `good`: context-specific 0, empty.
const GOOD: u8 = 0x80;

/// Reads a base64 response for this certificate (DER).
///
/// # Errors
/// The reason, as a clause that follows a colon.
pub(super) fn staple(data: &str, certificate: &[u8]) -> Result<Staple, &'static str> {
    let text: String = data.chars().filter(|c| !c.is_ascii_whitespace() && *c != '=').collect();
    let response = STANDARD_NO_PAD.decode(text).map_err(|_| "it is not base64")?;
    if response.len() > SIZE {
        return Err("it is larger than 16 KB");
    }
    let (_, certificate) =
        parse_x509_certificate(certificate).map_err(|_| "the certificate itself cannot be read")?;
    let until = read(&response, certificate.raw_serial())?;
    Ok(Staple { response, until })
}

/// Returns the time of the next update (`nextUpdate`), in seconds since 1970, if there is one.
fn read(response: &[u8], serial: &[u8]) -> Result<Option<u64>, &'static str> {
    const UNREADABLE: &str = "it cannot be parsed as an OCSP response";
    let mut whole = Reader(Reader(response).last(SEQUENCE).ok_or(UNREADABLE)?);
    if whole.next(ENUMERATED).ok_or(UNREADABLE)? != [0] {
        return Err("its status is not successful");
    }
    let responses = responses(whole).ok_or(UNREADABLE)?;
    let mut list = Reader(responses);
    while !list.0.is_empty() {
        let mut single = Reader(list.next(SEQUENCE).ok_or(UNREADABLE)?);
        if serial_of(&mut single).ok_or(UNREADABLE)? != serial {
            continue;
        }
        if single.next(GOOD) != Some(&[]) {
            return Err("the certificate status in it is not good");
        }
        single.next(TIME).ok_or(UNREADABLE)?;
        let Some(next_update) = single.next(CONTEXT_0) else { return Ok(None) };
        let next_update = Reader(next_update).last(TIME).and_then(seconds).ok_or(UNREADABLE)?;
        return Ok(Some(next_update));
    }
    Err("it is about another certificate")
}

/// Returns the list of single responses from the bytes after the response status.
fn responses(mut whole: Reader<'_>) -> Option<&[u8]> {
    let mut bytes = Reader(Reader(whole.last(CONTEXT_0)?).last(SEQUENCE)?);
    if bytes.next(IDENTIFIER)? != BASIC {
        return None;
    }
    let mut basic = Reader(Reader(bytes.last(OCTET_STRING)?).last(SEQUENCE)?);
    let mut data = Reader(basic.next(SEQUENCE)?);
    basic.next(SEQUENCE)?;
    basic.next(BIT_STRING)?;
    // The version, which is always the default, and the responder's name or key hash.
    data.next(CONTEXT_0);
    data.next(CONTEXT_1).or_else(|| data.next(CONTEXT_1 + 1))?;
    data.next(TIME)?;
    data.next(SEQUENCE)
}

/// Returns the serial number of the certificate of a single response.
fn serial_of<'a>(single: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut certificate = Reader(single.next(SEQUENCE)?);
    certificate.next(SEQUENCE)?;
    certificate.next(OCTET_STRING)?;
    certificate.next(OCTET_STRING)?;
    certificate.last(INTEGER)
}

/// Converts `20261123120000Z` to seconds since 1970. Zero for a time before 1970.
fn seconds(time: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let seconds = time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// Reads a sequence of DER elements.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the content of the next element if it has this tag; otherwise does not advance.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&first, rest) = self.0.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            short @ ..=0x7f => (usize::from(short), rest),
            // The maximum size of 16 KB needs two length bytes.
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
            _ => return None,
        };
        let content = rest.get(..length)?;
        if first != tag {
            return None;
        }
        self.0 = &rest[length..];
        Some(content)
    }

    /// The same as `next`, but `None` if another element follows.
    fn last(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next(tag).filter(|_| self.0.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::samples::ocsp_response;

    const SERIAL: &[u8] = &[0x01, 0x02];

    #[test]
    fn responses_are_read() {
        let good = |until| ocsp_response(SERIAL, &[0x80, 0x00], until);
        for (response, expected) in [
            (good(Some("20261123120000Z")), Ok(Some(1_795_435_200))),
            (good(Some("19600101000000Z")), Ok(Some(0))),
            (good(None), Ok(None)),
            (good(Some("next year")), Err("it cannot be parsed as an OCSP response")),
            (ocsp_response(&[7], &[0x80, 0x00], None), Err("it is about another certificate")),
            (ocsp_response(SERIAL, &[0x82, 0x00], None), Err("the certificate status in it is not good")),
            (vec![0x30, 0x03, 0x0a, 0x01, 0x06], Err("its status is not successful")),
            (b"nonsense".to_vec(), Err("it cannot be parsed as an OCSP response")),
            (Vec::new(), Err("it cannot be parsed as an OCSP response")),
        ] {
            assert_eq!(read(&response, SERIAL), expected, "{response:02x?}");
        }
    }

    #[test]
    fn what_breaks_off_or_lies_about_its_length_is_refused() {
        let whole = ocsp_response(SERIAL, &[0x80, 0x00], Some("20261123120000Z"));
        for length in 0..whole.len() {
            assert!(read(&whole[..length], SERIAL).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] = 0xff;
            // Only the absence of panics matters.
            let _ = read(&changed, SERIAL);
        }
    }
}
