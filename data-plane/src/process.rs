//! A worker between its start and its drain: it stays connected to the control plane until it must stop, and hands
//! over to a successor that asks. [`Worker`] decides what is served.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tidegate_shared::handover::{Predecessor, TakeOverRequest};
use tidegate_shared::service_manager;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::MetricsPage;
use crate::control::Link;
use crate::data_dir::{DataDir, DrainingMark};
use crate::handover::{Ownership, WorkerHandover, socket_path};
use crate::metrics::{Metrics, MetricsSocket};
use crate::run_error::RunError;
use crate::threads::Threads;
use crate::worker::Worker;

/// The resources of a serving worker that a successor takes over.
#[derive(Debug)]
pub(crate) struct WorkerProcess<'a> {
    pub(crate) data_dir: DataDir,
    pub(crate) threads: &'a Threads,
    pub(crate) link: Link,
    pub(crate) page: Option<MetricsServer>,
    /// `None` while this worker takes over, and if it cannot be succeeded.
    pub(crate) predecessor: Option<Predecessor<WorkerHandover>>,
}

impl WorkerProcess<'_> {
    /// Keeps the worker connected to the control plane until a stop is asked for or a successor has taken over.
    ///
    /// # Errors
    /// The control plane refuses this worker for good, and the worker has nothing to serve; or it could not take
    /// over.
    pub(crate) async fn serve(
        &mut self,
        worker: &mut Worker,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        loop {
            let (ownership, suspend) = (worker.ownership.clone(), CancellationToken::new());
            let mut request = None;
            let interrupted = async {
                tokio::select! {
                    () = ownership.denied.cancelled() => {}
                    asked = next_successor(&self.data_dir, &mut self.predecessor, &ownership) => request = Some(asked),
                }
                suspend.cancel();
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                biased;
                ended = self.link.run(worker, stop, &suspend) => ended?,
                never = interrupted => match never {},
            }
            if ownership.denied.is_cancelled() {
                return Err(RunError::NotTakenOver(self.data_dir.path.clone()));
            }
            match request {
                Some(request) if !stop.is_cancelled() => {
                    if self.hand_over(worker, request, stop).await {
                        // The path may already belong to the successor.
                        self.predecessor = None;
                        return Ok(());
                    }
                }
                _ => {
                    service_manager::stopping();
                    return Ok(());
                }
            }
        }
    }

    /// Hands over to a successor. Returns true if this worker must now drain.
    async fn hand_over(
        &self,
        worker: &Worker,
        request: TakeOverRequest<WorkerHandover>,
        stop: &CancellationToken,
    ) -> bool {
        let handover = match self.handover(worker).await {
            Ok(handover) => handover,
            Err(reason) => {
                tracing::warn!(reason, "a successor was refused");
                request.refuse(reason);
                return false;
            }
        };
        tracing::info!("a successor takes over");
        let served = tokio::select! {
            served = request.grant(handover) => served,
            () = stop.cancelled() => return true,
        };
        if !served {
            tracing::warn!("the successor has failed; this worker continues to serve");
        }
        served
    }

    /// Collects everything that is passed on to a successor.
    ///
    /// # Errors
    /// The reason why the handover is impossible now.
    async fn handover(&self, worker: &Worker) -> Result<WorkerHandover, String> {
        if let Some(obstacle) = worker.obstacle_to_handover() {
            return Err(obstacle);
        }
        let lock = self.data_dir.lock.as_ref().map(|lock| lock.try_clone().map_err(|e| e.to_string()));
        Ok(WorkerHandover {
            sockets: self.threads.sockets().await.map_err(|e| e.to_string())?,
            gateways: worker.running().into_iter().map(|(gateway, ..)| gateway).collect(),
            lock: lock.unwrap_or_else(|| Err("the data directory has no lock file".to_owned()))?,
            metrics: self.page.as_ref().and_then(|page| page.socket.try_clone().ok()),
        })
    }

    /// Releases the data directory and the metrics page, which a successor may already have. Marks this worker
    /// as draining first.
    pub(crate) fn release(self, drain_timeout: Duration) -> Option<DrainingMark> {
        let WorkerProcess { data_dir, page, predecessor, .. } = self;
        if let Some(predecessor) = &predecessor {
            predecessor.close();
        }
        let mark = data_dir.mark_draining(drain_timeout);
        // A successor that is waiting gets no answer and tries the lock again, which must be free by then.
        drop((data_dir, page));
        drop(predecessor);
        mark
    }
}

/// Waits until this worker owns the data directory, and then for a successor.
async fn next_successor(
    data_dir: &DataDir,
    predecessor: &mut Option<Predecessor<WorkerHandover>>,
    ownership: &Ownership,
) -> TakeOverRequest<WorkerHandover> {
    ownership.acquired.cancelled().await;
    if predecessor.is_none() {
        service_manager::ready();
        // After a takeover, the lock file still has the process ID of the predecessor.
        let ready = data_dir.write_process_id().and_then(|()| {
            Predecessor::listen(&socket_path(&data_dir.path), |parts, handover: &WorkerHandover| {
                handover.send(parts)
            })
        });
        match ready {
            Ok(ready) => *predecessor = Some(ready),
            // It was already logged that the directory is not writable.
            Err(error) if !data_dir.is_writable => tracing::debug!(%error, "no successor can take over"),
            Err(error) => tracing::warn!(%error, "no successor can take over while this worker serves"),
        }
    }
    match predecessor {
        Some(predecessor) => predecessor.request().await,
        None => std::future::pending().await,
    }
}

/// The metrics page, served until this is dropped.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    address: SocketAddr,
    /// A copy of the socket, for a successor.
    socket: TcpListener,
    _close: DropGuard,
}

impl MetricsServer {
    /// Serves the metrics page, at the predecessor's socket if it has the configured address. A failure is logged;
    /// the worker serves without the page.
    pub(crate) async fn show(
        page: MetricsPage,
        inherited: Option<TcpListener>,
        metrics: Metrics,
    ) -> Option<MetricsServer> {
        let MetricsPage::At(wanted) = page else { return None };
        let inherited = inherited.and_then(|socket| MetricsSocket::inherit(wanted, socket));
        let server = match inherited {
            Some(server) => Ok(server),
            None => MetricsSocket::bind(wanted).await,
        };
        match server.and_then(|server| Ok((server.copy()?, server))) {
            Ok((socket, server)) => {
                let (address, close) = (server.address, CancellationToken::new());
                tracing::info!(%address, "serving metrics");
                let shown = close.clone();
                tokio::task::spawn_local(async move { shown.run_until_cancelled(server.run(metrics)).await });
                Some(MetricsServer { address, socket, _close: close.drop_guard() })
            }
            Err(error) => {
                tracing::error!(address = %wanted, %error, "metrics cannot be served");
                None
            }
        }
    }

    /// The address of the page.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
