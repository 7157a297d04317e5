//! Different spellings of one host or path reach the same listener and the same rule.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Ending, Gateway, GatewayDocument, Http2Client, HttpClient, Peer, TlsClient,
};

use crate::tidegate;

/// Returns the status of a request with exactly this target and host, and checks that the connection stays open.
async fn status(peer: &mut Peer, target: &str, host: &str) -> u16 {
    peer.write(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let head = peer.read_head().await;
    peer.read_body(&head).await;
    head.status()
}

async fn plain_status(gateway: &Gateway, target: &str, host: &str) -> u16 {
    status(&mut gateway.peer().await, target, host).await
}

/// Adds an HTTPS listener `admin.test`, which requires a client certificate of `clients`, and one for all hosts at
/// the same port with the certificate of `b.test`.
fn protected(document: GatewayDocument, server: &Authority, clients: &Authority) -> GatewayDocument {
    let document = document.child("trustedClientCertificates", "clients", &json!({"data": clients.base64()}));
    let trusted = [document.reference("trustedClientCertificates", "clients")];
    let document = document.child("sslProfiles", "strict", &json!({"trustedClientCertificates": trusted}));
    let profile = json!({"sslProfile": document.reference("sslProfiles", "strict")});
    let mut document = document
        .https_for("admin.test", &server.issue(&["admin.test"]), &profile)
        .https(&server.issue(&["b.test"]));
    document.body_mut()["properties"]["enableHttp2"] = json!(true);
    document
}

const ADMIN: [&str; 5] = ["admin.test", "admin.test.", "ADMIN.TEST.", "admin.test.:443", "Admin.Test:443"];

#[tokio::test]
async fn no_spelling_of_a_host_leads_past_its_listener() {
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| protected(d, &server, &clients)).await;
    let nobody = server.client();
    let good = TlsClient::showing(&server, &clients.issue_client("good", |_| {}));
    for host in ADMIN {
        // Once with the handshake of the listener for all hosts, once with that of the protected listener without a
        // certificate.
        let mut peer = Peer::connect_tls(gateway.https(), "b.test", &nobody).await;
        assert_eq!(status(&mut peer, "/past", host).await, 421, "{host}");
        let mut peer = Peer::connect_tls(gateway.https(), "admin.test", &nobody).await;
        assert_eq!(status(&mut peer, "/past", host).await, 400, "{host}");
        let mut http2 = Http2Client::connect_tls(gateway.https(), "b.test", &nobody).await;
        http2.ask_for(host);
        http2.get("/past").await.expect(421);
    }
    assert!(backend.requests().is_empty(), "{:?}", backend.requests());
    for host in ADMIN {
        let mut peer = Peer::connect_tls(gateway.https(), "admin.test", &good.config).await;
        assert_eq!(status(&mut peer, "/in", host).await, 200, "{host}");
    }
    // The backend gets the host unchanged.
    let hosts: Vec<String> =
        backend.requests().iter().map(|request| request.expect_header("host").to_owned()).collect();
    assert_eq!(hosts, ADMIN);
    let mut peer = Peer::connect_tls(gateway.https(), "b.test", &nobody).await;
    assert_eq!(status(&mut peer, "/all", "other.test.").await, 200);
}

#[tokio::test]
async fn a_host_without_a_canonical_form_is_refused() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for host in
        ["a.test..", ".a.test", "a..test", ".", "a%2etest", "[::1].", "[::zz]", "me@a.test", "a.test:x"]
    {
        assert_eq!(plain_status(&gateway, "/x", host).await, 400, "{host}");
    }
    for host in ["a.test.", "127.0.0.1.", "[0::1]:80"] {
        assert_eq!(plain_status(&gateway, "/x", host).await, 200, "{host}");
    }
}

#[tokio::test]
async fn the_host_of_an_absolute_target_wins() {
    let (usual, other) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[usual.ip()], |document| {
        let other = document.pool("other", &[other.ip()]).listener(
            "other",
            "http",
            &json!({"protocol": "Http", "hostName": "other.test"}),
        );
        let mut document = other.rule("other", "other", "other", "settings");
        let rules = document.body_mut()["properties"]["requestRoutingRules"].as_array_mut().unwrap();
        for (rule, priority) in rules.iter_mut().zip([20, 10]) {
            rule["properties"]["priority"] = json!(priority);
        }
        document
    })
    .await;
    for (target, host, backend, seen, forwarded) in [
        ("http://other.test/1?a", "a.test", &other, "/1?a", "other.test"),
        ("HTTP://Other.Test.:8080/2", "a.test", &other, "/2", "Other.Test.:8080"),
        ("http://a.test/3", "other.test", &usual, "/3", "a.test"),
        ("https://other.test?4", "a.test", &other, "/?4", "other.test"),
    ] {
        assert_eq!(plain_status(&gateway, target, host).await, 200, "{target}");
        let request = backend.request(seen).await;
        assert_eq!(request.expect_header("host"), forwarded, "{target}");
        assert_eq!(request.expect_header("x-original-host"), forwarded, "{target}");
    }
    for target in ["http://other..test/", "http://me@other.test/", "ftp://other.test/", "http:///x"] {
        assert_eq!(plain_status(&gateway, target, "a.test").await, 400, "{target}");
    }
    assert_eq!(plain_status(&gateway, "http://other.test/", "a b").await, 400);
}

/// Routes `/admin` and everything below it to the pool `admin`.
fn administered(document: GatewayDocument, admin: &Backend) -> GatewayDocument {
    let document = document.pool("admin", &[admin.ip()]);
    let rule = document.path_rule("admin", &["/admin", "/admin/*"], "admin", &json!({}));
    document.by_path(&json!({"pathRules": [rule]}))
}

#[tokio::test]
async fn a_path_rule_catches_each_spelling_of_its_path_and_dot_segments_are_refused() {
    let (usual, admin) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[usual.ip()], |d| administered(d, &admin)).await;
    for path in [
        "//admin/",
        "/\\admin/",
        "/ADMIN/x",
        "/%61dmin/",
        "/admin//x",
        "/%2Fadmin%5cx",
        "///aDm%69n",
        "/admin%2fx",
    ] {
        assert_eq!(plain_status(&gateway, path, "a.test").await, 200, "{path}");
        // The path is forwarded unchanged.
        admin.request(path).await;
    }
    for path in [
        "/x/../admin/",
        "/./admin/",
        "/%2e/admin/",
        "/x/%2e%2e/admin/",
        "/x/..%2fadmin",
        "/x\\..\\admin",
        "/x/..;/admin",
    ] {
        // The connection stays usable.
        let mut peer = gateway.peer().await;
        assert_eq!(status(&mut peer, path, "a.test").await, 400, "{path}");
        assert_eq!(status(&mut peer, "/after", "a.test").await, 200, "{path}");
    }
    gateway.access_log().line_with(&["/x/../admin/", "'.' or '..'", "REQUEST_URI_INVALID"]).await;
    // Only the backend knows the meaning of these paths.
    for path in ["/;/admin/", "/admin;x/", "/%2561dmin/", "/.well-known/x..y"] {
        assert_eq!(plain_status(&gateway, path, "a.test").await, 200, "{path}");
        usual.request(path).await;
    }
}

#[tokio::test]
async fn nothing_leads_out_of_a_path_that_the_configuration_puts_in_front() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    // A basic rule does not depend on the path, and does not change it.
    assert_eq!(plain_status(&gateway, "/a/../../tenantB/as-it-came", "a.test").await, 200);
    backend.request("/a/../../tenantB/as-it-came").await;

    const OUT: [&str; 5] = [
        "/a/../../tenantB/secret",
        "/a/%2e%2e/%2E./tenantB/secret",
        "/a/..%2f..%2ftenantB/secret",
        "/a/..\\..\\tenantB/secret",
        "/a/..;/..;/tenantB/secret",
    ];
    let usual = gateway.document.clone();
    let override_path =
        |document: GatewayDocument| document.settings("tenant", &json!({"path": "/tenantA/"}));
    let by_map = override_path(usual.clone());
    let tenant = json!({"backendHttpSettings": by_map.reference("backendHttpSettingsCollection", "tenant")});
    let rule = by_map.path_rule("a", &["/a/*"], "pool", &tenant);
    let by_map = by_map.by_path(&json!({"pathRules": [rule]}));
    let basic = override_path(usual.clone()).rule("rule", "http", "pool", "tenant");
    let url = json!({"name": "url",
        "conditions": [{"variable": "var_uri_path", "pattern": "^/a/(.*)"}],
        "actionSet": {"urlConfiguration": {"modifiedPath": "/tenantA/{var_uri_path_1}"}}});
    let away =
        json!({"redirectType": "Found", "targetUrl": "https://away.test/tenantA", "includePath": true});
    let away = usual.clone().child("redirectConfigurations", "away", &away);
    let rule = json!({"priority": 10, "httpListener": away.reference("httpListeners", "http"),
        "redirectConfiguration": away.reference("redirectConfigurations", "away")});
    gateway.apply(away.child("requestRoutingRules", "rule", &rule)).await;
    for path in OUT {
        assert_eq!(plain_status(&gateway, path, "a.test").await, 400, "{path}");
    }
    assert_eq!(gateway.get("/b").await.expect(302).header("location"), Some("https://away.test/tenantA/b"));
    for (document, inside) in [
        (by_map, "/tenantA/b"),
        (basic, "/tenantA/a/b"),
        (rewriting(usual.clone(), &json!([url])), "/tenantA/b"),
    ] {
        gateway.apply(document).await;
        for path in OUT {
            assert_eq!(plain_status(&gateway, path, "a.test").await, 400, "{path}");
        }
        assert_eq!(plain_status(&gateway, "/a/b", "a.test").await, 200);
        backend.request(inside).await;
    }
    // The same applies to a rewritten path that comes from another part of the request.
    let from_query = json!({"name": "url",
        "conditions": [{"variable": "var_query_string", "pattern": "^p=(.*)"}],
        "actionSet": {"urlConfiguration": {"modifiedPath": "/tenantA/{var_query_string_1}"}}});
    gateway.apply(rewriting(usual, &json!([from_query]))).await;
    assert_eq!(plain_status(&gateway, "/a?p=../tenantB", "a.test").await, 400);
    assert!(backend.requests().iter().all(|request| !request.head.target().contains("secret")));
}

fn rewriting(document: GatewayDocument, rules: &Value) -> GatewayDocument {
    let mut document = document.child("rewriteRuleSets", "set", &json!({"rewriteRules": rules}));
    let set = document.reference("rewriteRuleSets", "set");
    document.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] = set;
    document
}

#[tokio::test]
async fn conditions_and_redirects_see_the_host_that_the_listener_was_found_by() {
    let backend = Backend::start().await;
    let rule = json!({"name": "host",
        "conditions": [{"variable": "var_host", "pattern": "^admin\\.test$"}],
        "actionSet": {"requestHeaderConfigurations": [{"headerName": "X-Admin", "headerValue": "{var_host}"}]}});
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |d| rewriting(d, &json!([rule]))).await;
    for host in ADMIN {
        HttpClient::connect(gateway.http(), host).await.get("/x").await.expect(200);
    }
    let seen = backend.requests();
    assert!(seen.iter().all(|request| request.header("x-admin") == Some("admin.test")), "{seen:?}");

    let document = gateway.document.clone().port("moved", 8081).http_listener("moved", "moved");
    let target = json!({"redirectType": "Found", "includePath": true,
        "targetListener": document.reference("httpListeners", "moved")});
    let document = document.child("redirectConfigurations", "moved", &target);
    let rule = json!({"priority": 10, "httpListener": document.reference("httpListeners", "http"),
        "redirectConfiguration": document.reference("redirectConfigurations", "moved")});
    let document =
        document.rule("moved", "moved", "pool", "settings").child("requestRoutingRules", "rule", &rule);
    gateway.apply(document).await;
    for host in ADMIN {
        let answer = HttpClient::connect(gateway.http(), host).await.get("/x").await.expect(302);
        let location = answer.header("location").unwrap().to_owned();
        assert!(location.starts_with("http://admin.test:"), "{host}: {location}");
    }
}

#[tokio::test]
async fn paths_of_a_document_must_have_a_canonical_form() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    for path in ["/a//b", "/a/../b", "/%2e/*", "/a\\b", "/a%5c*"] {
        let document = gateway.document.clone();
        let rule = document.path_rule("rule", &["/good", path], "pool", &json!({}));
        let document = document.by_path(&json!({"pathRules": [rule]}));
        let refused = gateway.management().put(gateway.id(), document.body()).await.expect(400).json();
        let detail = &refused["error"]["details"][0];
        assert_eq!(detail["code"], "ApplicationGatewayPathRulePathInvalid", "{path}: {refused}");
        assert_eq!(
            detail["target"], "properties.urlPathMaps[0].properties.pathRules[0].properties.paths[1]",
            "{path}"
        );
    }
    let document = gateway.document.clone().settings("settings", &json!({"path": "/a/../b/"}));
    let refused = gateway.management().put(gateway.id(), document.body()).await.expect(400).json();
    assert_eq!(
        refused["error"]["details"][0]["target"],
        "properties.backendHttpSettingsCollection[0].properties.path"
    );
}

#[tokio::test]
async fn a_listener_that_changes_its_protocol_closes_its_old_connections() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&["a.test"]);
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let plain = gateway.document.clone();
    let secure = plain.clone().certificate("certificate", &identity.pem_base64(), None).https_listener(
        "http",
        "http",
        "certificate",
    );

    let mut kept = gateway.peer().await;
    assert_eq!(status(&mut kept, "/plain", "a.test").await, 200);
    let mut tunnel = gateway.websocket("/chat").await;
    gateway.apply(secure).await;
    assert_eq!(kept.read_to_end().await, (Vec::new(), Ending::Eof));
    // An open tunnel stays, as after any other change.
    tunnel.echo("still here").await;
    assert_eq!(plain_status(&gateway, "/plain", "a.test").await, 400);
    let mut kept = Peer::connect_tls(gateway.http(), "a.test", &server.client()).await;
    assert_eq!(status(&mut kept, "/secure", "a.test").await, 200);

    // A change that keeps the protocol closes nothing.
    let mut same = gateway.document.clone();
    same.body_mut()["properties"]["enableHttp2"] = json!(true);
    gateway.apply(same).await;
    assert_eq!(status(&mut kept, "/kept", "a.test").await, 200);
    let mut http2 = Http2Client::connect_tls(gateway.http(), "a.test", &server.client()).await;
    http2.get("/http2").await.expect(200);

    gateway.apply(plain).await;
    assert_eq!(kept.read_to_end().await.0, b"");
    http2.refused().await;
    assert_eq!(plain_status(&gateway, "/plain-again", "a.test").await, 200);
    let backends = backend.requests();
    let told: Vec<&str> = backends.iter().filter_map(|request| request.header("x-forwarded-proto")).collect();
    assert!(told.contains(&"https") && told.contains(&"http"), "{told:?}");
}
