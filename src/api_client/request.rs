//! One request of the REST API, before it has a token. Pure.

use std::borrow::Cow;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tidegate_shared::secret::Secret;

use super::{ApiError, Endpoint, version};

/// What a path escapes: everything but what RFC 3986 leaves alone in a path, and `%`, which a path that comes from a
/// link has already.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'(')
    .remove(b')')
    .remove(b'%');

/// The condition under which a write is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Only this version of the resource is replaced or deleted.
    Match(String),
    /// Only a resource that does not exist yet is created.
    Absent,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest<'a> {
    pub(super) method: Method,
    /// The path, and with a link of the control plane its query.
    pub(super) path: Cow<'a, str>,
    query: Vec<(&'static str, String)>,
    body: Option<&'a Value>,
    headers: Vec<(HeaderName, String)>,
}

impl<'a> ApiRequest<'a> {
    /// A request with this method.
    pub(crate) fn new(method: Method, path: impl Into<Cow<'a, str>>) -> ApiRequest<'a> {
        ApiRequest { method, path: path.into(), query: Vec::new(), body: None, headers: Vec::new() }
    }

    /// A GET.
    pub(crate) fn get(path: impl Into<Cow<'a, str>>) -> ApiRequest<'a> {
        ApiRequest::new(Method::GET, path)
    }

    /// A PUT of a document.
    pub(crate) fn put(path: impl Into<Cow<'a, str>>, body: &'a Value) -> ApiRequest<'a> {
        ApiRequest { body: Some(body), ..ApiRequest::new(Method::PUT, path) }
    }

    /// A POST, with or without a body.
    pub(crate) fn post(path: impl Into<Cow<'a, str>>, body: Option<&'a Value>) -> ApiRequest<'a> {
        ApiRequest { body, ..ApiRequest::new(Method::POST, path) }
    }

    /// A DELETE.
    pub(crate) fn delete(path: impl Into<Cow<'a, str>>) -> ApiRequest<'a> {
        ApiRequest::new(Method::DELETE, path)
    }

    /// Adds a parameter of the query.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> ApiRequest<'a> {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a condition.
    pub(crate) fn on(mut self, condition: Option<&Condition>) -> ApiRequest<'a> {
        match condition {
            Some(Condition::Match(etag)) => self.headers.push((IF_MATCH, etag.clone())),
            Some(Condition::Absent) => self.headers.push((IF_NONE_MATCH, "*".to_owned())),
            None => {}
        }
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> ApiRequest<'a> {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns path and query, with the version of the API that the path needs.
    fn target(&self) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let mut parameters = Serializer::new(query.to_owned());
        let has_version = query.split('&').any(|parameter| parameter.starts_with("api-version="));
        if let Some(version) = version::of(path).filter(|_| !has_version) {
            parameters.append_pair("api-version", version);
        }
        for (name, value) in &self.query {
            parameters.append_pair(name, value);
        }
        let (path, query) = (utf8_percent_encode(path, PATH), parameters.finish());
        if query.is_empty() { path.to_string() } else { format!("{path}?{query}") }
    }

    /// Builds the message.
    ///
    /// # Errors
    /// A header or the path has characters that HTTP does not allow.
    pub(super) fn build(
        &self,
        endpoint: &Endpoint,
        token: Option<&Secret>,
    ) -> Result<Request<Full<Bytes>>, ApiError> {
        let bad =
            |e: &dyn std::fmt::Display| ApiError::BadRequest(format!("the request cannot be sent: {e}"));
        let body = self.body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(&self.method)
            .uri(format!("{endpoint}{}", self.target()))
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| bad(&e))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            headers.insert(name, HeaderValue::try_from(value).map_err(|e| bad(&e))?);
        }
        if let Some(token) = token {
            let mut value =
                HeaderValue::from_bytes(&[b"Bearer ", token.expose()].concat()).map_err(|e| bad(&e))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_its_version_and_its_escapes() {
        let request = ApiRequest::get("/subscriptions/s/resourceGroups/Straße x/resources");
        assert_eq!(
            request.with("$top", "5").target(),
            "/subscriptions/s/resourceGroups/Stra%C3%9Fe%20x/resources?api-version=2025-05-01&%24top=5"
        );
        assert_eq!(ApiRequest::get("/workers").target(), "/workers");
        assert_eq!(
            ApiRequest::get("/subscriptions?api-version=2024-05-01&$skipToken=a_b").target(),
            "/subscriptions?api-version=2024-05-01&$skipToken=a_b"
        );
    }

    #[test]
    fn a_token_is_not_shown() {
        let endpoint = "https://a:1".parse().unwrap();
        let request =
            ApiRequest::get("/workers").build(&endpoint, Some(&Secret::new(b"hunter2".to_vec()))).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer hunter2");
        assert!(!format!("{request:?}").contains("hunter2"));
        ApiRequest::get("/workers").build(&endpoint, Some(&Secret::new(b"a\nb".to_vec()))).unwrap_err();
    }

    #[test]
    fn conditions_are_headers() {
        let endpoint = "https://a:1".parse().unwrap();
        let built = |condition| ApiRequest::delete("/x").on(Some(&condition)).build(&endpoint, None).unwrap();
        assert_eq!(built(Condition::Match("\"7\"".into())).headers()[IF_MATCH], "\"7\"");
        assert_eq!(built(Condition::Absent).headers()[IF_NONE_MATCH], "*");
    }
}
