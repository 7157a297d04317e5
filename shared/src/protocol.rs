//! The messages between the control plane and its workers.
//!
//! The worker connects to the control plane over TLS. A worker without a certificate may only send
//! [`ToControlPlane::Join`]. With the certificate that it receives it connects again over mutual TLS and sends
//! [`ToControlPlane::Hello`] with the generations it runs. The control plane then sends the differences. A start, a
//! reconnect and a change all work alike: compare, send whole snapshots, receive the results.

mod refusals;
mod what_if;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, Digest, GatewayId, Generation, WorkerId};
use crate::secret::Secret;
use crate::snapshot::{CloseFrame, Host, Pool, Settings, Snapshot, TrustedRoot};
use crate::tunnel::{Tunnel, TunnelKey, TunnelPage, TunnelQuery};

pub use refusals::{HandshakeLimit, MAX_REFUSALS, Refusals, RefusedHandshakes};
pub use what_if::{ConcernedTunnels, RemovedMember, TunnelEvent, WhatIf};

/// The version of these messages. A worker of another version is refused with a reason, because continuing with its
/// present configuration is safer than misunderstanding a message.
pub const VERSION: u32 = 12;

/// The name in the control plane's certificate for this channel, independent of the address that workers connect
/// to.
pub const CONTROL_PLANE_NAME: &str = "control-plane.tidegate.internal";

/// The interval at which either side sends a heartbeat if it has nothing else to send.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// The time without a byte after which the other side is considered dead.
pub const SILENCE: Duration = Duration::from_secs(15);

/// The messages from a worker to the control plane.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ToControlPlane {
    /// The first and only message of a connection without a client certificate.
    Join {
        /// The sender's [`VERSION`].
        version: u32,
        /// The secret of a join token.
        secret: Secret,
        /// A certificate signing request (PEM) for the worker's own key. The control plane ignores its names.
        request: String,
    },
    /// The first message of a connection with a client certificate.
    Hello {
        /// The sender's [`VERSION`].
        version: u32,
        /// Every gateway that the worker runs, its generation, and the digest of its content.
        running: Vec<(GatewayId, Generation, Digest)>,
        /// The address of the worker's metrics page, if it has one. An unspecified IP address stands for the one
        /// that the worker connects from.
        metrics: Option<SocketAddr>,
    },
    /// The answer to [`ToWorker::Renew`].
    Renew {
        /// A certificate signing request (PEM) for the worker's key. The control plane ignores its names.
        request: String,
    },
    /// The worker has stored the certificate of a [`ToWorker::Renewed`] and will present it from now on. It has
    /// also stored every [`ToWorker::Authorities`] before that.
    Renewed,
    /// The generation is applied to every new request.
    Applied {
        /// The gateway.
        gateway: GatewayId,
        /// The applied generation.
        generation: Generation,
        /// The digest of its content: [`crate::snapshot::Content::digest`].
        digest: Digest,
        /// The addresses that its listeners are bound to, port offset included.
        addresses: Vec<SocketAddr>,
    },
    /// The worker cannot run the generation, and continues with the one before.
    Rejected {
        /// The gateway.
        gateway: GatewayId,
        /// The rejected generation.
        generation: Generation,
        /// The reason, for a person to read: the failed operation, its place, and the cause.
        reason: String,
    },
    /// The worker has stopped the gateway: its listeners are closed.
    Withdrawn {
        /// The gateway.
        gateway: GatewayId,
    },
    /// The health of one gateway's backends, always complete: sent after connecting, on each change and every few
    /// seconds.
    Health {
        /// The gateway of these backends.
        gateway: GatewayId,
        /// The health of each backend.
        backends: Vec<BackendHealth>,
    },
    /// The reply to a [`ToWorker::Call`]. Replies may come in another order than their calls.
    Reply {
        /// The identity of the call.
        id: CallId,
        /// The result of the call.
        reply: Reply,
    },
    /// The state of the worker as a whole: sent after connecting, with each heartbeat and when the state changes.
    Status(WorkerStatus),
    /// The handshakes that tunnel policies have refused, with a heartbeat if there were any.
    HandshakesRefused(Refusals),
    /// Keeps the connection alive while there is nothing else to send.
    Heartbeat,
}

/// The messages from the control plane to a worker.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The answer to [`ToControlPlane::Join`].
    Joined {
        /// The worker's new identity.
        worker: WorkerId,
        /// The worker's certificate, PEM.
        certificate: String,
    },
    /// The certificate authorities by which the worker must verify the control plane, and no others. This is the
    /// first message after a `Hello`, and is sent again when they change.
    Authorities {
        /// Their certificates, PEM: two while one authority replaces the other.
        certificates: String,
    },
    /// Tells the worker to ask for another certificate with [`ToControlPlane::Renew`]: the present one soon
    /// expires, has expired, or was issued by an authority that is being replaced. If it has expired, the control
    /// plane answers nothing else, and the worker connects again with the new one.
    Renew,
    /// The renewed certificate. Both certificates are valid until the worker has presented or confirmed the new
    /// one.
    Renewed {
        /// The certificate, PEM.
        certificate: String,
    },
    /// Refuses a `Join` or `Hello`.
    Refused {
        /// The cause, by which the worker decides what to do next.
        cause: RefusalCause,
        /// The reason, for a person to read.
        reason: String,
    },
    /// Tells the worker to run this configuration of a gateway.
    Assign(Box<Snapshot>),
    /// Tells the worker to stop a gateway.
    Withdraw {
        /// The gateway to stop.
        gateway: GatewayId,
    },
    /// Tells the worker whether to serve. It holds until the next such message, also without a session.
    Duty(Duty),
    /// Asks the worker to do something once, outside of any snapshot, and to send a [`ToControlPlane::Reply`]. The
    /// worker abandons its calls when the session ends.
    Call {
        /// The identity by which the reply is matched to the call: unique in the session.
        id: CallId,
        /// The work to do.
        call: Call,
    },
    /// Keeps the connection alive while there is nothing else to send.
    Heartbeat,
}

/// The work that the control plane can ask a worker to do once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// Probe every member of a pool once, now, within [`PROBE_TIME`]. The result does not change the health by which
    /// requests are routed.
    Probe(Box<OnDemandProbe>),
    /// Return a page of the worker's tunnels.
    Tunnels(Box<TunnelQuery>),
    /// Return the numbers of the open tunnels that meet the condition of a query, at most
    /// [`MAX_KEYS`](crate::tunnel::MAX_KEYS).
    TunnelKeys(Box<TunnelQuery>),
    /// Return one tunnel.
    Tunnel {
        /// The gateway of the tunnel.
        gateway: GatewayId,
        /// The number of the tunnel.
        key: TunnelKey,
    },
    /// Close tunnels now.
    CloseTunnels {
        /// The gateway of the tunnels.
        gateway: GatewayId,
        /// The numbers of the tunnels, at most [`MAX_KEYS`](crate::tunnel::MAX_KEYS).
        keys: Vec<TunnelKey>,
        /// The frame that their clients receive before.
        frame: ClosingFrame,
    },
    /// Tell what this snapshot would do to running requests and tunnels. Nothing is applied. An empty content stands
    /// for the removal of the gateway.
    WhatIf(Box<Snapshot>),
}

/// The Close frame that the client of a tunnel receives before the tunnel is closed on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosingFrame {
    /// That of the policy of the tunnel's pool, if it has one.
    #[default]
    OfPolicy,
    /// None, whatever the policy says.
    Nothing,
    /// This one.
    Frame(CloseFrame),
}

/// The result of a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The result of a [`Call::Probe`] for every member of the pool, in the pool's order.
    Probe(Vec<MemberProbe>),
    /// The result of a [`Call::Tunnels`].
    Tunnels(TunnelPage),
    /// The result of a [`Call::TunnelKeys`].
    TunnelKeys {
        /// The numbers, in no order.
        keys: Vec<TunnelKey>,
        /// True if there are more.
        has_more: bool,
    },
    /// The result of a [`Call::Tunnel`]: the tunnel, if it is open or ended recently.
    Tunnel(Option<Box<Tunnel>>),
    /// The result of a [`Call::CloseTunnels`].
    TunnelsClosed {
        /// The number of tunnels that were open and end now. The others had ended before.
        closed: u64,
    },
    /// The result of a [`Call::WhatIf`].
    WhatIf(WhatIf),
    /// The call could not be made, for a reason that a person can read.
    Failed(String),
}

/// A health probe that is made once, on demand (ARM's `backendhealth` on-demand operation).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDemandProbe {
    /// The pool whose members are probed.
    pub pool: Pool,
    /// The settings of the connection and of the probe.
    pub settings: Settings,
    /// The trusted authorities that `settings` refers to by index.
    pub roots: Vec<TrustedRoot>,
}

/// The result of probing one member of a pool once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberProbe {
    /// The probed member.
    pub host: Host,
    /// The verdict; `Unknown` if there was no time left to probe the member.
    pub state: HealthState,
    /// The reason for the verdict, for a person to read.
    pub reason: String,
}

/// Whether a worker is to serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It accepts connections.
    #[default]
    Serve,
    /// It closes its listeners. Running requests finish, and tunnels end within the worker's drain timeout.
    Drain,
}

/// How far a worker is with its duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DutyState {
    /// It accepts connections.
    Serving,
    /// It accepts no connections, and some still run.
    Draining,
    /// It accepts no connections, and none runs.
    Drained,
}

/// The state of a worker as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The version of its program.
    pub version: String,
    /// How far it is with its duty.
    pub state: DutyState,
    /// The open tunnels.
    pub tunnels: u64,
    /// The open connections of clients, tunnels included.
    pub connections: u64,
    /// The time of processors that the process used since the last status, in thousandths of the time that passed: 1000
    /// is one processor.
    pub cpu_permille: u32,
}

/// The time limit of a whole [`Call::Probe`], independent of the number of members.
pub const PROBE_TIME: Duration = Duration::from_secs(60);

/// The cause of a refusal, as far as it decides what the worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCause {
    /// The worker's certificate does not, or no longer, belong to a worker: it must join again.
    UnknownWorker,
    /// The join token is invalid or was used before: the worker needs another one.
    Token,
    /// Any other cause: the worker may try again unchanged.
    Other,
}

/// The health of one pool member under one set of backend HTTP settings, as one worker's probes see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendHealth {
    /// The pool's name.
    pub pool: String,
    /// The settings' name.
    pub settings: String,
    /// The pool member.
    pub host: Host,
    /// The member's health state.
    pub state: HealthState,
    /// The reason for the state, for a person to read: the result of the last probe.
    pub reason: String,
}

/// The health state of a backend, which decides whether it receives requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthState {
    /// No verdict yet; the backend receives requests.
    Unknown,
    /// The backend is healthy and receives requests.
    Up,
    /// The backend is unhealthy and receives no requests.
    Down,
    /// The backend is no longer configured: running requests and tunnels continue until the drain timeout, and only
    /// clients with an affinity cookie for it still reach it.
    Draining,
}
