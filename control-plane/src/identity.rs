//! Authorization of API clients, and their access tokens.
//!
//! Pure except for randomness in signatures and hashes: no files, no clock, no HTTP. [`crate::store`] persists
//! clients, and `api` speaks the protocols.

pub mod access;
pub mod action;
pub mod issuer;
pub mod links;
pub mod name;
pub mod role;
pub mod scope;
pub mod secret;
pub mod token;
