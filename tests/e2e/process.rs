//! Processes that are killed, stopped and restarted: the durable state survives.

mod certificates;
mod clocks;
mod command_line;
mod full_disk;
mod handover;
mod handover_faults;
mod kill_loops;
mod killed_history;
mod mount;
mod restarts;
mod survivors;
mod suspended;
mod worker;
mod worker_directory;
mod worker_duty;

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{Backend, Behaviour, End, Gateway, GatewayDocument, loopback, wait_for};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::{serves, tidegate};

#[tokio::test]
async fn a_killed_worker_is_replaced_and_serves() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    let old = gateway.tidegate.kill_worker(1).await;
    let end = socket.end().await;
    assert!(matches!(end, End::WithoutCloseFrame | End::Reset), "a dead worker says goodbye: {end:?}");

    gateway.tidegate.worker_other_than(1, old).await;
    serves(&gateway).await;
    gateway.websocket("/chat").await.echo("again").await;
    let changed = gateway.document.clone().port("more", 20081);
    gateway.apply(changed).await;
}

#[tokio::test]
async fn of_two_workers_one_may_die() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    wait_for("both workers to run the gateway", async || {
        (gateway.management().workers_of(gateway.id()).await.len() == 2).then_some(())
    })
    .await;
    let old = gateway.tidegate.kill_worker(1).await;
    for _ in 0..10 {
        gateway.get("/other-one").await.expect(200);
    }
    gateway.tidegate.worker_other_than(1, old).await;
}

#[tokio::test]
async fn a_worker_killed_while_the_control_plane_is_away_comes_back_with_it() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let before = gateway.management().get(gateway.id()).await.json();

    gateway.tidegate.kill();
    let old = gateway.tidegate.kill_worker(1).await;
    assert!(TcpStream::connect(gateway.http()).await.is_err(), "nobody listens");

    gateway.tidegate.start_again().await;
    gateway.tidegate.worker_other_than(1, old).await;
    serves(&gateway).await;
    gateway.management().provisioning_state(gateway.id(), "Succeeded").await;
    assert_eq!(gateway.management().get(gateway.id()).await.json()["etag"], before["etag"]);
    let changed = gateway.document.clone().port("more", 20081);
    gateway.apply(changed).await;
}

#[tokio::test]
async fn every_acknowledged_write_outlives_a_kill_at_any_moment() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    tidegate.management().put(document.id(), document.body()).await.expect(201);
    for round in 0..5u16 {
        let port = document.child_id("frontendPorts", &format!("port{round}"));
        let body = json!({"properties": {"port": 21000 + round}});
        let acknowledged = tidegate.management().put(&port, &body).await.expect(201).json();
        tidegate.kill();
        tidegate.start_again().await;
        let seen = tidegate.management().get(&port).await.expect(200).json();
        assert_eq!(seen["etag"], acknowledged["etag"]);
        assert_eq!(seen["properties"]["port"], 21000 + round);
        let all = tidegate.management().get(&format!("{}/frontendPorts", document.id())).await.json();
        assert_eq!(all["value"].as_array().unwrap().len(), usize::from(round) + 2);
    }
}

#[tokio::test]
async fn a_kill_among_writes_leaves_each_whole_or_absent() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let address = loopback();
    let gateway = |number: u16| {
        GatewayDocument::forwarding(&format!("gateway{number}"), address, &[address.into()])
            .port("http", 21000 + number)
    };
    for round in 0..3u16 {
        let base = round * 20;
        let management = tidegate.management();
        let mut writers = tokio::task::JoinSet::new();
        for number in base..base + 20 {
            let (management, document) = (management.clone(), gateway(number));
            writers.spawn(async move { management.put(document.id(), document.body()).await.status });
        }
        // After the third response, in the middle of the writes.
        for _ in 0..3 {
            assert_eq!(writers.join_next().await.unwrap().unwrap(), 201);
        }
        tidegate.kill();
        writers.shutdown().await;
        tidegate.start_again().await;
        let mut found = 0;
        for number in base..base + 20 {
            let answer = tidegate.management().get(gateway(number).id()).await;
            if answer.status == 200 {
                found += 1;
                let properties = &answer.json()["properties"];
                for collection in
                    ["frontendPorts", "httpListeners", "backendAddressPools", "requestRoutingRules"]
                {
                    assert_eq!(
                        properties[collection].as_array().unwrap().len(),
                        1,
                        "gateway{number} {collection}"
                    );
                }
            }
        }
        assert!(found >= 3, "{found} gateways of three acknowledged");
    }
}

#[tokio::test]
async fn sigterm_lets_running_requests_end_well() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::Held);
    let address = gateway.http();
    let mut client = gateway.client().await;
    let request = client.get("/held");
    let stop = async {
        backend.request("/held").await;
        gateway.tidegate.terminate();
        wait_for("new connections to be refused", async || TcpStream::connect(address).await.err()).await;
        backend.release();
    };
    let (answer, ()) = tokio::join!(request, stop);
    answer.expect(200);
    assert!(gateway.tidegate.exited_successfully().await, "the exit code tells of a failure");
    assert!(gateway.tidegate.processes().is_empty(), "no process is left");
}

#[tokio::test]
async fn sigterm_lets_a_request_be_finished_that_has_begun() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /begun HTTP/1.1\r\nHo").await;
    // The worker has received the change by now, and so it receives the stop that follows.
    gateway.get("/other").await.expect(200);
    gateway.tidegate.terminate();
    wait_for("the listener to be closed", async || TcpStream::connect(gateway.http()).await.err()).await;
    client.write("st: a\r\n\r\n").await;
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (200, Some("close")));
    assert!(gateway.tidegate.exited_successfully().await);
}

#[tokio::test]
async fn the_end_of_its_terminal_stops_it_in_order() {
    let mut tidegate = tidegate().start().await;
    tidegate.worker_pid(1).await;
    tidegate.hang_up();
    assert!(tidegate.exited_successfully().await);
    assert!(tidegate.processes().is_empty(), "no process is left");
}

#[tokio::test]
async fn tunnels_get_the_drain_timeout_and_no_more() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().option("--drain-timeout", "2s"), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    let since = Instant::now();
    gateway.tidegate.terminate();
    socket.echo("while it drains").await;
    socket.end().await;
    let passed = since.elapsed();
    assert!(passed >= Duration::from_millis(1800), "it was cut after {passed:?}");
    assert!(gateway.tidegate.exited_successfully().await);
    assert!(gateway.tidegate.processes().is_empty());
}

#[tokio::test]
async fn a_second_interrupt_is_obeyed_at_once() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    let since = Instant::now();
    gateway.tidegate.interrupt();
    wait_for("new connections to be refused", async || TcpStream::connect(gateway.http()).await.err()).await;
    socket.echo("while it drains").await;
    gateway.tidegate.interrupt();
    socket.end().await;
    gateway.tidegate.exited_successfully().await;
    assert!(since.elapsed() < Duration::from_secs(15), "it took {:?} of a drain of 30 s", since.elapsed());
    assert!(gateway.tidegate.processes().is_empty());
}

#[tokio::test]
async fn a_stop_without_traffic_does_not_wait() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    // An idle keep-alive connection does not delay the stop.
    let mut client = gateway.client().await;
    client.get("/x").await.expect(200);
    let since = Instant::now();
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "it took {:?} of a drain timeout of 30 s",
        since.elapsed()
    );
    wait_for("the idle connection to be closed", async || client.is_closed().then_some(())).await;
}

#[tokio::test]
async fn a_stop_and_a_start_bring_everything_back() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let before = gateway.management().get(gateway.id()).await.json();
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    gateway.tidegate.start_again().await;
    serves(&gateway).await;
    gateway.management().provisioning_state(gateway.id(), "Succeeded").await;
    assert_eq!(gateway.management().get(gateway.id()).await.json(), before);
}
