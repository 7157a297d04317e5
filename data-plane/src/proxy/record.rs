//! What is known of a request as it goes through its phases, written as one access line when it ends.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, Method, Request, Uri, header};
use jiff::Timestamp;
use tokio::time::Instant;

use super::body::Progress;
use crate::access_log::{Line, Way};
use crate::backend::Backend;
use crate::listener::Connection;
use crate::runtime::{Route, Selection};
use crate::thread::Thread;

/// 32 hexadecimal digits: unique among requests, and what `X-AppGW-Trace-Id` tells the backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionId([u8; 32]);

impl TransactionId {
    pub(crate) fn new(thread: &Thread) -> TransactionId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut number = thread.random.borrow_mut().u128(..);
        let mut text = [0; 32];
        for digit in &mut text {
            *digit = DIGITS[(number & 15) as usize];
            number >>= 4;
        }
        TransactionId(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

/// The record of one request. Dropping it writes the line, so that none is forgotten; one that was never answered
/// is the client's doing. Empty when access lines are off.
#[derive(Debug)]
pub(crate) struct Record(Option<Box<Details>>);

#[derive(Debug)]
struct Details {
    connection: Rc<Connection>,
    id: TransactionId,
    time: Timestamp,
    started: Instant,
    method: Method,
    host: Option<HeaderValue>,
    uri: Uri,
    route: Option<Arc<Route>>,
    selection: Option<Selection>,
    backend: Option<Arc<Backend>>,
    upload: Option<Rc<Progress>>,
    status: u16,
    sent: u64,
    reason: Cow<'static, str>,
}

/// The status of a request whose client left before it was answered. Never sent, only logged.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Record {
    pub(crate) fn start<B>(connection: &Rc<Connection>, id: TransactionId, request: &Request<B>) -> Record {
        Record(connection.thread.log.is_on().then(|| {
            Box::new(Details {
                connection: connection.clone(),
                id,
                time: Timestamp::now(),
                started: Instant::now(),
                method: request.method().clone(),
                host: request.headers().get(header::HOST).cloned(),
                uri: request.uri().clone(),
                route: None,
                selection: None,
                backend: None,
                upload: None,
                status: CLIENT_CLOSED_REQUEST,
                sent: 0,
                reason: Cow::Borrowed("the client went away"),
            })
        }))
    }

    pub(crate) fn route(&mut self, route: &Arc<Route>) {
        if let Some(details) = &mut self.0 {
            details.route = Some(route.clone());
        }
    }

    pub(crate) fn select(&mut self, selection: &Selection) {
        if let Some(details) = &mut self.0 {
            details.selection = Some(selection.clone());
        }
    }

    pub(crate) fn backend(&mut self, backend: &Arc<Backend>) {
        if let Some(details) = &mut self.0 {
            details.backend = Some(backend.clone());
        }
    }

    pub(crate) fn upload(&mut self, upload: Option<&Rc<Progress>>) {
        if let Some(details) = &mut self.0 {
            details.upload = upload.cloned();
        }
    }

    pub(crate) fn status(&mut self, status: http::StatusCode) {
        if let Some(details) = &mut self.0 {
            details.status = status.as_u16();
        }
    }

    pub(crate) fn add_sent(&mut self, bytes: u64) {
        if let Some(details) = &mut self.0 {
            details.sent += bytes;
        }
    }

    pub(crate) fn fail(&mut self, reason: impl Into<Cow<'static, str>>) {
        if let Some(details) = &mut self.0 {
            details.reason = reason.into();
        }
    }

    /// The response was handed over whole.
    pub(crate) fn complete(&mut self) {
        self.fail("");
    }
}

impl Drop for Details {
    fn drop(&mut self) {
        let backend = self.backend.as_ref().map(|backend| backend.address()).unwrap_or_default();
        self.connection.thread.log.write(&Line {
            time: self.time,
            event: "request",
            transaction_id: self.id.as_str(),
            way: Way::along(self.route.as_deref(), self.selection.as_ref(), &backend),
            client: self.connection.client,
            method: self.method.as_str(),
            host: self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or(""),
            uri: self.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str),
            status: self.status,
            received_bytes: self.upload.as_ref().map_or(0, |upload| upload.bytes.get()),
            sent_bytes: self.sent,
            duration_ms: self.started.elapsed().as_secs_f64() * 1000.0,
            reason: &self.reason,
            closed_by: "",
        });
    }
}
