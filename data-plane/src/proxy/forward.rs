//! One request to one backend, and its answer's head: pick, connect, send.
//!
//! Another connection or backend is tried for as long as none has looked at the request. One that may have been looked
//! at is made once more at most: where the connection ended before the answer, the body was collected, and doing it
//! twice is as good as once.

mod times;

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderMap};
use http::{Request, Response};
use rustls::pki_types::ServerName;
use tidegate_shared::snapshot::HttpVersion;
use tokio::time::{Instant, timeout};

use super::error::ProxyError;
use super::lease::Lease;
use super::pick::Pick;
use super::record::Record;
use super::rewrite;
use crate::backend::Backend;
use crate::body::collect::CollectError;
use crate::body::received::ReceivedBody;
use crate::body::{Progress, RequestBody};
use crate::downstream::Connection;
use crate::http1::Fault;
use crate::member::InFlightGuard;
use crate::runtime::{HostPolicy, Target};
use crate::tls::client;
use crate::upstream::{self, ConnectError, Key, Purpose, Sender, Unanswered};
use times::Times;

/// A request that has been answered, as far as the head of the answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) response: Response<ReceivedBody>,
    pub(crate) backend: Arc<Backend>,
    /// The backend's number in its target.
    pub(crate) member: usize,
    pub(crate) busy: Option<InFlightGuard>,
    pub(crate) lease: Option<Lease>,
    /// How long the backend may pause within its body.
    pub(crate) patience: Duration,
}

impl Exchange {
    pub(crate) fn no_upgrade(&self) -> ProxyError {
        ProxyError::NoUpgrade { backend: self.backend.address(), status: self.response.status() }
    }

    pub(crate) fn false_upgrade(&self, what: &'static str) -> ProxyError {
        ProxyError::FalseUpgrade { backend: self.backend.address(), what }
    }
}

/// Takes the whole of a request's body in, before any backend is asked.
pub(crate) async fn collect(connection: &Connection, body: &mut RequestBody) -> Result<(), ProxyError> {
    let thread = &connection.thread;
    let spool_quota = thread.spool_quota.of(connection.client.ip());
    // Boxed, for most requests are not collected.
    let collected = Box::pin(body.collect(thread.max_request_body, &spool_quota, thread.timeouts.body)).await;
    collected.map_err(|error| match (error, connection.wire.fault()) {
        (CollectError::Broken, Some(fault)) => ProxyError::Refused(fault),
        (other, _) => other.into(),
    })
}

/// Sends the request to a backend of the target: first to the member that its client is bound to. The settings'
/// request timeout runs until the head of the response, and begins anew with every piece of the request's body that
/// goes up. While it is the client that has the next piece to send, it is the client's time that runs.
pub(crate) async fn exchange(
    connection: &Rc<Connection>,
    target: &Target,
    bound: Option<usize>,
    request: Box<Request<RequestBody>>,
    purpose: Purpose,
    record: &mut Record,
) -> Result<Exchange, ProxyError> {
    let upload = request.body().progress().cloned();
    let given_up = Cell::new(false);
    let times = Times::new(target.request_timeout, connection.thread.timeouts.body);
    let mut wait = times.first(upload.as_deref());
    let attempts = Attempts {
        connection,
        target,
        upload: upload.clone(),
        purpose,
        record,
        given_up: &given_up,
        repeated: false,
    };
    let mut attempts = pin!(attempts.run(bound, request));
    loop {
        if let Ok(done) = timeout(wait, attempts.as_mut()).await {
            return done;
        }
        match times.left(upload.as_deref()) {
            Ok(left) => wait = left,
            Err(error) => {
                given_up.set(matches!(error, ProxyError::Timeout { .. }));
                return Err(error);
            }
        }
    }
}

/// The way of one request to an answer.
struct Attempts<'a> {
    connection: &'a Rc<Connection>,
    target: &'a Target,
    upload: Option<Rc<Progress>>,
    purpose: Purpose,
    record: &'a mut Record,
    /// Whether nobody waits for the answer any more, because it took too long.
    given_up: &'a Cell<bool>,
    /// Whether it was made once more, though a backend may have looked at it.
    repeated: bool,
}

/// A backend that has not answered.
struct Failure {
    error: ProxyError,
    /// The request, if another may be asked.
    again: Option<Box<Request<RequestBody>>>,
}

impl Attempts<'_> {
    async fn run(
        mut self,
        bound: Option<usize>,
        mut request: Box<Request<RequestBody>>,
    ) -> Result<Exchange, ProxyError> {
        let (connection, target) = (self.connection, self.target);
        *request.version_mut() = http::Version::HTTP_11;
        let mut pick = Pick::new(target, bound, connection.client.ip(), &connection.dedicated);
        let mut failure =
            if target.is_empty() { ProxyError::EmptyPool } else { ProxyError::NoHealthyBackend };
        while let Some((member, backend)) = pick.next() {
            let busy = target.count(backend);
            if !rewrite::has_set_host(&request) {
                set_host(request.headers_mut(), target, backend);
            }
            self.record.ask(backend, &request);
            let name = own_name(backend, &request).map_err(|source| unreachable(backend, source))?;
            let key = Key::new(backend, name);
            match self.ask(backend, &key, request).await {
                Ok((response, sender)) => {
                    let (connection, upload) = (connection.clone(), self.upload);
                    let lease = Lease { connection, dedicated: target.dedicated, key, sender, upload };
                    return Ok(Exchange {
                        response,
                        backend: backend.clone(),
                        member,
                        busy,
                        lease: Some(lease),
                        patience: target.request_timeout,
                    });
                }
                Err(Failure { error, again: None }) => return Err(error),
                Err(Failure { error, again: Some(again) }) => (failure, request) = (error, again),
            }
        }
        Err(failure)
    }

    /// Asks one backend: over connections that are kept, then over a new one.
    async fn ask(
        &mut self,
        backend: &Arc<Backend>,
        key: &Key,
        mut request: Box<Request<RequestBody>>,
    ) -> Result<(Response<ReceivedBody>, Sender), Failure> {
        while let Some(mut sender) = self.kept(backend, key) {
            match self.send(backend, &mut sender, request).await {
                Sent::Answered(response) => return Ok((response, sender)),
                Sent::Unseen(unseen, _) => request = unseen,
                Sent::Broken(error, again) => match self.repeat(again) {
                    Some(again) => {
                        request = again;
                        break;
                    }
                    None => return Err(Failure { error: self.broken(backend, error), again: None }),
                },
            }
        }
        // A backend of HTTP/2 may refuse a request without having looked at it: it is asked once more.
        let is_shared = self.purpose == Purpose::Requests && backend.key.version == HttpVersion::Http2;
        let mut left = if is_shared { 2 } else { 1 };
        loop {
            let mut sender = match self.open(backend, key).await {
                Ok(sender) => sender,
                Err(error) => {
                    let error = unreachable(backend, error);
                    return Err(Failure { error, again: Some(request) });
                }
            };
            left -= 1;
            match self.send(backend, &mut sender, request).await {
                Sent::Answered(response) => return Ok((response, sender)),
                Sent::Unseen(unseen, _) if left > 0 => request = unseen,
                Sent::Unseen(unseen, error) => {
                    return Err(Failure { error: self.broken(backend, error), again: Some(unseen) });
                }
                Sent::Broken(error, again) => {
                    return Err(Failure { error: self.broken(backend, error), again: self.repeat(again) });
                }
            }
        }
    }

    /// A connection that is there already. A tunnel takes its own.
    fn kept(&self, backend: &Backend, key: &Key) -> Option<Sender> {
        match (self.purpose, self.target.dedicated) {
            (Purpose::Tunnel, _) => None,
            (Purpose::Requests, true) => self.connection.dedicated.take(key),
            (Purpose::Requests, false) => self.connection.thread.upstreams.take(key, backend.key.version),
        }
    }

    async fn open(&self, backend: &Arc<Backend>, key: &Key) -> Result<Sender, ConnectError> {
        let thread = &self.connection.thread;
        let began = Instant::now();
        // Boxed: it is large and rare, and a request's state is moved as a whole.
        let open = || Box::pin(upstream::open(&thread.upstreams, backend, key, self.purpose));
        let mut opened = open().await;
        if opened.as_ref().is_err_and(ConnectError::is_exhaustion) && thread.upstreams.give_up() {
            // The connections that were just closed have made room.
            opened = open().await;
        }
        self.record.connected(opened.is_ok(), began.elapsed());
        opened
    }

    async fn send(
        &mut self,
        backend: &Backend,
        sender: &mut Sender,
        request: Box<Request<RequestBody>>,
    ) -> Sent {
        self.record.sent_from(sender.source_port());
        let copy = copy(&request, matches!(sender, Sender::Http2(_)));
        let Unanswered { unsent, is_unseen, error } =
            match sender.send(request, backend.tls.is_some(), self.given_up).await {
                Ok(response) => return Sent::Answered(response),
                Err(unanswered) => unanswered,
            };
        match (unsent, copy) {
            (Some(unsent), _) => Sent::Unseen(unsent, error),
            (None, Some(copy)) if is_unseen => Sent::Unseen(copy, error),
            (None, copy) => {
                let again = copy.filter(|copy| is_repeatable(copy) && is_cut_off(&error));
                Sent::Broken(error, again)
            }
        }
    }

    /// The request once more, if it was not made twice already.
    fn repeat(&mut self, again: Option<Box<Request<RequestBody>>>) -> Option<Box<Request<RequestBody>>> {
        let first = !std::mem::replace(&mut self.repeated, true);
        again.filter(|_| first)
    }

    /// Whose fault it is that a connection broke off.
    fn broken(&self, backend: &Backend, source: hyper::Error) -> ProxyError {
        match &self.upload {
            Some(upload) if upload.is_too_large() => ProxyError::Refused(Fault::BodyTooLarge),
            Some(upload) if upload.broken.get() => {
                self.connection.wire.fault().map_or(ProxyError::ClientBody, ProxyError::Refused)
            }
            _ if let Some(cut) = backend.drained() => ProxyError::Drained { backend: backend.address(), cut },
            _ => ProxyError::Broken { backend: backend.address(), source },
        }
    }
}

fn unreachable(backend: &Backend, source: ConnectError) -> ProxyError {
    ProxyError::Connect { backend: backend.address(), source }
}

/// What became of a request.
enum Sent {
    Answered(Response<ReceivedBody>),
    /// The backend has surely not looked at it: the request is as good as new.
    Unseen(Box<Request<RequestBody>>, hyper::Error),
    /// It may have; and the request, if it may be made twice.
    Broken(hyper::Error, Option<Box<Request<RequestBody>>>),
}

/// The request once more, to be kept while it is under way. HTTP/1.1 needs none of one that may not be made twice; over
/// HTTP/2 a backend may say that it has not looked at it.
fn copy(request: &Request<RequestBody>, over_http2: bool) -> Option<Box<Request<RequestBody>>> {
    if !over_http2 && !is_repeatable(request) {
        return None;
    }
    let mut copy = Request::new(request.body().again()?);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy.extensions_mut().clone_from(request.extensions());
    *copy.version_mut() = request.version();
    Some(Box::new(copy))
}

/// Whether a request may be made twice (RFC 9110, section 9.2.2), as that of a gateway which collects bodies.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    request.body().is_collected() && request.method().is_idempotent()
}

/// Whether the connection ended before the answer: what is no answer, or refuses one, would be no better the second
/// time.
fn is_cut_off(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let broke_off = error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || source.is_some_and(|source| source.kind() != io::ErrorKind::InvalidData);
    // A body that could not be read here is no fault of the connection's.
    broke_off && !error.is_user()
}

/// The `Host` that the settings ask for; the member's own for a client of HTTP/1.0 that sent none.
fn set_host(headers: &mut HeaderMap, target: &Target, backend: &Backend) {
    match &target.host {
        HostPolicy::Client if headers.contains_key(HOST) => {}
        HostPolicy::Client | HostPolicy::Member => {
            headers.insert(HOST, backend.host_header.clone());
        }
        HostPolicy::Fixed(host) => {
            headers.insert(HOST, host.clone());
        }
    }
}

/// The name that the backend's certificate must bear, and its SNI unless it is an address, where that is not the usual
/// one: the host that it is asked for.
fn own_name(
    backend: &Backend,
    request: &Request<RequestBody>,
) -> Result<Option<ServerName<'static>>, ConnectError> {
    let Some(tls) = &backend.tls else { return Ok(None) };
    if tls.name.is_some() || (backend.usual_name.is_some() && !rewrite::has_set_host(request)) {
        return Ok(None);
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    client::server_name(host).map(Some).ok_or_else(|| ConnectError::ServerName(host.to_owned()))
}
