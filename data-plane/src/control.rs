//! The worker's side of the channel: joins if necessary, connects, sends what it runs, executes commands, reports,
//! and connects again.
//!
//! A start, a reconnect and a change share one path. Without the control plane the worker continues to serve.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use thiserror::Error;
use tidegate_shared::channel::{self, MAX_MESSAGE, MAX_UNAUTHENTICATED_MESSAGE, Receiver, Sender};
use tidegate_shared::meter::{Meter, Metered, Stalled};
use tidegate_shared::protocol::{
    CONTROL_PLANE_NAME, HEARTBEAT, RefusalCause, SILENCE, ToControlPlane, ToWorker, VERSION,
};
use tidegate_shared::token::JoinToken;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::access_log::Instance;
use crate::identity::{self, IdentityError, WorkerIdentity};
use crate::run_error::RunError;
use crate::tokens::Tokens;
use crate::worker::Worker;

use self::calls::{execute, work};
use self::deferred::DeferredReplies;
use self::reports::Reports;

mod calls;
mod deferred;
mod reports;

/// The time limit to connect, including TLS.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause after a failure, and the longest one.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The interval of checking whether the last connection of a worker that drains has ended.
const DRAIN_CHECK: Duration = Duration::from_millis(100);

type ChannelStream = TlsStream<Metered<TcpStream>>;

/// The sending half of a session.
#[derive(Debug)]
struct MessageWriter {
    sender: Sender<ChannelStream, ToControlPlane>,
    writing: Meter,
}

impl MessageWriter {
    /// Sends one message. There is no time limit while bytes move.
    async fn send(&mut self, message: &ToControlPlane) -> Result<(), SessionError> {
        self.writing.restart();
        Ok(self.writing.watch(SILENCE, self.sender.send(message)).await.map_err(SessionError::Stuck)??)
    }

    /// Sends messages one after another.
    async fn send_all(
        &mut self,
        messages: impl IntoIterator<Item = ToControlPlane>,
    ) -> Result<(), SessionError> {
        for message in messages {
            self.send(&message).await?;
        }
        Ok(())
    }
}

/// The receiving half of a session.
#[derive(Debug)]
struct MessageReader {
    receiver: Receiver<ChannelStream, ToWorker>,
    reading: Meter,
}

impl MessageReader {
    /// Receives the next message. Cancel safe, and a later call continues to count the silence.
    async fn receive(&mut self) -> Result<ToWorker, SessionError> {
        let message = self.reading.watch(SILENCE, self.receiver.receive()).await;
        message.map_err(SessionError::Silent)??.ok_or(SessionError::Closed)
    }
}

/// The reason why a session ended.
#[derive(Debug, Error)]
enum SessionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the control plane is silent: {0}")]
    Silent(Stalled),
    #[error("the control plane does not read: {0}")]
    Stuck(Stalled),
    #[error("the control plane closed the session")]
    Closed,
    #[error("the worker's certificate had expired; it has been renewed")]
    Renewed,
    #[error("the worker suspends its session")]
    Suspended,
    #[error("the control plane refused the worker: {1}")]
    Refused(RefusalCause, String),
    #[error("the control plane violated the protocol")]
    Protocol,
}

/// The worker's link to its control plane.
#[derive(Debug)]
pub(crate) struct Link {
    control_plane: String,
    identity: WorkerIdentity,
    tokens: Tokens,
    /// The address of the worker's metrics page.
    metrics: Option<SocketAddr>,
    /// The worker's name in its access lines.
    instance: Instance,
    /// True once the control plane has refused this identity as unknown.
    is_unknown: bool,
}

impl Link {
    pub(crate) fn new(
        control_plane: &str,
        identity: WorkerIdentity,
        tokens: Tokens,
        metrics: Option<SocketAddr>,
        instance: Instance,
    ) -> Link {
        let control_plane = control_plane.to_owned();
        Link { control_plane, identity, tokens, metrics, instance, is_unknown: false }
    }

    /// Keeps the worker connected to the control plane until `stop`, or until `suspend`, which first lets a change
    /// in progress finish.
    ///
    /// # Errors
    /// The control plane refuses this worker for good, and the worker has nothing to serve.
    pub(crate) async fn run(
        &mut self,
        worker: &mut Worker,
        stop: &CancellationToken,
        suspend: &CancellationToken,
    ) -> Result<(), RunError> {
        let mut pause = BACK_OFF.0;
        loop {
            let mut welcomed = false;
            let session = self.session(worker, suspend, &mut welcomed);
            let error = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Err(error) = session => error,
            };
            if suspend.is_cancelled() {
                return Ok(());
            }
            tracing::warn!(control_plane = self.control_plane, %error, "not connected to the control plane");
            self.is_unknown |= matches!(error, SessionError::Refused(RefusalCause::UnknownWorker, _));
            if worker.running().is_empty() && !self.identity.exists(None) && self.tokens.newest().is_none() {
                return Err(RunError::NotAdmitted(error.to_string()));
            }
            pause = if welcomed { BACK_OFF.0 } else { pause };
            let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            pause = (pause * 2).min(BACK_OFF.1);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = suspend.cancelled() => return Ok(()),
                () = sleep(jittered) => {}
            }
        }
    }

    async fn session(
        &mut self,
        worker: &mut Worker,
        suspend: &CancellationToken,
        welcomed: &mut bool,
    ) -> Result<Infallible, SessionError> {
        let stream =
            suspend.run_until_cancelled(self.connect()).await.unwrap_or(Err(SessionError::Suspended))?;
        let (reading, writing) = (stream.get_ref().0.reading(), stream.get_ref().0.writing());
        let (sender, receiver) = channel::split(stream, MAX_MESSAGE);
        let (mut writer, mut reader) =
            (MessageWriter { sender, writing }, MessageReader { receiver, reading });
        let (running, metrics) = (worker.running(), self.metrics);
        writer.send(&ToControlPlane::Hello { version: VERSION, running, metrics }).await?;
        writer.send_all(worker.applied()).await?;
        converse(worker, &self.identity, &mut writer, &mut reader, suspend, welcomed).await
    }

    /// Connects with the worker's identity. If there is a token, joins first in these cases: the identity is
    /// unusable, the control plane no longer knows it, or the control plane cannot be verified and the token is of
    /// another authority.
    async fn connect(&mut self) -> Result<ChannelStream, SessionError> {
        let token = self.tokens.newest();
        let failure = match self.identity.client_config() {
            Ok(_) if self.is_unknown && token.is_some() => None,
            Ok(config) => match self.dial(config).await {
                Ok(stream) => return Ok(stream),
                Err(error) => Some(error),
            },
            Err(error) => Some(error.into()),
        };
        let Some(token) = token else { return Err(failure.expect("without a token it was dialled")) };
        match failure {
            Some(error @ SessionError::Io(_)) if self.identity.exists(Some(&token.authority)) => Err(error),
            _ => {
                let joined = self.join(&token).await;
                if matches!(joined, Ok(()) | Err(SessionError::Refused(RefusalCause::Token, _))) {
                    self.tokens.spend(&token);
                }
                joined?;
                self.is_unknown = false;
                self.dial(self.identity.client_config()?).await
            }
        }
    }

    /// Creates a key, and has the control plane certify it.
    async fn join(&self, token: &JoinToken) -> Result<(), SessionError> {
        let stream = self.dial(identity::joining_config(&token.authority)?).await?;
        let (mut sender, mut receiver) =
            channel::split::<_, ToControlPlane, ToWorker>(stream, MAX_UNAUTHENTICATED_MESSAGE);
        let candidate = self.identity.candidate()?;
        let (secret, request) = (token.secret.clone(), candidate.request.clone());
        sender.send(&ToControlPlane::Join { version: VERSION, secret, request }).await?;
        match timeout(SILENCE, receiver.receive())
            .await
            .map_err(|_| SessionError::Silent(Stalled(SILENCE)))??
        {
            Some(ToWorker::Joined { worker, certificate }) => {
                self.identity.save(&candidate, &certificate, &token.authority)?;
                tracing::info!(%worker, "joined");
                self.instance.set(worker.to_string());
                Ok(())
            }
            Some(ToWorker::Refused { cause, reason }) => {
                if cause == RefusalCause::Token {
                    self.identity.discard_candidate()?;
                }
                Err(SessionError::Refused(cause, reason))
            }
            Some(_) => Err(SessionError::Protocol),
            None => Err(SessionError::Closed),
        }
    }

    async fn dial(&self, config: Arc<ClientConfig>) -> Result<ChannelStream, SessionError> {
        let dial = async {
            let tcp = TcpStream::connect(&self.control_plane).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(CONTROL_PLANE_NAME).expect("the constant is a host name");
            TlsConnector::from(config).connect(name, Metered::new(tcp)).await
        };
        let timed_out = |_| io::Error::new(io::ErrorKind::TimedOut, "connecting took too long");
        Ok(timeout(DIAL_TIMEOUT, dial).await.map_err(timed_out)?.map_err(with_remedy)?)
    }
}

/// Executes the control plane's commands and sends reports, until one of the two sides ends the session.
async fn converse(
    worker: &mut Worker,
    identity: &WorkerIdentity,
    writer: &mut MessageWriter,
    reader: &mut MessageReader,
    suspend: &CancellationToken,
    welcomed: &mut bool,
) -> Result<Infallible, SessionError> {
    let mut renewed = false;
    let health_changed: Rc<_> = worker.health_changed.clone();
    let (mut reports, mut deferred) = (Reports::default(), DeferredReplies::default());
    // Calls end with the session that must receive their replies.
    let mut calls = JoinSet::new();
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = suspend.cancelled() => return Err(SessionError::Suspended),
            message = reader.receive() => {
                let message = match message {
                    Err(SessionError::Closed) if renewed => return Err(SessionError::Renewed),
                    message => message?,
                };
                *welcomed |= !matches!(message, ToWorker::Refused { .. });
                match message {
                    ToWorker::Assign(snapshot) => {
                        let answer = worker.assign(*snapshot).await;
                        writer.send_all(deferred.release(answer, worker.owns_directory())).await?;
                    }
                    ToWorker::Withdraw { gateway } => {
                        reports.forget(gateway);
                        let answer = worker.withdraw(gateway).await;
                        writer.send_all(deferred.release(answer, worker.owns_directory())).await?;
                    }
                    ToWorker::Duty(duty) => writer.send_all(worker.set_duty(duty).await).await?,
                    ToWorker::Call { id, call } => {
                        calls.spawn_local(execute(id, work(call, worker)));
                    }
                    message @ (ToWorker::Authorities { .. } | ToWorker::Renew | ToWorker::Renewed { .. }) => {
                        if let Some(answer) = credentials(identity, message) {
                            renewed |= answer == ToControlPlane::Renewed;
                            writer.send(&answer).await?;
                        }
                    }
                    ToWorker::Heartbeat => renewed = false,
                    ToWorker::Refused { cause, reason } => return Err(SessionError::Refused(cause, reason)),
                    ToWorker::Joined { .. } => return Err(SessionError::Protocol),
                }
            }
            Some(reply) = calls.join_next() => match reply {
                Ok(reply) => writer.send(&reply).await?,
                Err(error) => tracing::error!(%error, "a call of the control plane has failed"),
            },
            () = sleep(DRAIN_CHECK), if worker.is_draining() => {
                let status = worker.status().await;
                if !worker.is_draining() {
                    writer.send(&status).await?;
                }
            }
            () = health_changed.notified() => reports.ask(),
            () = reports.due(), if reports.is_asked() => {
                writer.send_all(reports.changed(worker.health())).await?;
            }
            _ = heartbeat.tick() => {
                worker.save_again().await;
                worker.open_listeners().await;
                writer.send_all(reports.all(worker.health())).await?;
                writer.send(&worker.status().await).await?;
                writer.send_all(worker.refusals()).await?;
            }
        }
    }
}

/// Adds to a rejected certificate of the control plane what an operator can do about it.
fn with_remedy(error: io::Error) -> io::Error {
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let remedy = match fault {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the control plane has another certificate authority than this worker trusts: let the worker join again with a \
             token from `tidegate worker token`"
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. },
        )) => "the control plane renews its certificates in time, so compare the clocks of the two machines",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {remedy}"))
}

/// Executes a command about this worker's certificate or the trusted authorities, and returns the answer. A change
/// that cannot be stored is not confirmed: the worker keeps its credentials, and the control plane repeats the
/// command.
fn credentials(identity: &WorkerIdentity, message: ToWorker) -> Option<ToControlPlane> {
    let done = match message {
        ToWorker::Authorities { certificates } => identity.trust(&certificates).map(|()| None),
        ToWorker::Renew => identity.renewal().map(|request| Some(ToControlPlane::Renew { request })),
        ToWorker::Renewed { certificate } => {
            identity.replace_certificate(&certificate).map(|()| Some(ToControlPlane::Renewed))
        }
        _ => Ok(None),
    };
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "certificates from the control plane cannot be stored");
        None
    })
}
