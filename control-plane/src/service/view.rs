//! Rendering of stored gateways in ARM's shape. Pure.
//!
//! The JSON of documents contains no secrets, so nothing is removed here.

pub(crate) mod deployment;
pub(crate) mod group;
pub(crate) mod network;
pub(crate) mod revision;

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::arm::body::SERVERS;
use crate::arm::collection::{COLLECTIONS, Collection, Nested};
use crate::arm::document::{Child, Document};
use crate::arm::extension::{Extension, ExtensionNames};
use crate::arm::gateway::SslPolicy;
use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::resource_id::MemberPath;
use crate::arm::unknown::{BESIDE, beside};
use crate::compile::{is_no_policy, served_cipher_suites};
use crate::etag::Etag;
use crate::rollout::ROLLOUT_FAILED;
use crate::store::{Gateway, OperationalState, ProvisioningState};

/// The policy of a gateway without one, which workers apply.
const DEFAULT_SSL_POLICY: &str = "AppGwSslPolicy20220101";

/// The property of a gateway with the reason why workers have not applied it.
const ERROR: &str = "error";

/// The property of a private frontend with the address that is bound in place of its own.
const BOUND_ADDRESS: &str = "boundIPAddress";

/// Renders a gateway with its children.
pub(crate) fn gateway(gateway: &Gateway) -> Value {
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
    if gateway.state == ProvisioningState::Failed
        && let Some(reason) = &gateway.reason
    {
        properties.insert(ERROR.into(), json!({"code": ROLLOUT_FAILED, "message": reason}));
    }
    if let Some(Value::Object(own)) = own.get("properties") {
        properties.extend(own.clone());
    }
    for known in COLLECTIONS {
        properties.insert(known.name.into(), collection(gateway, known).into());
    }
    show_served_suites(&mut properties);
    // Private endpoints are not supported.
    properties.insert("privateEndpointConnections".into(), json!([]));
    properties.insert("defaultPredefinedSslPolicy".into(), DEFAULT_SSL_POLICY.into());
    shown.insert("properties".into(), properties.into());
    shown.into()
}

/// Adds the address that stands for the private address of a frontend.
fn show_bound_address(gateway: &Gateway, properties: &mut Map<String, Value>) {
    let address = properties.get("privateIPAddress").and_then(Value::as_str);
    let address = address.and_then(|text| text.parse::<IpAddr>().ok()).map(|address| address.to_canonical());
    if let Some(bound) = address.and_then(|address| gateway.bound_addresses.known(address)) {
        properties.insert(BOUND_ADDRESS.into(), bound.to_string().into());
    }
}

/// Adds the supported cipher suites to a TLS policy, except for an empty one, which has no effect.
fn show_served_suites(properties: &mut Map<String, Value>) {
    let Some(shown) = properties.get_mut("sslPolicy").and_then(Value::as_object_mut) else { return };
    let Ok(policy) = serde_json::from_value::<SslPolicy>(Value::Object(shown.clone())) else { return };
    if !is_no_policy(&policy) {
        shown.insert("servedCipherSuites".into(), json!(served_cipher_suites(&policy)));
    }
}

/// Renders the children of one collection, in order.
pub(crate) fn collection(gateway: &Gateway, collection: &Collection) -> Vec<Value> {
    gateway
        .children()
        .filter(|(child, _)| child.collection == collection)
        .map(|(shown, etag)| child(gateway, shown, etag))
        .collect()
}

/// Renders one child.
pub(crate) fn child(gateway: &Gateway, child: &Child, etag: &Etag) -> Value {
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), gateway.state.as_str().into());
    properties.extend(child.properties.clone());
    let beside = properties.remove(BESIDE);
    for nested in child.collection.nested().filter(|nested| child.properties.contains_key(nested.name)) {
        properties.insert(nested.name.into(), members(gateway, child, &nested, etag).into());
    }
    show_served_suites(&mut properties);
    show_bound_address(gateway, &mut properties);
    let shown = json!({
        "name": child.name,
        "id": gateway.document.path.child_id(child.collection, &child.name),
        "etag": etag.0,
        "type": child.collection.resource_type(),
        "properties": properties,
    });
    match beside {
        Some(Value::Object(beside)) => with(shown, beside),
        _ => shown,
    }
}

/// Renders an extension document. That of a pool that does not exist applies to nothing.
pub(crate) fn extension(gateway: &Gateway, extension: &Extension, etag: &Etag) -> Value {
    let document = &gateway.document;
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), gateway.state.as_str().into());
    properties.extend(extension.properties.clone());
    if extension.kind.names == ExtensionNames::Pools {
        let id = |pool: &Child| json!({"id": document.path.child_id(pool.collection, &pool.name)});
        let pools: Vec<Value> = document.pools_of(extension).into_iter().map(id).collect();
        properties.insert("appliesTo".into(), pools.into());
    }
    if let Some(fault) = missing_certificate(document, extension) {
        properties.insert("fault".into(), fault.into());
    }
    json!({
        "name": extension.name,
        "id": document.extension_id(extension),
        "etag": etag.0,
        "type": extension.kind.resource_type(),
        "properties": properties,
    })
}

/// Returns the reason why the source of a certificate has not led to one, if that is so.
fn missing_certificate(document: &Document, extension: &Extension) -> Option<String> {
    let mut referring = document.referring().map(|(child, _)| child);
    let is_its = |child: &&Child| child.name.eq_ignore_ascii_case(&extension.name);
    let is_source = extension.kind.names == ExtensionNames::Certificates;
    referring
        .find(|child| is_source && child.collection.name == SERVERS && is_its(child))?
        .stored_certificate()?
        .fault
}

/// Adds unknown properties to a rendered child or member.
fn with(mut shown: Value, beside: impl IntoIterator<Item = (String, Value)>) -> Value {
    if let Some(shown) = shown.as_object_mut() {
        beside.into_iter().for_each(|(name, value)| {
            shown.entry(name).or_insert(value);
        });
    }
    shown
}

/// Renders the members of a nested collection, in order.
pub(crate) fn members(gateway: &Gateway, child: &Child, nested: &Nested, etag: &Etag) -> Vec<Value> {
    child.members(nested).iter().map(|shown| member(gateway, child, nested, shown, etag)).collect()
}

/// Renders one member of a child. It shares the etag of the child.
pub(crate) fn member(
    gateway: &Gateway,
    child: &Child,
    nested: &Nested,
    member: &Value,
    etag: &Etag,
) -> Value {
    let name = member["name"].as_str().unwrap_or_default().to_owned();
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), gateway.state.as_str().into());
    properties.extend(member["properties"].as_object().cloned().unwrap_or_default());
    let path = MemberPath { nested: *nested, child: child.name.clone(), name };
    let shown = json!({
        "name": path.name,
        "id": gateway.document.path.member_id(&path),
        "etag": etag.0,
        "type": nested.resource_type(),
        "properties": properties,
    });
    with_beside(shown, member)
}

/// Adds the unknown properties of a stored member to its rendering.
fn with_beside(shown: Value, member: &Value) -> Value {
    let beside = member.as_object().into_iter().flat_map(beside);
    with(shown, beside.map(|(name, value)| (name.clone(), value.clone())))
}

/// ARM's name of the operational state.
fn operational_state(gateway: &Gateway) -> &'static str {
    match gateway.operational {
        OperationalState::Created | OperationalState::Stopped => "Stopped",
        _ if gateway.state == ProvisioningState::Deleting => "Stopping",
        other => other.as_str(),
    }
}
