//! The document that tests start from: those in this crate, and those that look at it from outside.

use serde_json::{Value, json};

/// A gateway with this resource ID that forwards what comes to that address and port to a backend that nobody has: a
/// frontend `f`, a port `p`, a listener `l`, a rule `r`, a pool `b`, settings `s`.
pub(crate) fn gateway(id: &str, address: &str, port: u16) -> Value {
    let reference = |rest: &str| json!({"id": format!("{id}/{rest}")});
    json!({
        "location": "West Europe",
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
            "frontendIPConfigurations": [{"name": "f", "properties": {
                "privateIPAddress": address, "privateIPAllocationMethod": "Static",
            }}],
            "frontendPorts": [{"name": "p", "properties": {"port": port}}],
            "backendAddressPools": [{"name": "b", "properties": {
                "backendAddresses": [{"ipAddress": "192.0.2.1"}],
            }}],
            "backendHttpSettingsCollection": [{"name": "s", "properties": {"port": 9}}],
            "httpListeners": [{"name": "l", "properties": {
                "frontendIPConfiguration": reference("frontendIPConfigurations/f"),
                "frontendPort": reference("frontendPorts/p"),
            }}],
            "requestRoutingRules": [{"name": "r", "properties": {
                "priority": 10,
                "httpListener": reference("httpListeners/l"),
                "backendAddressPool": reference("backendAddressPools/b"),
                "backendHttpSettings": reference("backendHttpSettingsCollection/s"),
            }}],
        },
    })
}
