//! The handover of a worker to a successor in the same data directory, by [`tidegate_shared::handover`]: its
//! listening sockets, the socket of the metrics page and the lock of the data directory.
//!
//! The predecessor ends its session with the control plane first, so that its configuration stays as it was saved.
//! This module must not decide what is served: a worker gets its configuration only from its control plane and its
//! last good snapshots.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_shared::handover::{Parts, TIMEOUT, TakeOver, TakeOverError};
use tidegate_shared::id::GatewayId;
use tidegate_shared::service_manager;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The name of the Unix socket in a worker's data directory at which it waits for its successor. A worker without it
/// cannot be succeeded while it serves.
pub const HANDOVER_FILE: &str = "handover";

/// The largest number of addresses or gateways in one message.
const BATCH: usize = 100;

/// A part of what a worker passes on. Workers of other versions must understand it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WorkerPart {
    /// Listening sockets: the addresses, with one descriptor for each in the same order.
    Sockets(Vec<SocketAddr>),
    /// Gateways that the predecessor serves.
    Gateways(Vec<GatewayId>),
    /// The lock of the data directory.
    Lock,
    /// The socket of the metrics page.
    Metrics,
}

/// Everything that is passed on to a successor.
#[derive(Debug)]
pub(crate) struct WorkerHandover {
    /// The listening sockets of all data threads.
    pub(crate) sockets: Vec<(SocketAddr, OwnedFd)>,
    /// The gateways that are served.
    pub(crate) gateways: Vec<GatewayId>,
    /// The lock of the data directory.
    pub(crate) lock: File,
    /// The socket of the metrics page.
    pub(crate) metrics: Option<TcpListener>,
}

impl WorkerHandover {
    /// Sends all parts.
    ///
    /// # Errors
    /// The successor is gone, or does not read.
    pub(crate) fn send(&self, parts: &Parts<'_, WorkerPart>) -> io::Result<()> {
        for batch in self.sockets.chunks(BATCH) {
            let addresses = batch.iter().map(|(address, _)| *address).collect();
            let descriptors: Vec<BorrowedFd<'_>> = batch.iter().map(|(_, socket)| socket.as_fd()).collect();
            parts.send(WorkerPart::Sockets(addresses), &descriptors)?;
        }
        for batch in self.gateways.chunks(BATCH) {
            parts.send(WorkerPart::Gateways(batch.to_vec()), &[])?;
        }
        if let Some(metrics) = &self.metrics {
            parts.send(WorkerPart::Metrics, &[metrics.as_fd()])?;
        }
        parts.send(WorkerPart::Lock, &[self.lock.as_fd()])
    }
}

/// Everything that a predecessor has passed on.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// The lock of the data directory, which the predecessor holds as well.
    pub(crate) lock: Option<File>,
    /// The socket of the metrics page.
    pub(crate) metrics: Option<TcpListener>,
    sockets: HashMap<SocketAddr, Vec<TcpListener>>,
    /// The gateways that this worker must serve before the predecessor may drain.
    gateways: BTreeSet<GatewayId>,
    take_over: Option<TakeOver>,
}

impl Inherited {
    /// Asks the worker that owns the data directory to hand over.
    ///
    /// # Errors
    /// Those of [`TakeOver::ask`]; that worker continues to serve.
    pub(crate) fn ask_for(data_dir: &Path) -> Result<Inherited, TakeOverError> {
        let mut inherited = Inherited::default();
        let take_over =
            TakeOver::ask(&socket_path(data_dir), |part, descriptors| inherited.take(part, descriptors))?;
        if inherited.lock.is_none() {
            return Err(invalid("the lock is missing").into());
        }
        inherited.take_over = Some(take_over);
        Ok(inherited)
    }

    fn take(&mut self, part: WorkerPart, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let first = descriptors.first().map(OwnedFd::try_clone);
        let first = || first.unwrap_or_else(|| Err(invalid("a descriptor is missing")));
        match part {
            WorkerPart::Sockets(addresses) if addresses.len() == descriptors.len() => {
                for (address, socket) in addresses.into_iter().zip(descriptors) {
                    self.sockets.entry(address).or_default().push(socket.into());
                }
            }
            WorkerPart::Sockets(_) => return Err(invalid("the sockets do not match their addresses")),
            WorkerPart::Gateways(gateways) => self.gateways.extend(gateways),
            WorkerPart::Lock => self.lock = Some(first()?.into()),
            WorkerPart::Metrics => self.metrics = Some(first()?.into()),
        }
        Ok(())
    }

    /// Returns the sockets of an address; none if the predecessor did not listen there.
    pub(crate) fn sockets(&mut self, address: SocketAddr) -> Vec<TcpListener> {
        self.sockets.remove(&address).unwrap_or_default()
    }

    /// Forgets a gateway that the control plane has withdrawn.
    pub(crate) fn forget(&mut self, gateway: GatewayId) {
        self.gateways.remove(&gateway);
    }

    /// Returns true unless a takeover is in progress.
    pub(crate) fn is_complete(&self) -> bool {
        self.take_over.is_none()
    }

    /// Returns true if the takeover can be completed: `serves` holds for every gateway of the predecessor.
    pub(crate) fn is_ready(&self, serves: impl FnMut(&GatewayId) -> bool) -> bool {
        !self.is_complete() && self.gateways.iter().all(serves)
    }

    /// Completes the takeover; the predecessor then drains. Unused sockets are closed, because nobody will accept
    /// from them.
    ///
    /// # Errors
    /// The predecessor has stopped waiting, and continues to serve.
    pub(crate) fn complete(&mut self) -> io::Result<()> {
        self.sockets.clear();
        let Some(take_over) = self.take_over.take() else { return Ok(()) };
        let completed = take_over.complete()?;
        // The service manager must know the new main process before the old one ends.
        service_manager::announce_main_process();
        drop(completed);
        Ok(())
    }
}

/// Tells whether this worker owns the data directory. Neither token is cancelled while it takes over from another
/// worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ownership {
    /// Cancelled when this worker owns the directory.
    pub(crate) acquired: CancellationToken,
    /// Cancelled when the predecessor keeps the directory.
    pub(crate) denied: CancellationToken,
}

impl Ownership {
    /// Cancels `denied` unless the directory is acquired within [`TIMEOUT`].
    pub(crate) fn expires(&self) {
        let ownership = self.clone();
        tokio::task::spawn_local(async move {
            if timeout(TIMEOUT, ownership.acquired.cancelled()).await.is_err() {
                ownership.denied.cancel();
            }
        });
    }
}

/// Returns the path of the socket at which a worker waits for its successor.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(HANDOVER_FILE)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
