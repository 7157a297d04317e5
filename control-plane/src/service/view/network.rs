//! Rendering of stored networks, addresses and firewall policies in ARM's shape. Pure.

use serde_json::{Map, Value, json};

use crate::arm::location;
use crate::arm::network::path::SUBNET_TYPE;
use crate::arm::network::{NetworkKind, PublicAddress};
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::store::{NetworkResource, User};

/// Renders a network resource, without the data that only workers know.
pub(crate) fn resource(resource: &NetworkResource, users: &[User]) -> Value {
    let path = &resource.path;
    let mut shown = Map::new();
    shown.insert("name".into(), path.name.clone().into());
    shown.insert("id".into(), path.to_string().into());
    shown.insert("etag".into(), resource.etag.0.clone().into());
    shown.insert("type".into(), path.kind.resource_type().into());
    shown.extend(resource.body.clone());
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), "Succeeded".into());
    properties.insert("resourceGuid".into(), resource.id.to_string().into());
    if let Some(Value::Object(own)) = shown.remove("properties") {
        properties.extend(own);
    }
    match path.kind {
        NetworkKind::VirtualNetwork => {
            properties.insert("subnets".into(), subnets(resource, users).into());
            properties.entry("virtualNetworkPeerings").or_insert_with(|| json!([]));
        }
        NetworkKind::FirewallPolicy => show_policy(&mut properties, users),
        NetworkKind::PublicAddress => {
            if let Some(address) = resource.allocated {
                properties.insert("ipAddress".into(), address.to_string().into());
            }
            let basic = PublicAddress::of(&resource.body, None).basic;
            if let Some(user) = users.first() {
                properties.insert("ipConfiguration".into(), json!({"id": user.source}));
                if basic {
                    // Azure names the address of a v1 gateway itself, and templates read the name.
                    let name = json!({"fqdn": format!("{}.cloudapp.net", resource.id)});
                    properties.entry("dnsSettings").or_insert(name);
                }
            }
            let location = shown.get("location").and_then(Value::as_str).unwrap_or_default();
            show_domain_name(&mut properties, location);
        }
    }
    shown.insert("properties".into(), properties.into());
    shown.into()
}

/// Adds the name that Azure makes of the label and the location, which templates read. It is not registered.
fn show_domain_name(properties: &mut Map<String, Value>, location: &str) {
    let Some(settings) = properties.get_mut("dnsSettings").and_then(Value::as_object_mut) else { return };
    if let Some(label) = settings.get("domainNameLabel").and_then(Value::as_str) {
        let name = format!("{}.{}.cloudapp.azure.com", label.to_lowercase(), location::canonical(location));
        settings.insert("fqdn".into(), name.into());
    }
}

/// Adds the state of a firewall policy and the resources that refer to it.
fn show_policy(properties: &mut Map<String, Value>, users: &[User]) {
    if let Some(state) = properties.get("policySettings").and_then(|settings| settings.get("state")).cloned()
    {
        properties.insert("resourceState".into(), state);
    }
    for user in users {
        let list = if GatewayPath::parse(&user.source).is_some() {
            "applicationGateways"
        } else if Reference::parse(&user.source).is_some() {
            "httpListeners"
        } else {
            "pathBasedRules"
        };
        let list = properties.entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().into_iter().for_each(|list| list.push(json!({"id": user.source})));
    }
}

/// Renders the subnets of a virtual network, in order.
pub(crate) fn subnets(network: &NetworkResource, users: &[User]) -> Vec<Value> {
    let list = network.body.get("properties").and_then(|properties| properties["subnets"].as_array());
    list.into_iter().flatten().map(|subnet| show_subnet(network, subnet, users)).collect()
}

/// Renders one subnet, found by name ignoring case.
pub(crate) fn subnet(network: &NetworkResource, name: &str, users: &[User]) -> Option<Value> {
    subnets(network, users)
        .into_iter()
        .find(|subnet| subnet["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)))
}

/// Renders a subnet, which shares the etag of its network.
fn show_subnet(network: &NetworkResource, subnet: &Value, users: &[User]) -> Value {
    let name = subnet["name"].as_str().unwrap_or_default();
    let id = network.path.subnet_id(name);
    let mut properties = Map::new();
    properties.insert("provisioningState".into(), "Succeeded".into());
    properties.extend(subnet["properties"].as_object().cloned().unwrap_or_default());
    if let Some(delegations) = properties.get_mut("delegations").and_then(Value::as_array_mut) {
        for delegation in delegations {
            show_delegation(&id, &network.etag.0, delegation);
        }
    }
    let here = users.iter().filter(|user| user.target.eq_ignore_ascii_case(&id));
    let here: Vec<Value> = here.map(|user| json!({"id": user.source})).collect();
    if !here.is_empty() {
        properties.insert("applicationGatewayIPConfigurations".into(), here.into());
    }
    let shown = json!({"name": name, "id": id, "etag": network.etag.0, "type": SUBNET_TYPE, "properties": properties});
    super::with_beside(shown, subnet)
}

fn show_delegation(subnet: &str, etag: &str, delegation: &mut Value) {
    let name = delegation["name"].as_str().unwrap_or_default().to_owned();
    delegation["id"] = format!("{subnet}/delegations/{name}").into();
    delegation["etag"] = etag.into();
    delegation["type"] = format!("{SUBNET_TYPE}/delegations").into();
    delegation["properties"]["provisioningState"] = "Succeeded".into();
}
