//! One span, with the attributes of OpenTelemetry's semantic conventions for HTTP servers. Data threads fill it in;
//! the exporter's thread converts it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tidegate_shared::host::CanonicalHost;

use super::context::Context;
use crate::backend::Backend;
use crate::runtime::Route;

/// The most bytes of a path, a query or a user agent.
const MAX_TEXT: usize = 2 * 1024;
/// The conventions' name for unknown methods.
const OTHER: &str = "_OTHER";

/// The subject of a span.
#[derive(Debug)]
pub(crate) enum SpanContent {
    /// A request, including WebSocket handshakes.
    Request(RequestSpan),
    /// The tunnel after a handshake.
    Tunnel { received: u64, sent: u64, closed_by: &'static str },
}

/// The request data of a span. The texts are copies: the originals would keep whole buffers alive while spans wait.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    method: Method,
    path: Box<str>,
    query: Option<Box<str>>,
    version: http::Version,
    status: u16,
    user_agent: Option<Box<str>>,
}

impl RequestSpan {
    pub(crate) fn new(
        method: Method,
        target: &str,
        version: http::Version,
        status: u16,
        user_agent: Option<&str>,
    ) -> RequestSpan {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        RequestSpan {
            method,
            path: cut(path),
            query: query.map(cut),
            version,
            status,
            user_agent: user_agent.map(cut),
        }
    }
}

/// Copies the first [`MAX_TEXT`] bytes of a text.
fn cut(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_TEXT)].into()
}

/// One span.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) context: Context,
    pub(crate) start: SystemTime,
    pub(crate) time: Duration,
    pub(crate) content: SpanContent,
    pub(crate) client: SocketAddr,
    /// The address that the client connected to.
    pub(crate) local: SocketAddr,
    pub(crate) secure: bool,
    /// The request's `Host`.
    pub(crate) host: Box<str>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) backend: Option<Arc<Backend>>,
    /// The reason of a failure; empty if there is none.
    pub(crate) reason: Cow<'static, str>,
}

impl From<Span> for SpanData {
    fn from(span: Span) -> SpanData {
        let Context { trace, parent, span: id } = span.context;
        let attributes = span.attributes();
        let failed = !span.reason.is_empty();
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(trace),
                SpanId::from_bytes(id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: parent.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: matches!(span.content, SpanContent::Request(_)),
            span_kind: SpanKind::Server,
            name: match &span.content {
                SpanContent::Request(request) if is_known(&request.method) => {
                    request.method.as_str().to_owned().into()
                }
                SpanContent::Request(_) => "HTTP".into(),
                SpanContent::Tunnel { .. } => "tunnel".into(),
            },
            start_time: span.start,
            end_time: span.start + span.time,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if failed { Status::Error { description: span.reason } } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("tidegate").build(),
        }
    }
}

/// Returns true for a known method. Methods that a client may invent must not become span names.
fn is_known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH]
        .contains(method)
}

impl Span {
    fn attributes(&self) -> Vec<KeyValue> {
        // The host of a rejected request may be invalid.
        let host =
            CanonicalHost::parse(&self.host).map_or_else(|_| self.host.to_string(), |host| host.to_string());
        let mut attributes = vec![
            KeyValue::new("server.address", host),
            KeyValue::new("server.port", i64::from(self.local.port())),
            KeyValue::new("client.address", self.client.ip().to_string()),
            KeyValue::new("client.port", i64::from(self.client.port())),
            KeyValue::new("url.scheme", if self.secure { "https" } else { "http" }),
        ];
        if let Some(route) = &self.route {
            attributes.push(KeyValue::new("tidegate.gateway", route.gateway.to_string()));
            attributes.push(KeyValue::new("tidegate.listener", route.listener.to_string()));
        }
        if let Some(backend) = &self.backend {
            attributes.push(KeyValue::new("tidegate.pool", backend.key.pool.clone()));
            attributes.push(KeyValue::new("tidegate.backend", backend.address()));
        }
        match &self.content {
            SpanContent::Request(request) => request.add_to(&mut attributes),
            SpanContent::Tunnel { received, sent, closed_by } => {
                let count = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
                attributes.push(KeyValue::new("tidegate.tunnel.received_bytes", count(*received)));
                attributes.push(KeyValue::new("tidegate.tunnel.sent_bytes", count(*sent)));
                attributes.push(KeyValue::new("tidegate.tunnel.closed_by", *closed_by));
            }
        }
        attributes
    }
}

impl RequestSpan {
    fn add_to(&self, attributes: &mut Vec<KeyValue>) {
        let RequestSpan { method, path, query, version, status, user_agent } = self;
        if is_known(method) {
            attributes.push(KeyValue::new("http.request.method", method.to_string()));
        } else {
            attributes.push(KeyValue::new("http.request.method", OTHER));
            attributes.push(KeyValue::new("http.request.method_original", method.to_string()));
        }
        attributes.push(KeyValue::new("url.path", path.to_string()));
        attributes.extend(query.as_ref().map(|query| KeyValue::new("url.query", query.to_string())));
        attributes.push(KeyValue::new("network.protocol.version", number_of(*version)));
        attributes.push(KeyValue::new("http.response.status_code", i64::from(*status)));
        let agent = user_agent.as_ref().map(|agent| KeyValue::new("user_agent.original", agent.to_string()));
        attributes.extend(agent);
        if *status >= 500 {
            attributes.push(KeyValue::new("error.type", status.to_string()));
        }
    }
}

fn number_of(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_in_the_words_of_the_conventions_and_not_at_any_length() {
        let long = "x".repeat(3000);
        let told = |method: &str, target: &str, agent: &str| {
            let method = method.parse().unwrap();
            let request = RequestSpan::new(method, target, http::Version::HTTP_11, 502, Some(agent));
            let mut attributes = Vec::new();
            request.add_to(&mut attributes);
            let pairs = attributes.iter().map(|pair| (pair.key.to_string(), pair.value.to_string()));
            pairs.collect::<std::collections::BTreeMap<_, _>>()
        };
        let short = told("GET", "/a?b=c", "a test");
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.path", "/a"),
            ("url.query", "b=c"),
            ("network.protocol.version", "1.1"),
            ("http.response.status_code", "502"),
            ("user_agent.original", "a test"),
            ("error.type", "502"),
        ] {
            assert_eq!(short[key], value, "{key}");
        }
        let other = told("BREW", &format!("/{long}?{long}"), &long);
        assert_eq!(
            (other["http.request.method"].as_str(), other["http.request.method_original"].as_str()),
            (OTHER, "BREW")
        );
        for key in ["url.path", "url.query", "user_agent.original"] {
            assert_eq!(other[key].len(), MAX_TEXT, "{key}");
        }
    }
}
