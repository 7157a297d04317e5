//! Request handling, from the head of a request to its response. Read this first.
//!
//! ```text
//! route → rewrite → redirect, or override the path → affinity → pick a backend → forward, or open a tunnel
//!       → rewrite the response → respond → log
//! ```
//!
//! Each phase is a module of its own. A request uses the route that was applied when it arrived, also if the
//! configuration changes meanwhile.

mod absolute;
mod admission;
mod buffered_body;
mod error;
mod forward;
mod handshake;
mod headers;
mod http2;
mod lease;
mod path;
mod pick;
mod record;
mod redirect;
pub(crate) mod request;
pub(crate) mod response_body;
mod rewrite;
mod streamed_body;
pub(crate) mod tunnel;
mod variables;

use std::rc::Rc;
use std::sync::Arc;

use http::{Method, StatusCode, Version};
use tidegate_http1::{Fault, Known, RequestHead};
use tidegate_shared::path::has_dot_segments;

use crate::downstream::Connection;
use crate::downstream::upgrade::PendingUpgrade;
use crate::live_tunnel::HandshakeHead;
use crate::metrics::series::REQUEST;
use crate::runtime::{Action, BackendSet, Route, Selection};
use crate::spool::SpoolQuota;
use crate::thread::Thread;
use crate::trace;
use crate::transaction_id::TransactionId;
use crate::upstream::Purpose;
use buffered_body::BufferedBody;
use error::{ProxyError, RewriteFault};
use forward::{Exchange, Manner};
use handshake::Handshake;
use headers::Dropped;
use record::Record;
use request::Request;
use response_body::{Response, ResponseBody};
use rewrite::Rewriting;
use streamed_body::StreamedBody;
use tunnel::PendingTunnel;

/// Facts about a request that are collected before its phases begin.
#[derive(Clone, Copy, Debug)]
struct RequestMeta {
    id: TransactionId,
    trace: trace::Part,
}

impl RequestMeta {
    fn of(head: &RequestHead, thread: &Thread) -> RequestMeta {
        let id = TransactionId::new(&thread.random);
        let span = || thread.random.borrow_mut().u64(1..).to_be_bytes();
        RequestMeta { id, trace: trace::Part::of(&head.fields, id.bytes(), span, thread.spans.is_on()) }
    }
}

/// Serves one request. Every error becomes a local reply, and every request leaves one access log line.
pub(crate) async fn serve(connection: Rc<Connection>, request: Box<Request>) -> Response {
    let meta = RequestMeta::of(&request.head, &connection.thread);
    let mut record = Record::start(&connection, meta.id, &request);
    record.trace(meta.trace.exported());
    let to_head = request.head.method == Method::HEAD;
    match answer(&connection, request, meta, &mut record).await {
        Ok(ProxyResponse::Upstream(exchange, tunnel)) => {
            let holds = record.route().is_some_and(|route| route.buffering.responses);
            let spool_quota = holds.then(|| connection.thread.spool_quota.of(connection.client.ip()));
            respond(exchange, tunnel, record, spool_quota.as_ref())
        }
        Ok(ProxyResponse::Local(response)) => {
            record.answer(&response.head);
            record.complete();
            response
        }
        Err(error) => reject(&connection, &error, record, to_head),
    }
}

/// Makes the local reply to a request that has failed.
fn reject(connection: &Connection, error: &ProxyError, mut record: Record, to_head: bool) -> Response {
    // The fault of an HTTP/1.1 client is known to its connection, and is counted at the end of it.
    if matches!(error, ProxyError::Refused(Fault::SlowBody)) && connection.http1.fault().is_none() {
        connection.counts().slow[REQUEST].add(1);
    }
    if matches!(error, ProxyError::Rewrite(RewriteFault::TooCostly)) {
        connection.counts().searches_exceeded.add(1);
    }
    if let (ProxyError::TunnelLimit(limit), Some(route)) = (error, record.route()) {
        route.series.tunnels.of(connection.thread.number).rejected(*limit).add(1);
    }
    let replies = match record.route() {
        Some(route) => route.local_replies.clone(),
        None => connection.current.load().local_replies.clone(),
    };
    let response = Response::whole(error.response(&replies, to_head));
    record.answer(&response.head);
    record.fail(error.info(), error.to_string());
    response
}

/// The response to a request.
enum ProxyResponse {
    /// The response of a backend, and the tunnel that begins after it.
    Upstream(Exchange, Option<Box<PendingTunnel>>),
    /// A local reply.
    Local(Response),
}

/// A client's request for a tunnel.
struct UpgradeRequest {
    handshake: Handshake,
    head: HandshakeHead,
    /// The client's stream of HTTP/2; `None` if its connection becomes the tunnel.
    stream: Option<PendingUpgrade>,
}

async fn answer(
    connection: &Rc<Connection>,
    mut request: Box<Request>,
    meta: RequestMeta,
    record: &mut Record,
) -> Result<ProxyResponse, ProxyError> {
    check_form(connection, &mut request)?;
    let route = admit(connection, &request.head, record)?;
    let selection = Selection::of(route, request.head.path())?;
    let (selection, rewriting) = rewrite::request(selection, connection, &mut request)?;
    record.select(&selection);
    let backend_set = match selection.action() {
        Action::Forward(backend_set) => backend_set,
        Action::Redirect(redirect) => {
            if redirect.include_path && has_dot_segments(request.head.path()) {
                return Err(ProxyError::DotSegments);
            }
            let location = redirect::location(redirect, &headers::host(&request.head)?, &request.head);
            let (location, to_head) =
                (location.ok_or(ProxyError::InvalidHost)?, request.head.method == Method::HEAD);
            let reply = selection.route.local_replies.redirect(redirect.status, &location, to_head);
            return Ok(ProxyResponse::Local(Response::whole(reply)));
        }
    };

    let bound = pick::bound(backend_set, &request.head.fields);
    let expects = request.head.fields.has(Known::Expect) && request.version == Version::HTTP_11;
    let upgrade_request = upgrade_request(connection, backend_set, rewriting.as_deref(), &mut request)?;
    record.drop_headers(prepare(
        connection,
        &selection,
        backend_set,
        rewriting.as_deref(),
        meta,
        &mut request,
    )?);
    let (purpose, buffered) = match &upgrade_request {
        Some(_) => {
            Handshake::ask(&mut request.head.fields);
            (Purpose::Tunnel, false)
        }
        None => (Purpose::Requests, selection.route.buffering.requests),
    };
    if buffered {
        forward::collect(connection, &mut request.body).await?;
    }
    record.upload(request.body.progress());

    let manner = Manner { purpose, asks_first: expects && !buffered };
    let mut exchange = forward::exchange(connection, backend_set, bound, request, manner, record).await?;
    record.answered(exchange.response.status);
    let tunnel = switch(
        connection,
        &selection,
        backend_set,
        &mut exchange,
        upgrade_request,
        (meta.id, record.traced()),
    )?;
    let switched = tunnel.is_some();
    if let Some(rewriting) = rewriting.filter(|_| !switched) {
        rewriting.answer(connection, &selection, &mut exchange.response)?;
    }
    pick::bind(backend_set, bound, exchange.member, switched, &mut exchange.response.fields);
    Ok(ProxyResponse::Upstream(exchange, tunnel))
}

/// Rejects a request that could not be brought into the form that the phases know.
fn check_form(connection: &Connection, request: &mut Request) -> Result<(), ProxyError> {
    let Some(error) = request.rejected.take() else { return Ok(()) };
    if matches!(error, ProxyError::Refused(_)) {
        connection.counts().malformed.add(1);
    }
    Err(error)
}

/// Returns the route of the listener for this request.
///
/// # Errors
/// The host is invalid, no listener serves it, or the listener does not accept this connection.
fn admit(connection: &Connection, head: &RequestHead, record: &mut Record) -> Result<Arc<Route>, ProxyError> {
    let (runtime, tls) = (connection.current.load(), connection.tls.as_deref());
    let binding = runtime.bindings.get(&connection.address).ok_or(ProxyError::NoListener)?;
    admission::check_protocol(connection.secure, binding.tls.is_some(), tls)?;
    let host = headers::host(head)?;
    let route = binding.route(&host).ok_or(ProxyError::NoListener)?;
    record.take(route);
    admission::check_suite(route, tls)?;
    admission::check_client(route, tls)?;
    Ok(route.clone())
}

/// Returns the tunnel that a request asks for, if any.
fn upgrade_request(
    connection: &Connection,
    backend_set: &BackendSet,
    rewriting: Option<&Rewriting>,
    request: &mut Request,
) -> Result<Option<UpgradeRequest>, ProxyError> {
    if request.stream.is_none() && !request.head.fields.has(Known::Upgrade) {
        return Ok(None);
    }
    if http2::is_asked_for(&request.head.fields) {
        return Err(ProxyError::Http2Upgrade);
    }
    let stream = request.stream.take();
    let key = || handshake::key(&connection.thread);
    let Some(handshake) = Handshake::asked_by(&mut request.head, stream.is_some(), key) else {
        return Ok(None);
    };
    if Handshake::loses_headers(&request.head.fields) {
        return Err(ProxyError::HandshakeHeaders);
    }
    let host = request.head.fields.get(Known::Host).and_then(headers::text).unwrap_or("");
    let target = rewriting.map_or(request.head.target(), Rewriting::original_target);
    let is_whole = tunnel::is_recorded(&connection.thread) || backend_set.reviews_tunnels();
    let head = HandshakeHead::new(host, target, is_whole);
    Ok(Some(UpgradeRequest { handshake, head, stream }))
}

/// Converts the head of the request to the one for the backend, except for `Host`. Returns the headers that were
/// dropped because of their names.
fn prepare(
    connection: &Connection,
    selection: &Selection,
    backend_set: &BackendSet,
    rewriting: Option<&Rewriting>,
    meta: RequestMeta,
    request: &mut Request,
) -> Result<Dropped, ProxyError> {
    let head = &mut request.head;
    let dropped = headers::prepare_request(head, connection, selection.route.headers);
    headers::identify_request(head, meta.id, meta.trace, rewriting.map(Rewriting::original_target));
    if let Some(rewriting) = rewriting {
        request.is_host_set = rewriting.change_fields(&mut head.fields)?;
    }
    if let Some(replacement) = &backend_set.path {
        path::replace(head, replacement, selection.matched())?;
    }
    Ok(dropped)
}

/// Returns the tunnel that begins after the response, if the backend sends 101.
///
/// # Errors
/// The response does not match the request: a 101 that is invalid or was not asked for, or a status that the client
/// would take for a 101.
fn switch(
    connection: &Rc<Connection>,
    selection: &Selection,
    backend_set: &BackendSet,
    exchange: &mut Exchange,
    upgrade_request: Option<UpgradeRequest>,
    identity: (TransactionId, Option<trace::Context>),
) -> Result<Option<Box<PendingTunnel>>, ProxyError> {
    match (upgrade_request, exchange.response.status == StatusCode::SWITCHING_PROTOCOLS) {
        (Some(UpgradeRequest { handshake, head, stream }), true) => {
            if let Some(fault) = handshake.fault(&exchange.response.fields) {
                return Err(exchange.false_upgrade(fault));
            }
            let tunnel =
                PendingTunnel::new(connection, selection, backend_set, exchange, stream, head, identity);
            let tunnel = tunnel.ok_or_else(|| exchange.false_upgrade("over HTTP/2"))?;
            handshake.conclude(&mut exchange.response);
            Ok(Some(tunnel))
        }
        (None, true) => Err(exchange.false_upgrade("to a request that asked for none")),
        (Some(upgrade_request), false)
            if upgrade_request.handshake.is_mistaken_for_open(exchange.response.status) =>
        {
            Err(exchange.no_upgrade())
        }
        (_, false) => Ok(None),
    }
}

/// Converts the backend's response to the client's: its head without hop-by-hop headers, and its body in chunks. With
/// a `spool_quota`, the body is buffered for a slower client.
fn respond(
    exchange: Exchange,
    tunnel: Option<Box<PendingTunnel>>,
    mut record: Record,
    spool_quota: Option<&SpoolQuota>,
) -> Response {
    let Exchange { response: mut head, body: inner, backend, in_flight, lease, read_timeout, .. } = exchange;
    record.answer(&head);
    // Without `Upgrade`, the response would not name the required protocol (RFC 9110, section 15.5.22).
    let required = head.fields.get(Known::Upgrade).filter(|_| head.status == StatusCode::UPGRADE_REQUIRED);
    let required = required.map(<[u8]>::to_vec);
    headers::drop_hop_by_hop(&mut head.fields);
    headers::canonical_length(&mut head.fields);
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        Handshake::ask(&mut head.fields);
    } else if let Some(required) = required {
        head.fields.append(Known::Upgrade, &required);
    }
    let body = if let Some(tunnel) = tunnel {
        record.complete();
        // An HTTP/2 stream is handed over in another task.
        tunnel.unless_over_stream().map_or(ResponseBody::EMPTY, ResponseBody::Tunnel)
    } else if http_body::Body::is_end_stream(&inner) {
        record.complete();
        if let Some(lease) = lease {
            lease.give_back();
        }
        ResponseBody::EMPTY
    } else if let Some(spool_quota) = spool_quota {
        ResponseBody::Buffered(Box::new(BufferedBody::start(
            (inner, backend, in_flight),
            lease,
            record,
            read_timeout,
            spool_quota,
        )))
    } else {
        let pause = record.alarms().pause();
        ResponseBody::Streamed(Box::new(StreamedBody {
            inner,
            backend,
            in_flight,
            lease,
            record,
            read_timeout,
            pause,
        }))
    };
    Response { head, body }
}
