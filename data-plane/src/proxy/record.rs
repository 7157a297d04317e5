//! What is known of a request as it goes through its phases. When it ends, it is counted, and written as one access
//! line and one span where those are wanted.

mod finish;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use tokio::time::Instant;

use super::headers::Dropped;
use super::transaction_id::TransactionId;
use crate::backend::Backend;
use crate::body::Progress;
use crate::downstream::Connection;
use crate::error_info::ErrorInfo;
use crate::metrics::cell::REQUEST;
use crate::runtime::{Route, Selection};
use crate::trace;

/// The record of one request. Dropping it ends it, so that none is forgotten; one that was never answered is the
/// client's doing.
#[derive(Debug)]
pub(crate) struct Record {
    connection: Rc<Connection>,
    started: Instant,
    route: Option<Arc<Route>>,
    /// The number of the way that it goes by the route's rule.
    way: Option<usize>,
    backend: Option<Arc<Backend>>,
    upload: Option<Rc<Progress>>,
    status: u16,
    sent: u64,
    error: ErrorInfo,
    /// When the way to a backend began.
    asked: Option<Instant>,
    /// From there to the head of its answer.
    latency: Option<Duration>,
    /// When the backend had said all, where its client hears it later.
    heard: Option<Instant>,
    /// Whether that head was a 101.
    switched: bool,
    /// What only lines and spans need; none where neither is wanted.
    details: Option<Box<Details>>,
}

/// What only lines and spans need.
#[derive(Debug)]
struct Details {
    id: TransactionId,
    time: SystemTime,
    method: Method,
    version: http::Version,
    host: Option<HeaderValue>,
    uri: Uri,
    user_agent: Option<HeaderValue>,
    /// As the backend was asked.
    sent_host: Option<HeaderValue>,
    sent_uri: Option<Uri>,
    server_status: u16,
    /// This side's port of the connection to the backend.
    source_port: u16,
    content_type: Option<HeaderValue>,
    /// The client's headers that did not pass.
    dropped: Dropped,
    /// Until the head of the answer.
    first: Option<Duration>,
    reason: Cow<'static, str>,
    context: Option<trace::Context>,
}

/// The status of a request whose client left before it was answered. Never sent, only logged.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What is said of a request that nobody has said anything else of.
const ABANDONED: &str = "the client went away";

impl Record {
    pub(crate) fn start<B>(connection: &Rc<Connection>, id: TransactionId, request: &Request<B>) -> Record {
        let thread = &connection.thread;
        let details = || {
            let header = |name| request.headers().get(name).cloned();
            Box::new(Details {
                id,
                time: SystemTime::now(),
                method: request.method().clone(),
                version: request.version(),
                host: header(header::HOST),
                uri: request.uri().clone(),
                user_agent: header(header::USER_AGENT),
                sent_host: None,
                sent_uri: None,
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
            way: None,
            backend: None,
            upload: None,
            status: CLIENT_CLOSED_REQUEST,
            sent: 0,
            error: ErrorInfo::ClientClosedRequest,
            asked: None,
            latency: None,
            heard: None,
            switched: false,
            details: (thread.log.is_on() || thread.spans.is_on()).then(details),
        }
    }

    /// That listener takes it.
    pub(crate) fn take(&mut self, route: &Arc<Route>) {
        self.route = Some(route.clone());
    }

    /// The listener that has taken it, if one has.
    pub(crate) fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// The way that it goes.
    pub(crate) fn select(&mut self, selection: &Selection) {
        self.way = Some(selection.number());
    }

    /// Its part in a trace.
    pub(crate) fn trace(&mut self, context: Option<trace::Context>) {
        if let Some(details) = &mut self.details {
            details.context = context;
        }
    }

    /// The same, if it has one.
    pub(crate) fn traced(&self) -> Option<trace::Context> {
        self.details.as_ref()?.context
    }

    pub(crate) fn upload(&mut self, upload: Option<&Rc<Progress>>) {
        self.upload = upload.cloned();
    }

    /// Headers of the client's did not pass.
    pub(crate) fn drop_headers(&mut self, dropped: Dropped) {
        if let (false, Some(details)) = (dropped.is_empty(), &mut self.details) {
            details.dropped = dropped;
        }
    }

    /// It goes to that backend, as `request` says: maybe not the first that is tried.
    pub(crate) fn ask<B>(&mut self, backend: &Arc<Backend>, request: &Request<B>) {
        self.asked.get_or_insert_with(Instant::now);
        self.backend = Some(backend.clone());
        if let Some(details) = &mut self.details {
            details.sent_host = request.headers().get(header::HOST).cloned();
            details.sent_uri = Some(request.uri().clone());
            details.source_port = 0;
        }
    }

    /// It goes over a connection that has this port on this side.
    pub(crate) fn sent_from(&mut self, port: u16) {
        if let Some(details) = &mut self.details {
            details.source_port = port;
        }
    }

    /// A connection to the backend was opened, or could not be, in that time.
    pub(crate) fn connected(&self, well: bool, time: Duration) {
        let Some(backend) = &self.backend else { return };
        let exchanges = backend.series.exchanges.of(self.connection.thread.number);
        if well {
            exchanges.connect.observe(REQUEST, time);
        } else {
            exchanges.unreachable.add(1);
        }
    }

    /// The head of the backend's answer is there.
    pub(crate) fn answered<B>(&mut self, response: &Response<B>) {
        let (Some(backend), Some(asked)) = (&self.backend, self.asked) else { return };
        let latency = asked.elapsed();
        let exchanges = backend.series.exchanges.of(self.connection.thread.number);
        exchanges.statuses.add(response.status().as_u16());
        exchanges.first_byte.observe(REQUEST, latency);
        self.latency = Some(latency);
        self.switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        if let Some(details) = &mut self.details {
            details.server_status = response.status().as_u16();
        }
    }

    /// What the client is answered.
    pub(crate) fn answer(&mut self, status: http::StatusCode, headers: &HeaderMap) {
        self.status = status.as_u16();
        if let Some(details) = &mut self.details {
            details.first = Some(self.started.elapsed());
            details.content_type = headers.get(header::CONTENT_TYPE).cloned();
        }
    }

    /// When the backend had said all, though its client may not have heard it yet.
    pub(crate) fn heard(&mut self, heard: Option<Instant>) {
        self.heard = heard;
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

    /// The response was handed over whole.
    pub(crate) fn complete(&mut self) {
        self.fail(ErrorInfo::NoError, "");
    }
}
