//! Searches find the same as the crate `regex`, and none exceeds its budget.

use super::*;

fn matcher(text: &str, groups: bool) -> Matcher {
    Matcher::new(&Pattern { text: text.to_owned(), ignore_case: false }, groups).unwrap()
}

fn left(budget: &SearchBudget) -> usize {
    budget.0.get()
}

/// Ordinary expressions, and special cases.
const PATTERNS: &[&str] = &[
    "",
    "a",
    "^/product/([^/]+)/(.*)$",
    "^/(.*)/(x|y)$",
    r"(\w+)=(\d{2,3})",
    r"\bfoo\b",
    "(?i)é",
    "foo|foobar",
    "(a)?(b)",
    "(a*)(a|b)*",
    ".*",
    "$",
    "^$",
    "[^a-z]+",
    r"(?-u:\xff)",
];

#[test]
fn searches_agree_with_the_crate_regex() {
    const TEXTS: &[&[u8]] = &[
        b"",
        b"a",
        b"ab",
        b"/product/shoes/red/42",
        b"/a/b/x",
        b"id=123&x=4",
        b"a foo b",
        b"foobar",
        "\u{c9}\u{e9}foo \u{e9}".as_bytes(),
        b"foo\xff bar",
        b"aaab",
        b"\n/x/y",
    ];
    for pattern in PATTERNS {
        let expected = regex::bytes::Regex::new(pattern).unwrap();
        let (plain, grouping) = (matcher(pattern, false), matcher(pattern, true));
        // The second search uses the transitions that the first one computed.
        for text in TEXTS.iter().chain(TEXTS) {
            let shown = text.escape_ascii();
            let budget = SearchBudget::default();
            assert_eq!(plain.is_match(text, &budget), Ok(expected.is_match(text)), "{pattern} in {shown}");
            let found = grouping.find(text, &budget).unwrap();
            let captures = expected.captures(text);
            assert_eq!(found.is_some(), captures.is_some(), "{pattern} in {shown}");
            for group in 0..expected.captures_len() {
                let place = captures.as_ref().and_then(|captures| captures.get(group));
                let place = place.map(|place| (place.start(), place.end()));
                let groups = found.as_ref();
                assert_eq!(groups.and_then(|groups| groups.get(group)), place, "{pattern} in {shown}");
            }
        }
    }
}

#[test]
fn costly_searches_end_where_the_budget_does() {
    let mut random = fastrand::Rng::with_seed(7);
    let text: Vec<u8> = (0..30_000).map(|_| if random.bool() { b'a' } else { b'b' }).collect();
    let optional = "(?:a?){400}b{400}c".to_owned();
    for pattern in ["[ab]*a[ab]{2500}c", "[ab]*a[ab]{400}c", ".*a.{20}c", r"(\w+)*\b[ab]{900}c", &optional] {
        for groups in [false, true] {
            let matcher = matcher(pattern, groups);
            let budget = SearchBudget::default();
            let mut searches = 0;
            while matcher.find(&text, &budget).is_ok() {
                searches += 1;
                assert!(
                    searches <= STEPS / (text.len() / BYTES_PER_STEP),
                    "{pattern} costs less than its text"
                );
            }
            assert_eq!(left(&budget), 0, "{pattern}");
            assert_eq!(matcher.is_match(b"a", &budget), Err(Exhausted), "{pattern}: nothing is left");
        }
    }
}

#[test]
fn ordinary_searches_take_a_small_part_of_the_budget() {
    let path = b"/product/some-longer-name/of/a/page/with/a/number/12345.html";
    for pattern in PATTERNS {
        let matcher = matcher(pattern, true);
        let (first, second) = (SearchBudget::default(), SearchBudget::default());
        matcher.find(path, &first).unwrap();
        matcher.find(path, &second).unwrap();
        // Forty conditions on one request, with expressions that were not searched before.
        assert!(STEPS - left(&first) < STEPS / 40, "{pattern}: {}", STEPS - left(&first));
        assert!(left(&second) >= left(&first), "{pattern}");
    }
}
