//! The contents of the audit log.

use serde_json::{Value, json};
use tidegate_harness::{GatewayDocument, Management};

use super::{command, create, usual_gateway};
use crate::tidegate;

/// Returns the entries that a query finds, the newest first.
async fn log(management: &Management, query: &str) -> Vec<Value> {
    let answer = management.send("GET", &format!("/audit?{query}"), &[], "").await.expect(200).json();
    answer["value"].as_array().expect("the log is a list").clone()
}

/// Returns an entry without its variable parts.
fn gist(entry: &Value) -> Value {
    json!([entry["author"], entry["action"], entry["generationBefore"], entry["generationAfter"]])
}

#[tokio::test]
async fn a_gateways_life_is_in_the_log() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let credentials = create(&tidegate, &["ci", "--role", "contributor"]).await;
    let client = credentials.login(&management).await;
    let gateway = usual_gateway();
    let document = GatewayDocument::empty("gateway").port("p", 80);
    client.apply_gateway(&document).await;
    let wrong = GatewayDocument::empty("gateway").port("p", 0);
    client.put(&gateway, wrong.body()).await.expect(400);
    management.with_token(None).delete(&gateway).await.expect(401);
    let probe = json!({"properties": {"protocol": "Http", "host": "h", "path": "/", "interval": 30,
        "timeout": 30, "unhealthyThreshold": 3}});
    let written = client.put(&format!("{gateway}/probes/p"), &probe).await.expect(201);
    client.operation(&written).await;
    management.remove(&gateway).await;

    let network = "Microsoft.Network/applicationGateways";
    let entries = log(&management, &format!("resourceId={}", gateway.to_uppercase())).await;
    let told: Vec<Value> = entries.iter().map(gist).collect();
    let (last, child, first) = (&told[0], &told[1], &told[2]);
    assert_eq!(told.len(), 3, "refused changes are not in it: {told:?}");
    assert_eq!((&first[0], &first[1]), (&"ci".into(), &format!("{network}/write").into()));
    assert_eq!((&first[2], &first[3]), (&Value::Null, &1.into()));
    assert_eq!((&child[0], &child[1]), (&"ci".into(), &format!("{network}/probes/write").into()));
    assert_eq!(child[2], 1);
    assert_eq!((&last[0], &last[1]), (&"admin".into(), &format!("{network}/delete").into()));
    assert_eq!(entries[1]["resourceId"], format!("{gateway}/probes/p"));
    assert_eq!(entries[1]["requestId"], written.header("x-ms-request-id").unwrap());
    assert_eq!(entries[1]["address"], "127.0.0.1");

    let by_client = log(&management, &format!("author=CI&resourceId={gateway}")).await;
    assert_eq!(by_client.len(), 2);
    assert!(log(&management, &format!("resourceId={}", &gateway[..gateway.len() - 1])).await.is_empty());
    let time = entries[1]["time"].as_str().unwrap();
    let since = log(&management, &format!("resourceId={gateway}&from={time}")).await;
    assert_eq!(since.len(), 2);
    let until = log(&management, &format!("resourceId={gateway}&to={time}")).await;
    assert_eq!(until.len(), 2);
}

#[tokio::test]
async fn who_lets_others_in_is_in_the_log() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let credentials = create(&tidegate, &["ci", "--role", "reader"]).await;
    command(&tidegate, &["reset", "ci"]).await;
    command(&tidegate, &["revoke", "ci"]).await;
    tidegate.worker_token().await;
    tidegate_harness::wait_for("the worker to have joined", async || {
        (management.connected_workers().await == 1).then_some(())
    })
    .await;
    let workers = management.send("GET", "/workers", &[], "").await.json();
    let worker = format!("/workers/{}", workers["value"][0]["id"].as_str().unwrap());
    management.send("DELETE", &worker, &[], "").await.expect(204);
    management.send("DELETE", &worker, &[], "").await.expect(404);

    let of_client = log(&management, &format!("resourceId=/clients/{}", credentials.id)).await;
    let actions: Vec<&Value> = of_client.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(
        actions,
        ["Tidegate/clients/delete", "Tidegate/clients/resetSecret/action", "Tidegate/clients/write"]
    );
    assert!(of_client.iter().all(|entry| entry["author"] == "admin" && entry["address"].is_null()));
    let of_worker = log(&management, &format!("resourceId={worker}")).await;
    let actions: Vec<&Value> = of_worker.iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["Tidegate/workers/delete", "Tidegate/workers/write"]);
    assert_eq!((&of_worker[0]["author"], &of_worker[1]["author"]), (&"admin".into(), &"tidegate".into()));
    let tokens = log(&management, "resourceId=/workers&author=admin").await;
    assert!(tokens.iter().any(|entry| entry["action"] == "Tidegate/joinTokens/write"), "{tokens:?}");
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for name in ["a", "b", "c"] {
        create(&tidegate, &[name, "--role", "reader"]).await;
    }
    let mut next = Some("/audit?$top=2&resourceId=/clients".to_owned());
    let mut found = Vec::new();
    while let Some(url) = next {
        let page = management.send("GET", &url, &[], "").await.expect(200).json();
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() <= 2);
        found.extend(rows.iter().map(|entry| entry["id"].as_str().unwrap().parse::<u64>().unwrap()));
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
    for bad in ["$top=0", "$top=1001", "$top=x", "from=yesterday", "to=2030-13-01T00:00:00Z", "$skipToken=x"]
    {
        management.send("GET", &format!("/audit?{bad}"), &[], "").await.expect(400);
    }
}
