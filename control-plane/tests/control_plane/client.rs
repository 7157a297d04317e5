//! A client of the management API: one connection for each request.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::DEADLINE;

/// Whom to ask, and what to show.
pub(crate) struct Client {
    address: SocketAddr,
    token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Null for an empty body; a string for one that is not JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_else(|| panic!("no error in {self:?}"))
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, token: String) -> Client {
        Client { address, token }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let exchange = async {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            let answer = async {
                let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                (parts, body)
            };
            tokio::pin!(connection);
            tokio::pin!(answer);
            tokio::select! {
                answer = &mut answer => answer,
                _ = &mut connection => answer.await,
            }
        };
        let (parts, bytes) = timeout(DEADLINE, exchange).await.expect("an answer in time");
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "gateway.example:9080")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    /// Sends with `api-version` and without conditions.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_if(method, path, body, &[]).await
    }

    /// The same with further headers.
    pub(crate) async fn call_if(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bytes = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = self.request(method, &format!("{path}?api-version=2024-05-01"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(Bytes::from(bytes))).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).await
    }

    /// Follows a URL of an answer.
    pub(crate) async fn follow(&self, url: &str) -> Answer {
        let path = url.strip_prefix("http://gateway.example:9080").expect("the host that was used");
        self.send(self.request("GET", path).body(Full::default()).unwrap()).await
    }

    /// Polls the operation of an answer until it has ended; its last status.
    pub(crate) async fn outcome(&self, answer: &Answer) -> Value {
        let began = Instant::now();
        loop {
            let poll = self.follow(answer.header("azure-asyncoperation")).await;
            assert_eq!(poll.status, 200, "{poll:?}");
            if poll.body["status"] != "InProgress" {
                assert!(!poll.headers.contains_key("retry-after"));
                return poll.body;
            }
            assert_eq!(poll.header("retry-after"), "1");
            assert!(began.elapsed() < DEADLINE, "still in progress");
            // The poll itself waits for the end a while.
        }
    }
}
