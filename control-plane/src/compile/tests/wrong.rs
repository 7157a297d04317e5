//! Every violation on its own, and several at once.

use super::check::{check, check_body, check_gateway};
use super::*;
use crate::arm::samples::CERTIFICATE;

#[test]
fn gateway_properties() {
    check_gateway(json!({ "sku": { "tier": "waf_v2", "name": "WAF_v2" } }), &[]);
    check_gateway(json!({ "sku": { "name": "huge" } }), &[(code::INVALID_JSON, ".sku.name")]);
    check_gateway(json!({ "enableHttp2": "true" }), &[]);
    check("gatewayIPConfigurations", 0, json!({ "subnet": null }), &[(code::SUBNET_IS_REQUIRED, ".subnet")]);
}

#[test]
fn size_and_scale() {
    let capacity = ".sku.capacity";
    let at = |property: &str| format!(".autoscaleConfiguration.{property}");
    for (sku, autoscale, expected) in [
        (json!({}), json!(null), &[][..]),
        (json!({ "capacity": 125 }), json!(null), &[]),
        (json!({ "capacity": 0 }), json!(null), &[(code::OUT_OF_RANGE, capacity)]),
        (json!({ "capacity": 126 }), json!(null), &[(code::OUT_OF_RANGE, capacity)]),
        (json!({ "tier": "Basic", "capacity": 2 }), json!(null), &[]),
        (json!({ "tier": "Basic", "capacity": 3 }), json!(null), &[(code::OUT_OF_RANGE, capacity)]),
        (
            json!({ "name": "Basic" }),
            json!({ "minCapacity": 1 }),
            &[(code::FEATURE_OF_SKU, ".autoscaleConfiguration")],
        ),
        (json!({}), json!({ "minCapacity": 0, "maxCapacity": 2 }), &[]),
        (json!({ "capacity": 2 }), json!({ "minCapacity": 0 }), &[(code::EXCLUSIVE, capacity)]),
        (json!({}), json!({ "maxCapacity": 2 }), &[(code::AUTOSCALE, &at("minCapacity"))]),
        (json!({}), json!({ "minCapacity": -1 }), &[(code::OUT_OF_RANGE, &at("minCapacity"))]),
        (
            json!({}),
            json!({ "minCapacity": 0, "maxCapacity": 126 }),
            &[(code::OUT_OF_RANGE, &at("maxCapacity"))],
        ),
        (json!({}), json!({ "minCapacity": 3, "maxCapacity": 2 }), &[(code::AUTOSCALE, &at("maxCapacity"))]),
    ] {
        check_gateway(json!({ "sku": sku, "autoscaleConfiguration": autoscale }), expected);
    }
}

#[test]
fn features_that_no_worker_executes() {
    let tokens = "entraJWTValidationConfigs";
    check_gateway(json!({ tokens: [{ "name": "x" }] }), &[(code::NOT_SUPPORTED, &format!(".{tokens}"))]);
    check_gateway(json!({ tokens: [] }), &[]);
    let hsm = json!({ "hsm": { "keyId": "https://hsm/keys/a" } });
    check("sslCertificates", 0, hsm, &[(code::NOT_SUPPORTED, ".hsm")]);
    let off = json!({ "path": "", "probeEnabled": true });
    check("backendHttpSettingsCollection", 0, off, &[]);
}

#[test]
fn dedicated_connections_are_of_http_1() {
    for (version, expected) in
        [("HTTP/1.1", &[][..]), ("HTTP/2", &[(code::EXCLUSIVE, ".dedicatedBackendConnection")])]
    {
        let changes = json!({ "dedicatedBackendConnection": true, "protocolVersion": version });
        check("backendHttpSettingsCollection", 0, changes, expected);
    }
}

#[test]
fn names_of_cookies() {
    for (name, good) in [
        ("", true),
        ("Stay", true),
        ("__Host-a.b~c", true),
        ("two words", false),
        ("a=b", false),
        ("a;b", false),
        ("a\r\nSet-Cookie: x", false),
        ("ä", false),
        (&"n".repeat(128), true),
        (&"n".repeat(129), false),
    ] {
        let expected = [(code::AFFINITY_COOKIE_NAME, ".affinityCookieName")];
        let expected = if good { &[][..] } else { &expected[..] };
        for affinity in ["Enabled", "Disabled"] {
            let changes = json!({ "cookieBasedAffinity": affinity, "affinityCookieName": name });
            check("backendHttpSettingsCollection", 0, changes, expected);
        }
    }
}

#[test]
fn a_cookie_of_some_settings_is_not_the_second_one_of_others() {
    let named =
        |name: Value, affinity: &str| json!({ "cookieBasedAffinity": affinity, "affinityCookieName": name });
    let clash = [(code::AFFINITY_COOKIE_NAME, ".affinityCookieName")];
    for (first, second, affinity, expected) in [
        (json!("Stay"), json!("StayCORS"), "Enabled", &clash[..]),
        (json!(null), json!("ApplicationGatewayAffinityCORS"), "Enabled", &clash),
        (json!("Stay"), json!("StayCORS"), "Disabled", &[]),
        (json!("Stay"), json!("Stay"), "Enabled", &[]),
        (json!("Stay"), json!("stayCORS"), "Enabled", &[]),
        (json!("CORS"), json!("CORS"), "Enabled", &[]),
    ] {
        let mut body = whole();
        for (index, changes) in [named(first, "Enabled"), named(second, affinity)].into_iter().enumerate() {
            let settings = properties(&mut body, "backendHttpSettingsCollection", index);
            settings.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
        }
        let settings = "properties.backendHttpSettingsCollection[1].properties";
        check_body(body, affinity, settings, expected);
    }
}

#[test]
fn certificates() {
    let missing = [(code::CERTIFICATE_DATA, "")];
    check("sslCertificates", 0, json!({ "data": null }), &missing);
    check("sslCertificates", 0, json!({ "data": "" }), &missing);
    check("sslCertificates", 0, json!({ "data": "x" }), &[(code::CERTIFICATE_INVALID, ".data")]);
    check("trustedRootCertificates", 0, json!({ "data": null }), &missing);
    for data in ["AAAA", CERTIFICATE] {
        check("trustedRootCertificates", 0, json!({ "data": data }), &[(code::ROOT_INVALID, ".data")]);
    }
    for collection in ["sslCertificates", "trustedRootCertificates"] {
        let vault = json!({ "data": null, "keyVaultSecretId": "https://kv" });
        check(collection, 0, vault, &[(code::KEY_VAULT_ID, ".keyVaultSecretId")]);
        let vault = json!({ "data": null, "keyVaultSecretId": "https://kv/secrets/a" });
        check(collection, 0, vault, &[]);
        let both = json!({ "keyVaultSecretId": "https://kv/secrets/a" });
        check(collection, 0, both, &[(code::EXCLUSIVE, ".data")]);
    }
}

#[test]
fn frontends() {
    let collection = "frontendIPConfigurations";
    let private = |changes| check(collection, 1, changes, &[]);
    private(json!({ "privateIPAddress": "::1", "privateIPAllocationMethod": "Static" }));
    private(
        json!({ "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" } }),
    );
    for (index, changes, expected) in [
        (0, json!({ "publicIPAddress": null }), (code::FRONTEND_NEEDS_ADDRESS, "")),
        (0, json!({ "publicIPAddress": {} }), (code::FRONTEND_NEEDS_ADDRESS, "")),
        (
            0,
            json!({ "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" } }),
            (code::EXCLUSIVE, ".publicIPAddress"),
        ),
        (0, json!({ "privateIPAddress": "10.0.0.1" }), (code::EXCLUSIVE, ".publicIPAddress")),
        (
            0,
            json!({ "publicIPAddress": null, "privateIPAddress": "10.0.0.1" }),
            (code::ONE_FRONTEND_PER_KIND, "properties.frontendIPConfigurations[1].properties"),
        ),
        (
            1,
            json!({ "privateIPAddress": null, "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" }, "privateIPAllocationMethod": "Static" }),
            (code::FRONTEND_ALLOCATION, ".privateIPAllocationMethod"),
        ),
        (1, json!({ "privateIPAddress": "10.0.0" }), (code::IP_ADDRESS, ".privateIPAddress")),
        (1, json!({ "privateIPAddress": "0.0.0.0" }), (code::IP_ADDRESS, ".privateIPAddress")),
        (1, json!({ "privateIPAddress": "ff02::1" }), (code::IP_ADDRESS, ".privateIPAddress")),
    ] {
        check(collection, index, changes, &[expected]);
    }
    for port in [json!(1), json!(65_199)] {
        check("frontendPorts", 0, json!({ "port": port }), &[]);
    }
    for port in [json!(null), json!(0), json!(-1), json!(65_200), json!(i64::MAX)] {
        check("frontendPorts", 0, json!({ "port": port }), &[(code::FRONTEND_PORT, ".port")]);
    }
    check("frontendPorts", 0, json!({ "port": "http" }), &[(code::INVALID_JSON, ".port")]);
}

#[test]
fn listeners() {
    let public = reference("frontendIPConfigurations/public");
    let private = reference("frontendIPConfigurations/private");
    let p80 = reference("frontendPorts/p80");
    for (index, changes, expected) in [
        (
            0,
            json!({ "frontendIPConfiguration": null }),
            (code::LISTENER_MUST_REFERENCE, ".frontendIPConfiguration"),
        ),
        (0, json!({ "frontendPort": {} }), (code::LISTENER_MUST_REFERENCE, ".frontendPort")),
        (0, json!({ "frontendPort": { "id": "x" } }), (code::INVALID_REFERENCE_FORMAT, ".frontendPort.id")),
        (
            0,
            json!({ "frontendPort": reference("frontendPorts/none") }),
            (code::INVALID_REFERENCE, ".frontendPort.id"),
        ),
        (0, json!({ "protocol": "Https" }), (code::LISTENER_NEEDS_CERTIFICATE, ".sslCertificate")),
        (1, json!({ "sslCertificate": null }), (code::LISTENER_NEEDS_CERTIFICATE, ".sslCertificate")),
        (1, json!({ "hostName": "a.test" }), (code::EXCLUSIVE, ".hostNames")),
        (0, json!({ "hostName": "*.test" }), (code::HOST_NAME, ".hostName")),
        (0, json!({ "hostNames": ["a.test", "**"] }), (code::HOST_NAME, ".hostNames[1]")),
        (2, json!({ "frontendIPConfiguration": public }), (code::LISTENERS_CLASH, ".frontendPort")),
        (
            2,
            json!({ "frontendPort": reference("frontendPorts/p443"), "hostName": "other.test" }),
            (code::LISTENERS_CLASH, ".frontendPort"),
        ),
    ] {
        check("httpListeners", index, changes, &[expected]);
    }
    for (sources, expected) in [
        (json!(["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"]), None),
        (json!(vec!["10.0.0.1"; 100]), None),
        (json!(null), Some((code::PROXY_PROTOCOL_SOURCES, ""))),
        (json!([]), Some((code::PROXY_PROTOCOL_SOURCES, ""))),
        (json!(vec!["10.0.0.1"; 101]), Some((code::PROXY_PROTOCOL_SOURCES, ""))),
        (json!(["10.0.0.1", "10.0.0.0/33"]), Some((code::ADDRESS_PREFIX_FORMAT, "[1]"))),
        (json!(["everybody"]), Some((code::ADDRESS_PREFIX_FORMAT, "[0]"))),
        (json!([""]), Some((code::ADDRESS_PREFIX_FORMAT, "[0]"))),
        (json!(["10.1.2.3/8"]), Some((code::CIDR_NOTATION, "[0]"))),
        (json!([7]), Some((code::ADDRESS_PREFIX_FORMAT, "[0]"))),
    ] {
        let changes = json!({ "proxyProtocol": { "sources": sources } });
        let target = expected.map(|(code, at)| (code, format!(".proxyProtocol.sources{at}")));
        let expected: Vec<_> = target.iter().map(|(code, at)| (*code, at.as_str())).collect();
        check("httpListeners", 1, changes, &expected);
    }
    // Neither another host name nor a duplicate within one listener is a conflict.
    check(
        "httpListeners",
        2,
        json!({ "frontendIPConfiguration": public, "hostNames": ["a.test", "A.test"] }),
        &[],
    );
    let mut body = whole();
    *properties(&mut body, "httpListeners", 0) =
        json!({ "frontendIPConfiguration": private, "frontendPort": p80, "hostName": "A.test" });
    properties(&mut body, "httpListeners", 2)["hostNames"] = json!(["b.test", "a.TEST"]);
    let expected = [(code::LISTENERS_CLASH, "properties.httpListeners[2].properties.frontendPort")];
    check_body(body, "same host", "", &expected);
}

#[test]
fn backends() {
    let pool = |addresses: Value, expected: &[(&str, &str)]| {
        check("backendAddressPools", 0, json!({ "backendAddresses": addresses }), expected);
    };
    pool(json!(null), &[]);
    for (address, target) in [
        (json!({}), ""),
        (json!({ "fqdn": "a", "ipAddress": "10.0.0.1" }), ""),
        (json!({ "fqdn": "a b" }), ".fqdn"),
        (json!({ "ipAddress": "http://a" }), ".ipAddress"),
        (json!({ "ipAddress": "0.0.0.0" }), ".ipAddress"),
    ] {
        let target = format!(".backendAddresses[0]{target}");
        pool(json!([address]), &[(code::BACKEND_ADDRESS, &target)]);
    }

    for (changes, expected) in [
        (json!({ "port": null }), (code::SETTINGS_PORT, ".port")),
        (json!({ "port": 65_536 }), (code::SETTINGS_PORT, ".port")),
        (json!({ "requestTimeout": 0 }), (code::OUT_OF_RANGE, ".requestTimeout")),
        (json!({ "requestTimeout": "86401" }), (code::OUT_OF_RANGE, ".requestTimeout")),
        (
            json!({ "connectionDraining": { "enabled": false } }),
            (code::DRAIN_TIMEOUT, ".connectionDraining.drainTimeoutInSec"),
        ),
        (
            json!({ "connectionDraining": { "enabled": true, "drainTimeoutInSec": 3601 } }),
            (code::DRAIN_TIMEOUT, ".connectionDraining.drainTimeoutInSec"),
        ),
        (json!({ "hostName": "a\r\nb" }), (code::HOST_NAME, ".hostName")),
        (json!({ "pickHostNameFromBackendAddress": true }), (code::EXCLUSIVE, ".hostName")),
        (json!({ "hostName": null }), (code::PROBE_HOST_IS_NULL, ".probe")),
        (json!({ "protocol": "Http" }), (code::PROBE_PROTOCOL, ".probe")),
        (json!({ "probe": reference("probes/none") }), (code::INVALID_REFERENCE, ".probe.id")),
        (
            json!({ "trustedRootCertificates": [reference("trustedRootCertificates/none")] }),
            (code::INVALID_REFERENCE, ".trustedRootCertificates[0].id"),
        ),
    ] {
        check("backendHttpSettingsCollection", 1, changes, &[expected]);
    }
}

#[test]
fn probes() {
    let named = json!({ "pickHostNameFromBackendHttpSettings": false, "host": "a.test" });
    check("probes", 0, named, &[]);
    for (changes, expected) in [
        (json!({ "host": "a.test" }), (code::EXCLUSIVE, ".host")),
        (json!({ "pickHostNameFromBackendHttpSettings": false }), (code::PROBE_HOST_IS_NULL, ".host")),
        (
            json!({ "pickHostNameFromBackendHttpSettings": false, "host": "" }),
            (code::PROBE_HOST_IS_NULL, ".host"),
        ),
        (json!({ "pickHostNameFromBackendHttpSettings": false, "host": "a b" }), (code::HOST_NAME, ".host")),
        (json!({ "path": "up" }), (code::PROBE_PATH, ".path")),
        (json!({ "path": "/a b" }), (code::PROBE_PATH, ".path")),
        (json!({ "path": "/a#b" }), (code::PROBE_PATH, ".path")),
        (json!({ "interval": 0 }), (code::OUT_OF_RANGE, ".interval")),
        (json!({ "timeout": 86_401 }), (code::OUT_OF_RANGE, ".timeout")),
        (json!({ "unhealthyThreshold": 21 }), (code::OUT_OF_RANGE, ".unhealthyThreshold")),
        (json!({ "minServers": -1 }), (code::OUT_OF_RANGE, ".minServers")),
        (json!({ "port": 0 }), (code::OUT_OF_RANGE, ".port")),
        (json!({ "match": { "statusCodes": ["200-"] } }), (code::PROBE_MATCH, ".match.statusCodes[0]")),
        (json!({ "match": { "statusCodes": ["299-200"] } }), (code::PROBE_MATCH, ".match.statusCodes[0]")),
        (json!({ "match": { "statusCodes": [600] } }), (code::PROBE_MATCH, ".match.statusCodes[0]")),
        (json!({ "match": { "body": "x".repeat(4091) } }), (code::PROBE_MATCH, ".match.body")),
    ] {
        check("probes", 0, changes, &[expected]);
    }
}

#[test]
fn rules() {
    for (changes, expected) in [
        (json!({ "priority": null }), (code::PRIORITY_REQUIRED, ".priority")),
        (json!({ "priority": 0 }), (code::OUT_OF_RANGE, ".priority")),
        (json!({ "priority": 20_001 }), (code::OUT_OF_RANGE, ".priority")),
        (json!({ "priority": 20 }), (code::PRIORITY_NOT_UNIQUE, ".priority")),
        (json!({ "httpListener": null }), (code::RULE_MUST_REFERENCE, ".httpListener")),
        (json!({ "backendAddressPool": null }), (code::RULE_MUST_REFERENCE, ".backendAddressPool")),
        (json!({ "backendHttpSettings": null }), (code::RULE_MUST_REFERENCE, ".backendHttpSettings")),
        (
            json!({ "backendAddressPool": reference("backendAddressPools/none") }),
            (code::INVALID_REFERENCE, ".backendAddressPool.id"),
        ),
        (
            json!({ "backendAddressPool": { "id": format!("{ID}2/backendAddressPools/pool") } }),
            (code::INVALID_REFERENCE, ".backendAddressPool.id"),
        ),
        (
            json!({ "httpListener": reference("httpListeners/ws") }),
            (code::RULES_SHARE_LISTENER, ".httpListener"),
        ),
    ] {
        check("requestRoutingRules", 1, changes, &[expected]);
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut body = whole();
    properties(&mut body, "frontendPorts", 0)["port"] = json!(70_000);
    properties(&mut body, "httpListeners", 1)["sslCertificate"] = json!(null);
    properties(&mut body, "requestRoutingRules", 0)["priority"] = json!("first");
    body["properties"]["entraJWTValidationConfigs"] = json!([{}]);
    check_body(
        body,
        "several",
        "properties",
        &[
            (code::INVALID_JSON, ".requestRoutingRules[0].properties.priority"),
            (code::NOT_SUPPORTED, ".entraJWTValidationConfigs"),
            (code::FRONTEND_PORT, ".frontendPorts[0].properties.port"),
            (code::LISTENER_NEEDS_CERTIFICATE, ".httpListeners[1].properties.sslCertificate"),
        ],
    );
}

#[test]
fn both_sides_of_a_broken_reference_are_named() {
    let mut body = whole();
    properties(&mut body, "httpListeners", 0)["frontendPort"] = reference("frontendPorts/none");
    let violations = compile_body(body).unwrap_err();
    assert!(violations.0[0].message.contains(&format!("{ID}/frontendPorts/none")), "{violations}");
    assert!(violations.0[0].message.contains(&format!("{ID}/httpListeners/ws")), "{violations}");
}
