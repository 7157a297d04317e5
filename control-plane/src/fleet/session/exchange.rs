//! The messages of an authenticated worker's session in both directions, until its end.

use std::io;
use std::time::Duration;

use tidegate_shared::channel::{MAX_MESSAGE, Receiver, Sender};
use tidegate_shared::meter::{Meter, Metered};
use tidegate_shared::protocol::{HEARTBEAT, Reply, SILENCE, ToControlPlane, ToWorker};
use tidegate_shared::snapshot::Snapshot;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{self, Instant, MissedTickBehavior};
use tokio_rustls::server::TlsStream;

use super::error::SessionError;
use crate::certificates::Certificates;
use crate::clock::Millis;
use crate::fleet::credentials::Credentials;
use crate::fleet::{Fleet, Membership};

pub(super) type Stream = TlsStream<Metered<TcpStream>>;
pub(super) type Out = Sender<Stream, ToWorker>;
pub(super) type In = Receiver<Stream, ToControlPlane>;

/// The connection of an authenticated worker.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) membership: Membership,
    pub(super) send: Out,
    pub(super) writing: Meter,
    pub(super) receive: In,
    pub(super) reading: Meter,
}

/// The maximum number of a worker's unanswered messages about its certificate.
const ASKED: usize = 2;

/// The interval of checking whether the worker's certificate is due for renewal.
const CHECK: Duration = Duration::from_secs(1);

impl Session {
    /// Exchanges messages until one side ends. The two directions never wait for each other: a worker that is
    /// slow to read can still be heard, and vice versa.
    pub(super) async fn run(
        &mut self,
        fleet: &Fleet,
        certificates: &Certificates,
    ) -> Result<(), SessionError> {
        let Membership { orders, ended, id } = &mut self.membership;
        let on_message = |message| fleet.on_message(*id, message);
        let (ask, asked) = mpsc::channel(ASKED);
        let writer = MessageWriter { send: &mut self.send, writing: &mut self.writing };
        tokio::select! {
            result = speak(writer, orders, asked, &mut self.credentials, certificates, on_message) => result,
            result = listen(&mut self.receive, &mut self.reading, &ask, on_message) => result,
            () = ended.cancelled() => Ok(()),
        }
    }
}

/// The sending half of a session.
struct MessageWriter<'a> {
    send: &'a mut Out,
    writing: &'a mut Meter,
}

impl MessageWriter<'_> {
    /// Sends one message. There is no time limit as long as bytes are transferred.
    async fn say(&mut self, message: &ToWorker) -> Result<io::Result<()>, SessionError> {
        self.writing.restart();
        self.writing.watch(SILENCE, self.send.send(message)).await.map_err(SessionError::Stuck)
    }
}

/// Sends orders, heartbeats and messages about the worker's certificate. An order that is too large to send is
/// answered locally in place of the worker.
async fn speak(
    mut writer: MessageWriter<'_>,
    orders: &mut mpsc::Receiver<ToWorker>,
    mut asked: mpsc::Receiver<ToControlPlane>,
    credentials: &mut Credentials,
    certificates: &Certificates,
    on_message: impl Fn(ToControlPlane),
) -> Result<(), SessionError> {
    let mut heartbeat = time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut check = time::interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut authorities = certificates.watch();
    authorities.mark_changed();
    loop {
        let message = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => order,
                None => return Ok(()),
            },
            Ok(()) = authorities.changed() => trusted(certificates),
            Some(message) = asked.recv() => match message {
                ToControlPlane::Renew { request } => match credentials.renew(&request).await? {
                    Some(renewed) => renewed,
                    None => continue,
                },
                _ => {
                    credentials.renewed().await?;
                    continue;
                }
            },
            _ = check.tick() => match credentials.reminder(Millis::now(), Instant::now()) {
                Some(reminder) => reminder,
                None => continue,
            },
            _ = heartbeat.tick() => ToWorker::Heartbeat,
        };
        match writer.say(&message).await? {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => match message {
                ToWorker::Assign(snapshot) => on_message(too_large(&snapshot)),
                ToWorker::Call { id, .. } => {
                    let reason = format!("A message to a worker may have at most {MAX_MESSAGE} bytes.");
                    on_message(ToControlPlane::Reply { id, reply: Reply::Failed(reason) });
                }
                _ => return Err(error.into()),
            },
            sent => sent?,
        }
    }
}

/// Returns the rejection of a snapshot that exceeds a message. The session goes on, because it also serves
/// other gateways.
fn too_large(snapshot: &Snapshot) -> ToControlPlane {
    ToControlPlane::Rejected {
        gateway: snapshot.gateway,
        generation: snapshot.generation,
        reason: format!("its configuration exceeds the {MAX_MESSAGE} bytes of a message to a worker"),
    }
}

async fn listen(
    receive: &mut In,
    reading: &mut Meter,
    ask: &mpsc::Sender<ToControlPlane>,
    on_message: impl Fn(ToControlPlane),
) -> Result<(), SessionError> {
    loop {
        match reading.watch(SILENCE, receive.receive()).await.map_err(SessionError::Silence)?? {
            Some(ToControlPlane::Join { .. } | ToControlPlane::Hello { .. }) => {
                return Err(SessionError::OutOfTurn);
            }
            Some(message @ (ToControlPlane::Renew { .. } | ToControlPlane::Renewed)) => {
                ask.try_send(message).map_err(|_| SessionError::OutOfTurn)?;
            }
            Some(message) => on_message(message),
            None => return Ok(()),
        }
    }
}

/// Returns the message with the trusted authorities.
pub(super) fn trusted(certificates: &Certificates) -> ToWorker {
    ToWorker::Authorities { certificates: certificates.state().authorities.pem() }
}
