//! Finds the keys that are prefixes of a text, by bisection. Pure.
//!
//! The keys are sorted. Every key that is a prefix of a text is also a prefix of the last key that does not sort
//! after the text. Therefore each key stores the longest other key that is its prefix, and a lookup is one
//! bisection and a walk along these.

use std::collections::BTreeMap;

/// A map from keys to values.
#[derive(Debug)]
pub(crate) struct Prefixes<T> {
    /// The entries, sorted by key.
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    key: Box<[u8]>,
    /// The longest other key that is a prefix of this one.
    parent: Option<usize>,
    value: T,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Prefixes<T> {
        Prefixes { entries: Vec::new() }
    }
}

impl<T> Prefixes<T> {
    /// Builds the map. Each value is computed from the data of its key and the value of the longest other key that
    /// is its prefix.
    pub(crate) fn new<U>(
        held: BTreeMap<Vec<u8>, U>,
        mut value: impl FnMut(U, Option<&T>) -> T,
    ) -> Prefixes<T> {
        let mut prefixes = Prefixes { entries: Vec::with_capacity(held.len()) };
        for (key, held) in held {
            let parent = prefixes.walk(&key, prefixes.entries.len().checked_sub(1));
            let value = value(held, parent.map(|parent| &prefixes.entries[parent].value));
            prefixes.entries.push(Entry { key: key.into_boxed_slice(), parent, value });
        }
        prefixes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the values of all keys that are prefixes of `text`, that of the longest first.
    pub(crate) fn of(&self, text: &[u8]) -> impl Iterator<Item = &T> {
        let end = self.entries.partition_point(|entry| *entry.key <= *text);
        let longest = self.walk(text, end.checked_sub(1));
        let entries = std::iter::successors(longest, |entry| self.entries[*entry].parent);
        entries.map(|entry| &self.entries[entry].value)
    }

    /// Returns the longest prefix of `text` among the key at `from` and its prefixes.
    fn walk(&self, text: &[u8], from: Option<usize>) -> Option<usize> {
        let mut candidates = std::iter::successors(from, |entry| self.entries[*entry].parent);
        candidates.find(|entry| text.starts_with(&self.entries[*entry].key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_prefixes_are_found_the_longest_first() {
        let keys = ["", "a", "ab", "abd", "b", "bc/", "bcd"];
        let held = keys.iter().map(|key| (key.as_bytes().to_vec(), *key)).collect();
        let prefixes = Prefixes::new(held, |key, _| key);
        for (text, expected) in [
            ("abc", &["ab", "a", ""][..]),
            ("abd", &["abd", "ab", "a", ""]),
            ("abe", &["ab", "a", ""]),
            ("bc/d", &["bc/", "b", ""]),
            ("z", &[""]),
            ("", &[""]),
        ] {
            assert_eq!(prefixes.of(text.as_bytes()).copied().collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(Prefixes::<u8>::default().of(b"a").next(), None);
    }

    #[test]
    fn a_value_may_build_on_that_of_the_key_before() {
        let held = [("a", 3), ("ab", 5), ("abc", 1)].map(|(key, held)| (key.as_bytes().to_vec(), held));
        let least =
            Prefixes::new(held.into(), |own, before: Option<&i32>| before.map_or(own, |b| own.min(*b)));
        for (text, expected) in [("a", 3), ("abx", 3), ("abcd", 1)] {
            assert_eq!(least.of(text.as_bytes()).next(), Some(&expected), "{text}");
        }
    }
}
