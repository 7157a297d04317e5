//! The messages between the control plane and its workers.
//!
//! The worker dials, over TLS. A worker without a certificate may only [`ToControlPlane::Join`]; with the
//! certificate that it gets it dials again over mutual TLS and says [`ToControlPlane::Hello`] with the generations
//! it runs. From there on the control plane sends what differs. A start, a reconnect and a change are therefore the
//! same: compare, send whole snapshots, hear what became of them.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, GatewayId, Generation, ProbeId, WorkerId};
use crate::secret::Secret;
use crate::snapshot::{Host, Pool, Settings, Snapshot, TrustedRoot};

/// The version of these messages. A worker of another version is refused with a reason, since a message half
/// understood is worse than a worker that goes on with what it has.
pub const VERSION: u32 = 4;

/// The name that the control plane's certificate bears on the channel, whatever address it is dialled at.
pub const CONTROL_PLANE_NAME: &str = "control-plane.tidegate.internal";

/// How often either side says that it is there when it has nothing else to say.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long the other side may be silent before it is taken for dead.
pub const SILENCE: Duration = Duration::from_secs(15);

/// From a worker.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ToControlPlane {
    /// The first and only message of a connection without a client certificate.
    Join {
        /// [`VERSION`] of the sender.
        version: u32,
        /// The secret of a join token.
        secret: Secret,
        /// A certificate signing request for the worker's own key, PEM. Its names are ignored.
        request: String,
    },
    /// The first message of a connection with one.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// Every gateway that the worker runs, which generation of it, and the digest of its content.
        running: Vec<(GatewayId, Generation, Digest)>,
        /// Where it shows its metrics, if anywhere. An unspecified address means the one that it dials from.
        metrics: Option<SocketAddr>,
    },
    /// The answer to [`ToWorker::Renew`].
    Renew {
        /// A certificate signing request for the worker's key, PEM. Its names are ignored.
        request: String,
    },
    /// The certificate of a [`ToWorker::Renewed`] is kept and will be shown from now on. Every
    /// [`ToWorker::Authorities`] before it is kept too.
    Renewed,
    /// The generation is in force for every new request.
    Applied {
        /// Whose.
        gateway: GatewayId,
        /// Which.
        generation: Generation,
        /// What it says: [`crate::snapshot::Content::digest`].
        digest: Digest,
        /// The addresses that its listeners are bound to, port offset included.
        addresses: Vec<SocketAddr>,
    },
    /// The generation cannot run here; what ran before goes on.
    Rejected {
        /// Whose.
        gateway: GatewayId,
        /// Which.
        generation: Generation,
        /// Why, for a person to read: what failed, where, and the cause.
        reason: String,
    },
    /// The gateway is gone: its listeners are closed.
    Withdrawn {
        /// Which.
        gateway: GatewayId,
    },
    /// What the probes of one gateway see: sent whole, on connecting, on each change and every few seconds.
    Health {
        /// Whose backends.
        gateway: GatewayId,
        /// All of them.
        backends: Vec<BackendHealth>,
    },
    /// What came of a [`ToWorker::Probe`].
    Probed {
        /// Of which.
        probe: ProbeId,
        /// Every member of its pool, in the pool's order.
        members: Vec<MemberProbe>,
    },
    /// Nothing to say, still here.
    Heartbeat,
}

/// To a worker.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Welcome: the answer to `Join`.
    Joined {
        /// Who the worker is from now on.
        worker: WorkerId,
        /// Its certificate, PEM.
        certificate: String,
    },
    /// Trust these authorities, and no others, when dialling: the first message after a `Hello`, and sent again when
    /// they change.
    Authorities {
        /// Their certificates, PEM: two while one is being replaced by the other.
        certificates: String,
    },
    /// Ask for another certificate with [`ToControlPlane::Renew`]: the present one nears its end, has expired, or is of
    /// an authority that is being replaced. After one that has expired, nothing else is answered: the worker dials again
    /// with the new one.
    Renew,
    /// The certificate that was asked for. Both are good until the worker has shown or confirmed the new one.
    Renewed {
        /// PEM.
        certificate: String,
    },
    /// No: the answer to a `Join` or `Hello` that cannot be accepted.
    Refused {
        /// What the worker can do about it.
        cause: RefusalCause,
        /// Why, for a person to read.
        reason: String,
    },
    /// Run this.
    Assign(Box<Snapshot>),
    /// Stop running this gateway.
    Withdraw {
        /// Which.
        gateway: GatewayId,
    },
    /// Ask every member of a pool once, now, and say what came of it. Nothing of it is in any snapshot, and it changes
    /// nothing about the health that traffic goes by.
    Probe(Box<OnDemandProbe>),
    /// Nothing to say, still here.
    Heartbeat,
}

/// A probe that is made once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDemandProbe {
    /// What the answer is told apart by.
    pub id: ProbeId,
    /// Whom to ask.
    pub pool: Pool,
    /// How to speak with them, and what to ask.
    pub settings: Settings,
    /// The authorities that these settings trust: what their indices are into.
    pub roots: Vec<TrustedRoot>,
}

/// What came of asking one member of a pool once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberProbe {
    /// The member.
    pub host: Host,
    /// Whether its answer was good; not known where there was no time left to ask.
    pub state: HealthState,
    /// What led to it, for a person to read.
    pub reason: String,
}

/// How long a worker takes at most for a [`ToWorker::Probe`], however many members there are.
pub const PROBE_TIME: Duration = Duration::from_secs(60);

/// Why a peer is refused, as far as it matters to what it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCause {
    /// Its certificate is not, or no longer, that of a worker: it must join again.
    UnknownWorker,
    /// Its join token is not good, or was used: it needs another.
    Token,
    /// Anything else: it may try again as it is.
    Other,
}

/// What a worker's probes know of one pool member under one set of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendHealth {
    /// The pool's name.
    pub pool: String,
    /// The settings' name.
    pub settings: String,
    /// The member.
    pub host: Host,
    /// The verdict.
    pub state: HealthState,
    /// What led to it, for a person to read: the last probe's outcome.
    pub reason: String,
}

/// Whether a backend gets traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthState {
    /// Not judged yet; gets traffic.
    Unknown,
    /// Gets traffic.
    Up,
    /// Gets none.
    Down,
    /// Is no longer part of the configuration: what runs goes on for a time, and only who is bound to it gets to it.
    Draining,
}
