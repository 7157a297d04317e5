//! Public frontends: the addresses they bind to, and the public IP addresses they may have.

use super::*;
use crate::arm::network::{NetworkPath, PublicAddress};

const PUBLIC: &str = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/publicIPAddresses/ip";

/// A gateway of this tier with a listener on a public frontend, and a private frontend.
fn gateway(tier: &str) -> Value {
    json!({"location": "here", "properties": {
        "sku": {"name": tier, "tier": tier},
        "frontendIPConfigurations": [
            {"name": "public", "properties": {"publicIPAddress": {"id": PUBLIC.to_uppercase()}}},
            {"name": "private", "properties": {"privateIPAddress": "127.0.0.2"}},
        ],
        "frontendPorts": [{"name": "p", "properties": {"port": 80}}],
        "httpListeners": [{"name": "l", "properties": {
            "frontendIPConfiguration": reference("frontendIPConfigurations/public"),
            "frontendPort": reference("frontendPorts/p"),
        }}],
    }})
}

#[test]
fn a_public_frontend_is_bound_where_its_address_says() {
    let stored = |given: Option<&str>, basic| {
        Some(PublicAddress { address: given.map(|text| text.parse().unwrap()), basic })
    };
    let address = |text: &str| Ok(Frontend::Address(text.parse().unwrap()));
    let cases = [
        ("Standard_v2", None, Ok(Frontend::Public)),
        ("Standard_v2", stored(None, false), Ok(Frontend::Public)),
        ("Standard_v2", stored(Some("127.0.0.9"), false), address("127.0.0.9")),
        ("Standard_v2", stored(None, true), Err(code::PUBLIC_IP_SKU)),
        ("Basic", stored(None, true), Err(code::PUBLIC_IP_SKU)),
        ("Standard_v2", stored(Some("127.0.0.2"), false), Err(code::FRONTENDS_CLASH)),
    ];
    for (tier, stored, expected) in cases {
        let mut external_refs = ExternalRefs::default();
        if let Some(stored) = stored {
            external_refs.addresses.insert(&NetworkPath::parse(PUBLIC).unwrap(), stored);
        }
        let (document, violations) = Document::read(path(), &sent(gateway(tier)), None, NEW);
        assert!(violations.is_empty(), "{violations}");
        let found = compile(&document, &external_refs, &PatternCache::default());
        let found =
            found.map(|content| content.listeners[0].frontend).map_err(|violations| violations.0[0].code);
        assert_eq!(found, expected, "{tier} {stored:?}");
    }
}
