//! Certificates that come from a vault: fetched, replaced, and refused.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Choices, Gateway, GatewayDocument, HttpClient, Metrics, TidegateBuilder, TlsClient,
    Vault, WebSocket, loopback, wait_for,
};

use super::HOST;

const PFX: &str = "application/x-pkcs12";
const PEM: &str = "application/x-pem-file";

fn tidegate(vault: &Vault) -> TidegateBuilder {
    crate::tidegate()
        .option("--key-vault-credentials", vault.credentials().to_str().expect("the path is text"))
        .option("--key-vault-interval", "300ms")
}

/// Adds an HTTPS listener for a host, whose certificate is the secret with that ID.
fn with_listener(document: GatewayDocument, host: &str, id: &str) -> GatewayDocument {
    let document = document.https_for(host, &Authority::new().issue(&[host]), &json!({}));
    document.child("sslCertificates", host, &json!({"keyVaultSecretId": id}))
}

async fn serves(gateway: &Gateway, host: &str, authority: &Authority) -> bool {
    TlsClient::new(authority, &Choices::default()).shake_hands(gateway.https(), host).await.is_ok()
}

/// Waits until new connections to a host get a certificate of the authority.
async fn comes_to_serve(gateway: &Gateway, host: &str, authority: &Authority) {
    wait_for(&format!("{host} to be served"), async || serves(gateway, host, authority).await.then_some(()))
        .await;
}

/// Waits until new connections to a host are refused as those of a disabled listener.
async fn becomes_disabled(gateway: &Gateway, host: &str, authority: &Authority) {
    wait_for(&format!("{host} to be disabled"), async || {
        let client = TlsClient::new(authority, &Choices::default());
        let error = client.shake_hands(gateway.https(), host).await.err()?;
        error.to_string().contains("UnrecognisedName").then_some(())
    })
    .await;
}

/// Returns a metric of the control plane.
async fn metric(gateway: &Gateway, name: &str) -> Option<f64> {
    let page = Metrics::at_management(&gateway.management()).await;
    let sample = page.page().lines().find(|line| line.starts_with(&format!("{name}{{")))?;
    sample.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn a_certificate_of_a_key_vault_is_served_and_replaced_without_touching_a_connection() {
    let (vault, backend) = (Vault::start().await, Backend::start().await);
    let (old, new) = (Authority::new(), Authority::new());
    vault.put("site", PFX, &old.issue(&[HOST]).pfx(""));
    let gateway = Gateway::start_with(tidegate(&vault), &[backend.ip()], |document| {
        with_listener(document, HOST, &vault.secret_id("site"))
    })
    .await;
    let mut client = HttpClient::connect_tls(gateway.https(), HOST, &old.client()).await;
    client.get("/before").await.expect(200);
    let mut socket = WebSocket::connect_tls(gateway.https(), HOST, "/chat", &old.client()).await;
    let shown = gateway.management().get(gateway.id()).await.json();
    let certificate = &shown["properties"]["sslCertificates"][0]["properties"];
    assert_eq!(certificate["keyVaultSecretId"], vault.secret_id("site"));
    assert!(certificate["publicCertData"].is_string(), "{certificate}");

    vault.put("site", PEM, new.issue(&[HOST]).pem());
    comes_to_serve(&gateway, HOST, &new).await;
    socket.echo("on the old certificate").await;
    client.get("/after").await.expect(200);
    assert!(metric(&gateway, "tidegate_certificate_fetch_age_seconds").await.is_some_and(|age| age < 60.0));
    assert_eq!(metric(&gateway, "tidegate_certificate_fetch_failing").await, Some(0.0));
    let output = gateway.tidegate.output();
    assert!(!output.contains(Vault::CLIENT_SECRET), "{output}");
}

#[tokio::test]
async fn a_certificate_that_the_vault_refuses_disables_its_listeners_and_no_others() {
    let (vault, backend, authority) = (Vault::start().await, Backend::start().await, Authority::new());
    vault.put("a", PEM, authority.issue(&["a.test"]).pem());
    let mut gateway = Gateway::start_with(tidegate(&vault), &[backend.ip()], |document| {
        let document = with_listener(document, "a.test", &vault.secret_id("a"));
        document.https_for("b.test", &authority.issue(&["b.test"]), &json!({}))
    })
    .await;
    comes_to_serve(&gateway, "a.test", &authority).await;
    let mut before = HttpClient::connect_tls(gateway.https(), "a.test", &authority.client()).await;
    before.get("/").await.expect(200);

    vault.clear();
    becomes_disabled(&gateway, "a.test", &authority).await;
    assert!(serves(&gateway, "b.test", &authority).await);
    before.get("/").await.expect(421);
    wait_for("the metric to say so", async || {
        (metric(&gateway, "tidegate_certificate_fetch_failing").await == Some(1.0)).then_some(())
    })
    .await;

    // A write is accepted, and says what is missing.
    let answer = gateway.management().put(gateway.id(), gateway.document.body()).await.expect(200);
    let warnings = answer.header("x-tidegate-warnings").unwrap_or_default().to_owned();
    assert!(warnings.contains("has no such secret"), "{warnings}");
    assert!(warnings.contains("disabled until it can be fetched"), "{warnings}");
    gateway.management().operation(&answer).await;
    becomes_disabled(&gateway, "a.test", &authority).await;
    assert!(gateway.tidegate.output().contains("a certificate could not be fetched"));

    // The next write fetches it; a poll would do so too.
    vault.put("a", PEM, authority.issue(&["a.test"]).pem());
    gateway.apply(gateway.document.clone()).await;
    comes_to_serve(&gateway, "a.test", &authority).await;

    vault.put("a", "application/json", "{}");
    becomes_disabled(&gateway, "a.test", &authority).await;
    vault.put("a", PEM, authority.issue(&["a.test"]).pem());
    comes_to_serve(&gateway, "a.test", &authority).await;
}

#[tokio::test]
async fn a_vault_that_fails_has_no_impact_on_listeners_even_after_a_restart() {
    let (vault, backend, authority) = (Vault::start().await, Backend::start().await, Authority::new());
    vault.put("site", PFX, &authority.issue(&[HOST]).pfx(""));
    let mut gateway = Gateway::start_with(tidegate(&vault), &[backend.ip()], |document| {
        with_listener(document, HOST, &vault.secret_id("site"))
    })
    .await;
    vault.fail(Some(503));
    wait_for("a poll to fail", async || {
        (metric(&gateway, "tidegate_certificate_fetch_failing").await == Some(1.0)).then_some(())
    })
    .await;
    let answer = gateway.management().put(gateway.id(), gateway.document.body()).await.expect(200);
    let warnings = answer.header("x-tidegate-warnings").unwrap_or_default().to_owned();
    assert!(warnings.contains("stays in use"), "{warnings}");
    assert!(serves(&gateway, HOST, &authority).await);

    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    gateway.tidegate.start_again().await;
    comes_to_serve(&gateway, HOST, &authority).await;
    assert_eq!(
        gateway.management().get(gateway.id()).await.json()["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[tokio::test]
async fn certificates_and_authorities_come_from_the_engine_kv() {
    let vault = Vault::start().await;
    vault.use_token();
    let (outside, inside) = (Authority::new(), Authority::new());
    let address = loopback();
    let backend = Backend::start_tls(address, inside.issue(&["inner.test"]).server()).await;
    let identity = outside.issue(&[HOST]);
    let (certificate, key) = split(identity.pem());
    vault.put_kv("tls/site", &json!({"certificate": certificate, "private_key": key}));
    vault.put_kv("ca", &json!({"certificate": inside.pem()}));
    let gateway = Gateway::start_with(tidegate(&vault), &[backend.ip()], |document| {
        let root = json!({"keyVaultSecretId": vault.kv_id("ca")});
        let document = with_listener(document, HOST, &vault.kv_id("tls/site")).child(
            "trustedRootCertificates",
            "inner",
            &root,
        );
        let root = document.reference("trustedRootCertificates", "inner");
        document.settings(
            "settings",
            &json!({"protocol": "Https", "hostName": "inner.test", "trustedRootCertificates": [root]}),
        )
    })
    .await;
    HttpClient::connect_tls(gateway.https(), HOST, &outside.client()).await.get("/").await.expect(200);

    // Without its authority no backend is trusted.
    vault.put_kv("ca", &json!({"other": "x"}));
    wait_for("the backend to be refused", async || {
        let mut client = HttpClient::connect_tls(gateway.https(), HOST, &outside.client()).await;
        (client.get("/").await.status == 502).then_some(())
    })
    .await;
}

/// Splits PEM into certificates and key.
fn split(pem: &str) -> (String, String) {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----";
    let at = pem.find(KEY).expect("the PEM has a key");
    let (before, key) = pem.split_at(at);
    const END: &str = "-----END PRIVATE KEY-----";
    let end = key.find(END).expect("the key ends") + END.len();
    (format!("{before}{}", &key[end..]), key[..end].to_owned())
}

#[tokio::test]
async fn only_vaults_with_credentials_are_asked_and_mistakes_are_named() {
    let (vault, stranger) = (Vault::start().await, Vault::start().await);
    let gateway = Gateway::start_with(tidegate(&vault), &[Backend::start().await.ip()], |document| {
        document.https(&Authority::new().issue(&[HOST]))
    })
    .await;
    let id = gateway.document.child_id("sslCertificates", "other");
    let put =
        async |properties: Value| gateway.management().put(&id, &json!({"properties": properties})).await;

    let answer = put(json!({"keyVaultSecretId": stranger.secret_id("a")})).await.expect(201);
    let warnings = answer.header("x-tidegate-warnings").unwrap_or_default().to_owned();
    assert!(warnings.contains("--key-vault-credentials has no file"), "{warnings}");
    assert_eq!(stranger.requests(), Vec::<String>::new());

    for (properties, code, part) in [
        (
            json!({"keyVaultSecretId": "https://vault.test/certificates/a"}),
            "KeyVaultSecretIdInvalid",
            "https://VAULT/secrets/NAME",
        ),
        (json!({"keyVaultSecretId": "http://vault.test/secrets/a"}), "KeyVaultSecretIdInvalid", "https URL"),
        (json!({"keyVaultSecretId": vault.secret_id("a"), "data": "x"}), "MutuallyExclusive", "Only one of"),
    ] {
        let refused = put(properties).await.expect(400).text();
        assert!(refused.contains(code) && refused.contains(part), "{refused}");
    }
}
