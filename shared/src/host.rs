//! Canonical host names, the one form in which all parts of Tidegate compare hosts.
//!
//! Most backends treat `Admin.Test.:443` and `admin.test` as one host (RFC 3986, section 3.2.2; RFC 9110, section
//! 4.2.3). If two parts of a gateway disagreed on that, a request could bypass the listener that protects the host.
//! Therefore the server name of TLS, the host of a request and the configured host names are compared in these
//! types only, and the types can only be made by parsing. This module must not resolve names, and does not know how
//! a request is forwarded.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The host of a request or of a TLS handshake: in lower case, without the port and without a trailing dot.
///
/// An IPv6 address is in brackets and in the form of RFC 5952. A host that is already canonical is borrowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalHost<'a>(Cow<'a, str>);

/// The reason why a text is not a host name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HostError {
    /// Nothing stands before the port.
    #[error("it names no host")]
    Empty,
    /// Two dots follow each other, or the name begins with a dot.
    #[error("it has an empty label")]
    EmptyLabel,
    /// The text in brackets is not an IPv6 address.
    #[error("the text in brackets is not an IPv6 address")]
    Address,
    /// A character is not allowed in a host name. This includes percent-encoded ones, because backends read these
    /// differently.
    #[error("it has a character that is not allowed in a host name")]
    Character,
    /// The text after the colon is not a number.
    #[error("its port is not a number")]
    Port,
}

/// A character that ends a name.
const OTHER: u8 = 0;
/// A character of a registered name (RFC 3986, section 3.2.2) without percent-encoding, in canonical form.
const NAME: u8 = 1;
/// A character of a registered name that is not in canonical form.
const UPPER: u8 = 2;

static CLASS: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'=' => NAME,
            b'A'..=b'Z' => UPPER,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

impl<'a> CanonicalHost<'a> {
    /// The host of a request that has none, which HTTP/1.0 allows.
    pub const NONE: CanonicalHost<'static> = CanonicalHost(Cow::Borrowed(""));

    /// Parses a host name, an IPv4 address or a bracketed IPv6 address, each with or without a port.
    ///
    /// # Errors
    /// The first fault in `text`. A request whose host has no canonical form must not be routed or forwarded.
    pub fn parse(text: &'a str) -> Result<CanonicalHost<'a>, HostError> {
        if let Some(bracketed) = text.strip_prefix('[') {
            return literal(bracketed);
        }
        let (length, seen) = name(text.as_bytes())?;
        check_port(&text[length..])?;
        let name = &text[..length];
        let name = name.strip_suffix('.').unwrap_or(name);
        Ok(CanonicalHost(if seen & UPPER == 0 {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(name.to_ascii_lowercase())
        }))
    }

    /// The canonical text; empty only for [`CanonicalHost::NONE`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the canonical text, still borrowed if the parsed text was canonical.
    pub fn into_text(self) -> Cow<'a, str> {
        self.0
    }
}

impl fmt::Display for CanonicalHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the length of the name at the start of `bytes`, including a trailing dot, and the classes of its
/// characters.
fn name(bytes: &[u8]) -> Result<(usize, u8), HostError> {
    let (mut length, mut seen, mut previous) = (0, OTHER, b'.');
    for byte in bytes {
        let class = CLASS[usize::from(*byte)];
        if class == OTHER {
            break;
        }
        if *byte == b'.' && previous == b'.' {
            return Err(HostError::EmptyLabel);
        }
        (length, seen, previous) = (length + 1, seen | class, *byte);
    }
    if length == 0 {
        return Err(if matches!(bytes.first(), None | Some(b':')) {
            HostError::Empty
        } else {
            HostError::Character
        });
    }
    Ok((length, seen))
}

fn literal<'a>(bracketed: &str) -> Result<CanonicalHost<'a>, HostError> {
    let (address, port) = bracketed.split_once(']').ok_or(HostError::Address)?;
    let address: Ipv6Addr = address.parse().map_err(|_| HostError::Address)?;
    check_port(port)?;
    Ok(CanonicalHost(Cow::Owned(format!("[{address}]"))))
}

fn check_port(rest: &str) -> Result<(), HostError> {
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok(()),
        None => Err(HostError::Character),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        Some(_) => Err(HostError::Port),
    }
}

/// A configured host name, in the canonical form of the hosts that it is compared with. `*` matches any run of
/// characters and `?` exactly one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(String);

impl HostPattern {
    /// The wildcard characters.
    pub const WILDCARDS: [char; 2] = ['*', '?'];

    /// Parses a configured host name, which must have no port. This type does not limit the number of wildcards;
    /// the compiler does.
    ///
    /// # Errors
    /// The first fault in `text`.
    pub fn parse(text: &str) -> Result<HostPattern, HostError> {
        // A host name may contain `*` but not `?`, which ends the host in a URL.
        let plain = text.replace('?', "*");
        if plain.contains(':') && !plain.starts_with('[') {
            return Err(HostError::Port);
        }
        let canonical = CanonicalHost::parse(&plain)?;
        if plain.starts_with('[') {
            return Ok(HostPattern(canonical.0.into_owned()));
        }
        Ok(HostPattern(text[..canonical.0.len()].to_ascii_lowercase()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if the pattern contains a wildcard.
    pub fn has_wildcards(&self) -> bool {
        self.0.contains(HostPattern::WILDCARDS)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostError;

    fn try_from(text: String) -> Result<HostPattern, HostError> {
        HostPattern::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> String {
        pattern.0
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_have_one_form() {
        for (text, expected) in [
            ("admin.test", Ok("admin.test")),
            ("admin.test.", Ok("admin.test")),
            ("ADMIN.Test.", Ok("admin.test")),
            ("Admin.test.:443", Ok("admin.test")),
            ("admin.test:", Ok("admin.test")),
            ("a_b~c", Ok("a_b~c")),
            ("127.0.0.1:80", Ok("127.0.0.1")),
            ("127.0.0.1.", Ok("127.0.0.1")),
            ("[::1]", Ok("[::1]")),
            ("[0:0:0:0:0:0:0:1]:80", Ok("[::1]")),
            ("[2001:DB8::A]", Ok("[2001:db8::a]")),
            ("", Err(HostError::Empty)),
            (":80", Err(HostError::Empty)),
            (".", Err(HostError::EmptyLabel)),
            (".a", Err(HostError::EmptyLabel)),
            ("a..b", Err(HostError::EmptyLabel)),
            ("admin.test..", Err(HostError::EmptyLabel)),
            ("[::zz]", Err(HostError::Address)),
            ("[::1", Err(HostError::Address)),
            ("[fe80::1%25eth0]", Err(HostError::Address)),
            ("[::1].", Err(HostError::Character)),
            ("a%2etest", Err(HostError::Character)),
            ("a b", Err(HostError::Character)),
            ("a/b", Err(HostError::Character)),
            ("user@a", Err(HostError::Character)),
            ("a\\b", Err(HostError::Character)),
            ("\u{e4}.test", Err(HostError::Character)),
            ("a.test:80x", Err(HostError::Port)),
            ("a.test:80:80", Err(HostError::Port)),
            ("::1", Err(HostError::Empty)),
        ] {
            assert_eq!(
                CanonicalHost::parse(text).as_ref().map(CanonicalHost::as_str),
                expected.as_ref().copied(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_usual_host_is_not_copied() {
        for (text, borrowed) in [("a.test:80", true), ("a.test.", true), ("A.test", false)] {
            assert_eq!(matches!(CanonicalHost::parse(text).unwrap().0, Cow::Borrowed(_)), borrowed, "{text}");
        }
    }

    #[test]
    fn patterns_have_the_form_of_hosts_and_come_back_as_such_alone() {
        for (text, expected) in [
            ("*.Shop.test", Some("*.shop.test")),
            ("w?W.test.", Some("w?w.test")),
            ("[::0:1]", Some("[::1]")),
            ("a.test:80", None),
            ("a..test", None),
            ("a/b", None),
            ("", None),
        ] {
            let pattern = HostPattern::parse(text);
            assert_eq!(pattern.as_ref().ok().map(HostPattern::as_str), expected, "{text}");
            let read = serde_json::from_value::<HostPattern>(text.into());
            assert_eq!(read.ok(), pattern.ok(), "{text}");
        }
        let pattern = HostPattern::parse("A.test").unwrap();
        assert_eq!(serde_json::to_value(&pattern).unwrap(), "a.test");
        assert!(!pattern.has_wildcards() && HostPattern::parse("a?").unwrap().has_wildcards());
    }
}
