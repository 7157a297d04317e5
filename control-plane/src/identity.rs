//! Who may do what with the management API, and the tokens that say who is who.
//!
//! Everything here is pure, but for the randomness in a signature or a hash: no file, no clock, no HTTP. What is
//! stored of it is [`crate::store`]'s business, what it is on the wire `api`'s.

pub mod access;
pub mod action;
pub mod issuer;
pub mod links;
pub mod name;
pub mod role;
pub mod scope;
pub mod secret;
pub mod token;
