//! One request to one backend, and its answer's head: pick, connect, send, and try another only if nothing was sent.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderMap};
use http::{Request, Response};
use hyper::body::Incoming;
use rustls::pki_types::ServerName;
use tidegate_shared::snapshot::HttpVersion;
use tokio::time::{Instant, timeout};

use super::body::{Lease, Progress, RequestBody};
use super::error::ProxyError;
use super::pick::Pick;
use super::record::Record;
use super::rewrite;
use super::upstream::http2::Failed;
use super::upstream::{self, ConnectError, Key, Purpose, Sender};
use crate::backend::Backend;
use crate::listener::Connection;
use crate::member::Busy;
use crate::runtime::{HostPolicy, Target};
use crate::tls::client;

/// A request that has been answered, as far as the head of the answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) response: Response<Incoming>,
    pub(crate) backend: Arc<Backend>,
    /// The backend's number in its target.
    pub(crate) member: usize,
    pub(crate) busy: Option<Busy>,
    pub(crate) lease: Option<Lease>,
    /// How long the backend may pause within its body.
    pub(crate) patience: Duration,
}

impl Exchange {
    pub(crate) fn foreign_coding(&self) -> ProxyError {
        ProxyError::ForeignCoding { backend: self.backend.address() }
    }

    pub(crate) fn no_upgrade(&self) -> ProxyError {
        ProxyError::NoUpgrade { backend: self.backend.address(), status: self.response.status() }
    }

    pub(crate) fn false_upgrade(&self, what: &'static str) -> ProxyError {
        ProxyError::FalseUpgrade { backend: self.backend.address(), what }
    }
}

/// Sends the request to a backend of the target: first to the member that its client is bound to. The settings' request timeout runs until the head of the response,
/// and begins anew with every piece of the request's body that goes up.
pub(crate) async fn exchange(
    connection: &Rc<Connection>,
    target: &Target,
    bound: Option<usize>,
    request: Request<RequestBody>,
    upload: Option<Rc<Progress>>,
    purpose: Purpose,
    record: &mut Record,
) -> Result<Exchange, ProxyError> {
    let attempts = attempts(connection, target, bound, request, upload.clone(), purpose, record);
    let mut attempts = pin!(attempts);
    let mut wait = target.request_timeout;
    loop {
        match timeout(wait, attempts.as_mut()).await {
            Ok(done) => return done,
            Err(_) => {
                let quiet = upload.as_ref().map_or(Duration::MAX, |upload| upload.at.get().elapsed());
                wait = target.request_timeout.saturating_sub(quiet);
                if wait.is_zero() {
                    return Err(ProxyError::Timeout { seconds: target.request_timeout.as_secs() });
                }
            }
        }
    }
}

/// Takes the whole of a request's body in, before any backend is asked.
pub(crate) async fn collect(
    connection: &Connection,
    body: Incoming,
) -> Result<(RequestBody, Option<Rc<Progress>>), ProxyError> {
    RequestBody::collect(body, &connection.thread.room).await.map_err(|error| match error {
        ProxyError::ClientBody => connection.wire.fault().map_or(error, ProxyError::Refused),
        other => other,
    })
}

async fn attempts(
    connection: &Rc<Connection>,
    target: &Target,
    bound: Option<usize>,
    mut request: Request<RequestBody>,
    upload: Option<Rc<Progress>>,
    purpose: Purpose,
    record: &mut Record,
) -> Result<Exchange, ProxyError> {
    *request.version_mut() = http::Version::HTTP_11;
    let mut pick = Pick::new(target, bound, connection.client.ip(), &connection.dedicated);
    let mut failure = if target.is_empty() { ProxyError::EmptyPool } else { ProxyError::NoHealthyBackend };
    while let Some((member, backend)) = pick.next() {
        let busy = target.count(backend);
        if !rewrite::has_set_host(&request) {
            set_host(request.headers_mut(), target, backend);
        }
        record.ask(backend, &request);
        let broken = |source| match &upload {
            Some(upload) if upload.broken.get() => {
                connection.wire.fault().map_or(ProxyError::ClientBody, ProxyError::Refused)
            }
            _ if let Some(cut) = backend.drained() => ProxyError::Drained { backend: backend.address(), cut },
            _ => ProxyError::Broken { backend: backend.address(), source },
        };
        let unreachable = |source| ProxyError::Connect { backend: backend.address(), source };
        let tls = match &backend.tls {
            Some(tls) => {
                let name = tls.name.clone().map_or_else(|| server_name(&request), Ok);
                Some((tls.config.clone(), name.map_err(unreachable)?))
            }
            None => None,
        };
        let key = Key::new(backend, tls.as_ref().map(|(_, name)| name.clone()));
        let finished = |response, sender| Exchange {
            response,
            backend: backend.clone(),
            member,
            busy,
            lease: Some(Lease {
                connection: connection.clone(),
                dedicated: target.dedicated,
                key: key.clone(),
                sender,
                upload: upload.clone(),
            }),
            patience: target.request_timeout,
        };
        if purpose == Purpose::Requests {
            let kept = || match target.dedicated {
                true => connection.dedicated.take(&key),
                false => connection.thread.upstreams.take(&key, backend.key.version),
            };
            while let Some(mut sender) = kept() {
                let spare = spare(&request);
                match send(&mut sender, request, backend.tls.is_some()).await {
                    Sent::Answered(response) => return Ok(finished(response, sender)),
                    Sent::Broken(error) => request = spare.ok_or_else(|| broken(error))?,
                    Sent::Nothing(unsent, _) => request = *unsent,
                }
            }
        }
        // A backend of HTTP/2 may refuse a request without having looked at it: it is asked once more.
        let shared = purpose == Purpose::Requests && backend.key.version == HttpVersion::Http2;
        for _ in 0..if shared { 2 } else { 1 } {
            let began = Instant::now();
            let mut opened = upstream::open(&connection.thread, backend, &key, tls.clone(), purpose).await;
            if opened.as_ref().is_err_and(ConnectError::is_exhaustion)
                && connection.thread.upstreams.give_up()
            {
                // The connections that were just closed have made room.
                opened = upstream::open(&connection.thread, backend, &key, tls.clone(), purpose).await;
            }
            record.connected(opened.is_ok(), began.elapsed());
            let mut sender = match opened {
                Ok(sender) => sender,
                Err(error) => {
                    failure = unreachable(error);
                    break;
                }
            };
            let spare = spare(&request);
            match send(&mut sender, request, backend.tls.is_some()).await {
                Sent::Answered(response) => return Ok(finished(response, sender)),
                Sent::Broken(error) => {
                    failure = broken(error);
                    let Some(again) = spare else { return Err(failure) };
                    request = again;
                    break;
                }
                Sent::Nothing(unsent, error) => {
                    request = *unsent;
                    failure = broken(error);
                }
            }
        }
    }
    Err(failure)
}

/// The same request once more, where it can be sent again and doing it twice is as good as once (RFC 9110, section
/// 9.2.2).
fn spare(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_idempotent() {
        return None;
    }
    let mut spare = Request::new(request.body().again()?);
    spare.method_mut().clone_from(request.method());
    spare.uri_mut().clone_from(request.uri());
    spare.headers_mut().clone_from(request.headers());
    *spare.version_mut() = request.version();
    Some(spare)
}

enum Sent {
    Answered(Response<Incoming>),
    /// Bytes may have reached the backend: it must not be asked again.
    Broken(hyper::Error),
    /// The connection was gone before a byte was sent: the request is as good as new.
    Nothing(Box<Request<RequestBody>>, hyper::Error),
}

async fn send(sender: &mut Sender, request: Request<RequestBody>, secure: bool) -> Sent {
    let sender = match sender {
        Sender::Http1(sender) => sender,
        Sender::Http2(room) => {
            return match room.send(request, secure).await {
                Ok(response) => Sent::Answered(response),
                Err(Failed::Unseen(request, error)) => Sent::Nothing(request, error),
                Err(Failed::Broken(error)) => Sent::Broken(error),
            };
        }
    };
    if let Err(error) = sender.ready().await {
        return Sent::Nothing(Box::new(request), error);
    }
    match sender.try_send_request(request).await {
        Ok(response) => Sent::Answered(response),
        Err(mut failed) => match failed.take_message() {
            Some(unsent) => Sent::Nothing(Box::new(unsent), failed.into_error()),
            None => Sent::Broken(failed.into_error()),
        },
    }
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

/// The name that the backend's certificate must bear, and its SNI unless it is an address: the host that it is asked
/// for.
fn server_name(request: &Request<RequestBody>) -> Result<ServerName<'static>, ConnectError> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = host.parse::<http::uri::Authority>().map_or(host.to_owned(), |host| host.host().to_owned());
    client::server_name(&name).ok_or(ConnectError::ServerName(name))
}
