//! A proper HTTP/1.1 client on one connection, which stays open for the next request.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::wait::timely;
use crate::wire::{Wire, dial, dial_tls, try_dial, try_dial_tls_behind};

/// One connection to a server.
#[derive(Debug)]
pub struct HttpClient {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with it.
    _connection: JoinSet<()>,
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl HttpClient {
    /// In the clear. The `Host` of requests is `host`.
    pub async fn connect(address: SocketAddr, host: &str) -> HttpClient {
        HttpClient::over(dial(address).await, host).await
    }

    /// The same, where the connection may be refused.
    ///
    /// # Errors
    /// The system's.
    pub async fn try_connect(address: SocketAddr, host: &str) -> std::io::Result<HttpClient> {
        Ok(HttpClient::over(try_dial(address).await?, host).await)
    }

    /// In TLS, to the server that calls itself `host`.
    pub async fn connect_tls(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> HttpClient {
        HttpClient::over(dial_tls(address, host, config).await, host).await
    }

    /// The same, after the bytes of `preamble` in the clear: the header of the PROXY protocol.
    pub async fn connect_tls_behind(
        preamble: &[u8],
        address: SocketAddr,
        host: &str,
        config: &Arc<ClientConfig>,
    ) -> HttpClient {
        let wire = try_dial_tls_behind(preamble, address, host, config).await;
        let wire = wire.unwrap_or_else(|error| panic!("no TLS with {address} as {host}: {error}"));
        HttpClient::over(wire, host).await
    }

    pub(crate) async fn over(wire: Box<dyn Wire>, host: &str) -> HttpClient {
        let (sender, connection) = handshake(TokioIo::new(wire)).await.expect("a fresh connection is ready");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The request that is under way reports the error.
            let _ = connection.await;
        });
        HttpClient { host: host.to_owned(), sender, _connection: tasks }
    }

    /// `GET` of a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// Any request. A `host` among the headers replaces the usual one.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_send(method, path, headers, body)
            .await
            .unwrap_or_else(|error| panic!("{method} {path} got no answer: {error}"))
    }

    /// Any request, where the connection may end without an answer.
    ///
    /// # Errors
    /// What became of the connection.
    pub async fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, hyper::Error> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", &self.host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("tests write valid requests");
        timely(&format!("the answer to {method} {path}"), async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        })
        .await
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Answer {
    /// Itself, if it has that status.
    ///
    /// # Panics
    /// If it has another, with all of it.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "the answer was {:?}: {}", self.headers, self.text());
        self
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("tests send plain header values"))
    }

    /// The code of ARM's error shape, which must be whole.
    #[track_caller]
    pub fn error_code(&self) -> String {
        let error = &self.json()["error"];
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "no message: {}",
            self.text()
        );
        error["code"].as_str().unwrap_or_else(|| panic!("no error code: {}", self.text())).to_owned()
    }
}
