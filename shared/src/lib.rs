//! The contract between the two planes of Tidegate, and nothing else.
//!
//! The control plane compiles documents into [`snapshot::Snapshot`]s, and workers execute them. The planes exchange
//! the messages of [`protocol`] in the frames of [`channel`]. This crate starts no task, and a single thread, in
//! [`handover`]; only [`meter`], [`service_manager`] and [`private_file`] read a clock. Its I/O is what the
//! processes of both planes must do in the same safe way: write secrets ([`private_file`]), pass sockets to a
//! successor ([`handover`]) and notify the service manager ([`service_manager`]). It must not know ARM, which
//! belongs to the control plane alone.

pub mod channel;
pub mod client_network;
pub mod handover;
pub mod host;
pub mod id;
pub mod local_request;
pub mod meter;
pub mod metrics;
pub mod path;
pub mod private_file;
pub mod protocol;
pub mod seal;
pub mod secret;
pub mod service_manager;
pub mod snapshot;
pub mod token;
pub mod tunnel;
