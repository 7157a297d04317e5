//! The computed properties by type of resource, as far as public templates read them. Hosts and IDs have the
//! form of Azure's and lead nowhere.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::implied::IDENTITIES;
use super::{Resource, SYSTEM, derived, principal, private_address};
use crate::arm::location;

/// Types with a property that is the name of the resource between two texts: type, property, text before, and
/// text after.
const OF_NAME: [(&str, &str, &str, &str); 37] = [
    ("microsoft.appconfiguration/configurationstores", "endpoint", "https://", ".azconfig.io"),
    ("microsoft.batch/batchaccounts", "accountEndpoint", "", ".batch.azure.com"),
    ("microsoft.cache/redis", "hostName", "", ".redis.cache.windows.net"),
    ("microsoft.cache/redisenterprise", "hostName", "", ".redisenterprise.cache.azure.net"),
    ("microsoft.cdn/profiles/afdendpoints", "hostName", "", ".z01.azurefd.net"),
    ("microsoft.cdn/profiles/endpoints", "hostName", "", ".azureedge.net"),
    ("microsoft.cognitiveservices/accounts", "endpoint", "https://", ".cognitiveservices.azure.com/"),
    ("microsoft.containerregistry/registries", "loginServer", "", ".azurecr.io"),
    ("microsoft.databricks/workspaces", "workspaceUrl", "", ".azuredatabricks.net"),
    ("microsoft.dbformariadb/servers", "fullyQualifiedDomainName", "", ".mariadb.database.azure.com"),
    ("microsoft.dbformysql/flexibleservers", "fullyQualifiedDomainName", "", ".mysql.database.azure.com"),
    ("microsoft.dbformysql/servers", "fullyQualifiedDomainName", "", ".mysql.database.azure.com"),
    (
        "microsoft.dbforpostgresql/flexibleservers",
        "fullyQualifiedDomainName",
        "",
        ".postgres.database.azure.com",
    ),
    ("microsoft.dbforpostgresql/servers", "fullyQualifiedDomainName", "", ".postgres.database.azure.com"),
    ("microsoft.devices/iothubs", "hostName", "", ".azure-devices.net"),
    ("microsoft.documentdb/databaseaccounts", "documentEndpoint", "https://", ".documents.azure.com:443/"),
    ("microsoft.eventgrid/domains", "endpoint", "https://", ".eventgrid.azure.net/api/events"),
    ("microsoft.eventgrid/topics", "endpoint", "https://", ".eventgrid.azure.net/api/events"),
    ("microsoft.eventhub/namespaces", "serviceBusEndpoint", "https://", ".servicebus.windows.net:443/"),
    ("microsoft.keyvault/managedhsms", "hsmUri", "https://", ".managedhsm.azure.net/"),
    ("microsoft.keyvault/vaults", "vaultUri", "https://", ".vault.azure.net/"),
    ("microsoft.kusto/clusters", "uri", "https://", ".kusto.windows.net"),
    ("microsoft.network/bastionhosts", "dnsName", "", ".bastion.azure.com"),
    ("microsoft.network/frontdoors", "cname", "", ".azurefd.net"),
    ("microsoft.relay/namespaces", "serviceBusEndpoint", "https://", ".servicebus.windows.net:443/"),
    ("microsoft.search/searchservices", "endpoint", "https://", ".search.windows.net"),
    ("microsoft.servicebus/namespaces", "serviceBusEndpoint", "https://", ".servicebus.windows.net:443/"),
    ("microsoft.servicefabric/clusters", "clusterEndpoint", "https://", ".servicefabric.azure.com"),
    ("microsoft.servicefabric/managedclusters", "fqdn", "", ".cloudapp.azure.com"),
    ("microsoft.signalrservice/signalr", "hostName", "", ".service.signalr.net"),
    ("microsoft.signalrservice/webpubsub", "hostName", "", ".webpubsub.azure.com"),
    ("microsoft.sql/managedinstances", "fullyQualifiedDomainName", "", ".database.windows.net"),
    ("microsoft.sql/servers", "fullyQualifiedDomainName", "", ".database.windows.net"),
    ("microsoft.web/hostingenvironments", "dnsSuffix", "", ".appserviceenvironment.net"),
    ("microsoft.web/sites", "defaultHostName", "", ".azurewebsites.net"),
    ("microsoft.web/sites/slots", "defaultHostName", "", ".azurewebsites.net"),
    ("microsoft.web/staticsites", "defaultHostname", "", ".azurestaticapps.net"),
];

/// Returns the computed properties of a resource of that type, in lower case: places, and values.
pub(super) fn computed(kind: &str, resource: &Resource) -> Vec<(&'static str, Value)> {
    let name = resource.path.name.to_lowercase();
    let of_name = OF_NAME.into_iter().filter(|(own, ..)| *own == kind);
    let mut found: Vec<(&'static str, Value)> = of_name
        .map(|(_, property, before, after)| (property, format!("{before}{name}{after}").into()))
        .collect();
    found.extend(match kind.split('/').next() {
        Some("microsoft.network") => networking(kind, resource),
        Some("microsoft.web" | "microsoft.app" | "microsoft.apimanagement") => web(kind, &name, resource),
        _ => others(kind, &name, resource),
    });
    found
}

fn networking(kind: &str, resource: &Resource) -> Vec<(&'static str, Value)> {
    let id = resource.id;
    match kind {
        "microsoft.network/trafficmanagerprofiles" => {
            let label = resource.text("dnsConfig", "relativeName").to_lowercase();
            vec![("dnsConfig.fqdn", format!("{label}.trafficmanager.net").into())]
        }
        "microsoft.network/frontdoors" => vec![("frontdoorId", derived(id, "front door").to_string().into())],
        "microsoft.network/dnszones" => {
            let servers = [1, 2, 3, 4].map(|number| format!("ns{number}-01.azure-dns.com."));
            vec![("nameServers", json!(servers)), ("numberOfRecordSets", 2.into())]
        }
        "microsoft.network/privateendpoints" => {
            let address = private_address(derived(id, "endpoint"));
            vec![
                ("networkInterfaces", json!([])),
                ("customDnsConfigs", json!([{"fqdn": resource.path.name, "ipAddresses": [address]}])),
            ]
        }
        "microsoft.network/azurefirewalls" => {
            let address = private_address(derived(id, "hub"));
            vec![("hubIPAddresses.privateIPAddress", address.into())]
        }
        _ => Vec::new(),
    }
}

fn web(kind: &str, name: &str, resource: &Resource) -> Vec<(&'static str, Value)> {
    let id = resource.id;
    match kind {
        "microsoft.web/sites" | "microsoft.web/sites/slots" => {
            let host = format!("{name}.azurewebsites.net");
            vec![
                ("hostNames", json!([host])),
                ("enabledHostNames", json!([host, format!("{name}.scm.azurewebsites.net")])),
                ("state", "Running".into()),
                ("outboundIpAddresses", private_address(derived(id, "outbound")).into()),
                ("possibleOutboundIpAddresses", private_address(derived(id, "outbound")).into()),
                ("customDomainVerificationId", derived(id, "domain").simple().to_string().into()),
            ]
        }
        "microsoft.web/certificates" => {
            let thumbprint = derived(id, "certificate").simple().to_string().to_uppercase();
            vec![("thumbprint", format!("{thumbprint}00000000").into())]
        }
        "microsoft.app/managedenvironments" => vec![
            ("defaultDomain", format!("{name}.{}.azurecontainerapps.io", resource.region()).into()),
            ("staticIp", private_address(derived(id, "static")).into()),
        ],
        "microsoft.app/containerapps" => {
            let host = format!("{name}.{}.azurecontainerapps.io", resource.region());
            vec![
                ("latestRevisionFqdn", host.clone().into()),
                ("latestRevisionName", format!("{name}--1").into()),
                ("outboundIpAddresses", json!([private_address(derived(id, "outbound"))])),
                ("customDomainVerificationId", derived(id, "domain").simple().to_string().into()),
                ("configuration.ingress.fqdn", host.into()),
            ]
        }
        "microsoft.apimanagement/service" => {
            let host = |part: &str| Value::from(format!("https://{name}{part}.azure-api.net"));
            vec![
                ("gatewayUrl", host("")),
                ("gatewayRegionalUrl", host(&format!("-{}-01.regional", resource.region()))),
                ("developerPortalUrl", host(".developer")),
                ("managementApiUrl", host(".management")),
                ("portalUrl", host(".portal")),
                ("scmUrl", host(".scm")),
                ("privateIPAddresses", json!([private_address(id)])),
                ("publicIPAddresses", json!([])),
            ]
        }
        _ => Vec::new(),
    }
}

fn others(kind: &str, name: &str, resource: &Resource) -> Vec<(&'static str, Value)> {
    let id = resource.id;
    match kind {
        IDENTITIES => vec![
            ("tenantId", resource.tenant.to_string().into()),
            ("principalId", derived(id, SYSTEM).to_string().into()),
            ("clientId", derived(id, "system client").to_string().into()),
        ],
        "microsoft.managedidentity/userassignedidentities" => vec![
            ("tenantId", resource.tenant.to_string().into()),
            ("principalId", derived(id, "principal").to_string().into()),
            ("clientId", derived(id, "client").to_string().into()),
        ],
        "microsoft.storage/storageaccounts" => vec![
            ("primaryEndpoints", endpoints(name)),
            ("secondaryEndpoints", endpoints(&format!("{name}-secondary"))),
            ("primaryLocation", resource.location.clone()),
            ("statusOfPrimary", "available".into()),
        ],
        "microsoft.keyvault/vaults/secrets" => {
            let version = derived(id, "version").simple().to_string();
            let uri = format!("https://{}.vault.azure.net/secrets/{name}", resource.parent_name());
            vec![("secretUriWithVersion", format!("{uri}/{version}").into()), ("secretUri", uri.into())]
        }
        "microsoft.keyvault/vaults/keys" => {
            let version = derived(id, "version").simple().to_string();
            let uri = format!("https://{}.vault.azure.net/keys/{name}", resource.parent_name());
            vec![("keyUriWithVersion", format!("{uri}/{version}").into()), ("keyUri", uri.into())]
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
        "microsoft.cache/redis" => vec![("sslPort", 6380.into()), ("port", 6379.into())],
        "microsoft.cdn/profiles" => vec![("frontDoorId", derived(id, "front door").to_string().into())],
        "microsoft.compute/virtualmachines" => vec![("vmId", derived(id, "machine").to_string().into())],
        "microsoft.compute/virtualmachinescalesets" => {
            vec![("uniqueId", derived(id, "scale set").to_string().into())]
        }
        "microsoft.containerinstance/containergroups" => {
            let label = resource.text("ipAddress", "dnsNameLabel").to_lowercase();
            vec![
                ("ipAddress.ip", private_address(id).into()),
                ("ipAddress.fqdn", format!("{label}.{}.azurecontainer.io", resource.region()).into()),
            ]
        }
        "microsoft.containerservice/managedclusters" => vec![
            ("fqdn", format!("{name}.azmk8s.io").into()),
            ("privateFQDN", format!("{name}.private.azmk8s.io").into()),
            ("nodeResourceGroup", resource.node_group().into()),
            ("oidcIssuerProfile.issuerURL", format!("https://{name}.oic.prod-aks.azure.com/").into()),
            ("identityProfile", json!({"kubeletidentity": principal(id, "kubelet")})),
        ],
        _ => Vec::new(),
    }
}

/// Gives each add-on of a Kubernetes cluster that is on its principal.
pub(super) fn add_addons(properties: &mut Map<String, Value>, kind: &str, id: Uuid) {
    if kind != "microsoft.containerservice/managedclusters" {
        return;
    }
    let addons = properties.get_mut("addonProfiles").and_then(Value::as_object_mut);
    for (name, addon) in addons.into_iter().flatten() {
        let on = addon.get("enabled").and_then(Value::as_bool) == Some(true);
        if let Some(addon) = addon.as_object_mut().filter(|_| on) {
            addon.entry("identity").or_insert_with(|| principal(id, &format!("add-on {name}")));
        }
    }
}

fn endpoints(name: &str) -> Value {
    let endpoint = |service: &str| Value::from(format!("https://{name}.{service}.core.windows.net/"));
    let services = ["blob", "dfs", "file", "queue", "table", "web"];
    services.iter().map(|service| ((*service).to_owned(), endpoint(service))).collect::<Map<_, _>>().into()
}

impl Resource<'_> {
    /// The location as host names have it.
    fn region(&self) -> String {
        location::canonical(self.location.as_str().unwrap_or_default())
    }

    /// The name of the parent resource, in lower case.
    fn parent_name(&self) -> String {
        let parent = self.path.parent.as_deref().unwrap_or_default();
        parent.rsplit('/').next().unwrap_or_default().to_lowercase()
    }

    /// The resource group that Azure makes for the nodes of a Kubernetes cluster.
    fn node_group(&self) -> String {
        let group = self.path.group.as_deref().unwrap_or_default();
        format!("MC_{group}_{}_{}", self.path.name, self.region())
    }

    /// A text within an object of the properties that the client sent; empty if absent.
    fn text<'a>(&'a self, object: &str, name: &str) -> &'a str {
        self.properties.get(object).and_then(|object| object.get(name)?.as_str()).unwrap_or_default()
    }
}
