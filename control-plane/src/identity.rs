//! Authorization of API clients, and their access tokens.
//!
//! Pure except for randomness in signatures and hashes: no files, no clock, no HTTP. [`crate::store`] persists
//! clients, and `api` speaks the protocols.

pub(crate) mod access;
pub(crate) mod action;
pub(crate) mod issuer;
pub(crate) mod links;
pub(crate) mod name;
pub(crate) mod role;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod token;
