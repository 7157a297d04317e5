//! Validation of gateways: rules with their codes, limits that the operator sets, and the lists of available
//! values.

use serde_json::{Value, json};
use tidegate_harness::{Gateway, GatewayDocument, Management, SUBSCRIPTION, loopback};

use crate::tidegate;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Returns the code of an error, and its details as pairs of code and target.
fn told(body: &Value) -> (&str, Vec<(&str, &str)>) {
    let error = &body["error"];
    let details = error["details"].as_array().expect("details").iter();
    let pairs = details.map(|detail| (text(&detail["code"]), text(&detail["target"])));
    (text(&error["code"]), pairs.collect())
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_under_one_code() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut document = GatewayDocument::empty("gateway")
        .port("p", 65_200)
        .probe("probe", &json!({"path": "up", "host": "a"}));
    document.body_mut()["location"] = json!(null);
    document.body_mut()["properties"]["autoscaleConfiguration"] = json!({"minCapacity": 0});
    let answer = management.put(document.id(), document.body()).await.expect(400).json();
    let (code, details) = told(&answer);
    assert_eq!(code, "LocationRequired");
    for expected in [
        ("LocationRequired", "location"),
        ("ApplicationGatewayPropertiesMutuallyExclusive", "properties.sku.capacity"),
        ("ApplicationGatewayFrontendPortInvalidPortNumber", "properties.frontendPorts[0].properties.port"),
        ("ApplicationGatewayProbePathInvalid", "properties.probes[0].properties.path"),
    ] {
        assert!(details.contains(&expected), "{answer:#}");
    }
    document.body_mut()["properties"]["enableHttp2"] = json!("perhaps");
    let answer = management.put(document.id(), document.body()).await.expect(400).json();
    assert_eq!(told(&answer).0, "InvalidRequestFormat");
    assert!(told(&answer).1.contains(&("InvalidJson", "properties.enableHttp2")), "{answer:#}");
}

#[tokio::test]
async fn a_gateway_does_not_move() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut document = GatewayDocument::empty("gateway");
    document.body_mut()["location"] = json!("West Europe");
    management.apply_gateway(&document).await;
    document.body_mut()["location"] = json!("westeurope");
    management.put(document.id(), document.body()).await.expect(200);
    document.body_mut()["location"] = json!("eastus");
    document.body_mut()["zones"] = json!(["1"]);
    let answer = management.put(document.id(), document.body()).await.expect(409).json();
    let (code, details) = told(&answer);
    assert_eq!(code, "InvalidResourceLocation");
    assert_eq!(details[1], ("ApplicationGatewayZonesCannotBeChanged", "zones"));
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_by_its_code() {
    let gateway = Gateway::start_with(tidegate(), &[], |d| d.probe("probe", &json!({}))).await;
    let document = &gateway.document;
    let listener = |hosts: &Value| {
        let mut listener = json!({"protocol": "Http",
            "frontendIPConfiguration": document.reference("frontendIPConfigurations", "frontend"),
            "frontendPort": document.reference("frontendPorts", "http")});
        let property = if hosts.is_array() { "hostNames" } else { "hostName" };
        listener[property] = hosts.clone();
        ("httpListeners", listener)
    };
    let map = |path: &str| {
        let rule = document.path_rule("rule", &[path], "pool", &json!({}));
        let map = document.clone().by_path(&json!({"pathRules": [rule]}));
        ("urlPathMaps", map.body()["properties"]["urlPathMaps"][0]["properties"].clone())
    };
    let other_protocol =
        json!({"port": 443, "protocol": "Https", "probe": document.reference("probes", "probe")});
    let unchecked = json!({"port": 443, "protocol": "Https", "validateSNI": false, "sniName": "a.test"});
    let mut second = document.body()["properties"]["requestRoutingRules"][0]["properties"].clone();
    second["priority"] = json!(99);
    let six: Vec<String> = (0..6).map(|number| format!("{number}.test")).collect();
    let (host, path) = ("ApplicationGatewayHostNameInvalid", "ApplicationGatewayPathRulePathInvalid");
    for ((collection, properties), code) in [
        (
            ("backendHttpSettingsCollection", other_protocol),
            "ApplicationGatewayProbeProtocolMustMatchBackendHttpSettinsProtocol",
        ),
        (("backendHttpSettingsCollection", unchecked), "ApplicationGatewayPropertiesMutuallyExclusive"),
        (("requestRoutingRules", second), "ApplicationGatewayRequestRoutingRulesUsingSameHttpListener"),
        (("frontendPorts", json!({"port": 65_200})), "ApplicationGatewayFrontendPortInvalidPortNumber"),
        (listener(&json!(six)), "ApplicationGatewayHttpListenerHostNameLimitReached"),
        (listener(&json!("*.test")), host),
        (listener(&json!(["*.*.*.test"])), host),
        (listener(&json!(["**.test"])), host),
        (listener(&json!(["*?.test"])), host),
        (listener(&json!(["?????.test"])), host),
        (map("/images/*.jpg"), path),
        (map("images/*"), path),
        (map("/images?a"), path),
        (map("/images#a"), path),
    ] {
        let child = document.child_id(collection, "wrong");
        let refused = gateway.management().put(&child, &json!({"properties": properties})).await;
        assert_eq!(refused.expect(400).error_code(), code, "{properties}");
    }
}

#[tokio::test]
async fn older_versions_need_no_priorities_which_then_follow_the_order_of_the_rules() {
    const OLD: &str = "api-version=2020-11-01";
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut document = GatewayDocument::forwarding("gateway", loopback(), &[])
        .listener("other", "http", &json!({"protocol": "Http", "hostName": "other.test"}))
        .rule("other", "other", "pool", "settings");
    let unordered = |document: &mut GatewayDocument, index: usize| {
        document.body_mut()["properties"]["requestRoutingRules"][index]["properties"]["priority"] =
            Value::Null;
    };
    let id = document.id().to_owned();
    unordered(&mut document, 1);
    let refused = management.put(&format!("{id}?{OLD}"), document.body()).await.expect(400);
    assert_eq!(refused.error_code(), "ApplicationGatewayRequestRoutingRulePartialPriorityDefined");
    let refused = management.put(&id, document.body()).await.expect(400);
    assert_eq!(refused.error_code(), "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty");
    unordered(&mut document, 0);
    let seen = management.apply(&format!("{id}?{OLD}"), document.body()).await;
    let rules = seen["properties"]["requestRoutingRules"].as_array().unwrap();
    let priorities: Vec<&Value> = rules.iter().map(|rule| &rule["properties"]["priority"]).collect();
    assert_eq!(priorities, [10, 20]);
}

#[tokio::test]
async fn limits_are_the_operators_and_what_is_stored_may_stay() {
    let one = tidegate().option("--limit", "frontendPorts=3").start().await;
    let ports = |count: u16| {
        (1..=count).fold(GatewayDocument::empty("gateway"), |document, port| {
            document.port(&format!("p{port}"), port)
        })
    };
    let management = one.management();
    management.apply_gateway(&ports(3)).await;
    let refused = management.put(ports(4).id(), ports(4).body()).await.expect(400).json();
    let message = "The number of frontendPorts exceeds the maximum allowed value. The number of frontendPorts is 4 and \
                   the maximum allowed is 3.";
    assert_eq!(refused["error"]["code"], "ApplicationGatewayFrontendPortLimitReached");
    assert_eq!(refused["error"]["message"], message);
    let child = ports(4).child_id("frontendPorts", "p4");
    let refused = management.put(&child, &json!({"properties": {"port": 4}})).await.expect(400);
    assert_eq!(refused.error_code(), "ApplicationGatewayFrontendPortLimitReached");
    let changed = ports(3).child_id("frontendPorts", "p3");
    management.put(&changed, &json!({"properties": {"port": 33}})).await.expect(200);
}

async fn list(management: &Management, rest: &str) -> Value {
    let provider = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network");
    management.get(&format!("{provider}/applicationGatewayAvailable{rest}")).await.expect(200).json()
}

#[tokio::test]
async fn the_lists_of_what_can_be_had_are_those_of_the_service() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for (rest, count, member) in [
        ("ServerVariables", 32, "client_ip"),
        ("RequestHeaders", 43, "Accept"),
        ("ResponseHeaders", 51, "Age"),
    ] {
        let list = list(&management, rest).await;
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), count, "{rest}");
        assert!(list.contains(&json!(member)), "{rest}");
    }

    let options = list(&management, "SslOptions/default").await;
    assert_eq!(options["properties"]["defaultPolicy"], "AppGwSslPolicy20220101");
    let ids = options["properties"]["predefinedPolicies"].as_array().unwrap();
    let policies = list(&management, "SslOptions/default/predefinedPolicies").await;
    let policies = policies["value"].as_array().unwrap();
    assert_eq!(policies.len(), 5);
    for (policy, id) in policies.iter().zip(ids) {
        assert_eq!(policy["id"], id["id"]);
        let name = policy["name"].as_str().unwrap();
        assert_eq!(
            &list(&management, &format!("SslOptions/default/predefinedPolicies/{name}")).await,
            policy
        );
    }
    let strict = &policies[4]["properties"];
    assert_eq!(strict["minProtocolVersion"], "TLSv1_2");
    assert_eq!(strict["cipherSuites"][0], "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
    let none = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default/predefinedPolicies/none"
    );
    management.get(&none).await.expect(404);
}
