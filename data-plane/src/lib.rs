//! The data plane: a worker process that owns sockets, TLS, health probes and WebSocket tunnels.
//!
//! A worker runs its last configuration from the control plane, and continues without the control plane. It knows
//! snapshots, and must not know ARM documents.
//!
//! The main thread talks to the control plane ([`control`]), is the only writer of the configuration ([`worker`]),
//! probes backends ([`probe`]) and resolves their names ([`resolver`]). Each data thread ([`thread`]) has its own
//! runtime, listening sockets ([`listener`]) and upstream connections. To follow a request, read [`proxy`] from the
//! top; to follow a WebSocket, [`proxy::tunnel`].

mod access_log;
mod address_text;
mod alarm;
mod backend;
mod body;
mod client_rate;
mod config;
mod control;
mod data_dir;
mod dial;
mod downstream;
mod drain;
mod drain_deadline;
mod drain_schedule;
mod error_info;
mod handover;
mod health;
mod hosts;
mod identity;
mod last_good;
mod limits;
mod listener;
mod live_tunnel;
mod local_reply;
mod member;
mod metrics;
mod on_demand;
mod pool_state;
mod prefixes;
mod probe;
mod process;
mod proxy;
mod pump;
mod read_buffer;
mod registry;
mod reserved_headers;
mod resolver;
mod run_error;
mod runtime;
mod short_time;
mod side_thread;
mod sockets;
mod spare_heads;
mod spool;
mod stream;
mod tcp;
mod tcp_diag;
mod thread;
mod threads;
mod tls;
mod tokens;
mod trace;
mod transaction_id;
mod tunnel_history;
mod tunnel_list;
mod upstream;
mod websocket;
mod worker;

use std::path::Path;
use std::rc::Rc;

use tidegate_shared::{private_file, service_manager};
use tokio::runtime::{Builder, LocalOptions};
use tokio_util::sync::CancellationToken;

use access_log::Instance;
pub use config::{AccessLog, Config, MetricsPage, MinRate, Rotation, Timeouts};
use control::Link;
use data_dir::DataDir;
pub use data_dir::draining_marks;
pub use handover::HANDOVER_FILE;
use identity::WorkerIdentity;
use last_good::LastGood;
use limits::ConnectionLimit;
use metrics::Metrics;
use process::{MetricsServer, WorkerProcess};
pub use run_error::RunError;
use spool::SpoolQuota;
use threads::Threads;
use tokens::Tokens;
use trace::Exporter;
use worker::Worker;

/// Returns true if a worker in this data directory can start without a token: it has joined before, or has a last
/// good snapshot.
pub fn can_start_without_token(data_dir: &Path) -> bool {
    WorkerIdentity::at(data_dir).exists(None) || LastGood::is_kept_in(data_dir)
}

/// Runs a worker on the calling thread and its data threads until `stop`; then drains and returns.
///
/// # Errors
/// The worker cannot start. An unreachable control plane is no error.
pub fn run(config: Config, stop: &CancellationToken) -> Result<(), RunError> {
    private_file::create_dir(&config.data_dir)?;
    let (data_dir, mut inherited) = DataDir::occupy(&config.data_dir)?;
    let is_writable = data_dir.tidy_up();
    let identity = WorkerIdentity::at(&config.data_dir);
    let tokens = Tokens::of(&config.data_dir, config.token.clone());
    if tokens.newest().is_none() && !can_start_without_token(&config.data_dir) {
        return Err(RunError::NoToken(config.data_dir));
    }
    let last_good = LastGood::open(&config.data_dir);
    let instance = Instance::default();
    instance.set(identity.name().unwrap_or_default());
    let log = access_log::Writer::start(&config.access_log, config.access_log_rotation, instance.clone())?;
    let spans = Exporter::start(config.otlp_endpoint.as_deref())?;
    let connection_limit = ConnectionLimit::raise(config.connections_per_address);
    let spool_quota = SpoolQuota::new(config.data_dir.join("buffers"), config.buffer_space);
    if let Err(error) = spool_quota.prepare()
        && is_writable
    {
        tracing::warn!(%error, "bodies cannot be buffered on disk");
    }
    let threads = Rc::new(Threads::start(&config, &log, &spans, &connection_limit, &spool_quota)?);
    let metrics = Metrics::new(connection_limit, log.dropped.clone(), spans.dropped.clone());
    let (drain_timeout, page) = (config.drain_timeout, config.metrics);
    let control_plane = config.control_plane.clone();
    let mut worker = Worker::new(config, threads.clone(), last_good, metrics.clone(), is_writable);

    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let (ended, draining_mark) = runtime.block_on(async {
        let page_socket = inherited.metrics.take();
        worker.take_over(inherited);
        worker.resume().await;
        let page = MetricsServer::show(page, page_socket, metrics).await;
        let address = page.as_ref().map(MetricsServer::address);
        let link = Link::new(&control_plane, identity, tokens, address, instance);
        let mut process = WorkerProcess { data_dir, threads: &threads, link, page, predecessor: None };
        let ended = tokio::select! {
            ended = process.serve(&mut worker, stop) => ended,
            never = service_manager::keep_alive() => match never {},
        };
        tracing::info!(timeout_s = drain_timeout.as_secs(), "stopping: draining connections");
        worker.stop();
        // From here on a successor may use the data directory and the metrics port.
        let mark = process.release(drain_timeout);
        threads.drain(drain_timeout).await;
        (ended, mark)
    });
    drop(worker);
    drop(runtime);
    if let Some(threads) = Rc::into_inner(threads) {
        threads.join();
    }
    log.finish();
    spans.finish();
    drop(draining_mark);
    ended
}
