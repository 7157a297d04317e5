//! One connection on the channel: an unauthenticated peer that may join, or a worker.
//!
//! TLS admits both; the certificate decides what a peer may do. A peer without one can only redeem a join
//! token, within a time limit and with few bytes. Messages of a worker go to the [`Fleet`], and orders to the
//! worker come from there.

mod error;
mod exchange;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::channel::{self, MAX_MESSAGE, MAX_UNAUTHENTICATED_MESSAGE};
use tidegate_shared::id::WorkerId;
use tidegate_shared::meter::Metered;
use tidegate_shared::protocol::{ToControlPlane, ToWorker, VERSION};
use tokio::net::TcpStream;
use tokio::time::{self, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::audit::Author;
use crate::certificates::Certificates;
use crate::clock::Millis;
use crate::digest::sha256_hex;
use crate::metrics::Metrics;
use crate::pki::{fingerprint, requested_key};
use crate::store::{Store, TokenRefused};

use super::Fleet;
use super::credentials::Credentials;
use super::pending_joins::PendingJoins;
use error::SessionError;
use exchange::{In, Out, Session, Stream, trusted};

/// The maximum number of open connections, of workers and unauthenticated peers together.
pub(crate) const WORKERS: usize = 4096;

/// The time limit for authentication.
const INTRODUCTION: Duration = Duration::from_secs(3);

/// The state shared by all sessions.
#[derive(Debug)]
pub(crate) struct Channel {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    certificates: Arc<Certificates>,
    pending_joins: Arc<PendingJoins>,
}

impl Channel {
    /// Creates the channel endpoint. `certificates` holds its certificate and the trusted authorities.
    pub(crate) fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        certificates: Arc<Certificates>,
        metrics: Arc<Metrics>,
    ) -> Channel {
        Channel { store, fleet, certificates, pending_joins: Arc::new(PendingJoins::new(metrics)) }
    }

    /// Logs periodically how many connections ended before authentication, until `stop`.
    pub(crate) async fn report(self: Arc<Self>, stop: CancellationToken) {
        self.pending_joins.report(&stop).await;
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // When the process stops, the fleet disappears with it, so the session need not leave it.
        let result = tokio::select! {
            result = self.converse(stream, peer) => result,
            () = stop.cancelled() => Ok(()),
        };
        match result {
            // The end of a worker process without a TLS close is expected, and its disconnection has been
            // logged.
            Err(SessionError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => tracing::info!(%peer, %error, "channel connection ended"),
            Ok(()) => {}
        }
    }

    async fn converse(&self, stream: TcpStream, peer: SocketAddr) -> Result<(), SessionError> {
        let pending = self.pending_joins.admit(peer);
        let introduction = time::timeout(INTRODUCTION, async {
            let tls = TlsAcceptor::from(self.certificates.state().channel.clone())
                .accept(Metered::new(stream))
                .await?;
            let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            match certificate.map(fingerprint) {
                None => self.join(tls, peer).await.map(|()| None),
                Some(fingerprint) => self.greet(tls, &fingerprint, peer).await,
            }
        });
        let introduced = tokio::select! {
            introduced = introduction => introduced.unwrap_or(Err(SessionError::NoIntroduction)),
            () = pending.evicted.cancelled() => Err(SessionError::Evicted),
        };
        let introduced = match introduced {
            Ok(introduced) => introduced,
            Err(error) => {
                self.pending_joins.ended(peer, error.cause(), &error);
                return Ok(());
            }
        };
        // The peer has authenticated or has left.
        drop(pending);
        let Some(mut session) = introduced else { return Ok(()) };
        let worker = session.credentials.present.worker;
        tracing::info!(worker.id = %worker, %peer, "worker connected");
        let result = self.attend(&mut session).await;
        self.fleet.leave(session.membership.id);
        self.note(worker).await;
        tracing::info!(worker.id = %worker, %peer, "worker disconnected");
        result
    }

    /// Serves a registered worker, unless it was removed while it connected.
    async fn attend(&self, session: &mut Session) -> Result<(), SessionError> {
        let present = &session.credentials.present;
        if self.store.worker_certificate(&present.fingerprint).await?.is_none() {
            return Err(refuse(&mut session.send, SessionError::UnknownWorker).await);
        }
        if let Err(error) = self.store.confirm_certificate(present).await {
            // Retried when the worker connects again; the certificate it presents is valid anyway.
            tracing::warn!(worker.id = %present.worker, %error, "could not store the connection of a worker");
        }
        self.note(present.worker).await;
        session.run(&self.fleet, &self.certificates).await
    }

    /// Notes that a worker is connected, or was until now. A failure only makes the note older.
    async fn note(&self, worker: WorkerId) {
        if let Err(error) = self.store.workers_seen(&[worker], Millis::now()).await {
            tracing::debug!(worker.id = %worker, %error, "a connected worker could not be noted");
        }
    }

    /// Handles a peer without a certificate: it gets one for a valid token, and the connection ends in any
    /// case.
    async fn join(&self, tls: Stream, peer: SocketAddr) -> Result<(), SessionError> {
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_UNAUTHENTICATED_MESSAGE);
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
        let key = requested_key(request).map_err(SessionError::Request)?;
        let author = Author { address: Some(peer.ip().to_canonical()), ..Author::itself() };
        let worker = self.store.join(author, token, &key).await??;
        let issued = self.certificates.issue_worker(worker, request).map_err(SessionError::Request)?;
        match self.store.add_certificate(worker, &issued, None).await? {
            true => Ok((worker, issued.pem)),
            // The worker was removed in between.
            false => Err(TokenRefused.into()),
        }
    }

    /// Handles a peer with a certificate of our authority: a worker if it is registered. Returns `None` for one
    /// whose certificate has expired: it has received a new one and connects again.
    async fn greet(
        &self,
        tls: Stream,
        fingerprint: &str,
        peer: SocketAddr,
    ) -> Result<Option<Session>, SessionError> {
        let Some(certificate) = self.store.worker_certificate(fingerprint).await? else {
            let (mut send, _): (Out, In) = channel::split(tls, MAX_UNAUTHENTICATED_MESSAGE);
            return Err(refuse(&mut send, SessionError::UnknownWorker).await);
        };
        let worker = certificate.worker;
        let mut credentials = Credentials::new(self.store.clone(), self.certificates.clone(), certificate);
        let (reading, writing) = (tls.get_ref().0.reading(), tls.get_ref().0.writing());
        let (mut send, mut receive): (Out, In) = channel::split(tls, MAX_MESSAGE);
        let error = match receive.receive().await? {
            Some(ToControlPlane::Hello { version, .. }) if version != VERSION => {
                SessionError::Version(version)
            }
            Some(ToControlPlane::Hello { .. }) if credentials.has_expired(Millis::now()) => {
                match self.renew_expired(&mut credentials, &mut send, &mut receive).await {
                    Ok(()) => return Ok(None),
                    Err(error) => error,
                }
            }
            Some(ToControlPlane::Hello { running, metrics, .. }) => {
                let membership = self.fleet.enter(worker, running);
                let metrics = metrics.map(|address| reachable(address, peer));
                self.fleet.is_at(membership.id, peer.ip().to_canonical(), metrics);
                return Ok(Some(Session { credentials, membership, send, writing, receive, reading }));
            }
            Some(_) => SessionError::OutOfTurn,
            None => SessionError::NoIntroduction,
        };
        Err(refuse(&mut send, error).await)
    }

    /// Handles a worker whose certificate has expired: it may only renew the certificate.
    async fn renew_expired(
        &self,
        credentials: &mut Credentials,
        send: &mut Out,
        receive: &mut In,
    ) -> Result<(), SessionError> {
        send.send(&trusted(&self.certificates)).await?;
        if let Some(reminder) = credentials.reminder(Millis::now(), Instant::now()) {
            send.send(&reminder).await?;
        }
        while let Some(message) = receive.receive().await? {
            match message {
                ToControlPlane::Renew { request } => match credentials.renew(&request).await? {
                    Some(renewed) => send.send(&renewed).await?,
                    // The worker retries with its next connection.
                    None => return Err(SessionError::NotStored),
                },
                ToControlPlane::Renewed => {
                    credentials.renewed().await?;
                    send.close().await?;
                    return Ok(());
                }
                // The worker repeats its state after connecting with the new certificate.
                _ => {}
            }
        }
        Err(SessionError::NoIntroduction)
    }
}

/// Returns the address at which others reach an address bound by a worker.
fn reachable(bound: SocketAddr, peer: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() { SocketAddr::new(peer.ip().to_canonical(), bound.port()) } else { bound }
}

/// Sends the reason of a rejection to the peer if possible, and returns it.
async fn refuse(send: &mut Out, error: SessionError) -> SessionError {
    if let Some((cause, reason)) = error.refusal() {
        let told = async {
            send.send(&ToWorker::Refused { cause, reason }).await?;
            send.close().await
        };
        if let Err(e) = told.await {
            tracing::debug!(error = %e, "the peer left before it received the reason of its rejection");
        }
    }
    error
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
