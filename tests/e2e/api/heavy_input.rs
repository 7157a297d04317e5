//! Input that is expensive on purpose: it is refused by its structure, or its request is, and other clients are
//! answered meanwhile.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, GROUP, Gateway, GatewayDocument, HttpClient, Management, SUBSCRIPTION, Tidegate,
    loopback,
};

use crate::identity::create;
use crate::routing::rewrites::{heavy_rules, heavy_text, rewriting};
use crate::{HOST, tidegate};

/// Creates two API clients that may write everything.
async fn two_clients(tidegate: &Tidegate) -> [Management; 2] {
    let management = tidegate.management();
    let login = async |name: &str| {
        let credentials = create(tidegate, &[name, "--role", "contributor", "--scope", "/"]).await;
        credentials.login(&management).await
    };
    [login("author").await, login("other").await]
}

/// Encodes one DER value.
fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = u16::try_from(contents.len()).expect("tests write less").to_be_bytes();
    let length: &[u8] = match length {
        [0, short @ 0..=127] => &[short],
        [0, byte] => &[0x81, byte],
        [high, low] => &[0x82, high, low],
    };
    [&[tag], length, &contents].concat()
}

/// Encodes a DER object identifier, given its encoded arcs.
fn oid(arcs: &[u8]) -> Vec<u8> {
    der(6, &[arcs])
}

/// Returns a PFX without an integrity check and with this many encrypted parts, each under a scrypt key that takes
/// 256 MiB and about a second (RFC 7292, RFC 7914).
fn pfx_of_scrypt(parts: usize) -> Vec<u8> {
    let data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let encrypted_data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6]);
    let pbes2 = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]);
    let scrypt = oid(&[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11]);
    let aes = oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42]);
    let integer = |bytes: &[u8]| [&[2, u8::try_from(bytes.len()).expect("small")], bytes].concat();
    // N = 2^18, r = 8, p = 1.
    let costs = [integer(&[4, 0, 0]), integer(&[8]), integer(&[1])].concat();
    let key_derivation = der(0x30, &[&scrypt, &der(0x30, &[&der(4, &[&[1; 8]]), &costs])]);
    let encryption = der(0x30, &[&aes, &der(4, &[&[2; 16]])]);
    let algorithm = der(0x30, &[&pbes2, &der(0x30, &[&key_derivation, &encryption])]);
    let content = der(0x30, &[&data, &algorithm, &der(0x80, &[&[0; 32]])]);
    let part = der(0x30, &[&encrypted_data, &der(0xa0, &[&der(0x30, &[&integer(&[0]), &content])])]);
    let safes = der(0x30, &vec![part.as_slice(); parts]);
    der(0x30, &[&integer(&[3]), &der(0x30, &[&data, &der(0xa0, &[&der(4, &[&safes])])])])
}

#[tokio::test]
async fn a_certificate_that_asks_for_scrypt_is_refused_while_another_client_is_answered() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let [author, other] = two_clients(&tidegate).await;
    let heavy = STANDARD.encode(pfx_of_scrypt(30));
    let heavy = GatewayDocument::empty("heavy").certificate("certificate", &heavy, Some("secret"));
    let usual = Authority::new().issue(&[HOST]).pfx("secret");
    let usual = GatewayDocument::empty("usual").certificate("certificate", &usual, Some("secret"));
    let again = async || {
        for _ in 0..3 {
            let error = author.put(heavy.id(), heavy.body()).await.expect(400).json()["error"].clone();
            assert_eq!(error["code"], "ApplicationGatewaySslCertificateInvalidData", "{error}");
            // The method is refused, not the duration, which would have another message.
            assert!(error["message"].as_str().unwrap().contains("scrypt"), "{error}");
        }
    };
    let ((), made) = tokio::join!(again(), other.put(usual.id(), usual.body()));
    made.expect(201);
}

fn deployment(name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/providers/Microsoft.Resources/deployments/{name}"
    )
}

/// Returns a template of a few KB with this many copies of an address, each with this many references to absent
/// resources.
fn heavy_template(copies: usize, references: usize) -> Value {
    let tag = |number| {
        let id = format!(
            "resourceId('Microsoft.Network/publicIPAddresses', concat('x', copyIndex(), '-{number}'))"
        );
        (format!("t{number}"), json!(format!("[reference({id}).ipAddress]")))
    };
    let tags: serde_json::Map<String, Value> = (0..references).map(tag).collect();
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{
            "type": "Microsoft.Network/publicIPAddresses",
            "apiVersion": "2024-05-01",
            "name": "[concat('copy', copyIndex())]",
            "location": "local",
            "copy": {"name": "copies", "count": copies},
            "properties": {"publicIPAllocationMethod": "Static", "dnsSettings": tags},
            "sku": {"name": "Standard"},
        }],
    })
}

#[tokio::test]
async fn a_heavy_template_is_refused_in_few_words_while_another_client_is_answered() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let [author, other] = two_clients(&tidegate).await;
    let validation = format!("{}/validate", deployment("heavy"));
    let body = json!({"properties": {"mode": "Incremental", "template": heavy_template(120, 300)}});
    let validate = async || {
        let answer = author.send_json("POST", &validation, &body).await.expect(400);
        assert_eq!(answer.json()["error"]["code"], "InvalidTemplate", "{}", answer.text());
        assert!(answer.text().contains("TemplateLimitExceeded"), "{}", answer.text());
        assert!(answer.text().len() < 64 * 1024, "{} bytes", answer.text().len());
    };
    let usual = GatewayDocument::empty("usual");
    let ((), (), (), made) =
        tokio::join!(validate(), validate(), validate(), other.put(usual.id(), usual.body()));
    made.expect(201);
}

#[tokio::test]
async fn what_a_template_refers_to_is_read_once_however_often_it_is_named() {
    let tidegate = tidegate().control_plane_alone().option("--log", "info,sqlx::query=debug").start().await;
    let management = tidegate.management();
    let statements = || {
        let output = tidegate.output();
        output.lines().filter(|line| line.contains("sqlx::query") && line.contains("FROM gateways")).count()
    };
    let mut gateway = GatewayDocument::empty("gateway");
    for number in 0..100 {
        gateway = gateway.port(&format!("port-{number}"), 1000 + number);
    }
    management.put(gateway.id(), gateway.body()).await.expect(201);
    let reference = |id: &str| json!(format!("[reference('{id}').provisioningState]"));
    let ports = (0..100).map(|number| gateway.child_id("frontendPorts", &format!("port-{number}")));
    let missing = (0..100).map(|number| GatewayDocument::empty(&format!("missing-{number}")).id().to_owned());
    for (ids, status) in [(ports.collect::<Vec<_>>(), 200), (missing.collect(), 400)] {
        let tags: serde_json::Map<String, Value> =
            (0..).zip(&ids).map(|(number, id)| (format!("t{number}"), reference(id))).collect();
        let mut template = heavy_template(1, 0);
        template["resources"][0]["tags"] = Value::Object(tags);
        let body = json!({"properties": {"mode": "Incremental", "template": template}});
        let before = statements();
        let validation = format!("{}/validate", deployment("many"));
        management.send_json("POST", &validation, &body).await.expect(status);
        let made = statements() - before;
        assert!((1..20).contains(&made), "{made} statements for {} references", ids.len());
    }
}

#[tokio::test]
async fn a_costly_pattern_of_one_gateway_does_not_hold_up_another_gateway_of_the_worker() {
    let (backend, address) = (Backend::start().await, loopback());
    let gateway = Gateway::start_with(tidegate().threads(1), &[backend.ip()], |document| {
        rewriting(document, &heavy_rules())
    })
    .await;
    let other = GatewayDocument::forwarding("other", address, &[backend.ip()]);
    gateway.management().apply_gateway(&other).await;
    let text = heavy_text();
    let costly = async || {
        let mut client = gateway.client().await;
        for _ in 0..20 {
            client.send("GET", "/costly", &[("x-text", &text)], "").await.expect(500);
        }
    };
    let ordinary = async || {
        let mut client = HttpClient::connect((address, tidegate_harness::HTTP_PORT).into(), HOST).await;
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..100 {
            let sent = tokio::time::Instant::now();
            client.get("/ordinary").await.expect(200);
            slowest = slowest.max(sent.elapsed());
        }
        slowest
    };
    let ((), (), slowest) = tokio::join!(costly(), costly(), ordinary());
    // At most two expensive requests come between. With the budget each takes some 5 ms of the one data thread, and
    // up to half a second in a build without optimization; without the budget, seconds or minutes.
    assert!(slowest < std::time::Duration::from_secs(10), "{slowest:?}");
}
