//! One connection on the channel: a stranger who may join, or a worker for as long as it stays.
//!
//! TLS lets both in; what a peer may say depends on its certificate. A peer without one can do nothing but use up a
//! join token, within a deadline and in few bytes. What a worker says goes to the [`Fleet`], what it is told comes
//! from there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use thiserror::Error;
use tidegate_shared::channel::{self, MAX_MESSAGE, MAX_STRANGER_MESSAGE, Receiver, Sender};
use tidegate_shared::id::WorkerId;
use tidegate_shared::meter::{Meter, Metered, Stalled};
use tidegate_shared::protocol::{
    HEARTBEAT, HealthState, MemberProbe, OnDemandProbe, RefusalCause, SILENCE, ToControlPlane, ToWorker,
    VERSION,
};
use tidegate_shared::snapshot::{Host, Snapshot};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{self, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::StartError;
use crate::audit::Author;
use crate::digest::sha256_hex;
use crate::pki::{Authority, PkiError, fingerprint, provider};
use crate::store::{Store, StoreError, TokenRefused};

use super::strangers::Strangers;
use super::{Fleet, Membership};

/// How many connections may be open at once, of workers and strangers together.
pub const WORKERS: usize = 4096;

/// How long a peer has to show who it is.
const INTRODUCTION: Duration = Duration::from_secs(3);

type Stream = TlsStream<Metered<TcpStream>>;
type Out = Sender<Stream, ToWorker>;
type In = Receiver<Stream, ToControlPlane>;

/// What every session needs.
#[derive(Debug)]
pub struct Channel {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    authority: Arc<Authority>,
    strangers: Arc<Strangers>,
    tls: Arc<ServerConfig>,
}

/// Why a session ended.
#[derive(Debug, Error)]
enum SessionError {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("it did not say who it is in time")]
    NoIntroduction,
    #[error("others who have not said who they are took its place")]
    Ousted,
    #[error("it says nothing: {0}")]
    Silence(Stalled),
    #[error("it takes nothing: {0}")]
    Stuck(Stalled),
    #[error("it speaks version {0} of the channel, not {VERSION}")]
    Version(u32),
    #[error("its certificate is not that of a worker")]
    UnknownWorker,
    #[error("it said something out of turn")]
    OutOfTurn,
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error("its certificate request: {0}")]
    Request(PkiError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SessionError {
    /// What the peer is told, if it is to be told anything. Our own failures are none of its business.
    fn refusal(&self) -> Option<(RefusalCause, String)> {
        let cause = match self {
            SessionError::UnknownWorker => RefusalCause::UnknownWorker,
            SessionError::Token(_) => RefusalCause::Token,
            _ => RefusalCause::Other,
        };
        let reason = match self {
            SessionError::Version(_)
            | SessionError::UnknownWorker
            | SessionError::OutOfTurn
            | SessionError::Token(_)
            | SessionError::Request(_) => Some(self.to_string()),
            SessionError::Store(_) => Some("the control plane cannot look it up at present".to_owned()),
            SessionError::Io(_)
            | SessionError::NoIntroduction
            | SessionError::Ousted
            | SessionError::Silence(_)
            | SessionError::Stuck(_) => None,
        };
        reason.map(|reason| (cause, reason))
    }
}

impl Channel {
    /// Prepares the endpoint: our own certificate, and the one authority whose client certificates count.
    ///
    /// # Errors
    /// What the making of the certificate says.
    pub fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        authority: Arc<Authority>,
    ) -> Result<Channel, StartError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider())
            .allow_unauthenticated()
            .build()
            .map_err(|e| rustls::Error::General(e.to_string()))?;
        let identity = authority.issue_channel()?;
        let mut tls = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain, identity.key)?;
        // No resumption: every connection shows its certificate anew. Workers dial rarely.
        tls.send_tls13_tickets = 0;
        Ok(Channel { store, fleet, authority, strangers: Arc::default(), tls: Arc::new(tls) })
    }

    /// Serves one connection to its end.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // On a stop the whole process lets go of its workers, so there is no place in the fleet to give up.
        let result = tokio::select! {
            result = self.converse(stream, peer) => result,
            () = stop.cancelled() => Ok(()),
        };
        match result {
            // A process that just ends says no goodbye; that it is gone has been said already.
            Err(SessionError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => tracing::info!(%peer, %error, "channel connection ended"),
            Ok(()) => {}
        }
    }

    async fn converse(&self, stream: TcpStream, peer: SocketAddr) -> Result<(), SessionError> {
        let stranger = self.strangers.admit();
        let introduction = time::timeout(INTRODUCTION, async {
            let tls = TlsAcceptor::from(self.tls.clone()).accept(Metered::new(stream)).await?;
            let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            match certificate.map(fingerprint) {
                None => self.join(tls, peer).await.map(|()| None),
                Some(fingerprint) => self.greet(tls, &fingerprint, peer).await.map(Some),
            }
        });
        let introduced = tokio::select! {
            introduced = introduction => introduced.map_err(|_| SessionError::NoIntroduction)??,
            () = stranger.ousted.cancelled() => return Err(SessionError::Ousted),
        };
        // From here on it is a worker, or gone.
        drop(stranger);
        let Some(mut session) = introduced else { return Ok(()) };
        let worker = session.worker;
        tracing::info!(worker.id = %worker, %peer, "worker connected");
        let result = self.attend(&mut session).await;
        self.fleet.leave(session.membership.place);
        tracing::info!(worker.id = %worker, %peer, "worker disconnected");
        result
    }

    /// Serves a worker that has its place in the fleet, if it was not removed from the books while it took it.
    async fn attend(&self, session: &mut Session) -> Result<(), SessionError> {
        if self.store.worker_by_fingerprint(&session.fingerprint).await?.is_none() {
            return Err(refuse(&mut session.send, SessionError::UnknownWorker).await);
        }
        session.run(&self.fleet).await
    }

    /// A peer without a certificate: gets one for a valid token, and the connection is over in any case.
    async fn join(&self, tls: Stream, peer: SocketAddr) -> Result<(), SessionError> {
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_STRANGER_MESSAGE);
        let joined = match receive.receive().await? {
            Some(ToControlPlane::Join { version, secret, request }) if version == VERSION => {
                self.admit(peer, &sha256_hex(secret.expose()), &request).await
            }
            Some(ToControlPlane::Join { version, .. }) => Err(SessionError::Version(version)),
            Some(_) => Err(SessionError::OutOfTurn),
            None => return Ok(()),
        };
        match joined {
            Ok((worker, certificate)) => {
                send.send(&ToWorker::Joined { worker, certificate }).await?;
                tracing::info!(worker.id = %worker, %peer, "worker joined");
                send.close().await?;
                Ok(())
            }
            Err(error) => Err(refuse(&mut send, error).await),
        }
    }

    async fn admit(
        &self,
        peer: SocketAddr,
        token: &str,
        request: &str,
    ) -> Result<(WorkerId, String), SessionError> {
        if !self.store.is_join_token(token).await? {
            return Err(TokenRefused.into());
        }
        let worker = WorkerId(Uuid::new_v4());
        let issued = self.authority.issue_worker(worker, request).map_err(SessionError::Request)?;
        let author = Author { address: Some(peer.ip().to_canonical()), ..Author::itself() };
        self.store.join(author, token, worker, &issued.fingerprint).await??;
        Ok((worker, issued.pem))
    }

    /// A peer with a certificate of our authority: a worker, if it is still in the books.
    async fn greet(&self, tls: Stream, fingerprint: &str, peer: SocketAddr) -> Result<Session, SessionError> {
        let Some(worker) = self.store.worker_by_fingerprint(fingerprint).await? else {
            let (mut send, _): (Out, In) = channel::split(tls, MAX_STRANGER_MESSAGE);
            return Err(refuse(&mut send, SessionError::UnknownWorker).await);
        };
        let (reading, writing) = (tls.get_ref().0.reading(), tls.get_ref().0.writing());
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_MESSAGE);
        let error = match receive.receive().await? {
            Some(ToControlPlane::Hello { version, running, metrics }) if version == VERSION => {
                let membership = self.fleet.enter(worker, running);
                if let Some(address) = metrics {
                    self.fleet.shows_metrics(membership.place, reachable(address, peer));
                }
                let fingerprint = fingerprint.to_owned();
                return Ok(Session { worker, fingerprint, membership, send, writing, receive, reading });
            }
            Some(ToControlPlane::Hello { version, .. }) => SessionError::Version(version),
            Some(_) => SessionError::OutOfTurn,
            None => SessionError::NoIntroduction,
        };
        Err(refuse(&mut send, error).await)
    }
}

/// Where others reach what a worker has bound.
fn reachable(bound: SocketAddr, peer: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() { SocketAddr::new(peer.ip().to_canonical(), bound.port()) } else { bound }
}

/// Tells the peer why, as far as it can still be told, and gives the reason back.
async fn refuse(send: &mut Out, error: SessionError) -> SessionError {
    if let Some((cause, reason)) = error.refusal() {
        let told = async {
            send.send(&ToWorker::Refused { cause, reason }).await?;
            send.close().await
        };
        if let Err(e) = told.await {
            tracing::debug!(error = %e, "the peer left before it was told why it is refused");
        }
    }
    error
}

/// A worker's connection after the introductions.
struct Session {
    worker: WorkerId,
    fingerprint: String,
    membership: Membership,
    send: Out,
    writing: Meter,
    receive: In,
    reading: Meter,
}

impl Session {
    /// Carries messages both ways until one side ends. The two directions never wait for each other: a worker that
    /// is busy sending must not keep us from hearing it, nor the other way round.
    async fn run(&mut self, fleet: &Fleet) -> Result<(), SessionError> {
        let Membership { orders, ended, place } = &mut self.membership;
        let hear = |message| fleet.hear(*place, message);
        tokio::select! {
            result = speak(&mut self.send, &mut self.writing, orders, hear) => result,
            result = listen(&mut self.receive, &mut self.reading, hear) => result,
            () = ended.cancelled() => Ok(()),
        }
    }
}

/// Sends orders and heartbeats. What cannot be sent at all is answered in the worker's place.
async fn speak(
    send: &mut Out,
    writing: &mut Meter,
    orders: &mut mpsc::Receiver<ToWorker>,
    hear: impl Fn(ToControlPlane),
) -> Result<(), SessionError> {
    let mut heartbeat = time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => order,
                None => return Ok(()),
            },
            _ = heartbeat.tick() => ToWorker::Heartbeat,
        };
        writing.restart();
        match writing.watch(SILENCE, send.send(&message)).await.map_err(SessionError::Stuck)? {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => match message {
                ToWorker::Assign(snapshot) => hear(too_large(&snapshot)),
                ToWorker::Probe(probe) => hear(not_asked(&probe)),
                _ => return Err(error.into()),
            },
            sent => sent?,
        }
    }
}

/// The refusal of a snapshot that does not fit a message. It must not end the session: other gateways use it too.
fn too_large(snapshot: &Snapshot) -> ToControlPlane {
    ToControlPlane::Rejected {
        gateway: snapshot.gateway,
        generation: snapshot.generation,
        reason: format!("its configuration is larger than the {MAX_MESSAGE} bytes of a message to a worker"),
    }
}

/// The same for a probe.
fn not_asked(probe: &OnDemandProbe) -> ToControlPlane {
    let reason = format!(
        "The pool and its settings are larger than the {MAX_MESSAGE} bytes of a message to a worker."
    );
    let unasked =
        |host: &Host| MemberProbe { host: host.clone(), state: HealthState::Unknown, reason: reason.clone() };
    ToControlPlane::Probed { probe: probe.id, members: probe.pool.members.iter().map(unasked).collect() }
}

async fn listen(
    receive: &mut In,
    reading: &mut Meter,
    hear: impl Fn(ToControlPlane),
) -> Result<(), SessionError> {
    loop {
        match reading.watch(SILENCE, receive.receive()).await.map_err(SessionError::Silence)?? {
            Some(ToControlPlane::Join { .. } | ToControlPlane::Hello { .. }) => {
                return Err(SessionError::OutOfTurn);
            }
            Some(message) => hear(message),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_reached_where_the_worker_dials_from_unless_it_says_where() {
        for (bound, peer, expected) in [
            ("127.0.0.1:9190", "10.0.0.5:40000", "127.0.0.1:9190"),
            ("0.0.0.0:9190", "10.0.0.5:40000", "10.0.0.5:9190"),
            ("[::]:9191", "[::ffff:10.0.0.5]:40000", "10.0.0.5:9191"),
            ("[::]:9191", "[2001:db8::5]:40000", "[2001:db8::5]:9191"),
        ] {
            let [bound, peer, expected] = [bound, peer, expected].map(|text| text.parse().unwrap());
            assert_eq!(reachable(bound, peer), expected, "{bound} {peer}");
        }
    }
}
