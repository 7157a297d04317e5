//! The regular expressions of rewrite rules: validity, and total size per gateway.
//!
//! Compiling one takes up to some milliseconds, a gateway may have thousands, and documents are compiled while
//! the single writer waits. So the patterns of a body are compiled on another thread beforehand, by
//! [`super::try_patterns`]. The result for a pattern depends on its text alone. The caller owns a [`PatternCache`] of
//! results and passes it in, which affects the time of a compilation but not its result.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::RegexBuilder;
use tidegate_shared::snapshot::Pattern;

use crate::violation::{Violations, code};

/// The sizes to which the compiled size of a pattern is rounded up, in bytes. A worker needs up to six times as
/// much memory for each.
const SIZES: [usize; 4] = [4 * 1024, 16 * 1024, 64 * 1024, Pattern::SIZE_LIMIT];

/// The maximum total size of the distinct patterns of one gateway, in bytes. It takes up to 400 MiB in a worker
/// and less than one second to compile, and suffices for ordinary patterns in the maximum number of conditions.
pub(super) const ALL: usize = 64 * 1024 * 1024;

/// The maximum length of a pattern, in bytes. A longer plain text is too large when compiled; parsing some MiB
/// would take hundreds of MiB.
const LONGEST: usize = 8 * 1024;

/// The minimum size attributed to each escape for a character class, in bytes: parsing one takes at least a
/// twentieth of a millisecond, even if the compiled result is small.
const CLASS: usize = SIZES[0];

/// The size of a cache in bytes: more than the patterns of any one gateway need.
const CACHE_SIZE: usize = 32 * 1024 * 1024;

/// The result for a pattern: its rounded size, or the error.
pub(super) type TrialResult = Result<usize, &'static str>;

/// The distinct patterns of one gateway seen so far.
pub(super) struct Patterns<'a> {
    cache: &'a PatternCache,
    seen: HashMap<(&'a str, bool), TrialResult>,
    /// Their total size. An invalid pattern counts as the maximum, because it costs as much time.
    size: usize,
    most: usize,
}

impl<'a> Patterns<'a> {
    pub(super) fn new(cache: &'a PatternCache) -> Patterns<'a> {
        Patterns::with_limit(cache, ALL)
    }

    /// Like [`Patterns::new`], with another maximum of the total size, in bytes.
    pub(super) fn with_limit(cache: &'a PatternCache, most: usize) -> Patterns<'a> {
        Patterns { cache, seen: HashMap::new(), size: 0, most }
    }

    /// Reports a pattern that is invalid. Once the total size is exceeded, further patterns are not examined.
    pub(super) fn check(&mut self, pattern: (&'a str, bool), target: String, violations: &mut Violations) {
        if self.are_too_many() {
            return;
        }
        if let Err(complaint) = self.look_at(pattern.0, pattern.1) {
            violations.push(code::REWRITE_PATTERN, target, complaint);
        }
    }

    /// Reports a total size that exceeds the limit of a worker.
    pub(super) fn check_all(&self, violations: &mut Violations) {
        if self.are_too_many() {
            let message = format!(
                "The distinct patterns in the rewrite rules of a gateway exceed the maximum total compiled \
                 size of {ALL} bytes."
            );
            violations.push(code::limit::REWRITE_PATTERNS, "properties.rewriteRuleSets", message);
        }
    }

    pub(super) fn are_too_many(&self) -> bool {
        self.size > self.most
    }

    pub(super) fn look_at(&mut self, text: &'a str, ignore_case: bool) -> TrialResult {
        let size = &mut self.size;
        *self.seen.entry((text, ignore_case)).or_insert_with(|| {
            let outcome = self.cache.outcome(text, ignore_case);
            *size += outcome.unwrap_or(Pattern::SIZE_LIMIT);
            outcome
        })
    }
}

/// The results for patterns that were compiled before. One cache of bounded size serves a whole control plane.
#[derive(Debug, Default)]
pub(crate) struct PatternCache(Mutex<Outcomes>);

/// The cached results: case-sensitive patterns first, then the others.
#[derive(Debug, Default)]
struct Outcomes {
    by_text: [HashMap<String, TrialResult>; 2],
    bytes: usize,
}

impl PatternCache {
    fn outcome(&self, text: &str, ignore_case: bool) -> TrialResult {
        if let Some(known) = self.lock().by_text[usize::from(ignore_case)].get(text) {
            return *known;
        }
        let outcome = try_one(text, ignore_case);
        if text.len() <= LONGEST {
            // The text, and an estimate of the overhead of a map entry.
            let bytes = text.len() + 64;
            let mut outcomes = self.lock();
            if outcomes.bytes + bytes > CACHE_SIZE {
                *outcomes = Outcomes::default();
            }
            outcomes.bytes += bytes;
            outcomes.by_text[usize::from(ignore_case)].insert(text.to_owned(), outcome);
        }
        outcome
    }

    /// Locks the cache. It stays consistent even if a holder panics.
    fn lock(&self) -> MutexGuard<'_, Outcomes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the result for a case-sensitive pattern is cached.
    #[cfg(test)]
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.lock().by_text[0].contains_key(text)
    }
}

fn try_one(text: &str, ignore_case: bool) -> TrialResult {
    const TOO_LARGE: &str = "The expression is too large.";
    const UNREADABLE: &str =
        "The expression is invalid. The syntax is that of RE2, without look-around and back-references.";
    if text.is_empty() {
        return Err("A pattern is required.");
    }
    let classes = CLASS * classes(text);
    if text.len() > LONGEST || classes > Pattern::SIZE_LIMIT {
        return Err(TOO_LARGE);
    }
    for size in SIZES {
        match RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(size).build() {
            Ok(_) => return Ok(size.max(classes)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(_) => return Err(UNREADABLE),
        }
    }
    Err(TOO_LARGE)
}

/// Returns an upper bound of the number of escapes for character classes.
fn classes(text: &str) -> usize {
    let pairs = text.as_bytes().windows(2);
    pairs.filter(|pair| pair[0] == b'\\' && b"pPwWdDsS".contains(&pair[1])).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Azure's limits of sets and of conditions, with ordinary patterns, must fit.
    const _: () = assert!(400 * 40 * SIZES[0] <= ALL);

    #[test]
    fn patterns_count_for_what_they_take() {
        for (good, size) in [
            ("a", SIZES[0]),
            ("^/(.*)/x$", SIZES[0]),
            ("^/product/([^/]+)/(.*)$", SIZES[0]),
            (r"\bfoo\d{2,3}", SIZES[1]),
            (r"\w+", SIZES[2]),
            ("(?i)é", SIZES[0]),
            ("[a-z]{3000}", SIZES[3]),
            (r"[\d\d\d\d&&a]", 4 * CLASS),
        ] {
            assert_eq!(try_one(good, false), Ok(size), "{good}");
        }
        for bad in [
            "",
            "(",
            "a{2,1}",
            "(?=a)",
            r"(a)\1",
            r"\w{5000}",
            &"(".repeat(8000),
            &"a".repeat(8193),
            &format!("[{}&&a]", r"\pL".repeat(65)),
        ] {
            assert!(try_one(bad, false).is_err(), "{bad}");
        }
        // A pattern that ignores case is larger.
        assert!(try_one("[a-z]{3000}", true).is_err());
    }

    #[test]
    fn those_of_a_gateway_are_bounded_together_each_counted_once() {
        let checked = |texts: &[&'static str], most: usize| {
            let cache = PatternCache::default();
            let mut patterns = Patterns::with_limit(&cache, most);
            let mut violations = Violations::default();
            texts.iter().for_each(|text| patterns.check((*text, false), String::new(), &mut violations));
            patterns.check_all(&mut violations);
            violations.0.iter().map(|violation| violation.code).collect::<Vec<_>>()
        };
        let (two, too_many) = (2 * SIZES[0], code::limit::REWRITE_PATTERNS);
        assert_eq!(checked(&["a", "b", "a", "b"], two), [""; 0]);
        assert_eq!(checked(&["a", "b", "c", "("], two), [too_many], "the rest is not looked at");
        assert_eq!(checked(&["(", "("], SIZES[3]), [code::REWRITE_PATTERN; 2]);
        assert_eq!(checked(&["(", "a", "("], SIZES[3]), [code::REWRITE_PATTERN, too_many]);
    }
}
