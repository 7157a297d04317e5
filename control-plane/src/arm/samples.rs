//! Sample bodies for tests.

use serde_json::{Map, Value, json};

use super::document::{ApiVersion, Document};
use super::resource_id::GatewayPath;
use crate::testing::sent;
use crate::violation::Violations;

/// The resource ID of every sample.
pub(crate) const ID: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw";

/// An API version that requires priorities of rules, and one that does not.
pub(crate) const NEW: ApiVersion = ApiVersion { date: (2024, 1, 1) };
pub(crate) const OLD: ApiVersion = ApiVersion { date: (2020, 11, 1) };

/// A certificate for `ec.test` with its key, PEM.
pub(crate) const CERTIFICATE: &str = include_str!("certificate/fixtures/ec-sec1.pem");

/// The same certificate without the key.
pub(crate) fn authority() -> &'static str {
    &CERTIFICATE[CERTIFICATE.find("-----BEGIN CERTIFICATE").unwrap()..]
}

pub(crate) fn path() -> GatewayPath {
    GatewayPath::parse(ID).unwrap()
}

pub(crate) fn reference(child: &str) -> Value {
    json!({ "id": format!("{ID}/{child}") })
}

/// A gateway with one child of each kind that a rule uses, for HTTP and HTTPS.
pub(crate) fn whole() -> Value {
    json!({
        "location": "local",
        "properties": {
            "sku": { "name": "Standard_v2", "tier": "Standard_v2", "capacity": 1 },
            "gatewayIPConfigurations": [{ "name": "ip", "properties": { "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" } } }],
            "sslCertificates": [{ "name": "cert", "properties": { "data": CERTIFICATE } }],
            "trustedRootCertificates": [{ "name": "root", "properties": { "data": authority() } }],
            "frontendIPConfigurations": [
                { "name": "public", "properties": { "publicIPAddress": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/ip" } } },
                { "name": "private", "properties": { "privateIPAddress": "127.0.0.2" } }
            ],
            "frontendPorts": [
                { "name": "p80", "properties": { "port": 80 } },
                { "name": "p443", "properties": { "port": 443 } }
            ],
            "probes": [{ "name": "probe", "properties": {
                "protocol": "Https", "path": "/up?x=1", "interval": 5, "timeout": 2, "unhealthyThreshold": 2,
                "minServers": 1, "port": 8081, "pickHostNameFromBackendHttpSettings": true,
                "match": { "statusCodes": ["200", "300-302"], "body": "ok" }
            } }],
            "backendAddressPools": [
                { "name": "pool", "properties": { "backendAddresses": [
                    { "ipAddress": "10.0.0.1" }, { "ipAddress": "Backend" }, { "fqdn": "b.test" }, { "ipAddress": "::1" }
                ] } },
                { "name": "empty" }
            ],
            "backendHttpSettingsCollection": [
                { "name": "plain", "properties": { "port": 8080 } },
                { "name": "tls", "properties": {
                    "port": 8443, "protocol": "Https", "requestTimeout": 40, "hostName": "b.test",
                    "connectionDraining": { "enabled": true, "drainTimeoutInSec": 60 },
                    "probe": reference("probes/probe"),
                    "trustedRootCertificates": [reference("trustedRootCertificates/root")]
                } }
            ],
            "httpListeners": [
                { "name": "ws", "properties": {
                    "frontendIPConfiguration": reference("frontendIPConfigurations/public"),
                    "frontendPort": reference("frontendPorts/p80")
                } },
                { "name": "wss", "properties": {
                    "frontendIPConfiguration": reference("frontendIPConfigurations/private"),
                    "frontendPort": reference("frontendPorts/p443"),
                    "protocol": "Https",
                    "hostNames": ["EC.test", "*.ec.test"],
                    "sslCertificate": reference("sslCertificates/cert")
                } },
                { "name": "idle", "properties": {
                    "frontendIPConfiguration": reference("frontendIPConfigurations/private"),
                    "frontendPort": reference("frontendPorts/p80")
                } }
            ],
            "requestRoutingRules": [
                { "name": "ws-rule", "properties": {
                    "priority": 20,
                    "httpListener": reference("httpListeners/ws"),
                    "backendAddressPool": reference("backendAddressPools/pool"),
                    "backendHttpSettings": reference("backendHttpSettingsCollection/plain")
                } },
                { "name": "wss-rule", "properties": {
                    "priority": 10,
                    "httpListener": reference("httpListeners/wss"),
                    "backendAddressPool": reference("backendAddressPools/pool"),
                    "backendHttpSettings": reference("backendHttpSettingsCollection/tls")
                } }
            ]
        }
    })
}

/// The same gateway, plus one of each definition that none of its rules uses.
pub(crate) fn defined() -> Value {
    let mut body = whole();
    let pool = || reference("backendAddressPools/pool");
    let subnet = json!({ "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" });
    let definitions = json!({
        "trustedClientCertificates": [{ "name": "clients", "properties": { "data": authority() } }],
        "authenticationCertificates": [{ "name": "pinned", "properties": { "data": authority() } }],
        "sslProfiles": [{ "name": "profile", "properties": {
            "trustedClientCertificates": [reference("trustedClientCertificates/clients")],
            "sslPolicy": { "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S" },
            "clientAuthConfiguration": { "verifyClientCertIssuerDN": true, "verifyClientRevocation": "None" }
        } }],
        "backendSettingsCollection": [{ "name": "bytes", "properties": {
            "port": 5432, "protocol": "Tls", "timeout": 60, "hostName": "b.test",
            "trustedRootCertificates": [reference("trustedRootCertificates/root")]
        } }],
        "listeners": [{ "name": "bytes", "properties": {
            "frontendIPConfiguration": reference("frontendIPConfigurations/public"),
            "frontendPort": reference("frontendPorts/p443"),
            "protocol": "Tls", "sslCertificate": reference("sslCertificates/cert"),
            "sslProfile": reference("sslProfiles/profile"), "hostNames": ["ec.test"]
        } }],
        "urlPathMaps": [{ "name": "map", "properties": {
            "defaultBackendAddressPool": pool(),
            "defaultBackendHttpSettings": reference("backendHttpSettingsCollection/plain"),
            "defaultRewriteRuleSet": reference("rewriteRuleSets/set"),
            "defaultLoadDistributionPolicy": reference("loadDistributionPolicies/policy"),
            "pathRules": [
                { "name": "images", "properties": {
                    "paths": ["/images/*"],
                    "backendAddressPool": pool(),
                    "backendHttpSettings": reference("backendHttpSettingsCollection/plain"),
                    "rewriteRuleSet": reference("rewriteRuleSets/set"),
                    "loadDistributionPolicy": reference("loadDistributionPolicies/policy")
                } },
                { "name": "old", "properties": {
                    "paths": ["/old/*"], "redirectConfiguration": reference("redirectConfigurations/away")
                } }
            ]
        } }],
        "rewriteRuleSets": [{ "name": "set", "properties": { "rewriteRules": [{
            "name": "a rule", "ruleSequence": 100,
            "conditions": [{ "variable": "var_uri_path", "pattern": "^/a/(.*)$", "ignoreCase": true, "negate": false }],
            "actionSet": {
                "requestHeaderConfigurations": [{ "headerName": "X-A", "headerValue": "{var_uri_path_1}" }],
                "responseHeaderConfigurations": [{
                    "headerName": "Set-Cookie", "headerValue": "a=b", "headerValueMatcher": { "pattern": "^a=" }
                }],
                "urlConfiguration": { "modifiedPath": "/b", "modifiedQueryString": "c=d", "reroute": false }
            }
        }] } }],
        "redirectConfigurations": [
            { "name": "away", "properties": {
                "redirectType": "Permanent", "targetUrl": "https://away.test/", "includePath": true
            } },
            { "name": "up", "properties": {
                "redirectType": "Found", "targetListener": reference("httpListeners/ws"), "includeQueryString": true
            } }
        ],
        "privateLinkConfigurations": [{ "name": "link", "properties": { "ipConfigurations": [
            { "name": "first", "properties": {
                "privateIPAllocationMethod": "Dynamic", "subnet": subnet, "primary": true
            } }
        ] } }],
        "loadDistributionPolicies": [{ "name": "policy", "properties": {
            "loadDistributionAlgorithm": "LeastConnections",
            "loadDistributionTargets": [
                { "name": "t", "properties": { "weightPerServer": 40, "backendAddressPool": pool() } }
            ]
        } }]
    });
    let properties = body["properties"].as_object_mut().unwrap();
    properties.extend(definitions.as_object().unwrap().clone());
    body
}

/// The WebSocket example of Azure's documentation: names only in IDs, Pascal case, no priority.
pub(crate) fn documentation() -> Value {
    let named =
        |child: &str, properties: Value| json!({ "id": format!("{ID}/{child}"), "properties": properties });
    let reference = |child: &str| json!({ "Id": format!("{ID}/{child}") });
    json!({
        "Properties": {
            "FrontendIPConfigurations": [{ "name": "fip", "properties": { "PublicIPAddress": { "Id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/ip" } } }],
            "frontendPorts": [{ "Name": "fp", "Properties": { "Port": "443" } }, { "name": "fp80", "properties": { "port": 80 } }],
            "sslCertificates": [{ "name": "cert", "properties": { "Data": CERTIFICATE, "Password": null } }],
            "BackendAddressPools": [
                { "name": "bap", "properties": { "BackendAddresses": [{ "IpAddress": "127.0.0.1" }] } }
            ],
            "backendHttpSettingsCollection": [{ "name": "bhs", "properties": { "Port": 80, "Protocol": "HTTP" } }],
            "httpListeners": [
                named("httpListeners/appGatewayHttpsListener", json!({
                    "FrontendIPConfiguration": reference("frontendIPConfigurations/fip"),
                    "FrontendPort": reference("frontendPorts/FP"),
                    "Protocol": "Https",
                    "SslCertificate": reference("sslCertificates/cert")
                })),
                named("httpListeners/appGatewayHttpListener", json!({
                    "FrontendIPConfiguration": reference("frontendIpConfigurations/fip"),
                    "FrontendPort": reference("frontendports/fp80"),
                    "Protocol": "http"
                }))
            ],
            "requestRoutingRules": [
                { "name": "rule1", "properties": {
                    "RuleType": "basic",
                    "HttpListener": reference("httpListeners/appGatewayHttpsListener"),
                    "BackendAddressPool": reference("backendaddressPools/bap"),
                    "BackendHttpSettings": reference("backendHttpSettingsCollection/bhs")
                } },
                { "name": "rule2", "properties": {
                    "RuleType": "Basic",
                    "httpListener": reference("httpListeners/appGatewayHttpListener"),
                    "backendAddressPool": reference("backendAddressPools/bap"),
                    "backendHttpSettings": reference("backendHttpSettingsCollection/bhs")
                } }
            ]
        }
    })
}

/// The body that the template of `az network application-gateway create` puts, in its spelling.
pub(crate) fn command_line() -> Value {
    let reference = |child: &str| json!({ "Id": format!("{}/{child}", &ID[1..]) });
    json!({
        "type": "Microsoft.Network/applicationGateways",
        "name": "gw",
        "location": "westus",
        "tags": {},
        "apiVersion": "2022-05-01",
        "dependsOn": [],
        "zones": null,
        "properties": {
            "backendAddressPools": [
                { "name": "appGatewayBackendPool" },
            ],
            "backendHttpSettingsCollection": [{ "name": "appGatewayBackendHttpSettings", "properties": {
                "Port": "18999", "Protocol": "http", "CookieBasedAffinity": "disabled",
                "connectionDraining": { "enabled": false, "drainTimeoutInSec": 1 }
            } }],
            "frontendIPConfigurations": [
                { "name": "appGatewayFrontendIP", "properties": { "publicIPAddress": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/ip" } } }
            ],
            "frontendPorts": [{ "name": "appGatewayFrontendPort", "properties": { "Port": 80 } }],
            "gatewayIPConfigurations": [
                { "name": "appGatewayFrontendIP", "properties": { "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" } } }
            ],
            "httpListeners": [{ "name": "appGatewayHttpListener", "properties": {
                "FrontendIpConfiguration": reference("frontendIPConfigurations/appGatewayFrontendIP"),
                "FrontendPort": reference("frontendPorts/appGatewayFrontendPort"),
                "Protocol": "http",
                "SslCertificate": null
            } }],
            "sku": { "name": "Standard_v2", "tier": "Standard_v2", "capacity": 2 },
            "requestRoutingRules": [{ "Name": "rule1", "properties": {
                "RuleType": "Basic", "priority": "100",
                "httpListener": reference("httpListeners/appGatewayHttpListener"),
                "backendAddressPool": reference("backendAddressPools/appGatewayBackendPool"),
                "backendHttpSettings": reference("backendHttpSettingsCollection/appGatewayBackendHttpSettings")
            } }],
            "privateLinkConfigurations": []
        }
    })
}

/// Reads a valid body.
pub(crate) fn read(body: Value) -> Document {
    let (document, violations) = Document::read(path(), &sent(body), None, NEW);
    assert_eq!(violations, Violations::default());
    document
}

/// Returns a document as a client receives it, read-only properties included.
pub(crate) fn shown(document: &Document) -> Value {
    let mut body = document.body.clone();
    let mut properties = body.remove("properties").and_then(|p| p.as_object().cloned()).unwrap_or_default();
    for child in &document.children {
        let mut shown = child.properties.clone();
        shown.insert("provisioningState".to_owned(), json!("Succeeded"));
        for nested in child.collection.nested() {
            let members = shown.get_mut(nested.name).and_then(Value::as_array_mut);
            for member in members.into_iter().flatten() {
                member["id"] = json!(format!("{ID}/members/{}", member["name"].as_str().unwrap()));
                member["type"] = json!(nested.resource_type());
                member["etag"] = json!("W/\"1\"");
                member["properties"]["provisioningState"] = json!("Succeeded");
                member["properties"]["urlPathMaps"] = json!([{ "id": "a back-reference" }]);
            }
        }
        let child = json!({
            "id": document.path.child_id(child.collection, &child.name), "name": child.name, "etag": "W/\"1\"",
            "type": child.collection.resource_type(), "properties": shown,
        });
        let collection = child["type"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
        let list = properties.entry(collection.to_owned()).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(child);
    }
    body.extend(Map::from_iter([
        ("properties".to_owned(), Value::Object(properties)),
        ("id".to_owned(), json!(ID)),
        ("etag".to_owned(), json!("W/\"1\"")),
    ]));
    Value::Object(body)
}

/// Builds an OCSP response (RFC 6960) for the certificate with this serial number, with an invalid signature.
/// `status` is the DER element of the certificate status, `until` the time of the next update.
pub(crate) fn ocsp_response(serial: &[u8], status: &[u8], until: Option<&str>) -> Vec<u8> {
    let element = |tag: u8, content: &[&[u8]]| {
        let content = content.concat();
        let length = u8::try_from(content.len()).unwrap();
        let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [header, content].concat()
    };
    let algorithm = element(0x30, &[&[0x06, 0x01, 0x2a]]);
    let hash = element(0x04, &[&[0x11; 20]]);
    let certificate = element(0x30, &[&algorithm, &hash, &hash, &element(0x02, &[serial])]);
    let time = element(0x18, &[b"20260101000000Z"]);
    let until = until.map(|until| element(0xa0, &[&element(0x18, &[until.as_bytes()])]));
    let single = element(0x30, &[&certificate, status, &time, &until.unwrap_or_default()]);
    let responder = element(0xa2, &[&hash]);
    let data = element(0x30, &[&responder, &time, &element(0x30, &[&single])]);
    let basic = element(0x30, &[&data, &algorithm, &element(0x03, &[&[0x00, 0x01]])]);
    let kind = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    let bytes = element(0x30, &[&kind, &element(0x04, &[&basic])]);
    element(0x30, &[&[0x0a, 0x01, 0x00], &element(0xa0, &[&bytes])])
}
