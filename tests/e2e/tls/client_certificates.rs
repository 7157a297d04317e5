//! Client authentication with certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::version;
use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Choices, Gateway, GatewayDocument, HttpClient, Peer, TlsClient};

use crate::tidegate;

const HOST: &str = "strict.test";

/// Adds an HTTPS listener for `host`, with an SSL profile of these properties that is named after the host.
fn with_listener(
    document: GatewayDocument,
    server: &Authority,
    host: &str,
    profile: Option<&Value>,
) -> GatewayDocument {
    let identity = server.issue(&[host]);
    let Some(profile) = profile else { return document.https_for(host, &identity, &json!({})) };
    let document = document.child("sslProfiles", host, profile);
    let profile = document.reference("sslProfiles", host);
    document.https_for(host, &identity, &json!({"sslProfile": profile}))
}

/// Adds the authority's certificate as the trusted client certificate `clients`.
fn with_authority(document: GatewayDocument, clients: &Authority) -> GatewayDocument {
    document.child("trustedClientCertificates", "clients", &json!({"data": clients.base64()}))
}

/// The properties of a profile that verifies clients with `clients`.
fn strict(document: &GatewayDocument) -> Value {
    json!({"trustedClientCertificates": [document.reference("trustedClientCertificates", "clients")]})
}

async fn gateway_of(
    backend: &Backend,
    server: &Authority,
    clients: &Authority,
    hosts: &[(&str, Option<fn(&GatewayDocument) -> Value>)],
) -> Gateway {
    Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let mut document = with_authority(document, clients);
        for (host, profile) in hosts {
            let profile = profile.map(|profile| profile(&document));
            document = with_listener(document, server, host, profile.as_ref());
        }
        document
    })
    .await
}

#[tokio::test]
async fn only_who_shows_a_good_certificate_is_served_and_the_others_are_told_by_http() {
    let (backend, server, clients, strangers) =
        (Backend::start().await, Authority::new(), Authority::new(), Authority::new());
    let gateway = gateway_of(&backend, &server, &clients, &[(HOST, Some(strict))]).await;
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let showing =
            |identity| TlsClient::new(&server, &Choices { identity, versions, ..Choices::default() });
        let good = clients.issue_client("good", |_| {});
        let stranger = strangers.issue_client("stranger", |_| {});
        let old = clients.issue_client("old", |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        });
        let purposeless = clients.issue_client("no purpose", |params| params.extended_key_usages.clear());
        for (identity, status) in [
            (Some(&good), 200),
            (None, 400),
            (Some(&stranger), 400),
            (Some(&old), 400),
            (Some(&purposeless), 400),
        ] {
            let client = showing(identity.map(|identity| (identity, Vec::new())));
            let mut http = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
            // Each request of the connection gets the status.
            for _ in 0..2 {
                http.get("/x").await.expect(status);
            }
            // The session holds the certificate: it is verified again, but not requested again. A client that had
            // none may have one by now, and is asked again.
            let again = client.shake_hands(gateway.https(), HOST).await.unwrap();
            assert_eq!(again.resumed, identity.is_some(), "{}", again.version);
            let mut resumed = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
            resumed.get("/x").await.expect(status);
        }
    }
    assert_eq!(backend.requests().len(), 2 * 3);
}

#[tokio::test]
async fn a_websocket_handshake_needs_the_certificate_too() {
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let gateway = gateway_of(&backend, &server, &clients, &[(HOST, Some(strict))]).await;
    let good = TlsClient::showing(&server, &clients.issue_client("good", |_| {}));
    let mut socket =
        tidegate_harness::WebSocket::connect_tls(gateway.https(), HOST, "/chat", &good.config).await;
    socket.echo("with a certificate").await;
    let mut peer = Peer::connect_tls(gateway.https(), HOST, &server.client()).await;
    peer.write(format!(
        "GET /chat HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ))
    .await;
    assert!(peer.read_head().await.first_line.contains(" 400 "));
}

#[tokio::test]
async fn the_issuer_of_a_certificate_can_be_prescribed() {
    let (backend, server, root) = (Backend::start().await, Authority::new(), Authority::new());
    let middle = root.intermediate("Middle");
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let chain = format!("{}{}", root.pem(), middle.pem());
        let document = document.child("trustedClientCertificates", "clients", &json!({"data": chain}));
        let mut profile = strict(&document);
        profile["clientAuthConfiguration"] = json!({"verifyClientCertIssuerDN": true});
        with_listener(document, &server, HOST, Some(&profile))
    })
    .await;
    for (identity, status) in
        [(middle.issue_client("good", |_| {}), 200), (root.issue_client("of the root", |_| {}), 400)]
    {
        let client = TlsClient::showing(&server, &identity);
        let mut http = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
        http.get("/x").await.expect(status);
    }
}

#[tokio::test]
async fn what_clients_are_held_against_is_authorities_with_one_root_and_no_key() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let (root, other) = (Authority::new(), Authority::new());
    let base64 = |pem: &str| STANDARD.encode(pem);
    let leaf = root.issue_client("a client", |_| {});
    // More certificates than fit into 25 KB.
    let large =
        (0..90).fold(root.pem(), |chain, number| chain + &root.intermediate(&format!("{number}")).pem());
    for (data, code) in [
        (Value::Null, "ApplicationGatewayTrustedClientCertificateMustSpecifyData"),
        (json!(base64("no certificate")), "ApplicationGatewayTrustedClientCertificateInvalidData"),
        (json!(base64(&large)), "ApplicationGatewayTrustedClientCertificateInvalidData"),
        (json!(leaf.pem_base64()), "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"),
        (
            json!(STANDARD.encode(leaf.der())),
            "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate",
        ),
        (
            json!(base64(&(root.pem() + &other.pem()))),
            "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate",
        ),
        (
            json!(base64(&root.intermediate("without its root").pem())),
            "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate",
        ),
    ] {
        let child = gateway.document.child_id("trustedClientCertificates", "clients");
        let refused = gateway.management().put(&child, &json!({"properties": {"data": data}})).await;
        assert_eq!(refused.expect(400).error_code(), code);
    }
}

#[tokio::test]
async fn passthrough_asks_and_lets_everybody_in() {
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let passthrough =
        |_: &GatewayDocument| json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    let gateway = gateway_of(&backend, &server, &clients, &[(HOST, Some(passthrough))]).await;
    let anybody = TlsClient::showing(&server, &Authority::new().issue_client("anybody", |_| {}));
    for config in [anybody.config, server.client()] {
        HttpClient::connect_tls(gateway.https(), HOST, &config).await.get("/x").await.expect(200);
    }
}

#[tokio::test]
async fn no_host_header_leads_past_a_listener_that_asks_for_a_certificate() {
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let gateway = gateway_of(&backend, &server, &clients, &[("open.test", None), (HOST, Some(strict))]).await;
    let identity = clients.issue_client("good", |_| {});
    let good = TlsClient::showing(&server, &identity);
    // This connection was not asked for a certificate.
    let mut open = HttpClient::connect_tls(gateway.https(), "open.test", &good.config).await;
    open.get("/x").await.expect(200);
    let elsewhere = open.send("GET", "/x", &[("host", HOST)], "").await.expect(421);
    // Not all clients with a connection pool know 421, but all know a closed connection.
    assert_eq!(elsewhere.header("connection"), Some("close"));
    // This connection was asked for more than the other listener requires.
    let mut strict = HttpClient::connect_tls(gateway.https(), HOST, &good.config).await;
    strict.send("GET", "/x", &[("host", "open.test")], "").await.expect(200);
    strict.get("/x").await.expect(200);
    assert_eq!(backend.requests().len(), 3);
}

#[tokio::test]
async fn an_authority_that_is_no_longer_trusted_is_not_trusted_on_open_connections_either() {
    let (backend, server, clients, others) =
        (Backend::start().await, Authority::new(), Authority::new(), Authority::new());
    let mut gateway = gateway_of(&backend, &server, &clients, &[(HOST, Some(strict))]).await;
    let client = TlsClient::showing(&server, &clients.issue_client("good", |_| {}));
    let mut http = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
    http.get("/x").await.expect(200);
    let changed = with_authority(gateway.document.clone(), &others);
    gateway.apply(changed).await;
    http.get("/x").await.expect(421);
    assert!(!client.shake_hands(gateway.https(), HOST).await.unwrap().resumed);
    let mut again = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
    again.get("/x").await.expect(400);
}

#[tokio::test]
async fn a_session_from_before_certificates_were_asked_for_is_not_resumed() {
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let mut gateway = gateway_of(&backend, &server, &clients, &[(HOST, None)]).await;
    let identity = clients.issue_client("good", |_| {});
    let versions: [&[_]; 2] = [&[&version::TLS12], &[&version::TLS13]];
    let showing = versions.map(|versions| {
        TlsClient::new(
            &server,
            &Choices { identity: Some((&identity, Vec::new())), versions, ..Choices::default() },
        )
    });
    for client in &showing {
        HttpClient::connect_tls(gateway.https(), HOST, &client.config).await.get("/x").await.expect(200);
    }
    let (document, profile) = (gateway.document.clone(), strict(&gateway.document));
    gateway.apply(with_listener(document, &server, HOST, Some(&profile))).await;
    for client in &showing {
        assert!(!client.shake_hands(gateway.https(), HOST).await.unwrap().resumed);
        HttpClient::connect_tls(gateway.https(), HOST, &client.config).await.get("/x").await.expect(200);
    }
}

#[tokio::test]
async fn backends_and_the_access_log_learn_who_the_client_is() {
    const VARIABLES: [&str; 8] = [
        "client_certificate",
        "client_certificate_subject",
        "client_certificate_issuer",
        "client_certificate_serial",
        "client_certificate_fingerprint",
        "client_certificate_start_date",
        "client_certificate_end_date",
        "client_certificate_verification",
    ];
    let (backend, server, clients) = (Backend::start().await, Authority::new(), Authority::new());
    let header = |variable: &str| format!("x-{}", variable.replace('_', "-"));
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = with_authority(document, &clients);
        let profile = strict(&document);
        let document = with_listener(document, &server, HOST, Some(&profile));
        let headers: Vec<Value> = VARIABLES
            .iter()
            .map(|name| json!({"headerName": header(name), "headerValue": format!("{{var_{name}}}")}))
            .collect();
        let rule = json!({"name": "who", "actionSet": {"requestHeaderConfigurations": headers}});
        let mut document = document.child("rewriteRuleSets", "who", &json!({"rewriteRules": [rule]}));
        let set = document.reference("rewriteRuleSets", "who");
        let rules = document.body_mut()["properties"]["requestRoutingRules"].as_array_mut();
        let rule = rules.unwrap().iter_mut().find(|rule| rule["name"] == HOST).unwrap();
        rule["properties"]["rewriteRuleSet"] = set;
        document
    })
    .await;
    let identity = clients.issue_client("Jane, of a test", |params| {
        params.not_before = rcgen::date_time_ymd(2026, 2, 3);
        params.not_after = rcgen::date_time_ymd(2096, 2, 3);
    });
    let client = TlsClient::showing(&server, &identity);
    // A header of the client with the gateway's name is not trusted.
    let forged = [("x-client-certificate-subject", "CN=root")];
    let mut http = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
    http.send("GET", "/who", &forged, "").await.expect(200);
    let seen = backend.request("/who").await;
    let value = |name: &str| seen.head.header(&header(name)).unwrap_or_default().to_owned();
    assert!(value("client_certificate").starts_with("-----BEGIN%20CERTIFICATE-----%0AMII"));
    assert!(value("client_certificate_subject").contains(r"CN=Jane\, of a test"), "{:?}", seen.head);
    assert!(value("client_certificate_issuer").contains("CN=Authority of a test"), "{:?}", seen.head);
    assert_eq!(value("client_certificate_serial").len(), 32);
    assert_eq!(value("client_certificate_fingerprint").len(), 40);
    assert_eq!(value("client_certificate_start_date"), "Feb  3 00:00:00 2026 GMT");
    assert_eq!(value("client_certificate_end_date"), "Feb  3 00:00:00 2096 GMT");
    assert_eq!(value("client_certificate_verification"), "SUCCESS");

    let line = gateway.access_log().line_with(&["/who"]).await;
    let logged = &line["properties"];
    assert_eq!(logged["sslClientVerify"], "SUCCESS");
    assert_eq!(logged["sslClientCertificateFingerprint"], value("client_certificate_fingerprint"));
    assert_eq!(logged["sslClientCertificateIssuerName"], value("client_certificate_issuer"));
    assert_eq!(logged["sslProtocol"], "TLSv1.3");
    let mut nobody = HttpClient::connect_tls(gateway.https(), HOST, &server.client()).await;
    nobody.get("/nobody").await.expect(400);
    let line = gateway.access_log().line_with(&["/nobody"]).await;
    assert_eq!(line["properties"]["sslClientVerify"], "NONE");
}
