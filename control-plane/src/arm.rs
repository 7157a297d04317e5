//! Resource documents in the shape of Azure Resource Manager: how they are spelt, named and read.
//!
//! From JSON as clients write it to a [`document::Document`] in canonical form. Pure: no I/O, no clock. What a
//! document *means* is [`crate::compile`]'s business.

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
pub mod rewrite_names;
#[cfg(test)]
pub(crate) mod samples;
pub mod shape;
pub mod tags;
pub mod tls_policy;
