//! Custom error pages: fetched when they are configured, stored, and sent as local replies.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Behaviour, GROUP, Gateway, GatewayDocument, HTTP_PORT, HttpClient, SUBSCRIPTION,
    Then, TidegateBuilder, loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::{HOST, with_https};

/// A control plane that may fetch from the servers of these tests, which are on loopback.
fn tidegate() -> TidegateBuilder {
    crate::tidegate().option("--fetch-deny", "none")
}

/// Starts a web server that serves this text at every path.
async fn pages(text: &str) -> Backend {
    let server = Backend::start().await;
    server.behave(html(text));
    server
}

fn html(text: &str) -> Behaviour {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length:";
    Behaviour::literal(format!("{head} {}\r\n\r\n{text}", text.len()), Then::Next)
}

fn page(server: &Backend, status: u16, name: &str) -> Value {
    json!([{
        "statusCode": format!("HttpStatus{status}"),
        "customErrorPageUrl": format!("http://{}/{name}", server.address()),
    }])
}

fn with_page(mut document: GatewayDocument, pages: Value) -> GatewayDocument {
    document.body_mut()["properties"]["customErrorConfigurations"] = pages;
    document
}

#[tokio::test]
async fn a_page_answers_the_gateways_own_errors_and_no_others() {
    let (server, backend) = (pages("gateway").await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        let document = with_page(document, page(&server, 502, "502.html?sv=1"));
        document
            .pool("full", &[backend.ip()])
            .port("full", HTTP_PORT + 1)
            .http_listener("full", "full")
            .rule("full", "full", "full", "settings")
    })
    .await;
    let own = gateway.get("/").await.expect(502);
    assert_eq!((own.text().as_str(), own.header("content-length")), ("gateway", Some("7")));
    assert_eq!(own.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(own.header("server"), Some("Tidegate"));
    let head = gateway.client().await.send("HEAD", "/", &[], "").await.expect(502);
    assert_eq!((head.body.len(), head.header("content-length")), (0, Some("7")));
    let method = gateway.client().await.send("TRACE", "/", &[], "").await.expect(405);
    assert!(method.text().contains("<h1>405 Method Not Allowed</h1>"), "{}", method.text());

    backend.behave(Behaviour::status(502, "the backend's own"));
    let mut client = HttpClient::connect((gateway.ip(), HTTP_PORT + 1).into(), HOST).await;
    assert_eq!(client.get("/").await.expect(502).text(), "the backend's own");
}

#[tokio::test]
async fn a_listeners_page_goes_before_the_gateways() {
    let (of_gateway, of_listener) = (pages("gateway").await, pages("listener").await);
    let authority = Authority::new();
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        let both = [page(&of_gateway, 502, "a.html"), page(&of_gateway, 404, "a.html")];
        let both: Vec<Value> = both.iter().flat_map(|list| list.as_array().unwrap().clone()).collect();
        let document = with_https(with_page(document, json!(both)), &authority);
        let own = page(&of_listener, 502, "b.htm");
        document.listener(
            "http",
            "http",
            &json!({"protocol": "Http", "hostName": HOST, "customErrorConfigurations": own}),
        )
    })
    .await;
    assert_eq!(gateway.get("/").await.expect(502).text(), "listener");
    let mut secure = HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await;
    assert_eq!(secure.get("/").await.expect(502).text(), "gateway");
    let unknown = gateway.client().await.send("GET", "/", &[("host", "other.test")], "").await.expect(404);
    assert_eq!(unknown.text(), "gateway", "where no listener answers, the gateway's own page does");
    assert_eq!(of_gateway.requests().len(), 1, "one page, fetched once, however often it is named");
}

#[tokio::test]
async fn a_page_is_fetched_with_each_put_and_outlives_its_server() {
    let server = pages("first").await;
    let mut gateway =
        Gateway::start_with(tidegate(), &[], |document| with_page(document, page(&server, 502, "a.html")))
            .await;
    server.behave(html("second"));
    assert_eq!(gateway.get("/").await.expect(502).text(), "first");
    assert_eq!(server.requests().len(), 1);
    let sent = server.requests()[0].head.clone();
    assert!(sent.header("authorization").is_none() && sent.header("cookie").is_none(), "{sent:?}");

    gateway.apply(gateway.document.clone()).await;
    assert_eq!(gateway.get("/").await.expect(502).text(), "second");

    // A PUT of the listener that names the page fetches it again; a PUT of another child does not.
    let management = gateway.management();
    let listener = gateway.document.child_id("httpListeners", "http");
    server.behave(html("third"));
    let mut body = management.get(&listener).await.json();
    body["properties"]["customErrorConfigurations"] = page(&server, 502, "a.html");
    management.apply(&listener, &body).await;
    assert_eq!(gateway.get("/").await.expect(502).text(), "third");
    let fetched = server.requests().len();
    server.stop().await;
    let pool = gateway.document.child_id("backendAddressPools", "other");
    management.apply(&pool, &json!({"properties": {}})).await;
    assert_eq!(fetched, 3);

    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    gateway.tidegate.start_again().await;
    wait_for("the gateway to listen again", async || TcpStream::connect(gateway.http()).await.ok()).await;
    assert_eq!(gateway.get("/").await.expect(502).text(), "third");
    assert!(!gateway.tidegate.output().contains("a.html"), "no URL of a page is logged");
}

#[tokio::test]
async fn a_page_that_cannot_be_fetched_refuses_the_write_and_changes_nothing() {
    let server = pages("page").await;
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let before = management.get(gateway.id()).await.json();
    let gone = format!("http://{}:1/a.html", loopback());
    for (behaviour, url, cause) in [
        (Behaviour::status(404, "none"), None, "answered 404"),
        (
            Behaviour::literal(
                "HTTP/1.1 302 Found\r\nLocation: /b.html\r\nContent-Length: 0\r\n\r\n",
                Then::Next,
            ),
            None,
            "redirects are not followed",
        ),
        (
            Behaviour::literal(
                format!("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n{}", "x".repeat(1 << 20)),
                Then::Next,
            ),
            None,
            "too large",
        ),
        (Behaviour::CloseOnRequest, None, "no complete HTTP response"),
        (Behaviour::Serve, Some(gone), "no complete HTTP response"),
        (Behaviour::Serve, Some(format!("http://{}/a.php", server.address())), "must end with .htm or .html"),
    ] {
        server.behave(behaviour);
        let mut pages = page(&server, 502, "a.html?sig=hidden");
        if let Some(url) = url {
            pages[0]["customErrorPageUrl"] = json!(url);
        }
        let target = "properties.customErrorConfigurations[0].customErrorPageUrl";
        let listener = gateway.document.child_id("httpListeners", "http");
        let mut child = management.get(&listener).await.json();
        child["properties"]["customErrorConfigurations"] = pages.clone();
        let document = with_page(gateway.document.clone(), pages);
        for refused in
            [management.put(gateway.id(), document.body()).await, management.put(&listener, &child).await]
        {
            let error = refused.expect(400).json();
            let details = error["error"]["details"].as_array().unwrap();
            assert_eq!(details.len(), 1, "{error}");
            assert_eq!(details[0]["target"], target, "{error}");
            let message = details[0]["message"].as_str().unwrap();
            assert!(message.contains(cause) && !message.contains("hidden"), "{message}");
        }
    }
    assert_eq!(management.get(gateway.id()).await.json(), before);
    assert!(!gateway.tidegate.output().contains("hidden"));
}

#[tokio::test]
async fn a_template_fetches_its_pages_and_so_does_its_preview() {
    let server = pages("page").await;
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let document = with_page(gateway.document.clone(), page(&server, 502, "a.html"));
    let resource = json!({
        "type": "Microsoft.Network/applicationGateways", "apiVersion": "2024-05-01", "name": "gateway",
        "location": "local", "properties": document.body()["properties"],
    });
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "resources": [resource],
    });
    let body = json!({"properties": {"template": template, "mode": "Incremental"}});
    let deployment = format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/providers/Microsoft.Resources/deployments/pages"
    );
    server.behave(Behaviour::status(404, "none"));
    let refused = management.send_json("POST", &format!("{deployment}/validate"), &body).await.expect(400);
    assert!(refused.text().contains("ApplicationGatewayCustomErrorPageUnavailable"), "{}", refused.text());
    server.behave(html("page"));
    management.send_json("POST", &format!("{deployment}/validate"), &body).await.expect(200);
    assert!(gateway.get("/").await.expect(502).text().contains("<h1>502 Bad Gateway</h1>"));
    let begun = management.put(&deployment, &body).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    assert_eq!(gateway.get("/").await.expect(502).text(), "page");
}

#[tokio::test]
async fn no_page_is_fetched_from_the_control_planes_own_host_unless_that_is_allowed() {
    let server = pages("secret").await;
    let gateway = Gateway::start(crate::tidegate(), &[]).await;
    let document = GatewayDocument::forwarding("pages", loopback(), &[]);
    let document = with_page(document, page(&server, 502, "a.html"));
    let answer = gateway.management().put(document.id(), document.body()).await.expect(400);
    assert!(answer.text().contains("--fetch-deny"), "{}", answer.text());
    assert!(server.requests().is_empty());
}
