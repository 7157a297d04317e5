//! The PROXY protocol: headers from a trusted proxy, and from clients that are none.

use serde_json::json;
use tidegate_harness::{Authority, Backend, Ending, Gateway, HttpClient, Metrics, Peer};

use crate::{HOST, tidegate, with_https};

const BLOCK: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x07\x7f\0\0\x01\x0f\xa0\0\x50\x04\0\x01\0";

async fn behind_a_proxy(backend: &Backend, sources: &[&str]) -> Gateway {
    Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document.listener("http", "http", &json!({"protocol": "Http", "proxyProtocol": {"sources": sources}}))
    })
    .await
}

async fn ask(mut peer: Peer, preamble: &[u8], path: &str) -> u16 {
    // Byte by byte: an incomplete header is not mistaken for anything else.
    for byte in preamble {
        peer.write([*byte]).await;
    }
    peer.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    peer.read_head().await.status()
}

#[tokio::test]
async fn a_named_source_says_who_its_client_is() {
    let backend = Backend::start().await;
    let gateway = behind_a_proxy(&backend, &["192.0.2.0/24", "127.0.0.0/8"]).await;
    let cases: &[(&[u8], &str)] = &[
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n", "192.0.2.7:4000"),
        (b"PROXY TCP6 2001:db8::7 ::1 4000 80\r\n", "[2001:db8::7]:4000"),
        (BLOCK, "192.0.2.7:4000"),
        (b"PROXY UNKNOWN\r\n", "127."),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "127."),
    ];
    for (number, (preamble, client)) in cases.iter().enumerate() {
        let path = format!("/proxied/{number}");
        assert_eq!(ask(gateway.peer().await, preamble, &path).await, 200, "{preamble:?}");
        let request = backend.request(&path).await;
        let forwarded = request.head.header("x-forwarded-for").unwrap();
        assert!(forwarded.starts_with(client), "{forwarded} of {preamble:?}");
    }
    gateway.access_log().line_with(&["/proxied/0", "192.0.2.7", "4000"]).await;
}

#[tokio::test]
async fn connections_from_other_sources_or_without_a_header_are_closed() {
    let backend = Backend::start().await;
    let line = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n";
    let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
    let gateway = behind_a_proxy(&backend, &["127.0.0.0/8"]).await;
    for preamble in [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), b"PROXY nonsense here\r\n", &endless] {
        let mut peer = gateway.peer().await;
        let _ = peer.try_write(preamble).await;
        let (said, ending) = peer.read_to_end().await;
        assert!(said.is_empty() && ending != Ending::Cut, "{said:?}");
    }
    let all = |metrics: &Metrics| metrics.sum("tidegate_proxy_protocol_errors_total", &[]) == 3.0;
    gateway.tidegate.metrics_when("each of them was counted", all).await;
    let gateway = behind_a_proxy(&backend, &["192.0.2.0/24"]).await;
    let mut peer = gateway.peer().await;
    let _ = peer.try_write(line).await;
    assert!(peer.read_to_end().await.0.is_empty());
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn it_comes_before_tls() {
    let backend = Backend::start().await;
    let authority = Authority::new();
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = with_https(document, &authority);
        let certificate = document.reference("sslCertificates", "certificate");
        let sources = json!({"sources": ["127.0.0.1"]});
        let listener = json!({"protocol": "Https", "sslCertificate": certificate, "proxyProtocol": sources});
        document.listener("https", "https", &listener)
    })
    .await;
    // A client that begins with TLS has sent no header.
    let mut peer = Peer::connect(gateway.https()).await;
    peer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00").await;
    assert!(peer.read_to_end().await.0.is_empty(), "{HOST} shook hands");
    let line = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 443\r\n";
    for (path, preamble) in [("/1", line.as_slice()), ("/2", BLOCK)] {
        let trust = authority.client();
        let mut client = HttpClient::connect_tls_behind(preamble, gateway.https(), HOST, &trust).await;
        client.get(path).await.expect(200);
        let request = backend.request(path).await;
        assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.7:4000"));
        assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    }
    // Plain HTTP after the header gets 400 at an HTTPS port.
    assert_eq!(ask(Peer::connect(gateway.https()).await, line, "/").await, 400);
}
