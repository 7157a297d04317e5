//! The management API without workers: routes, errors, conditions, views.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Running, gateway_body, gateway_path};

const SLOW: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_refusal_has_arms_shape() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let gw = format!("{}?api-version=2024-05-01", gateway_path("gw"));
    let bare = gateway_path("gw");
    let old = format!("{bare}?api-version=2014-01-01");
    let deep = "[".repeat(500);
    let large = "x".repeat(4 * 1024 * 1024 + 1);
    let cases: &[(&str, &str, &str, u16, &str)] = &[
        ("GET", "/nothing", "", 404, "NotFound"),
        ("GET", "/subscriptions/s/nothing", "", 404, "NotFound"),
        ("GET", &bare, "", 400, "MissingApiVersionParameter"),
        ("GET", &old, "", 400, "InvalidApiVersionParameter"),
        ("GET", &gw, "", 404, "ResourceNotFound"),
        ("PATCH", &gw, "{}", 404, "ResourceNotFound"),
        ("PATCH", &gw, "", 400, "InvalidRequestContent"),
        ("POST", &gw, "", 405, "MethodNotAllowed"),
        ("POST", &gw.replace("gw?", "gw/start?"), "", 404, "ResourceNotFound"),
        ("POST", &gw.replace("gw?", "gw/Stop?"), "", 404, "ResourceNotFound"),
        ("POST", &gw.replace("gw?", "gw/getBackendHealthOnDemand?"), "{}", 404, "ResourceNotFound"),
        ("POST", &gw.replace("gw?", "gw/backendhealth?$expand=probes&"), "", 400, "BadRequest"),
        ("GET", &gw.replace("/gw?", "?$top=0&"), "", 400, "BadRequest"),
        ("GET", &gw.replace("/gw?", "?$skipToken=none&"), "", 400, "BadRequest"),
        ("TRACE", &gw, "", 405, "MethodNotAllowed"),
        ("PUT", &gw, "{", 400, "InvalidRequestContent"),
        ("PUT", &gw, "", 400, "InvalidRequestContent"),
        ("PUT", &gw, "[]", 400, "InvalidRequestContent"),
        ("PUT", &gw, &deep, 400, "InvalidRequestContent"),
        ("PATCH", &gw, &large, 413, "RequestContentTooLarge"),
        ("GET", &gw.replace("gw?", "a%2Fb?"), "", 400, "InvalidResourceName"),
        ("GET", &gw.replace("gw?", "%FF?"), "", 400, "BadRequest"),
        ("GET", &gw.replace("gw?", "gw/none?"), "", 404, "NotFound"),
        ("PUT", &gw.replace("gw?", "gw/probes/p?"), "{}", 404, "ResourceNotFound"),
        ("POST", &gw.replace("gw?", "gw/backendhealth?"), "", 404, "ResourceNotFound"),
    ];
    for (method, path, body, status, code) in cases {
        let request = client.request(method, path).body(Full::new(Bytes::from((*body).to_owned()))).unwrap();
        let answer = client.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (*status, *code), "{method} {path}");
        assert!(answer.body["error"]["message"].is_string());
        assert!(answer.headers.contains_key("x-ms-request-id"));
        assert!(answer.header("content-type").starts_with("application/json"));
        assert_eq!(answer.headers.contains_key("allow"), *status == 405, "{method} {path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn without_the_token_only_the_two_checks_answer() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let stranger = crate::Client::new(running.plane.addresses().management, "wrong".into());
    for path in ["/workers", "/nothing", &gateway_path("gw")] {
        let answer = stranger.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "InvalidAuthenticationToken"));
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(stranger.get(path).await.status, 200);
    }
    assert_eq!(client.get("/Workers").await.body, json!({"value": [], "failed": []}));
    running.stop().await;
}

#[tokio::test]
async fn a_gateway_starts_empty_and_grows_child_by_child() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let put = client.call("PUT", &gateway_path("GW"), &json!({"location": "West Europe"})).await;
    assert_eq!(put.status, 201, "{put:?}");
    let operation = put.header("azure-asyncoperation");
    let start = "http://gateway.example:9080/subscriptions/aaaaaaaa-0000-0000-0000-00000000000a/providers/Microsoft.Network/locations/westeurope/operations/";
    assert!(operation.starts_with(start), "{operation}");
    assert!(operation.ends_with("?api-version=2024-05-01"), "{operation}");

    let whole = gateway_body("gw", "127.0.0.1", 8080);
    let order = [
        "frontendIPConfigurations",
        "frontendPorts",
        "backendAddressPools",
        "backendHttpSettingsCollection",
        "httpListeners",
        "requestRoutingRules",
    ];
    for collection in order {
        let child = &whole["properties"][collection][0];
        let name = child["name"].as_str().unwrap();
        let path = format!("{}/{}/{name}", gateway_path("gw"), collection.to_lowercase());
        let put = client.call("PUT", &path, &json!({"properties": child["properties"]})).await;
        assert_eq!(put.status, 201, "{put:?}");
        assert_eq!(put.body["id"], format!("{}/{collection}/{name}", gateway_path("GW")));
        assert_eq!(put.body["type"], format!("Microsoft.Network/applicationGateways/{collection}"));
        let again = client.call("PUT", &path, &json!({"properties": child["properties"]})).await;
        assert_eq!((again.status.as_u16(), &again.body["etag"]), (200, &put.body["etag"]));
        let read = client.get(&path).await;
        assert_eq!(read.body, put.body);
        assert_eq!(read.header("etag"), put.body["etag"]);
        let list = client.get(&format!("{}/{collection}", gateway_path("gw"))).await;
        assert_eq!(list.body["value"], json!([put.body]));
    }
    let read = client.get(&gateway_path("gW")).await;
    assert_eq!(read.body["id"], gateway_path("GW"), "the creator's spelling");
    assert_eq!(read.body["properties"]["urlPathMaps"], json!([]));
    let listed =
        client.get("/subscriptions/AAAAAAAA-0000-0000-0000-00000000000A/resourcegroups/GROUP/providers/microsoft.network/applicationgateways");
    assert_eq!(listed.await.body["value"], json!([read.body]));

    let listener = format!("{}/httpListeners/l", gateway_path("gw"));
    let in_use = client.call("DELETE", &listener, &Value::Null).await;
    assert_eq!((in_use.status.as_u16(), in_use.code()), (400, "ResourceInUse"));
    let rule = format!("{}/requestRoutingRules/r", gateway_path("gw"));
    for path in [rule, listener.clone()] {
        let delete = client.call("DELETE", &path, &Value::Null).await;
        assert_eq!(delete.status, 202);
        assert!(delete.headers.contains_key("location"));
    }
    assert_eq!(client.call("DELETE", &listener, &Value::Null).await.status, 204);
    assert_eq!(client.get(&listener).await.code(), "ResourceNotFound");
    running.stop().await;
}

#[tokio::test]
async fn conditions_keep_two_writers_from_losing_an_update() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let (path, body) = (gateway_path("gw"), gateway_body("gw", "127.0.0.1", 8080));
    let none = [("if-none-match", "*")];
    assert_eq!(client.call_if("PUT", &path, &body, &none).await.status, 201);
    let refused = client.call_if("PUT", &path, &body, &none).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (412, "PreconditionFailed"));

    let etag = client.get(&path).await.header("etag").to_owned();
    let conditions = [("if-match", etag.as_str())];
    let bodies = [gateway_body("gw", "127.0.0.1", 8081), gateway_body("gw", "127.0.0.1", 8082)];
    let (one, two) = tokio::join!(
        client.call_if("PUT", &path, &bodies[0], &conditions),
        client.call_if("PUT", &path, &bodies[1], &conditions),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let winner = if one.status == 200 { one } else { two };
    assert_eq!(client.get(&path).await.body["etag"], winner.body["etag"]);
    assert_eq!(client.call_if("DELETE", &path, &Value::Null, &conditions).await.status, 412);

    let other = client.call("PUT", &gateway_path("other"), &gateway_body("other", "127.0.0.1", 8081)).await;
    let holder_has_it = winner.body["properties"]["frontendPorts"][0]["properties"]["port"] == 8081;
    if holder_has_it {
        assert_eq!((other.status.as_u16(), other.code()), (409, "ApplicationGatewayFrontendPortInUse"));
        assert!(other.body["error"]["message"].as_str().unwrap().contains(&path));
    } else {
        assert_eq!(other.status, 201);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_refused_put_names_everything_and_changes_nothing() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let (path, mut body) = (gateway_path("gw"), gateway_body("gw", "127.0.0.1", 8080));
    client.call("PUT", &path, &body).await;
    let before = client.get(&path).await.body;
    body["properties"]["frontendPorts"][0]["properties"]["port"] = json!(70000);
    body["properties"]["backendHttpSettingsCollection"][0]["properties"]["port"] = json!(0);
    let refused = client.call("PUT", &path, &body).await;
    assert_eq!(refused.status, 400);
    let details = refused.body["error"]["details"].as_array().unwrap();
    assert_eq!(details.len(), 2, "{details:?}");
    assert!(
        details.iter().all(|d| d["code"].is_string() && d["message"].is_string() && d["target"].is_string())
    );
    assert_eq!(client.get(&path).await.body, before);
    running.stop().await;
}

#[tokio::test]
async fn over_tls_clients_trust_the_authority_speak_http2_and_get_https_urls() {
    let running = Running::start(SLOW).await;
    let authority = std::fs::read(running.dir.path().join("ca.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let address = running.plane.addresses().management_tls;
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let stream = TlsConnector::from(Arc::new(config.clone())).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = TokioIo::new(stream);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let token = std::fs::read_to_string(running.dir.path().join("admin-token")).unwrap();
        let url = format!("https://localhost:9443{}?api-version=2024-05-01", gateway_path("gw"));
        let request = Request::builder()
            .method("PUT")
            .uri(url)
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from_static(b"{\"location\": \"here\"}")))
            .unwrap();
        let exchange = async {
            let answer = sender.send_request(request).await.unwrap();
            let (parts, body) = answer.into_parts();
            body.collect().await.unwrap();
            parts
        };
        let answer = tokio::select! {
            answer = exchange => answer,
            end = connection => panic!("the connection ended: {end:?}"),
        };
        assert!(answer.status.is_success(), "{answer:?}");
        let operation = answer.headers["azure-asyncoperation"].to_str().unwrap();
        assert!(operation.starts_with("https://localhost:9443/subscriptions/"), "{operation}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_no_idle_connection() {
    let running = Running::start(SLOW).await;
    let stream = TcpStream::connect(running.plane.addresses().management).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let request = || Request::get("/healthz").header("host", "x").body(Empty::<Bytes>::new()).unwrap();
    let used = async {
        let answer = sender.send_request(request()).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        running.stop().await;
    };
    let (end, ()) = tokio::join!(connection, used);
    end.unwrap();
}

#[tokio::test]
async fn without_a_token_only_local_hosts_are_served() {
    let running = Running::start_with(tempfile::tempdir().unwrap(), SLOW, true).await;
    let client = running.client();
    let get = async |hosts: &[&str]| {
        let mut request = hyper::Request::builder().uri("/workers");
        for host in hosts {
            request = request.header("host", *host);
        }
        client.send(request.body(http_body_util::Full::default()).unwrap()).await
    };
    for host in ["localhost:9080", "127.0.0.1:9080", "[::1]"] {
        assert_eq!(get(&[host]).await.status, 200, "{host}");
    }
    let foreign = get(&["rebound.example:9080"]).await;
    assert_eq!((foreign.status.as_u16(), foreign.code()), (403, "AuthorizationFailed"));
    for hosts in [&[][..], &["localhost", "rebound.example"]] {
        assert_eq!(get(hosts).await.status, 400, "{hosts:?}");
    }
    running.stop().await;
}
