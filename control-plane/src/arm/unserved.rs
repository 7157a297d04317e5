//! Resources of types that Tidegate does not serve, such as network security groups or virtual machines. They are
//! stored whole and have no effect, so that documents that contain them can be deployed, read and referred to.
//!
//! This module must not interpret a property, except for the few computed ones that templates read
//! ([`computed`]) and the write-only ones that Azure never returns ([`body`]).

pub(crate) mod body;
mod computed;
mod implied;
mod keys;
pub(crate) mod members;
mod path;
mod types;
mod write_only;

pub(crate) use body::show;
pub(crate) use implied::{is_made_with, maker_of};
pub(crate) use keys::{list_result, made_key};
pub(crate) use path::{NotUnserved, UnservedPath};
pub(crate) use types::{NOT_ENFORCED, SERVED_TYPES, TypeClass, class_of, unknown_type};
pub(crate) use write_only::take_secrets;
