//! Authentication of the management API: the bearer token, the endpoints, and what must stay secret.

use std::os::unix::fs::PermissionsExt;

use tidegate_harness::{
    API_VERSION, Authority, Backend, Gateway, GatewayDocument, HttpClient, Peer, SUBSCRIPTION, run,
};

use crate::{BINARY, tidegate};

fn list() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways?api-version={API_VERSION}"
    )
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for token in [None, Some(""), Some("wrong"), Some(&tidegate.admin_token()[1..])] {
        for (method, path) in [("GET", list()), ("PUT", list()), ("GET", "/nothing".to_owned())] {
            let answer = management.with_token(token).send(method, &path, &[], "").await.expect(401);
            assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
            answer.error_code();
        }
    }
    management.send("GET", &list(), &[], "").await.expect(200);
}

#[tokio::test]
async fn another_scheme_than_bearer_is_no_token() {
    let tidegate = tidegate().start().await;
    let basic = format!("Basic {}", tidegate.admin_token());
    let nobody = tidegate.management().with_token(None);
    nobody.send("GET", &list(), &[("authorization", &basic)], "").await.expect(401);
    let lower = format!("bearer {}", tidegate.admin_token());
    nobody.send("GET", &list(), &[("authorization", &lower)], "").await.expect(200);
}

#[tokio::test]
async fn whether_it_is_there_anyone_may_ask() {
    let tidegate = tidegate().start().await;
    let nobody = tidegate.management().with_token(None);
    for path in ["/healthz", "/readyz"] {
        nobody.send("GET", path, &[], "").await.expect(200);
    }
}

#[tokio::test]
async fn the_tls_endpoint_is_vouched_for_by_the_ca_file() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management_tls();
    let document = GatewayDocument::empty("gateway");
    let created = management.put(document.id(), document.body()).await.expect(201);
    let operation = created.header("azure-asyncoperation").unwrap();
    assert!(operation.starts_with("https://"), "URLs have the scheme that the client used: {operation}");
    assert_eq!(management.operation(&created).await.status, "Succeeded");

    let mut local = HttpClient::connect_tls(management.address(), "localhost", &tidegate.ca_client()).await;
    local.get("/healthz").await.expect(200);
    management.with_token(None).send("GET", &list(), &[], "").await.expect(401);
}

#[tokio::test]
async fn the_tls_endpoint_takes_a_certificate_of_ones_own() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let (chain, key) = authority.issue(&["management.test"]).write_pem(directory.path());
    let builder = tidegate().option("--management-cert", chain.to_str().unwrap());
    let tidegate = builder.option("--management-key", key.to_str().unwrap()).start().await;
    let address = tidegate.management_tls().address();
    HttpClient::connect_tls(address, "management.test", &authority.client())
        .await
        .get("/healthz")
        .await
        .expect(200);
}

#[tokio::test]
async fn the_urls_in_answers_have_the_host_that_the_client_used() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    let host = format!("localhost:{}", management.address().port());
    let path = format!("{}?api-version={API_VERSION}", document.id());
    let created =
        management.send("PUT", &path, &[("host", &host)], document.body().to_string()).await.expect(201);
    let operation = created.header("azure-asyncoperation").unwrap();
    assert!(operation.starts_with(&format!("http://{host}/")), "{operation}");
}

#[tokio::test]
async fn no_auth_asks_for_nothing() {
    let tidegate = tidegate().flag("--no-auth").start().await;
    tidegate.management().with_token(None).send("GET", &list(), &[], "").await.expect(200);
}

#[tokio::test]
async fn no_auth_serves_no_page_of_another_site() {
    let tidegate = tidegate().flag("--no-auth").start().await;
    let management = tidegate.management().with_token(None);
    let gateway = GatewayDocument::empty("gateway");
    let stop = format!("{}/stop?api-version={API_VERSION}", gateway.id());
    management.apply_gateway(&gateway).await;
    let own = format!("http://{}", management.address());
    let foreign: &[&[(&str, &str)]] = &[
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("content-type", "text/plain"),
        ],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("sec-fetch-site", "same-site")],
        &[("host", "evil.example")],
    ];
    for headers in foreign {
        let refused = management.send("POST", &stop, headers, "").await.expect(403);
        assert_eq!(refused.error_code(), "AuthorizationFailed", "{headers:?}");
        for path in ["/metrics", "/healthz", "/readyz", "/openapi.json", "/metadata/endpoints"] {
            management.send("GET", path, headers, "").await.expect(403);
        }
    }
    let state = management.get(gateway.id()).await.expect(200).json();
    assert_eq!(state["properties"]["operationalState"], "Running", "{state}");
    management
        .send("POST", &stop, &[("origin", &own), ("sec-fetch-site", "same-origin")], "")
        .await
        .expect(202);
}

#[tokio::test]
async fn what_would_be_open_to_the_world_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().display().to_string();
    for arguments in [
        ["--management", "0.0.0.0:0", "--management-tls", "127.0.0.1:0"].as_slice(),
        &["--management", "127.0.0.1:0", "--management-tls", "0.0.0.0:0", "--no-auth"],
    ] {
        let command = ["control-plane", "--channel", "127.0.0.1:0", "--data-dir", &data_dir];
        let output = run(BINARY, &[&command, arguments].concat(), &[]).await;
        assert!(!output.status.success(), "{arguments:?} was accepted");
        assert!(!output.stderr.is_empty(), "{arguments:?} was refused without a word");
    }
}

#[tokio::test]
async fn secrets_are_files_that_only_their_owner_reads() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let directory = gateway.tidegate.data_dir();
    let mode = |name: &str| std::fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("admin-token"), 0o600);
    for entry in std::fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".key") || name.contains("key") {
            assert_eq!(mode(&name), 0o600, "{name}");
        }
    }
}

#[tokio::test]
async fn a_client_of_plain_http_on_the_tls_endpoint_harms_nobody() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management_tls();
    let mut peer = Peer::connect(management.address()).await;
    peer.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    peer.read_to_end().await;
    management.send("GET", "/healthz", &[], "").await.expect(200);
}

#[tokio::test]
async fn the_token_shows_in_no_log_and_no_command_line() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let tidegate = &gateway.tidegate;
    tidegate.management().send("GET", &list(), &[], "").await.expect(200);
    assert!(!tidegate.output().contains(&tidegate.admin_token()));
    for pid in tidegate.processes() {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        assert!(!command.contains("--token ") && !command.contains(&tidegate.admin_token()), "{command}");
    }
}
