//! Certificates that Tidegate issues: their renewal at run time, after a time without power, and by another
//! authority.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tidegate_harness::{Backend, GatewayDocument, HTTP_PORT, Tidegate, WebSocket, loopback, wait_for};
use tokio::time::Instant;

use crate::tidegate;

/// Long enough to start a worker, short enough to see several renewals.
const LIFETIME: Duration = Duration::from_secs(6);

/// The certificate that the worker has stored.
fn worker_certificate(tidegate: &Tidegate) -> Vec<u8> {
    std::fs::read(tidegate.data_dir().join("workers/1/worker.pem")).unwrap_or_default()
}

/// Waits until a value has changed this many times.
async fn changes<T: PartialEq>(what: &str, times: usize, mut look: impl AsyncFnMut() -> Option<T>) {
    let mut last = wait_for(what, &mut look).await;
    for _ in 0..times {
        last = wait_for(what, async || look().await.filter(|now| *now != last)).await;
    }
}

fn rotate(data_dir: &Path, binary: &Path, finish: bool) -> std::process::Output {
    let mut command = Command::new(binary);
    command.args(["authority", "rotate", "--data-dir"]).arg(data_dir);
    if finish {
        command.arg("--finish");
    }
    command.output().expect("the test can be set up")
}

#[tokio::test]
async fn certificates_are_renewed_while_everything_runs_and_no_connection_is_lost() {
    let (backend, address) = (Backend::start().await, loopback());
    let tidegate =
        tidegate().option("--certificate-lifetime", &format!("{}s", LIFETIME.as_secs())).start().await;
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    let mut tunnel = WebSocket::connect((address, HTTP_PORT).into(), "a.test", "/chat").await;

    changes("the worker's certificate to be renewed", 2, async || Some(worker_certificate(&tidegate))).await;
    changes("HTTPS to show another certificate", 1, async || tidegate.shown_certificate().await).await;

    tunnel.echo("still there").await;
    tidegate.management_tls().apply_gateway(&document.clone().port("more", 20081)).await;
    let output = tidegate.output();
    assert_eq!(output.matches("worker connected").count(), 1, "the worker stayed in one session: {output}");
}

#[tokio::test]
async fn a_fleet_that_was_powered_off_past_the_end_of_its_certificates_comes_back_by_itself() {
    let (backend, address) = (Backend::start().await, loopback());
    let mut tidegate =
        tidegate().option("--certificate-lifetime", &format!("{}s", LIFETIME.as_secs())).start().await;
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    tidegate.kill();
    tidegate.kill_worker(1).await;
    let (certificate, off) = (worker_certificate(&tidegate), Instant::now());
    wait_for("every certificate to expire", async || (off.elapsed() > LIFETIME).then_some(())).await;

    tidegate.start_again().await;
    tidegate.all_connected().await;
    tidegate.management().apply_gateway(&document.port("more", 20081)).await;
    assert_ne!(worker_certificate(&tidegate), certificate);
    let workers = tidegate.management().get("/workers").await.expect(200).json();
    assert_eq!(workers["value"].as_array().unwrap().len(), 1, "it is the same worker: {workers}");
}

#[tokio::test]
async fn the_authority_is_replaced_without_a_restart_and_without_a_lost_connection() {
    let (backend, address) = (Backend::start().await, loopback());
    let tidegate = tidegate().start().await;
    let (data_dir, binary) = (tidegate.data_dir(), tidegate.binary().to_owned());
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    let mut tunnel = WebSocket::connect((address, HTTP_PORT).into(), "a.test", "/chat").await;
    let certificate = worker_certificate(&tidegate);

    assert!(rotate(&data_dir, &binary, false).status.success());
    wait_for("the worker to get a certificate of the next authority", async || {
        (worker_certificate(&tidegate) != certificate).then_some(())
    })
    .await;
    // Meanwhile the file trusts both authorities.
    tidegate.management_tls().get("/workers").await.expect(200);
    wait_for("the rotation to be finished", async || {
        rotate(&data_dir, &binary, true).status.success().then_some(())
    })
    .await;
    wait_for("HTTPS to show a certificate of the new authority", async || tidegate.shown_certificate().await)
        .await;
    tidegate.management_tls().get("/workers").await.expect(200);

    tunnel.echo("still there").await;
    tidegate.management().apply_gateway(&document.port("more", 20081)).await;
    let output = tidegate.output();
    assert_eq!(output.matches("worker connected").count(), 1, "the worker stayed in one session: {output}");
}
