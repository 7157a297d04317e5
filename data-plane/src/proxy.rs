//! One request, from its head to its answer. Read this first.
//!
//! ```text
//! route → rewrite → redirect, or override the path → affinity → pick a backend → forward, or shake hands and tunnel
//!       → rewrite the answer → respond → log
//! ```
//! Each phase is a module of its own. A request uses the route that was in force when it came in, whatever happens
//! to the configuration meanwhile.

mod admission;
pub(crate) mod body;
mod buffer;
pub(crate) mod dedicated;
mod error;
mod forward;
mod handshake;
mod headers;
mod http2;
pub(crate) mod page;
mod path;
mod pick;
mod record;
mod redirect;
mod rewrite;
pub(crate) mod tunnel;
pub(crate) mod upstream;
mod variables;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::header::UPGRADE;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::listener::Connection;
use crate::runtime::{Action, Route, Selection};
use crate::spool::Room;
use crate::trace;
use body::{Passing, RequestBody, ResponseBody};
use buffer::held::Held;
use error::ProxyError;
use forward::Exchange;
use handshake::Handshake;
use record::{Record, TransactionId};
use upstream::Purpose;

/// Answers one request. Whatever goes wrong becomes the gateway's own answer; every request leaves one access line.
pub(crate) async fn serve(
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let id = TransactionId::new(&connection.thread);
    let translated = http2::translate(&mut request, connection.thread.max_request_body);
    let mut record = Record::start(&connection, id, &request);
    let span = || connection.thread.random.borrow_mut().u64(1..).to_be_bytes();
    let exports = connection.thread.spans.is_on();
    record.trace(trace::pass_on(request.headers_mut(), id.bytes(), span, exports));
    let (to_head, mut route) = (request.method() == Method::HEAD, None);
    let answered = match translated {
        Ok(()) => answer(&connection, request, id, &mut route, &mut record).await,
        Err(error) => {
            if matches!(error, ProxyError::Refused(_)) {
                connection.counts.cells().malformed.add(1);
            }
            Err(error)
        }
    };
    let response = match answered {
        Ok(Answer::Passed(exchange)) => {
            let holds = route.as_ref().is_some_and(|route| route.buffering.responses);
            respond(exchange, record, holds.then_some(&connection.thread.room))
        }
        Ok(Answer::Own(response)) => {
            record.answer(response.status(), response.headers());
            record.complete();
            response
        }
        Err(error) => {
            let answers = match &route {
                Some(route) => route.answers.clone(),
                None => connection.current.load().answers.clone(),
            };
            let response = error.response(&answers, to_head);
            record.answer(response.status(), response.headers());
            record.fail(error.info(), error.to_string());
            response
        }
    };
    Ok(response)
}

/// What a request is answered with.
enum Answer {
    /// What a backend said.
    Passed(Exchange),
    /// The gateway's own words.
    Own(Response<ResponseBody>),
}

async fn answer(
    connection: &Rc<Connection>,
    mut request: Request<Incoming>,
    id: TransactionId,
    chosen: &mut Option<Arc<Route>>,
    record: &mut Record,
) -> Result<Answer, ProxyError> {
    if let Some(fault) = connection.wire.refusal(&request) {
        connection.counts.cells().malformed.add(1);
        return Err(ProxyError::Refused(fault));
    }
    admission::check_protocol(connection.secure, connection.tls.as_deref())?;
    let route: &Arc<Route> = chosen.insert(route(connection, headers::host(&request)?)?);
    if !headers::has_plain_framing(request.headers()) {
        return Err(ProxyError::TransferCoding);
    }
    record.route(route);
    admission::check_client(route, connection.tls.as_deref())?;
    let selection = Selection::of(route, request.uri().path()).ok_or(ProxyError::NoRule)?;
    headers::note_target(&mut request);
    let (selection, rewriting) = rewrite::request(selection, connection, &mut request)?;
    record.select(&selection);
    let target = match selection.action() {
        Action::Forward(target) => target,
        Action::Redirect(redirect) => {
            let host = headers::host(&request)?;
            let location =
                redirect::location(redirect, host, request.uri()).ok_or(ProxyError::InvalidHost)?;
            return Ok(Answer::Own(route.answers.redirect(
                redirect.status,
                location,
                request.method() == Method::HEAD,
            )));
        }
    };

    if http2::is_asked_for(request.headers()) {
        return Err(ProxyError::Http2Upgrade);
    }
    let bound = pick::bound(target, request.headers());
    let handshake = Handshake::asked_by(&mut request, || handshake::key(&connection.thread));
    let asked = handshake.map(|handshake| {
        let target = rewriting.as_ref().map_or(request.uri(), |rewriting| rewriting.original_uri());
        (handshake, tunnel::Head::of(&request, target), hyper::upgrade::on(&mut request))
    });
    record.drop_headers(headers::prepare_request(request.headers_mut(), connection, id, route.headers));
    if let Some(rewriting) = &rewriting {
        rewriting.change_headers(&mut request)?;
    }
    if let Some(replacement) = &target.path {
        *request.uri_mut() = path::replace(request.uri(), replacement, selection.matched())?;
    }
    let purpose = if asked.is_some() { Purpose::Tunnel } else { Purpose::Requests };
    if asked.is_some() {
        Handshake::ask(request.headers_mut());
    }
    let (mut parts, body) = request.into_parts();
    let (body, upload) = match route.buffering.requests && asked.is_none() {
        true => forward::collect(connection, body).await?,
        false => RequestBody::new(body, connection.thread.max_request_body),
    };
    headers::frame(&mut parts.headers, &body);
    record.upload(upload.as_ref());

    let request = Request::from_parts(parts, body);
    let mut exchange = forward::exchange(connection, target, bound, request, upload, purpose, record).await?;
    record.answered(&exchange.response);
    let switching = exchange.response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switching {
        let Some((handshake, head, downstream)) = asked else {
            return Err(exchange.false_upgrade("to a request that asked for none"));
        };
        if let Some(fault) = handshake.fault(exchange.response.headers()) {
            return Err(exchange.false_upgrade(fault));
        }
        tunnel::open(connection, &selection, target, &mut exchange, downstream, head, (id, record.traced()));
        handshake.conclude(&mut exchange.response);
    } else if asked.is_some_and(|(handshake, ..)| handshake.is_mistaken_for_open(&exchange.response)) {
        return Err(exchange.no_upgrade());
    } else if !headers::has_plain_framing(exchange.response.headers()) {
        return Err(exchange.foreign_coding());
    } else if let Some(rewriting) = &rewriting {
        rewriting.answer(connection, &selection, &mut exchange.response)?;
    }
    pick::bind(target, bound, exchange.member, switching, exchange.response.headers_mut());
    Ok(Answer::Passed(exchange))
}

fn route(connection: &Connection, host: &str) -> Result<Arc<Route>, ProxyError> {
    let runtime = connection.current.load();
    let site = runtime.sites.get(&connection.address).ok_or(ProxyError::NoListener)?;
    site.route(host).cloned().ok_or(ProxyError::NoListener)
}

/// Makes the backend's answer the client's: its head without what concerned the upstream connection alone, its body
/// piece by piece: held in `room`, if there is one, while the client is slower.
fn respond(exchange: Exchange, mut record: Record, room: Option<&Room>) -> Response<ResponseBody> {
    let Exchange { response, backend, busy, lease, patience, .. } = exchange;
    let (mut parts, inner) = response.into_parts();
    record.answer(parts.status, &parts.headers);
    let switching = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let wanted = parts.headers.remove(UPGRADE);
    headers::drop_hop_by_hop(&mut parts.headers);
    parts.version = http::Version::HTTP_11;
    if switching {
        Handshake::ask(&mut parts.headers);
    } else if let (StatusCode::UPGRADE_REQUIRED, Some(wanted)) = (parts.status, wanted) {
        // Without it the answer would not say what is required (RFC 9110, section 15.5.22).
        parts.headers.insert(UPGRADE, wanted);
    }
    let body = if switching || http_body::Body::is_end_stream(&inner) {
        record.complete();
        // A tunnel has taken its lease along.
        if let Some(lease) = lease {
            lease.give_back();
        }
        ResponseBody::Whole(bytes::Bytes::new())
    } else if let Some(room) = room {
        ResponseBody::Held(Box::new(Held::start((inner, backend, busy), lease, record, patience, room)))
    } else {
        ResponseBody::Passing(Box::new(Passing {
            inner,
            backend,
            busy,
            lease,
            record,
            patience,
            pause: None,
        }))
    };
    Response::from_parts(parts, body)
}
