//! What becomes of documents that are not quite what the types describe.

use serde_json::{Value, json};
use tidegate_harness::{Backend, GROUP, Gateway, GatewayDocument, HttpClient, SUBSCRIPTION, loopback};

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
    let status = written.header("azure-asyncoperation").expect("an operation");
    let status = management.send("GET", status, &[], "").await.expect(200).json();
    let listed = status["properties"]["warnings"].as_array().expect("warnings").clone();
    assert_eq!(listed.len(), 4, "{status}");
    assert!(listed.iter().all(|one| one["code"] == "UnknownProperty"), "{status}");
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

#[tokio::test]
async fn a_v1_gateway_is_taken_as_it_was_written() {
    let (first, second, address) = (Backend::start().await, Backend::start().await, loopback());
    let document = |order: [&str; 2]| {
        let mut document = GatewayDocument::empty("gateway")
            .frontend("frontend", address)
            .port("http", 65_500)
            .pool("any", &[first.ip()])
            .pool("one", &[second.ip()])
            .settings("settings", &json!({}))
            .listener("any", "http", &json!({"protocol": "Http", "hostNames": ["*.test"]}))
            .listener("one", "http", &json!({"protocol": "Http", "hostName": "a.test"}));
        for name in order {
            document = document.rule(name, name, name, "settings");
        }
        let properties = &mut document.body_mut()["properties"];
        properties["sku"] = json!({"name": "Standard_Small", "tier": "Standard", "capacity": 2});
        for rule in properties["requestRoutingRules"].as_array_mut().expect("a list") {
            rule["properties"].as_object_mut().expect("an object").remove("priority");
        }
        document
    };
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for (order, served) in [(["any", "one"], &first), (["one", "any"], &second)] {
        let document = document(order);
        let written = management.put(document.id(), document.body()).await;
        assert!(matches!(written.status, 200 | 201), "{}", written.text());
        assert_eq!(management.operation(&written).await.status, "Succeeded");
        assert!(written.header(HEADER).expect("a warning").contains("Azure has retired v1"));
        let properties = written.json()["properties"].clone();
        assert_eq!(properties["requestRoutingRules"][0]["properties"].get("priority"), None);
        assert_eq!(properties["sku"]["name"], "Standard_Small");
        let mut client = HttpClient::connect((address, 65_500).into(), "a.test").await;
        client.get("/x").await.expect(200);
        assert_eq!(served.requests().len(), 1, "{order:?}");
    }
    // Azure names the address of a v1 gateway, and old templates end with the name.
    let ip = network_id("publicIPAddresses", "ip");
    let dynamic = json!({"location": "local", "properties": {"publicIPAllocationMethod": "Dynamic"}});
    let unused = management.put(&ip, &dynamic).await.expect(201).json();
    assert_eq!(unused["properties"].get("dnsSettings"), None);
    let mut document = document(["any", "one"]);
    document.body_mut()["properties"]["frontendIPConfigurations"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "public", "properties": {"publicIPAddress": {"id": ip}}}));
    management.put(document.id(), document.body()).await.expect(200);
    let used = management.get(&ip).await.expect(200).json();
    let name = used["properties"]["dnsSettings"]["fqdn"].as_str().expect("a name").to_owned();
    assert!(name.ends_with(".cloudapp.net"), "{used}");
    let again = management.put(&ip, &used).await.expect(200).json();
    assert_eq!(again["properties"]["dnsSettings"]["fqdn"], name);
}

#[tokio::test]
async fn what_clients_always_send_is_taken_and_what_they_do_not_send_stays_absent() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let seen = management.put(document.id(), document.body()).await.expect(201).json();
    let settings = &seen["properties"]["backendHttpSettingsCollection"][0]["properties"];
    assert_eq!(settings.get("connectionDraining"), None);

    let network = json!({"location": "local", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "privateEndpointVNetPolicies": "Basic"}});
    let id = network_id("virtualNetworks", "net");
    let seen = management.put(&id, &network).await.expect(201).json();
    assert_eq!(seen["properties"]["privateEndpointVNetPolicies"], "Basic");
    let plain =
        json!({"location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    let seen = management.put(&id, &plain).await.expect(200).json();
    assert_eq!(seen["properties"]["privateEndpointVNetPolicies"], "Disabled");

    let sent = json!({
        "addressPrefixes": ["10.0.0.0/24"], "sharingScope": "", "defaultOutboundAccess": false,
        "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled",
        "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": ["*"]}], "delegations": []});
    let subnet = format!("{id}/subnets/inner");
    let written = management.put(&subnet, &json!({"properties": sent})).await.expect(201);
    assert_eq!(written.header(HEADER), None);
    let seen = management.get(&subnet).await.expect(200).json();
    assert_same(&seen["properties"], &sent, &["sharingScope"]);

    let sent = json!({
        "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4,
        "ddosSettings": {"protectionMode": "VirtualNetworkInherited"}, "ipTags": [], "ipAddress": ""});
    let body =
        json!({"location": "local", "sku": {"name": "Standard", "tier": "Regional"}, "properties": sent});
    let address = network_id("publicIPAddresses", "ip");
    assert_eq!(management.put(&address, &body).await.expect(201).header(HEADER), None);
    let seen = management.get(&address).await.expect(200).json();
    assert_same(&seen["properties"], &sent, &["ipAddress"]);
}

/// Asserts that everything that was sent comes back, except for these empty texts.
#[track_caller]
fn assert_same(seen: &Value, sent: &Value, absent: &[&str]) {
    for (name, value) in sent.as_object().expect("an object") {
        let expected = (!absent.contains(&name.as_str())).then_some(value);
        assert_eq!(seen.get(name), expected, "{name}");
    }
}

#[tokio::test]
async fn a_patch_of_anything_but_tags_says_what_to_do_instead() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    management.put(document.id(), document.body()).await.expect(201);
    let network = network_id("virtualNetworks", "net");
    let body =
        json!({"location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    management.put(&network, &body).await.expect(201);
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}");
    for id in [document.id(), &network, &group] {
        let before = management.get(id).await.expect(200).json();
        let patch = json!({"tags": {"a": "b"}, "properties": {"enableHttp2": true}});
        let refused = management.send_json("PATCH", id, &patch).await.expect(400);
        assert_eq!(refused.error_code(), "PatchChangesTagsOnly");
        assert!(refused.text().contains("PUT"), "{}", refused.text());
        assert_eq!(management.get(id).await.expect(200).json(), before);
        let patched = management.send_json("PATCH", id, &json!({"tags": {"a": "b"}})).await.expect(200);
        assert_eq!(patched.json()["tags"], json!({"a": "b"}));
    }
}
