//! Forwarding of ordinary requests.

use serde_json::{Value, json};
use tidegate_harness::{
    Backend, Behaviour, Gateway, GatewayDocument, HTTP_PORT, Head, HttpClient, ManualBackend, Peer, Then,
    loopback,
};

use crate::tidegate;

#[tokio::test]
async fn the_backend_learns_who_asked_for_what() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.client().await;
    let sent = [
        ("x-forwarded-for", "203.0.113.9:1234"),
        ("x-original-url", "/mine"),
        ("x-azure-ja4-fingerprint", "t13d1516h2_8daaf6152771_b186095e22b6"),
        // A client must not be able to have the gateway's headers dropped.
        ("connection", "x-original-url, x-original-host, x-appgw-trace-id, traceparent"),
    ];
    client.send("GET", "/who?a=%20b&c", &sent, "").await.expect(200);

    let request = backend.request("/who?a=%20b&c").await;
    let forwarded = request.expect_header("x-forwarded-for");
    assert!(forwarded.starts_with("203.0.113.9:1234"), "the client's own value stays in front: {forwarded}");
    let last = forwarded.rsplit(',').next().unwrap().trim();
    assert!(
        last.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback()),
        "{forwarded}"
    );
    assert_eq!(request.expect_header("x-forwarded-proto"), "http");
    assert_eq!(request.expect_header("x-forwarded-port"), "20080");
    assert_eq!(request.expect_header("x-original-host"), "gateway.test");
    assert_eq!(request.expect_header("host"), "gateway.test");
    assert_eq!(request.expect_header("x-original-url"), "/who?a=%20b&c");
    assert_eq!(request.header("x-azure-ja4-fingerprint"), None);
    assert_eq!(request.expect_header("traceparent").len(), 55);
    let trace = request.expect_header("x-appgw-trace-id");
    assert!(trace.len() == 32 && trace.chars().all(|c| c.is_ascii_hexdigit()), "{trace}");
}

#[tokio::test]
async fn what_belongs_to_one_hop_stays_there() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::literal(
        "HTTP/1.1 200 OK\r\nConnection: X-Secret-Hop\r\nX-Secret-Hop: 1\r\nKeep-Alive: timeout=3\r\n\
         X-Kept: yes\r\nContent-Length: 2\r\n\r\nok",
        Then::Next,
    ));
    let hop = [
        ("connection", "X-Mine"),
        ("x-mine", "1"),
        ("keep-alive", "timeout=9"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("x-kept", "yes"),
    ];
    let answer = gateway.client().await.send("GET", "/hop", &hop, "").await.expect(200);
    assert_eq!(answer.header("x-kept"), Some("yes"));
    assert!(answer.header("x-secret-hop").is_none() && answer.header("keep-alive").is_none());

    let request = backend.request("/hop").await;
    assert_eq!(request.expect_header("x-kept"), "yes");
    for name in ["x-mine", "keep-alive", "proxy-connection", "te"] {
        assert!(request.header(name).is_none(), "{name} went through");
    }
}

fn names(head: &Head) -> Vec<&str> {
    head.headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn heads_keep_their_spelling_and_their_order() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = Peer::connect(gateway.http()).await;
    client
        .write(
            "GET /a?B HTTP/1.1\r\nX-Zulu: 1\r\nHOST: gateway.test\r\nuser-AGENT: a test\r\nConnection: x-Hop\r\n\
             X-hop: 2\r\nX-alpha: 3\r\nx-ZULU: 4\r\n\r\n",
        )
        .await;
    let (request, mut answering) = backend.accept().await;
    assert_eq!(request.first_line, "GET /a?B HTTP/1.1");
    let received = names(&request);
    assert_eq!(received[..5], ["X-Zulu", "HOST", "user-AGENT", "X-alpha", "x-ZULU"]);
    assert!(received[5..].iter().all(|name| *name == name.to_lowercase()), "the gateway's own: {received:?}");
    answering
        .write(
            "HTTP/1.1 200 All is well\r\nX-Zulu: 1\r\nSET-Cookie: a\r\nKeep-Alive: timeout=3\r\nDATE: now\r\n\
             Set-COOKIE: b\r\nCONTENT-length: 2\r\nX-alpha: 2\r\n\r\nok",
        )
        .await;
    let response = client.read_head().await;
    assert_eq!(response.first_line, "HTTP/1.1 200 All is well");
    assert_eq!(names(&response), ["X-Zulu", "SET-Cookie", "DATE", "Set-COOKIE", "CONTENT-length", "X-alpha"]);
    assert_eq!(client.read_body(&response).await, b"ok");
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.client().await;
    for _ in 0..10 {
        client.get("/again").await.expect(200);
    }
    assert_eq!(backend.requests().len(), 10);
    assert_eq!(backend.connections(), 1, "one connection to the backend served them all");
}

#[tokio::test]
async fn a_kept_connection_that_the_backend_has_closed_hurts_nobody() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.client().await;
    let address = backend.address();
    client.get("/before").await.expect(200);
    backend.stop().await;
    let backend = Backend::start_at(address, None).await;
    client.get("/after").await.expect(200);
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn members_take_turns() {
    let backends = [Backend::start().await, Backend::start().await, Backend::start().await];
    let gateway = Gateway::start(tidegate(), &backends.each_ref().map(Backend::ip)).await;
    let mut client = gateway.client().await;
    for _ in 0..9 {
        client.get("/turn").await.expect(200);
    }
    assert_eq!(backends.each_ref().map(|backend| backend.requests().len()), [3, 3, 3]);
}

#[tokio::test]
async fn methods_statuses_and_bodies_pass_as_they_are() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.client().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let body = if method == "GET" { "" } else { "the body" };
        let account: Value = client.send(method, "/method", &[], body).await.expect(200).json();
        assert_eq!((&account["method"], &account["body"]), (&method.into(), &body.into()));
    }
    for status in [200, 301, 404, 418, 500, 503] {
        backend.behave(Behaviour::status(status, "the backend says so"));
        let answer = client.get("/status").await.expect(status);
        assert_eq!(answer.text(), "the backend says so");
    }
    backend.behave(Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Then::Next));
    assert!(client.send("HEAD", "/head", &[], "").await.expect(200).body.is_empty());
    backend.behave(Behaviour::literal("HTTP/1.1 204 No Content\r\n\r\n", Then::Next));
    client.get("/empty").await.expect(204);
    backend.behave(Behaviour::literal("HTTP/1.0 200 OK\r\n\r\nup to the end", Then::Close));
    assert_eq!(client.get("/old").await.expect(200).text(), "up to the end");
}

#[tokio::test]
async fn settings_choose_the_host_that_the_backend_sees() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| {
        d.settings("settings", &json!({"hostName": "inner.test"}))
    })
    .await;
    gateway.get("/fixed").await.expect(200);
    let request = backend.request("/fixed").await;
    assert_eq!(
        (request.expect_header("host"), request.expect_header("x-original-host")),
        ("inner.test", "gateway.test")
    );

    let picked =
        gateway.document.clone().settings("settings", &json!({"pickHostNameFromBackendAddress": true}));
    gateway.apply(picked).await;
    gateway.get("/picked").await.expect(200);
    let request = backend.request("/picked").await;
    assert!(request.expect_header("host").starts_with(&backend.ip().to_string()));
}

#[tokio::test]
async fn listeners_share_a_port_by_host_name() {
    let (shop, blog, rest) = (Backend::start().await, Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[rest.ip()], |document| {
        document
            .without("requestRoutingRules", "rule")
            .pool("shop", &[shop.ip()])
            .pool("blog", &[blog.ip()])
            .listener("shop", "http", &json!({"protocol": "Http", "hostName": "shop.test"}))
            .listener("blog", "http", &json!({"protocol": "Http", "hostNames": ["blog.test", "news.test"]}))
            .rule("shop", "shop", "shop", "settings")
            .rule("blog", "blog", "blog", "settings")
            // The last rule, because rules are tried by priority and its listener serves every host.
            .rule("rest", "http", "pool", "settings")
    })
    .await;
    for (host, backend) in [
        ("shop.test", &shop),
        ("SHOP.test", &shop),
        ("shop.test:20080", &shop),
        ("blog.test", &blog),
        ("news.test", &blog),
        ("other.test", &rest),
    ] {
        let answer = HttpClient::connect(gateway.http(), host).await.get("/host").await.expect(200);
        assert_eq!(answer.json()["backend"], backend.ip().to_string(), "{host}");
    }
}

#[tokio::test]
async fn where_nothing_matches_it_is_404() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document
            .listener("http", "http", &json!({"protocol": "Http", "hostName": "known.test"}))
            .port("idle", 20081)
            .http_listener("idle", "idle")
    })
    .await;
    HttpClient::connect(gateway.http(), "known.test").await.get("/").await.expect(200);
    HttpClient::connect(gateway.http(), "unknown.test").await.get("/").await.expect(404);
    let without_rule = (gateway.ip(), 20081).into();
    HttpClient::connect(without_rule, "known.test").await.get("/").await.expect(404);
    assert!(backend.requests().iter().all(|request| request.expect_header("host") == "known.test"));
}

#[tokio::test]
async fn every_request_leaves_one_line() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    gateway.get("/counted/once?token=x").await.expect(200);
    gateway.access_log().line_with(&["/counted/once"]).await;
    gateway.get("/counted/last").await.expect(200);
    gateway.access_log().line_with(&["/counted/last"]).await;
    assert_eq!(gateway.access_log().count_with(&["/counted/once"]), 1);
}

#[tokio::test]
async fn several_threads_serve_as_one() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().threads(2).workers(2), &[backend.ip()]).await;
    for number in 0..30 {
        gateway.get(&format!("/thread/{number}")).await.expect(200);
        gateway.websocket("/thread").await.echo("thread").await;
    }
}

#[tokio::test]
async fn a_gateway_may_have_several_frontends() {
    let backend = Backend::start().await;
    let other = loopback();
    let gateway = Gateway::start_with(
        tidegate().option("--public-address", &other.to_string()),
        &[backend.ip()],
        |d| {
            let listener = json!({
            "frontendIPConfiguration": d.reference("frontendIPConfigurations", "public"),
            "frontendPort": d.reference("frontendPorts", "http"), "protocol": "Http"});
            let address = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/a";
            d.child("frontendIPConfigurations", "public", &json!({"publicIPAddress": {"id": address}}))
                .child("httpListeners", "public", &listener)
                .rule("public", "public", "pool", "settings")
        },
    )
    .await;
    gateway.get("/private").await.expect(200);
    HttpClient::connect((other, 20080).into(), "a.test").await.get("/public").await.expect(200);
}

#[tokio::test]
async fn frontends_speak_ipv6_and_ipv4() {
    let backend = Backend::start().await;
    // A port of its own, because this test listens at every address. It is below 32768, so the kernel gives it to
    // no client.
    let port = HTTP_PORT + 1_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let offset = (port - HTTP_PORT).to_string();
    let tidegate = tidegate().option("--public-address", "::").option("--port-offset", &offset);
    let gateway = Gateway::start_with(tidegate, &[backend.ip()], |d| {
        let address = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/a";
        let on = |d: &GatewayDocument, frontend: &str| {
            json!({"frontendIPConfiguration": d.reference("frontendIPConfigurations", frontend),
                "frontendPort": d.reference("frontendPorts", "http"), "protocol": "Http"})
        };
        let (public, inner) = (on(&d, "public"), on(&d, "six"));
        d.child("frontendIPConfigurations", "public", &json!({"publicIPAddress": {"id": address}}))
            .frontend("six", std::net::Ipv6Addr::LOCALHOST)
            .child("httpListeners", "public", &public)
            .child("httpListeners", "six", &inner)
            .rule("public", "public", "pool", "settings")
            .rule("six", "six", "pool", "settings")
    })
    .await;
    let addresses: [std::net::IpAddr; 3] =
        [gateway.ip().into(), std::net::Ipv6Addr::LOCALHOST.into(), loopback().into()];
    for (number, ip) in addresses.into_iter().enumerate() {
        let path = format!("/family/{number}");
        HttpClient::connect((ip, port).into(), "a.test").await.get(&path).await.expect(200);
        let request = backend.request(&path).await;
        let client: std::net::SocketAddr = request.expect_header("x-forwarded-for").parse().unwrap();
        assert_eq!(client.is_ipv6(), ip.is_ipv6(), "{client} came to {ip}");
    }
}

#[tokio::test]
async fn the_port_offset_is_added() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().option("--port-offset", "500"), &[backend.ip()]).await;
    HttpClient::connect((gateway.ip(), 20580).into(), "a.test").await.get("/offset").await.expect(200);
    let running = gateway.management().workers_of(gateway.id()).await;
    assert_eq!(running[0]["addresses"], json!([format!("{}:20580", gateway.ip())]), "it is reported");
}
