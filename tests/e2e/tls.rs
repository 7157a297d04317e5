//! Certificates and TLS with clients and with backends.

mod backends;
mod client_certificates;
mod files;
mod policies;
mod vaults;

use std::fs;

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Choices, Gateway, GatewayDocument, HttpClient, Identity, Peer, TlsClient, WebSocket,
    files_below, loopback,
};

use crate::tidegate;

const HOST: &str = "secure.test";

#[tokio::test]
async fn certificates_come_as_pfx_and_as_pem() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let identity = authority.issue(&[HOST]);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| {
        d.https(&identity).certificate("certificate", &identity.pfx("geheim"), Some("geheim"))
    })
    .await;
    let get = async |address| {
        HttpClient::connect_tls(address, HOST, &authority.client()).await.get("/x").await.expect(200);
    };
    get(gateway.https()).await;
    let pem = gateway.document.clone().https(&identity);
    gateway.apply(pem).await;
    get(gateway.https()).await;
}

#[tokio::test]
async fn certificates_are_never_given_back_and_kept_when_they_are_not_sent() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let identity = authority.issue(&[HOST]);
    let pfx = identity.pfx("sesam-oeffne-dich");
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| {
        d.https(&identity).certificate("certificate", &pfx, Some("sesam-oeffne-dich"))
    })
    .await;
    let management = gateway.management();
    let seen = management.get(gateway.id()).await.expect(200);
    let certificate = &seen.json()["properties"]["sslCertificates"][0];
    assert!(certificate["properties"]["data"].is_null() && certificate["properties"]["password"].is_null());
    assert!(certificate["properties"]["publicCertData"].is_string());

    // GET, edit, PUT, as clients do.
    let mut edited = seen.json();
    edited["tags"] = json!({"edited": "yes"});
    management.apply(gateway.id(), &edited).await;
    let child = gateway.document.child_id("sslCertificates", "certificate");
    management.apply(&child, &json!({"properties": {}})).await;
    HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await.get("/kept").await.expect(200);

    for answer in [seen, management.get(gateway.id()).await, management.get(&child).await] {
        let text = answer.text();
        assert!(!text.contains("sesam") && !text.contains(&pfx) && !text.contains(&identity.key_base64()));
    }
    let output = gateway.tidegate.output();
    assert!(!output.contains("sesam") && !output.contains(&identity.key_base64()[..64]));
}

#[tokio::test]
async fn private_keys_are_not_readable_on_any_disk() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let identity = authority.issue(&[HOST]);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| {
        d.https(&identity).certificate("certificate", &identity.pfx("geheim"), Some("geheim"))
    })
    .await;
    let key = identity.key_base64();
    let secrets: &[&[u8]] = &[&key.as_bytes()[40..100], b"geheim", &identity.key_der()[36..68]];
    for file in files_below(&gateway.tidegate.data_dir()) {
        let bytes = fs::read(&file).unwrap_or_default();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == *secret);
            assert!(!found, "{} holds a secret in the clear", file.display());
        }
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused() {
    let tidegate = tidegate().start().await;
    let identity = Authority::new().issue(&[HOST]);
    let cases = [
        (
            json!({"data": identity.pfx("right"), "password": "wrong"}),
            "ApplicationGatewaySslCertificatePasswordIncorrect",
        ),
        (json!({"data": "bm90IGEgcGZ4", "password": "x"}), "ApplicationGatewaySslCertificateInvalidData"),
        (json!({"data": "not base64!"}), "ApplicationGatewaySslCertificateInvalidData"),
        (json!({}), "MustBeSpecified"),
    ];
    for (properties, code) in cases {
        let document = GatewayDocument::empty("gateway").child("sslCertificates", "certificate", &properties);
        let refused = tidegate.management().put(document.id(), document.body()).await.expect(400);
        assert!(refused.text().contains(code), "{code} is not in {}", refused.text());
        assert!(!refused.text().contains("wrong"), "the password came back: {}", refused.text());
    }
}

#[tokio::test]
async fn sni_chooses_among_the_listeners_of_a_port() {
    let (authority, a, b) = (Authority::new(), Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[a.ip()], |mut document| {
        document = document.pool("b", &[b.ip()]);
        for (host, pool) in [("a.test", "pool"), ("b.test", "b")] {
            document = document.https_for(host, &authority.issue(&[host]), &json!({}));
            document = document.rule(host, host, pool, "settings");
        }
        document
    })
    .await;
    for (host, backend) in [("a.test", &a), ("b.test", &b)] {
        let mut client = HttpClient::connect_tls(gateway.https(), host, &authority.client()).await;
        let account: Value = client.get("/sni").await.expect(200).json();
        assert_eq!(account["backend"], backend.ip().to_string(), "{host}");
    }
}

/// Returns the certificate for a client that sends the server name `name`; for an address, a client sends no name.
async fn shown(gateway: &Gateway, authority: &Authority, name: &str) -> Vec<u8> {
    let client = TlsClient::new(authority, &Choices::default());
    client.shake_hands(gateway.https(), name).await.expect("the server shakes hands").certificate
}

#[tokio::test]
async fn without_a_known_name_the_certificate_of_the_basic_listener_is_shown_or_else_of_the_first_by_rule() {
    const NOWHERE: [&str; 2] = ["unknown.test", "127.0.0.1"];
    let (backend, authority) = (Backend::start().await, Authority::new());
    // Each certificate is valid for every name of this test.
    let issue = |name| authority.issue(&[&[name], &NOWHERE[..]].concat());
    let (last, first, any) = (issue("last.test"), issue("first.test"), issue("any.test"));
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        // This property makes the first generation of Azure's service require a name; here it has no effect.
        let insisting = json!({"requireServerNameIndication": true});
        let mut document = document
            .https_for("last.test", &last, &insisting)
            .https_for("first.test", &first, &insisting)
            .https(&any);
        let rules = document.body_mut()["properties"]["requestRoutingRules"].as_array_mut().unwrap();
        for (rule, priority) in rules.iter_mut().zip([10, 30, 20, 40]) {
            rule["properties"]["priority"] = json!(priority);
        }
        document
    })
    .await;
    let own: [(&str, &Identity); 2] = [("last.test", &last), ("first.test", &first)];
    let shows = async |gateway: &Gateway, default: &Identity| {
        for (name, identity) in own.into_iter().chain(NOWHERE.map(|name| (name, default))) {
            assert_eq!(shown(gateway, &authority, name).await, identity.der(), "{name}");
        }
    };
    shows(&gateway, &any).await;
    let document = gateway.document.clone();
    gateway.apply(document.without("requestRoutingRules", "https").without("httpListeners", "https")).await;
    shows(&gateway, &first).await;
}

#[tokio::test]
async fn a_certificate_is_replaced_without_touching_a_connection() {
    let (backend, old, new) = (Backend::start().await, Authority::new(), Authority::new());
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&old.issue(&[HOST]))).await;
    let mut client = HttpClient::connect_tls(gateway.https(), HOST, &old.client()).await;
    client.get("/before").await.expect(200);
    let mut socket = WebSocket::connect_tls(gateway.https(), HOST, "/chat", &old.client()).await;

    let replaced =
        gateway.document.clone().certificate("certificate", &new.issue(&[HOST]).pem_base64(), None);
    gateway.apply(replaced).await;

    socket.echo("on the old certificate").await;
    client.get("/after").await.expect(200);
    HttpClient::connect_tls(gateway.https(), HOST, &new.client()).await.get("/new").await.expect(200);
}

#[tokio::test]
async fn a_backend_must_prove_who_it_is() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let addresses = [loopback(), loopback(), loopback()];
    let good = Backend::start_tls(addresses[0], trusted.issue(&["inner.test"]).server()).await;
    let unknown = Backend::start_tls(addresses[1], stranger.issue(&["inner.test"]).server()).await;
    let misnamed = Backend::start_tls(addresses[2], trusted.issue(&["other.test"]).server()).await;
    let mut gateway = Gateway::start_with(tidegate(), &[good.ip()], |document| {
        let document = document.trusted_root("inner", &trusted.base64());
        let root = document.reference("trustedRootCertificates", "inner");
        document.settings(
            "settings",
            &json!({"protocol": "Https", "hostName": "inner.test", "trustedRootCertificates": [root]}),
        )
    })
    .await;
    gateway.get("/good").await.expect(200);
    for bad in [&unknown, &misnamed] {
        let changed = gateway.document.clone().pool("pool", &[bad.ip()]);
        gateway.apply(changed).await;
        gateway.get("/secret").await.expect(502);
        assert_eq!(gateway.refused_websocket("/secret").await, 502);
        assert!(bad.requests().is_empty(), "a request went to a backend that is not what it says");
    }
}

#[tokio::test]
async fn a_backend_that_nobody_vouches_for_is_not_trusted() {
    let address = loopback();
    let backend = Backend::start_tls(address, Authority::new().issue(&["inner.test"]).server()).await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document.settings("settings", &json!({"protocol": "Https", "hostName": "inner.test"}))
    })
    .await;
    gateway.get("/secret").await.expect(502);
}

#[tokio::test]
async fn plain_http_on_an_https_listener_is_told_so_in_plain_http() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let identity = authority.issue(&[HOST]);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let mut peer = Peer::connect(gateway.https()).await;
    peer.write("GET / HTTP/1.1\r\nHost: secure.test\r\n\r\n").await;
    let (answer, _) = peer.read_to_end().await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    // Bytes that are neither TLS nor HTTP do not reach the backend either.
    let mut peer = Peer::connect(gateway.https()).await;
    peer.write([0x80, 0x2e, 0x01, 0x03, 0x01].as_slice()).await;
    peer.read_to_end().await;
    HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await.get("/x").await.expect(200);
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn https_to_backends_keeps_connections() {
    let (authority, address) = (Authority::new(), loopback());
    let backend = Backend::start_tls(address, authority.issue(&["inner.test"]).server()).await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.trusted_root("inner", &authority.base64());
        let root = document.reference("trustedRootCertificates", "inner");
        document.settings(
            "settings",
            &json!({"protocol": "Https", "hostName": "inner.test", "trustedRootCertificates": [root]}),
        )
    })
    .await;
    let mut client = gateway.client().await;
    for _ in 0..5 {
        client.get("/x").await.expect(200);
    }
    assert_eq!(backend.connections(), 1);
}
