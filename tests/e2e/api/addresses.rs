//! The addresses that gateways are bound to: those of pools, those of the map, and those that nothing can be bound to.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde_json::{Value, json};
use tidegate_harness::{
    Backend, GROUP, GatewayDocument, HTTP_PORT, HttpClient, Management, SUBSCRIPTION, Tidegate, loopback,
    wait_for,
};
use tokio::net::{TcpListener, TcpStream};

use super::deployments::{deploy, request, template};
use crate::{HOST, tidegate};

/// An address that belongs to no machine (RFC 5737).
const ABSENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{rest}")
}

fn public_ip(name: &str) -> String {
    id(&format!("publicIPAddresses/{name}"))
}

/// The body of a public IP address without an address.
fn address() -> Value {
    json!({"location": "local", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}})
}

/// The usual gateway, with a public IP address as its frontend.
fn public_gateway(name: &str, address: &str, backend: &Backend) -> GatewayDocument {
    GatewayDocument::forwarding(name, Ipv4Addr::LOCALHOST, &[backend.ip()])
        .without("frontendIPConfigurations", "frontend")
        .child("frontendIPConfigurations", "frontend", &json!({"publicIPAddress": {"id": address}}))
}

async fn shown_address(management: &Management, name: &str) -> Option<String> {
    let shown = management.get(&public_ip(name)).await.expect(200).json();
    shown["properties"]["ipAddress"].as_str().map(str::to_owned)
}

async fn get(address: &str) {
    let socket = SocketAddrV4::new(address.parse().expect("an address"), HTTP_PORT);
    wait_for("the listener", async || TcpStream::connect(socket).await.ok()).await;
    HttpClient::connect(socket.into(), HOST).await.get("/").await.expect(200);
}

async fn restart(tidegate: &mut Tidegate) {
    tidegate.terminate();
    assert!(tidegate.exited_successfully().await);
    tidegate.start_again().await;
}

#[tokio::test]
async fn each_public_address_is_one_of_the_pool() {
    let backend = Backend::start().await;
    let (one, two) = (loopback().to_string(), loopback().to_string());
    let mut tidegate = tidegate().option("--public-pool", &format!("{one},{two}")).start().await;
    let management = tidegate.management();
    let created = management.put(&public_ip("one"), &address()).await.expect(201).json();
    assert_eq!(created["properties"]["ipAddress"], one);
    assert_eq!(management.put(&public_ip("one"), &created).await.expect(200).json(), created);
    // A template sees the address before and after it is deployed.
    let resource = json!({"type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2024-05-01", "name": "two",
        "location": "local", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}});
    let mut with_output = template(&json!([resource]));
    with_output["outputs"] = json!({"at": {"type": "string", "value": "[reference('two').ipAddress]"}});
    let deployed = deploy(&management, "d", &request(&with_output, &json!({}))).await;
    assert_eq!(deployed["properties"]["outputs"]["at"]["value"], two, "{deployed}");
    let list = management.get(&id("publicIPAddresses")).await.expect(200).json();
    let shown = |at: usize| list["value"][at]["properties"]["ipAddress"].clone();
    assert_eq!((shown(0), shown(1)), (json!(one), json!(two)));

    for name in ["one", "two"] {
        management.apply_gateway(&public_gateway(name, &public_ip(name), &backend)).await;
    }
    get(&one).await;
    get(&two).await;

    let exhausted = management.put(&public_ip("three"), &address()).await.expect(409);
    assert_eq!(exhausted.error_code(), "PublicIPAddressPoolExhausted");
    assert!(exhausted.text().contains("--public-pool"), "{}", exhausted.text());
    let mut given = address();
    given["properties"]["ipAddress"] = two.as_str().into();
    let taken = management.put(&public_ip("three"), &given).await.expect(409);
    assert_eq!(taken.error_code(), "PublicIPAddressAllocated");
    assert!(taken.text().contains(&public_ip("two")), "{}", taken.text());

    // An address stays where it is, whatever the pool is later; a deleted one is free again.
    tidegate.set_option("--public-pool", "none");
    restart(&mut tidegate).await;
    let management = tidegate.management();
    assert_eq!(shown_address(&management, "one").await.as_deref(), Some(one.as_str()));
    get(&one).await;
    tidegate.set_option("--public-pool", &one);
    restart(&mut tidegate).await;
    let management = tidegate.management();
    management.remove(public_gateway("one", "", &backend).id()).await;
    management.delete(&public_ip("one")).await.expect(200);
    management.put(&public_ip("three"), &address()).await.expect(201);
    assert_eq!(shown_address(&management, "three").await.as_deref(), Some(one.as_str()));
}

#[tokio::test]
async fn without_a_pool_of_its_own_a_loopback_machine_has_one_and_others_share() {
    let here = loopback();
    let tidegate = tidegate().option("--public-address", &here.to_string()).start().await;
    let management = tidegate.management();
    management.put(&public_ip("ip"), &address()).await.expect(201);
    let shown = shown_address(&management, "ip").await.expect("an address");
    assert!(shown.starts_with("127.80."), "{shown}");
    let mut sixth = address();
    sixth["properties"]["publicIPAddressVersion"] = "IPv6".into();
    management.put(&public_ip("sixth"), &sixth).await.expect(201);
    assert_eq!(shown_address(&management, "sixth").await, None, "the pool has no IPv6 addresses");
}

#[tokio::test]
async fn a_private_address_that_the_machine_lacks_is_refused_at_once() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", ABSENT, &[backend.ip()]);
    let refused = management.put(document.id(), document.body()).await.expect(400);
    assert_eq!(refused.error_code(), "PrivateIPAddressNotAvailable");
    let error = refused.json()["error"].clone();
    let target = "properties.frontendIPConfigurations[0].properties.privateIPAddress";
    assert_eq!(error["target"], target);
    for part in ["--map-address", "--private-pool", &ABSENT.to_string()] {
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    management.get(document.id()).await.expect(404);
    // A control plane without workers of its own does not know what the machines of the workers have.
    let alone = crate::tidegate().control_plane_alone().start().await;
    alone.management().put(document.id(), document.body()).await.expect(201);
}

#[tokio::test]
async fn a_private_address_is_bound_at_an_address_of_the_pool_or_of_the_map() {
    let backend = Backend::start().await;
    let (pooled, other, mapped) = (loopback().to_string(), loopback().to_string(), loopback().to_string());
    let mut tidegate = tidegate().option("--private-pool", &format!("{pooled},{other}")).start().await;
    let management = tidegate.management();
    // Networks of Azure may have the same addresses, so each gateway has its own.
    for (name, expected) in [("one", &pooled), ("two", &other)] {
        let document = GatewayDocument::forwarding(name, ABSENT, &[backend.ip()]);
        management.apply_gateway(&document).await;
        let shown = management.get(document.id()).await.expect(200).json();
        let frontend = &shown["properties"]["frontendIPConfigurations"][0]["properties"];
        assert_eq!(frontend["privateIPAddress"], ABSENT.to_string());
        assert_eq!(&frontend["boundIPAddress"], expected);
        get(expected).await;
        management.put(document.id(), &shown).await.expect(200);
        assert_eq!(management.get(document.id()).await.expect(200).json()["properties"], shown["properties"]);
    }
    let third = GatewayDocument::forwarding("three", ABSENT, &[backend.ip()]);
    let refused = management.put(third.id(), third.body()).await.expect(400);
    assert!(refused.text().contains("larger --private-pool"), "{}", refused.text());

    tidegate.add_option("--map-address", &format!("{ABSENT}={mapped}"));
    management.remove(GatewayDocument::empty("two").id()).await;
    restart(&mut tidegate).await;
    let management = tidegate.management();
    get(&mapped).await;
    let shown = management.get(GatewayDocument::empty("one").id()).await.expect(200).json();
    let frontend = &shown["properties"]["frontendIPConfigurations"][0]["properties"];
    assert_eq!(frontend["boundIPAddress"], mapped);
}

#[tokio::test]
async fn what_only_a_worker_can_see_stands_in_the_gateway() {
    let backend = Backend::start().await;
    let address = loopback();
    let holder = TcpListener::bind((address, HTTP_PORT)).await.expect("a free port");
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    tidegate.all_connected().await;
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    let begun = management.put(document.id(), document.body()).await.expect(201);
    let operation = management.operation(&begun).await;
    assert_eq!(operation.status, "Failed");
    let shown = management.get(document.id()).await.expect(200).json();
    let properties = &shown["properties"];
    assert_eq!(properties["provisioningState"], "Failed");
    assert_eq!(properties["error"]["code"], "ApplicationGatewayRolloutFailed");
    assert!(properties["error"]["message"].as_str().unwrap().contains(&address.to_string()), "{properties}");
    let listed = management.get(&id("applicationGateways")).await.expect(200).json();
    assert_eq!(listed["value"][0]["properties"]["error"], properties["error"]);

    drop(holder);
    let settled = wait_for("the gateway to be applied", async || {
        let shown = management.get(document.id()).await.expect(200).json();
        (shown["properties"]["provisioningState"] == "Succeeded").then_some(shown)
    })
    .await;
    assert!(settled["properties"].get("error").is_none());
    // What a GET has shown can be put back.
    management.put(document.id(), &shown).await.expect(200);
}
