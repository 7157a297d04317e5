//! One span, in the words of OpenTelemetry's semantic conventions for HTTP servers. Filled in by what serves, made
//! into what is exported on the exporter's own thread.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Uri};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::context::Context;
use crate::backend::Backend;
use crate::runtime::Route;

/// What a span is of.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A request, handshakes included.
    Request { method: Method, uri: Uri, version: http::Version, status: u16, user_agent: Option<HeaderValue> },
    /// What followed a handshake.
    Tunnel { received: u64, sent: u64, closed_by: &'static str },
}

/// One span, with all that is said of it.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) context: Context,
    pub(crate) start: SystemTime,
    pub(crate) time: Duration,
    pub(crate) kind: Kind,
    pub(crate) client: SocketAddr,
    /// Where the client connected to.
    pub(crate) local: SocketAddr,
    pub(crate) secure: bool,
    /// The request's `Host`.
    pub(crate) host: Box<str>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) backend: Option<Arc<Backend>>,
    /// Why it failed; empty if it did not.
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
            parent_span_is_remote: matches!(span.kind, Kind::Request { .. }),
            span_kind: SpanKind::Server,
            name: match &span.kind {
                Kind::Request { method, .. } if is_known(method) => method.as_str().to_owned().into(),
                Kind::Request { .. } => "HTTP".into(),
                Kind::Tunnel { .. } => "tunnel".into(),
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

/// Methods that a client may invent make poor names.
fn is_known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH]
        .contains(method)
}

impl Span {
    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("server.address", self.host.to_string()),
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
        match &self.kind {
            Kind::Request { method, uri, version, status, user_agent } => {
                attributes.push(KeyValue::new("http.request.method", method.to_string()));
                attributes.push(KeyValue::new("url.path", uri.path().to_owned()));
                attributes.extend(uri.query().map(|query| KeyValue::new("url.query", query.to_owned())));
                attributes.push(KeyValue::new("network.protocol.version", number_of(*version)));
                attributes.push(KeyValue::new("http.response.status_code", i64::from(*status)));
                let agent = user_agent.as_ref().and_then(|agent| agent.to_str().ok());
                attributes.extend(agent.map(|agent| KeyValue::new("user_agent.original", agent.to_owned())));
                if *status >= 500 {
                    attributes.push(KeyValue::new("error.type", status.to_string()));
                }
            }
            Kind::Tunnel { received, sent, closed_by } => {
                let count = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
                attributes.push(KeyValue::new("tidegate.tunnel.received_bytes", count(*received)));
                attributes.push(KeyValue::new("tidegate.tunnel.sent_bytes", count(*sent)));
                attributes.push(KeyValue::new("tidegate.tunnel.closed_by", *closed_by));
            }
        }
        attributes
    }
}

fn number_of(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
