//! Entity tags, and preconditions on them. Pure except for the generation of tags.

use uuid::Uuid;

use crate::digest::sha256_hex;

/// The version of one row: changes with each write and is never reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etag(pub(crate) String);

impl Etag {
    /// Generates a unique tag.
    pub(crate) fn fresh() -> Etag {
        Etag(format!("W/\"{}\"", Uuid::new_v4()))
    }

    /// Returns the tag of something whose parts have these tags.
    pub(crate) fn of(parts: &[String]) -> Etag {
        Etag(format!("W/\"{}\"", &sha256_hex(parts.join("\n").as_bytes())[..32]))
    }

    /// Returns the part to compare: ARM's tags are all weak, and some clients omit the `W/` or the quotes.
    fn opaque(text: &str) -> &str {
        let text = text.trim();
        let text = text.strip_prefix("W/").unwrap_or(text);
        text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text)
    }

    fn is(&self, other: &str) -> bool {
        Etag::opaque(&self.0) == Etag::opaque(other)
    }
}

/// The values of `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    /// The row must exist and have one of these tags (`*`: any).
    pub(crate) if_match: Option<String>,
    /// The row must not exist with one of these tags (`*`: with any).
    pub(crate) if_none_match: Option<String>,
}

impl Preconditions {
    /// Returns whether the preconditions hold for a row; `None` is a row that does not exist.
    pub(crate) fn hold(&self, current: Option<&Etag>) -> bool {
        let matches = |list: &str| match current {
            None => false,
            Some(etag) => list.split(',').any(|item| item.trim() == "*" || etag.is(item)),
        };
        self.if_match.as_deref().is_none_or(matches) && !self.if_none_match.as_deref().is_some_and(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_hold_or_not() {
        let row = Etag("W/\"a\"".into());
        let cases = [
            (None, None, Some(&row), true),
            (None, None, None, true),
            (Some("W/\"a\""), None, Some(&row), true),
            (Some("\"a\""), None, Some(&row), true),
            (Some("a"), None, Some(&row), true),
            (Some("W/\"b\""), None, Some(&row), false),
            (Some("W/\"b\", W/\"a\""), None, Some(&row), true),
            (Some("*"), None, Some(&row), true),
            (Some("*"), None, None, false),
            (Some("W/\"a\""), None, None, false),
            (None, Some("*"), Some(&row), false),
            (None, Some("*"), None, true),
            (None, Some("W/\"a\""), Some(&row), false),
            (None, Some("W/\"b\""), Some(&row), true),
            (Some("W/\"a\""), Some("*"), Some(&row), false),
            (Some(""), None, Some(&row), false),
        ];
        for (if_match, if_none_match, current, expected) in cases {
            let conditions = Preconditions {
                if_match: if_match.map(str::to_owned),
                if_none_match: if_none_match.map(str::to_owned),
            };
            assert_eq!(conditions.hold(current), expected, "{conditions:?} against {current:?}");
        }
    }

    #[test]
    fn no_two_tags_are_alike() {
        assert_ne!(Etag::fresh(), Etag::fresh());
        let of = |parts: &[&str]| Etag::of(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
        assert_ne!(of(&["a"]), of(&["a", "b"]));
    }
}
