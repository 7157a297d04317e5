//! Cookie-based affinity, and backend connections that belong to one client connection.

use hyper::http::HeaderMap;
use serde_json::json;
use tidegate_harness::{
    Answer, Backend, Gateway, GatewayDocument, HttpClient, ManualBackend, WebSocket, wait_for,
};

use crate::{HOST, serves, tidegate};

const NAME: &str = "ApplicationGatewayAffinity";

fn with_affinity(document: GatewayDocument) -> GatewayDocument {
    document.settings("settings", &json!({"cookieBasedAffinity": "Enabled"}))
}

async fn start(backends: &[Backend]) -> Gateway {
    let members: Vec<_> = backends.iter().map(Backend::ip).collect();
    Gateway::start_with(tidegate(), &members, with_affinity).await
}

/// Returns the `Set-Cookie` values in order.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().expect("cookies are plain text").to_owned())
        .collect()
}

/// Returns the pair of the first cookie that a response sets, for the client to send back.
#[track_caller]
fn first(answer: &Answer) -> String {
    let cookies = cookies(&answer.headers);
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    cookies[0].split(';').next().expect("splitting gives a first part").to_owned()
}

async fn get_with(gateway: &Gateway, cookie: &str) -> Answer {
    gateway.client().await.send("GET", "/x", &[("cookie", cookie)], "").await.expect(200)
}

/// Counts the requests of each backend since the counts in `before`.
fn served(backends: &[Backend; 2], before: [usize; 2]) -> [usize; 2] {
    let now = Backend::counts(backends);
    [0, 1].map(|i| now[i] - before[i])
}

#[tokio::test]
async fn a_client_stays_with_the_member_that_it_got_first() {
    let backends = Backend::pair().await;
    let gateway = start(&backends).await;
    let answer = gateway.get("/first").await.expect(200);
    let set = cookies(&answer.headers);
    let value = set[0].strip_prefix(&format!("{NAME}=")).unwrap().strip_suffix("; Path=/").unwrap();
    assert_eq!(set[1], format!("{NAME}CORS={value}; Path=/; SameSite=None; Secure"));
    assert!(value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");

    let before = Backend::counts(&backends);
    let mine = usize::from(before[1] == 1);
    for cookie in [format!("{NAME}={value}"), format!("other=1; {NAME}CORS={value}")] {
        for _ in 0..3 {
            let answer = get_with(&gateway, &cookie).await;
            assert!(cookies(&answer.headers).is_empty(), "it is bound already");
        }
    }
    assert_eq!(served(&backends, before)[mine], 6);
    assert_eq!(backends[mine].requests()[1].head.header("cookie"), Some(&*format!("{NAME}={value}")));

    let before = Backend::counts(&backends);
    for _ in 0..4 {
        first(&gateway.get("/anybody").await);
    }
    assert_eq!(served(&backends, before), [2, 2], "others are spread as ever");
}

#[tokio::test]
async fn a_cookie_means_the_same_after_a_change_and_a_restart_and_to_every_worker() {
    let backends = Backend::pair().await;
    let members = backends.each_ref().map(Backend::ip);
    let mut gateway = Gateway::start_with(tidegate().workers(2), &members, with_affinity).await;
    let cookie = first(&gateway.get("/first").await);
    let mine = usize::from(Backend::counts(&backends)[1] == 1);
    let named = gateway.document.clone().settings(
        "settings",
        &json!({"cookieBasedAffinity": "Enabled", "affinityCookieName": "Stay", "requestTimeout": 7}),
    );
    gateway.apply(named).await;
    let renamed = cookie.replace(NAME, "Stay");
    for round in 0..2 {
        let before = Backend::counts(&backends);
        for _ in 0..6 {
            assert!(cookies(&get_with(&gateway, &renamed).await.headers).is_empty());
        }
        assert_eq!(served(&backends, before)[mine], 6, "round {round}");
        let unbound = cookies(&get_with(&gateway, &cookie).await.headers);
        assert!(unbound[0].starts_with("Stay=") && unbound[1].starts_with("StayCORS="), "{unbound:?}");
        if round == 0 {
            gateway.tidegate.terminate();
            assert!(gateway.tidegate.exited_successfully().await);
            gateway.tidegate.start_again().await;
            serves(&gateway).await;
        }
    }
}

#[tokio::test]
async fn a_cookie_of_anybody_elses_making_binds_to_nothing() {
    let backends = Backend::pair().await;
    let gateway = start(&backends).await;
    let good = first(&gateway.get("/first").await);
    let (other, backend) = (Gateway::start_with(tidegate(), &[], with_affinity), Backend::start());
    let (mut other, backend) = tokio::join!(other, backend);
    let document = other.document.clone().pool("pool", &[backend.ip()]);
    other.apply(document).await;
    let foreign = first(&other.get("/first").await);
    let long = "A".repeat(8 * 1024);
    let forged = good.replace(|c: char| c.is_ascii_digit(), "0");
    for bad in
        [&*foreign, &forged, &good[..good.len() - 1], &format!("{NAME}={long}"), &format!("{NAME}=;;=")]
    {
        first(&get_with(&gateway, bad).await);
    }
    let both = format!("{NAME}=garbage; {NAME}CORS=garbage; {good}");
    assert!(cookies(&get_with(&gateway, &both).await.headers).is_empty(), "the first valid one counts");
}

#[tokio::test]
async fn a_websocket_is_bound_and_binds_anew() {
    let backends = Backend::pair().await;
    let gateway = start(&backends).await;
    let mut socket = gateway.websocket("/first").await;
    let cookie = socket.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with(NAME), "{cookie}");
    socket.echo("x").await;
    let mine = usize::from(Backend::counts(&backends)[1] == 1);
    for _ in 0..3 {
        let before = Backend::counts(&backends);
        let again =
            WebSocket::try_connect(gateway.http(), HOST, "/again", &[("cookie", &cookie)]).await.unwrap();
        assert!(again.header("set-cookie").is_some_and(|set| set.starts_with(&cookie)), "refreshed");
        assert_eq!(served(&backends, before)[mine], 1);
        get_with(&gateway, &cookie).await;
        assert_eq!(served(&backends, before)[mine], 2, "for requests too");
    }
}

#[tokio::test]
async fn a_client_whose_member_is_down_gets_another_and_new_cookies() {
    let backends = Backend::pair().await;
    let members = backends.each_ref().map(Backend::ip);
    let gateway = Gateway::start_with(tidegate(), &members, |document| {
        document.probed(&json!({}), &json!({"cookieBasedAffinity": "Enabled"}))
    })
    .await;
    let old = first(&gateway.get("/first").await);
    let mine = usize::from(Backend::counts(&backends)[1] == 1);
    let management = gateway.management();
    backends[mine].answer_probes_with(500);
    management.member_health(gateway.id(), &members[mine].to_string(), "Down").await;
    let new = first(&get_with(&gateway, &old).await);
    assert_ne!(new, old);
    assert!(cookies(&get_with(&gateway, &new).await.headers).is_empty());
}

#[tokio::test]
async fn a_removed_member_is_there_for_who_is_bound_to_it_until_its_drain_timeout() {
    let backends = Backend::pair().await;
    let members = backends.each_ref().map(Backend::ip);
    let mut gateway = Gateway::start_with(tidegate(), &members, |document| {
        let draining = json!({"enabled": true, "drainTimeoutInSec": 8});
        let settings = json!({"cookieBasedAffinity": "Enabled", "connectionDraining": draining});
        document.settings("settings", &settings)
    })
    .await;
    let bound = first(&gateway.get("/first").await);
    let mine = usize::from(Backend::counts(&backends)[1] == 1);
    let without = gateway.document.clone().pool("pool", &[members[1 - mine]]);
    gateway.apply(without).await;

    let before = Backend::counts(&backends);
    for _ in 0..2 {
        first(&gateway.get("/unbound").await);
    }
    assert_eq!(served(&backends, before)[mine], 0, "nothing new for the removed one");
    assert!(cookies(&get_with(&gateway, &bound).await.headers).is_empty());
    // Another change meanwhile does not end the drain.
    let changed = gateway.document.clone().pool("more", &[]);
    gateway.apply(changed).await;
    get_with(&gateway, &bound).await;
    assert_eq!(served(&backends, before)[mine], 2);

    let moved = wait_for("the client to be bound to another", async || {
        // A request that runs at the end of the drain timeout is aborted.
        let answer = gateway.client().await.send("GET", "/x", &[("cookie", &bound)], "").await;
        (answer.status == 200 && !cookies(&answer.headers).is_empty()).then_some(answer)
    })
    .await;
    assert_ne!(first(&moved), bound);
}

#[tokio::test]
async fn a_name_that_no_cookie_can_have_is_refused() {
    let gateway = start(&[]).await;
    let management = gateway.management();
    let id = gateway.document.child_id("backendHttpSettingsCollection", "settings");
    let mut body = management.get(&id).await.json();
    for name in ["two words", "a=b", "a;b", "\r\nSet-Cookie: x", &"n".repeat(129)] {
        body["properties"]["affinityCookieName"] = json!(name);
        let refused = management.put(&id, &body).await.expect(400).json();
        assert_eq!(refused["error"]["details"][0]["target"], "properties.affinityCookieName", "{name}");
    }
}

fn dedicated(document: GatewayDocument) -> GatewayDocument {
    document.settings("settings", &json!({"dedicatedBackendConnection": true}))
}

#[tokio::test]
async fn a_client_connection_has_a_backend_connection_of_its_own_where_that_is_asked_for() {
    for own in [true, false] {
        let backends = Backend::pair().await;
        let members = backends.each_ref().map(Backend::ip);
        let change = if own { dedicated } else { |document| document };
        let gateway = Gateway::start_with(tidegate().threads(1), &members, change).await;
        let mut clients = [gateway.client().await, gateway.client().await];
        for _ in 0..3 {
            for client in &mut clients {
                client.get("/x").await.expect(200);
            }
        }
        assert_eq!(backends.each_ref().map(Backend::connections), [1, 1], "own: {own}");
        assert_eq!(Backend::counts(&backends), [3, 3], "own: {own}");
        let mut third = gateway.client().await;
        third.get("/third").await.expect(200);
        let connections: usize = backends.iter().map(Backend::connections).sum();
        assert_eq!(connections, if own { 3 } else { 2 }, "own: {own}");
    }
}

#[tokio::test]
async fn an_own_backend_connection_ends_with_its_clients() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], dedicated).await;
    let mut client = HttpClient::connect(gateway.http(), HOST).await;
    let mut upstream = {
        let answer = async {
            let (_, mut upstream) = backend.accept().await;
            upstream.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            upstream
        };
        let (answered, upstream) = tokio::join!(client.get("/x"), answer);
        answered.expect(200);
        upstream
    };
    drop(client);
    assert_eq!(upstream.read_to_end().await.0, b"");
}

#[tokio::test]
async fn an_own_backend_connection_that_cannot_be_used_again_is_closed_at_once() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], dedicated).await;
    let mut client = HttpClient::connect(gateway.http(), HOST).await;
    let answer = async {
        let (_, mut upstream) = backend.accept().await;
        upstream.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        upstream
    };
    let (answered, mut upstream) = tokio::join!(client.get("/x"), answer);
    answered.expect(200);
    // The client is still connected.
    assert_eq!(upstream.read_to_end().await.0, b"");
    drop(client);
}
