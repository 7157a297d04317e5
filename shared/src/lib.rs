//! What the two planes of Tidegate agree on, and nothing else.
//!
//! The control plane compiles documents into [`snapshot::Snapshot`]s; a worker executes them. Between the two
//! lie the messages of [`protocol`], carried in the frames of [`channel`]. This crate opens no socket and starts no
//! task. It reads a clock in [`meter`] alone, and its one piece of I/O is [`private_file`], since both planes must
//! write secrets the same safe way. It has never heard of ARM: that is the control plane's business alone.

pub mod channel;
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
pub mod snapshot;
pub mod token;
