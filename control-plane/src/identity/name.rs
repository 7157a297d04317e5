//! Names of API clients.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The maximum length of a name, in bytes.
const MAX: usize = 64;

/// The other authors in the audit log, whose names no client may have.
const RESERVED: [&str; 2] = ["admin", "tidegate"];

/// A client's name: 1 to 64 ASCII letters, digits, `.`, `_` and `-`. Names are compared ignoring case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

/// The text is not a valid client name.
#[derive(Debug, Error)]
#[error(
    "a client name must have 1 to {MAX} letters, digits, `.`, `_` and `-`, and not be `admin` or `tidegate`"
)]
pub struct InvalidName;

impl ClientName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ClientName, InvalidName> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let reserved = RESERVED.iter().any(|name| text.eq_ignore_ascii_case(name));
        let good = plain && !reserved && (1..=MAX).contains(&text.len());
        if good { Ok(ClientName(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(MAX);
        for good in ["a", "ci-2.build_1", "-", &long] {
            assert_eq!(good.parse::<ClientName>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "ä", "Admin", "tidegate", "a\n", &format!("{long}a")] {
            assert!(bad.parse::<ClientName>().is_err(), "{bad}");
        }
    }
}
