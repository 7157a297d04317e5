//! TLS with backends: the server name, the verification of certificates, and the descriptions of faults.

use std::net::IpAddr;

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, CannedBackend, DnsServer, Gateway, GatewayDocument, HttpClient, Identity, Rest,
    loopback,
};

use crate::tidegate;

/// The name in the certificates of valid backends.
const NAME: &str = "inner.test";

/// Adds HTTPS settings that trust the authority, merged with `more`, and a probe.
fn in_tls(document: GatewayDocument, authority: &Authority, more: &Value) -> GatewayDocument {
    let document = document.trusted_root("root", &authority.base64()).probe(
        "probe",
        &json!({"protocol": "Https", "host": null, "pickHostNameFromBackendHttpSettings": true}),
    );
    let mut settings = json!({
        "protocol": "Https", "hostName": NAME,
        "probe": document.reference("probes", "probe"),
        "trustedRootCertificates": [document.reference("trustedRootCertificates", "root")]});
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    document.settings("settings", &settings)
}

/// Like [`in_tls`], with the default probe.
fn unprobed(document: GatewayDocument, authority: &Authority, more: &Value) -> GatewayDocument {
    let mut more = more.clone();
    more["probe"] = Value::Null;
    in_tls(document, authority, &more)
}

async fn start(identity: &Identity) -> Backend {
    Backend::start_tls(loopback(), identity.server()).await
}

#[tokio::test]
async fn each_cause_is_told_so_that_a_person_can_act_on_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let intermediate = authority.intermediate("Intermediate of a test");
    let through = intermediate.issue(&[NAME]);
    let good = Backend::start_tls(loopback(), through.server_with_authority()).await;
    let old = Backend::start_tls(loopback(), authority.issue(&[NAME]).server_of_tls12()).await;
    let expired = start(&authority.issue_expired(&[NAME])).await;
    let other = start(&authority.issue(&["other.test"])).await;
    let strange = start(&stranger.issue(&[NAME])).await;
    let alone = start(&through).await;
    let plain = CannedBackend::start("HTTP/1.1 400 Bad Request\r\n\r\n", Rest::Close).await;
    let told: &[(IpAddr, &str, &[&str])] = &[
        (good.ip(), "Up", &["Success"]),
        (old.ip(), "Up", &["Success"]),
        (expired.ip(), "Down", &["certificate", "expired on 2002-02-03"]),
        (other.ip(), "Down", &["does not match the name", NAME, "other.test"]),
        (strange.ip(), "Down", &["root certificate", "not the trusted one"]),
        (alone.ip(), "Down", &["intermediate certificate is missing", "Intermediate of a test"]),
        (plain.ip(), "Down", &["does not speak TLS"]),
        (loopback().into(), "Down", &["annot connect to", "connection refused"]),
    ];
    let members: Vec<IpAddr> = told.iter().map(|(member, ..)| *member).collect();
    let gateway = Gateway::start_with(tidegate(), &members, |d| in_tls(d, &authority, &json!({}))).await;
    for (member, health, words) in told {
        let member = member.to_string();
        gateway.management().member_health(gateway.id(), &member, health).await;
        gateway.management().member_log(gateway.id(), &member, words).await;
    }
    gateway.get("/x").await.expect(200);
}

#[tokio::test]
async fn a_backend_chooses_the_key_exchange() {
    use rustls::NamedGroup::{X25519, X25519MLKEM768, secp256r1, secp384r1};
    let authority = Authority::new();
    for group in [X25519MLKEM768, X25519, secp256r1, secp384r1] {
        let server = authority.issue(&[NAME]).server_exchanging(group);
        let backend = Backend::start_tls(loopback(), server).await;
        let gateway =
            Gateway::start_with(tidegate(), &[backend.ip()], |d| in_tls(d, &authority, &json!({}))).await;
        gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Up").await;
        gateway.get("/x").await.expect(200);
    }
}

#[tokio::test]
async fn each_check_can_be_left_out() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let strange = start(&stranger.issue_expired(&[NAME])).await;
    let other = start(&authority.issue(&["other.test"])).await;
    let pools = |document: GatewayDocument, more: &Value| in_tls(document, &authority, more);
    let members = [strange.ip(), other.ip()];
    let mut gateway = Gateway::start_with(tidegate(), &members, |d| pools(d, &json!({}))).await;
    let cases = [
        (json!({}), ["Down", "Down"]),
        (json!({"validateCertChainAndExpiry": false}), ["Up", "Down"]),
        (json!({"validateSNI": false}), ["Down", "Up"]),
        (json!({"validateCertChainAndExpiry": false, "validateSNI": false}), ["Up", "Up"]),
        (json!({"validateCertChainAndExpiry": true, "validateSNI": true}), ["Down", "Down"]),
    ];
    for (more, expected) in cases {
        gateway.apply(pools(gateway.document.clone(), &more)).await;
        for (member, health) in members.iter().zip(expected) {
            gateway.management().member_health(gateway.id(), &member.to_string(), health).await;
        }
        let served = gateway.get("/x").await.status;
        assert_eq!(served, if expected.contains(&"Up") { 200 } else { 502 }, "{more}");
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_accepted_whatever_else_it_is_and_no_other() {
    let authority = Authority::new();
    let pinned = authority.issue_expired(&["other.test"]);
    let (good, bad) = (start(&pinned).await, start(&authority.issue(&[NAME])).await);
    let pin = |document: GatewayDocument| {
        let data = json!({"data": pinned.certificate_base64()});
        let document = document.child("authenticationCertificates", "pinned", &data);
        let references = json!([document.reference("authenticationCertificates", "pinned")]);
        let more = json!({"authenticationCertificates": references, "trustedRootCertificates": []});
        let mut document = in_tls(document, &authority, &more);
        document.body_mut()["properties"]["sku"] = json!({"name": "Standard_Medium", "tier": "Standard"});
        document
    };
    let mut gateway = Gateway::start_with(tidegate(), &[good.ip(), bad.ip()], pin).await;
    let management = gateway.management();
    management.member_health(gateway.id(), &good.ip().to_string(), "Up").await;
    let told = ["is not the one that the authentication certificates pin"];
    management.member_log(gateway.id(), &bad.ip().to_string(), &told).await;
    gateway.get("/x").await.expect(200);
    gateway.websocket("/x").await.echo("x").await;
    let alone = gateway.document.clone().pool("pool", &[bad.ip()]);
    gateway.apply(alone).await;
    assert_eq!(gateway.get("/x").await.status, 502);
}

#[tokio::test]
async fn an_sni_name_is_asked_for_and_checked_whatever_the_host_is() {
    let authority = Authority::new();
    let identity = authority.issue(&[NAME]);
    let backend = Backend::start_tls(loopback(), identity.server_by_name(NAME)).await;
    let host = json!({"hostName": "host.test", "sniName": NAME});
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |d| in_tls(d, &authority, &host)).await;
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Up").await;
    let seen = gateway.get("/x").await.expect(200).json();
    assert!(seen["headers"].to_string().contains("host.test"), "{seen}");
    gateway.websocket("/x").await.echo("x").await;
    gateway.apply(in_tls(gateway.document.clone(), &authority, &json!({"hostName": "host.test"}))).await;
    let member = backend.ip().to_string();
    gateway.management().member_log(gateway.id(), &member, &["refused the handshake", "SNI"]).await;
}

#[tokio::test]
async fn the_name_that_is_asked_for_is_the_documented_one() {
    let (authority, dns) = (Authority::new(), DnsServer::start().await);
    let by_name = |name: &'static str| {
        let server = authority.issue(&[name]).server_by_name(name);
        Backend::start_tls(loopback(), server)
    };
    let (fixed, member, client) =
        (by_name("fixed.test").await, by_name("member.test").await, by_name("client.test").await);
    dns.set("member.test", &[member.ip()], 60);
    let server = dns.address().to_string();
    let tidegate = tidegate().option("--dns-server", &server);
    let change = |d| unprobed(d, &authority, &json!({"hostName": "fixed.test"}));
    let mut gateway = Gateway::start_with(tidegate, &[fixed.ip()], change).await;

    // The host name of the settings, also for the default probe.
    gateway.get("/x").await.expect(200);
    gateway.management().member_health(gateway.id(), &fixed.ip().to_string(), "Up").await;

    // The member's own name.
    let picked = json!({"hostName": null, "pickHostNameFromBackendAddress": true});
    let document = gateway.document.clone().named_pool("pool", &["member.test"]);
    gateway.apply(unprobed(document, &authority, &picked)).await;
    gateway.get("/x").await.expect(200);
    gateway.management().member_health(gateway.id(), "member.test", "Up").await;

    // The client's host.
    let document = gateway.document.clone().pool("pool", &[client.ip()]);
    gateway.apply(unprobed(document, &authority, &json!({"hostName": null}))).await;
    HttpClient::connect(gateway.http(), "client.test").await.get("/x").await.expect(200);
    HttpClient::connect(gateway.http(), "another.test").await.get("/x").await.expect(502);

    // The host of the probe, whatever host requests have.
    let document = gateway
        .document
        .clone()
        .pool("pool", &[fixed.ip()])
        .probe("probe", &json!({"protocol": "Https", "host": "fixed.test"}));
    let probe = document.reference("probes", "probe");
    gateway
        .apply(document.settings(
            "settings",
            &json!({
        "protocol": "Https", "probe": probe, "hostName": "another.test",
        "trustedRootCertificates": [gateway.document.reference("trustedRootCertificates", "root")]}),
        ))
        .await;
    gateway.management().member_health(gateway.id(), &fixed.ip().to_string(), "Up").await;
    gateway.get("/x").await.expect(502);
}

#[tokio::test]
async fn an_address_is_asked_for_without_a_name_and_checked_as_an_address() {
    let (authority, address) = (Authority::new(), loopback());
    let backend = start_at(address.into(), &authority.issue(&[&address.to_string()])).await;
    let picked = json!({"hostName": null, "pickHostNameFromBackendAddress": true});
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |d| unprobed(d, &authority, &picked)).await;
    gateway.get("/x").await.expect(200);
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Up").await;
}

async fn start_at(address: IpAddr, identity: &Identity) -> Backend {
    Backend::start_tls(address, identity.server()).await
}
