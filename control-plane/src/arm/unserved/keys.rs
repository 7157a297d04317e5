//! The results of `list*` functions and actions on unserved resources, such as `listKeys`.
//!
//! The keys are made from the resource's ID and open nothing, since nothing stands behind the resource. A template that
//! passes one on gets a value of the form that it expects. A function that would return anything else is refused.

use std::iter::successors;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::path::UnservedPath;

/// Makes a key of a resource from a seed, which differs between installations, and a label.
pub(crate) fn made_key(seed: &str, path: &UnservedPath, label: &str) -> String {
    let mut hash = Context::new(&SHA256);
    for part in [seed, &path.key(), "\0", label] {
        hash.update(part.as_bytes());
    }
    STANDARD.encode(hash.finish())
}

/// Returns the result of a `list*` function or action. `key` makes a key of the resource from a label.
///
/// # Errors
/// A sentence that says which functions the type has.
pub(crate) fn list_result(
    path: &UnservedPath,
    function: &str,
    key: impl Fn(&str) -> String,
) -> Result<Value, String> {
    let (first, second) = (|| key("primary"), || key("secondary"));
    let kind = path.kind.to_ascii_lowercase();
    let connection = |host: &str, key: &str| {
        format!("Endpoint=sb://{host}/;SharedAccessKeyName={};SharedAccessKey={key}", path.name)
    };
    let result = match (kind.as_str(), function.to_ascii_lowercase().as_str()) {
        ("microsoft.storage/storageaccounts", "listkeys") => json!({"keys": [
            {"keyName": "key1", "permissions": "FULL", "value": first()},
            {"keyName": "key2", "permissions": "FULL", "value": second()},
        ]}),
        ("microsoft.storage/storageaccounts", "listaccountsas") => json!({"accountSasToken": first()}),
        ("microsoft.storage/storageaccounts", "listservicesas") => json!({"serviceSasToken": first()}),
        ("microsoft.documentdb/databaseaccounts", "listkeys") => json!({
            "primaryMasterKey": first(), "secondaryMasterKey": second(),
            "primaryReadonlyMasterKey": key("primary read-only"), "secondaryReadonlyMasterKey": key("secondary read-only"),
        }),
        ("microsoft.documentdb/databaseaccounts", "listconnectionstrings") => json!({"connectionStrings": [
            {"connectionString": format!("AccountEndpoint=https://{}.documents.azure.com:443/;AccountKey={};", path.name, first())},
        ]}),
        ("microsoft.operationalinsights/workspaces", "listkeys" | "sharedkeys") => {
            json!({"primarySharedKey": first(), "secondarySharedKey": second()})
        }
        ("microsoft.containerregistry/registries", "listcredentials") => json!({
            "username": path.name,
            "passwords": [{"name": "password", "value": first()}, {"name": "password2", "value": second()}],
        }),
        ("microsoft.automation/automationaccounts", "listkeys") => json!({"keys": [
            {"KeyName": "Primary", "Permissions": "Full", "Value": first()},
            {"KeyName": "Secondary", "Permissions": "Full", "Value": second()},
        ]}),
        ("microsoft.cognitiveservices/accounts", "listkeys") => json!({"key1": first(), "key2": second()}),
        ("microsoft.search/searchservices", "listadminkeys") => {
            json!({"primaryKey": first(), "secondaryKey": second()})
        }
        (
            "microsoft.web/sites" | "microsoft.web/sites/host" | "microsoft.web/sites/slots/host",
            "listkeys",
        ) => {
            json!({"masterKey": first(), "functionKeys": {"default": second()}, "systemKeys": {}})
        }
        ("microsoft.web/sites/config", "list") if path.name.eq_ignore_ascii_case("publishingcredentials") => {
            let site = path.container().map(|site| site.name).unwrap_or_default();
            json!({"properties": {"publishingUserName": format!("${site}"), "publishingPassword": first()}})
        }
        ("microsoft.apimanagement/service/subscriptions", "listsecrets") => {
            json!({"primaryKey": first(), "secondaryKey": second()})
        }
        // The keys of rules of Service Bus, Event Hubs, Relay, Redis, SignalR, Maps, IoT Hub and their like.
        (_, "listkeys") => {
            let above = path.container().filter(|_| kind.ends_with("/authorizationrules"));
            let holder = successors(above, UnservedPath::container).last();
            let holder = holder.map_or_else(|| path.name.clone(), |holder| holder.name);
            let host = format!("{holder}.servicebus.windows.net");
            json!({
                "keyName": path.name, "primaryKey": first(), "secondaryKey": second(),
                "primaryConnectionString": connection(&host, &first()),
                "secondaryConnectionString": connection(&host, &second()),
            })
        }
        _ => {
            return Err(format!(
                "Tidegate stores '{path}' without effect, and '{function}' of {} would need a running service. \
                 Only keys are made here: listKeys, and listCredentials, listAdminKeys, listConnectionStrings, \
                 listSecrets, listAccountSas and listServiceSas of the types that have them.",
                path.kind
            ));
        }
    };
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_form_of_their_type_and_others_are_refused() {
        let list = |kind: &str, function: &str| {
            let id = format!("/subscriptions/s/resourceGroups/g/providers/{kind}/n");
            list_result(&UnservedPath::parse(&id).unwrap(), function, |label| format!("<{label}>"))
        };
        let keys = list("Microsoft.Storage/storageAccounts", "listKeys").unwrap();
        assert_eq!(keys["keys"][0]["value"], "<primary>");
        assert_eq!(
            list("microsoft.documentdb/DATABASEACCOUNTS", "LISTKEYS").unwrap()["primaryMasterKey"],
            "<primary>"
        );
        assert_eq!(
            list("Microsoft.ServiceBus/namespaces", "listkeys").unwrap()["secondaryKey"],
            "<secondary>"
        );
        let publishing = "Microsoft.Web/sites/shop/config/publishingcredentials";
        let path = UnservedPath::parse(&format!("/subscriptions/s/providers/{publishing}")).unwrap();
        let credentials = list_result(&path, "list", str::to_owned).unwrap();
        assert_eq!(credentials["properties"]["publishingUserName"], "$shop");
        let rule = "Microsoft.EventHub/namespaces/bus/eventhubs/hub/authorizationRules/rule";
        let path = UnservedPath::parse(&format!("/subscriptions/s/providers/{rule}")).unwrap();
        let keys = list_result(&path, "listKeys", str::to_owned).unwrap();
        assert_eq!(
            keys["primaryConnectionString"],
            "Endpoint=sb://bus.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey=primary"
        );
        let refusal = list("Microsoft.Web/sites", "listSyncFunctionTriggerStatus").unwrap_err();
        assert!(
            refusal.contains("listSyncFunctionTriggerStatus") && refusal.contains("Microsoft.Web/sites"),
            "{refusal}"
        );
    }
}
