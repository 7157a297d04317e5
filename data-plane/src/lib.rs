//! The data plane: a worker process that owns sockets, TLS, health probes and WebSocket tunnels.
//!
//! It runs what the control plane last told it, and goes on when the control plane is gone. It has never heard of ARM
//! documents, only of snapshots.
//!
//! The main thread keeps in touch with the control plane ([`control`]), is the one writer of the configuration
//! ([`worker`]), probes backends ([`probe`]) and resolves their names ([`resolver`]). Each data thread ([`thread`]) has
//! its own runtime, its own listening sockets ([`listener`]), and its own upstream connections. To see what becomes of a
//! request, read [`proxy`] from the top; what becomes of a WebSocket, [`proxy::tunnel`].

mod access_log;
mod backend;
mod config;
mod control;
mod cut;
mod dial;
mod drain;
mod error_info;
mod health;
mod http1;
mod identity;
mod last_good;
mod limits;
mod listener;
mod member;
mod metrics;
mod on_demand;
mod pace;
mod probe;
mod proxy;
mod resolver;
mod runtime;
mod side_thread;
mod sockets;
mod spool;
mod stream;
mod tcp_diag;
mod thread;
mod tls;
mod tokens;
mod trace;
mod worker;

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;
use tidegate_shared::private_file;
use tokio::runtime::{Builder, LocalOptions};
use tokio_util::sync::{CancellationToken, DropGuard};

use access_log::Instance;
pub use config::{AccessLog, Config, MetricsPage, MinRate, Rotation, Timeouts};
use control::Link;
use identity::Identity;
use last_good::LastGood;
use limits::Places;
use metrics::{Metrics, Server};
use spool::Room;
use thread::Threads;
use tokens::Tokens;
use trace::Exporter;
use worker::Worker;

/// How old an unfinished file in the data directory must be before nobody can be writing it any more.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);

/// Why a worker could not start.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file, directory, thread or socket that it cannot do without.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another worker lives in the same data directory.
    #[error("{0} belongs to another running worker")]
    Occupied(PathBuf),
    /// A first start needs a token, unless there is something saved to serve.
    #[error("{0} holds no identity and no token was given: print one with `tidegate worker token`")]
    NoToken(PathBuf),
    /// The control plane does not admit it, and it has nothing to serve on its own.
    #[error("not admitted by the control plane, and nothing to serve: {0}")]
    NotAdmitted(String),
}

/// Whether a worker in that data directory starts without a token: it has joined before, or has a last good snapshot.
pub fn can_start_without_token(data_dir: &Path) -> bool {
    Identity::at(data_dir).exists(None) || LastGood::is_kept_in(data_dir)
}

/// Runs a worker on the calling thread and its data threads until `stop`; then drains and returns.
///
/// # Errors
/// Only what makes a start impossible. A control plane that cannot be reached is not among it.
pub fn run(config: Config, stop: &CancellationToken) -> Result<(), RunError> {
    private_file::create_dir(&config.data_dir)?;
    let lock = occupy(&config.data_dir)?;
    let is_writable = tidy_up(&config.data_dir);
    let identity = Identity::at(&config.data_dir);
    let tokens = Tokens::of(&config.data_dir, config.token.clone());
    if tokens.newest().is_none() && !can_start_without_token(&config.data_dir) {
        return Err(RunError::NoToken(config.data_dir));
    }
    let last_good = LastGood::open(&config.data_dir);
    let instance = Instance::default();
    instance.set(identity.name().unwrap_or_default());
    let log = access_log::Writer::start(&config.access_log, config.access_log_rotation, instance.clone())?;
    let spans = Exporter::start(config.otlp_endpoint.as_deref())?;
    let places = Places::raise(config.connections_per_address);
    let room = Room::new(config.data_dir.join("buffers"), config.buffer_space);
    if let Err(error) = room.prepare()
        && is_writable
    {
        tracing::warn!(%error, "bodies cannot wait on disk");
    }
    let threads = Rc::new(Threads::start(&config, &log, &spans, &places, &room)?);
    let metrics = Metrics::new(places, log.dropped.clone(), spans.dropped.clone());
    let (drain_timeout, page) = (config.drain_timeout, config.metrics);
    let control_plane = config.control_plane.clone();
    let mut worker = Worker::new(config, threads.clone(), last_good, metrics.clone(), is_writable);

    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let ended = runtime.block_on(async {
        worker.resume().await;
        let (address, page) = show(page, metrics).await.unzip();
        let link = Link::new(&control_plane, identity, tokens, address, instance);
        let ended = link.run(&mut worker, stop).await;
        tracing::info!(timeout_s = drain_timeout.as_secs(), "stopping: what runs is drained");
        worker.stop();
        // From here on a successor may use the data directory, and the port of the metrics.
        drop((lock, page));
        threads.drain(drain_timeout).await;
        ended
    });
    drop(worker);
    drop(runtime);
    if let Some(threads) = Rc::into_inner(threads) {
        threads.join();
    }
    log.finish();
    spans.finish();
    ended
}

/// Shows the metrics until the returned guard is dropped, and says where. That they cannot be shown is no reason not to
/// serve.
async fn show(page: MetricsPage, metrics: Metrics) -> Option<(SocketAddr, DropGuard)> {
    let MetricsPage::At(wanted) = page else { return None };
    match Server::bind(wanted).await {
        Ok(server) => {
            let (address, close) = (server.address, CancellationToken::new());
            tracing::info!(%address, "metrics are shown");
            let shown = close.clone();
            tokio::task::spawn_local(async move { shown.run_until_cancelled(server.run(metrics)).await });
            Some((address, close.drop_guard()))
        }
        Err(error) => {
            tracing::error!(address = %wanted, %error, "metrics cannot be shown");
            None
        }
    }
}

/// Takes the data directory for this process, and leaves its id there for whoever has to stop it. In a directory that
/// cannot be written, the lock is taken all the same if there is one, and the id is not left.
fn occupy(data_dir: &Path) -> Result<Option<File>, RunError> {
    let path = data_dir.join("lock");
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let opened = private_file::open_lock(&path);
    let (mut lock, is_writable) = match opened {
        Ok(lock) => (lock, true),
        Err(error) if is_unwritable(&error) => match File::open(&path) {
            Ok(lock) => (lock, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(named(error).into()),
        },
        Err(error) => return Err(named(error).into()),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(RunError::Occupied(data_dir.to_owned())),
        Err(TryLockError::Error(error)) => return Err(named(error).into()),
    }
    if is_writable {
        // Always as long, so that it replaces what was there in place: that takes no free disk space.
        let written = lock.write_all(format!("{:<10}\n", std::process::id()).as_bytes());
        match written {
            Err(error) if !is_unwritable(&error) => return Err(named(error).into()),
            _ => {}
        }
    }
    Ok(Some(lock))
}

/// Whether this says that nothing can be written, now or ever. It is no reason not to serve what is there.
fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Removes what a worker that was killed left unfinished, and says whether the data directory can be written. The
/// supervisor may be writing to it at this moment, but not to the snapshots.
fn tidy_up(data_dir: &Path) -> bool {
    if let Err(error) = private_file::check_writable(data_dir) {
        tracing::warn!(
            %error,
            "the data directory cannot be written: what was saved there is served, changes are applied but lost at a \
             restart, and bodies cannot wait on disk"
        );
        return false;
    }
    let places = [(data_dir.to_owned(), UNFINISHED_AGE), (data_dir.join("snapshots"), Duration::ZERO)];
    for (dir, age) in places {
        match private_file::remove_unfinished(&dir, age) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "what an earlier worker left unfinished cannot be removed");
            }
            _ => {}
        }
    }
    true
}
