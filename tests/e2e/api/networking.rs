//! Subscriptions, resource groups, virtual networks and public IP addresses, and the gateways that refer to them.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tidegate_harness::{
    Answer, Backend, GROUP, Gateway, GatewayDocument, HTTP_PORT, HttpClient, Management, SUBSCRIPTION,
    loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::{HOST, tidegate};

/// The ID of the resource group of every test.
fn group() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}")
}

fn network_id(kind: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Network/{kind}/{name}", group())
}

fn network(subnets: &[(&str, &str)]) -> Value {
    let subnets: Vec<Value> = subnets
        .iter()
        .map(|(name, prefix)| json!({"name": name, "properties": {"addressPrefix": prefix}}))
        .collect();
    json!({"location": "local", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets}})
}

/// The body of a public IP address, with a given address or without.
fn address(given: Option<Ipv4Addr>) -> Value {
    let mut body = json!({"location": "local", "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"}});
    if let Some(given) = given {
        body["properties"]["ipAddress"] = given.to_string().into();
    }
    body
}

/// The usual gateway, with a public IP address as its frontend.
fn public_gateway(name: &str, address: &str, backend: &Backend) -> GatewayDocument {
    let properties = json!({"publicIPAddress": {"id": address}});
    GatewayDocument::forwarding(name, Ipv4Addr::LOCALHOST, &[backend.ip()])
        .without("frontendIPConfigurations", "frontend")
        .child("frontendIPConfigurations", "frontend", &properties)
}

async fn refused(answer: Answer, status: u16, code: &str) {
    assert_eq!(answer.expect(status).error_code(), code);
}

async fn names(management: &Management, path: &str) -> Vec<String> {
    let list = management.get(path).await.expect(200).json();
    let rows = list["value"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn there_is_always_a_subscription_to_log_in_to() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let ids = async || {
        let list = management.get("/subscriptions").await.expect(200).json();
        let rows = list["value"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["subscriptionId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let default = "00000000-0000-0000-0000-000000000000";
    assert_eq!(ids().await, [default]);
    let here = format!("/subscriptions/{SUBSCRIPTION}");
    refused(management.get(&here).await, 404, "SubscriptionNotFound").await;
    management.put(&group(), &json!({"location": "local"})).await.expect(201);
    assert_eq!(ids().await, [default, SUBSCRIPTION]);
    let one = management.get(&here).await.expect(200).json();
    assert_eq!((&one["state"], &one["id"]), (&json!("Enabled"), &json!(here)));
    let tenants = management.get("/tenants").await.expect(200).json();
    assert_eq!(tenants["value"][0]["tenantId"], one["tenantId"]);
    assert_eq!(names(&management, &format!("{here}/locations")).await, ["local"]);

    let provider = format!("{here}/providers/MICROSOFT.network");
    let seen = management.get(&provider).await.expect(200).json();
    assert_eq!(
        (&seen["namespace"], &seen["registrationState"]),
        (&json!("Microsoft.Network"), &json!("Registered"))
    );
    let types = seen["resourceTypes"].as_array().unwrap();
    let gateways = types.iter().find(|kind| kind["resourceType"] == "applicationGateways").unwrap();
    assert!(gateways["apiVersions"].as_array().unwrap().contains(&json!("2024-05-01")));
    assert_eq!(management.post(&format!("{provider}/Register")).await.expect(200).json(), seen);
    refused(
        management.get(&format!("{here}/providers/Microsoft.Compute")).await,
        404,
        "InvalidResourceNamespace",
    )
    .await;
}

#[tokio::test]
async fn a_group_goes_with_everything_in_it() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let made_by_the_way = management.get(&group()).await.expect(200).json();
    assert_eq!(made_by_the_way["location"], "local");
    assert_eq!(made_by_the_way["properties"]["provisioningState"], "Succeeded");

    let body = json!({"location": "Local", "tags": {"a": "b"}});
    assert_eq!(management.put(&group(), &body).await.expect(200).json()["tags"], json!({"a": "b"}));
    let patched = management.send_json("PATCH", &group(), &json!({"tags": {"c": "d"}})).await.expect(200);
    assert_eq!(patched.json()["tags"], json!({"c": "d"}));
    refused(management.put(&group(), &json!({"location": "moon"})).await, 409, "InvalidResourceLocation")
        .await;
    let head = async |id: &str| {
        management.send("HEAD", &format!("{id}?api-version=2024-11-01"), &[], "").await.status
    };
    assert_eq!((head(&group().to_uppercase()).await, head(&format!("{}x", group())).await), (204, 404));
    let all = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups");
    assert_eq!(names(&management, &all).await, [GROUP]);
    let net = network_id("virtualNetworks", "net");
    management.put(&net, &network(&[])).await.expect(201);

    let deleted = management.delete(&group()).await.expect(202);
    let location = deleted.header("location").unwrap().to_owned();
    wait_for("the end of the group", async || {
        let poll = management.send("GET", &location, &[], "").await;
        (poll.status != 202).then(|| poll.expect(200))
    })
    .await;
    for gone in [&group(), gateway.id(), &net] {
        assert_eq!(management.get(gone).await.status, 404, "{gone}");
    }
    wait_for("the port to be closed", async || TcpStream::connect(gateway.http()).await.err()).await;
    management.apply_gateway(&gateway.document).await;
    gateway.get("/again").await.expect(200);
}

#[tokio::test]
async fn networks_and_their_subnets_are_kept_and_checked() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let net = network_id("virtualNetworks", "net");
    let created = management.put(&net, &network(&[("one", "10.0.1.0/24")])).await.expect(201);
    assert_eq!(management.operation(&created).await.status, "Succeeded");
    let body = created.json();
    assert_eq!(body["properties"]["provisioningState"], "Succeeded");
    let subnet = &body["properties"]["subnets"][0];
    assert_eq!(subnet["id"], format!("{net}/subnets/one"));
    assert_eq!(subnet["properties"]["privateLinkServiceNetworkPolicies"], "Enabled");
    assert_eq!(management.put(&net, &body).await.expect(200).json(), body, "what a GET says can be put back");

    let two = format!("{net}/subnets/Two");
    let put =
        async |prefix: &str| management.put(&two, &json!({"properties": {"addressPrefix": prefix}})).await;
    refused(put("10.1.0.0/24").await, 400, "NetcfgSubnetRangeOutsideVnet").await;
    refused(put("10.0.1.128/25").await, 400, "NetcfgSubnetRangesOverlap").await;
    refused(put("10.0.2.1/24").await, 400, "InvalidCIDRNotation").await;
    put("10.0.2.0/24").await.expect(201);
    let changed = put("10.0.3.0/24").await.expect(200);
    assert_eq!(changed.json()["properties"]["addressPrefix"], "10.0.3.0/24");
    let seen = management.get(&two.to_lowercase()).await.expect(200);
    assert_eq!(seen.json()["name"], "Two");
    assert_eq!(seen.header("etag"), changed.header("etag"));
    let stale = management.put_with(&net, &[("if-match", "W/\"stale\"")], &network(&[])).await;
    refused(stale, 412, "PreconditionFailed").await;
    assert_eq!(names(&management, &format!("{net}/subnets")).await, ["one", "Two"]);
    let deleted = management.delete(&two).await.expect(200);
    assert_eq!(management.operation(&deleted).await.status, "Succeeded");
    management.delete(&two).await.expect(204);
    refused(management.get(&two).await, 404, "ResourceNotFound").await;
    refused(management.put(&format!("{net}x/subnets/a"), &json!({})).await, 404, "ResourceNotFound").await;
    let patched = management.send_json("PATCH", &net, &json!({"tags": {"a": "b"}})).await.expect(200);
    assert_eq!(patched.json()["tags"], json!({"a": "b"}));
    // Exported templates have the peerings in the network, and addresses their prefix.
    let peerings = json!([{"name": "hub", "properties": {"remoteVirtualNetwork": {"id": net}}}]);
    let mut peered = network(&[("one", "10.0.1.0/24")]);
    peered["properties"]["virtualNetworkPeerings"] = peerings.clone();
    let put = management.put(&net, &peered).await.expect(200).json();
    assert_eq!(put["properties"]["virtualNetworkPeerings"], peerings);
    let (ip, prefix) = (network_id("publicIPAddresses", "ip"), network_id("publicIPPrefixes", "four"));
    let mut from_prefix = address(None);
    from_prefix["properties"]["publicIPPrefix"] = json!({"id": prefix});
    let put = management.put(&ip, &from_prefix).await.expect(201).json();
    assert_eq!(put["properties"]["publicIPPrefix"]["id"], prefix);
    management.delete(&net).await.expect(200);
    management.delete(&net).await.expect(204);
}

#[tokio::test]
async fn what_a_gateway_leans_on_cannot_be_pulled_away() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let (net, ip) = (network_id("virtualNetworks", "v"), network_id("publicIPAddresses", "ip"));
    management.put(&net, &network(&[("s", "10.0.1.0/24"), ("t", "10.0.2.0/24")])).await.expect(201);
    management.put(&ip, &address(None)).await.expect(201);
    let backend = Backend::start().await;
    // The gateway listens at its own address, because all tests share the worker's public one.
    let document = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]).child(
        "frontendIPConfigurations",
        "public",
        &json!({"publicIPAddress": {"id": ip.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")}}),
    );
    management.apply_gateway(&document).await;

    let subnet = management.get(&format!("{net}/subnets/s")).await.expect(200).json();
    let user = document.child_id("frontendIPConfigurations", "frontend");
    assert_eq!(subnet["properties"]["applicationGatewayIPConfigurations"], json!([{"id": user}]));
    let in_use = "InUseSubnetCannotBeDeleted";
    refused(management.delete(&format!("{net}/subnets/s")).await, 400, in_use).await;
    refused(management.delete(&net).await, 400, in_use).await;
    refused(management.put(&net, &network(&[("t", "10.0.2.0/24")])).await, 400, in_use).await;
    management.delete(&format!("{net}/subnets/t")).await.expect(200);

    let seen = management.get(&ip).await.expect(200).json();
    let user = document.child_id("frontendIPConfigurations", "public");
    assert_eq!(seen["properties"]["ipConfiguration"], json!({"id": user}));
    assert!(seen["properties"]["ipAddress"].is_null(), "nobody knows which of all addresses it is");
    refused(management.delete(&ip).await, 400, "PublicIPAddressCannotBeDeleted").await;
    let elsewhere = management.put(&ip, &address(Some(loopback()))).await;
    refused(elsewhere, 409, "PublicIPAddressInUseCannotBeChanged").await;
    let other = public_gateway("other", &ip, &backend);
    refused(management.put(other.id(), other.body()).await, 400, "PublicIPAddressInUse").await;

    management.remove(document.id()).await;
    management.delete(&ip).await.expect(200);
    management.delete(&net).await.expect(200);
}

#[tokio::test]
async fn a_public_frontend_is_bound_to_the_address_that_was_given() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let (here, ip) = (loopback(), network_id("publicIPAddresses", "ip"));
    management.put(&ip, &address(Some(here))).await.expect(201);
    let document = public_gateway("gateway", &ip, &backend);
    management.apply_gateway(&document).await;
    let get = async || HttpClient::connect((here, HTTP_PORT).into(), HOST).await.get("/").await;
    get().await.expect(200);
    let body = management.get(&ip).await.expect(200).json();
    assert_eq!(body["properties"]["ipAddress"], here.to_string());
    assert_eq!(management.put(&ip, &body).await.expect(200).json(), body, "what a GET says can be put back");
    assert_eq!(management.put(&ip, &address(None)).await.expect(200).json(), body, "an address stays");

    let basic = network_id("publicIPAddresses", "basic");
    management.put(&basic, &json!({"location": "local"})).await.expect(201);
    let other = public_gateway("other", &basic, &backend);
    refused(management.put(other.id(), other.body()).await, 400, "ApplicationGatewayInvalidPublicIpSku")
        .await;
    assert_eq!(names(&management, &network_id("publicIPAddresses", "")).await, ["basic", "ip"]);
}

#[tokio::test]
async fn where_none_was_given_it_is_the_workers_public_address() {
    let backend = Backend::start().await;
    let here = loopback();
    let tidegate = tidegate()
        .option("--public-address", &here.to_string())
        .option("--public-pool", "none")
        .start()
        .await;
    let management = tidegate.management();
    let ip = network_id("publicIPAddresses", "ip");
    let created = management.put(&ip, &address(None)).await.expect(201).json();
    assert!(created["properties"]["ipAddress"].is_null());
    management.apply_gateway(&public_gateway("gateway", &ip, &backend)).await;
    HttpClient::connect((here, HTTP_PORT).into(), HOST).await.get("/").await.expect(200);
    let seen = management.get(&ip).await.expect(200).json();
    assert_eq!(seen["properties"]["ipAddress"], here.to_string());
    assert_eq!(
        management.put(&ip, &seen).await.expect(200).json(),
        seen,
        "it does not become one that was given"
    );
}

#[tokio::test]
async fn resources_are_found_as_command_lines_look_for_them() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    management.put(&network_id("virtualNetworks", "net"), &network(&[])).await.expect(201);
    let document = GatewayDocument::empty("net");
    management.put(document.id(), document.body()).await.expect(201);
    let all = format!("/subscriptions/{SUBSCRIPTION}/resources");
    let find = async |filter: &str| {
        let query = filter.replace(' ', "%20").replace('\'', "%27").replace('/', "%2F");
        management.get(&format!("{all}?api-version=2024-11-01&%24filter={query}")).await
    };
    let found = find(
        "resourceGroup eq 'TESTS' and name eq 'net' and resourceType eq 'Microsoft.Network/virtualNetworks'",
    );
    let found = found.await.expect(200).json();
    assert_eq!(found["value"][0]["id"], network_id("virtualNetworks", "net"));
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    assert_eq!(find("name eq 'other'").await.expect(200).json()["value"], json!([]));
    refused(find("name ne 'net'").await, 400, "InvalidFilterInQueryString").await;

    let mut seen = Vec::new();
    let mut next = Some(format!("{all}?api-version=2024-11-01&$top=1&$filter=name%20eq%20'net'"));
    while let Some(url) = next.take() {
        let page = management.send("GET", &url, &[], "").await.expect(200).json();
        seen.extend(
            page["value"].as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap().to_owned()),
        );
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["Microsoft.Network/applicationGateways", "Microsoft.Network/virtualNetworks"]);
    assert_eq!(names(&management, &format!("{}/resources", group())).await, ["net", "net"]);
}
