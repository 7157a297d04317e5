//! A fuzz target of the host table: it finds the same listener as a linear search.

use tidegate_shared::host::{CanonicalHost, HostPattern};

use super::HostTable;

/// The alphabet of inputs. Other bytes are mapped to these characters, so that random bytes become listeners too.
const ALPHABET: &[u8] = b"ab.*?-A:8 \n";

fn text_of(bytes: &[u8]) -> String {
    let folded = |byte: &u8| {
        if ALPHABET.contains(byte) { *byte } else { ALPHABET[usize::from(*byte) % ALPHABET.len()] }
    };
    bytes.iter().map(|byte| char::from(folded(byte))).collect()
}

/// Returns true if the pattern matches, by trying every expansion of each `*`.
fn matches(pattern: &[u8], host: &[u8]) -> bool {
    match (pattern.split_first(), host.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=host.len()).any(|skipped| matches(rest, &host[skipped..])),
        (Some((b'?', pattern)), Some((_, host))) => matches(pattern, host),
        (Some((one, pattern)), Some((other, host))) => one == other && matches(pattern, host),
        _ => false,
    }
}

fn walk(listeners: &[Vec<HostPattern>], host: &str) -> Option<usize> {
    let takes = |pattern: &HostPattern| matches(pattern.as_str().as_bytes(), host.as_bytes());
    listeners.iter().position(|patterns| patterns.is_empty() || patterns.iter().any(takes))
}

/// The first line of an input is the host of a request, each further one the host names of a listener.
#[test]
fn fuzz_host_table() {
    bolero::check!().with_max_len(256).for_each(|bytes: &[u8]| {
        let text = text_of(bytes);
        let mut lines = text.split('\n');
        let Ok(host) = CanonicalHost::parse(lines.next().unwrap_or_default()) else { return };
        // The compiler allows two `*` per name.
        let pattern = |name: &str| HostPattern::parse(name).ok().filter(|_| name.matches('*').count() <= 2);
        let listeners: Vec<Vec<HostPattern>> =
            lines.map(|line| line.split(' ').filter_map(pattern).collect()).collect();
        let table = HostTable::new(listeners.iter().map(Vec::as_slice));
        let expected = walk(&listeners, host.as_str());
        assert_eq!(table.find(&host), expected, "{host} among {listeners:?}");
        for respelt in [format!("{host}."), format!("{host}.:443"), host.as_str().to_ascii_uppercase()] {
            let respelt = CanonicalHost::parse(&respelt).unwrap();
            assert_eq!(table.find(&respelt), expected, "{respelt} among {listeners:?}");
        }
    });
}
