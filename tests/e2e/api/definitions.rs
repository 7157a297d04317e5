//! Unused definitions, each of which is stored, returned and has a URL; and definitions that no worker could
//! execute, which are refused by name.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Gateway, GatewayDocument, HTTPS_PORT, Management};

use crate::{HOST, tidegate};

/// A definition: its collection and name, its properties, and one property with another value.
struct Definition {
    collection: &'static str,
    name: &'static str,
    properties: Value,
    change: (&'static str, Value),
}

/// One definition of each kind; referenced ones come before those that refer to them.
fn definitions(document: &GatewayDocument) -> Vec<Definition> {
    [of_tls(document), of_layer_4(document), of_routing(document)].into_iter().flatten().collect()
}

fn of(
    collection: &'static str,
    name: &'static str,
    properties: Value,
    change: (&'static str, Value),
) -> Definition {
    Definition { collection, name, properties, change }
}

/// The certificates that listeners and backends trust.
fn of_tls(document: &GatewayDocument) -> Vec<Definition> {
    let authority = Authority::new();
    let own = |collection, name| document.reference(collection, name);
    vec![
        of(
            "trustedClientCertificates",
            "clients",
            json!({"data": authority.base64()}),
            ("data", json!(Authority::new().base64())),
        ),
        of(
            "authenticationCertificates",
            "pinned",
            json!({"data": authority.base64()}),
            ("data", json!(Authority::new().base64())),
        ),
        of(
            "sslProfiles",
            "profile",
            json!({
                "trustedClientCertificates": [own("trustedClientCertificates", "clients")],
                "clientAuthConfiguration": {"verifyClientCertIssuerDN": true},
            }),
            ("clientAuthConfiguration", json!({"verifyClientCertIssuerDN": false})),
        ),
    ]
}

/// The definitions of layer-4 proxying.
fn of_layer_4(document: &GatewayDocument) -> Vec<Definition> {
    let own = |collection, name| document.reference(collection, name);
    vec![
        of(
            "backendSettingsCollection",
            "bytes",
            json!({"port": 5432, "protocol": "Tcp", "timeout": 60}),
            ("timeout", json!(61)),
        ),
        of(
            "listeners",
            "bytes",
            json!({
                "frontendIPConfiguration": own("frontendIPConfigurations", "frontend"),
                "frontendPort": own("frontendPorts", "bytes"),
                "protocol": "Tls",
                "sslCertificate": own("sslCertificates", "certificate"),
                "sslProfile": own("sslProfiles", "profile"),
                "hostNames": [HOST],
            }),
            ("hostNames", json!([])),
        ),
    ]
}

/// The definitions of routing, rewrites and private links.
fn of_routing(document: &GatewayDocument) -> Vec<Definition> {
    let pool = document.reference("backendAddressPools", "pool");
    let settings = document.reference("backendHttpSettingsCollection", "settings");
    let own = |collection, name| document.reference(collection, name);
    vec![
        of(
            "rewriteRuleSets",
            "set",
            json!({"rewriteRules": [{
                "name": "a rule",
                "ruleSequence": 100,
                "conditions": [{"variable": "var_uri_path", "pattern": "^/a", "ignoreCase": true, "negate": false}],
                "actionSet": {
                    "requestHeaderConfigurations": [{"headerName": "X-A", "headerValue": "{var_host}"}],
                    "urlConfiguration": {"modifiedPath": "/b", "reroute": false},
                },
            }]}),
            ("rewriteRules", json!([])),
        ),
        of(
            "redirectConfigurations",
            "away",
            json!({"redirectType": "Permanent", "targetUrl": "https://away.test/", "includePath": true}),
            ("redirectType", json!("Found")),
        ),
        of(
            "loadDistributionPolicies",
            "policy",
            json!({
                "loadDistributionAlgorithm": "RoundRobin",
                "loadDistributionTargets": [
                    {"name": "target", "properties": {"weightPerServer": 40, "backendAddressPool": pool.clone()}}
                ],
            }),
            ("loadDistributionAlgorithm", json!("IpHash")),
        ),
        of(
            "privateLinkConfigurations",
            "link",
            json!({"ipConfigurations": [{"name": "first", "properties": {
                "privateIPAllocationMethod": "Dynamic", "primary": true, "subnet": own("any", "subnet")}}]}),
            (
                "ipConfigurations",
                json!([{"name": "first", "properties": {
                "privateIPAllocationMethod": "Dynamic", "primary": true, "subnet": own("another", "subnet")}}]),
            ),
        ),
        of(
            "urlPathMaps",
            "map",
            json!({
                "defaultBackendAddressPool": pool.clone(),
                "defaultBackendHttpSettings": settings.clone(),
                "pathRules": [
                    {"name": "images", "properties": {
                        "paths": ["/images/*"], "backendAddressPool": pool, "backendHttpSettings": settings,
                        "rewriteRuleSet": own("rewriteRuleSets", "set")}},
                    {"name": "old", "properties": {
                        "paths": ["/old/*"], "redirectConfiguration": own("redirectConfigurations", "away")}},
                ],
            }),
            ("defaultRewriteRuleSet", own("rewriteRuleSets", "set")),
        ),
    ]
}

/// Starts a gateway with a port and a certificate that the definitions refer to.
async fn start() -> Gateway {
    Gateway::start_with(tidegate(), &[], |document| {
        let pem = Authority::new().issue(&[HOST]).pem_base64();
        let root = Authority::new().base64();
        let document = document.port("bytes", HTTPS_PORT).certificate("certificate", &pem, None);
        document.trusted_root("root", &root).probe("probe", &json!({}))
    })
    .await
}

/// Asserts that the response contains everything that was sent.
fn assert_holds(answer: &Value, sent: &Value, what: &str) {
    match sent {
        Value::Object(sent) => sent.iter().for_each(|(key, sent)| assert_holds(&answer[key], sent, what)),
        Value::Array(sent) => {
            assert_eq!(answer.as_array().map(Vec::len), Some(sent.len()), "{what}: {answer}");
            sent.iter().enumerate().for_each(|(i, sent)| assert_holds(&answer[i], sent, what));
        }
        sent => assert_eq!(answer, sent, "{what}"),
    }
}

/// Starts the gateway and puts every definition, one by one.
async fn with_definitions() -> (Gateway, Management) {
    let gateway = start().await;
    let management = gateway.management();
    for Definition { collection, name, properties, .. } in definitions(&gateway.document) {
        let id = gateway.document.child_id(collection, name);
        let created = management.put(&id, &json!({"properties": properties})).await.expect(201);
        assert_eq!(management.operation(&created).await.status, "Succeeded", "{collection}");
        let answer = management.get(&id).await.expect(200).json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["type"], format!("Microsoft.Network/applicationGateways/{collection}"));
        assert_holds(&answer["properties"], &properties, collection);
        let list = management.get(&format!("{}/{collection}", gateway.id())).await.expect(200).json();
        assert_eq!(list["value"], json!([answer]), "{collection}");
    }
    (gateway, management)
}

#[tokio::test]
async fn every_definition_comes_changes_and_goes_by_its_url() {
    let (gateway, management) = with_definitions().await;
    for Definition { collection, name, mut properties, change: (property, value) } in
        definitions(&gateway.document)
    {
        let id = gateway.document.child_id(collection, name);
        let before = management.get(&id).await.json();
        properties[property] = value.clone();
        management.put(&id, &json!({"properties": properties})).await.expect(200);
        let after = management.get(&id).await.json();
        assert_holds(&after["properties"][property], &value, collection);
        assert_ne!(after["etag"], before["etag"], "{collection}");
    }
    for (used, name, user) in [
        ("trustedClientCertificates", "clients", "sslProfiles/profile"),
        ("sslProfiles", "profile", "listeners/bytes"),
        ("sslCertificates", "certificate", "listeners/bytes"),
        ("rewriteRuleSets", "set", "urlPathMaps/map/pathRules/images"),
        ("redirectConfigurations", "away", "urlPathMaps/map/pathRules/old"),
        ("backendAddressPools", "pool", "loadDistributionPolicies/policy/loadDistributionTargets/target"),
    ] {
        let refused = management.delete(&gateway.document.child_id(used, name)).await.expect(400);
        assert_eq!(refused.error_code(), "ResourceInUse", "{used}");
        assert!(refused.text().contains(&format!("{}/{user}", gateway.id())), "{used}: {}", refused.text());
    }
    for Definition { collection, name, .. } in definitions(&gateway.document).into_iter().rev() {
        let id = gateway.document.child_id(collection, name);
        management.remove(&id).await;
        management.get(&id).await.expect(404);
    }
}

#[tokio::test]
async fn members_of_a_child_have_urls_of_their_own() {
    let (gateway, management) = with_definitions().await;
    for (list, name) in [
        ("urlPathMaps/map/pathRules", "images"),
        ("loadDistributionPolicies/policy/loadDistributionTargets", "target"),
        ("privateLinkConfigurations/link/ipConfigurations", "first"),
    ] {
        let listed = management.get(&format!("{}/{list}", gateway.id())).await.expect(200).json();
        let member = management.get(&format!("{}/{list}/{name}", gateway.id())).await.expect(200);
        assert_eq!(listed["value"][0], member.json());
        let parent = list.rsplit_once('/').unwrap().0;
        let parent = management.get(&format!("{}/{parent}", gateway.id())).await.json();
        assert_eq!(member.json()["etag"], parent["etag"], "a member has the version of what it is in");
        assert_eq!(member.json()["id"], format!("{}/{list}/{name}", gateway.id()));
        assert_eq!(member.json()["properties"]["provisioningState"], "Succeeded");
    }

    let rules = format!("{}/urlPathMaps/map/pathRules", gateway.id());
    let rule = format!("{rules}/api");
    let body = |path: &str| {
        json!({"properties": {
            "paths": [path],
            "backendAddressPool": gateway.document.reference("backendAddressPools", "pool"),
            "backendHttpSettings": gateway.document.reference("backendHttpSettingsCollection", "settings")}})
    };
    let created = management.put_with(&rule, &[("if-none-match", "*")], &body("/api/*")).await.expect(201);
    assert_eq!(created.json()["type"], "Microsoft.Network/applicationGateways/urlPathMaps/pathRules");
    assert_eq!(management.operation(&created).await.status, "Succeeded");
    let etag = management.get(&rule).await.json()["etag"].as_str().unwrap().to_owned();
    management.put_with(&rule, &[("if-match", &etag)], &body("/v1/*")).await.expect(200);
    management.put_with(&rule, &[("if-match", &etag)], &body("/v2/*")).await.expect(412);
    management.put_with(&rule, &[("if-none-match", "*")], &body("/v2/*")).await.expect(412);
    assert_eq!(management.get(&rule).await.json()["properties"]["paths"], json!(["/v1/*"]));
    assert_eq!(management.get(&rules).await.json()["value"].as_array().map(Vec::len), Some(3));

    let wrong = json!({"properties": {"paths": ["/x"], "backendAddressPool": {"id": "nowhere"}}});
    let refused = management.put(&rule, &wrong).await.expect(400).json();
    assert_eq!(refused["error"]["details"][0]["target"], "properties.backendAddressPool.id");
    management.put(&format!("{}/urlPathMaps/none/pathRules/api", gateway.id()), &wrong).await.expect(404);
    management.get(&format!("{}/urlPathMaps/map/ipConfigurations", gateway.id())).await.expect(404);

    management.remove(&rule).await;
    management.get(&rule).await.expect(404);
    management.delete(&rule).await.expect(204);
}

#[tokio::test]
async fn a_gateway_with_every_definition_can_be_put_back_as_it_was_got() {
    let (gateway, management) = with_definitions().await;
    let whole = management.get(gateway.id()).await.json();
    assert_eq!(whole["properties"]["privateEndpointConnections"], json!([]));
    assert_eq!(whole["properties"]["defaultPredefinedSslPolicy"], "AppGwSslPolicy20220101");
    let again = management.put(gateway.id(), &whole).await.expect(200);
    assert_eq!(again.json(), whole, "nothing has changed, not even a version");

    // Some clients also send back the back references that Azure adds to a referenced child.
    let mut added = whole.clone();
    let back = json!([{"id": format!("{}/urlPathMaps/map", gateway.id())}]);
    for collection in ["backendAddressPools", "redirectConfigurations", "rewriteRuleSets"] {
        added["properties"][collection][0]["properties"]["urlPathMaps"] = back.clone();
        added["properties"][collection][0]["properties"]["pathRules"] = back.clone();
    }
    assert_eq!(management.put(gateway.id(), &added).await.expect(200).json(), whole);
}

#[tokio::test]
async fn what_would_execute_a_definition_is_refused_by_name() {
    let (gateway, management) = with_definitions().await;
    let own = |collection, name| gateway.document.reference(collection, name);
    let any = json!({"id": "/any"});
    let cases: &[(&str, &str, &str, Value)] = &[
        ("requestRoutingRules", "rule", "entraJWTValidationConfig", any.clone()),
        ("httpListeners", "http", "sslProfile", own("sslProfiles", "profile")),
        ("probes", "probe", "enableProbeProxyProtocolHeader", json!(true)),
        ("sslCertificates", "certificate", "hsm", json!({"keyId": "https://hsm.test/keys/a"})),
    ];
    for (collection, name, property, value) in cases {
        let id = gateway.document.child_id(collection, name);
        let mut body = management.get(&id).await.expect(200).json();
        body["properties"][property] = value.clone();
        let refused = management.put(&id, &body).await.expect(400).json();
        assert_refused(&refused, &format!("properties.{property}"));
    }
    let whole = management.get(gateway.id()).await.json();
    for (property, value) in [("entraJWTValidationConfigs", json!([{"name": "tokens", "properties": {}}]))] {
        let mut body = whole.clone();
        body["properties"][property] = value;
        let refused = management.put(gateway.id(), &body).await.expect(400).json();
        assert_refused(&refused, &format!("properties.{property}"));
    }
    let rule = json!({"properties": {
        "ruleType": "Basic", "priority": 10,
        "listener": own("listeners", "bytes"),
        "backendAddressPool": own("backendAddressPools", "pool"),
        "backendSettings": own("backendSettingsCollection", "bytes")}});
    assert_eq!(management.get(gateway.id()).await.json(), whole, "nothing has changed");

    // Layer 4 together with private link would be a second violation.
    management.remove(&gateway.document.child_id("privateLinkConfigurations", "link")).await;
    let refused =
        management.put(&gateway.document.child_id("routingRules", "bytes"), &rule).await.expect(400);
    assert_refused(&refused.json(), "properties");
}

/// Asserts that the error says that this is not supported, and nothing else.
#[track_caller]
fn assert_refused(error: &Value, target: &str) {
    let details = error["error"]["details"].as_array().expect("errors have details");
    let found: Vec<_> =
        details.iter().map(|detail| (detail["code"].as_str(), detail["target"].as_str())).collect();
    assert_eq!(found, [(Some("ApplicationGatewayFeatureNotSupported"), Some(target))], "{error}");
}
