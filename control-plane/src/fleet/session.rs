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
use tidegate_shared::protocol::{HEARTBEAT, SILENCE, ToControlPlane, ToWorker, VERSION};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{self, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::StartError;
use crate::digest::sha256_hex;
use crate::pki::{Authority, PkiError, fingerprint, provider};
use crate::store::{Store, StoreError, TokenRefused};

use super::{Fleet, Membership};

/// How many peers may be connected at once without having shown who they are.
pub const STRANGERS: usize = 64;

/// How long a peer has to show who it is.
const INTRODUCTION: Duration = Duration::from_secs(10);

type Out = Sender<TlsStream<TcpStream>, ToWorker>;
type In = Receiver<TlsStream<TcpStream>, ToControlPlane>;

/// What every session needs.
#[derive(Debug)]
pub struct Channel {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    authority: Arc<Authority>,
    tls: Arc<ServerConfig>,
}

/// Why a session ended.
#[derive(Debug, Error)]
enum SessionError {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("it did not say who it is in time")]
    NoIntroduction,
    #[error("nothing was heard from it for {} s", SILENCE.as_secs())]
    Silence,
    #[error("a message could not be sent to it in {} s", SILENCE.as_secs())]
    Stuck,
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
    fn refusal(&self) -> Option<String> {
        match self {
            SessionError::Version(_)
            | SessionError::UnknownWorker
            | SessionError::OutOfTurn
            | SessionError::Token(_)
            | SessionError::Request(_) => Some(self.to_string()),
            SessionError::Store(_) => Some("the control plane cannot look it up at present".to_owned()),
            SessionError::Io(_)
            | SessionError::NoIntroduction
            | SessionError::Silence
            | SessionError::Stuck => None,
        }
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
        Ok(Channel { store, fleet, authority, tls: Arc::new(tls) })
    }

    /// Serves one connection to its end.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        stop: CancellationToken,
    ) {
        // On a stop the whole process lets go of its workers, so there is no place in the fleet to give up.
        let result = tokio::select! {
            result = self.converse(stream, peer, permit) => result,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = result {
            tracing::info!(%peer, %error, "channel connection ended");
        }
    }

    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), SessionError> {
        let introduction = time::timeout(INTRODUCTION, async {
            let tls = TlsAcceptor::from(self.tls.clone()).accept(stream).await?;
            let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            match certificate.map(fingerprint) {
                None => self.join(tls, peer).await.map(|()| None),
                Some(fingerprint) => self.greet(tls, &fingerprint).await.map(Some),
            }
        });
        let Some(mut session) = introduction.await.map_err(|_| SessionError::NoIntroduction)?? else {
            return Ok(());
        };
        // It is a worker: it no longer counts among the strangers.
        drop(permit);
        let worker = session.worker;
        tracing::info!(worker.id = %worker, %peer, "worker connected");
        let result = session.run(&self.fleet).await;
        self.fleet.leave(session.membership.place);
        tracing::info!(worker.id = %worker, %peer, "worker disconnected");
        result
    }

    /// A peer without a certificate: gets one for a valid token, and the connection is over in any case.
    async fn join(&self, tls: TlsStream<TcpStream>, peer: SocketAddr) -> Result<(), SessionError> {
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_STRANGER_MESSAGE);
        let joined = match receive.receive().await? {
            Some(ToControlPlane::Join { version, secret, request }) if version == VERSION => {
                self.admit(&sha256_hex(secret.expose()), &request).await
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

    async fn admit(&self, token: &str, request: &str) -> Result<(WorkerId, String), SessionError> {
        if !self.store.is_join_token(token).await? {
            return Err(TokenRefused.into());
        }
        let worker = WorkerId(Uuid::new_v4());
        let issued = self.authority.issue_worker(worker, request).map_err(SessionError::Request)?;
        self.store.join(token, worker, &issued.fingerprint).await??;
        Ok((worker, issued.pem))
    }

    /// A peer with a certificate of our authority: a worker, if it is still in the books.
    async fn greet(&self, tls: TlsStream<TcpStream>, fingerprint: &str) -> Result<Session, SessionError> {
        let Some(worker) = self.store.worker_by_fingerprint(fingerprint).await? else {
            let (mut send, _): (Out, In) = channel::split(tls, MAX_STRANGER_MESSAGE);
            return Err(refuse(&mut send, SessionError::UnknownWorker).await);
        };
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_MESSAGE);
        let error = match receive.receive().await? {
            Some(ToControlPlane::Hello { version, running }) if version == VERSION => {
                let membership = self.fleet.enter(worker, running);
                return Ok(Session { worker, membership, send, receive });
            }
            Some(ToControlPlane::Hello { version, .. }) => SessionError::Version(version),
            Some(_) => SessionError::OutOfTurn,
            None => SessionError::NoIntroduction,
        };
        Err(refuse(&mut send, error).await)
    }
}

/// Tells the peer why, as far as it can still be told, and gives the reason back.
async fn refuse(send: &mut Out, error: SessionError) -> SessionError {
    if let Some(reason) = error.refusal() {
        let told = async {
            send.send(&ToWorker::Refused { reason }).await?;
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
    membership: Membership,
    send: Out,
    receive: In,
}

impl Session {
    /// Carries messages both ways until one side ends. The two directions never wait for each other: a worker that
    /// is busy sending must not keep us from hearing it, nor the other way round.
    async fn run(&mut self, fleet: &Fleet) -> Result<(), SessionError> {
        let Membership { orders, ended, place } = &mut self.membership;
        tokio::select! {
            result = speak(&mut self.send, orders) => result,
            result = listen(&mut self.receive, |message| fleet.hear(*place, message)) => result,
            () = ended.cancelled() => Ok(()),
        }
    }
}

async fn speak(send: &mut Out, orders: &mut mpsc::Receiver<ToWorker>) -> Result<(), SessionError> {
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
        time::timeout(SILENCE, send.send(&message)).await.map_err(|_| SessionError::Stuck)??;
    }
}

async fn listen(receive: &mut In, mut hear: impl FnMut(ToControlPlane)) -> Result<(), SessionError> {
    loop {
        match time::timeout(SILENCE, receive.receive()).await.map_err(|_| SessionError::Silence)?? {
            Some(ToControlPlane::Join { .. } | ToControlPlane::Hello { .. }) => {
                return Err(SessionError::OutOfTurn);
            }
            Some(message) => hear(message),
            None => return Ok(()),
        }
    }
}
