//! The regular expressions of rewrite rules: whether each can be used, and whether a worker can hold all of a gateway.
//!
//! To try one takes up to some milliseconds, a gateway may have thousands, and documents are compiled while the one
//! writer waits. So whoever takes a body in has its patterns tried with [`try_patterns`] where time does not matter.
//! What came of a pattern is a fact about its text alone: it is remembered for as long as the process lives, and makes
//! no difference to what a document means but to how fast that is known.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use regex::RegexBuilder;
use tidegate_shared::snapshot::Pattern;

use super::rewrites::is_within_limits;
use crate::arm::gateway::RewriteRuleSet;
use crate::violation::{Violations, code};

/// What patterns count for, in bytes: the first of these sizes that the compiled one fits into. A worker takes up to
/// six times as much for each.
const SIZES: [usize; 4] = [4 * 1024, 16 * 1024, 64 * 1024, Pattern::SIZE_LIMIT];

/// What the different patterns of one gateway may count for together, in bytes: up to 400 MiB in a worker, and less
/// than a second to try them. That is as many ordinary ones as there may be conditions.
const ALL: usize = 64 * 1024 * 1024;

/// The longest text of a pattern, in bytes. A plain one that is longer is too large when compiled; to read some MiB
/// would take hundreds of them.
const LONGEST: usize = 8 * 1024;

/// What each escape for a class of characters counts for at least, in bytes: to read one takes a twentieth of a
/// millisecond and more, however little comes of it in the end.
const CLASS: usize = SIZES[0];

/// How much is remembered, in bytes: more than the patterns of any one gateway come to.
const REMEMBERED: usize = 32 * 1024 * 1024;

/// What came of a pattern: what it counts for, or what is wrong with it.
type Outcome = Result<usize, &'static str>;

/// Tries the patterns of these sets, as far as they are looked into when they are compiled: up to what one gateway may
/// have, and one set more, for a body can hold one beside those that will count.
pub fn try_patterns(sets: &[RewriteRuleSet]) {
    let mut patterns = Patterns { most: 2 * ALL, ..Patterns::default() };
    for (text, ignore_case) in sets.iter().filter(|set| is_within_limits(set)).flat_map(all) {
        if patterns.are_too_many() {
            return;
        }
        // What is wrong with it is said when it is compiled.
        let _ = patterns.look_at(text, ignore_case);
    }
}

/// Every pattern of a set, and whether case does not count.
fn all(set: &RewriteRuleSet) -> impl Iterator<Item = (&str, bool)> {
    let of_rules = set.rewrite_rules.iter().flat_map(|rule| {
        let conditions = rule.conditions.iter().map(|condition| (&condition.pattern, condition.ignore_case));
        let headers = rule.action_set.iter().flat_map(|actions| {
            actions.request_header_configurations.iter().chain(&actions.response_header_configurations)
        });
        let matchers = headers.filter_map(|header| header.header_value_matcher.as_ref());
        conditions.chain(matchers.map(|matcher| (&matcher.pattern, matcher.ignore_case)))
    });
    of_rules.map(|(text, ignore_case)| (text.as_deref().unwrap_or_default(), ignore_case.unwrap_or_default()))
}

/// The different patterns of one gateway, as far as they were looked at.
pub(super) struct Patterns<'a> {
    seen: HashMap<(&'a str, bool), Outcome>,
    /// What they count for; one that is wrong has taken as much time as any.
    size: usize,
    most: usize,
}

impl Default for Patterns<'_> {
    fn default() -> Self {
        Patterns { seen: HashMap::new(), size: 0, most: ALL }
    }
}

impl<'a> Patterns<'a> {
    /// Complains of a pattern that cannot be used. Once there are too many, nothing is said of further ones.
    pub(super) fn check(&mut self, pattern: (&'a str, bool), target: String, violations: &mut Violations) {
        if self.are_too_many() {
            return;
        }
        if let Err(complaint) = self.look_at(pattern.0, pattern.1) {
            violations.push(code::REWRITE_PATTERN, target, complaint);
        }
    }

    /// Complains if they are more than a worker can hold.
    pub(super) fn check_all(&self, violations: &mut Violations) {
        if self.are_too_many() {
            let message = format!(
                "The different patterns in the rewrite rules of a gateway may come to {ALL} bytes. They come to more."
            );
            violations.push(code::limit::REWRITE_PATTERNS, "properties.rewriteRuleSets", message);
        }
    }

    fn are_too_many(&self) -> bool {
        self.size > self.most
    }

    fn look_at(&mut self, text: &'a str, ignore_case: bool) -> Outcome {
        let size = &mut self.size;
        *self.seen.entry((text, ignore_case)).or_insert_with(|| {
            let outcome = remembered(text, ignore_case);
            *size += outcome.unwrap_or(Pattern::SIZE_LIMIT);
            outcome
        })
    }
}

/// What is remembered: of those in which case counts, and of the others.
#[derive(Default)]
struct Memory {
    outcomes: [HashMap<String, Outcome>; 2],
    bytes: usize,
}

/// Nothing of it is left half changed where a holder panics.
fn memory() -> MutexGuard<'static, Memory> {
    static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it is remembered what came of a pattern in which case counts.
#[cfg(test)]
pub(crate) fn is_remembered(text: &str) -> bool {
    memory().outcomes[0].contains_key(text)
}

fn remembered(text: &str, ignore_case: bool) -> Outcome {
    if let Some(known) = memory().outcomes[usize::from(ignore_case)].get(text) {
        return *known;
    }
    let outcome = try_one(text, ignore_case);
    if text.len() <= LONGEST {
        // A text, and about what a map takes for an entry.
        let bytes = text.len() + 64;
        let mut memory = memory();
        if memory.bytes + bytes > REMEMBERED {
            *memory = Memory::default();
        }
        memory.bytes += bytes;
        memory.outcomes[usize::from(ignore_case)].insert(text.to_owned(), outcome);
    }
    outcome
}

fn try_one(text: &str, ignore_case: bool) -> Outcome {
    const TOO_LARGE: &str = "The expression is too large.";
    const UNREADABLE: &str =
        "The expression cannot be read. The syntax is that of RE2: without look-around and back-references.";
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

/// How many escapes for classes of characters there are, at most.
fn classes(text: &str) -> usize {
    let pairs = text.as_bytes().windows(2);
    pairs.filter(|pair| pair[0] == b'\\' && b"pPwWdDsS".contains(&pair[1])).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // As many ordinary patterns as the official service publishes conditions, by its limits of sets and of conditions.
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
        // Without case it is larger.
        assert!(try_one("[a-z]{3000}", true).is_err());
    }

    #[test]
    fn those_of_a_gateway_are_bounded_together_each_counted_once() {
        let checked = |texts: &[&'static str], most: usize| {
            let mut patterns = Patterns { most, ..Patterns::default() };
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

    #[test]
    fn every_pattern_of_a_set_is_tried() {
        let matcher = |pattern: &str| json!({"headerValueMatcher": {"pattern": pattern, "ignoreCase": true}});
        let set = json!({"rewriteRules": [
            {"conditions": [{"pattern": "a"}, {"pattern": "b", "ignoreCase": true}, {}]},
            {"actionSet": {"requestHeaderConfigurations": [matcher("c"), {}],
                           "responseHeaderConfigurations": [matcher("d")]}},
        ]});
        let set: RewriteRuleSet = serde_json::from_value(set).unwrap();
        assert!(is_within_limits(&set));
        let found: Vec<_> = all(&set).collect();
        assert_eq!(found, [("a", false), ("b", true), ("", false), ("c", true), ("d", true)]);
    }
}
