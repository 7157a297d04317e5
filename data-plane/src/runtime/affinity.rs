//! Affinity cookies: their names, and one value for each member.
//!
//! A value is an HMAC of the member with the gateway's key. It does not reveal the member, cannot be forged, and is
//! the same on every worker and after a restart. All values are computed when the runtime is built, so a request
//! costs one hash lookup.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use http::header::{HeaderValue, InvalidHeaderValue};
use tidegate_http1::{Fields, Known};
use tidegate_shared::secret::Secret;
use tidegate_shared::snapshot::Host;

/// The length of a value: the hexadecimal digits of an HMAC that is truncated to 128 bits.
const LENGTH: usize = 32;

type Value = [u8; LENGTH];

/// The affinity cookies of one backend set. Members have the same numbers as in the set.
#[derive(Debug)]
pub(crate) struct Affinity {
    name: Box<str>,
    members: HashMap<Value, usize>,
    /// Both `Set-Cookie` values of each member.
    cookies: Vec<[HeaderValue; 2]>,
}

impl Affinity {
    /// Creates the cookies with this name for `members`, which are identified by pool and host.
    ///
    /// # Errors
    /// The name is not a valid header value.
    pub(crate) fn new<'a>(
        name: &str,
        key: &Secret,
        members: impl Iterator<Item = (&'a str, &'a Host)>,
    ) -> Result<Affinity, InvalidHeaderValue> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        let mut affinity = Affinity { name: name.into(), members: HashMap::new(), cookies: Vec::new() };
        for (number, (pool, host)) in members.enumerate() {
            let value = value(&key, pool, host);
            let text = std::str::from_utf8(&value).expect("hexadecimal digits are ASCII");
            affinity.cookies.push([
                HeaderValue::try_from(format!("{name}={text}; Path=/"))?,
                HeaderValue::try_from(format!("{name}CORS={text}; Path=/; SameSite=None; Secure"))?,
            ]);
            // A member that is listed twice keeps its first number.
            affinity.members.entry(value).or_insert(number);
        }
        Ok(affinity)
    }

    /// Returns the members named by a request's cookies, in the order of the cookies. Unknown values are ignored.
    pub(crate) fn bound(&self, fields: &Fields) -> impl Iterator<Item = usize> {
        let pairs = fields.get_all(Known::Cookie).flat_map(|value| value.split(|byte| *byte == b';'));
        pairs.filter_map(|pair| {
            let pair = pair.trim_ascii_start();
            let rest = pair.strip_prefix(self.name.as_bytes())?;
            let rest = rest.strip_prefix(b"CORS").unwrap_or(rest);
            let value: &Value = rest.strip_prefix(b"=")?.trim_ascii_end().try_into().ok()?;
            self.members.get(value).copied()
        })
    }

    /// Adds the fields that bind the client to this member.
    pub(crate) fn bind(&self, member: usize, fields: &mut Fields) {
        for cookie in self.cookies.get(member).into_iter().flatten() {
            fields.append(Known::SetCookie, cookie.as_bytes());
        }
    }
}

fn value(key: &hmac::Key, pool: &str, host: &Host) -> Value {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Names of pools and hosts contain no NUL, so the input is unambiguous.
    let code = hmac::sign(key, format!("affinity\0{pool}\0{host}").as_bytes());
    let mut value = [0; LENGTH];
    for (digits, byte) in value.chunks_exact_mut(2).zip(code.as_ref()) {
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    value
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    static HOSTS: [Host; 2] =
        [Host::Ip(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1))), Host::Name(String::new())];

    fn affinity(name: &str, key: u8) -> Affinity {
        let members = HOSTS.iter().map(|host| ("pool", host));
        Affinity::new(name, &Secret::new(vec![key; 32]), members).unwrap()
    }

    /// The `Set-Cookie` values of a member.
    fn cookies(affinity: &Affinity, member: usize) -> Vec<String> {
        let mut fields = Fields::new();
        affinity.bind(member, &mut fields);
        fields.get_all(Known::SetCookie).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }

    fn value_of(affinity: &Affinity, member: usize) -> String {
        let cookie = &cookies(affinity, member)[0];
        cookie.split(['=', ';']).nth(1).unwrap().to_owned()
    }

    #[test]
    fn both_cookies_are_set_and_say_nothing_of_the_member() {
        let affinity = affinity("Stay", 1);
        let value = value_of(&affinity, 0);
        let expected =
            [format!("Stay={value}; Path=/"), format!("StayCORS={value}; Path=/; SameSite=None; Secure")];
        assert_eq!(cookies(&affinity, 0), expected);
        assert_eq!(value.len(), LENGTH);
        assert!(value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
        assert!(cookies(&affinity, 2).is_empty(), "there is no such member");
    }

    #[test]
    fn a_value_is_its_members_under_its_key_and_nobody_elses() {
        let ours = affinity("Stay", 1);
        assert_eq!(value_of(&ours, 0), value_of(&affinity("Other", 1), 0), "the same in every worker");
        assert_ne!(value_of(&ours, 0), value_of(&ours, 1));
        assert_ne!(value_of(&ours, 0), value_of(&affinity("Stay", 2), 0), "another gateway's");
        let elsewhere = HOSTS.iter().map(|host| ("other", host));
        let elsewhere = Affinity::new("Stay", &Secret::new(vec![1; 32]), elsewhere).unwrap();
        assert_ne!(value_of(&ours, 0), value_of(&elsewhere, 0), "in another pool");
    }

    #[test]
    fn cookies_are_found_among_others_and_nonsense_is_passed_over() {
        let affinity = affinity("Stay", 1);
        let [zero, one] = [0, 1].map(|member| value_of(&affinity, member));
        let long = "x".repeat(60_000);
        let cases: &[(&[String], &[usize])] = &[
            (&[], &[]),
            (&[format!("Stay={zero}")], &[0]),
            (&[format!("StayCORS={one}")], &[1]),
            (&[format!("a=b; Stay={one} ; c=d")], &[1]),
            (&["a=b".to_owned(), format!("c=d;Stay={zero}")], &[0]),
            (&[format!("Stay={one}; Stay={zero}")], &[1, 0]),
            (&[format!("Stay=garbage; StayCORS={zero}")], &[0]),
            (&[format!("Stay={}", zero.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"))], &[]),
            (&[format!("Stay={zero}0")], &[]),
            (&[format!("Stay={}", &zero[1..])], &[]),
            (&[format!("stay={zero}")], &[]),
            (&[format!("NotStay={zero}")], &[]),
            (&[format!("StayCORSCORS={zero}")], &[]),
            (&[format!("Stay= {zero}")], &[]),
            (&[format!("Stay={long}"), format!("{long};;;=;Stay;Stay=")], &[]),
            (&[format!("Stay={}", "0".repeat(LENGTH))], &[]),
        ];
        for (lines, expected) in cases {
            let mut fields = Fields::new();
            for line in *lines {
                fields.append(Known::Cookie, line.as_bytes());
            }
            let bound: Vec<usize> = affinity.bound(&fields).collect();
            assert_eq!(bound, *expected, "{:.80?}", lines);
        }
        let mut fields = Fields::new();
        fields.append(Known::Cookie, b"Stay=\xff\xfe; \x80=;");
        assert_eq!(affinity.bound(&fields).count(), 0);
    }
}
