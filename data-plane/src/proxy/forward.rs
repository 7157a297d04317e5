//! Sends a request to a backend and waits for the head of the response: pick, connect, send.
//!
//! Retries on another connection or backend only while no backend can have seen the request. A request that a backend
//! may have seen is repeated at most once, and only if the connection ended before the response, the body was
//! collected, and the method is idempotent.

mod timeouts;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Version;
use rustls::pki_types::ServerName;
use tidegate_http1::{Fault, Fields, Known, ResponseHead};
use tidegate_shared::snapshot::HttpVersion;
use tokio::time::Instant;

use super::error::ProxyError;
use super::lease::Lease;
use super::record::Record;
use super::request::Request;
use super::{headers, pick};
use crate::backend::{Backend, TunnelGuard};
use crate::body::collect::CollectError;
use crate::body::received::ReceivedBody;
use crate::body::{Progress, RequestBody};
use crate::downstream::Connection;
use crate::limits::AddressPermit;
use crate::member::InFlightGuard;
use crate::metrics::series::TunnelLimit;
use crate::pool_state::PoolState;
use crate::runtime::{BackendSet, HostPolicy};
use crate::tls::client;
use crate::upstream::{self, ConnectError, Key, Purpose, Sender, Terms, Unanswered, UpstreamError};
use timeouts::RequestTimeouts;

/// A request and the head of its response.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) response: ResponseHead,
    pub(crate) body: ReceivedBody,
    pub(crate) backend: Arc<Backend>,
    /// The number of the backend in its set.
    pub(crate) member: usize,
    pub(crate) in_flight: Option<InFlightGuard>,
    /// The place of the tunnel, if the request is a handshake.
    pub(crate) place: Option<Box<TunnelPlace>>,
    pub(crate) lease: Option<Lease>,
    /// The longest pause of the backend within its body.
    pub(crate) read_timeout: Duration,
}

/// The place of a tunnel in the counts of its pool's limits, from before its handshake.
#[derive(Debug)]
pub(crate) struct TunnelPlace {
    pub(crate) guard: TunnelGuard,
    /// The count at the client's address, if the policy limits it.
    pub(crate) address_permit: Option<AddressPermit>,
}

impl Exchange {
    pub(crate) fn no_upgrade(&self) -> ProxyError {
        ProxyError::NoUpgrade { backend: self.backend.address(), status: self.response.status }
    }

    pub(crate) fn false_upgrade(&self, what: &'static str) -> ProxyError {
        ProxyError::FalseUpgrade { backend: self.backend.address(), what }
    }
}

/// Reads the whole body of a request before any backend is tried.
pub(crate) async fn collect(connection: &Connection, body: &mut RequestBody) -> Result<(), ProxyError> {
    let thread = &connection.thread;
    let spool_quota = thread.spool_quota.of(connection.client.ip());
    // Boxed, because most requests are not collected.
    let collected = Box::pin(body.collect(thread.max_request_body, &spool_quota, thread.timeouts.body)).await;
    collected.map_err(|error| match (error, connection.http1.fault()) {
        (CollectError::Broken, Some(fault)) => ProxyError::Refused(fault),
        (other, _) => other.into(),
    })
}

/// The form in which a request is forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) purpose: Purpose,
    /// True if the client waits for 100 before it sends the body, and the body is not collected: the backend is asked.
    pub(crate) asks_first: bool,
}

/// Sends the request to a backend of the set, first to the member of its affinity cookie (`bound`). The request
/// timeout of the settings runs until the head of the response, and starts anew with each chunk of the request body.
/// While the gateway waits for the client's next chunk, the client's body timeout runs instead.
pub(crate) async fn exchange(
    connection: &Rc<Connection>,
    backend_set: &BackendSet,
    bound: Option<usize>,
    request: Box<Request>,
    manner: Manner,
    record: &mut Record,
) -> Result<Exchange, ProxyError> {
    let upload = request.body.progress().cloned();
    let given_up = Cell::new(false);
    let timeouts = RequestTimeouts::new(backend_set.request_timeout, connection.thread.timeouts.body);
    let mut alarm = connection.thread.alarms.alarm();
    let mut deadline = None;
    let attempts = Attempts {
        connection,
        backend_set,
        upload: upload.clone(),
        manner,
        record,
        given_up: &given_up,
        repeated: false,
    };
    let mut attempts = pin!(attempts.run(bound, request));
    poll_fn(|cx| {
        if let Poll::Ready(done) = attempts.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        let due = deadline.get_or_insert_with(|| Instant::now() + timeouts.first(upload.as_deref()));
        while alarm.is_over(cx, *due) {
            match timeouts.left(upload.as_deref()) {
                Ok(left) => *due = Instant::now() + left,
                Err(error) => {
                    given_up.set(matches!(error, ProxyError::Timeout { .. }));
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Pending
    })
    .await
}

/// The attempts of one request to get a response.
struct Attempts<'a> {
    connection: &'a Rc<Connection>,
    backend_set: &'a BackendSet,
    upload: Option<Rc<Progress>>,
    manner: Manner,
    record: &'a mut Record,
    /// Set when the wait for the response has timed out.
    given_up: &'a Cell<bool>,
    /// True once the request was repeated although a backend may have seen it.
    repeated: bool,
}

/// A handshake that the limits of a pool have admitted.
struct Admitted {
    pool: Arc<PoolState>,
    address_permit: Option<AddressPermit>,
}

/// A failed attempt on one backend.
struct Failure {
    error: ProxyError,
    /// True if another backend may be tried.
    again: bool,
}

impl Attempts<'_> {
    async fn run(mut self, bound: Option<usize>, mut request: Box<Request>) -> Result<Exchange, ProxyError> {
        let (connection, backend_set) = (self.connection, self.backend_set);
        request.head.version = Version::HTTP_11;
        let mut pick = pick::Pick::new(backend_set, bound, connection.client.ip(), &connection.dedicated);
        let mut failure =
            if backend_set.is_empty() { ProxyError::EmptyPool } else { ProxyError::NoHealthyBackend };
        let (mut admitted, mut full) = (None, None);
        while let Some((member, backend)) = pick.next() {
            let place = match self.take_place(backend, &mut admitted) {
                Ok(place) => place,
                Err(limit @ (TunnelLimit::Pool | TunnelLimit::Member)) => {
                    failure = ProxyError::TunnelLimit(limit);
                    full = Some(&backend.member_state.pool);
                    if limit == TunnelLimit::Pool {
                        pick.leave_out_pool_of(backend);
                    }
                    continue;
                }
                Err(limit) => {
                    backend.member_state.pool.refuse(limit);
                    return Err(ProxyError::TunnelLimit(limit));
                }
            };
            let in_flight = if place.is_some() { None } else { backend_set.count(backend) };
            if !request.is_host_set {
                set_host(&mut request.head.fields, backend_set, backend);
            }
            self.record.ask(backend, &request.head);
            let name = own_name(backend, &request).map_err(|source| unreachable(backend, source))?;
            let key = Key::new(backend, name);
            match self.ask(backend, &key, &mut request).await {
                Ok(((response, body), sender)) => {
                    let (connection, upload) = (connection.clone(), self.upload);
                    let lease = Lease { connection, dedicated: backend_set.dedicated, key, sender, upload };
                    return Ok(Exchange {
                        response,
                        body,
                        backend: backend.clone(),
                        member,
                        in_flight,
                        place: place.map(|guard| {
                            let address_permit = admitted.and_then(|admitted| admitted.address_permit);
                            Box::new(TunnelPlace { guard, address_permit })
                        }),
                        lease: Some(lease),
                        read_timeout: backend_set.request_timeout,
                    });
                }
                Err(Failure { error, again: false }) => return Err(error),
                Err(Failure { error, again: true }) => failure = error,
            }
        }
        if let (ProxyError::TunnelLimit(limit), Some(pool)) = (&failure, full) {
            pool.refuse(*limit);
        }
        Err(failure)
    }

    /// Takes the place of a tunnel at a backend; `None` for a request that is no handshake. A handshake counts once
    /// in the limits of a pool that concern clients, however many members are tried.
    fn take_place(
        &self,
        backend: &Arc<Backend>,
        admitted: &mut Option<Admitted>,
    ) -> Result<Option<TunnelGuard>, TunnelLimit> {
        if self.manner.purpose != Purpose::Tunnel {
            return Ok(None);
        }
        let pool = &backend.member_state.pool;
        let policy = pool.policy();
        let guard = TunnelGuard::take(backend, &policy)?;
        if !admitted.as_ref().is_some_and(|admitted| Arc::ptr_eq(&admitted.pool, pool)) {
            let address_permit = pool.admit(self.connection.client.ip(), &policy)?;
            *admitted = Some(Admitted { pool: pool.clone(), address_permit });
        }
        Ok(Some(guard))
    }

    /// Tries one backend: first on idle connections, then on a new one.
    async fn ask(
        &mut self,
        backend: &Arc<Backend>,
        key: &Key,
        request: &mut Request,
    ) -> Result<(Answer, Sender), Failure> {
        while let Some(sender) = self.kept(backend, key) {
            match self.send(backend, &sender, request).await {
                SendOutcome::Answered(answer) => return Ok((answer, sender)),
                SendOutcome::Unseen(_) => {}
                SendOutcome::Broken { again, .. } if self.repeats(again) => break,
                SendOutcome::Broken { error, .. } => {
                    return Err(Failure { error: self.broken(backend, error), again: false });
                }
            }
        }
        // An HTTP/2 backend may refuse a request without having processed it: it is tried once more.
        let is_shared = self.manner.purpose == Purpose::Requests && backend.key.version == HttpVersion::Http2;
        let mut left = if is_shared { 2 } else { 1 };
        loop {
            let opened = self.open(backend, key).await;
            let sender =
                opened.map_err(|error| Failure { error: unreachable(backend, error), again: true })?;
            left -= 1;
            let (error, again) = match self.send(backend, &sender, request).await {
                SendOutcome::Answered(answer) => return Ok((answer, sender)),
                SendOutcome::Unseen(_) if left > 0 => continue,
                SendOutcome::Unseen(error) => (error, true),
                SendOutcome::Broken { error, again } => (error, self.repeats(again)),
            };
            return Err(Failure { error: self.broken(backend, error), again });
        }
    }

    /// Takes an existing connection. A tunnel always gets a new one.
    fn kept(&self, backend: &Backend, key: &Key) -> Option<Sender> {
        match (self.manner.purpose, self.backend_set.dedicated) {
            (Purpose::Tunnel, _) => None,
            (Purpose::Requests, true) => self.connection.dedicated.take(key),
            (Purpose::Requests, false) => self.connection.thread.upstreams.take(key, backend.key.version),
        }
    }

    async fn open(&self, backend: &Arc<Backend>, key: &Key) -> Result<Sender, ConnectError> {
        let thread = &self.connection.thread;
        let began = Instant::now();
        // Boxed: this future is large and rare, and the state of a request is moved as a whole.
        let open = || Box::pin(upstream::open(&thread.upstreams, backend, key, self.manner.purpose));
        let mut opened = open().await;
        if opened.as_ref().is_err_and(ConnectError::is_exhaustion) && thread.upstreams.give_up() {
            // The idle connections that were closed have freed descriptors.
            opened = open().await;
        }
        self.record.connected(opened.is_ok(), began.elapsed());
        opened
    }

    async fn send(&mut self, backend: &Backend, sender: &Sender, request: &mut Request) -> SendOutcome {
        self.record.sent_from(sender);
        let connection = self.connection;
        let terms = Terms {
            secure: backend.tls.is_some(),
            given_up: self.given_up,
            expecting: self.manner.asks_first.then(|| connection.thread.alarms.pause()),
            interim: &|head| connection.http1.send_interim(head),
        };
        match sender.send(&mut request.head, &mut request.body, terms).await {
            Ok(answer) => SendOutcome::Answered(answer),
            Err(Unanswered { is_whole: true, is_unseen: true, error }) => SendOutcome::Unseen(error),
            Err(Unanswered { is_whole, error, .. }) => {
                let again = is_whole && is_repeatable(request) && error.is_cut_off();
                SendOutcome::Broken { error, again }
            }
        }
    }

    /// Returns true if a request that may be repeated was not repeated before.
    fn repeats(&mut self, again: bool) -> bool {
        !std::mem::replace(&mut self.repeated, true) && again
    }

    /// Returns the cause of a broken connection: the client's body, a drain, or the backend.
    fn broken(&self, backend: &Backend, source: UpstreamError) -> ProxyError {
        match &self.upload {
            Some(upload) if upload.is_too_large() => ProxyError::Refused(Fault::BodyTooLarge),
            Some(upload) if upload.broken.get() => {
                self.connection.http1.fault().map_or(ProxyError::ClientBody, ProxyError::Refused)
            }
            _ if let Some(cut) = backend.drained() => ProxyError::Drained { backend: backend.address(), cut },
            _ => ProxyError::Broken { backend: backend.address(), source },
        }
    }
}

fn unreachable(backend: &Backend, source: ConnectError) -> ProxyError {
    ProxyError::Connect { backend: backend.address(), source }
}

/// The head of a response, and its body.
type Answer = (ResponseHead, ReceivedBody);

/// The result of sending a request.
enum SendOutcome {
    Answered(Answer),
    /// The backend has certainly not processed it, so any retry is safe.
    Unseen(UpstreamError),
    /// The backend may have processed it; with `again`, it may be repeated.
    Broken {
        error: UpstreamError,
        again: bool,
    },
}

/// Returns true if a request may be repeated: its method is idempotent (RFC 9110, section 9.2.2) and its body was
/// collected.
fn is_repeatable(request: &Request) -> bool {
    request.body.is_collected() && request.head.method.is_idempotent()
}

/// Sets the `Host` that the settings ask for; for an HTTP/1.0 client without `Host`, it is the member's.
fn set_host(fields: &mut Fields, backend_set: &BackendSet, backend: &Backend) {
    match &backend_set.host {
        HostPolicy::Client if fields.has(Known::Host) => {}
        HostPolicy::Client | HostPolicy::Member => {
            fields.set(Known::Host, backend.host_header.as_bytes());
        }
        HostPolicy::Fixed(host) => fields.set(Known::Host, host.as_bytes()),
    }
}

/// Returns the name that the backend's certificate must have, which is also the SNI unless it is an address, if it is
/// not the backend's usual name: the `Host` of the request.
fn own_name(backend: &Backend, request: &Request) -> Result<Option<ServerName<'static>>, ConnectError> {
    let Some(tls) = &backend.tls else { return Ok(None) };
    if tls.name.is_some() || (backend.usual_name.is_some() && !request.is_host_set) {
        return Ok(None);
    }
    let host = request.head.fields.get(Known::Host).and_then(headers::text).unwrap_or("");
    client::server_name(host).map(Some).ok_or_else(|| ConnectError::ServerName(host.to_owned()))
}
