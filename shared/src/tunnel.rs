//! Tunnels as both planes describe them: what is known of one, which ones a list holds, and in which order.
//!
//! Everything here is pure. The control plane parses and writes text; here a filter is a tree, and a time is a number.

mod filter;
mod property;
mod query;
mod rows;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::WorkerId;

pub use filter::{Filter, Network, Operator};
pub use property::{Kind, Properties, Property, Value};
pub use query::{OrderBy, Position, TunnelPage, TunnelQuery, merge};
pub use rows::FirstRows;

/// The maximum length of a tunnel's host, path and subprotocol in lists, in bytes. What is longer is cut.
pub const MAX_TEXT: usize = 1024;

/// The maximum number of rows of a [`TunnelPage`]. A full page is smaller than [`crate::channel::MAX_MESSAGE`].
pub const MAX_ROWS: usize = 1000;

/// The maximum number of tunnels in a [`crate::protocol::Call::CloseTunnels`], and in the reply to
/// [`crate::protocol::Call::TunnelKeys`].
pub const MAX_KEYS: usize = 100_000;

/// A point in time, in milliseconds since 1970-01-01 (UTC).
pub type Millis = i64;

/// The number of a tunnel within its worker; no other tunnel of the worker ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TunnelKey {
    /// A random number of the worker's process.
    pub process: u32,
    /// The data thread, from 0.
    pub thread: u16,
    /// The number of the tunnel on its data thread.
    pub number: u64,
}

/// The name of a tunnel, unique in practice among all workers: `WORKER-PROCESS-THREAD-NUMBER`, each in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId {
    /// The first 32 bits of the worker's identity, which are random.
    pub worker: u32,
    /// The number within the worker.
    pub key: TunnelKey,
}

/// One tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// Its number in the worker.
    pub key: TunnelKey,
    /// The name of its listener.
    pub listener: String,
    /// The name of its routing rule.
    pub rule: String,
    /// The name of the pool that its backend is a member of.
    pub pool: String,
    /// The name of its settings.
    pub settings: String,
    /// The address or name of the pool member, without port.
    pub member: String,
    /// The address of the client.
    pub client: SocketAddr,
    /// The host of the handshake; at most [`MAX_TEXT`] bytes, as the texts below.
    pub host: String,
    /// The path of the handshake as sent by the client, without the query.
    pub path: String,
    /// The subprotocol that the backend selected.
    pub subprotocol: Option<String>,
    /// The time of its begin.
    pub opened_at: Millis,
    /// The time since a byte last moved; for a tunnel that has ended, until its end.
    pub idle_for: Duration,
    /// The idle timeout of its settings.
    pub request_timeout: Duration,
    /// What was read from the client.
    pub received: Traffic,
    /// What was read from the backend.
    pub sent: Traffic,
    /// Whether it is open, and what will end it or has ended it.
    pub state: TunnelState,
}

/// The traffic of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The number of bytes.
    pub bytes: u64,
    /// The number of WebSocket messages that have begun to pass whole: those whose last frame has begun. Not more than
    /// 4,294,967,295.
    pub messages: u32,
}

/// The state of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TunnelState {
    /// Nothing is going to end it.
    Open,
    /// It is ended for this reason if it does not end by itself.
    Draining {
        /// The latest time of its end.
        until: Millis,
        /// The reason, for a person to read.
        reason: String,
    },
    /// It is being ended for this reason.
    Closing {
        /// The reason, for a person to read.
        reason: String,
    },
    /// It has ended.
    Closed(TunnelEnd),
}

/// The end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelEnd {
    /// The time.
    pub at: Millis,
    /// The side that ended it.
    pub by: ClosedBy,
    /// The reason, as in the access log.
    pub reason: String,
    /// The code of the Close frame that one side sent.
    pub close_code: Option<u16>,
}

/// The side that ended a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosedBy {
    /// The client.
    Client,
    /// The backend.
    Backend,
    /// The gateway.
    Gateway,
}

impl ClosedBy {
    /// Returns the side as it is written in logs and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            ClosedBy::Client => "client",
            ClosedBy::Backend => "backend",
            ClosedBy::Gateway => "gateway",
        }
    }
}

impl TunnelState {
    /// Returns the name of the state.
    pub fn name(&self) -> &'static str {
        match self {
            TunnelState::Open => "open",
            TunnelState::Draining { .. } => "draining",
            TunnelState::Closing { .. } => "closing",
            TunnelState::Closed(_) => "closed",
        }
    }
}

impl TunnelId {
    /// Returns the name of a worker's tunnel.
    pub fn new(worker: WorkerId, key: TunnelKey) -> TunnelId {
        TunnelId { worker: TunnelId::prefix(worker), key }
    }

    /// Returns the part of the names of a worker's tunnels that names the worker.
    pub fn prefix(worker: WorkerId) -> u32 {
        worker.0.as_fields().0
    }
}

impl fmt::Display for TunnelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TunnelId { worker, key: TunnelKey { process, thread, number } } = self;
        write!(f, "{worker:08x}-{process:x}-{thread:x}-{number:x}")
    }
}

/// A text is not the name of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATunnelId;

impl FromStr for TunnelId {
    type Err = NotATunnelId;

    fn from_str(text: &str) -> Result<TunnelId, NotATunnelId> {
        let mut parts = text.split('-').map(|part| {
            // `from_str_radix` also accepts a sign.
            let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            u64::from_str_radix(part, 16).ok().filter(|_| is_hex).ok_or(NotATunnelId)
        });
        let mut next = || parts.next().ok_or(NotATunnelId).flatten();
        let (worker, process, thread, number) = (next()?, next()?, next()?, next()?);
        let (worker, process) = (u32::try_from(worker), u32::try_from(process));
        match (worker, process, u16::try_from(thread), parts.next()) {
            (Ok(worker), Ok(process), Ok(thread), None) => {
                Ok(TunnelId { worker, key: TunnelKey { process, thread, number } })
            }
            _ => Err(NotATunnelId),
        }
    }
}

/// Returns the beginning of a text, at most [`MAX_TEXT`] bytes.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_name_of_a_tunnel_is_read_as_it_is_written() {
        let worker = WorkerId(Uuid::from_u128(0x00ab_cdef << 96 | 7));
        let key = TunnelKey { process: u32::MAX, thread: 0, number: 0x1f };
        let id = TunnelId::new(worker, key);
        assert_eq!(id.to_string(), "00abcdef-ffffffff-0-1f");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("00ABCDEF-FFFFFFFF-0-1F".parse(), Ok(id), "ARM's names have no case");
        let wrong = [
            "",
            "-",
            "1-2-3",
            "1-2-3-4-5",
            "1-2-3-g",
            "+1-2-3-4",
            "1-2-10000-4",
            "100000000-1-1-1",
            "1--2-3",
            "é",
        ];
        for wrong in wrong {
            assert_eq!(wrong.parse::<TunnelId>(), Err(NotATunnelId), "{wrong}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "é".repeat(MAX_TEXT);
        assert_eq!(cut(&long).len(), MAX_TEXT);
        let odd = format!("x{long}");
        assert_eq!(cut(&odd).len(), MAX_TEXT - 1);
    }
}
