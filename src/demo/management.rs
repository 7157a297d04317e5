//! A client of the REST API: sends a PUT with a bearer token, and polls its operation to the end.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, Uri};
use serde_json::Value;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use tokio::time::Instant;

use super::client::exchange;

/// The response header with the URL of an operation's status.
const OPERATION_HEADER: &str = "azure-asyncoperation";

/// The time between two polls of an operation.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The management API of one control plane, with its bearer token.
#[derive(Debug)]
pub(super) struct Management {
    address: SocketAddr,
    authorization: Secret,
}

impl Management {
    /// Reads the bearer token from a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn new(address: SocketAddr, token_file: &Path) -> Result<Management, Box<dyn Error>> {
        let token = private_file::read(token_file)?;
        let mut authorization = b"Bearer ".to_vec();
        authorization.extend_from_slice(token.expose().trim_ascii());
        Ok(Management { address, authorization: Secret::new(authorization) })
    }

    /// Puts a resource and waits until the workers have applied it; returns the time that took.
    ///
    /// # Errors
    /// The document is refused, or the operation fails.
    pub(super) async fn put(&self, path: &str, document: &Value) -> Result<Duration, Box<dyn Error>> {
        let began = Instant::now();
        let response = self.send(Method::PUT, path, document.to_string()).await?;
        if !response.status().is_success() {
            return Err(unexpected("the PUT", &response));
        }
        let Some(operation) = response.headers().get(OPERATION_HEADER) else {
            return Ok(began.elapsed());
        };
        let operation: Uri = operation.to_str()?.parse()?;
        let operation = operation.path_and_query().ok_or("the operation's URL has no path")?;
        while !self.has_succeeded(operation.as_str()).await? {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(began.elapsed())
    }

    async fn has_succeeded(&self, operation: &str) -> Result<bool, Box<dyn Error>> {
        let response = self.send(Method::GET, operation, String::new()).await?;
        let body: Value = serde_json::from_slice(response.body())?;
        match body["status"].as_str() {
            Some("Succeeded") => Ok(true),
            Some("InProgress") => Ok(false),
            _ => Err(unexpected("the operation", &response)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Response<Bytes>, Box<dyn Error>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, self.authorization.expose())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        exchange(self.address, request).await
    }
}

fn unexpected(what: &str, response: &Response<Bytes>) -> Box<dyn Error> {
    format!("{what} was answered with {}: {}", response.status(), String::from_utf8_lossy(response.body()))
        .into()
}
