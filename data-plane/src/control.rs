//! The worker's side of the channel: join if need be, dial, say what runs, do as told, report, and dial again.
//!
//! There is one path for a start, a reconnect and a change. When the control plane is away the worker serves on.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tidegate_shared::channel::{self, MAX_MESSAGE, MAX_STRANGER_MESSAGE, Receiver, Sender};
use tidegate_shared::protocol::{CONTROL_PLANE_NAME, HEARTBEAT, SILENCE, ToControlPlane, ToWorker, VERSION};
use tidegate_shared::token::JoinToken;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::identity::{self, Candidate, Identity, IdentityError};
use crate::worker::Worker;

/// How long dialling may take, TLS included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause after a failure, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

type Stream = TlsStream<TcpStream>;

/// Why a session ended.
#[derive(Debug, Error)]
enum SessionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the control plane was silent for {} s", SILENCE.as_secs())]
    Silent,
    #[error("the control plane closed the session")]
    Closed,
    #[error("the control plane refused: {0}")]
    Refused(String),
    #[error("the control plane broke the protocol")]
    Protocol,
    #[error("this worker has no identity and no token to join with")]
    NoToken,
}

/// The worker's link to its control plane.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) control_plane: String,
    pub(crate) identity: Identity,
    pub(crate) token: Option<JoinToken>,
}

impl Link {
    /// Keeps the worker in touch until `stop`.
    pub(crate) async fn run(mut self, worker: &mut Worker, stop: &CancellationToken) {
        let mut pause = BACK_OFF.0;
        loop {
            let mut welcomed = false;
            let session = self.session(worker, &mut welcomed);
            let error = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Err(error) = session => error,
            };
            tracing::warn!(control_plane = self.control_plane, %error, "not in touch with the control plane");
            self.learn_from(&error);
            pause = if welcomed { BACK_OFF.0 } else { pause };
            let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            pause = (pause * 2).min(BACK_OFF.1);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(jittered) => {}
            }
        }
    }

    /// A control plane that no longer knows this worker may be joined again with a token, once.
    fn learn_from(&mut self, error: &SessionError) {
        if let (SessionError::Refused(_), Some(_)) = (error, &self.token) {
            if self.identity.exists(None) {
                if let Err(error) = self.identity.discard() {
                    tracing::error!(%error, "the old identity cannot be discarded");
                }
            } else {
                tracing::error!("the join token was refused; a new one is needed");
                self.token = None;
            }
        }
    }

    async fn session(
        &self,
        worker: &mut Worker,
        welcomed: &mut bool,
    ) -> Result<std::convert::Infallible, SessionError> {
        let authority = self.token.as_ref().map(|token| token.authority.as_str());
        if !self.identity.exists(authority) {
            self.join(self.token.as_ref().ok_or(SessionError::NoToken)?).await?;
        }
        let stream = self.dial(self.identity.client_config()?).await?;
        let (mut sender, mut receiver) = channel::split(stream, MAX_MESSAGE);
        sender.send(&ToControlPlane::Hello { version: VERSION, running: worker.running() }).await?;
        for applied in worker.applied() {
            sender.send(&applied).await?;
        }
        converse(worker, &mut sender, &mut receiver, welcomed).await
    }

    /// Makes a key, and has the control plane certify it.
    async fn join(&self, token: &JoinToken) -> Result<(), SessionError> {
        let stream = self.dial(identity::stranger_config(&token.authority)?).await?;
        let (mut sender, mut receiver) =
            channel::split::<_, ToControlPlane, ToWorker>(stream, MAX_STRANGER_MESSAGE);
        let candidate = Candidate::new()?;
        let (secret, request) = (token.secret.clone(), candidate.request.clone());
        sender.send(&ToControlPlane::Join { version: VERSION, secret, request }).await?;
        match timeout(SILENCE, receiver.receive()).await.map_err(|_| SessionError::Silent)?? {
            Some(ToWorker::Joined { worker, certificate }) => {
                self.identity.save(&candidate, &certificate, &token.authority)?;
                tracing::info!(%worker, "joined");
                Ok(())
            }
            Some(ToWorker::Refused { reason }) => Err(SessionError::Refused(reason)),
            Some(_) => Err(SessionError::Protocol),
            None => Err(SessionError::Closed),
        }
    }

    async fn dial(&self, config: Arc<ClientConfig>) -> Result<Stream, SessionError> {
        let dial = async {
            let tcp = TcpStream::connect(&self.control_plane).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(CONTROL_PLANE_NAME).expect("the constant is a host name");
            TlsConnector::from(config).connect(name, tcp).await
        };
        let timed_out = |_| io::Error::new(io::ErrorKind::TimedOut, "dialling took too long");
        Ok(timeout(DIAL_TIMEOUT, dial).await.map_err(timed_out)??)
    }
}

/// Does what the control plane says and tells it what it should know, until one of the two is gone.
async fn converse(
    worker: &mut Worker,
    sender: &mut Sender<Stream, ToControlPlane>,
    receiver: &mut Receiver<Stream, ToWorker>,
    welcomed: &mut bool,
) -> Result<std::convert::Infallible, SessionError> {
    let health_changed: Rc<_> = worker.health_changed.clone();
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = timeout_at(heard + SILENCE, receiver.receive()) => {
                let message = message.map_err(|_| SessionError::Silent)??.ok_or(SessionError::Closed)?;
                heard = Instant::now();
                *welcomed |= !matches!(message, ToWorker::Refused { .. });
                match message {
                    ToWorker::Assign(snapshot) => {
                        let answer = worker.assign(*snapshot).await;
                        sender.send(&answer).await?;
                    }
                    ToWorker::Withdraw { gateway } => {
                        let answer = worker.withdraw(gateway).await;
                        sender.send(&answer).await?;
                    }
                    ToWorker::Heartbeat => {}
                    ToWorker::Refused { reason } => return Err(SessionError::Refused(reason)),
                    ToWorker::Joined { .. } => return Err(SessionError::Protocol),
                }
            }
            () = health_changed.notified() => report(worker, sender).await?,
            _ = heartbeat.tick() => {
                report(worker, sender).await?;
                sender.send(&ToControlPlane::Heartbeat).await?;
            }
        }
    }
}

async fn report(worker: &Worker, sender: &mut Sender<Stream, ToControlPlane>) -> io::Result<()> {
    for health in worker.health() {
        sender.send(&health).await?;
    }
    Ok(())
}
