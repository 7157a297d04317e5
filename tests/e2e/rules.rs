//! What a gateway may be: rules with their codes, limits that the operator sets, and the lists of what can be had.

use serde_json::{Value, json};
use tidegate_harness::{GatewayDocument, Management, SUBSCRIPTION};

use crate::tidegate;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The code of an answer as a whole, and its details as pairs of code and target.
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
    assert_eq!(list(&management, "WafRuleSets").await, json!({"value": []}));

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
