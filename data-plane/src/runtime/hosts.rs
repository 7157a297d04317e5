//! From a host name to the listener that answers for it. Pure.
//!
//! Listeners of one socket are ranked (by their rule's priority). The one of the smallest rank that matches wins,
//! whether it names the host exactly, by wildcard, or takes all hosts. Exact names are hashed, so that their number
//! costs a request nothing.

use std::borrow::Cow;
use std::collections::HashMap;

/// The listeners of one socket by host name; each is its rank, the smallest first.
#[derive(Debug, Default)]
pub(crate) struct HostTable {
    exact: HashMap<String, usize>,
    wildcards: Vec<(String, usize)>,
    any: Option<usize>,
}

impl HostTable {
    /// Adds the listener of the next rank, which must be larger than all before it. No hosts means all hosts.
    pub(crate) fn add(&mut self, rank: usize, hosts: &[String]) {
        if hosts.is_empty() {
            self.any.get_or_insert(rank);
        }
        for host in hosts {
            let host = host.to_ascii_lowercase();
            if host.contains(['*', '?']) {
                self.wildcards.push((host, rank));
            } else {
                self.exact.entry(host).or_insert(rank);
            }
        }
    }

    /// The rank of the listener for `host`, which may carry a port and be in any case.
    pub(crate) fn find(&self, host: &str) -> Option<usize> {
        let host = without_port(host);
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        let exact = if self.exact.is_empty() { None } else { self.exact.get(host.as_ref()).copied() };
        let best = exact.into_iter().chain(self.any).min().unwrap_or(usize::MAX);
        let wildcard = self.wildcards.iter().take_while(|(_, rank)| *rank < best);
        let found = wildcard.into_iter().find(|(pattern, _)| matches(pattern.as_bytes(), host.as_bytes()));
        found.map(|(_, rank)| *rank).or((best != usize::MAX).then_some(best))
    }

    /// The listener that takes all hosts, if there is one.
    pub(crate) fn any(&self) -> Option<usize> {
        self.any
    }
}

/// The host part of a `Host` value: `[::1]:80` is `[::1]`, `a.b:80` is `a.b`, `a.b.` stays.
fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

/// Whether `name` matches `pattern`: `*` stands for any run of characters, `?` for one. Linear in practice (the
/// compiler allows two `*` a name): on a mismatch only the last `*` is tried again, one character further.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut last_star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, n));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                n += 1;
            }
            Some(byte) if *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(listeners: &[&[&str]]) -> HostTable {
        let mut table = HostTable::default();
        for (rank, hosts) in listeners.iter().enumerate() {
            table.add(rank, &hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
        }
        table
    }

    #[test]
    fn the_smallest_rank_that_matches_wins() {
        let cases: &[(&[&[&str]], &str, Option<usize>)] = &[
            (&[&["a.test"], &["b.test"]], "b.test", Some(1)),
            (&[&["a.test"], &["b.test"]], "c.test", None),
            (&[&["a.test"], &[]], "c.test", Some(1)),
            (&[&[], &["a.test"]], "a.test", Some(0)),
            (&[&["a.test"], &["A.test"]], "a.TEST:8080", Some(0)),
            (&[&["*.test"], &["a.test"]], "a.test", Some(0)),
            (&[&["a.test"], &["*.test"]], "a.test", Some(0)),
            (&[&["a.test"], &["*.test"]], "b.c.test", Some(1)),
            (&[&["x.test"], &["?.test"], &[]], "b.test", Some(1)),
            (&[&["x.test"], &["?.test"], &[]], "bb.test", Some(2)),
            (&[&["[::1]"]], "[::1]:80", Some(0)),
            (&[&["[::1]"]], "[::1]", Some(0)),
            (&[&[]], "", Some(0)),
            (&[], "a.test", None),
        ];
        for (listeners, host, expected) in cases {
            assert_eq!(table(listeners).find(host), *expected, "{listeners:?} {host}");
        }
    }

    #[test]
    fn wildcards() {
        let cases = [
            ("*.contoso.com", "www.contoso.com", true),
            ("*.contoso.com", "a.b.contoso.com", true),
            ("*.contoso.com", "contoso.com", false),
            ("www-*.*.com", "www-1.contoso.com", true),
            ("www-*.*.com", "www.contoso.com", false),
            ("w?w.com", "wow.com", true),
            ("w?w.com", "ww.com", false),
            ("*", "anything", true),
            ("*a*", "bab", true),
            ("*ab", "aab", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
