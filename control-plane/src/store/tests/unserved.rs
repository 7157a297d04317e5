//! Resources of types that Tidegate does not serve: what they belong to.

use super::*;
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::arm::unserved::UnservedPath;

const GROUP: &str = "/subscriptions/Sub/resourceGroups/Group/providers";

async fn put(store: &Store, rest: &str, body: serde_json::Value) {
    let path = UnservedPath::parse(&format!("{GROUP}/{rest}")).unwrap();
    let body = body.as_object().unwrap().clone();
    let decide = |_: &UnservedState| Ok::<_, StoreError>(UnservedDecision::Replace { body, secrets: None });
    store.write_unserved(&path, false, &activity(), decide).await.unwrap();
}

async fn put_network(store: &Store, body: serde_json::Value) {
    let kind = NetworkKind::VirtualNetwork;
    let path = NetworkPath { subscription: "Sub".into(), group: "Group".into(), kind, name: "net".into() };
    let body = body.as_object().unwrap().clone();
    let decide = |_: Option<&NetworkResource>, _: &[User]| {
        Ok::<_, StoreError>(NetworkDecision::Replace { body, location: None, wish: None })
    };
    store.write_network_resource(&path, &activity(), decide).await.unwrap();
}

/// Returns whether the transaction of a write finds what a lock on this resource would extend.
async fn may_be_extended(store: &Store, rest: &str) -> bool {
    let lock = format!("{GROUP}/{rest}/providers/Microsoft.Authorization/locks/l");
    let path = UnservedPath::parse(&lock).unwrap();
    let mut found = None;
    let decide = |state: &UnservedState| {
        found = Some(state.has_parent);
        Err::<UnservedDecision, _>(StoreError::Conflict)
    };
    store.write_unserved(&path, true, &activity(), decide).await.unwrap_err();
    found.unwrap()
}

#[tokio::test]
async fn a_write_finds_the_part_to_which_the_resource_belongs_in_its_own_transaction() {
    let (_dir, store) = store().await;
    write(&store, document("gw", vec![port("p", 1)]), &[]).await.unwrap();
    put_network(&store, json!({"location": "l", "properties": {"subnets": [{"name": "s"}]}})).await;
    put(&store, "A.B/cs/c", json!({"properties": {"ds": [{"name": "d"}]}})).await;
    put(&store, "A.B/cs/c/es/e", json!({})).await;
    put(&store, "Microsoft.Storage/storageAccounts/a", json!({})).await;
    for (rest, expected) in [
        ("Microsoft.Network/applicationGateways/gw", true),
        ("Microsoft.Network/applicationGateways/GW/frontendports/P", true),
        ("Microsoft.Network/applicationGateways/gw/frontendPorts/q", false),
        ("Microsoft.Network/applicationGateways/gw/probes/p", false),
        ("Microsoft.Network/applicationGateways/other", false),
        ("Microsoft.Network/virtualNetworks/net", true),
        ("Microsoft.Network/virtualNetworks/NET/Subnets/S", true),
        ("Microsoft.Network/virtualNetworks/net/subnets/t", false),
        ("Microsoft.Network/virtualNetworks/other/subnets/s", false),
        ("Microsoft.Network/virtualNetworks/other", false),
        ("Microsoft.Network/publicIPAddresses/net", false),
        ("A.B/cs/C", true),
        ("A.B/cs/c/DS/D", true),
        ("A.B/cs/c/ds/e", false),
        ("A.B/cs/c/es/e", true),
        ("A.B/cs/c/es/d", false),
        ("A.B/cs/other/ds/d", false),
        ("Microsoft.Storage/storageAccounts/a/blobServices/default", true),
        ("Microsoft.Storage/storageAccounts/a/blobServices/other", false),
        ("Microsoft.Storage/storageAccounts/b/blobServices/default", false),
        ("Microsoft.Resources/deployments/d", false),
    ] {
        assert_eq!(may_be_extended(&store, rest).await, expected, "{rest}");
    }
}
