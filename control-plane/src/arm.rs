//! Azure Resource Manager documents: spelling, names and reading.
//!
//! Turns JSON as clients send it into a [`document::Document`] in canonical form. Pure: no I/O, no clock.
//! [`crate::compile`] interprets the document.

pub(crate) mod api_version;
pub(crate) mod body;
pub(crate) mod certificate;
pub(crate) mod collection;
pub(crate) mod deployment;
pub(crate) mod document;
pub(crate) mod extension;
pub(crate) mod external_refs;
pub(crate) mod firewall_rule_sets;
pub(crate) mod gateway;
pub(crate) mod level;
pub(crate) mod location;
pub(crate) mod naming;
pub(crate) mod network;
pub(crate) mod normalize;
pub(crate) mod on_demand;
pub(crate) mod page;
pub(crate) mod pkcs7;
pub(crate) mod private_addresses;
pub(crate) mod relaxed_json;
pub(crate) mod resource_group;
pub(crate) mod resource_id;
pub(crate) mod resource_kind;
pub(crate) mod rewrite_names;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod secret_reference;
pub(crate) mod shape;
pub(crate) mod spelling;
pub(crate) mod tags;
pub(crate) mod tls_policy;
pub(crate) mod tunnel_closing;
pub(crate) mod unknown;
pub(crate) mod unserved;
