//! Buffering: request bodies until they are complete, response bodies while the client is slow.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Backend, Behaviour, Gateway, GatewayDocument, Http2Backend, ManualBackend, Peer, Reason, TidegateBuilder,
    memory_kib, peak_memory_kib, reset_peak_memory, wait_for,
};

use crate::tidegate;

fn holding(mut document: GatewayDocument, what: &str) -> GatewayDocument {
    document.body_mut()["properties"]["globalConfiguration"] = json!({ what: true });
    document
}

async fn start(tidegate: TidegateBuilder, members: &[std::net::IpAddr], what: &str) -> Gateway {
    Gateway::start_with(tidegate, members, |document| holding(document, what)).await
}

const REQUESTS: &str = "enableRequestBuffering";
const RESPONSES: &str = "enableResponseBuffering";

fn body(length: usize) -> String {
    "0123456789abcdef".repeat(length / 16)
}

#[tokio::test]
async fn a_backend_hears_of_a_request_when_it_is_whole() {
    let mut backend = ManualBackend::start().await;
    let gateway = start(tidegate(), &[backend.ip()], REQUESTS).await;
    for (framing, size) in
        [("Content-Length: 524288", 512 * 1024), ("Transfer-Encoding: chunked", 512 * 1024)]
    {
        let mut client = gateway.peer().await;
        client.write(format!("POST /up HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n")).await;
        let whole = body(size);
        let chunk = |text: &str| match framing.starts_with('T') {
            true => format!("{:x}\r\n{text}\r\n", text.len()),
            false => text.to_owned(),
        };
        client.write(chunk(&whole[..size / 2])).await;
        // A later request reaches the backend first: nothing of this one has been sent.
        let mut other = gateway.peer().await;
        other.write("GET /other HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let (head, mut server) = backend.accept().await;
        assert_eq!(head.target(), "/other");
        server.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(other.read_head().await.status(), 200);

        client.write(chunk(&whole[size / 2..])).await;
        if framing.starts_with('T') {
            client.write("0\r\n\r\n").await;
        }
        let (head, mut server) = backend.accept().await;
        assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
        assert_eq!(head.header("transfer-encoding"), None);
        assert!(server.read_exact(size).await == whole.as_bytes(), "the content is another");
        server.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.read_head().await.status(), 200);
    }
}

#[tokio::test]
async fn a_body_that_was_collected_can_be_sent_to_another_backend() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let gateway = start(tidegate(), &[first.ip(), second.ip()], REQUESTS).await;
    first.behave(Behaviour::CloseOnRequest);
    let whole = body(256 * 1024);
    let mut client = gateway.client().await;
    for _ in 0..4 {
        let answer = client.send("PUT", "/twice", &[], whole.clone()).await.expect(200);
        assert!(answer.json()["body"] == whole.as_str(), "the content is another");
    }
    let tried = first.requests().len();
    assert!(tried > 0 && first.requests().iter().all(|request| request.body == whole.as_bytes()));

    // A request that is not idempotent is not sent twice.
    second.behave(Behaviour::CloseOnRequest);
    client.send("POST", "/once", &[], "payment").await.expect(502);
    let seen = [&first, &second].map(|b| b.requests().iter().filter(|r| r.head.target() == "/once").count());
    assert_eq!(seen.iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_request_that_every_backend_breaks_off_is_made_twice_and_no_more() {
    let backends = [Backend::start().await, Backend::start().await, Backend::start().await];
    let gateway = start(tidegate(), &backends.each_ref().map(Backend::ip), REQUESTS).await;
    let mut client = gateway.client().await;
    for _ in &backends {
        // Each backend now has an idle connection.
        client.get("/good").await.expect(200);
    }
    for backend in &backends {
        backend.behave(Behaviour::CloseOnRequest);
    }
    client.send("PUT", "/poison", &[], "x").await.expect(502);
    let seen = |backend: &Backend| backend.requests().iter().filter(|r| r.head.target() == "/poison").count();
    assert_eq!(backends.iter().map(seen).sum::<usize>(), 2);
}

#[tokio::test]
async fn over_http_2_a_request_is_made_again_only_where_nobody_has_looked_at_it() {
    let mut backend = Http2Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        holding(document.settings("settings", &json!({"protocolVersion": "HTTP/2"})), REQUESTS)
    })
    .await;
    let mut client = gateway.client().await;
    let serve = async { backend.call().await.head_alone(&[]) };
    tokio::join!(client.get("/kept"), serve).0.expect(200);
    let fail = async { backend.call().await.reset(Reason::INTERNAL_ERROR) };
    let (failed, ()) = tokio::join!(client.get("/poison"), fail);
    failed.expect(502);

    let whole = body(256 * 1024);
    let answer = async {
        backend.call().await.reset(Reason::REFUSED_STREAM);
        let mut again = backend.call().await;
        assert_eq!(again.request.uri().path(), "/refused", "the one that failed was not made again");
        assert!(again.read_to_end().await == whole.as_bytes(), "the content is another");
        again.head_alone(&[]);
    };
    let (answered, ()) = tokio::join!(client.send("POST", "/refused", &[], whole.clone()), answer);
    answered.expect(200);
}

#[tokio::test]
async fn a_host_that_a_rule_has_set_stays_when_a_request_is_made_again() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[first.ip(), second.ip()], |document| {
        let header = json!([{"headerName": "Host", "headerValue": "inner.test"}]);
        let rules = json!([{"name": "host", "actionSet": {"requestHeaderConfigurations": header}}]);
        let mut document = document
            .child("rewriteRuleSets", "set", &json!({"rewriteRules": rules}))
            .settings("settings", &json!({"hostName": "settings.test"}));
        let set = document.reference("rewriteRuleSets", "set");
        document.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] = set;
        holding(document, REQUESTS)
    })
    .await;
    first.behave(Behaviour::CloseOnRequest);
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send("PUT", "/again", &[], "x").await.expect(200);
    }
    let seen: Vec<_> = first.requests().into_iter().chain(second.requests()).collect();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.head.header("host") == Some("inner.test")));
}

#[tokio::test]
async fn a_body_that_there_is_no_room_for_is_413_and_one_that_others_leave_none_for_503() {
    const MIB: usize = 1024 * 1024;
    let mut backend = ManualBackend::start().await;
    let gateway = start(tidegate().option("--buffer-space", "1MiB"), &[backend.ip()], REQUESTS).await;
    let mut announced = gateway.peer().await;
    announced
        .write(format!("PUT /large HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", 2 * MIB))
        .await;
    let head = announced.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (413, Some("close")));
    let mut chunked = gateway.peer().await;
    chunked.write("PUT /large HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("{:x}\r\n{}\r\n", MIB / 16, body(MIB / 16));
    // The last block exceeds the limit.
    for _ in 0..17 {
        chunked.write(&chunk).await;
    }
    assert_eq!(chunked.read_head().await.status(), 413);

    // The bytes that the backend has not accepted stay on disk, and use up nearly the whole quota.
    let mut holder = gateway.peer().await;
    let size = MIB - 16;
    holder.write(format!("PUT /holder HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n")).await;
    holder.write(&body(size)).await;
    let (_, held) = backend.accept().await;
    let crowded = gateway.client().await.send("PUT", "/crowded", &[], body(MIB / 2)).await.expect(503);
    gateway.access_log().line_with(&["/crowded", "503", "ERRORINFO_GATEWAY_EXHAUSTED"]).await;
    assert_eq!(crowded.header("retry-after"), Some("5"));

    // A client that disconnects frees its share of the quota.
    drop((holder, held));
    let worker = gateway.tidegate.worker_pid(1).await;
    wait_for("the room to be free", async || (bytes_on_disk(worker) == 0).then_some(())).await;
    let serve = async {
        let (_, mut server) = backend.accept().await;
        server.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        server
    };
    let mut client = gateway.client().await;
    let (answer, _server) = tokio::join!(client.send("PUT", "/after", &[], body(MIB / 2)), serve);
    answer.expect(200);
}

/// Counts the bytes of a worker in unlinked files.
fn bytes_on_disk(worker: u32) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{worker}/fd")).expect("the worker runs");
    let waiting = open.flatten().filter(|file| {
        std::fs::read_link(file.path()).is_ok_and(|target| target.to_string_lossy().contains("/buffers/"))
    });
    waiting.filter_map(|file| std::fs::metadata(file.path()).ok()).map(|file| file.len()).sum()
}

#[tokio::test]
async fn a_large_request_is_collected_on_disk_and_not_in_memory() {
    const SIZE: usize = 64 * 1024 * 1024;
    let mut backend = ManualBackend::start().await;
    let gateway = start(tidegate(), &[backend.ip()], REQUESTS).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);
    let whole = body(SIZE);
    let mut client = gateway.peer().await;
    client.write(format!("PUT /large HTTP/1.1\r\nHost: a.test\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    client.write(&whole).await;
    let (_, mut server) = backend.accept().await;
    assert!(server.read_exact(SIZE).await == whole.as_bytes(), "the content is another");
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 24 * 1024, "the worker grew by {grown} KiB");
    let left = std::fs::read_dir(gateway.tidegate.data_dir().join("workers/1/buffers")).unwrap().count();
    assert_eq!(left, 0, "the file has no name");
}

/// Requests a response that the backend sends completely while the client has only read the head.
async fn unread(gateway: &Gateway, backend: &mut ManualBackend, whole: &str) -> (Peer, Peer) {
    let mut client = gateway.peer().await;
    client.write("GET /down HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    server.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len())).await;
    server.write(whole).await;
    assert_eq!(client.read_head().await.status(), 200);
    (client, server)
}

#[tokio::test]
async fn a_slow_client_costs_its_backend_nothing() {
    const SIZE: usize = 64 * 1024 * 1024;
    let mut backend = ManualBackend::start().await;
    let gateway = start(tidegate(), &[backend.ip()], RESPONSES).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);
    let whole = body(SIZE);
    let asked = tokio::time::Instant::now();
    // The write completes: the gateway has read the whole response, though its client reads nothing.
    let (mut client, mut server) = unread(&gateway, &mut backend, &whole).await;
    // The connection is free for another request as soon as the gateway has read the response.
    let serve = async {
        assert_eq!(server.read_head().await.target(), "/next");
        server.write("HTTP/1.1 200 OK\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n").await;
    };
    let serve_others = async {
        loop {
            let (_, mut other) = backend.accept().await;
            other.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        }
    };
    let ask = wait_for("the connection to be used again", async || {
        gateway.get("/next").await.expect(200).header("x-kept").map(drop)
    });
    tokio::select! {
        ((), ()) = async { tokio::join!(serve, ask) } => {}
        () = serve_others => unreachable!(),
    }
    let backend_time = asked.elapsed();
    assert!(client.read_exact(SIZE).await == whole.as_bytes(), "the content is another");
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 24 * 1024, "the worker grew by {grown} KiB");
    // The client's slowness does not count as the backend's time.
    let name = "tidegate_backend_last_byte_duration_seconds";
    let metrics = gateway.tidegate.metrics_when("the response has ended", |metrics| {
        metrics.sum("tidegate_http_sent_bytes_total", &[]) >= SIZE as f64
    });
    let counted = metrics.await.sum(&format!("{name}_sum"), &[]);
    assert!(counted <= 2.0 * backend_time.as_secs_f64(), "{counted} s of {backend_time:?}");
}

#[tokio::test]
async fn without_room_a_slow_reader_slows_the_backend_down() {
    let mut backend = ManualBackend::start().await;
    let gateway = start(tidegate().option("--buffer-space", "1MiB"), &[backend.ip()], RESPONSES).await;
    let mut client = gateway.peer().await;
    client.write("GET /endless HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    server.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend(b"\r\n");
    let written = server.write_until_held_up(&chunk).await;
    client.read_head().await;
    assert!(written > 0);
    for _ in 0..written / chunk.len() {
        assert!(client.read_chunk().await.unwrap().iter().all(|byte| *byte == b'x'));
    }
    client.reset();
    server.read_to_end().await;
}

#[tokio::test]
async fn a_stream_of_events_is_not_held_back() {
    let backend = Backend::start().await;
    let gateway = start(tidegate(), &[backend.ip()], RESPONSES).await;
    backend.behave(Behaviour::Drip);
    let mut peer = gateway.peer().await;
    peer.write("GET /drip HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(peer.read_head().await.status(), 200);
    assert_eq!(peer.read_chunk().await.unwrap(), b"first");
    assert!(peer.is_silent_for(Duration::from_millis(100)).await);
    backend.release();
    assert_eq!(peer.read_chunk().await.unwrap(), b"last");
    assert_eq!(peer.read_chunk().await, None);

    backend.behave(Behaviour::reset_mid_response());
    let broken = gateway.client().await.try_send("GET", "/half", &[], "").await;
    assert!(
        broken.is_err() || broken.is_ok_and(|answer| answer.status == 502),
        "half a body passed for a whole"
    );
    let line = gateway.access_log().line_with(&["/half"]).await;
    assert!(line.to_string().contains("broke off"), "{line}");
    backend.behave(Behaviour::Serve);
    gateway.get("/whole").await.expect(200);
    gateway.websocket("/echo").await.echo("as ever").await;
}
