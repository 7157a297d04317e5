//! `tidegate demo`: shows a gateway at work, started from nothing, with explanations on the screen.
//!
//! Nothing is simulated: the workers are processes under the real supervisor, the gateway is created by a PUT to
//! the REST API, and the messages go through its listeners.

mod backend;
mod client;
mod gateway;
mod management;
mod screen;

use std::error::Error;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_control_plane::{AddressPool, FetchDeny, LocalWorkers, UnservedTypes};
use tidegate_data_plane::{AccessLog, MetricsPage};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::gateway::DemoGateway;
use self::management::Management;
use self::screen::{Hints, say};
use crate::cli::{
    ControlPlaneOptions, DemoOptions, DownstreamOptions, EchoOptions, UpOptions, WorkerOptions,
};
use crate::control_plane::{LocalControlPlane, TOKEN_FILE};
use crate::data_dir_lock::DataDirLock;
use crate::logging;
use crate::outcome::CommandResult;
use crate::stop::Stop;
use crate::supervisor::{self, WorkerPlan};

/// The number of log lines that are shown when the demo fails.
const LOG_TAIL: usize = 20;

/// Runs the whole demo, then waits for a stop, or ends at once with `--once`.
///
/// # Errors
/// The error of the step that failed.
pub(crate) async fn run(options: &DemoOptions, log: &str, executable: &Path, stop: &Stop) -> CommandResult {
    let dir = tempfile::Builder::new().prefix("tidegate-demo-").tempdir()?;
    let files = Files::new(dir.path());
    // The worker appends to the same file.
    logging::init_file(log, File::options().create(true).append(true).open(&files.log)?)?;
    let (first, second) = bind_backends().await?;
    let backends = [first.local_addr()?, second.local_addr()?];
    say(&format!("Two echo backends listen on {} and {}.", backends[0], backends[1]));
    let outcome = tokio::select! {
        outcome = with_gateway(options, &files, backends, log, executable, stop) => outcome,
        never = backend::serve(first) => match never {},
        never = backend::serve(second) => match never {},
    };
    if outcome.is_err() {
        screen::show_end_of(&files.log, LOG_TAIL);
    }
    let removed = dir.close();
    outcome?;
    Ok(removed?)
}

/// `tidegate echo`: runs one backend until a stop.
///
/// # Errors
/// The address cannot be bound.
pub(crate) async fn echo(options: &EchoOptions, stop: &Stop) -> CommandResult {
    let listener = TcpListener::bind(options.listen).await.map_err(|e| format!("{}: {e}", options.listen))?;
    say(&format!("Echo backend on {}; Ctrl-C ends it.", listener.local_addr()?));
    tokio::select! {
        never = backend::serve(listener) => match never {},
        () = stop.asked.cancelled() => Ok(()),
    }
}

/// The files of the demo, which are deleted at its end.
struct Files {
    data_dir: PathBuf,
    log: PathBuf,
    access_log: PathBuf,
    certificate: PathBuf,
}

impl Files {
    fn new(dir: &Path) -> Files {
        Files {
            data_dir: dir.join("data"),
            log: dir.join("tidegate.log"),
            access_log: dir.join("access.log"),
            certificate: dir.join("certificate.pem"),
        }
    }
}

/// Starts what `up` starts, shows the gateway, and stops everything in order.
async fn with_gateway(
    options: &DemoOptions,
    files: &Files,
    backends: [SocketAddr; 2],
    log: &str,
    executable: &Path,
    stop: &Stop,
) -> CommandResult {
    let up = up_options(files, options);
    let lock = DataDirLock::new(&files.data_dir).await?;
    let control_plane =
        LocalControlPlane::start(&up.control_plane, LocalWorkers::At(up.worker.public_address), lock).await?;
    let addresses = control_plane.addresses();
    let plan = WorkerPlan::new(&up, log, executable, Some(files.log.clone()), addresses.channel);
    say(&format!("A control plane serves its REST API on http://{}, with one worker.", addresses.management));
    let show = async {
        let shown = tokio::select! {
            shown = show(files, addresses.management, backends) => shown,
            () = stop.asked.cancelled() => Err("stopped before the end".into()),
        };
        if shown.is_ok() && !options.once {
            stop.asked.cancelled().await;
        }
        say("Stopping.");
        stop.asked.cancel();
        shown
    };
    let tokens = control_plane.tokens();
    let new_token = async || Ok(tokens.issue().await?);
    let workers = supervisor::run(&new_token, &plan, stop, CancellationToken::new());
    let (workers, shown) = tokio::join!(workers, show);
    let stopped = control_plane.stop(stop).await;
    // The first error is most likely the cause of the others.
    shown.and(workers.map_err(Into::into)).and(stopped)
}

/// Shows the gateway itself.
async fn show(
    files: &Files,
    management: SocketAddr,
    backends: [SocketAddr; 2],
) -> Result<(), Box<dyn Error>> {
    let gateway = DemoGateway::new(free_ports().await?, backends)?;
    std::fs::write(&files.certificate, gateway.certificate())?;
    let token_file = files.data_dir.join(TOKEN_FILE);
    let api = Management::new(management, &token_file)?;
    say("");
    say(&format!("PUT {}", gateway::PATH));
    let took = api.put(gateway::PATH, &gateway.document()).await?;
    say(&format!("  The worker has applied it: the operation succeeded after {} ms.", took.as_millis()));
    let (http, https) = (gateway.http(), gateway.https());
    // Two messages of each kind, because the backends take turns.
    for message in ["hello over ws", "hello again over ws"] {
        say_exchange("ws", http, client::over_ws(http, message).await?);
    }
    for message in ["hello over wss", "hello again over wss"] {
        let certificate = gateway.certificate_der();
        say_exchange("wss", https, client::over_wss(https, gateway::HOST, certificate, message).await?);
    }
    say("");
    screen::show_hints(&Hints {
        management,
        token_file: &token_file,
        certificate: &files.certificate,
        access_log: &files.access_log,
        http,
        https,
    });
    Ok(())
}

fn say_exchange(scheme: &str, address: SocketAddr, (backend, reply): (String, String)) {
    say(&format!("{scheme}://{}:{}/", gateway::HOST, address.port()));
    say(&format!("  Backend {backend} accepted the WebSocket and sent back: {reply}"));
}

fn up_options(files: &Files, options: &DemoOptions) -> UpOptions {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    UpOptions {
        control_plane: ControlPlaneOptions {
            data_dir: files.data_dir.clone(),
            management: any,
            management_tls: any,
            management_cert: None,
            management_key: None,
            channel: any,
            certificate_lifetime: Duration::from_secs(820 * 24 * 60 * 60),
            rollout_timeout: Duration::from_secs(60),
            limit: Vec::new(),
            max_body: 64 << 20,
            trusted_proxies: Vec::new(),
            fetch_deny: FetchDeny::default(),
            key_vault_credentials: None,
            certificate_files: None,
            key_vault_interval: Duration::from_secs(4 * 60 * 60),
            unserved_types: UnservedTypes::Store,
            unknown_properties: options.unknown_properties,
            unserved_protection: options.unserved_protection,
            public_pool: None,
            private_pool: AddressPool::default(),
            map_address: Vec::new(),
            strict_resource_groups: false,
            revisions: 100,
            no_auth: false,
        },
        workers: 1,
        worker: WorkerOptions {
            public_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port_offset: 0,
            dns_server: Vec::new(),
            threads: None,
            // The user who ends the demo does not want to wait for its tunnels.
            drain_timeout: Duration::from_secs(1),
            downstream: DownstreamOptions::DOCUMENTED,
            buffer_space: 1 << 30,
            tunnel_buffer: 0,
            tunnel_history: 10_000,
            access_log: AccessLog::File(files.access_log.clone()),
            access_log_max_size: u64::MAX,
            access_log_keep: 0,
            metrics: MetricsPage::Off,
            otlp_endpoint: None,
        },
    }
}

/// Binds one port at two addresses: the members of a pool share the port of their settings.
async fn bind_backends() -> io::Result<(TcpListener, TcpListener)> {
    let mut failure = None;
    for _ in 0..16 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), first.local_addr()?.port())).await {
            Ok(second) => return Ok((first, second)),
            Err(e) => failure = Some(e),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("no port is free")))
}

/// Finds two free ports for the gateway's listeners.
async fn free_ports() -> io::Result<[u16; 2]> {
    // Both sockets are open at the same time, so that the ports differ.
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}
