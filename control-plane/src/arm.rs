//! Resource documents in the shape of Azure Resource Manager: how they are spelt, named and read.
//!
//! From JSON as clients write it to a [`document::Document`] in canonical form. Pure: no I/O, no clock. What a
//! document *means* is [`crate::compile`]'s business.

pub mod body;
pub mod certificate;
pub mod collection;
pub mod document;
pub mod gateway;
pub mod normalize;
pub mod pkcs7;
pub mod resource_id;
#[cfg(test)]
pub(crate) mod samples;
pub mod shape;
