//! Handover: a process that is started over a running one takes over. No client is refused, and tunnels stay open.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_harness::{
    Backend, Gateway, GatewayDocument, HTTP_PORT, HttpClient, Tidegate, TidegateBuilder, WebSocket, Worker,
    loopback, wait_for,
};
use tidegate_shared::handover::{HandoverConnection, TakeOver, TakeOverError};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use crate::{BINARY, tidegate};

/// Clients that connect to the gateway and to the REST API repeatedly, and fail the test if one is refused, reset
/// or answered with an error.
struct Clients {
    stop: Arc<AtomicBool>,
    clients: JoinSet<u32>,
}

impl Clients {
    /// Starts two clients of the gateway and one of the REST API.
    fn of(gateway: &Gateway) -> Clients {
        let (http, management) = (gateway.http(), gateway.tidegate.management_address());
        Clients::new(&[(http, "/served"), (http, "/served"), (management, "/healthz")])
    }

    fn new(targets: &[(SocketAddr, &'static str)]) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for &(address, path) in targets {
            let stop = stop.clone();
            clients.spawn(async move {
                let mut answered = 0;
                // The limit is far beyond what a test needs.
                while !stop.load(Ordering::Relaxed) && answered < 1_000_000 {
                    let mut client = HttpClient::connect(address, "a.test").await;
                    client.get(path).await.expect(200);
                    answered += 1;
                }
                answered
            });
        }
        Clients { stop, clients }
    }

    async fn were_all_served(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.clients.join_all().await.into_iter().all(|answered| answered > 0));
    }
}

/// Copies the executable, like an upgraded package.
fn copy_of_the_binary(tidegate: &Tidegate) -> PathBuf {
    let copy = tidegate.directory().join("tidegate-next");
    std::fs::copy(BINARY, &copy).expect("a test can write to its directory");
    copy
}

#[tokio::test]
async fn an_upgrade_refuses_nobody_and_lets_tunnels_run_out() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    let old = [gateway.tidegate.worker_pid(1).await, gateway.tidegate.worker_pid(2).await];
    let mut socket = gateway.websocket("/chat").await;
    let clients = Clients::of(&gateway);
    let next = copy_of_the_binary(&gateway.tidegate);
    gateway.tidegate.set_binary(next);
    assert!(gateway.tidegate.take_over().await.success(), "the exit code of the first one");
    for (slot, old) in [1, 2].into_iter().zip(old) {
        gateway.tidegate.worker_other_than(slot, old).await;
    }
    // Changes reach the new workers, even while the old ones drain.
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    gateway.apply(changed).await;
    assert!(gateway.get("/changed").await.expect(200).text().contains("changed.test"));
    socket.echo("through the old worker").await;
    clients.were_all_served().await;
    drop(socket);
    wait_for("the old workers to end", async || {
        let running = gateway.tidegate.processes();
        (running.len() == 3 && !old.iter().any(|old| running.contains(old))).then_some(())
    })
    .await;
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    assert!(gateway.tidegate.processes().is_empty());
}

#[tokio::test]
async fn a_control_plane_that_is_replaced_by_an_equal_one_keeps_its_workers() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let mut socket = gateway.websocket("/chat").await;
    let clients = Clients::of(&gateway);
    for _ in 0..3 {
        assert!(gateway.tidegate.take_over().await.success());
        let document = gateway.document.clone();
        gateway.apply(document).await;
        socket.echo("nobody has noticed").await;
    }
    clients.were_all_served().await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker));
    assert_eq!(gateway.tidegate.processes().len(), 2);
}

#[tokio::test]
async fn workers_with_other_options_take_over_the_sockets_they_need() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().threads(3), &[backend.ip()]).await;
    let clients = Clients::of(&gateway);
    for threads in [1, 4] {
        let old = gateway.tidegate.worker_pid(1).await;
        gateway.tidegate.set_threads(threads);
        assert!(gateway.tidegate.take_over().await.success());
        gateway.tidegate.worker_other_than(1, old).await;
        let document = gateway.document.clone();
        gateway.apply(document).await;
    }
    clients.were_all_served().await;
}

/// Asks to take over at a socket, like a successor.
pub(super) async fn ask(path: PathBuf) -> Result<TakeOver, TakeOverError> {
    let asked = spawn_blocking(move || TakeOver::ask::<Value>(&path, |_, _| Ok(())));
    asked.await.expect("it does not panic")
}

#[tokio::test]
async fn a_successor_that_fails_changes_nothing() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let mut socket = gateway.websocket("/chat").await;
    let clients = Clients::of(&gateway);
    let data_dir = gateway.tidegate.data_dir();
    for handover in ["workers/1/handover", "handover"] {
        for round in 0..3 {
            drop(ask(data_dir.join(handover)).await.unwrap());
            // Also a connection that sends nothing, and one that sends another message.
            let connection = HandoverConnection::connect(&data_dir.join(handover)).unwrap();
            if round > 0 {
                connection.send(&json!({"Part": round}), &[]).unwrap();
            }
            drop(connection);
            let changed = gateway.document.clone().port(&format!("more-{round}"), 20081 + round);
            gateway.apply(changed).await;
            socket.echo("still there").await;
        }
    }
    clients.were_all_served().await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker));
    assert!(gateway.tidegate.take_over().await.success(), "a real one gets its turn");
}

#[tokio::test]
async fn a_stop_during_a_takeover_that_fails_ends_everything() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    let handover = gateway.tidegate.data_dir().join("handover");
    let successor = ask(handover).await.unwrap();
    gateway.tidegate.terminate();
    drop(successor);
    assert!(gateway.tidegate.exited_successfully().await);
    assert!(gateway.tidegate.processes().is_empty(), "a worker is left");
}

#[tokio::test]
async fn a_worker_that_stops_gives_its_place_to_nobody() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let _socket: WebSocket = gateway.websocket("/chat").await;
    let handover = gateway.tidegate.data_dir().join("workers/1/handover");
    gateway.tidegate.terminate();
    wait_for("the socket to be gone", async || (!handover.exists()).then_some(())).await;
    let refused = ask(handover).await.unwrap_err();
    assert!(matches!(refused, TakeOverError::Io(_)), "{refused}");
}

/// A service manager that reads all the time: a full queue would block the processes that notify it.
struct Manager {
    heard: Arc<Mutex<Vec<String>>>,
    path: PathBuf,
    _reader: JoinSet<()>,
}

impl Manager {
    fn start(directory: &Path) -> Manager {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a test can have a socket");
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (lines, mut reader) = (heard.clone(), JoinSet::new());
        reader.spawn(async move {
            let mut message = [0; 512];
            while let Ok(length) = socket.recv(&mut message).await {
                let text = String::from_utf8_lossy(&message[..length]);
                lines.lock().expect("nobody panics with it").extend(text.lines().map(str::to_owned));
            }
        });
        Manager { heard, path, _reader: reader }
    }

    /// Returns a builder of a service of this manager, with a watchdog that expects a message each 200 ms.
    fn service(&self) -> TidegateBuilder {
        let path = self.path.display().to_string();
        tidegate().environment("NOTIFY_SOCKET", &path).environment("WATCHDOG_USEC", "200000")
    }

    /// Forgets all lines that have come.
    fn forget(&self) {
        self.heard.lock().expect("nobody panics with it").clear();
    }

    /// Waits for a line, and forgets all lines before it.
    async fn hears(&self, line: &str) {
        wait_for(&format!("the service manager to hear {line}"), async || {
            let mut heard = self.heard.lock().expect("nobody panics with it");
            let at = heard.iter().position(|other| other == line)?;
            heard.drain(..=at);
            Some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_service_manager_hears_of_the_start_the_successor_and_the_stop() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let manager = Manager::start(directory.path());
    let mut gateway = Gateway::start(manager.service(), &[backend.ip()]).await;
    let first = gateway.tidegate.pid();
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;
    let clients = Clients::of(&gateway);
    gateway.tidegate.signal_successor();
    let second = gateway.tidegate.successor().await;
    assert_ne!(first, second);
    manager.hears(&format!("MAINPID={second}")).await;
    manager.hears("WATCHDOG=1").await;
    let document = gateway.document.clone();
    gateway.apply(document).await;
    clients.were_all_served().await;
    gateway.tidegate.terminate_successor(second);
    manager.hears("STOPPING=1").await;
}

#[tokio::test]
async fn the_watchdog_hears_of_a_process_that_waits_for_its_successor() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let manager = Manager::start(directory.path());
    let mut gateway = Gateway::start(manager.service(), &[backend.ip()]).await;
    let handover = gateway.tidegate.data_dir().join("handover");
    let successor = ask(handover).await.unwrap();
    manager.forget();
    for _ in 0..5 {
        manager.hears("WATCHDOG=1").await;
    }
    drop(successor);
    let document = gateway.document.clone();
    gateway.apply(document).await;
}

#[tokio::test]
async fn a_third_process_ends_the_worker_that_drains_since_the_first() {
    let backend = Backend::start().await;
    let builder = tidegate().option("--drain-timeout", "10m");
    let mut gateway = Gateway::start(builder, &[backend.ip()]).await;
    let first = gateway.tidegate.worker_pid(1).await;
    let mut socket = gateway.websocket("/chat").await;
    let mark = gateway.tidegate.data_dir().join(format!("workers/1/draining-{first}"));
    for threads in [2, 3] {
        let old = gateway.tidegate.worker_pid(1).await;
        gateway.tidegate.set_threads(threads);
        assert!(gateway.tidegate.take_over().await.success());
        gateway.tidegate.worker_other_than(1, old).await;
        wait_for("the first worker to drain", async || mark.exists().then_some(())).await;
    }
    gateway.tidegate.terminate();
    let third = gateway.tidegate.pid();
    wait_for("the other workers to end", async || {
        let mut running = gateway.tidegate.processes();
        running.sort_unstable();
        (running == [first.min(third), first.max(third)]).then_some(())
    })
    .await;
    socket.echo("through the first worker").await;
    gateway.tidegate.interrupt();
    gateway.tidegate.exited_successfully().await;
    assert!(gateway.tidegate.processes().is_empty(), "the first worker is left");
}

#[tokio::test]
async fn a_client_without_a_handshake_delays_no_takeover() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    // The time limit of a handshake. A busy machine may make a takeover as slow, but not each of them.
    let limit = Duration::from_secs(10);
    for round in 0.. {
        let since = Instant::now();
        let silent = TcpStream::connect(gateway.tidegate.management_tls_address()).await.unwrap();
        assert!(gateway.tidegate.take_over().await.success());
        drop(silent);
        if since.elapsed() < limit {
            break;
        }
        assert!(round < 3, "each takeover waits for the client");
    }
}

#[tokio::test]
async fn a_worker_alone_is_succeeded_like_any_other() {
    let backend = Backend::start().await;
    let (tidegate, address) = (tidegate().control_plane_alone().start().await, loopback());
    let mut worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    let address = (address, HTTP_PORT).into();
    let mut socket = WebSocket::connect(address, "a.test", "/chat").await;
    let clients = Clients::new(&[(address, "/served")]);
    let mut first = worker.start_successor().await;
    socket.echo("through the first").await;
    drop(socket);
    assert!(first.exit().await.success());
    let changed = document.port("more", 20081);
    tidegate.management().apply_gateway(&changed).await;
    clients.were_all_served().await;
}
