//! The sample gateway of Azure's page about WebSocket, in its own spelling and in the canonical one.
//!
//! The page has property names in PascalCase, some numbers as strings, and no priorities, which an `api-version`
//! before 2021-08-01 does not require. Its unbalanced braces are fixed here; nothing else is.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::document::GatewayDocument;

/// Returns the sample as the page spells it, for the gateway whose ID the document has.
pub fn seed_document(
    gateway: &GatewayDocument,
    address: IpAddr,
    port: u16,
    member: IpAddr,
    member_port: u16,
) -> Value {
    let id = |collection: &str, name: &str| gateway.child_id(collection, name);
    json!({
        "Location": "local",
        "Properties": {
            "Sku": {"Name": "standard_v2", "Tier": "standard_v2", "Capacity": "1"},
            "FrontendIPConfigurations": [{
                "Name": "DefaultFrontendIP",
                "Properties": {"PrivateIPAddress": address, "PrivateIPAllocationMethod": "static", "PublicIPAddress": null}
            }],
            "FrontendPorts": [{"Name": "FrontendPort", "Properties": {"Port": port.to_string()}}],
            "BackendAddressPools": [
                {"Name": "websocketPool", "Properties": {"BackendAddresses": [{"IpAddress": member}]}}
            ],
            "BackendHttpSettingsCollection": [{
                "Name": "websocketSettings",
                "Properties": {"Port": member_port.to_string(), "Protocol": "http", "CookieBasedAffinity": "disabled",
                    "RequestTimeout": "40"}
            }],
            "HttpListeners": [{
                "Name": "appGatewayHttpListener",
                "Properties": {
                    "FrontendIPConfiguration": {"Id": id("frontendIPConfigurations", "DefaultFrontendIP")},
                    "FrontendPort": {"Id": id("frontendPorts", "FrontendPort")},
                    "Protocol": "http",
                    "SslCertificate": null
                }
            }],
            "RequestRoutingRules": [{
                "Name": "rule1",
                "Properties": {
                    "RuleType": "basic",
                    "HttpListener": {"Id": id("httpListeners", "appGatewayHttpListener")},
                    "BackendAddressPool": {"Id": id("backendAddressPools", "websocketPool")},
                    "BackendHttpSettings": {"Id": id("backendHttpSettingsCollection", "websocketSettings")}
                }
            }]
        }
    })
}

/// Returns the sample in canonical spelling.
pub fn seed_document_canonical(
    gateway: &GatewayDocument,
    address: IpAddr,
    port: u16,
    member: IpAddr,
    member_port: u16,
) -> Value {
    let id = |collection: &str, name: &str| gateway.child_id(collection, name);
    json!({
        "location": "local",
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "frontendIPConfigurations": [{
                "name": "DefaultFrontendIP",
                "properties": {"privateIPAddress": address, "privateIPAllocationMethod": "Static"}
            }],
            "frontendPorts": [{"name": "FrontendPort", "properties": {"port": port}}],
            "backendAddressPools": [
                {"name": "websocketPool", "properties": {"backendAddresses": [{"ipAddress": member}]}}
            ],
            "backendHttpSettingsCollection": [{
                "name": "websocketSettings",
                "properties": {"port": member_port, "protocol": "Http", "cookieBasedAffinity": "Disabled",
                    "requestTimeout": 40}
            }],
            "httpListeners": [{
                "name": "appGatewayHttpListener",
                "properties": {
                    "frontendIPConfiguration": {"id": id("frontendIPConfigurations", "DefaultFrontendIP")},
                    "frontendPort": {"id": id("frontendPorts", "FrontendPort")},
                    "protocol": "Http"
                }
            }],
            "requestRoutingRules": [{
                "name": "rule1",
                "properties": {
                    "ruleType": "Basic",
                    "httpListener": {"id": id("httpListeners", "appGatewayHttpListener")},
                    "backendAddressPool": {"id": id("backendAddressPools", "websocketPool")},
                    "backendHttpSettings": {"id": id("backendHttpSettingsCollection", "websocketSettings")}
                }
            }]
        }
    })
}
