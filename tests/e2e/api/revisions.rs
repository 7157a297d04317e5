//! The history of a gateway: its revisions, what differs between two, and going back.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Gateway, HttpClient, files_below};

use crate::tidegate;

const VERSION: &str = "api-version=2026-12-01";
const HOST: &str = "secure.test";

fn below(gateway: &Gateway, rest: &str) -> String {
    let separator = if rest.contains('?') { '&' } else { '?' };
    format!("{}/providers/Tidegate.Network/{rest}{separator}{VERSION}", gateway.id())
}

async fn get(gateway: &Gateway, rest: &str) -> Value {
    gateway.management().get(&below(gateway, rest)).await.expect(200).json()
}

fn names(list: &Value) -> Vec<&str> {
    let revisions = list["value"].as_array().expect("a list has values").iter();
    revisions.map(|revision| revision["name"].as_str().expect("a name is text")).collect()
}

#[tokio::test]
async fn a_gateway_goes_back_to_a_revision_with_its_certificates_and_extension_documents() {
    let (old_backend, new_backend) = (Backend::start().await, Backend::start().await);
    let (old_authority, new_authority) = (Authority::new(), Authority::new());
    let (old_identity, new_identity) = (old_authority.issue(&[HOST]), new_authority.issue(&[HOST]));
    let mut gateway = Gateway::start_with(tidegate(), &[old_backend.ip()], |d| d.https(&old_identity)).await;
    let management = gateway.management();
    let policy = below(&gateway, "tunnelPolicies/default");
    let of_policy = |seconds: u32| json!({"properties": {"maxLifetimeInSec": seconds}});
    let answer = management.put(&policy, &of_policy(100)).await.expect(201);
    assert_eq!(management.operation(&answer).await.status, "Succeeded");

    // Another certificate, another member and another policy.
    let mut changed = gateway.document.clone().certificate("certificate", &new_identity.pem_base64(), None);
    changed.body_mut()["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"] =
        json!([{"ipAddress": new_backend.ip().to_string()}]);
    let reason = [("x-tidegate-reason", "Ticket 7: é")];
    let answer = management.put_with(gateway.id(), &reason, changed.body()).await.expect(200);
    assert_eq!(management.operation(&answer).await.status, "Succeeded");
    let answer = management.put(&policy, &of_policy(200)).await.expect(200);
    assert_eq!(management.operation(&answer).await.status, "Succeeded");
    let fetch = async |authority: &Authority| {
        let mut client = HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await;
        client.get("/x").await.expect(200);
    };
    fetch(&new_authority).await;

    let list = get(&gateway, "revisions").await;
    assert_eq!(names(&list), ["4", "3", "2", "1"]);
    let of_list = |at: usize| &list["value"][at]["properties"];
    assert_eq!((&of_list(1)["reason"], &of_list(1)["author"]), (&json!("Ticket 7: é"), &json!("admin")));
    assert_eq!((&of_list(0)["current"], &of_list(1)["current"]), (&json!(true), &json!(false)));
    let counts = json!({"listeners": 2, "pools": 1, "members": 1, "rules": 2, "certificates": 1});
    assert_eq!(of_list(0)["counts"], counts);
    let page = get(&gateway, "revisions?$top=3").await;
    assert_eq!(names(&page), ["4", "3", "2"]);
    let next = management.get(page["nextLink"].as_str().unwrap()).await.expect(200).json();
    assert_eq!((names(&next), &next["nextLink"]), (vec!["1"], &Value::Null));

    let shown = get(&gateway, "revisions/2").await;
    let addresses = |shown: &Value| {
        shown["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"].clone()
    };
    assert_eq!(
        addresses(&shown["properties"]["document"]),
        json!([{"ipAddress": old_backend.ip().to_string()}])
    );
    assert_eq!(shown["properties"]["extensions"][0]["properties"]["maxLifetimeInSec"], 100);

    let diff = get(&gateway, "revisions/2/diff?to=4").await;
    let certificate = gateway.document.child_id("sslCertificates", "certificate");
    assert_eq!(diff["changedSecrets"], json!([certificate]));
    let paths: Vec<&str> =
        diff["patch"].as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
    let expected = [
        "/document/properties/backendAddressPools/0/properties/backendAddresses/0/ipAddress",
        "/document/properties/sslCertificates/0/properties/publicCertData",
        "/extensions/0/properties/maxLifetimeInSec",
    ];
    let mut sorted = paths.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "{diff}");
    assert!(!diff.to_string().contains(&old_identity.key_base64()[..64]));

    // Going back honours preconditions.
    let stale = [("if-match", "\"stale\"")];
    let restore = below(&gateway, "revisions/2/restore");
    management.send("POST", &restore, &stale, "").await.expect(412);
    let etag =
        |list: &Value| list["value"][0]["etag"].as_str().expect("the current one has an etag").to_owned();
    assert_eq!((&list["value"][1]["etag"], etag(&list)), (&Value::Null, etag(&page)));
    let seen = etag(&get(&gateway, "revisions").await);
    let other = below(&gateway, "tunnelPolicies/pool");
    let answer = management.put(&other, &of_policy(300)).await.expect(201);
    assert_eq!(management.operation(&answer).await.status, "Succeeded");
    management.send("POST", &restore, &[("if-match", &*seen)], "").await.expect(412);
    let seen = etag(&get(&gateway, "revisions").await);
    let restored = management.send("POST", &restore, &[("if-match", &*seen)], "").await.expect(202);
    assert_eq!(management.operation(&restored).await.status, "Succeeded");
    fetch(&old_authority).await;
    let now = management.get(gateway.id()).await.expect(200).json();
    assert_eq!(addresses(&now), json!([{"ipAddress": old_backend.ip().to_string()}]));
    let restored_policy = management.get(&policy).await.expect(200).json();
    assert_eq!(restored_policy["properties"]["maxLifetimeInSec"], 100);
    let newest = get(&gateway, "revisions?$top=1").await;
    assert_eq!(newest["value"][0]["properties"]["reason"], "Restored from revision 2");
    assert_eq!(get(&gateway, "revisions/2/diff?to=6").await["patch"], json!([]));
    let own = now["etag"].as_str().expect("a gateway has an etag");
    let again = management.send("POST", &restore, &[("if-match", own)], "").await.expect(202);
    assert_eq!(management.operation(&again).await.status, "Succeeded");

    for file in files_below(&gateway.tidegate.data_dir()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let key = old_identity.key_base64();
        let found = bytes.windows(60).any(|window| window == &key.as_bytes()[40..100]);
        assert!(!found, "{} holds a secret in the clear", file.display());
    }

    // The history ends with the gateway.
    management.remove(gateway.id()).await;
    management.get(&below(&gateway, "revisions")).await.expect(404);
    let document = gateway.document.clone();
    gateway.apply(document).await;
    assert_eq!(names(&get(&gateway, "revisions").await), ["1"]);
    management.get(&below(&gateway, "revisions/2")).await.expect(404);
}

#[tokio::test]
async fn a_history_has_a_length_and_survives_a_restart() {
    let mut gateway = Gateway::start(tidegate().option("--revisions", "2"), &[]).await;
    let management = gateway.management();
    for port in [20081, 20082] {
        let id = gateway.document.child_id("frontendPorts", "more");
        // A port that no listener uses changes nothing for workers, and makes no generation.
        management.apply(&id, &json!({"properties": {"port": port}})).await;
    }
    let list = get(&gateway, "revisions").await;
    assert_eq!(names(&list), ["1"]);
    let ports = |shown: &Value| shown["properties"]["document"]["properties"]["frontendPorts"].clone();
    assert_eq!(ports(&get(&gateway, "revisions/1").await)[1]["properties"]["port"], 20082);

    for member in ["192.0.2.1", "192.0.2.2"] {
        let pool = gateway.document.child_id("backendAddressPools", "pool");
        let body = json!({"properties": {"backendAddresses": [{"ipAddress": member}]}});
        management.apply(&pool, &body).await;
    }
    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    let list = get(&gateway, "revisions").await;
    assert_eq!(names(&list), ["3", "2"]);
    let management = gateway.management();
    let refused = management.post(&below(&gateway, "revisions/1/restore")).await.expect(404);
    assert_eq!(refused.error_code(), "ResourceNotFound");
    for (path, status) in [("revisions/x", 404), ("revisions/2/diff", 400), ("revisions/2/diff?to=9", 404)] {
        management.get(&below(&gateway, path)).await.expect(status);
    }
    let wrong = [("x-tidegate-reason", &*"x".repeat(257))];
    let body = gateway.document.body().clone();
    let refused = management.put_with(gateway.id(), &wrong, &body).await.expect(400);
    assert!(refused.text().contains("x-tidegate-reason"), "{}", refused.text());
}
