//! Azure Resource Manager documents: spelling, names and reading.
//!
//! Turns JSON as clients send it into a [`document::Document`] in canonical form. Pure: no I/O, no clock.
//! [`crate::compile`] interprets the document.

pub mod api_version;
pub mod body;
pub mod certificate;
pub mod collection;
pub mod deployment;
pub mod document;
pub mod external_refs;
pub mod gateway;
pub mod location;
pub mod named;
pub mod network;
pub mod normalize;
pub mod on_demand;
pub mod page;
pub mod pkcs7;
pub mod relaxed_json;
pub mod resource_group;
pub mod resource_id;
pub mod resource_kind;
pub mod rewrite_names;
#[cfg(test)]
pub(crate) mod samples;
pub mod shape;
pub mod tags;
pub mod tls_policy;
