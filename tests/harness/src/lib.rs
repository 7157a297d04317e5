//! The library of Tidegate's end-to-end tests.
//!
//! A test starts the real binary ([`Tidegate`]), sends it documents over its REST API ([`Management`],
//! [`GatewayDocument`]), puts scripted backends behind it ([`Backend`], [`ManualBackend`]) and uses it like a
//! client ([`HttpClient`], [`Peer`], [`WebSocket`]). On drop, everything is stopped and every file is removed.
//!
//! The library must not use the internals of either plane: it only sees what any user sees. It waits for a state
//! ([`wait_for`]) and not for a time, unless the test is about time, and panics with the state that it waited for.
//! A test fails by a panic.

mod access_log;
mod address;
mod backend;
mod byte_stream;
mod canned_backend;
mod clock;
mod command_line;
mod contract;
mod dns;
mod document;
mod file_server;
mod files;
mod gateway;
mod http2_backend;
mod http2_client;
mod http2_frames;
mod http_client;
mod management;
mod manual_backend;
mod metrics;
mod peer;
mod pki;
mod process;
mod seed;
mod terminal;
mod tidegate;
mod tls_client;
mod vault;
mod wait;
mod websocket;
mod worker;

pub use access_log::AccessLog;
pub use address::{BACKEND_PORT, HTTP_PORT, HTTPS_PORT, listening_sockets, loopback};
pub use backend::{Backend, Behaviour, Received, Then};
pub use byte_stream::ByteStream;
pub use canned_backend::{CannedBackend, Rest};
pub use clock::Clock;
pub use command_line::{CommandLine, Outcome};
pub use dns::DnsServer;
pub use document::{GROUP, GatewayDocument, SUBSCRIPTION};
pub use file_server::FileServer;
pub use files::files_below;
pub use gateway::{Gateway, HOST};
pub use h2::Reason;
pub use http_client::{Answer, HttpClient};
pub use http2_backend::{Call, Http2Backend};
pub use http2_client::{Http2Client, Http2Stream, StreamEnd};
pub use http2_frames::{Frame, FramePeer, PREFACE, Verdict, flag, frame, header_block, kind};
pub use management::{API_VERSION, EXTENSION_VERSION, Management, Operation, version_of};
pub use manual_backend::{ManualBackend, switching_protocols};
pub use metrics::Metrics;
pub use peer::{Ending, Head, Peer};
pub use pki::{Authority, Identity};
pub use process::{Process, memory_kib, peak_memory_kib, reset_peak_memory, resume, run, suspend};
pub use seed::{seed_document, seed_document_canonical};
pub use terminal::Terminal;
pub use tidegate::{Tidegate, TidegateBuilder};
pub use tls_client::{Agreed, Choices, TlsClient};
pub use vault::Vault;
pub use wait::{DEADLINE, wait_for, within_deadline};
pub use websocket::{End, WebSocket, handshake};
pub use worker::Worker;
