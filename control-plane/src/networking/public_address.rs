//! Public IP addresses.

use serde_json::{Map, Value};

use super::{NetworkError, check_head, settle};
use crate::addresses::Family;
use crate::arm::network::{NetworkKind, NetworkPath, PublicAddress, PublicIpAddress};
use crate::compile::check_public_address;
use crate::document_rules::UnknownProperties;
use crate::store::{NetworkDecision, NetworkResource, User};
use crate::violation::{Violations, Warnings};

/// The property with the address.
const IP_ADDRESS: &str = "ipAddress";

/// Decides about a PUT. A body without an address keeps the one given before.
pub(super) fn put(
    path: &NetworkPath,
    (sent, shown): (Value, Option<&str>),
    unknown: UnknownProperties,
    stored: Option<&NetworkResource>,
    users: &[User],
) -> Result<(NetworkDecision, Warnings), NetworkError> {
    let mut violations = Violations::default();
    let mut body = PublicIpAddress::read(sent, &mut violations);
    let own = stored.and_then(|stored| stored.allocated).map(|address| address.to_string());
    keep_address(&mut body, own.as_deref().or(shown), stored);
    check_head(path, &body, stored, &mut violations);
    let mut found = Violations::default();
    check_public_address(&path.to_string(), &body, &mut found);
    violations.absorb(found);
    let (mut decision, warnings) = settle(body, stored, unknown, violations)?;
    if let NetworkDecision::Replace { body, wish, .. } = &mut decision {
        *wish = wished(body, stored, users);
        check_settled(path, body, stored, users)?;
    }
    Ok((decision, warnings))
}

/// Returns the family of which the address is to have one of the pool. One that a gateway uses without an address of its
/// own keeps that of the workers, because its frontend would move.
fn wished(body: &Map<String, Value>, stored: Option<&NetworkResource>, users: &[User]) -> Option<Family> {
    let has_own = stored.is_some_and(|stored| stored.allocated.is_some());
    let (_, family) = PublicAddress::with_family(body);
    (users.is_empty() && !has_own).then_some(family)
}

pub(super) fn check_delete(address: &NetworkResource, users: &[User]) -> Result<(), NetworkError> {
    match users.first() {
        Some(user) if address.path.kind == NetworkKind::PublicAddress => {
            Err(NetworkError::AddressInUse { address: address.path.to_string(), user: user.source.clone() })
        }
        _ => Ok(()),
    }
}

fn keep_address(body: &mut Map<String, Value>, shown: Option<&str>, stored: Option<&NetworkResource>) {
    let given = stored.and_then(|stored| stored.body.get("properties")?.get(IP_ADDRESS)).cloned();
    let Some(Value::Object(properties)) = body.get_mut("properties") else { return };
    if properties.get(IP_ADDRESS).is_some_and(|sent| sent == "") {
        properties.remove(IP_ADDRESS);
    }
    if given.is_none() && properties.get(IP_ADDRESS).is_some_and(|sent| sent.as_str() == shown) {
        properties.remove(IP_ADDRESS);
    }
    if let Some(given) = given {
        properties.entry(IP_ADDRESS).or_insert(given);
    }
}

/// Rejects a change of the address to which a gateway's frontend is bound. A gateway that referred to the
/// address before it was stored is bound to the workers' own address, as with SKU `Standard` and no address.
fn check_settled(
    path: &NetworkPath,
    body: &Map<String, Value>,
    stored: Option<&NetworkResource>,
    users: &[User],
) -> Result<(), NetworkError> {
    let Some(user) = users.first() else { return Ok(()) };
    let unstored = PublicAddress { address: None, basic: false };
    let held = stored.and_then(|stored| stored.allocated);
    let before = stored.map_or(unstored, |stored| PublicAddress::of(&stored.body, held));
    let shared = stored.is_none() && users.iter().any(|other| other.gateway != user.gateway);
    if PublicAddress::of(body, held) == before && !shared {
        return Ok(());
    }
    Err(NetworkError::AddressSettled { address: path.to_string(), user: user.source.clone() })
}
