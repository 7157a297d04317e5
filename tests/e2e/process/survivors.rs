//! A control plane that is killed and restarted: which of its workers it adopts, and which it replaces.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{Backend, Gateway, GatewayDocument, loopback, wait_for};

use crate::{serves, tidegate};

#[tokio::test]
async fn traffic_and_tunnels_outlive_a_killed_control_plane() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    let worker = gateway.tidegate.worker_pid(1).await;

    gateway.tidegate.kill();
    for _ in 0..5 {
        gateway.get("/orphaned").await.expect(200);
        socket.echo("orphaned").await;
    }

    gateway.tidegate.start_again().await;
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    gateway.apply(changed).await;
    assert!(gateway.get("/changed").await.expect(200).text().contains("changed.test"));
    socket.echo("through it all").await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the same worker was taken back");
    assert_eq!(gateway.tidegate.processes().len(), 2, "and no second one started");
}

#[tokio::test]
async fn fewer_workers_after_a_restart_stop_the_others() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    gateway.tidegate.worker_pid(2).await;
    gateway.tidegate.kill();
    gateway.tidegate.set_workers(1);
    gateway.tidegate.start_again().await;
    wait_for("the surplus worker to end", async || gateway.tidegate.live_worker(2).is_none().then_some(()))
        .await;
    gateway.get("/x").await.expect(200);
}

#[tokio::test]
async fn workers_that_were_taken_back_are_stopped_like_any_others() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    let before = [gateway.tidegate.worker_pid(1).await, gateway.tidegate.worker_pid(2).await];
    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    wait_for("both to be connected again", async || {
        (gateway.management().connected_workers().await == 2).then_some(())
    })
    .await;
    assert_eq!([gateway.tidegate.live_worker(1), gateway.tidegate.live_worker(2)], before.map(Some));
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await, "the exit code tells of a failure");
    assert!(gateway.tidegate.processes().is_empty(), "no process is left");
}

#[tokio::test]
async fn a_worker_that_dials_where_nobody_listens_any_more_is_replaced() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let old = gateway.tidegate.worker_pid(1).await;
    gateway.tidegate.kill();
    gateway.tidegate.change_channel();
    gateway.tidegate.start_again().await;
    gateway.tidegate.worker_other_than(1, old).await;
    serves(&gateway).await;
    let changed = gateway.document.clone().port("more", 20081);
    gateway.apply(changed).await;
    assert_eq!(gateway.tidegate.processes().len(), 2, "the old one is gone");
}

#[tokio::test]
async fn a_worker_that_a_lost_database_has_forgotten_joins_again() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    gateway.tidegate.kill();
    for name in ["tidegate.db", "tidegate.db-wal", "tidegate.db-shm"] {
        let path = gateway.tidegate.data_dir().join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    gateway.tidegate.start_again().await;
    let document = gateway.document.clone();
    gateway.apply(document).await;
    gateway.get("/again").await.expect(200);
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the same one, with another identity");
}

#[tokio::test]
async fn starts_that_are_killed_at_any_moment_leave_no_worker_lost() {
    let backend = Backend::start().await;
    let mut tidegate = tidegate().workers(2).start().await;
    tidegate.terminate();
    assert!(tidegate.exited_successfully().await);
    // The first start: keys, database, tokens and identities do not exist yet.
    tidegate.forget_everything();
    for round in 0..10 {
        tidegate.start_and_kill_after(Duration::from_millis(40 * round)).await;
    }
    tidegate.start_again().await;
    wait_for("every worker to connect", async || {
        (tidegate.management().connected_workers().await == 2).then_some(())
    })
    .await;
    let document = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    assert_eq!(tidegate.processes().len(), 3, "a supervisor and two workers");
}
