//! What becomes of documents that are not quite what the types describe.

use serde_json::{Value, json};
use tidegate_harness::{Backend, GROUP, Gateway, GatewayDocument, SUBSCRIPTION, loopback};

use crate::tidegate;

const HEADER: &str = "x-tidegate-warnings";

fn network_id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{kind}/{name}")
}

#[tokio::test]
async fn unknown_properties_are_kept_with_a_warning_and_change_nothing() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let generation = async || {
        let workers = management.workers_of(gateway.id()).await;
        workers.iter().map(|worker| worker["generation"].clone()).collect::<Vec<Value>>()
    };
    let before = generation().await;

    let mut body = gateway.document.body().clone();
    body["futureHead"] = json!({"a": ["x"]});
    body["properties"]["futurePart"] = json!(7);
    body["properties"]["backendAddressPools"][0]["besideIt"] = json!("kept");
    body["properties"]["backendAddressPools"][0]["properties"]["inPool"] = json!({"deep": [1, {"b": null}]});
    let written = management.put(gateway.id(), &body).await.expect(200);
    assert_eq!(management.operation(&written).await.status, "Succeeded");
    let warnings = written.header(HEADER).expect("warnings").to_owned();
    for path in [
        "futureHead: ",
        "properties.futurePart: ",
        "properties.backendAddressPools[0].besideIt: ",
        "properties.backendAddressPools[0].properties.inPool: ",
    ] {
        assert!(warnings.contains(path), "{path} is not in {warnings}");
    }

    let seen = management.get(gateway.id()).await.expect(200);
    assert_eq!(seen.header(HEADER), None);
    let seen = seen.json();
    let pool = &seen["properties"]["backendAddressPools"][0];
    assert_eq!((&seen["futureHead"], &seen["properties"]["futurePart"]), (&json!({"a": ["x"]}), &json!(7)));
    assert_eq!(pool["besideIt"], "kept");
    assert_eq!(
        pool["properties"]["inPool"],
        body["properties"]["backendAddressPools"][0]["properties"]["inPool"]
    );
    assert!(pool["properties"].get("$beside").is_none(), "{pool}");
    assert_eq!(generation().await, before, "no worker has got a new generation");
    assert_eq!(management.apply(gateway.id(), &seen).await, seen, "what was read can be put back");

    let child = gateway.document.child_id("backendAddressPools", "pool");
    let own = json!({"besideIt": 1, "properties": {"backendAddresses": [{"ipAddress": backend.ip(), "weight": 2}]}});
    let written = management.put(&child, &own).await.expect(200);
    assert!(written.header(HEADER).expect("warnings").contains("properties.backendAddresses[0].weight: "));
    assert_eq!(written.json()["besideIt"], 1);
    gateway.get("/still").await.expect(200);
}

#[tokio::test]
async fn a_misspelt_or_misplaced_property_is_refused_with_its_place() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = document.body().clone();
        change(&mut body);
        body
    };
    let network =
        json!({"location": "local", "properties": {"adressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}});
    let address = json!({"location": "local", "ipAddress": "10.0.0.1"});
    for (id, body, target, advice) in [
        (
            document.id().to_owned(),
            with(&|body| {
                body["properties"]["backendHttpSettingsCollection"][0]["properties"]["requestTimeOutt"] =
                    json!(5)
            }),
            "properties.backendHttpSettingsCollection[0].properties.requestTimeOutt",
            "'requestTimeout'",
        ),
        (
            document.id().to_owned(),
            with(&|body| {
                body["properties"]["backendAddressPools"][0] = json!({"name": "pool", "backendAddresses": []})
            }),
            "properties.backendAddressPools[0].backendAddresses",
            "'properties.backendAddressPools[0].properties.backendAddresses'",
        ),
        (network_id("virtualNetworks", "net"), network, "properties.adressSpace", "'addressSpace'"),
        (network_id("publicIPAddresses", "ip"), address, "ipAddress", "'properties.ipAddress'"),
    ] {
        let refused = management.put(&id, &body).await.expect(400).json();
        let error = &refused["error"];
        assert_eq!(
            (&error["code"], &error["target"]),
            (&json!("UnknownProperty"), &json!(target)),
            "{error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| message.contains(advice)), "{error}");
    }
}

#[tokio::test]
async fn an_operator_may_have_all_unknown_properties_refused() {
    let builder = tidegate().control_plane_alone().option("--unknown-properties", "refuse");
    let tidegate = builder.start().await;
    let management = tidegate.management();
    let mut body = GatewayDocument::forwarding("gateway", loopback(), &[]).body().clone();
    body["properties"]["futurePart"] = json!(7);
    let id = GatewayDocument::empty("gateway").id().to_owned();
    let refused = management.put(&id, &body).await.expect(400);
    assert_eq!(refused.error_code(), "UnknownProperty");
    assert!(refused.text().contains("properties.futurePart"), "{}", refused.text());
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}");
    management.put(&group, &json!({"location": "local", "owner": "me"})).await.expect(400);
    management.put(&group, &json!({"location": "local", "managedBy": "me"})).await.expect(201);
}
