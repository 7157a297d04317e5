//! Certificates in files of the control plane's machine: read, replaced, and damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use tidegate_harness::{
    Authority, Backend, Choices, Gateway, HttpClient, Identity, Metrics, TidegateBuilder, TlsClient,
    WebSocket, wait_for,
};

use super::HOST;

fn tidegate(directory: &Path) -> TidegateBuilder {
    crate::tidegate().option("--certificate-files", directory.to_str().expect("the path is text"))
}

/// Writes the files as clients of ACME do: each is complete when it gets its name.
fn write(directory: &Path, identity: &Identity) {
    let (chain, key) = identity.write_pem(directory);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    fs::rename(chain, directory.join("site.pem")).expect("the directory can be written");
    fs::rename(key, directory.join("site.key")).expect("the directory can be written");
}

async fn comes_to_serve(gateway: &Gateway, identity: &Identity, authority: &Authority) {
    wait_for("the certificate to be served", async || {
        let client = TlsClient::new(authority, &Choices::default());
        let agreed = client.shake_hands(gateway.https(), HOST).await.ok()?;
        (agreed.certificate == identity.der()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_certificate_in_files_is_replaced_without_touching_a_connection_and_bad_files_change_nothing() {
    let (directory, backend) = (tempfile::tempdir().unwrap(), Backend::start().await);
    let (sent, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let mut gateway = Gateway::start_with(tidegate(directory.path()), &[backend.ip()], |document| {
        document.https(&sent.issue(&[HOST]))
    })
    .await;
    let source = format!("{}/providers/Tidegate.Network/certificateSources/certificate", gateway.id());
    let files = json!({"properties": {"kind": "File", "certificatePath": "site.pem", "keyPath": "site.key"}});
    let management = gateway.management();

    let refused = management.put(&source, &files).await.expect(400).text();
    assert!(refused.contains("CertificateSourceInvalid") && refused.contains("site.pem"), "{refused}");
    let outside = json!({"properties": {"certificatePath": "../site.pem", "keyPath": "site.key"}});
    let refused = management.put(&source, &outside).await.expect(400).text();
    assert!(refused.contains("is not the path of a file below"), "{refused}");
    let refused = management.put(&source, &json!({"properties": {}})).await.expect(400).text();
    assert!(
        refused.contains("properties.certificatePath") && refused.contains("properties.keyPath"),
        "{refused}"
    );

    let first = old.issue(&[HOST]);
    write(directory.path(), &first);
    management.apply(&source, &files).await;
    comes_to_serve(&gateway, &first, &old).await;
    let mut client = HttpClient::connect_tls(gateway.https(), HOST, &old.client()).await;
    client.get("/before").await.expect(200);
    let mut socket = WebSocket::connect_tls(gateway.https(), HOST, "/chat", &old.client()).await;

    let second = new.issue(&[HOST]);
    write(directory.path(), &second);
    comes_to_serve(&gateway, &second, &new).await;
    socket.echo("on the old certificate").await;
    client.get("/after").await.expect(200);

    // A key that does not belong to the certificate, as between the writes of two files.
    fs::write(directory.path().join("site.pem"), first.pem().split("-----BEGIN PRIVATE").next().unwrap())
        .unwrap();
    let failing = "tidegate_certificate_fetch_failing";
    wait_for("the metric to tell of it", async || {
        let page = Metrics::at_management(&management).await;
        (page.sum(failing, &[]) > 0.0).then_some(())
    })
    .await;
    assert!(gateway.tidegate.output().contains("does not belong to any of its certificates"));
    // What a client sends does not take the place of what was read.
    gateway.apply(gateway.document.clone()).await;
    comes_to_serve(&gateway, &second, &new).await;

    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    gateway.tidegate.start_again().await;
    comes_to_serve(&gateway, &second, &new).await;
    write(directory.path(), &first);
    comes_to_serve(&gateway, &first, &old).await;
}

#[tokio::test]
async fn a_certificate_without_data_comes_from_its_files_alone() {
    let (directory, backend) = (tempfile::tempdir().unwrap(), Backend::start().await);
    let authority = Authority::new();
    let identity = authority.issue(&[HOST]);
    write(directory.path(), &identity);
    let mut gateway =
        Gateway::start_with(tidegate(directory.path()), &[backend.ip()], |document| document).await;
    let source = format!("{}/providers/Tidegate.Network/certificateSources/certificate", gateway.id());
    let files = json!({"properties": {"certificatePath": "site.pem", "keyPath": "site.key"}});
    gateway.management().apply(&source, &files).await;
    let document =
        gateway.document.clone().https(&identity).child("sslCertificates", "certificate", &json!({}));
    gateway.apply(document).await;
    comes_to_serve(&gateway, &identity, &authority).await;
    let shown = gateway.management().get(&source).await.expect(200).json();
    assert_eq!(shown["properties"]["kind"], "File");
    assert!(shown["properties"].get("fault").is_none(), "{shown}");
}
