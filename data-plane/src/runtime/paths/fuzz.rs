//! A fuzz target of the table of path rules: it finds what a walk through the rules finds.

use percent_encoding::percent_decode_str;
use tidegate_shared::path::{self, CanonicalPath, PathPattern};

use super::PathTable;

/// The characters that an input is made of. A byte that is none of them stands for one of them, so that random bytes
/// are paths too.
const ALPHABET: &[u8] = b"/a.b%256cCfFeE\\;*A\n";

fn text_of(bytes: &[u8]) -> String {
    let folded = |byte: &u8| {
        if ALPHABET.contains(byte) { *byte } else { ALPHABET[usize::from(*byte) % ALPHABET.len()] }
    };
    bytes.iter().map(|byte| char::from(folded(byte))).collect()
}

/// The path as common backends look it up, but for dot segments: one transformation of the whole path after the other.
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

/// The path of a request target is empty, `*`, or begins with a slash.
fn sent_of(line: &str) -> String {
    let slash = if line.is_empty() || line == "*" || line.starts_with('/') { "" } else { "/" };
    format!("{slash}{line}")
}

/// The first line is the path of a request, each further one a rule's path.
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
            // The slashes behind a slash belong to it.
            let expected = &naive[literal.len()..];
            assert_eq!(self::naive(rest), expected, "{rest} of {sent}");
        }
    });
}
