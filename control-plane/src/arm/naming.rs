//! The type of gateways and the rule for names of resources.

/// The namespace and type of a gateway.
pub(crate) const GATEWAY_TYPE: &str = "Microsoft.Network/applicationGateways";

/// The maximum length of a name, in bytes.
pub(crate) const MAX_NAME: usize = 80;

/// The regular expression of [`is_valid_name`], for the published schema.
pub(crate) const NAME_PATTERN: &str = "^[0-9A-Za-z]([0-9A-Za-z_.-]{0,78}[0-9A-Za-z_])?$";

/// Returns whether a resource may have this name: 1 to 80 characters, the first a letter or digit, the last a
/// letter, digit or `_`, and between them also `.` and `-`.
pub(crate) fn is_valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= MAX_NAME
        && first.is_ascii_alphanumeric()
        && (last.is_ascii_alphanumeric() || *last == b'_')
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        let long = "a".repeat(80);
        for good in ["a", "1", "a-b.c_", "A_", &long] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "_a", "-a", "a-", "a.", "a b", "a/b", "ä", &format!("{long}a")] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
