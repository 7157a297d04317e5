//! Rewrite rule sets: the changes of requests and responses, and attempts of clients to misuse them.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Behaviour, Gateway, GatewayDocument, HttpClient, Metrics, Then, WebSocket,
};

use crate::{HOST, tidegate, with_https};

/// Adds a rewrite rule set to the usual rule.
pub(crate) fn rewriting(document: GatewayDocument, rules: &Value) -> GatewayDocument {
    let mut document = document.child("rewriteRuleSets", "set", &json!({"rewriteRules": rules}));
    let set = document.reference("rewriteRuleSets", "set");
    document.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["rewriteRuleSet"] = set;
    document
}

/// Adds a path map: each rule has a name, a path, a pool and rewrites. Other paths go to the pool `pool` with the
/// rewrites `default`.
fn by_path(
    document: GatewayDocument,
    default: Option<&str>,
    rules: &[(&str, &str, &str, Option<&str>)],
) -> GatewayDocument {
    let set = |name: Option<&str>| name.map(|name| document.reference("rewriteRuleSets", name));
    let path_rules: Vec<Value> = rules
        .iter()
        .map(|(name, path, pool, rewrites)| {
            document.path_rule(name, &[path], pool, &json!({"rewriteRuleSet": set(*rewrites)}))
        })
        .collect();
    let map = json!({"defaultRewriteRuleSet": set(default), "pathRules": path_rules});
    document.by_path(&map)
}

fn set(document: GatewayDocument, name: &str, rules: &Value) -> GatewayDocument {
    document.child("rewriteRuleSets", name, &json!({"rewriteRules": rules}))
}

/// Returns a rule that changes the URL.
fn to_path(conditions: &Value, url: &Value) -> Value {
    json!({"name": "url", "conditions": conditions, "actionSet": {"urlConfiguration": url}})
}

#[tokio::test]
async fn request_headers_are_set_replaced_and_deleted() {
    let backend = Backend::start().await;
    let rules = json!([
        {"name": "second", "ruleSequence": 200,
            "conditions": [{"variable": "http_req_X-Step", "pattern": "^one$"}],
            "actionSet": {"requestHeaderConfigurations": [{"headerName": "X-Step", "headerValue": "{http_req_X-Step}, two"}]}},
        {"name": "first", "ruleSequence": 100,
            "conditions": [
                {"variable": "http_req_User-Agent", "pattern": "^(\\w+)/(\\d)", "ignoreCase": true},
                {"variable": "var_uri_path", "pattern": "^/private", "negate": true}],
            "actionSet": {"requestHeaderConfigurations": [
                {"headerName": "X-Step", "headerValue": "one"},
                {"headerName": "X-Agent", "headerValue": "{http_req_User-Agent_1} {http_req_User-Agent_2} {http_req_user-agent_1}"},
                {"headerName": "X-Forwarded-For", "headerValue": "{var_add_x_forwarded_for_proxy}"},
                {"headerName": "X-Secret"},
                {"headerName": "Host", "headerValue": "inner.test"}]}},
    ]);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        // A rewritten `Host` takes precedence over that of the settings.
        rewriting(document.settings("settings", &json!({"hostName": "settings.test"})), &rules)
    })
    .await;
    let sent = [
        ("user-agent", "Curl/8.5"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-secret", "1"),
        ("x-secret", "2"),
        ("x-step", "forged"),
    ];
    let mut client = gateway.client().await;
    client.send("GET", "/rewritten", &sent, "").await.expect(200);
    let request = backend.request("/rewritten").await;
    assert_eq!(request.header("x-step"), Some("one, two"));
    assert_eq!(request.header("x-agent"), Some("Curl 8"));
    assert_eq!(request.header("x-secret"), None);
    assert_eq!((request.header("host"), request.header("x-original-host")), (Some("inner.test"), Some(HOST)));
    let forwarded = request.header("x-forwarded-for").unwrap();
    assert!(forwarded.starts_with("203.0.113.9, 127.") && !forwarded.contains(':'), "{forwarded}");

    client.send("GET", "/private", &sent, "").await.expect(200);
    let request = backend.request("/private").await;
    assert_eq!(request.header("x-step"), Some("forged"));
    assert_eq!(request.header("host"), Some("settings.test"));
    assert!(request.header("x-secret").is_some());
}

#[tokio::test]
async fn a_rewritten_url_reaches_the_pool_of_the_original_one() {
    let (shop, rest) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[rest.ip()], |document| {
        let captured = json!([{"variable": "var_uri_path", "pattern": "/(.+)/(.+)"}]);
        let url = json!({
            "modifiedPath": "buy.aspx",
            "modifiedQueryString": "category={var_uri_path_1}&product={var_uri_path_2}"});
        let bare = json!({"modifiedQueryString": ""});
        let document = set(document.pool("shop", &[shop.ip()]), "buy", &json!([to_path(&captured, &url)]));
        let document = set(document, "bare", &json!([to_path(&json!([]), &bare)]));
        by_path(document, Some("bare"), &[("fashion", "/fashion/*", "shop", Some("buy"))])
    })
    .await;
    let mut client = gateway.client().await;
    client.get("/fashion/shirts?lost=1").await.expect(200);
    shop.request("/buy.aspx?category=fashion&product=shirts").await;
    client.get("/else?lost=1").await.expect(200);
    rest.request("/else").await;
    assert_eq!((shop.requests().len(), rest.requests().len()), (1, 1));
}

#[tokio::test]
async fn reroute_asks_the_path_map_again() {
    let (shoes, rest) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[rest.ip()], |document| {
        let mark = |value: &str| {
            let header = json!([{"headerName": "X-Way", "headerValue": value}]);
            json!({"name": "mark", "actionSet": {"requestHeaderConfigurations": header, "responseHeaderConfigurations": header}})
        };
        let asked = |pattern: &str| json!([{"variable": "var_query_string", "pattern": pattern}]);
        let listing = json!([
            mark("default"),
            to_path(&asked("category=shoes"), &json!({"modifiedPath": "/listing1", "reroute": true})),
            to_path(&asked("category=lost"), &json!({"modifiedPath": "/nowhere", "reroute": true})),
        ]);
        let document = set(document.pool("shoes", &[shoes.ip()]), "listing", &listing);
        let document = set(document, "shoes", &json!([mark("shoes")]));
        by_path(document, Some("listing"), &[("shoes", "/listing1", "shoes", Some("shoes"))])
    })
    .await;
    let mut client = gateway.client().await;
    let answer = client.get("/listing?category=any").await.expect(200);
    assert_eq!(answer.header("x-way"), Some("default"));
    rest.request("/listing?category=any").await;
    let answer = client.get("/listing?category=shoes").await.expect(200);
    assert_eq!(answer.header("x-way"), Some("shoes"), "the answer is rewritten by the way that was gone");
    let request = shoes.request("/listing1?category=shoes").await;
    assert_eq!(request.header("x-way"), Some("shoes"));

    // No path rule matches the new path, so the same rewrites would apply for ever.
    client.get("/listing?category=lost").await.expect(500);
    client.get("/listing?category=any").await.expect(200);
    gateway.access_log().line_with(&["category=lost", "again and again"]).await;
}

#[tokio::test]
async fn response_headers_are_rewritten() {
    let backend = Backend::start().await;
    let rules = json!([
        {"name": "location", "ruleSequence": 1,
            "conditions": [{"variable": "http_resp_Location", "pattern": "(https?)://.*azurewebsites\\.net(.*)$"}],
            "actionSet": {"responseHeaderConfigurations": [
                {"headerName": "Location", "headerValue": "{http_resp_Location_1}://{var_host}{http_resp_Location_2}"}]}},
        {"name": "always", "ruleSequence": 2, "actionSet": {"responseHeaderConfigurations": [
            {"headerName": "Server"},
            {"headerName": "Strict-Transport-Security", "headerValue": "max-age=31536000"},
            {"headerName": "X-Status", "headerValue": "{var_http_status} {var_request_uri}"},
            {"headerName": "Set-Cookie", "headerValue": "cookie2={capt_header_value_matcher_1}; Max-Age=3600",
                "headerValueMatcher": {"pattern": "cookie2=([^;]*)"}}]}},
    ]);
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| rewriting(document, &rules)).await;
    backend.behave(Behaviour::literal(
        "HTTP/1.1 302 Found\r\nServer: old\r\nLocation: https://app.azurewebsites.net/path2\r\n\
         Set-Cookie: cookie1=a\r\nSet-Cookie: cookie2=b; Path=/\r\nContent-Length: 0\r\n\r\n",
        Then::Next,
    ));
    let answer = gateway.get("/path?q").await.expect(302);
    assert_eq!(answer.header("location"), Some("https://gateway.test/path2"));
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(answer.header("x-status"), Some("302 /path?q"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["cookie1=a", "cookie2=b; Max-Age=3600"]);
}

#[tokio::test]
async fn what_the_gateway_says_itself_is_not_rewritten() {
    let backend = Backend::start().await;
    let rules = json!([{"name": "all", "actionSet": {
        "requestHeaderConfigurations": [{"headerName": "X-Request", "headerValue": "{var_http_method}"}],
        "responseHeaderConfigurations": [{"headerName": "X-Response", "headerValue": "{var_http_status}"}]}}]);
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| rewriting(document, &rules)).await;
    assert_eq!(gateway.get("/passed").await.expect(200).header("x-response"), Some("200"));

    // A handshake is rewritten like any request; its 101 is not.
    let mut socket = WebSocket::connect(gateway.http(), HOST, "/socket").await;
    socket.echo("through").await;
    assert_eq!(backend.request("/socket").await.header("x-request"), Some("GET"));
    assert_eq!(socket.header("x-response"), None);

    let usual = gateway.document.clone();
    gateway.apply(usual.clone().pool("pool", &[])).await;
    assert_eq!(gateway.get("/none").await.expect(502).header("x-response"), None);
    let redirect = json!({"redirectType": "Found", "targetUrl": "https://away.test/"});
    let mut away = usual.child("redirectConfigurations", "away", &redirect);
    let reference = away.reference("redirectConfigurations", "away");
    let rule = &mut away.body_mut()["properties"]["requestRoutingRules"][0]["properties"];
    rule.as_object_mut().unwrap().retain(|name, _| !name.starts_with("backend"));
    rule["redirectConfiguration"] = reference;
    gateway.apply(away).await;
    let answer = gateway.get("/away").await.expect(302);
    assert_eq!((answer.header("location"), answer.header("x-response")), (Some("https://away.test/"), None));
}

#[tokio::test]
async fn a_handshake_is_rewritten_and_its_tunnel_logged_by_what_was_asked_for() {
    let backend = Backend::start().await;
    let url = json!({"modifiedPath": "/inner{var_uri_path}"});
    let rules = json!([to_path(&json!([{"variable": "http_req_Upgrade", "pattern": "websocket"}]), &url)]);
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| rewriting(document, &rules)).await;
    let mut socket = gateway.websocket("/socket?id=1").await;
    socket.echo("through").await;
    socket.close().await;
    backend.request("/inner/socket?id=1").await;
    let line = gateway.access_log().line_with(&["\"tunnel\"", "/socket"]).await;
    assert!(!line.to_string().contains("/inner"), "{line}");
    gateway.get("/plain").await.expect(200);
    backend.request("/plain").await;
}

#[tokio::test]
async fn a_client_cannot_smuggle_through_a_rewrite() {
    let backend = Backend::start().await;
    let rules = json!([{"name": "all",
        "conditions": [{"variable": "http_req_X-Path", "pattern": "^(.*)$"}],
        "actionSet": {
            "requestHeaderConfigurations": [
                {"headerName": "X-User", "headerValue": "{var_client_user}"},
                {"headerName": "Host", "headerValue": "{http_req_X-Host}"}],
            "urlConfiguration": {"modifiedPath": "/{http_req_X-Path_1}", "modifiedQueryString": "{http_req_X-Path_1}"}}}]);
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| rewriting(document, &rules)).await;
    let mut client = gateway.client().await;
    client.send("GET", "/", &[("x-path", "a b HTTP/1.1")], "").await.expect(200);
    backend.request("/a%20b%20HTTP/1.1?a%20b%20HTTP/1.1").await;
    client.send("GET", "/", &[("x-path", "a?b#c%0d%0a%")], "").await.expect(200);
    backend.request("/a%3Fb%23c%0d%0a%25?a?b%23c%0d%0a%25").await;

    // The user name `a\r\nX-Injected: 1` is no valid header value, so the header is deleted.
    let credentials =
        [("x-path", "user"), ("x-user", "forged"), ("authorization", "Basic YQ0KWC1JbmplY3RlZDogMTpi")];
    client.send("GET", "/", &credentials, "").await.expect(200);
    let request = backend.request("/user?user").await;
    assert_eq!((request.header("x-user"), request.header("x-injected")), (None, None));
    assert_eq!(request.header("host"), Some(HOST), "a Host of nothing is none");

    client.send("GET", "/", &[("x-path", "host"), ("x-host", "a.test/b")], "").await.expect(400);
    let mut client = gateway.client().await;
    let long = "a".repeat(20_000);
    client.send("GET", "/", &[("x-path", &long)], "").await.expect(200);
    client.send("GET", "/", &[("x-path", &"b ".repeat(15_000))], "").await.expect(500);
    assert_eq!(backend.requests().len(), 4);
}

#[tokio::test]
async fn server_variables_tell_of_the_request_and_its_connection() {
    let backend = Backend::start().await;
    let authority = Authority::new();
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let tell =
            |name: &str| json!({"headerName": format!("X-{name}"), "headerValue": format!("{{var_{name}}}")});
        let headers: Vec<Value> = VARIABLES.iter().map(|(name, ..)| tell(name)).collect();
        let rules = json!([{"name": "all", "actionSet": {"requestHeaderConfigurations": headers}}]);
        let document = with_https(rewriting(document, &rules), &authority);
        let set = document.reference("rewriteRuleSets", "set");
        let mut document = document;
        document.body_mut()["properties"]["requestRoutingRules"][1]["properties"]["rewriteRuleSet"] = set;
        document
    })
    .await;
    let mut plain = gateway.client().await;
    let mut secure = HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let sent = [
        ("content-type", "text/plain"),
        ("cookie", "a=1; session=abc"),
        ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ];
    for (client, path) in [(&mut plain, "/plain/a?b=%20c"), (&mut secure, "/secure/a?b=%20c")] {
        client.send("POST", path, &sent, "four").await.expect(200);
        let request = backend.request(path).await;
        let is_secure = path.starts_with("/secure");
        for (name, of_plain, of_secure) in VARIABLES {
            let expected = if is_secure { of_secure } else { of_plain };
            let found = request.header(&format!("x-{name}")).unwrap_or_default();
            match expected.strip_suffix('…') {
                Some(begin) => {
                    assert!(found.starts_with(begin) && found.len() > begin.len(), "{name}: {found}")
                }
                None => assert_eq!(found, *expected, "{name} of {path}"),
            }
        }
    }
}

/// The value of each variable without TLS, and with TLS. `…` stands for more text.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("add_x_forwarded_for_proxy", "127.…", "127.…"),
    ("ciphers_supported", "", "TLS_…"),
    ("ciphers_used", "", "TLS_…"),
    ("client_certificate", "", ""),
    ("client_certificate_verification", "", "NONE"),
    ("client_ip", "127.…", "127.…"),
    ("client_port", "…", "…"),
    ("client_tcp_rtt", "", ""),
    ("client_user", "Aladdin", "Aladdin"),
    ("cookie_session", "abc", "abc"),
    ("content_length", "4", "4"),
    ("content_type", "text/plain", "text/plain"),
    ("host", "gateway.test", "gateway.test"),
    ("http_method", "POST", "POST"),
    ("http_status", "", ""),
    ("http_version", "HTTP/1.1", "HTTP/1.1"),
    ("query_string", "b=%20c", "b=%20c"),
    ("received_bytes", "179", "180"),
    ("request_query", "b=%20c", "b=%20c"),
    ("request_scheme", "http", "https"),
    ("request_uri", "/plain/a?b=%20c", "/secure/a?b=%20c"),
    ("sent_bytes", "0", "0"),
    ("server_name", "gateway.test", "gateway.test"),
    ("server_port", "20080", "20443"),
    ("ssl_connection_protocol", "", "TLSv1.3"),
    ("ssl_enabled", "", "On"),
    ("uri_path", "/plain/a", "/secure/a"),
];

#[tokio::test]
async fn what_could_not_be_rewritten_safely_is_refused() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let set_header = |name: &str, value: &str| {
        let headers = json!([{"headerName": name, "headerValue": value}]);
        json!([{"name": "rule", "actionSet": {"requestHeaderConfigurations": headers}}])
    };
    let reroute = json!({"modifiedPath": "/a", "reroute": true});
    for (rules, code) in [
        (set_header("Connection", "close"), "ApplicationGatewayRewriteRuleHeaderInvalid"),
        (set_header("upgrade", ""), "ApplicationGatewayRewriteRuleHeaderInvalid"),
        (set_header("Transfer-Encoding", "chunked"), "ApplicationGatewayRewriteRuleHeaderInvalid"),
        (set_header("Host", ""), "ApplicationGatewayRewriteRuleHeaderInvalid"),
        (set_header("X-A", "{var_nothing}"), "ApplicationGatewayRewriteRuleVariableInvalid"),
        (
            json!([to_path(
                &json!([{"variable": "var_host", "pattern": "(?=a)"}]),
                &json!({"modifiedPath": "/"})
            )]),
            "ApplicationGatewayRewriteRulePatternInvalid",
        ),
        (json!([to_path(&json!([]), &reroute)]), "ApplicationGatewayRewriteRuleUrlInvalid"),
    ] {
        let document = rewriting(gateway.document.clone(), &rules);
        let refused = management.put(gateway.id(), document.body()).await.expect(400).json();
        assert_eq!(refused["error"]["details"][0]["code"], code, "{refused}");
    }
}

/// Rules whose conditions would take seconds of a data thread for the header value [`heavy_text`].
pub(crate) fn heavy_rules() -> Value {
    let condition = json!([{"variable": "http_req_X-Text", "pattern": "[ab]*a[ab]{400}c", "negate": true}]);
    let rule = |number| {
        let headers = json!([{"headerName": format!("X-{number}"), "headerValue": "1"}]);
        let actions = json!({"requestHeaderConfigurations": headers});
        json!({"name": format!("r{number}"), "conditions": condition, "actionSet": actions})
    };
    (0..16).map(rule).collect()
}

/// A pseudo-random header value for these rules.
pub(crate) fn heavy_text() -> String {
    // A linear congruential generator.
    let numbers = std::iter::successors(Some(7_u64), |last| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    });
    numbers.take(30_000).map(|number| if number >> 63 == 0 { 'a' } else { 'b' }).collect()
}

#[tokio::test]
async fn costly_patterns_hold_up_no_other_request() {
    let backend = Backend::start().await;
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| rewriting(document, &heavy_rules()))
            .await;
    let text = heavy_text();
    let mut client = gateway.client().await;
    // Without the budget, sixteen searches would take seconds of the one data thread.
    for sent in 1..=20_u32 {
        client.send("GET", "/costly", &[("x-text", &text)], "").await.expect(500);
        let path = format!("/ordinary/{sent}");
        client.send("GET", &path, &[("x-text", "ab")], "").await.expect(200);
        assert_eq!(backend.request(&path).await.header("x-15"), Some("1"), "after {sent}");
    }
    let counted = |metrics: &Metrics| metrics.sum("tidegate_rewrite_searches_exceeded_total", &[]) == 20.0;
    gateway.tidegate.metrics_when("what was refused is counted", counted).await;
}
