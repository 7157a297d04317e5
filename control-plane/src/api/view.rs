//! Stored gateways as ARM shows them. Pure.
//!
//! Secrets are not in the documents' JSON to begin with, so nothing has to be left out here.

use serde_json::{Map, Value, json};

use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::document::Child;
use crate::etag::Etag;
use crate::store::{Gateway, ProvisioningState};

/// The ARM type of a gateway.
pub(super) const GATEWAY_TYPE: &str = "Microsoft.Network/applicationGateways";

/// Collections that the service always shows and that cannot have members here yet.
const ALWAYS_EMPTY: &[&str] = &[
    "trustedClientCertificates",
    "sslProfiles",
    "urlPathMaps",
    "rewriteRuleSets",
    "redirectConfigurations",
    "loadDistributionPolicies",
    "privateLinkConfigurations",
    "privateEndpointConnections",
];

/// A gateway, whole.
pub(super) fn gateway(gateway: &Gateway) -> Value {
    let path = &gateway.document.path;
    let body = gateway.document.body.clone().into_iter();
    let (own, head): (Map<String, Value>, Map<String, Value>) =
        body.partition(|(key, _)| key == "properties");
    let mut shown = Map::new();
    shown.insert("name".into(), path.name.clone().into());
    shown.insert("id".into(), path.to_string().into());
    shown.insert("type".into(), GATEWAY_TYPE.into());
    shown.insert("etag".into(), gateway.etag.0.clone().into());
    shown.extend(head);
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), gateway.state.as_str().into());
    properties.insert("resourceGuid".into(), gateway.id.to_string().into());
    properties.insert("operationalState".into(), operational_state(gateway).into());
    if let Some(Value::Object(own)) = own.get("properties") {
        properties.extend(own.clone());
    }
    for known in COLLECTIONS {
        properties.insert(known.name.into(), collection(gateway, known).into());
    }
    for name in ALWAYS_EMPTY {
        properties.entry(*name).or_insert_with(|| json!([]));
    }
    shown.insert("properties".into(), properties.into());
    shown.into()
}

/// The children of one collection, in their order.
pub(super) fn collection(gateway: &Gateway, collection: &Collection) -> Vec<Value> {
    gateway
        .children()
        .filter(|(child, _)| child.collection == collection)
        .map(|(shown, etag)| child(gateway, shown, etag))
        .collect()
}

/// One child.
pub(super) fn child(gateway: &Gateway, child: &Child, etag: &Etag) -> Value {
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), gateway.state.as_str().into());
    properties.extend(child.properties.clone());
    json!({
        "name": child.name,
        "id": gateway.document.path.child_id(child.collection, &child.name),
        "etag": etag.0,
        "type": child.collection.resource_type(),
        "properties": properties,
    })
}

/// The service's word for whether traffic flows.
fn operational_state(gateway: &Gateway) -> &'static str {
    match (gateway.has_run, gateway.state) {
        (true, ProvisioningState::Deleting) => "Stopping",
        (true, _) => "Running",
        (false, _) => "Stopped",
    }
}
