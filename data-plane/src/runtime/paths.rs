//! From a request's path to the rule that decides on it. Pure.
//!
//! Rules are tried in the order listed and the first that matches wins, yet a lookup does not walk the list: whole
//! paths are hashed, prefixes bisected, and each prefix knows the first listed of those that it begins with. A thousand
//! rules cost little more than one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::HashMap;

use percent_encoding::percent_decode_str;

use super::prefixes::Prefixes;

/// The patterns of one path map.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    /// In the order listed.
    patterns: Vec<Pattern>,
    /// The first listed of each literal that is a whole path.
    exact: HashMap<Vec<u8>, usize>,
    /// The first listed of all that match whatever begins with the literal.
    prefixes: Prefixes<usize>,
}

#[derive(Debug)]
struct Pattern {
    /// Decoded and in lower case, without the `*`.
    literal: Vec<u8>,
    /// What is done with what it matches.
    way: usize,
}

impl PathTable {
    /// The patterns in the order in which they are to be tried, each with the number of its way.
    pub(super) fn new<'a>(listed: impl Iterator<Item = (&'a str, usize)>) -> PathTable {
        let (mut patterns, mut exact, mut prefixes) = (Vec::new(), HashMap::default(), BTreeMap::new());
        for (number, (text, way)) in listed.enumerate() {
            let literal = comparable(text.strip_suffix('*').unwrap_or(text)).into_owned();
            if text.ends_with('*') {
                prefixes.entry(literal.clone()).or_insert(number);
            } else {
                exact.entry(literal.clone()).or_insert(number);
            }
            patterns.push(Pattern { literal, way });
        }
        let first = |own: usize, shorter: Option<&usize>| shorter.map_or(own, |shorter| own.min(*shorter));
        PathTable { patterns, exact, prefixes: Prefixes::new(prefixes, first) }
    }

    /// The pattern that decides on a path, by its number, and its way. Without a rule for it, none.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, usize)> {
        if self.patterns.is_empty() {
            return None;
        }
        let path = comparable(path);
        let exact = self.exact.get(path.as_ref());
        let found = exact.into_iter().chain(self.prefixes.of(&path).next()).min()?;
        Some((*found, self.patterns[*found].way))
    }

    /// What a pattern matches literally.
    pub(crate) fn literal(&self, pattern: usize) -> &[u8] {
        &self.patterns[pattern].literal
    }
}

/// A path as it is compared: decoded, ASCII letters in lower case.
pub(crate) fn comparable(path: &str) -> Cow<'_, [u8]> {
    if path.bytes().any(|byte| byte == b'%' || byte.is_ascii_uppercase()) {
        let mut decoded: Vec<u8> = percent_decode_str(path).collect();
        decoded.make_ascii_lowercase();
        Cow::Owned(decoded)
    } else {
        Cow::Borrowed(path.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rules: &[&[&str]]) -> PathTable {
        let listed =
            rules.iter().enumerate().flat_map(|(i, rule)| rule.iter().map(move |path| (*path, i + 1)));
        PathTable::new(listed)
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
            ("/a/b/c", Some(6)),
            ("/a/c", Some(7)),
            ("/a/", Some(7)),
            ("/", None),
            ("", None),
            ("*", None),
            ("/zzz", None),
        ] {
            assert_eq!(table.find(path).map(|(_, way)| way), expected, "{path}");
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
            assert_eq!(table(rules).find("/a/b").map(|(_, way)| way), Some(expected), "{rules:?}");
        }
    }

    #[test]
    fn it_agrees_with_a_walk_through_the_list() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut word = |most: usize| -> String {
                (0..random.usize(0..=most)).map(|_| random.choice(['a', 'b', '/']).unwrap()).collect()
            };
            let paths: Vec<String> =
                (0..8).map(|_| format!("/{}{}", word(4), word(1).replace(['a', 'b', '/'], "*"))).collect();
            let table = PathTable::new(paths.iter().map(String::as_str).zip(1..));
            for _ in 0..8 {
                let path = format!("/{}", word(5));
                let walked = paths.iter().position(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => path.starts_with(prefix),
                    None => path == *pattern,
                });
                let found = table.find(&path).map(|(_, way)| way - 1);
                assert_eq!(found, walked, "{path} in {paths:?}");
            }
        }
    }
}
