//! The properties that Azure computes and that templates read with `reference`: identities of principals, host names,
//! private addresses, and the IDs of members of lists.
//!
//! The values have the form of Azure's and lead nowhere. They are computed at each read and depend on the resource
//! alone, so that they stay the same from its creation to its deletion.

use serde_json::{Map, Value, json};
use tidegate_shared::id::Digest;
use uuid::Uuid;

use super::path::UnservedPath;

mod of_type;

/// Adds the computed properties to a resource that is shown. A property that the client has set stays.
pub(super) fn add_computed(shown: &mut Map<String, Value>, path: &UnservedPath, id: Uuid, tenant: Uuid) {
    if let Some(identity) = shown.get_mut("identity").and_then(Value::as_object_mut) {
        add_principals(identity, id, tenant);
    }
    let location = shown.get("location").cloned().unwrap_or_default();
    let Some(properties) = shown.get_mut("properties").and_then(Value::as_object_mut) else { return };
    if path.kind.get(..NETWORK.len()).is_some_and(|start| start.eq_ignore_ascii_case(NETWORK)) {
        add_member_ids(properties, &path.to_string());
    }
    let kind = path.kind.to_ascii_lowercase();
    add_private_addresses(properties, &kind, id);
    let sent = properties.clone();
    let resource = Resource { path, id, tenant, location, properties: &sent };
    for (place, value) in of_type::computed(&kind, &resource) {
        add_at(properties, place, value);
    }
    of_type::add_addons(properties, &kind, id);
}

/// The values on which the computed properties depend.
struct Resource<'a> {
    path: &'a UnservedPath,
    id: Uuid,
    tenant: Uuid,
    location: Value,
    properties: &'a Map<String, Value>,
}

/// Adds a value, unless the client has set one. `place` is a name, or a path of names separated by dots, whose
/// objects must be there.
fn add_at(properties: &mut Map<String, Value>, place: &str, value: Value) {
    let Some((first, rest)) = place.split_once('.') else {
        if !properties.keys().any(|name| name.eq_ignore_ascii_case(place)) {
            properties.insert(place.to_owned(), value);
        }
        return;
    };
    if let Some(inner) = properties.get_mut(first).and_then(Value::as_object_mut) {
        add_at(inner, rest, value);
    }
}

const NETWORK: &str = "Microsoft.Network/";

/// The use of the principal ID of a system-assigned identity.
const SYSTEM: &str = "system";

fn principal(id: Uuid, use_of_it: &str) -> Value {
    json!({
        "objectId": derived(id, use_of_it).to_string(),
        "clientId": derived(id, &format!("{use_of_it} client")).to_string(),
    })
}

/// Adds the principals of a system-assigned identity and of user-assigned ones.
fn add_principals(identity: &mut Map<String, Value>, id: Uuid, tenant: Uuid) {
    let kind = identity.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if kind.contains("systemassigned") {
        identity.entry("principalId").or_insert_with(|| derived(id, SYSTEM).to_string().into());
        identity.entry("tenantId").or_insert_with(|| tenant.to_string().into());
    }
}

/// Gives each named member of the lists in `properties` its ID, as `Microsoft.Network` does.
fn add_member_ids(properties: &mut Map<String, Value>, id: &str) {
    for (list, members) in properties {
        for member in members.as_array_mut().into_iter().flatten() {
            let Some(member) = member.as_object_mut() else { continue };
            if let Some(name) = member.get("name").and_then(Value::as_str) {
                let own = format!("{id}/{list}/{name}");
                member.entry("id").or_insert_with(|| own.into());
            }
        }
    }
}

/// Gives each frontend and IP configuration within a subnet a private address, if the client has set none.
/// Those of network interfaces are always within a subnet.
fn add_private_addresses(properties: &mut Map<String, Value>, kind: &str, id: Uuid) {
    let interface = kind == "microsoft.network/networkinterfaces";
    if !(interface || kind.starts_with("microsoft.network/")) {
        return;
    }
    for list in ["ipConfigurations", "frontendIPConfigurations"] {
        let members = properties.get_mut(list).and_then(Value::as_array_mut);
        for (at, member) in members.into_iter().flatten().enumerate() {
            let Some(own) = member.get_mut("properties").and_then(Value::as_object_mut) else { continue };
            if interface || own.get("subnet").is_some_and(Value::is_object) {
                let address = private_address(derived(id, &format!("address {at}")));
                add_at(own, "privateIPAddress", address.into());
            }
        }
    }
}

/// Returns an address of 198.18.0.0/15, which belongs to no network (RFC 2544): a backend at it is never reached by
/// mistake.
fn private_address(id: Uuid) -> String {
    let [a, b, c, ..] = id.into_bytes();
    format!("198.{}.{b}.{}", 18 + (a & 1), c.max(1))
}

/// Returns a UUID that depends on the resource and its use alone.
pub(super) fn derived(id: Uuid, use_of_it: &str) -> Uuid {
    let digest = Digest::of([id.as_bytes().as_slice(), use_of_it.as_bytes()]).to_string();
    let bytes = Uuid::parse_str(digest.get(..32).unwrap_or_default()).unwrap_or_default().into_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::super::show;
    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers";

    fn shown(kind_and_name: &str, body: Value) -> Value {
        let Value::Object(body) = body else { panic!("a body is an object") };
        let path = UnservedPath::parse(&format!("{GROUP}/{kind_and_name}")).unwrap();
        show(&path, Uuid::from_u128(7), &body, Uuid::nil())
    }

    #[test]
    fn what_templates_read_is_there_and_stays_the_same() {
        let identity = "Microsoft.ManagedIdentity/userAssignedIdentities/i";
        let first = shown(identity, json!({"location": "l"}));
        assert_eq!(first, shown(identity, json!({"location": "l"})));
        let client: Uuid = first["properties"]["clientId"].as_str().unwrap().parse().unwrap();
        assert_eq!(client.get_version_num(), 4);
        assert_ne!(first["properties"]["clientId"], first["properties"]["principalId"]);
        assert_eq!(first["properties"]["provisioningState"], "Succeeded");

        let storage = shown("Microsoft.Storage/storageAccounts/St", json!({}));
        assert_eq!(storage["properties"]["primaryEndpoints"]["blob"], "https://st.blob.core.windows.net/");

        let vm =
            shown("Microsoft.Compute/virtualMachines/v", json!({"identity": {"type": "SystemAssigned"}}));
        assert!(vm["identity"]["principalId"].is_string());
    }

    #[test]
    fn members_of_network_resources_have_ids_and_interfaces_addresses() {
        let body = json!({"properties": {"ipConfigurations": [
            {"name": "a", "properties": {"privateIPAllocationMethod": "Dynamic"}},
            {"name": "b", "properties": {"privateIpAddress": "10.0.0.4"}},
        ]}});
        let interface = shown("Microsoft.Network/networkInterfaces/n", body);
        let configurations = &interface["properties"]["ipConfigurations"];
        let id = format!("{GROUP}/Microsoft.Network/networkInterfaces/n/ipConfigurations/a");
        assert_eq!(configurations[0]["id"], id);
        let address = configurations[0]["properties"]["privateIPAddress"].as_str().unwrap();
        assert!(address.starts_with("198.1"), "{address}");
        assert_eq!(configurations[1]["properties"], json!({"privateIpAddress": "10.0.0.4"}));

        let body = json!({"properties": {"frontendIPConfigurations": [
            {"name": "inside", "properties": {"subnet": {"id": "s"}}},
            {"name": "outside", "properties": {"publicIPAddress": {"id": "p"}}},
        ]}});
        let balancer = shown("Microsoft.Network/loadBalancers/b", body);
        let frontends = &balancer["properties"]["frontendIPConfigurations"];
        assert!(frontends[0]["properties"]["privateIPAddress"].is_string(), "{balancer}");
        assert!(frontends[1]["properties"].get("privateIPAddress").is_none(), "{balancer}");
    }

    #[test]
    fn properties_within_objects_and_of_children_are_computed_too() {
        let read = |kind_and_name: &str, properties: Value, pointer: &str| {
            let shown = shown(kind_and_name, json!({"location": "West Europe", "properties": properties}));
            shown.pointer(&format!("/properties/{pointer}")).and_then(Value::as_str).map(str::to_owned)
        };
        let manager = "Microsoft.Network/trafficManagerProfiles/t";
        let dns = json!({"dnsConfig": {"relativeName": "Shop", "ttl": 30}});
        assert_eq!(read(manager, dns, "dnsConfig/fqdn").as_deref(), Some("shop.trafficmanager.net"));
        assert_eq!(read(manager, json!({}), "dnsConfig/fqdn"), None);
        let secret = "Microsoft.KeyVault/vaults/Safe/secrets/key";
        let id = read(secret, json!({}), "secretUri");
        assert_eq!(id.as_deref(), Some("https://safe.vault.azure.net/secrets/key"));
        let own = json!({"HostName": "mine"});
        assert_eq!(
            read("Microsoft.Cdn/profiles/p/endpoints/e", own, "hostName"),
            None,
            "the client's own stays"
        );
        let host = read("Microsoft.Cdn/profiles/p/endpoints/e", json!({}), "hostName");
        assert_eq!(host.as_deref(), Some("e.azureedge.net"));
        let ingress = json!({"configuration": {"ingress": {"external": true}}});
        let name = read("Microsoft.App/containerApps/c", ingress, "configuration/ingress/fqdn");
        assert_eq!(name.as_deref(), Some("c.westeurope.azurecontainerapps.io"));
        let addons = json!({"addonProfiles": {"ingressApplicationGateway": {"enabled": true}, "off": {"enabled": false}}});
        let cluster = "Microsoft.ContainerService/managedClusters/k";
        let object =
            read(cluster, addons.clone(), "addonProfiles/ingressApplicationGateway/identity/objectId");
        assert!(object.is_some_and(|id| id.parse::<Uuid>().is_ok()));
        assert_eq!(read(cluster, addons, "addonProfiles/off/identity/objectId"), None);
    }
}
