//! Finds the listener for a host. Hosts and patterns are compared only in their canonical form
//! ([`tidegate_shared::host`]). Pure.
//!
//! The listeners of one socket are ranked by the priority of their rule. The matching listener with the smallest
//! rank wins, whether it names the host exactly, by a wildcard, or serves all hosts. Exact names are hashed, and
//! patterns are sorted by their ends and beginnings, so that the number of listeners hardly affects the time of a
//! request.

use std::collections::BTreeMap;

use foldhash::HashMap;
use tidegate_shared::host::{CanonicalHost, HostPattern};

use crate::prefixes::Prefixes;

/// The listeners of one socket by host name; each listener is its rank, the smallest first.
#[derive(Debug, Default)]
pub(crate) struct HostTable {
    exact: HashMap<String, usize>,
    /// The patterns by the reversed text after their last wildcard, then by the text before their first one.
    wildcards: Prefixes<Prefixes<Vec<Wildcard>>>,
    any: Option<usize>,
}

#[derive(Debug)]
struct Wildcard {
    pattern: String,
    rank: usize,
}

/// Patterns before the table is built, by tail, then by head.
type Sorted = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<Wildcard>>>;

impl HostTable {
    /// Builds the table from the hosts of each listener, in the order of their ranks. No hosts means all hosts.
    pub(crate) fn new<'a>(listeners: impl Iterator<Item = &'a [HostPattern]>) -> HostTable {
        let (mut table, mut wildcards) = (HostTable::default(), Sorted::new());
        for (rank, hosts) in listeners.enumerate() {
            if hosts.is_empty() {
                table.any.get_or_insert(rank);
            }
            for host in hosts {
                let pattern = host.as_str().to_owned();
                match (pattern.find(HostPattern::WILDCARDS), pattern.rfind(HostPattern::WILDCARDS)) {
                    (Some(first), Some(last)) => {
                        let tail = pattern.bytes().skip(last + 1).rev().collect();
                        let head = pattern.as_bytes()[..first].to_vec();
                        let heads = wildcards.entry(tail).or_default();
                        heads.entry(head).or_default().push(Wildcard { pattern, rank });
                    }
                    _ => {
                        table.exact.entry(pattern).or_insert(rank);
                    }
                }
            }
        }
        table.wildcards = Prefixes::new(wildcards, |heads, _| Prefixes::new(heads, |patterns, _| patterns));
        table
    }

    /// Returns the rank of the listener for `host`.
    pub(crate) fn find(&self, host: &CanonicalHost<'_>) -> Option<usize> {
        let host = host.as_str();
        let exact = if self.exact.is_empty() { None } else { self.exact.get(host).copied() };
        let best = exact.into_iter().chain(self.any).min();
        if self.wildcards.is_empty() || best == Some(0) {
            return best;
        }
        self.wildcard(host.as_bytes(), best.unwrap_or(usize::MAX)).or(best)
    }

    /// Returns the smallest rank below `limit` whose pattern matches. Only patterns with the beginning and the end
    /// of the host are compared.
    fn wildcard(&self, host: &[u8], limit: usize) -> Option<usize> {
        let reversed: Vec<u8> = host.iter().rev().copied().collect();
        let patterns = self.wildcards.of(&reversed).flat_map(|heads| heads.of(host)).flatten();
        let able = patterns.filter(|wildcard| wildcard.rank < limit);
        able.filter(|wildcard| matches(wildcard.pattern.as_bytes(), host)).map(|wildcard| wildcard.rank).min()
    }

    /// Returns the listener for all hosts, if there is one.
    pub(crate) fn any(&self) -> Option<usize> {
        self.any
    }
}

/// Returns true if `name` matches `pattern`: `*` matches any run of characters, `?` exactly one. The time is linear
/// in practice, because the compiler allows two `*` per name: after a mismatch only the last `*` is extended by one
/// character.
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
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn table(listeners: &[&[&str]]) -> HostTable {
        let patterns = |hosts: &&[&str]| hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        let owned: Vec<Vec<HostPattern>> = listeners.iter().map(patterns).collect();
        HostTable::new(owned.iter().map(Vec::as_slice))
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
            (&[&["b*.test"], &["*.test"], &["a*.test"]], "ab.test", Some(1)),
            (&[&["b*.test"], &["a*.test"], &["*.test"]], "ab.test", Some(1)),
            (&[&["*"], &["a.test"]], "a.test", Some(0)),
            (&[&["a*"], &["*a"]], "a", Some(0)),
            (&[&["x.test"], &["?.test"], &[]], "b.test", Some(1)),
            (&[&["x.test"], &["?.test"], &[]], "bb.test", Some(2)),
            (&[&["[::1]"]], "[::1]:80", Some(0)),
            (&[&["[::1]"]], "[::1]", Some(0)),
            (&[&[]], "a.test", Some(0)),
            (&[], "a.test", None),
        ];
        for (listeners, host, expected) in cases {
            let canonical = CanonicalHost::parse(host).unwrap();
            assert_eq!(table(listeners).find(&canonical), *expected, "{listeners:?} {host}");
        }
        for (listeners, expected) in
            [(&[&["a.test"][..], &[]][..], Some(1)), (&[&["a.test"]], None), (&[&["*"]], Some(0))]
        {
            assert_eq!(table(listeners).find(&CanonicalHost::NONE), expected, "{listeners:?}");
        }
    }

    /// Finds the listener like the table, by trying one listener after the other.
    fn walk(listeners: &[&[&str]], host: &str) -> Option<usize> {
        let host = host.to_ascii_lowercase();
        let takes = |pattern: &&str| matches(pattern.to_ascii_lowercase().as_bytes(), host.as_bytes());
        listeners.iter().position(|hosts| hosts.is_empty() || hosts.iter().any(takes))
    }

    #[test]
    fn each_spelling_of_a_host_leads_where_a_walk_through_the_listeners_leads() {
        const LISTENERS: &[&[&str]] = &[
            &["admin.test", "b.Admin.test"],
            &["*.shop.test", "w?w.test"],
            &["a*.*.test"],
            &["a.shop.test", "b.test"],
            &["ba.ab", "a?.b*"],
            &[],
        ];
        let mut random = fastrand::Rng::with_seed(11);
        let mut word = || -> String {
            let letters = (0..random.usize(1..4)).map(|_| random.choice(['a', 'b', 'w']).unwrap());
            letters.collect()
        };
        let mut names: Vec<String> = (0..300).map(|_| format!("{}.{}", word(), word())).collect();
        for end in ["admin.test", "shop.test", "test"] {
            names.extend((0..100).map(|_| format!("{}.{end}", word())));
        }
        names.extend(LISTENERS.iter().copied().flatten().map(|name| name.replace(['*', '?'], "o")));
        // With the listener for all hosts, and without it.
        for listeners in [LISTENERS, &LISTENERS[..LISTENERS.len() - 1]] {
            let table = table(listeners);
            for name in &names {
                let expected = walk(listeners, name);
                let upper = name.to_ascii_uppercase();
                for spelt in [
                    name.clone(),
                    format!("{name}."),
                    format!("{name}:443"),
                    format!("{name}.:443"),
                    format!("{upper}."),
                    format!("{upper}.:80"),
                ] {
                    let canonical = CanonicalHost::parse(&spelt).unwrap();
                    assert_eq!(table.find(&canonical), expected, "{spelt}");
                }
            }
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
