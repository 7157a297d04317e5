//! The typed client of the REST API: requests with a token, lists in pages, writes with conditions, and operations.
//!
//! It knows the API as any client on another machine does: URLs, ARM's errors and headers. It must not read the
//! store, a worker or the terminal, and it prints nothing.

mod connector;
mod credential;
mod endpoint;
mod error;
mod operation;
mod request;
mod resource_id;
mod version;

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyDataStream, BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use self::connector::HttpClient;

pub(crate) use self::credential::{ClientCredential, Credential};
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::error::{ApiError, Problem};
pub(crate) use self::request::{ApiRequest, Condition};
pub(crate) use self::resource_id::{EXTENSIONS, GATEWAYS, ResourceId};

/// The most bytes that are read of a response. A gateway of 10,000 children stays far below.
const MAX_BODY: usize = 64 << 20;

/// How often a request is repeated that the control plane cannot take at the moment (429 and 503).
const REPETITIONS: usize = 3;

/// The longest pause that a `Retry-After` may impose, so that a wrong header cannot stop a command.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The response header that says that a resource is stored without effect, because its type is not served.
const NOT_ENFORCED: &str = "x-tidegate-not-enforced";

/// A client of one control plane.
#[derive(Debug)]
pub(crate) struct ApiClient {
    http: HttpClient,
    endpoint: Endpoint,
    credential: Credential,
    /// The time limit of one request, from its connection to the last byte of its response.
    timeout: Duration,
}

/// A successful response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status, which is below 400.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the version of the resource: the header, or else the property of a document.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.header(ETAG.as_str()).or_else(|| self.body["etag"].as_str())
    }
}

impl ApiClient {
    /// Creates a client. `authority` holds PEM certificates that are trusted instead of those of the system.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub(crate) fn new(
        endpoint: Endpoint,
        authority: Option<&[u8]>,
        credential: Credential,
        timeout: Duration,
    ) -> Result<ApiClient, ApiError> {
        Ok(ApiClient { http: connector::client(authority)?, endpoint, credential, timeout })
    }

    /// The control plane that this client talks to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// See [`ApiClient::send`].
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, ApiError> {
        self.send(&ApiRequest::get(path)).await
    }

    /// Gets a resource, or `None` if it does not exist.
    ///
    /// # Errors
    /// See [`ApiClient::send`].
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Answer>, ApiError> {
        match self.get(path).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => Ok(Some(answer)),
        }
    }

    /// Gets every page of a list. A list that the control plane does not serve is an error, although it answers
    /// those with an empty list.
    ///
    /// # Errors
    /// See [`ApiClient::send`].
    pub(crate) async fn list(&self, request: &ApiRequest<'_>) -> Result<Vec<Value>, ApiError> {
        let mut request = request.clone();
        let mut rows = Vec::new();
        loop {
            let mut answer = self.send(&request).await?;
            if answer.headers.contains_key(NOT_ENFORCED) {
                return Err(ApiError::NotServed(request.path.into_owned()));
            }
            match answer.body["value"].take() {
                Value::Array(page) => rows.extend(page),
                _ => return Err(ApiError::NotUnderstood(format!("{} is not a list", request.path))),
            }
            match answer.body["nextLink"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => request = ApiRequest::get(Endpoint::path_of(next)?),
                None => return Ok(rows),
            }
        }
    }

    /// Sends a request, again after a pause if the control plane cannot take it at the moment.
    ///
    /// # Errors
    /// The control plane cannot be reached in time, or it refuses the request.
    pub(crate) async fn send(&self, request: &ApiRequest<'_>) -> Result<Answer, ApiError> {
        for _ in 0..REPETITIONS {
            match self.send_once(request).await {
                Err(ApiError::Refused(problem)) if problem.pause.is_some() => {
                    tokio::time::sleep(problem.pause.unwrap_or_default()).await;
                }
                outcome => return outcome,
            }
        }
        self.send_once(request).await
    }

    async fn send_once(&self, request: &ApiRequest<'_>) -> Result<Answer, ApiError> {
        let response = self.authorized(request).await?;
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(self.timeout, Limited::new(body, MAX_BODY).collect())
            .await
            .map_err(|_| self.too_slow())?
            .map_err(|e| ApiError::Unreachable { url: self.endpoint.to_string(), cause: e.to_string() })?
            .to_bytes();
        let text = || String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned();
        let parsed = match body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(&body),
        };
        if !head.status.is_success() {
            let problem = Problem::of_response(head.status, &parsed.unwrap_or(Value::Null), &text());
            return Err(ApiError::Refused(problem.with_pause(pause(&head.headers))));
        }
        // `/healthz` and the like answer with text.
        let body = parsed.unwrap_or_else(|_| Value::String(text()));
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Opens a stream, such as that of the events, and returns its chunks. Only its beginning has a time limit.
    ///
    /// # Errors
    /// See [`ApiClient::send`].
    pub(crate) async fn stream(
        &self,
        request: &ApiRequest<'_>,
    ) -> Result<impl futures_util::Stream<Item = Result<Bytes, ApiError>> + Unpin + use<>, ApiError> {
        let response = self.authorized(request).await?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            let body =
                Limited::new(body, MAX_BODY).collect().await.map(|all| all.to_bytes()).unwrap_or_default();
            let parsed = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let problem = Problem::of_response(head.status, &parsed, &String::from_utf8_lossy(&body));
            return Err(ApiError::Refused(problem));
        }
        if head.headers.contains_key(NOT_ENFORCED) {
            return Err(ApiError::NotServed(request.path.to_string()));
        }
        let url = self.endpoint.to_string();
        Ok(BodyDataStream::new(body)
            .map_err(move |e| ApiError::Unreachable { url: url.clone(), cause: e.to_string() }))
    }

    /// Sends a request with a token; with a new one if the cached one is not accepted.
    async fn authorized(&self, request: &ApiRequest<'_>) -> Result<Response<Incoming>, ApiError> {
        let token = self.credential.token(self).await?;
        let response = self.exchange(request.build(&self.endpoint, token.as_ref())?).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.credential.forget() {
            return Ok(response);
        }
        let token = self.credential.token(self).await?;
        self.exchange(request.build(&self.endpoint, token.as_ref())?).await
    }

    /// Sends a request to the token endpoint, which takes no token.
    async fn post_form(&self, path: &str, form: Vec<u8>) -> Result<(StatusCode, Bytes), ApiError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.endpoint))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .map_err(|e| ApiError::BadRequest(e.to_string()))?;
        let (head, body) = self.exchange(request).await?.into_parts();
        let body = tokio::time::timeout(self.timeout, Limited::new(body, MAX_BODY).collect());
        let body = body.await.map_err(|_| self.too_slow())?;
        Ok((head.status, body.map(|all| all.to_bytes()).unwrap_or_default()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ApiError> {
        debug_assert!(request.headers().get(AUTHORIZATION).is_none_or(|value| value.is_sensitive()));
        let response = tokio::time::timeout(self.timeout, self.http.request(request));
        response.await.map_err(|_| self.too_slow())?.map_err(|e| connector::failure(&self.endpoint, &e))
    }

    fn too_slow(&self) -> ApiError {
        ApiError::TooSlow { url: self.endpoint.to_string(), seconds: self.timeout.as_secs_f64() }
    }
}

/// Returns the pause of a `Retry-After` in seconds.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}
