//! Tunnels as resources: lists, filters, orders, pages, numbers, single tunnels, and their closing.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tidegate_harness::{
    Backend, End, Gateway, GatewayDocument, Management, Tidegate, WebSocket, Worker, loopback, resume,
    suspend, wait_for,
};
use tokio::time::Instant;

use crate::identity::create;
use crate::tidegate;

const VERSION: &str = "api-version=2026-12-01";

/// Returns the URL of something in the extension provider of a gateway, with a query.
fn url(gateway: &str, rest: &str, query: &[(&str, &str)]) -> String {
    let query = query.iter().map(|(name, value)| {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        format!("&${name}={value}")
    });
    format!("{gateway}/providers/Tidegate.Network/{rest}?{VERSION}{}", query.collect::<String>())
}

/// Returns a page of the tunnels.
async fn page(management: &Management, gateway: &str, query: &[(&str, &str)]) -> Value {
    management.get(&url(gateway, "tunnels", query)).await.expect(200).json()
}

/// Returns one property of each tunnel on a page.
fn each(page: &Value, property: &str) -> Vec<Value> {
    let tunnels = page["value"].as_array().expect("a page has tunnels");
    tunnels.iter().map(|tunnel| tunnel["properties"][property].clone()).collect()
}

/// Waits until this number of tunnels meets a condition.
async fn counted(management: &Management, gateway: &str, filter: &str, count: u64) {
    let query = [("filter", filter), ("count", "true"), ("top", "0")];
    wait_for(&format!("{count} tunnels with {filter:?}"), async || {
        (page(management, gateway, &query).await["count"] == count).then_some(())
    })
    .await;
}

/// Waits for the result of a closing.
async fn closed(management: &Management, begun: &tidegate_harness::Answer) -> (String, Value) {
    let url = begun.header("azure-asyncoperation").expect("a closing names its operation").to_owned();
    wait_for("the end of a closing", async || {
        let state = management.send("GET", &url, &[], "").await.expect(200).json();
        let status = state["status"].as_str().expect("an operation has a status").to_owned();
        (status != "InProgress").then(|| (status, state["properties"].clone()))
    })
    .await
}

async fn close_many(management: &Management, gateway: &str, body: &Value) -> tidegate_harness::Answer {
    management.send_json("POST", &url(gateway, "closeTunnels", &[]), body).await
}

#[tokio::test]
async fn tunnels_of_all_workers_are_listed_filtered_ordered_and_counted() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().workers(2).threads(2), &[backend.ip()]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let mut sockets = Vec::new();
    for number in 0..9 {
        let mut socket = gateway.websocket(&format!("/room/{number}?secret=1")).await;
        for _ in 0..number {
            socket.echo("hello").await;
        }
        sockets.push(socket);
    }
    counted(&management, id, "", 9).await;

    let all = page(&management, id, &[]).await;
    assert_eq!(all["missingWorkers"], json!([]));
    assert!(all.get("nextLink").is_none() && all.get("count").is_none(), "{all}");
    let first = &all["value"][0];
    let name = first["name"].as_str().unwrap();
    assert_eq!(first["id"], format!("{id}/providers/Tidegate.Network/tunnels/{name}"));
    assert_eq!(first["type"], "Tidegate.Network/tunnels");
    let properties = &first["properties"];
    for (property, expected) in [
        ("state", json!("open")),
        ("listener", json!("http")),
        ("rule", json!("rule")),
        ("pool", json!("pool")),
        ("settings", json!("settings")),
        ("member", json!(backend.ip().to_string())),
        ("host", json!("gateway.test")),
        ("requestTimeoutInSec", json!(30)),
    ] {
        assert_eq!(properties[property], expected, "{property} of {properties}");
    }
    assert!(!all.to_string().contains("secret"), "a query may hold secrets");

    for (filter, expected) in [
        ("path eq '/room/3'", 1),
        ("startswith(path,'/room/') and not (path eq '/room/3' or path eq '/room/4')", 7),
        ("messagesFromClient ge 5", 4),
        ("inNetwork(clientAddress,'127.0.0.0/8')", 9),
        ("inNetwork(clientAddress,'10.0.0.0/8')", 0),
        ("POOL eq 'Pool' and subprotocol eq null", 9),
        ("state ne 'open'", 0),
        ("idleForInSec gt 3600", 0),
    ] {
        assert_eq!(
            each(&page(&management, id, &[("filter", filter)]).await, "path").len(),
            expected,
            "{filter}"
        );
    }

    let query = [("orderby", "messagesFromClient desc"), ("top", "2"), ("count", "true")];
    let mut current = page(&management, id, &query).await;
    let mut messages = Vec::new();
    loop {
        assert_eq!(current["count"], 9);
        messages.extend(each(&current, "messagesFromClient"));
        let Some(next) = current["nextLink"].as_str() else { break };
        current = management.send("GET", next, &[], "").await.expect(200).json();
    }
    assert_eq!(messages, [8, 7, 6, 5, 4, 3, 2, 1, 0].map(Value::from));
    let both = page(&management, id, &[("orderby", "messagesFromBackend")]).await;
    assert_eq!(each(&both, "messagesFromBackend"), (0..9).map(Value::from).collect::<Vec<_>>());

    for (name, value, words) in [
        ("filter", "pol eq 'a'", "'pol' at position 1 is no property of a tunnel; 'pool' is one."),
        ("orderby", "host up", "',' was expected at position 6, not 'up'."),
        ("top", "0", "0 with $count=true"),
        ("skipToken", "x", "$skipToken must come from a nextLink."),
    ] {
        let refused = management.get(&url(id, "tunnels", &[(name, value)])).await.expect(400);
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    drop(sockets);
    counted(&management, id, "", 0).await;
}

#[tokio::test]
async fn a_tunnel_is_shown_closed_and_remembered() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let (mut closing, mut other) = (gateway.websocket("/closing").await, gateway.websocket("/other").await);
    closing.echo("hello").await;
    counted(&management, id, "path eq '/closing' and messagesFromBackend eq 1", 1).await;
    let found = page(&management, id, &[("filter", "path eq '/closing'")]).await;
    let tunnel = found["value"][0]["id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("{tunnel}{rest}?{VERSION}");
    let shown = management.get(&at("")).await.expect(200).json();
    assert_eq!(shown["id"], tunnel);
    assert_eq!(shown["properties"]["messagesFromClient"], 1);

    let begun = management.post(&at("/close")).await.expect(202);
    assert_eq!(closing.end().await, End::WithoutCloseFrame);
    let (status, result) = closed(&management, &begun).await;
    assert_eq!(status, "Succeeded");
    assert_eq!(result, json!({"chosen": 1, "closed": 1, "ended": 0, "left": 0, "missingWorkers": []}));
    other.echo("still here").await;
    gateway.access_log().line_with(&["/closing", "closed by request"]).await;

    let remembered = management.get(&at("")).await.expect(200).json();
    let properties = &remembered["properties"];
    assert_eq!(properties["state"], "closed");
    assert_eq!(
        (&properties["closedBy"], &properties["reason"]),
        (&json!("gateway"), &json!("closed by request"))
    );
    assert_eq!((&properties["path"], &properties["messagesFromBackend"]), (&json!("/closing"), &json!(1)));
    assert_eq!(other.close_with(4001).await, End::Closed(4001));
    counted(&management, id, "state eq 'closed'", 2).await;
    let ended = page(&management, id, &[("filter", "state eq 'closed'"), ("orderby", "path desc")]).await;
    assert_eq!(each(&ended, "closeCode"), [json!(4001), Value::Null]);
    counted(&management, id, "", 0).await;

    let again = management.post(&at("/close")).await.expect(202);
    assert_eq!(closed(&management, &again).await.1["ended"], 1);
    for unknown in ["0-0-0-0", "x"] {
        let path = url(id, &format!("tunnels/{unknown}"), &[]);
        assert!(management.get(&path).await.expect(404).text().contains("TunnelNotFound"));
    }
    let log =
        management.send("GET", &format!("/audit?resourceId={tunnel}"), &[], "").await.expect(200).json();
    assert_eq!(log["value"][0]["action"], "Tidegate.Network/tunnels/close/action", "{log}");
}

/// Opens tunnels until there are so many.
async fn open(gateway: &Gateway, path: &str, count: usize) -> Vec<WebSocket> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(gateway.websocket(path).await);
    }
    sockets
}

#[tokio::test]
async fn many_tunnels_are_closed_over_a_time_unless_that_is_canceled() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let mut kept = open(&gateway, "/kept", 3).await;
    let sockets = open(&gateway, "/many", 30).await;
    counted(&management, id, "", 33).await;

    let body = json!({"filter": "path eq '/many'", "over": 600});
    let begun = close_many(&management, id, &body).await.expect(202);
    counted(&management, id, "state eq 'closed'", 1).await;
    let operation = begun.header("azure-asyncoperation").unwrap();
    let operation = operation.split(['/', '?']).rev().find(|part| part.len() == 36).unwrap();
    let cancel = url(id, &format!("closeTunnels/{operation}/cancel"), &[]);
    management.post(&cancel).await.expect(202);
    let (status, result) = closed(&management, &begun).await;
    assert_eq!((status.as_str(), &result["chosen"], &result["ended"]), ("Canceled", &json!(30), &json!(0)));
    let left = result["left"].as_u64().unwrap();
    assert!((20..30).contains(&left) && result["closed"] == 30 - left, "{result}");
    counted(&management, id, "path eq '/many'", left).await;
    assert!(management.post(&cancel).await.expect(409).text().contains("OperationNotCancelable"));

    let since = Instant::now();
    let body = json!({"filter": "path eq '/many'", "over": 1});
    let begun = close_many(&management, id, &body).await.expect(202);
    let (status, result) = closed(&management, &begun).await;
    assert_eq!((status.as_str(), &result["closed"]), ("Succeeded", &json!(left)), "{result}");
    assert!(since.elapsed() >= Duration::from_millis(800), "they ended within {:?}", since.elapsed());
    for mut socket in sockets {
        assert_eq!(socket.end().await, End::WithoutCloseFrame);
    }
    for socket in &mut kept {
        socket.echo("not meant").await;
    }
    for (body, target) in [
        (json!({"over": 1}), "filter"),
        (json!({"filter": "path is '/x'"}), "position 6"),
        (json!({"filter": "", "over": -1}), "over"),
        (json!({"filter": "", "ovre": 1}), "ovre"),
    ] {
        let refused = close_many(&management, id, &body).await.expect(400);
        assert!(refused.text().contains(target), "{}", refused.text());
    }
    counted(&management, id, "", 3).await;
}

#[tokio::test]
async fn a_restart_of_the_control_plane_changes_no_name() {
    let backend = Backend::start().await;
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let _worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    connected(&tidegate, 1).await;
    let address = loopback();
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    management.apply_gateway(&document).await;
    let mut socket =
        WebSocket::connect((address, tidegate_harness::HTTP_PORT).into(), "gateway.test", "/stays").await;
    counted(&management, document.id(), "", 1).await;
    let before = page(&management, document.id(), &[]).await;

    tidegate.kill();
    tidegate.start_again().await;
    let management = tidegate.management();
    counted(&management, document.id(), "", 1).await;
    let after = page(&management, document.id(), &[]).await;
    assert_eq!(after["value"][0]["id"], before["value"][0]["id"]);
    assert_eq!(after["value"][0]["properties"]["openedAt"], before["value"][0]["properties"]["openedAt"]);
    socket.echo("never closed").await;
}

async fn connected(tidegate: &Tidegate, workers: usize) {
    let management = tidegate.management();
    wait_for("the workers to connect", async || {
        (management.connected_workers().await == workers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_does_not_answer_is_named() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().workers(2), &[backend.ip()]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let _sockets = open(&gateway, "/spread", 40).await;
    counted(&management, id, "", 40).await;
    let workers = each(&page(&management, id, &[]).await, "worker");
    let pid = gateway.tidegate.worker_pid(1).await;
    suspend(pid).await;
    let partial = page(&management, id, &[]).await;
    resume(pid);
    let missing = partial["missingWorkers"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{partial}");
    let answered = workers.iter().filter(|worker| **worker != missing[0]).count();
    assert_eq!(partial["value"].as_array().unwrap().len(), answered);
    counted(&management, id, "", 40).await;
}

#[tokio::test]
async fn a_worker_that_has_left_is_named_but_not_one_that_is_long_gone() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let mut worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    connected(&tidegate, 1).await;
    let address = loopback();
    let document = GatewayDocument::forwarding("gateway", address, &[]);
    tidegate.management().apply_gateway(&document).await;
    worker.kill();
    connected(&tidegate, 0).await;
    let missing = async |tidegate: &Tidegate| {
        let page = page(&tidegate.management(), document.id(), &[]).await;
        page["missingWorkers"].as_array().map(Vec::len).unwrap_or_default()
    };
    wait_for("the worker to be named", async || (missing(&tidegate).await == 1).then_some(())).await;

    tidegate.kill();
    let file = SqliteConnectOptions::new().filename(tidegate.data_dir().join("tidegate.db"));
    let mut database = SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::query("UPDATE workers SET seen_at = seen_at - 7200000").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    tidegate.start_again().await;
    assert_eq!(missing(&tidegate).await, 0, "it was last seen two hours ago");
}

#[tokio::test]
async fn a_reader_sees_tunnels_and_closes_none() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/seen").await;
    let (management, id) = (gateway.management(), gateway.id());
    let reader = create(&gateway.tidegate, &["reader", "--role", "reader"]).await.login(&management).await;
    counted(&reader, id, "", 1).await;
    let tunnel = page(&reader, id, &[]).await["value"][0]["id"].as_str().unwrap().to_owned();
    let refused = reader.post(&format!("{tunnel}/close?{VERSION}")).await.expect(403);
    assert!(refused.text().contains("'Tidegate.Network/tunnels/close/action'"), "{}", refused.text());
    let refused = close_many(&reader, id, &json!({"filter": ""})).await.expect(403);
    assert!(refused.text().contains("'Tidegate.Network/closeTunnels/action'"), "{}", refused.text());
    socket.echo("still open").await;
}

#[tokio::test]
async fn a_tunnel_says_that_it_is_drained_until_its_member_is_back() {
    let (removed, kept) = (Backend::start().await, Backend::start().await);
    let mut gateway =
        Gateway::start_with(tidegate(), &[removed.ip()], |document| document.drained_after(600)).await;
    let mut socket = gateway.websocket("/drained").await;
    let (management, id) = (gateway.management(), gateway.id().to_owned());
    counted(&management, &id, "state eq 'open'", 1).await;
    let before = gateway.document.clone();
    gateway.apply(before.clone().pool("pool", &[kept.ip()])).await;
    counted(&management, &id, "state eq 'draining'", 1).await;
    let shown = page(&management, &id, &[]).await["value"][0]["properties"].clone();
    assert_eq!(shown["reason"], "drained: its backend was removed");
    assert!(shown["drainsUntil"].as_str() > shown["openedAt"].as_str(), "{shown}");
    gateway.apply(before).await;
    counted(&management, &id, "state eq 'open'", 1).await;
    socket.echo("back in time").await;
}
