//! A conforming HTTP/1.1 client on one connection, which stays open for the next request.

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

use crate::byte_stream::{ByteStream, dial, dial_tls, try_dial, try_dial_tls_behind};
use crate::wait::within_deadline;

/// One connection to a server.
#[derive(Debug)]
pub struct HttpClient {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    /// The task that drives the connection; aborted on drop.
    _connection: JoinSet<()>,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl HttpClient {
    /// Connects without TLS. `host` is the `Host` of requests.
    pub async fn connect(address: SocketAddr, host: &str) -> HttpClient {
        HttpClient::over(dial(address).await, host).await
    }

    /// Like [`HttpClient::connect`], for a connection that may be refused.
    ///
    /// # Errors
    /// The operating system's error.
    pub async fn try_connect(address: SocketAddr, host: &str) -> std::io::Result<HttpClient> {
        Ok(HttpClient::over(try_dial(address).await?, host).await)
    }

    /// Connects over TLS to the server with the name `host`.
    pub async fn connect_tls(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> HttpClient {
        HttpClient::over(dial_tls(address, host, config).await, host).await
    }

    /// Like [`HttpClient::connect_tls`], after the bytes of `preamble` (a PROXY protocol header) without TLS.
    pub async fn connect_tls_behind(
        preamble: &[u8],
        address: SocketAddr,
        host: &str,
        config: &Arc<ClientConfig>,
    ) -> HttpClient {
        let stream = try_dial_tls_behind(preamble, address, host, config).await;
        let stream = stream.unwrap_or_else(|error| panic!("no TLS with {address} as {host}: {error}"));
        HttpClient::over(stream, host).await
    }

    pub(crate) async fn over(stream: Box<dyn ByteStream>, host: &str) -> HttpClient {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.expect("a fresh connection is ready");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The running request reports the error.
            let _ = connection.await;
        });
        HttpClient { host: host.to_owned(), sender, _connection: tasks }
    }

    /// Sends a `GET` request.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// Sends any request. A `host` among the headers replaces the usual one.
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

    /// Sends any request on a connection that may end without a response.
    ///
    /// # Errors
    /// The error of the connection.
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
        within_deadline(&format!("the answer to {method} {path}"), async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        })
        .await
    }

    /// Returns true if the server has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Answer {
    /// Returns the response if it has this status.
    ///
    /// # Panics
    /// The status is another one; the message has the whole response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "the answer was {:?}: {}", self.headers, self.text());
        self
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// Returns a header, if it exists.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("tests send plain header values"))
    }

    /// Returns the code of an ARM error, whose shape must be complete.
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
