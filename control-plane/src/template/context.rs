//! The context of a deployment: its place, time, client and name, and the functions that show them. Pure:
//! randomness and time are inputs.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fault::{EvalError, EvalResult};
use super::function::{COMPACT, show_time};
use super::value::kind;
use crate::arm::deployment::DeploymentMode;

/// The context of a deployment. Fields that a stored request of an older version lacks have a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Context {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Tenant ID.
    pub(crate) tenant: String,
    /// Resource group, in its creator's spelling; `None` for a deployment to the subscription.
    pub(crate) group: Option<String>,
    /// The location of the group, or of the deployment if there is no group.
    pub(crate) location: String,
    /// The group's tags.
    pub(crate) tags: Map<String, Value>,
    /// The name of the deployment.
    pub(crate) deployment: String,
    /// The seed of `newGuid`, constant for the life of a deployment.
    pub(crate) chance: Uuid,
    /// The time returned by `utcNow`, in milliseconds since 1970.
    pub(crate) now: i64,
    /// The scheme and host of the management API, as the client reached it.
    #[serde(default)]
    pub(crate) management: String,
    /// The object ID of the API client that deploys; nil for the administrator.
    #[serde(default)]
    pub(crate) deployer: Uuid,
    /// What becomes of resources that are not in the template.
    #[serde(default)]
    pub(crate) mode: DeploymentMode,
    /// The link by which the template was fetched: an object with `uri`. `None` if the template was in the
    /// request.
    #[serde(default)]
    pub(crate) template_link: Option<Value>,
    /// The seed of the keys that `list…` functions make for resources of unserved types.
    #[serde(default)]
    pub(crate) key_seed: String,
}

impl Context {
    /// The ID of the deployment's scope, the prefix of the IDs of its resources.
    pub(super) fn scope_id(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            None => format!("/subscriptions/{}", self.subscription),
        }
    }

    pub(super) fn group(&self) -> EvalResult {
        let Some(group) = &self.group else {
            let why = "The function 'resourceGroup' cannot be used in a deployment to a subscription: use \
                       subscription(), or pass the resource group as a parameter.";
            return Err(EvalError::function(why));
        };
        Ok(json!({
            "id": self.scope_id(),
            "name": group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "tags": self.tags,
            "properties": {"provisioningState": "Succeeded"},
        }))
    }

    pub(super) fn subscription(&self) -> Value {
        json!({
            "id": format!("/subscriptions/{}", self.subscription),
            "subscriptionId": self.subscription,
            "tenantId": self.tenant,
            "displayName": self.subscription,
        })
    }

    pub(super) fn tenant(&self) -> Value {
        json!({
            "id": format!("/tenants/{}", self.tenant),
            "tenantId": self.tenant,
            "displayName": self.tenant,
            "countryCode": "",
        })
    }

    /// `deployer()`. There are no users, so there is no principal name.
    pub(super) fn deployer(&self) -> Value {
        json!({"objectId": self.deployer, "tenantId": self.tenant, "userPrincipalName": ""})
    }

    /// `deployment()`, without the template.
    pub(super) fn deployment(&self) -> Value {
        let mut shown = json!({
            "name": self.deployment,
            "properties": {
                "mode": self.mode.as_str(),
                "provisioningState": "Accepted",
            },
        });
        if self.group.is_none() {
            shown["location"] = self.location.as_str().into();
        }
        if let Some(link) = &self.template_link {
            shown["properties"]["templateLink"] = link.clone();
        }
        shown
    }

    /// `environment()`: that of public Azure, except that the management API and the tokens are ours.
    pub(super) fn environment(&self) -> Value {
        let here = format!("{}/", self.management);
        json!({
            "name": "AzureCloud",
            "gallery": "https://gallery.azure.com/",
            "graph": "https://graph.windows.net/",
            "portal": "https://portal.azure.com",
            "graphAudience": "https://graph.windows.net/",
            "activeDirectoryDataLake": "https://datalake.azure.net/",
            "batch": "https://batch.core.windows.net/",
            "media": "https://rest.media.azure.net",
            "sqlManagement": "https://management.core.windows.net:8443/",
            "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/\
                                quickstart-templates/aliases.json",
            "resourceManager": here,
            "authentication": {
                "loginEndpoint": here,
                "audiences": [here],
                "tenant": self.tenant,
                "identityProvider": "AAD",
            },
            "suffixes": {
                "acrLoginServer": ".azurecr.io",
                "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
                "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
                "azureFrontDoorEndpointSuffix": "azurefd.net",
                "keyvaultDns": ".vault.azure.net",
                "sqlServerHostname": ".database.windows.net",
                "storage": "core.windows.net",
            },
        })
    }

    /// `utcNow([format])`.
    pub(super) fn utc_now(&self, values: &[Value]) -> EvalResult {
        let format = match values {
            [] => COMPACT,
            [Value::String(format)] => format.as_str(),
            [other, ..] => {
                return Err(EvalError::expression(format!("utcNow takes a format, not {}.", kind(other))));
            }
        };
        let now = Timestamp::from_millisecond(self.now).unwrap_or_default();
        show_time(now, Offset::UTC, format)
            .map_err(|why| EvalError::expression(format!("The function 'utcNow' failed: {why}")))
    }
}
