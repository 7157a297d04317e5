//! Host names in `Host` headers and the wildcards of listeners. The canonical form is that of
//! [`tidegate_shared::host`], in which workers compare them.

use std::net::Ipv4Addr;

use tidegate_shared::host::HostPattern;

/// The maximum length of a DNS name.
const NAME_LENGTH: usize = 253;
/// The maximum length of a DNS label.
const LABEL_LENGTH: usize = 63;
/// The maximum number of `*` in a name, and of `*` and `?` together.
const STARS: usize = 2;
const WILDCARDS: usize = 4;

/// Returns whether the text is a host name or an IPv4 address. Underscores are accepted because they occur in
/// practice. A name whose last label is a number is neither, because clients read it as an address.
pub(super) fn is_host(text: &str) -> bool {
    let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next().unwrap_or(text);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.contains('.') && text.parse::<Ipv4Addr>().is_err() {
        return false;
    }
    is_name(text.strip_suffix('.').unwrap_or(text), |byte| {
        byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
    })
}

const NO_NAME: &str = "It is not a valid host name";

/// Parses a listener's `hostName`.
///
/// # Errors
/// The reason, as a sentence without a period.
pub(super) fn name(text: &str) -> Result<HostPattern, &'static str> {
    if text.contains(HostPattern::WILDCARDS) {
        return Err("Wildcards are allowed in hostNames only");
    }
    pattern(text)
}

/// Parses one of a listener's `hostNames`.
///
/// # Errors
/// The reason, as a sentence without a period.
pub(super) fn pattern(text: &str) -> Result<HostPattern, &'static str> {
    let count = |text: &str, wildcard| text.matches(wildcard).count();
    if !is_name(text, |byte| byte.is_ascii_alphanumeric() || b"-*?".contains(&byte)) {
        return Err(NO_NAME);
    }
    if text.split('.').any(|label| count(label, '*') > 1) {
        return Err("Only one '*' is allowed between two dots");
    }
    if text.split('.').any(|label| label.contains('*') && label.contains('?')) {
        return Err("'*' and '?' are not allowed together between two dots");
    }
    if count(text, '*') > STARS {
        return Err("Only two '*' are allowed in a name");
    }
    if count(text, '*') + count(text, '?') > WILDCARDS {
        return Err("Only four wildcards are allowed in a name");
    }
    HostPattern::parse(text).map_err(|_| NO_NAME)
}

fn is_name(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.len() <= LABEL_LENGTH && label.bytes().all(&allowed);
    text.len() <= NAME_LENGTH && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let long = "a".repeat(63);
        for good in ["a", "a.b", "A-1.b_c", "127.0.0.1", "a.b.", &long] {
            assert!(is_host(good), "{good}");
        }
        let longest = [long.as_str(); 4].join(".");
        for bad in [
            "",
            ".",
            "300.1.1.1",
            "1.2.3",
            "a.7",
            "a..b",
            ".a",
            "a b",
            "a:80",
            "a/b",
            "ä",
            "a\r\nb",
            "*.a",
            &format!("{long}a"),
            &longest,
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn wildcards() {
        for good in ["a.b", "*.a.b", "*", "??.a", "*.*.a", "a?b.c*d.e?", "a-*.b"] {
            assert!(pattern(good).is_ok(), "{good}");
        }
        for bad in ["**", "*a*.b", "**.a", "*?.a", "*.*.*.a", "?????.a", "*.*.a???b", "a..*", "a_b", ""] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
        assert_eq!(name("A.b").unwrap().as_str(), "a.b");
        for bad in ["*.a", "a?b", "", "a b", "a."] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
