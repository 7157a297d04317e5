//! Roles of API clients.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The operations that an API client may perform within its scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read everything, including backend health.
    Reader,
    /// Read and change everything except for workers and clients, which only the administrator manages.
    Contributor,
}

/// The text is not a role.
#[derive(Debug, Error)]
#[error("the role must be `reader` or `contributor`")]
pub struct UnknownRole;

impl Role {
    /// The name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Contributor => "contributor",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Role, UnknownRole> {
        [Role::Reader, Role::Contributor]
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
