//! Resources that Azure makes together with another one, and that templates refer to without making them: the
//! system-assigned identity, the default services of a storage account, the root rule of a namespace. Pure.
//!
//! They are not stored. As soon as a client writes one, it is a resource like any other.

use serde_json::{Map, Value};

use super::path::UnservedPath;

/// The extension under which Azure shows the system-assigned identity of a resource, in lower case.
pub(super) const IDENTITIES: &str = "microsoft.managedidentity/identities";

/// The types of children that Azure makes, with their names, in lower case.
const CHILDREN: [(&str, &str); 14] = [
    ("microsoft.apimanagement/service/subscriptions", "master"),
    ("microsoft.eventhub/namespaces/authorizationrules", "rootmanagesharedaccesskey"),
    ("microsoft.eventhub/namespaces/eventhubs/consumergroups", "$default"),
    ("microsoft.recoveryservices/vaults/backupfabrics", "azure"),
    ("microsoft.relay/namespaces/authorizationrules", "rootmanagesharedaccesskey"),
    ("microsoft.servicebus/namespaces/authorizationrules", "rootmanagesharedaccesskey"),
    ("microsoft.sql/servers/databases", "master"),
    ("microsoft.storage/storageaccounts/blobservices", "default"),
    ("microsoft.storage/storageaccounts/fileservices", "default"),
    ("microsoft.storage/storageaccounts/queueservices", "default"),
    ("microsoft.storage/storageaccounts/tableservices", "default"),
    ("microsoft.web/sites/config", "publishingcredentials"),
    ("microsoft.web/sites/host", "default"),
    ("microsoft.web/sites/slots/host", "default"),
];

/// Returns the resource with which Azure makes this one; `None` for one that clients make.
pub(crate) fn maker_of(path: &UnservedPath) -> Option<UnservedPath> {
    let (kind, name) = (path.kind.to_ascii_lowercase(), path.name.to_ascii_lowercase());
    let is_identity = kind == IDENTITIES && name == "default";
    let is_made = is_identity || CHILDREN.contains(&(kind.as_str(), name.as_str()));
    UnservedPath::parse(path.parent.as_deref().filter(|_| is_made)?).ok()
}

/// Returns whether Azure makes the resource `path` with one that has this body.
pub(crate) fn is_made_with(path: &UnservedPath, maker: &Map<String, Value>) -> bool {
    let identity = maker.get("identity").and_then(|identity| identity.get("type")).and_then(Value::as_str);
    let has_own = identity.is_some_and(|kinds| kinds.to_ascii_lowercase().contains("systemassigned"));
    has_own || !path.kind.eq_ignore_ascii_case(IDENTITIES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_azure_makes_has_a_maker() {
        let group = "/subscriptions/s/resourceGroups/g/providers";
        let site = format!("{group}/Microsoft.Web/sites/a");
        let account = format!("{group}/Microsoft.Storage/storageAccounts/a");
        let cases = [
            (format!("{site}/providers/Microsoft.ManagedIdentity/Identities/default"), Some(site.clone())),
            (
                format!("{site}/slots/b/providers/microsoft.managedidentity/identities/Default"),
                Some(format!("{site}/slots/b")),
            ),
            (format!("{account}/blobServices/Default"), Some(account.clone())),
            (format!("{account}/blobServices/other"), None),
            (format!("{account}/blobServices/default/containers/default"), None),
            (format!("{site}/providers/Microsoft.ManagedIdentity/identities/other"), None),
            (format!("{site}/providers/Microsoft.Insights/diagnosticSettings/default"), None),
            (format!("{group}/Microsoft.ManagedIdentity/identities/default"), None),
            (site, None),
        ];
        for (id, expected) in cases {
            let path = UnservedPath::parse(&id).unwrap();
            assert_eq!(maker_of(&path).map(|maker| maker.to_string()), expected, "{id}");
        }
    }

    #[test]
    fn an_identity_is_made_only_if_it_is_wanted() {
        let path = |id: &str| UnservedPath::parse(&format!("/subscriptions/s/providers/{id}")).unwrap();
        let identity = path("Microsoft.Web/sites/a/providers/Microsoft.ManagedIdentity/identities/default");
        let host = path("Microsoft.Web/sites/a/host/default");
        let with = |kind: &str| json!({"identity": {"type": kind}}).as_object().cloned().unwrap();
        assert!(is_made_with(&identity, &with("UserAssigned, SystemAssigned")));
        assert!(!is_made_with(&identity, &with("UserAssigned")));
        assert!(!is_made_with(&identity, &Map::new()));
        assert!(is_made_with(&host, &Map::new()));
    }
}
