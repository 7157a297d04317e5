//! Typical mistakes of people with curl: each answer names the field, what was sent, and what would be right.

use serde_json::{Value, json};
use tidegate_harness::{
    API_VERSION, Answer, GROUP, GatewayDocument, HttpClient, Management, SUBSCRIPTION, loopback,
};

use crate::tidegate;

/// A change of a gateway's document by JSON pointer, and words that the answer must contain.
type Change = (&'static str, Value, &'static [&'static str]);

const SETTINGS: &str = "/properties/backendHttpSettingsCollection/0/properties";
const LISTENER: &str = "/properties/httpListeners/0/properties";
const MEMBER: &str = "/properties/backendAddressPools/0/properties/backendAddresses/0";
const RULE: &str = "/properties/requestRoutingRules/0/properties";
const PROBE: &str = "/properties/probes/0/properties";

fn document() -> GatewayDocument {
    let probe = json!({"protocol": "Http", "host": "a.test", "path": "/"});
    GatewayDocument::forwarding("gateway", loopback(), &[loopback().into()]).probe("probe", &probe)
}

fn network_id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{kind}/{name}")
}

/// Returns the body with the value at the place that the prefix and the rest of a pointer name.
fn changed(body: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("no place {pointer}"));
    match (parent, name.parse::<usize>()) {
        (Value::Array(list), Ok(index)) if index < list.len() => list[index] = value.clone(),
        (Value::Array(list), _) => list.push(value.clone()),
        (parent, _) => parent[name] = value.clone(),
    }
    body
}

/// Returns what is missing in an answer, if it is not one that helps.
fn complaint(what: &str, answer: &Answer, status: u16, says: &[&str]) -> Option<String> {
    let text = answer.json()["error"].to_string();
    let missing: Vec<&&str> = says.iter().filter(|word| !text.contains(**word)).collect();
    let good = answer.status == status && missing.is_empty() && !text.contains("geheim");
    (!good).then(|| format!("{what}: {}, without {missing:?}: {text}", answer.status))
}

fn of_settings() -> Vec<Change> {
    let at = |name: &str| -> &'static str { format!("{SETTINGS}/{name}").leak() };
    vec![
        (at("requestTimeOutt"), json!(5), &["properties.requestTimeOutt", "'requestTimeout'"]),
        (at("port"), json!("eighty"), &["properties.port", "'eighty'", "a whole number"]),
        (at("port"), json!(80.5), &["properties.port", "80.5", "a whole number"]),
        (at("port"), json!(0), &["properties.port", "is 0", "[1, 65535]"]),
        (at("port"), json!([80]), &["properties.port", "a whole number", "a list"]),
        (at("requestTimeout"), json!("30s"), &["properties.requestTimeout", "'30s'", "a whole number"]),
        (at("requestTimeout"), json!(86_401), &["properties.requestTimeout", "86401", "[1, 86400]"]),
        (at("cookieBasedAffinity"), json!(true), &["cookieBasedAffinity", "not true", "Enabled, Disabled"]),
        (at("pickHostNameFromBackendAddress"), json!("yes"), &["'yes'", "true or false"]),
        (at("connectionDraining"), json!({"enabled": true}), &["drainTimeoutInSec", "is 0", "[1, 3600]"]),
        (at("hostName"), json!("http://a.test"), &["properties.hostName", "'http://a.test'", "host name"]),
        (at("path"), json!("inner"), &["properties.path", "'inner'", "begin with '/'"]),
        (at("probe"), json!("probe"), &["properties.probe", "an object", "'probe'"]),
        (at("trustedRootCertificates"), json!({}), &["trustedRootCertificates", "a list", "an object"]),
    ]
}

fn of_listeners_and_pools() -> Vec<Change> {
    let listener = |name: &str| -> &'static str { format!("{LISTENER}/{name}").leak() };
    let pool = json!({"name": "pool", "backendAddresses": []});
    vec![
        (listener("protocol"), json!("Tcp"), &["properties.protocol", "'Tcp'", "Http, Https"]),
        (listener("protocol"), json!("Https"), &["httpListeners", "Ssl Certificate must be specified"]),
        (listener("hostName"), json!("a b"), &["properties.hostName", "a b", "host name"]),
        (listener("hostName"), json!("*.a.test"), &["properties.hostName", "hostNames"]),
        (listener("hostNames"), json!("*.a.test"), &["properties.hostNames", "a list", "'*.a.test'"]),
        (listener("sslPolicy"), json!({}), &["properties.sslPolicy", "sslPolicy"]),
        (listener("frontendPort"), json!({"id": "http"}), &["frontendPort.id", "http", "frontendPorts"]),
        (MEMBER, json!({"ipAddress": "300.1.1.1"}), &["ipAddress", "'300.1.1.1'", "10.0.0.4"]),
        (MEMBER, json!({"fqdn": "http://a.test"}), &["fqdn", "'http://a.test'", "without scheme"]),
        (MEMBER, json!({"fqdn": "a.test:80"}), &["fqdn", "'a.test:80'", "port"]),
        (MEMBER, json!({"ipAddress": "10.0.0.4", "fqdn": "a"}), &["Exactly one", "ipAddress", "fqdn"]),
        (MEMBER, json!("10.0.0.4"), &["backendAddresses[0]", "an object", "'10.0.0.4'"]),
        ("/properties/backendAddressPools/0", pool, &["backendAddresses", "properties.backendAddresses"]),
        ("/properties/backendAdressPools", json!([]), &["backendAdressPools", "'backendAddressPools'"]),
        ("/properties/backendAddressPools/0/name", json!("a b"), &["name", "'a b'", "letters, digits"]),
        ("/properties/backendAddressPools/1", json!({"name": "pool"}), &["name", "two members", "'pool'"]),
        ("/properties/frontendPorts/0/properties/port", json!(65_200), &["65200", "[1, 65199]"]),
    ]
}

fn of_rules_and_the_rest() -> Vec<Change> {
    let rule = |name: &str| -> &'static str { format!("{RULE}/{name}").leak() };
    let probe = |name: &str| -> &'static str { format!("{PROBE}/{name}").leak() };
    let gone = document().reference("backendAddressPools", "gone");
    let frontend = "/properties/frontendIPConfigurations/0/properties";
    let secret = json!({"name": "c", "properties": {"data": "geheim", "password": "geheim"}});
    let redirect = json!({"name": "r", "properties": {"redirectType": "302", "targetUrl": "http://a.test/"}});
    let policy = json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20150501"});
    vec![
        (rule("priority"), json!(null), &["priority", "has no priority", "1 to 20000"]),
        (rule("priority"), json!(0), &["priority", "is 0", "[1, 20000]"]),
        (rule("backendAddressPool"), gone, &["backendAddressPool", "gone", "not found"]),
        (rule("ruleType"), json!("Path"), &["ruleType", "'Path'", "Basic, PathBasedRouting"]),
        (rule("priorty"), json!(7), &["priorty", "'priority'"]),
        (probe("path"), json!("health"), &["properties.path", "'health'", "'/'"]),
        (probe("interval"), json!(0), &["properties.interval", "is 0", "[1, 86400]"]),
        (probe("host"), json!(null), &["probe", "host", "pickHostNameFromBackendHttpSettings"]),
        (
            "/properties/sku/name",
            json!("Standard_V3"),
            &["properties.sku.name", "'Standard_V3'", "Standard_v2"],
        ),
        ("/properties/sku/capacity", json!(200), &["properties.sku.capacity", "200", "[1, 125]"]),
        ("/sku", json!({}), &["sku", "'properties.sku'"]),
        ("/location", json!(null), &["location"]),
        ("/tags", json!({"a": {"b": 1}}), &["tags.a", "a string", "an object"]),
        ("/zones", json!("1"), &["zones", "a list", "'1'"]),
        (frontend, json!({}), &["frontendIPConfigurations", "publicIPAddress", "subnet"]),
        (frontend, json!({"privateIPAddress": "10.0.0.300"}), &["privateIPAddress", "'10.0.0.300'"]),
        ("/properties/sslPolicy", policy, &["policyName", "'AppGwSslPolicy20150501'", "TLSv1_0", "TLSv1_2"]),
        (
            "/properties/sslCertificates",
            json!([secret]),
            &["sslCertificates[0].properties.data", "PEM nor base64"],
        ),
        (
            "/properties/redirectConfigurations",
            json!([redirect]),
            &["redirectType", "'302'", "Permanent, Found"],
        ),
    ]
}

#[tokio::test]
async fn each_mistake_in_a_document_is_named_with_what_would_be_right() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let (management, document) = (tidegate.management(), document());
    let mut wrong = Vec::new();
    for (pointer, value, says) in
        of_settings().into_iter().chain(of_listeners_and_pools()).chain(of_rules_and_the_rest())
    {
        let answer = management.put(document.id(), &changed(document.body(), pointer, &value)).await;
        wrong.extend(complaint(pointer, &answer, 400, says));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    management.put(document.id(), document.body()).await.expect(201);
}

#[tokio::test]
async fn each_mistake_in_a_request_is_named_with_what_would_be_right() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let (management, document) = (tidegate.management(), document());
    management.put(document.id(), document.body()).await.expect(201);
    let id = document.id();
    let version = format!("api-version={API_VERSION}");
    let whole = document.body().to_string();
    let elsewhere = id.replace(SUBSCRIPTION, "my-subscription");
    let network = |properties: Value| json!({"location": "local", "properties": properties}).to_string();
    let space = json!({"addressPrefixes": ["10.0.0.0/16"]});
    let outside = json!([{"name": "s", "properties": {"addressPrefix": "10.1.0.0/24"}}]);
    let dynamic = json!({"location": "local", "sku": {"name": "Standard"}, "properties": {}}).to_string();
    let other = json!({"name": "b", "properties": {"port": 80}}).to_string();
    let (net, ip) = (network_id("virtualNetworks", "net"), network_id("publicIPAddresses", "ip"));
    let cases: Vec<(&str, String, String, u16, &[&str])> = vec![
        (
            "GET",
            format!("{id}?api-version=2099-01-01"),
            String::new(),
            400,
            &["'2099-01-01'", "2015-01-01 to 2"],
        ),
        ("GET", format!("{id}?api-version=yesterday"), String::new(), 400, &["'yesterday'", "YYYY-MM-DD"]),
        ("GET", format!("{id}?api-version=2024-5-1"), String::new(), 400, &["'2024-5-1'", "YYYY-MM-DD"]),
        ("GET", id.to_owned(), String::new(), 400, &["api-version", "YYYY-MM-DD"]),
        ("PUT", format!("{id}?{version}"), "{\"location\": ".to_owned(), 400, &["content", "line 1"]),
        ("PUT", format!("{id}?{version}"), "[]".to_owned(), 400, &["not an object"]),
        (
            "PUT",
            format!("{elsewhere}?{version}"),
            whole,
            400,
            &["'my-subscription'", "GUID", "00000000-0000"],
        ),
        (
            "PATCH",
            format!("{id}?{version}"),
            json!({"properties": {}}).to_string(),
            400,
            &["'properties'", "PUT"],
        ),
        ("POST", format!("{id}?{version}"), String::new(), 405, &["POST", "gateway'", "Allow"]),
        ("PUT", format!("{id}/frontendPorts/a?{version}"), other, 400, &["name", "'b'", "'a'", "URL"]),
        ("GET", format!("{id}/frontendPorts/gone?{version}"), String::new(), 404, &["gone", "not found"]),
        ("PUT", format!("{net}?{version}"), network(json!({})), 400, &["addressSpace", "addressPrefixes"]),
        (
            "PUT",
            format!("{net}?{version}"),
            network(json!({"addressSpace": {"addressPrefixes": ["10.0.0.1/16"]}})),
            400,
            &["addressPrefixes[0]", "'10.0.0.1/16'", "'10.0.0.0/16'"],
        ),
        (
            "PUT",
            format!("{net}?{version}"),
            network(json!({"addressSpace": space, "subnets": outside})),
            400,
            &["subnets[0]", "'s'", "outside"],
        ),
        ("PUT", format!("{ip}?{version}"), dynamic, 400, &["publicIPAllocationMethod", "Static"]),
    ];
    let mut wrong = Vec::new();
    for (method, path, body, status, says) in cases {
        let answer = management.send(method, &path, &[], body).await;
        wrong.extend(complaint(&format!("{method} {path}"), &answer, status, says));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let file = tidegate.data_dir().join("admin-token").display().to_string();
    of_tokens(management.clone(), &file).await;
    let mut plain = HttpClient::connect(tidegate.management_tls().address(), "localhost").await;
    let answer = plain.get("/subscriptions?api-version=2022-12-01").await;
    assert_eq!(complaint("HTTP to HTTPS", &answer, 400, &["HTTPS", "https://"]), None);
}

/// A wrong token is told from a missing one, and a client on this machine is told where the right one lies.
async fn of_tokens(management: Management, file: &str) {
    let path = format!("/subscriptions?api-version={API_VERSION}");
    for (token, words) in [(None, "has no bearer token"), (Some("wrong"), "is neither the admin token nor")] {
        let stranger = management.with_token(token);
        let answer = stranger.send("GET", &path, &[], "").await;
        assert_eq!(complaint(words, &answer, 401, &[words, file]), None);
        let answer = stranger.send("GET", &path, &[("x-forwarded-for", "192.0.2.1")], "").await;
        assert_eq!(complaint(words, &answer, 401, &[words]), None);
        assert!(!answer.text().contains(file), "{}", answer.text());
    }
}
