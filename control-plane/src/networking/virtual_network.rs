//! Virtual networks and their subnets.

use serde_json::{Map, Value};

use super::{NetworkError, check_head, replacement, settle};
use crate::arm::network::{NetworkKind, NetworkPath, Subnet, VirtualNetwork};
use crate::compile::check_virtual_network;
use crate::document_rules::UnknownProperties;
use crate::store::{NetworkDecision, NetworkResource, User};
use crate::violation::{Violations, Warnings};

/// Finds a subnet by name in a network's canonical body, ignoring case.
pub(super) fn subnet<'a>(network: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    subnets(network).find(|subnet| is_named(subnet, name))
}

/// Returns the position of a subnet, found by name ignoring case.
pub(super) fn place(network: &Map<String, Value>, name: &str) -> Option<usize> {
    subnets(network).position(|subnet| is_named(subnet, name))
}

/// Decides about a PUT of a network. A body without `subnets` keeps the existing ones; otherwise missing ones
/// are deleted.
pub(super) fn put(
    path: &NetworkPath,
    sent: Value,
    unknown: UnknownProperties,
    stored: Option<&NetworkResource>,
    users: &[User],
) -> Result<(NetworkDecision, Warnings), NetworkError> {
    let mut violations = Violations::default();
    let keeps = stored.filter(|_| !mentions_subnets(&sent));
    let mut body = VirtualNetwork::read(sent, &mut violations);
    if let Some(stored) = keeps
        && let Some(all) = stored.body.get("properties").and_then(|properties| properties.get("subnets"))
    {
        properties_of(&mut body).insert("subnets".to_owned(), all.clone());
    }
    check_head(path, &body, stored, &mut violations);
    let mut found = Violations::default();
    check_virtual_network(&path.name, &body, &mut found);
    violations.absorb(found);
    let (decision, warnings) = settle(body, stored, unknown, violations)?;
    if let (NetworkDecision::Replace { body, .. }, Some(stored)) = (&decision, stored) {
        for gone in subnets(&stored.body).filter(|old| subnet(body, name_of(old)).is_none()) {
            check_unused(stored, name_of(gone), users)?;
        }
    }
    Ok((decision, warnings))
}

pub(super) fn put_subnet(
    name: &str,
    sent: Value,
    unknown: UnknownProperties,
    network: &NetworkResource,
) -> Result<(NetworkDecision, Warnings), NetworkError> {
    let mut violations = Violations::default();
    // The creator's spelling of the name is permanent.
    let spelt = subnet(&network.body, name).map_or(name, |subnet| name_of(subnet)).to_owned();
    let new = Subnet::read(&spelt, sent, &mut violations);
    let mut body = network.body.clone();
    let at = {
        let list = list_of(&mut body);
        match list.iter().position(|subnet| is_named(subnet, name)) {
            Some(at) => {
                list[at] = new;
                at
            }
            None => {
                list.push(new);
                list.len() - 1
            }
        }
    };
    let mut found = Violations::default();
    check_virtual_network(&network.path.name, &body, &mut found);
    violations.absorb(found.seen_from(&format!("properties.subnets[{at}]")));
    settle(body, Some(network), unknown, violations)
}

pub(super) fn delete_subnet(
    name: &str,
    network: &NetworkResource,
    users: &[User],
) -> Result<NetworkDecision, NetworkError> {
    subnet(&network.body, name).ok_or(NetworkError::NoSubnet)?;
    check_unused(network, name, users)?;
    let mut body = network.body.clone();
    list_of(&mut body).retain(|subnet| !is_named(subnet, name));
    Ok(replacement(body))
}

/// Rejects the deletion of a network with a subnet in use.
pub(super) fn check_delete(network: &NetworkResource, users: &[User]) -> Result<(), NetworkError> {
    if network.path.kind != NetworkKind::VirtualNetwork {
        return Ok(());
    }
    // Which subnets a damaged network has is not known, so each one to which a gateway refers counts.
    if let Some(User { target, .. }) = users.first().filter(|_| network.body.is_empty()) {
        return check_unused(network, target.rsplit('/').next().unwrap_or_default(), users);
    }
    subnets(&network.body).try_for_each(|subnet| check_unused(network, name_of(subnet), users))
}

fn check_unused(network: &NetworkResource, subnet: &str, users: &[User]) -> Result<(), NetworkError> {
    let id = network.path.subnet_id(subnet);
    let users: Vec<&str> = users
        .iter()
        .filter(|user| user.target.eq_ignore_ascii_case(&id))
        .map(|user| user.source.as_str())
        .collect();
    if users.is_empty() {
        return Ok(());
    }
    Err(NetworkError::SubnetInUse { subnet: subnet.to_owned(), users: users.join(", ") })
}

fn mentions_subnets(sent: &Value) -> bool {
    let named = |object: &Value, name: &str| {
        let found = object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1.clone())
    };
    named(sent, "properties")
        .and_then(|properties| named(&properties, "subnets"))
        .is_some_and(|list| !list.is_null())
}

pub(super) fn subnets(network: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let list = network.get("properties").and_then(|properties| properties.get("subnets")?.as_array());
    list.into_iter().flatten()
}

fn list_of(network: &mut Map<String, Value>) -> &mut Vec<Value> {
    let list = properties_of(network).entry("subnets").or_insert_with(|| Value::Array(Vec::new()));
    list.as_array_mut().expect("a canonical body has a list of subnets")
}

fn properties_of(network: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let properties = network.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    properties.as_object_mut().expect("canonical properties are an object")
}

fn is_named(subnet: &Value, name: &str) -> bool {
    name_of(subnet).eq_ignore_ascii_case(name)
}

fn name_of(subnet: &Value) -> &str {
    subnet["name"].as_str().unwrap_or_default()
}
