//! Processes that are killed repeatedly, at random moments, under load.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tidegate_harness::{
    Backend, Gateway, GatewayDocument, HOST, HTTP_PORT, HttpClient, Management, WebSocket, listening_sockets,
    wait_for,
};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::tidegate;

/// The number of times that the control plane is killed.
const KILLS: usize = 15;

/// The number of tasks that write ports, besides the one that writes settings.
const WRITERS: u16 = 3;

/// The requests and responses of the writing tasks. Each task writes values in sequence, and none twice.
#[derive(Debug, Default)]
struct Written {
    /// The etags of ports whose write was acknowledged, by name.
    acknowledged: BTreeMap<String, Value>,
    /// The numbers of the last host name that was sent, and of the last one that was acknowledged.
    host: (u32, u32),
}

type Writes = RefCell<Written>;

fn port_id(document: &GatewayDocument, name: &str) -> String {
    document.child_id("frontendPorts", name)
}

async fn is_back(management: &Management) {
    wait_for("the control plane to listen", async || TcpStream::connect(management.address()).await.ok())
        .await;
}

/// Creates one port after the other.
async fn write_ports(management: &Management, document: &GatewayDocument, writer: u16, writes: &Writes) {
    for number in (21_000 + writer..).step_by(usize::from(WRITERS)) {
        let name = format!("port{number}");
        let body = json!({"properties": {"port": number}});
        // A write without a response may be stored or not.
        let answer = management.try_put(&port_id(document, &name), &body).await;
        let Some(answer) = answer else {
            is_back(management).await;
            continue;
        };
        let etag = answer.expect(201).json()["etag"].clone();
        writes.borrow_mut().acknowledged.insert(name, etag);
    }
}

/// Writes one host name after the other into the settings.
async fn write_hosts(management: &Management, document: &GatewayDocument, writes: &Writes) {
    let id = document.child_id("backendHttpSettingsCollection", "settings");
    for number in 1.. {
        writes.borrow_mut().host.0 = number;
        let body = json!({"properties":
            {"port": 20800, "protocol": "Http", "requestTimeout": 3600, "hostName": format!("host{number}.test")}});
        let Some(answer) = management.try_put(&id, &body).await else {
            is_back(management).await;
            continue;
        };
        answer.expect(200);
        writes.borrow_mut().host.1 = number;
    }
}

/// Waits until requests to the backend have the stored host name, and returns the number in it.
async fn served_host(gateway: &Gateway, backend: &Backend) -> u32 {
    let settings = gateway.document.child_id("backendHttpSettingsCollection", "settings");
    wait_for("the newest settings to be served", async || {
        let stored = gateway.management().get(&settings).await.expect(200).json();
        let stored = stored["properties"]["hostName"].as_str()?.to_owned();
        gateway.get("/host").await.expect(200);
        let requests = backend.requests();
        let served = requests.last()?.head.header("host")?;
        if served != stored {
            return None;
        }
        served.strip_prefix("host")?.strip_suffix(".test")?.parse().ok()
    })
    .await
}

/// Returns the rows of an SQL query as text, from the database that the control plane has open.
async fn rows(gateway: &Gateway, sql: &'static str) -> Vec<String> {
    let file = gateway.tidegate.data_dir().join("tidegate.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("the database can be read");
    sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("the database can be read")
}

#[tokio::test]
async fn no_acknowledged_write_and_no_tunnel_falls_with_a_control_plane_that_is_killed_again_and_again() {
    let backend = Backend::start().await;
    let builder = tidegate().option("--limit", "frontendPorts=10000");
    let mut gateway = Gateway::start(builder, &[backend.ip()]).await;
    let (management, document) = (gateway.management(), gateway.document.clone());
    let mut tunnel = gateway.websocket("/chat").await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let address = gateway.http();
    let (writes, mut rng) = (Writes::default(), Rng::with_seed(9));
    let acknowledged = || writes.borrow().acknowledged.len();
    let kills = async {
        for kill in 0..KILLS {
            let before = acknowledged();
            wait_for("a write to be acknowledged", async || (acknowledged() > before).then_some(())).await;
            gateway.tidegate.kill_after(Duration::from_micros(rng.u64(..20_000))).await;
            tunnel.echo(&format!("kill {kill}")).await;
            assert_eq!(HttpClient::connect(address, HOST).await.get("/orphaned").await.status, 200);
            gateway.tidegate.start_again().await;
        }
    };
    let ports = (0..WRITERS).map(|writer| write_ports(&management, &document, writer, &writes));
    tokio::select! {
        () = kills => {}
        _ = join_all(ports) => {}
        () = write_hosts(&management, &document, &writes) => {}
    }

    management.provisioning_state(gateway.id(), "Succeeded").await;
    let writes = writes.take();
    assert!(writes.acknowledged.len() >= KILLS, "only {} writes", writes.acknowledged.len());
    let stored = management.get(&port_id(&document, "")).await.expect(200).json();
    let stored: BTreeMap<&str, &Value> = stored["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| (port["name"].as_str().unwrap(), &port["etag"]))
        .collect();
    for (name, etag) in &writes.acknowledged {
        assert_eq!(stored.get(&**name), Some(&etag), "{name} was acknowledged");
    }
    let (sent, heard) = writes.host;
    let served = served_host(&gateway, &backend).await;
    assert!((heard..=sent).contains(&served), "host{served} is served, {heard} was acknowledged of {sent}");
    tunnel.echo("through it all").await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the worker was never replaced");
    assert_eq!(rows(&gateway, "PRAGMA integrity_check").await, ["ok"]);
    assert!(rows(&gateway, "PRAGMA foreign_key_check").await.is_empty(), "rows refer to what is not there");
}

/// Returns the tunnels that survive the kill of all other workers.
async fn carried_by_the_last(gateway: &Gateway, killed: &[usize]) -> Vec<WebSocket> {
    let mut tunnels = Vec::new();
    // The kernel spreads the tunnels: one of so many is certain to be at the last worker.
    for _ in 0..60 {
        tunnels.push(gateway.websocket("/chat").await);
    }
    for slot in killed {
        gateway.tidegate.kill_worker(*slot).await;
    }
    let mut left = Vec::new();
    for mut tunnel in tunnels {
        if tunnel.lives("still there?").await {
            left.push(tunnel);
        }
    }
    assert!(!left.is_empty());
    left
}

/// Returns the pauses after the ends of workers until each was started again, in seconds, as the supervisor
/// logs them.
fn pauses(gateway: &Gateway) -> Vec<String> {
    let output = gateway.tidegate.output();
    let ends = output.lines().filter(|line| line.contains("worker ended"));
    let pause = |line: &str| Some(line.split_once("retry_s=")?.1.split_whitespace().next()?.to_owned());
    ends.filter_map(pause).collect()
}

#[tokio::test]
async fn a_worker_that_is_killed_again_and_again_is_back_after_the_shortest_pause_and_the_others_carry_on() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().workers(3), &[backend.ip()]).await;
    let address = SocketAddrV4::new(gateway.ip(), HTTP_PORT);
    let all_serve = async || {
        wait_for("three workers to serve", async || (listening_sockets(address) == 3).then_some(())).await
    };
    all_serve().await;
    let mut tunnels = carried_by_the_last(&gateway, &[1, 2]).await;
    all_serve().await;

    let mut began = [Instant::now(); 2];
    for kill in 0..8 {
        // A worker that ends within a second of its start is restarted after a longer pause, which is not
        // under test here.
        let since = began[kill % 2];
        wait_for("the worker to be a second old", async || {
            (since.elapsed().as_millis() > 1100).then_some(())
        })
        .await;
        gateway.tidegate.kill_worker(kill % 2 + 1).await;
        assert!(listening_sockets(address) >= 2, "the others listen");
        for _ in 0..5 {
            gateway.get("/another-one").await.expect(200);
        }
        all_serve().await;
        began[kill % 2] = Instant::now();
        for tunnel in &mut tunnels {
            tunnel.echo("carried on").await;
        }
    }
    // The time until a worker serves depends on the machine, the pause before its start does not.
    assert_eq!(pauses(&gateway), ["0.1"; 10]);
}
