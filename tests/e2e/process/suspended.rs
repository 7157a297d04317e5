//! Processes that are stopped by SIGSTOP: their sockets stay open, and nobody reads from them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tidegate_harness::{BACKEND_PORT, Backend, Gateway, Peer, loopback, resume, suspend, wait_for};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::tidegate;

const REQUEST: &str = "GET /x HTTP/1.1\r\nHost: gateway.test\r\n\r\n";

/// Sends a request on each of this many connections, and returns the responses as they arrive.
async fn ask(gateway: &Gateway, clients: usize) -> JoinSet<u16> {
    let mut asked = JoinSet::new();
    for _ in 0..clients {
        let mut client: Peer = gateway.peer().await;
        client.write(REQUEST).await;
        asked.spawn(async move { client.read_head().await.status() });
    }
    asked
}

#[tokio::test]
async fn who_stands_still_for_fifteen_seconds_counts_as_gone_and_catches_up() {
    // In parallel, because both last as long as the silence limit.
    tokio::join!(a_worker_stands_still(), a_control_plane_stands_still());
}

/// The control plane reports it, and the other worker serves meanwhile.
async fn a_worker_stands_still() {
    let backend = Backend::start().await;
    let builder = tidegate().workers(2).option("--rollout-timeout", "2s");
    let gateway = Gateway::start(builder, &[backend.ip()]).await;
    let management = gateway.management();
    let mut tunnels = Vec::new();
    for _ in 0..20 {
        tunnels.push(gateway.websocket("/chat").await);
    }
    let worker = gateway.tidegate.worker_pid(1).await;
    suspend(worker).await;

    // The kernel spreads new connections over both workers: those of the suspended one wait.
    let mut asked = ask(&gateway, 40).await;
    assert!(matches!(asked.join_next().await, Some(Ok(200))));
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    let begun = management.put(changed.id(), changed.body()).await.expect(200);
    let operation = management.operation(&begun).await;
    assert_eq!(operation.status, "Failed");
    let message = operation.error["message"].as_str().expect("a failure has a message");
    assert!(message.contains("Not applied within 2 s by worker"), "{message}");
    let told = management.get("/workers").await.expect(200).json();
    assert_eq!(told["failed"][0]["reason"], message, "{told}");
    wait_for("the worker to count as gone", async || {
        (management.connected_workers().await == 1).then_some(())
    })
    .await;
    management.provisioning_state(gateway.id(), "Succeeded").await;

    resume(worker);
    let answers = asked.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    wait_for("both to run what is wanted", async || {
        let workers = management.workers_of(gateway.id()).await;
        let newest = workers.iter().map(|worker| worker["generation"].as_u64()).max();
        (workers.len() == 2 && workers.iter().all(|worker| Some(worker["generation"].as_u64()) == newest))
            .then_some(())
    })
    .await;
    for _ in 0..20 {
        assert!(gateway.get("/x").await.expect(200).text().contains("changed.test"));
    }
    for tunnel in &mut tunnels {
        tunnel.echo("through it all").await;
    }
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "it was not replaced");
}

/// Requests are served without the control plane, which continues where it was.
async fn a_control_plane_stands_still() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let mut tunnel = gateway.websocket("/chat").await;
    let worker = gateway.tidegate.worker_pid(1).await;
    suspend(gateway.tidegate.pid()).await;
    for _ in 0..5 {
        gateway.get("/alone").await.expect(200);
        tunnel.echo("alone").await;
    }
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    let goes_on = async {
        wait_for("the worker to notice", async || {
            gateway.tidegate.output().contains("the control plane is silent").then_some(())
        })
        .await;
        gateway.websocket("/chat").await.echo("still alone").await;
        resume(gateway.tidegate.pid());
    };
    // The write is sent meanwhile, and answered once the control plane continues.
    let (answer, ()) = tokio::join!(management.apply_gateway(&changed), goes_on);
    assert_eq!(answer["properties"]["provisioningState"], "Succeeded");
    assert!(gateway.get("/changed").await.expect(200).text().contains("changed.test"));
    tunnel.echo("through it all").await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "it was not replaced");
}

#[tokio::test]
async fn a_backend_that_stands_still_is_found_down_and_comes_back() {
    let steady = Backend::start().await;
    let frozen = loopback();
    let mut echo = Command::new(crate::BINARY)
        .args(["echo", "--listen", &format!("{frozen}:{BACKEND_PORT}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = echo.id().unwrap();
    wait_for("the backend to listen", async || TcpStream::connect((frozen, BACKEND_PORT)).await.ok()).await;
    let probed = |document: tidegate_harness::GatewayDocument| document.probed(&json!({}), &json!({}));
    let gateway = Gateway::start_with(tidegate(), &[steady.ip(), frozen.into()], probed).await;
    let (management, member) = (gateway.management(), frozen.to_string());
    management.member_health(gateway.id(), &member, "Up").await;

    suspend(pid).await;
    // The kernel still accepts connections for it.
    TcpStream::connect((frozen, BACKEND_PORT)).await.unwrap();
    management.member_health(gateway.id(), &member, "Down").await;
    let before = steady.requests().len();
    for _ in 0..4 {
        gateway.get("/x").await.expect(200);
        gateway.websocket("/x").await.echo("x").await;
    }
    assert_eq!(steady.requests().len(), before + 8);

    resume(pid);
    management.member_health(gateway.id(), &member, "Up").await;
    let before = steady.requests().len();
    for _ in 0..4 {
        gateway.get("/y").await.expect(200);
    }
    assert_eq!(steady.requests().len(), before + 2, "they take turns");
    echo.start_kill().unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), echo.wait()).await;
}
