//! A fuzz target for the table of path rules, which must agree with a linear scan of the rules.

use percent_encoding::percent_decode_str;
use tidegate_shared::path::{self, CanonicalPath, PathPattern};

use super::PathTable;

/// The characters of a decoded input. Each byte outside this set is mapped into it, so that random bytes form paths.
const ALPHABET: &[u8] = b"/a.b%256cCfFeE\\;*A\n";

fn text_of(bytes: &[u8]) -> String {
    let folded = |byte: &u8| {
        if ALPHABET.contains(byte) { *byte } else { ALPHABET[usize::from(*byte) % ALPHABET.len()] }
    };
    bytes.iter().map(|byte| char::from(folded(byte))).collect()
}

/// Canonicalizes a path in the steps that common backends use, except for dot segments: each step transforms the
/// whole path.
fn naive(path: &str) -> Vec<u8> {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let folded = decoded.iter().map(|byte| if *byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() });
    let mut merged: Vec<u8> = folded.collect();
    merged.dedup_by(|one, other| *one == b'/' && *other == b'/');
    merged
}

fn has_dot_segments(naive: &[u8]) -> bool {
    naive.split(|byte| *byte == b'/').any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    })
}

fn walk(patterns: &[PathPattern], path: &[u8]) -> Option<usize> {
    patterns.iter().position(|pattern| {
        let text = pattern.to_string();
        text.strip_suffix('*').map_or_else(|| path == naive(&text), |text| path.starts_with(&naive(text)))
    })
}

/// Makes a line a valid path of a request target: empty, `*`, or with a leading slash.
fn sent_of(line: &str) -> String {
    let slash = if line.is_empty() || line == "*" || line.starts_with('/') { "" } else { "/" };
    format!("{slash}{line}")
}

/// The first line of the input is the path of a request; each further line is the pattern of a rule.
#[test]
fn fuzz_path_table() {
    bolero::check!().with_max_len(256).for_each(|bytes: &[u8]| {
        let text = text_of(bytes);
        let mut lines = text.split('\n');
        let sent = &sent_of(lines.next().unwrap_or_default());
        let (canonical, naive) = (CanonicalPath::of(sent), naive(sent));
        assert_eq!(canonical.has_dot_segments(), has_dot_segments(&naive), "{sent}");
        if canonical.has_dot_segments() {
            let resolved = canonical.as_bytes();
            assert!(!has_dot_segments(resolved), "{sent} becomes {}", String::from_utf8_lossy(resolved));
            return;
        }
        assert_eq!(canonical.as_bytes(), naive, "{sent}");
        let patterns: Vec<PathPattern> = lines.filter_map(|line| PathPattern::parse(line).ok()).collect();
        let table = PathTable::new(patterns.iter().zip(1..));
        let found = table.find(&canonical);
        let expected = walk(&patterns, &naive).map(|number| (number, number + 1));
        assert_eq!(found, expected, "{sent} among {patterns:?}");
        if let Some((number, _)) = found {
            let literal = table.literal(number);
            let rest = path::after(sent, literal).expect("the path begins with what a rule matched");
            // Repeated slashes count as one.
            let expected = &naive[literal.len()..];
            assert_eq!(self::naive(rest), expected, "{rest} of {sent}");
        }
    });
}
