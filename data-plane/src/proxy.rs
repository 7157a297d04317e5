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
pub(crate) mod response_body;
mod rewrite;
mod streamed_body;
mod transaction_id;
pub(crate) mod tunnel;
mod variables;

use std::rc::Rc;
use std::sync::Arc;

use http::header::UPGRADE;
use http::{Method, Request, Response, StatusCode, Version};
use tidegate_http1::Fault;
use tidegate_shared::path::has_dot_segments;

use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::downstream::Connection;
use crate::downstream::http1::Refusal;
use crate::downstream::upgrade::PendingUpgrade;
use crate::metrics::series::REQUEST;
use crate::runtime::{Action, BackendSet, Route, Selection};
use crate::spool::SpoolQuota;
use crate::thread::Thread;
use crate::trace;
use crate::upstream::Purpose;
use buffered_body::BufferedBody;
use error::{ProxyError, RewriteFault};
use forward::{Exchange, Manner};
use handshake::Handshake;
use headers::{Dropped, HeaderFlags};
use record::Record;
use response_body::ResponseBody;
use rewrite::Rewriting;
use streamed_body::StreamedBody;
use transaction_id::TransactionId;
use tunnel::PendingTunnel;

/// Facts about a request that are collected before its phases begin.
#[derive(Clone, Copy, Debug)]
struct RequestMeta {
    id: TransactionId,
    present: HeaderFlags,
    trace: trace::Part,
}

impl RequestMeta {
    fn of<B>(request: &Request<B>, id: TransactionId, thread: &Thread) -> RequestMeta {
        let present = HeaderFlags::of(request.headers());
        let traced = present.has(HeaderFlags::TRACE).then(|| request.headers());
        let span = || thread.random.borrow_mut().u64(1..).to_be_bytes();
        RequestMeta { id, present, trace: trace::Part::of(traced, id.bytes(), span, thread.spans.is_on()) }
    }
}

/// Serves one request. Every error becomes a local reply, and every request leaves one access log line.
pub(crate) async fn serve(
    connection: Rc<Connection>,
    request: Request<ReceivedBody>,
) -> Response<ResponseBody> {
    let (id, largest) = (TransactionId::new(&connection.thread), connection.thread.max_request_body);
    // Boxed, because many functions pass it on.
    let (head, body) = request.into_parts();
    let body = RequestBody::new(body, largest, || http2::client_rate(&head, &connection.thread.timeouts));
    let mut request = Box::new(Request::from_parts(head, body));
    let translated = match request.version() {
        Version::HTTP_2 => http2::translate(&mut request, largest),
        _ => absolute::translate(&mut request),
    };
    let mut record = Record::start(&connection, id, &request);
    let meta = RequestMeta::of(&request, id, &connection.thread);
    record.trace(meta.trace.exported());
    let to_head = request.method() == Method::HEAD;
    let answered = match translated {
        Ok(()) => answer(&connection, request, meta, &mut record).await,
        Err(error) => {
            if matches!(error, ProxyError::Refused(_)) {
                connection.counts.cells().malformed.add(1);
            }
            Err(error)
        }
    };
    match answered {
        Ok(ProxyResponse::Upstream(exchange, tunnel)) => {
            let holds = record.route().is_some_and(|route| route.buffering.responses);
            let spool_quota = holds.then(|| connection.thread.spool_quota.of(connection.client.ip()));
            respond(exchange, tunnel, record, spool_quota.as_ref())
        }
        Ok(ProxyResponse::Local(response)) => {
            record.answer(response.status(), response.headers());
            record.complete();
            response
        }
        Err(error) => reject(&connection, &error, record, to_head),
    }
}

/// Rejects a request of HTTP/1.1 of which no head could be made. It leaves an access log line like any other.
pub(crate) fn refuse(connection: &Rc<Connection>, refusal: Refusal) -> Response<ResponseBody> {
    let mut request = Request::new(());
    (*request.method_mut(), *request.uri_mut()) = (refusal.method, refusal.target);
    let id = TransactionId::new(&connection.thread);
    let mut record = Record::start(connection, id, &request);
    record.trace(RequestMeta::of(&request, id, &connection.thread).trace.exported());
    connection.counts.cells().malformed.add(1);
    let to_head = request.method() == Method::HEAD;
    reject(connection, &ProxyError::Refused(refusal.fault), record, to_head)
}

/// Makes the local reply to a request that has failed.
fn reject(
    connection: &Connection,
    error: &ProxyError,
    mut record: Record,
    to_head: bool,
) -> Response<ResponseBody> {
    // The fault of an HTTP/1.1 client is known to its connection, and is counted at the end of it.
    if matches!(error, ProxyError::Refused(Fault::SlowBody)) && connection.http1.fault().is_none() {
        connection.counts.cells().slow[REQUEST].add(1);
    }
    if matches!(error, ProxyError::Rewrite(RewriteFault::TooCostly)) {
        connection.counts.cells().searches_exceeded.add(1);
    }
    let replies = match record.route() {
        Some(route) => route.local_replies.clone(),
        None => connection.current.load().local_replies.clone(),
    };
    let response = error.response(&replies, to_head).map(ResponseBody::Whole);
    record.answer(response.status(), response.headers());
    record.fail(error.info(), error.to_string());
    response
}

/// The response to a request.
enum ProxyResponse {
    /// The response of a backend, and the tunnel that begins after it.
    Upstream(Exchange, Option<Box<PendingTunnel>>),
    /// A local reply.
    Local(Response<ResponseBody>),
}

/// A client's request for a tunnel.
struct UpgradeRequest {
    handshake: Handshake,
    head: Option<tunnel::HandshakeHead>,
    /// The client's stream of HTTP/2; `None` if its connection becomes the tunnel.
    stream: Option<PendingUpgrade>,
}

async fn answer(
    connection: &Rc<Connection>,
    mut request: Box<Request<RequestBody>>,
    meta: RequestMeta,
    record: &mut Record,
) -> Result<ProxyResponse, ProxyError> {
    let route = admit(connection, &request, record)?;
    let selection = Selection::of(route, request.uri().path())?;
    let (selection, rewriting) = rewrite::request(selection, connection, &mut request)?;
    record.select(&selection);
    let backend_set = match selection.action() {
        Action::Forward(backend_set) => backend_set,
        Action::Redirect(redirect) => {
            if redirect.include_path && has_dot_segments(request.uri().path()) {
                return Err(ProxyError::DotSegments);
            }
            let location = redirect::location(redirect, &headers::host(&request)?, request.uri());
            let (location, to_head) =
                (location.ok_or(ProxyError::InvalidHost)?, request.method() == Method::HEAD);
            let response = selection.route.local_replies.redirect(redirect.status, location, to_head);
            return Ok(ProxyResponse::Local(response.map(ResponseBody::Whole)));
        }
    };

    let bound = pick::bound(backend_set, request.headers());
    let upgrade_request = match meta.present.has(HeaderFlags::UPGRADE) || request.version() == Version::HTTP_2
    {
        true => upgrade_request(connection, rewriting.as_deref(), &mut request)?,
        false => None,
    };
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
            Handshake::ask(request.headers_mut());
            (Purpose::Tunnel, false)
        }
        None => (Purpose::Requests, selection.route.buffering.requests),
    };
    if buffered {
        forward::collect(connection, request.body_mut()).await?;
    }
    record.upload(request.body().progress());
    let asks_first =
        !buffered && meta.present.has(HeaderFlags::EXPECT) && request.version() == Version::HTTP_11;

    let manner = Manner { purpose, asks_first };
    let mut exchange = forward::exchange(connection, backend_set, bound, request, manner, record).await?;
    record.answered(&exchange.response);
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
    pick::bind(backend_set, bound, exchange.member, switched, exchange.response.headers_mut());
    Ok(ProxyResponse::Upstream(exchange, tunnel))
}

/// Returns the route of the listener for this request.
///
/// # Errors
/// The host is invalid, no listener serves it, or the listener does not accept this connection.
fn admit<B>(
    connection: &Connection,
    request: &Request<B>,
    record: &mut Record,
) -> Result<Arc<Route>, ProxyError> {
    let (runtime, tls) = (connection.current.load(), connection.tls.as_deref());
    let binding = runtime.bindings.get(&connection.address).ok_or(ProxyError::NoListener)?;
    admission::check_protocol(connection.secure, binding.tls.is_some(), tls)?;
    let host = headers::host(request)?;
    let route = binding.route(&host).ok_or(ProxyError::NoListener)?;
    record.take(route);
    admission::check_suite(route, tls)?;
    admission::check_client(route, tls)?;
    Ok(route.clone())
}

/// Returns the tunnel that a request asks for, if any.
fn upgrade_request<B>(
    connection: &Connection,
    rewriting: Option<&Rewriting>,
    request: &mut Request<B>,
) -> Result<Option<UpgradeRequest>, ProxyError> {
    if http2::is_asked_for(request.headers()) {
        return Err(ProxyError::Http2Upgrade);
    }
    let handshake = Handshake::asked_by(request, || handshake::key(&connection.thread));
    if handshake.is_some() && Handshake::loses_headers(request.headers()) {
        return Err(ProxyError::HandshakeHeaders);
    }
    Ok(handshake.map(|handshake| {
        let target = rewriting.map_or(request.uri(), Rewriting::original_uri);
        UpgradeRequest {
            handshake,
            head: tunnel::HandshakeHead::of(&connection.thread, request, target),
            stream: PendingUpgrade::of(request),
        }
    }))
}

/// Converts the head of the request to the one for the backend, except for `Host`. Returns the headers that were
/// dropped because of their names.
fn prepare<B>(
    connection: &Connection,
    selection: &Selection,
    backend_set: &BackendSet,
    rewriting: Option<&Rewriting>,
    meta: RequestMeta,
    request: &mut Request<B>,
) -> Result<Dropped, ProxyError> {
    let asked = rewriting.map_or(request.uri(), Rewriting::original_uri);
    let gateway_headers = headers::GatewayHeaders::of(meta.id, meta.trace, asked);
    let rules = selection.route.headers;
    let dropped =
        headers::prepare_request(request.headers_mut(), meta.present, connection, gateway_headers, rules);
    if let Some(rewriting) = rewriting {
        rewriting.change_headers(request)?;
    }
    if let Some(replacement) = &backend_set.path {
        *request.uri_mut() = path::replace(request.uri(), replacement, selection.matched())?;
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
    match (upgrade_request, exchange.response.status() == StatusCode::SWITCHING_PROTOCOLS) {
        (Some(UpgradeRequest { handshake, head, stream }), true) => {
            if let Some(fault) = handshake.fault(exchange.response.headers()) {
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
            if upgrade_request.handshake.is_mistaken_for_open(&exchange.response) =>
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
) -> Response<ResponseBody> {
    let Exchange { response, backend, in_flight, lease, read_timeout, .. } = exchange;
    let (mut parts, inner) = response.into_parts();
    record.answer(parts.status, &parts.headers);
    let switching = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let present = HeaderFlags::of(&parts.headers);
    let wanted = if present.has(HeaderFlags::UPGRADE) { parts.headers.remove(UPGRADE) } else { None };
    headers::drop_hop_by_hop(&mut parts.headers, present);
    headers::canonical_length(&mut parts.headers, present);
    parts.version = Version::HTTP_11;
    if switching {
        Handshake::ask(&mut parts.headers);
    } else if let (StatusCode::UPGRADE_REQUIRED, Some(wanted)) = (parts.status, wanted) {
        // Without `Upgrade`, the response would not name the required protocol (RFC 9110, section 15.5.22).
        parts.headers.insert(UPGRADE, wanted);
    }
    let body = if let Some(tunnel) = tunnel {
        record.complete();
        // An HTTP/2 stream is handed over in another task.
        tunnel.unless_over_stream().map_or(ResponseBody::Whole(bytes::Bytes::new()), ResponseBody::Tunnel)
    } else if http_body::Body::is_end_stream(&inner) {
        record.complete();
        if let Some(lease) = lease {
            lease.give_back();
        }
        ResponseBody::Whole(bytes::Bytes::new())
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
    Response::from_parts(parts, body)
}
