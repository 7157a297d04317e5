//! The record of a request, filled as the request passes through its phases. At the end of the request, it updates
//! the metrics and writes an access log line and a span, if these are enabled.

mod finish;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use tidegate_http1::{Fields, Known, RequestHead, ResponseHead};
use tokio::time::Instant;

use super::headers::{self, Dropped};
use super::request::Request;
use crate::alarm::Alarms;
use crate::backend::Backend;
use crate::body::Progress;
use crate::downstream::Connection;
use crate::error_info::ErrorInfo;
use crate::metrics::cell::REQUEST;
use crate::runtime::{Route, Selection};
use crate::trace;
use crate::transaction_id::TransactionId;
use crate::upstream::Sender;

/// The record of one request. Dropping it ends it, so that no request is missed. Without a response, the client is
/// taken to have closed the request.
#[derive(Debug)]
pub(crate) struct Record {
    connection: Rc<Connection>,
    started: Instant,
    route: Option<Arc<Route>>,
    /// The number of its entry in the route's rule.
    entry: Option<usize>,
    backend: Option<Arc<Backend>>,
    upload: Option<Rc<Progress>>,
    status: u16,
    sent: u64,
    error: ErrorInfo,
    /// The time when the first backend was tried.
    asked: Option<Instant>,
    /// The time from `asked` to the head of the backend's response.
    latency: Option<Duration>,
    /// The time when the backend had sent the whole body, if the body is buffered for a slower client.
    received_at: Option<Instant>,
    /// True if the backend's status was 101.
    switched: bool,
    /// The values for log lines and spans; `None` if both are disabled.
    details: Option<Box<Details>>,
}

/// The values for log lines and spans only.
#[derive(Debug)]
struct Details {
    id: TransactionId,
    time: SystemTime,
    method: Method,
    version: http::Version,
    host: Box<str>,
    target: Box<str>,
    user_agent: Option<Box<str>>,
    /// The `Host` and target that were sent to the backend, if they are others.
    sent: Option<(Box<str>, Box<str>)>,
    server_status: u16,
    /// The local port of the connection to the backend.
    source_port: u16,
    content_type: Option<Box<str>>,
    /// The client's headers that were dropped.
    dropped: Dropped,
    /// The time until the head of the response to the client.
    first: Option<Duration>,
    reason: Cow<'static, str>,
    context: Option<trace::Context>,
}

/// The logged status of a request whose client closed it before the response (nginx's 499). It is never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The default reason in the log.
const ABANDONED: &str = "the client went away";

impl Record {
    pub(crate) fn start(connection: &Rc<Connection>, id: TransactionId, request: &Request) -> Record {
        let thread = &connection.thread;
        let details = || {
            let head = &request.head;
            Box::new(Details {
                id,
                time: SystemTime::now(),
                method: head.method.clone(),
                version: request.version,
                host: copy(&head.fields, Known::Host).unwrap_or_default(),
                target: path_and_query(head).into(),
                user_agent: copy(&head.fields, Known::UserAgent),
                sent: None,
                server_status: 0,
                source_port: 0,
                content_type: None,
                dropped: Dropped::default(),
                first: None,
                reason: Cow::Borrowed(ABANDONED),
                context: None,
            })
        };
        Record {
            connection: connection.clone(),
            started: Instant::now(),
            route: None,
            entry: None,
            backend: None,
            upload: None,
            status: CLIENT_CLOSED_REQUEST,
            sent: 0,
            error: ErrorInfo::ClientClosedRequest,
            asked: None,
            latency: None,
            received_at: None,
            switched: false,
            details: (thread.log.is_on() || thread.spans.is_on()).then(details),
        }
    }

    /// Records the listener of the request.
    pub(crate) fn take(&mut self, route: &Arc<Route>) {
        self.route = Some(route.clone());
    }

    /// Returns the timers of its thread.
    pub(crate) fn alarms(&self) -> &Alarms {
        &self.connection.thread.alarms
    }

    /// Returns the listener of the request.
    pub(crate) fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// Records the entry of the request.
    pub(crate) fn select(&mut self, selection: &Selection) {
        self.entry = Some(selection.number());
    }

    /// Records the trace context.
    pub(crate) fn trace(&mut self, context: Option<trace::Context>) {
        if let Some(details) = &mut self.details {
            details.context = context;
        }
    }

    /// Returns the trace context.
    pub(crate) fn traced(&self) -> Option<trace::Context> {
        self.details.as_ref()?.context
    }

    pub(crate) fn upload(&mut self, upload: Option<&Rc<Progress>>) {
        self.upload = upload.cloned();
    }

    /// Records the dropped headers.
    pub(crate) fn drop_headers(&mut self, dropped: Dropped) {
        if let (false, Some(details)) = (dropped.is_empty(), &mut self.details) {
            details.dropped = dropped;
        }
    }

    /// Records that a backend is tried, with the host and target of `head`. It may not be the first one.
    pub(crate) fn ask(&mut self, backend: &Arc<Backend>, head: &RequestHead) {
        self.asked.get_or_insert_with(Instant::now);
        self.backend = Some(backend.clone());
        if let Some(details) = &mut self.details {
            let (host, target) = (text(&head.fields, Known::Host).unwrap_or_default(), head.target());
            let differs = *host != *details.host || *target != *details.target;
            details.sent = differs.then(|| (host.into(), target.into()));
            details.source_port = 0;
        }
    }

    /// Records the local port of the connection to the backend.
    pub(crate) fn sent_from(&mut self, sender: &Sender) {
        if let Some(details) = &mut self.details {
            details.source_port = sender.source_port();
        }
    }

    /// Records that a connection to the backend was opened or failed, after this time.
    pub(crate) fn connected(&self, well: bool, time: Duration) {
        let Some(backend) = &self.backend else { return };
        let exchanges = backend.series.exchanges.of(self.connection.thread.number);
        if well {
            exchanges.connect.observe(REQUEST, time);
        } else {
            exchanges.unreachable.add(1);
        }
    }

    /// Records the head of the backend's response.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        let (Some(backend), Some(asked)) = (&self.backend, self.asked) else { return };
        let latency = asked.elapsed();
        let exchanges = backend.series.exchanges.of(self.connection.thread.number);
        exchanges.statuses.add(status.as_u16());
        exchanges.first_byte.observe(REQUEST, latency);
        self.latency = Some(latency);
        self.switched = status == StatusCode::SWITCHING_PROTOCOLS;
        if let Some(details) = &mut self.details {
            details.server_status = status.as_u16();
        }
    }

    /// Records the head of the response to the client.
    pub(crate) fn answer(&mut self, head: &ResponseHead) {
        self.status = head.status.as_u16();
        if let Some(details) = &mut self.details {
            details.first = Some(self.started.elapsed());
            details.content_type = copy(&head.fields, Known::ContentType);
        }
    }

    /// Records the time when the backend had sent the whole body, although the client may not have received it yet.
    pub(crate) fn received_at(&mut self, received_at: Option<Instant>) {
        self.received_at = received_at;
    }

    pub(crate) fn add_sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    pub(crate) fn fail(&mut self, error: ErrorInfo, reason: impl Into<Cow<'static, str>>) {
        self.error = error;
        if let Some(details) = &mut self.details {
            details.reason = reason.into();
        }
    }

    /// Records that the whole response was sent.
    pub(crate) fn complete(&mut self) {
        self.fail(ErrorInfo::NoError, "");
    }
}

/// Returns the text of the first line with this name; `None` if there is none.
fn text(fields: &Fields, name: Known) -> Option<&str> {
    fields.get(name).and_then(headers::text)
}

/// Copies the text of the first line with this name.
fn copy(fields: &Fields, name: Known) -> Option<Box<str>> {
    text(fields, name).map(Box::from)
}

/// Returns the target in origin form, also of a rejected request whose target is a URL.
fn path_and_query(head: &RequestHead) -> &str {
    match head.path_and_query() {
        "" => "/",
        target => target,
    }
}
