//! The filter of request headers by their names. Many servers do not distinguish characters such as `_` or `.` from a
//! hyphen, and could take such a header for one that the gateway sets. Pure.

use tidegate_http1::Fields;
use tidegate_shared::snapshot::HeaderNames;

use crate::reserved_headers::is_reserved;

/// Returns true if a name equals a reserved one after each `_` is replaced by `-`.
fn mimics_reserved(name: &[u8]) -> bool {
    name.contains(&b'_') && is_reserved(name)
}

/// The maximum length of the list of dropped names in the log, in bytes.
const MAX_NAMES: usize = 256;

/// The names of headers that were dropped, in lower case.
#[derive(Debug, Default)]
pub(crate) struct Dropped(Vec<String>);

impl Dropped {
    /// Removes the headers that do not pass. Returns their names and the number of removed lines.
    pub(super) fn from(fields: &mut Fields, passing: HeaderNames) -> (Dropped, u64) {
        let (mut names, before) = (Vec::new(), fields.len());
        fields.retain(|name, _| {
            let name = name.as_bytes();
            let passes = name.iter().all(|byte| passes(*byte, passing))
                && !(passing == HeaderNames::Standard && mimics_reserved(name));
            if !passes {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            passes
        });
        (Dropped(names), (before - fields.len()) as u64)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names for the log, separated by commas; `...` stands for the names that exceed the limit.
    pub(crate) fn names(&self) -> String {
        let mut names = String::new();
        for name in &self.0 {
            if !names.is_empty() {
                names.push_str(", ");
            }
            if names.len() + name.len() > MAX_NAMES {
                names.push_str("...");
                break;
            }
            names.push_str(name);
        }
        names
    }
}

fn passes(byte: u8, passing: HeaderNames) -> bool {
    match passing {
        HeaderNames::Standard => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        HeaderNames::LettersDigitsHyphens => byte.is_ascii_alphanumeric() || byte == b'-',
        HeaderNames::All => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reserved_headers::RESERVED;

    #[test]
    fn headers_go_by_their_names() {
        let all = [("x.a", 2), ("x_b", 1), ("x-c9", 1), ("x!d", 1), ("x~", 1)];
        for (passing, kept, lines, listed) in [
            (HeaderNames::Standard, &["x-c9", "x_b"][..], 4, "x.a, x!d, x~"),
            (HeaderNames::LettersDigitsHyphens, &["x-c9"], 5, "x.a, x_b, x!d, x~"),
            (HeaderNames::All, &["x!d", "x-c9", "x.a", "x_b", "x~"], 0, ""),
        ] {
            let mut fields = Fields::new();
            for (name, times) in all {
                for _ in 0..times {
                    fields.append(name, b"value");
                }
            }
            let (dropped, count) = Dropped::from(&mut fields, passing);
            let mut names: Vec<_> =
                fields.iter().map(|(name, _)| std::str::from_utf8(name.as_bytes()).unwrap()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!((names.as_slice(), count), (kept, lines), "{passing:?}");
            assert_eq!((dropped.names().as_str(), dropped.is_empty()), (listed, listed.is_empty()));
        }
    }

    #[test]
    fn names_that_a_backend_may_take_for_reserved_ones_go_by_default() {
        for (passing, mimics_pass) in [(HeaderNames::Standard, false), (HeaderNames::All, true)] {
            for reserved in RESERVED {
                for name in [reserved.replace('-', "_"), reserved.replacen('-', "_", 1)] {
                    let mut fields = Fields::new();
                    for name in [name.as_str(), reserved, &format!("{name}s"), &format!("a_{name}")] {
                        fields.append(name, b"value");
                    }
                    let (_, count) = Dropped::from(&mut fields, passing);
                    assert_eq!(count, u64::from(!mimics_pass), "{name}");
                    assert_eq!(fields.contains(name.as_str()), mimics_pass, "{name}");
                    assert!(fields.contains(reserved), "{reserved}");
                }
            }
        }
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut fields = Fields::new();
        for number in 0..100 {
            fields.append(format!("x.{number}").as_str(), b"value");
        }
        let (dropped, count) = Dropped::from(&mut fields, HeaderNames::Standard);
        let names = dropped.names();
        assert_eq!(count, 100);
        assert!(
            names.len() < MAX_NAMES + 10 && names.starts_with("x.0, x.1,") && names.ends_with(", ..."),
            "{names}"
        );
        let long = format!("x.{}", "y".repeat(1000));
        assert_eq!(Dropped(vec![long]).names(), "...");
    }
}
