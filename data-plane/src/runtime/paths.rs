//! Finds the path rule of a request. Paths are compared only in their canonical form, which [`tidegate_shared::path`]
//! creates. Pure.
//!
//! The first listed rule that matches wins, but a lookup does not scan the list: exact paths are hashed, prefixes are
//! found by binary search, and each prefix knows the first listed of the prefixes that it begins with. A lookup among
//! a thousand rules costs little more than one among few.

use std::collections::BTreeMap;

use foldhash::HashMap;
use tidegate_shared::path::{CanonicalPath, PathPattern};

use crate::prefixes::Prefixes;

/// The patterns of one path map.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    /// The patterns in the order of evaluation.
    patterns: Vec<Pattern>,
    /// The first listed pattern of each exact path.
    exact: HashMap<Vec<u8>, usize>,
    /// The first listed pattern that matches every path with the prefix.
    prefixes: Prefixes<usize>,
}

#[derive(Debug)]
struct Pattern {
    /// In canonical form, without the `*`.
    literal: Vec<u8>,
    /// The number of its entry.
    entry: usize,
}

impl PathTable {
    /// Creates a table of patterns, listed in the order of evaluation, each with the number of its entry.
    pub(super) fn new<'a>(listed: impl Iterator<Item = (&'a PathPattern, usize)>) -> PathTable {
        let (mut patterns, mut exact, mut prefixes) = (Vec::new(), HashMap::default(), BTreeMap::new());
        for (number, (pattern, entry)) in listed.enumerate() {
            let literal = pattern.literal().to_vec();
            if pattern.is_prefix() {
                prefixes.entry(literal.clone()).or_insert(number);
            } else {
                exact.entry(literal.clone()).or_insert(number);
            }
            patterns.push(Pattern { literal, entry });
        }
        let first = |own: usize, shorter: Option<&usize>| shorter.map_or(own, |shorter| own.min(*shorter));
        PathTable { patterns, exact, prefixes: Prefixes::new(prefixes, first) }
    }

    /// Returns true if there are no patterns.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the number of the first pattern that matches a path, and the number of its entry.
    pub(crate) fn find(&self, path: &CanonicalPath<'_>) -> Option<(usize, usize)> {
        let path = path.as_bytes();
        let found = self.exact.get(path).into_iter().chain(self.prefixes.of(path).next()).min()?;
        Some((*found, self.patterns[*found].entry))
    }

    /// Returns the literal text of a pattern, without its `*`.
    pub(crate) fn literal(&self, pattern: usize) -> &[u8] {
        &self.patterns[pattern].literal
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn table(rules: &[&[&str]]) -> PathTable {
        let patterns = |(i, rule): (usize, &&[&str])| -> Vec<(PathPattern, usize)> {
            rule.iter().map(|path| (PathPattern::parse(path).unwrap(), i + 1)).collect()
        };
        let listed: Vec<_> = rules.iter().enumerate().flat_map(patterns).collect();
        PathTable::new(listed.iter().map(|(pattern, entry)| (pattern, *entry)))
    }

    fn find(table: &PathTable, path: &str) -> Option<usize> {
        table.find(&CanonicalPath::of(path)).map(|(_, entry)| entry)
    }

    #[test]
    fn the_first_listed_that_matches_decides() {
        let rules: &[&[&str]] = &[
            &["/images/*", "/pictures"],
            &["/images/large/*"],
            &["/video*"],
            &["/videos/HD", "/videos/hd/*"],
            &["/abc%2Fdef"],
            &["/a/b/*"],
            &["/a/*"],
            &["/a/b/c"],
        ];
        let table = table(rules);
        for (path, expected) in [
            ("/images/1", Some(1)),
            ("/images/", Some(1)),
            ("/images", None),
            ("/IMAGES/1", Some(1)),
            ("/imag%65s/1", Some(1)),
            ("/images/large/1", Some(1)),
            ("/pictures", Some(1)),
            ("/pictures/", None),
            ("/video", Some(3)),
            ("/videos/hd", Some(3)),
            ("/videos/hd/x", Some(3)),
            ("/abc/def", Some(5)),
            ("/abc%2fDEF", Some(5)),
            ("/abc", None),
            ("//images//1", Some(1)),
            ("/\\images%5c1", Some(1)),
            ("/%2Fpictures", Some(1)),
            ("/a/b/c", Some(6)),
            ("/a/c", Some(7)),
            ("/a/", Some(7)),
            ("/", None),
            ("", None),
            ("*", None),
            ("/zzz", None),
        ] {
            assert_eq!(find(&table, path), expected, "{path}");
        }
    }

    #[test]
    fn an_exact_path_listed_first_wins_over_a_prefix_and_the_other_way_round() {
        for (rules, expected) in [
            (&[&["/a/b"][..], &["/a/*"]], 1),
            (&[&["/a/*"], &["/a/b"]], 1),
            (&[&["/a/b*"], &["/a/b"]], 1),
            (&[&["/a/b"], &["/a/b*"]], 1),
        ] {
            assert_eq!(find(&table(rules), "/a/b"), Some(expected), "{rules:?}");
        }
    }

    #[test]
    fn it_agrees_with_a_walk_through_the_list() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut kept = 0;
        for _ in 0..3000 {
            let mut word = |most: usize| -> String {
                (0..random.usize(0..=most)).map(|_| random.choice(['a', 'b', '/']).unwrap()).collect()
            };
            let paths: Vec<String> =
                (0..8).map(|_| format!("/{}{}", word(4), word(1).replace(['a', 'b', '/'], "*"))).collect();
            let patterns: Vec<PathPattern> =
                paths.iter().filter_map(|path| PathPattern::parse(path).ok()).collect();
            kept += patterns.len();
            let table = PathTable::new(patterns.iter().zip(1..));
            for _ in 0..8 {
                let path = format!("/{}", word(5));
                let mut merged = path.clone();
                while merged.contains("//") {
                    merged = merged.replace("//", "/");
                }
                let walked =
                    patterns.iter().position(|pattern| match pattern.to_string().strip_suffix('*') {
                        Some(prefix) => merged.starts_with(prefix),
                        None => merged == pattern.to_string(),
                    });
                assert_eq!(find(&table, &path).map(|entry| entry - 1), walked, "{path} in {paths:?}");
            }
        }
        assert!(kept > 10_000, "{kept}");
    }
}
