//! The filter of request headers by their names. Many servers do not distinguish characters such as `_` or `.` from a
//! hyphen, and could take such a header for one that the gateway sets. Pure.

use http::header::{HeaderMap, HeaderName};
use tidegate_shared::snapshot::HeaderNames;

use crate::reserved_headers::is_reserved;

/// Returns true if a lower-case name equals a reserved one after each `_` is replaced by `-`.
fn mimics_reserved(name: &str) -> bool {
    name.contains('_') && is_reserved(name)
}

/// The maximum length of the list of dropped names in the log, in bytes.
const MAX_NAMES: usize = 256;

/// The names of headers that were dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropped(Vec<HeaderName>);

impl Dropped {
    /// Removes the headers that do not pass. Returns their names and the number of removed lines.
    pub(super) fn from(headers: &mut HeaderMap, passing: HeaderNames) -> (Dropped, u64) {
        let passes = |name: &&HeaderName| {
            let name = name.as_str();
            name.bytes().all(|byte| passes(byte, passing))
                && !(passing == HeaderNames::Standard && mimics_reserved(name))
        };
        let names: Vec<HeaderName> = headers.keys().filter(|name| !passes(name)).cloned().collect();
        let before = headers.len();
        for name in &names {
            headers.remove(name);
        }
        (Dropped(names), (before - headers.len()) as u64)
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
            if names.len() + name.as_str().len() > MAX_NAMES {
                names.push_str("...");
                break;
            }
            names.push_str(name.as_str());
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
    use http::HeaderValue;

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
            let mut headers = HeaderMap::new();
            for (name, times) in all {
                for _ in 0..times {
                    headers.append(name, HeaderValue::from_static("value"));
                }
            }
            let (dropped, count) = Dropped::from(&mut headers, passing);
            let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!((names.as_slice(), count), (kept, lines), "{passing:?}");
            assert_eq!((dropped.names().as_str(), dropped.is_empty()), (listed, listed.is_empty()));
        }
    }

    #[test]
    fn names_that_a_backend_may_take_for_reserved_ones_go_by_default() {
        for (passing, mimics_pass) in [(HeaderNames::Standard, false), (HeaderNames::All, true)] {
            for reserved in RESERVED {
                for name in [reserved.replace('-', "_"), reserved.replacen('-', "_", 1)] {
                    let mut headers = HeaderMap::new();
                    for name in [name.as_str(), reserved, &format!("{name}s"), &format!("a_{name}")] {
                        let name = HeaderName::try_from(name).unwrap();
                        headers.append(name, HeaderValue::from_static("value"));
                    }
                    let (_, count) = Dropped::from(&mut headers, passing);
                    assert_eq!(count, u64::from(!mimics_pass), "{name}");
                    assert_eq!(headers.contains_key(&name), mimics_pass, "{name}");
                    assert!(headers.contains_key(reserved), "{reserved}");
                }
            }
        }
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut headers = HeaderMap::new();
        for number in 0..100 {
            let name = HeaderName::try_from(format!("x.{number}")).unwrap();
            headers.insert(name, HeaderValue::from_static("value"));
        }
        let (dropped, count) = Dropped::from(&mut headers, HeaderNames::Standard);
        let names = dropped.names();
        assert_eq!(count, 100);
        assert!(
            names.len() < MAX_NAMES + 10 && names.starts_with("x.0, x.1,") && names.ends_with(", ..."),
            "{names}"
        );
        let long = HeaderName::try_from(format!("x.{}", "y".repeat(1000))).unwrap();
        assert_eq!(Dropped(vec![long]).names(), "...");
    }
}
