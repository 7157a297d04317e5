//! The properties that Azure computes and that templates read with `reference`: identities of principals, host names,
//! private addresses, and the IDs of members of lists.
//!
//! The values have the form of Azure's and lead nowhere. They are computed at each read and depend on the resource
//! alone, so that they stay the same from its creation to its deletion.

use serde_json::{Map, Value, json};
use tidegate_shared::id::Digest;
use uuid::Uuid;

use super::path::UnservedPath;

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
    if kind == "microsoft.network/networkinterfaces" {
        add_private_addresses(properties, id);
    }
    for (name, value) in of_type(&kind, &path.name, id, tenant, location) {
        properties.entry(name).or_insert(value);
    }
}

const NETWORK: &str = "Microsoft.Network/";

/// Returns the computed properties of a resource of that type, in lower case.
fn of_type(kind: &str, name: &str, id: Uuid, tenant: Uuid, location: Value) -> Vec<(&'static str, Value)> {
    let host = |suffix: &str| format!("{}.{suffix}", name.to_lowercase());
    match kind {
        "microsoft.managedidentity/userassignedidentities" => vec![
            ("tenantId", tenant.to_string().into()),
            ("principalId", derived(id, "principal").to_string().into()),
            ("clientId", derived(id, "client").to_string().into()),
        ],
        "microsoft.storage/storageaccounts" => {
            let endpoint =
                |service: &str| format!("https://{}/", host(&format!("{service}.core.windows.net")));
            let services = ["blob", "dfs", "file", "queue", "table", "web"];
            let endpoints: Map<String, Value> =
                services.iter().map(|service| ((*service).to_owned(), endpoint(service).into())).collect();
            vec![
                ("primaryEndpoints", endpoints.into()),
                ("primaryLocation", location),
                ("statusOfPrimary", "available".into()),
            ]
        }
        "microsoft.web/sites" => {
            let own = host("azurewebsites.net");
            vec![("hostNames", json!([own])), ("defaultHostName", own.into()), ("state", "Running".into())]
        }
        "microsoft.web/staticsites" => vec![("defaultHostname", host("azurestaticapps.net").into())],
        "microsoft.keyvault/vaults" => {
            vec![("vaultUri", format!("https://{}/", host("vault.azure.net")).into())]
        }
        "microsoft.operationalinsights/workspaces" => {
            vec![("customerId", derived(id, "customer").to_string().into())]
        }
        "microsoft.insights/components" => {
            let key = derived(id, "instrumentation").to_string();
            vec![
                ("ConnectionString", format!("InstrumentationKey={key}").into()),
                ("AppId", derived(id, "application").to_string().into()),
                ("InstrumentationKey", key.into()),
            ]
        }
        "microsoft.containerregistry/registries" => vec![("loginServer", host("azurecr.io").into())],
        "microsoft.sql/servers" => {
            vec![("fullyQualifiedDomainName", host("database.windows.net").into())]
        }
        "microsoft.dbformysql/flexibleservers" | "microsoft.dbformysql/servers" => {
            vec![("fullyQualifiedDomainName", host("mysql.database.azure.com").into())]
        }
        "microsoft.dbforpostgresql/flexibleservers" | "microsoft.dbforpostgresql/servers" => {
            vec![("fullyQualifiedDomainName", host("postgres.database.azure.com").into())]
        }
        "microsoft.documentdb/databaseaccounts" => {
            vec![("documentEndpoint", format!("https://{}:443/", host("documents.azure.com")).into())]
        }
        "microsoft.cache/redis" => {
            vec![("hostName", host("redis.cache.windows.net").into()), ("sslPort", 6380.into())]
        }
        "microsoft.apimanagement/service" => vec![
            ("gatewayUrl", format!("https://{}", host("azure-api.net")).into()),
            ("privateIPAddresses", json!([private_address(id)])),
            ("publicIPAddresses", json!([])),
        ],
        "microsoft.containerservice/managedclusters" => vec![
            ("fqdn", host("azmk8s.io").into()),
            ("identityProfile", json!({"kubeletidentity": principal(id, "kubelet")})),
        ],
        "microsoft.network/privateendpoints" => {
            vec![("networkInterfaces", json!([])), ("customDnsConfigs", json!([]))]
        }
        _ => Vec::new(),
    }
}

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
        identity.entry("principalId").or_insert_with(|| derived(id, "system").to_string().into());
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

/// Gives each IP configuration of a network interface a private address, if the client has set none.
fn add_private_addresses(properties: &mut Map<String, Value>, id: Uuid) {
    let configurations = properties.get_mut("ipConfigurations").and_then(Value::as_array_mut);
    for (at, configuration) in configurations.into_iter().flatten().enumerate() {
        if let Some(configuration) = configuration.get_mut("properties").and_then(Value::as_object_mut) {
            let address = private_address(derived(id, &format!("address {at}")));
            configuration.entry("privateIPAddress").or_insert_with(|| address.into());
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
fn derived(id: Uuid, use_of_it: &str) -> Uuid {
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
            {"name": "b", "properties": {"privateIPAddress": "10.0.0.4"}},
        ]}});
        let interface = shown("Microsoft.Network/networkInterfaces/n", body);
        let configurations = &interface["properties"]["ipConfigurations"];
        let id = format!("{GROUP}/Microsoft.Network/networkInterfaces/n/ipConfigurations/a");
        assert_eq!(configurations[0]["id"], id);
        let address = configurations[0]["properties"]["privateIPAddress"].as_str().unwrap();
        assert!(address.starts_with("198.1"), "{address}");
        assert_eq!(configurations[1]["properties"]["privateIPAddress"], "10.0.0.4");
    }
}
