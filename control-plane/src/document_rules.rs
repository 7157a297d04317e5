//! The decisions of the operator about the documents of clients. Pure.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::limits::Limits;
use crate::protection::UnservedProtection;
use crate::violation::{Violations, code};

/// The rules for documents besides those of their types.
#[derive(Clone, Debug, Default)]
pub(crate) struct DocumentRules {
    /// The maximum number of children of a gateway, by collection.
    pub(crate) limits: Limits,
    /// The treatment of unknown properties.
    pub(crate) unknown_properties: UnknownProperties,
    /// The treatment of documents that rely on protection that no worker provides.
    pub(crate) unserved_protection: UnservedProtection,
    /// The treatment of resources of types that Tidegate does not serve.
    pub(crate) unserved_types: UnservedTypes,
}

/// The treatment of an unknown property. One that is probably a mistake is always refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownProperties {
    /// It is stored and returned without effect, and the response has a warning.
    #[default]
    Warn,
    /// The document is refused.
    Refuse,
}

/// The text is neither `warn` nor `refuse`.
#[derive(Debug, Error)]
#[error("expected `warn` or `refuse`")]
pub struct UnknownPropertiesError;

impl UnknownProperties {
    /// Makes violations of the warnings about unknown properties, if they are refused.
    pub(crate) fn apply(self, violations: &mut Violations) {
        if self == UnknownProperties::Refuse {
            violations.refuse_warned(code::UNKNOWN_PROPERTY);
        }
    }
}

impl FromStr for UnknownProperties {
    type Err = UnknownPropertiesError;

    fn from_str(text: &str) -> Result<UnknownProperties, UnknownPropertiesError> {
        match text {
            "warn" => Ok(UnknownProperties::Warn),
            "refuse" => Ok(UnknownProperties::Refuse),
            _ => Err(UnknownPropertiesError),
        }
    }
}

impl fmt::Display for UnknownProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnknownProperties::Warn => "warn",
            UnknownProperties::Refuse => "refuse",
        })
    }
}

/// The treatment of resources of types that Tidegate does not serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnservedTypes {
    /// They are stored without effect.
    #[default]
    Store,
    /// They are refused.
    Refuse,
}

/// The text is neither `store` nor `refuse`.
#[derive(Debug, Error)]
#[error("expected `store` or `refuse`")]
pub struct UnservedTypesError;

impl FromStr for UnservedTypes {
    type Err = UnservedTypesError;

    fn from_str(text: &str) -> Result<UnservedTypes, UnservedTypesError> {
        match text {
            "store" => Ok(UnservedTypes::Store),
            "refuse" => Ok(UnservedTypes::Refuse),
            _ => Err(UnservedTypesError),
        }
    }
}

impl fmt::Display for UnservedTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnservedTypes::Store => "store",
            UnservedTypes::Refuse => "refuse",
        })
    }
}
