//! From a request's path to the rule that decides on it. Pure.
//!
//! Rules are tried in the order listed and the first that matches wins, yet a lookup does not walk the list: patterns
//! are sorted, and each knows the first-listed of those that are prefixes of it. The place of a path among them is
//! found by bisection, so that a thousand rules cost little more than one.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The patterns of one path map.
#[derive(Debug, Default)]
pub(crate) struct PathTable {
    /// Sorted by literal; of equal ones the exact comes first.
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// Decoded and in lower case, without the `*`.
    literal: Box<[u8]>,
    /// Whether it matches every path that begins with the literal, or only that path.
    prefix: bool,
    /// Its place in the order listed, over all rules.
    rank: usize,
    /// What is done with what it matches.
    way: usize,
    /// The longest other prefix pattern that this literal begins with.
    parent: Option<usize>,
    /// Of this one and all its parents, the pattern listed first among those that match whatever begins with this
    /// literal.
    first: Option<usize>,
}

impl PathTable {
    /// The patterns in the order in which they are to be tried, each with the number of its way.
    pub(super) fn new<'a>(listed: impl Iterator<Item = (&'a str, usize)>) -> PathTable {
        let pattern = |(rank, (text, way)): (usize, (&str, usize))| {
            let (literal, prefix) = text.strip_suffix('*').map_or((text, false), |literal| (literal, true));
            let literal = comparable(literal).into_owned().into_boxed_slice();
            Pattern { literal, prefix, rank, way, parent: None, first: None }
        };
        let mut patterns: Vec<Pattern> = listed.enumerate().map(pattern).collect();
        patterns.sort_by(|a, b| (&a.literal, a.prefix, a.rank).cmp(&(&b.literal, b.prefix, b.rank)));
        let mut table = PathTable { patterns };
        for i in 0..table.patterns.len() {
            let before = i.checked_sub(1);
            table.patterns[i].parent = table.prefix_of(&table.patterns[i].literal, before);
            let inherited = table.patterns[i].parent.and_then(|parent| table.patterns[parent].first);
            let own = table.patterns[i].prefix.then_some(i);
            table.patterns[i].first = table.first_listed(inherited, own);
        }
        table
    }

    /// The pattern that decides on a path, by its number, and its way. Without a rule for it, none.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, usize)> {
        if self.patterns.is_empty() {
            return None;
        }
        let path = comparable(path);
        // Whatever is a prefix of the path sorts before all that follows here, and is a parent of what is last.
        let end = self.patterns.partition_point(|pattern| *pattern.literal <= *path);
        let same = self.patterns[..end].iter().rposition(|pattern| *pattern.literal != *path);
        let exact = same.map_or(0, |last| last + 1)..end;
        let exact = exact.filter(|i| !self.patterns[*i].prefix).min_by_key(|i| self.patterns[*i].rank);
        let prefix = self.prefix_of(&path, end.checked_sub(1)).and_then(|i| self.patterns[i].first);
        let found = self.first_listed(exact, prefix)?;
        Some((found, self.patterns[found].way))
    }

    /// What a pattern matches literally.
    pub(crate) fn literal(&self, pattern: usize) -> &[u8] {
        &self.patterns[pattern].literal
    }

    /// The longest prefix pattern at or before `from`, among it and its parents, that `path` begins with.
    fn prefix_of(&self, path: &[u8], from: Option<usize>) -> Option<usize> {
        let mut candidate = from;
        while let Some(i) = candidate {
            let pattern = &self.patterns[i];
            if pattern.prefix && path.starts_with(&pattern.literal) {
                break;
            }
            candidate = pattern.parent;
        }
        candidate
    }

    fn first_listed(&self, one: Option<usize>, other: Option<usize>) -> Option<usize> {
        one.into_iter().chain(other).min_by_key(|i| self.patterns[*i].rank)
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
