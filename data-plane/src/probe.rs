//! One task for each backend that asks it, again and again, whether it is well.
//!
//! The task alone writes its backend's health. It uses a connection of its own every time: a probe that travelled on
//! a kept connection would not notice that no new one can be opened.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tidegate_shared::protocol::HealthState;
use tidegate_shared::snapshot::{HttpVersion, Probe};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::backend::Backend;
use crate::health::Judge;
use crate::proxy::upstream::{self, http2};
use crate::stream::Stream;
use crate::tls::client;

/// How much of a body is looked through for the text that it must contain.
const MAX_BODY: usize = 64 * 1024;

/// Probes `backend` until it is dropped. `changed` is told whenever verdict or reason change.
pub(crate) async fn run(backend: Arc<Backend>, changed: Rc<Notify>) {
    let probe = backend.probe().clone();
    let mut judge = Judge::after(backend.health.state());
    loop {
        let outcome = ask_in_time(&backend, &probe).await;
        let before = backend.health.state();
        let state = judge.observe(outcome.is_ok(), probe.unhealthy_threshold);
        let reason = outcome.unwrap_or_else(|reason| reason);
        if backend.health.set(state, &reason) {
            changed.notify_one();
        }
        if state != before && (state == HealthState::Down || before == HealthState::Down) {
            let (pool, address) = (&backend.key.pool, backend.address());
            tracing::info!(pool, backend = address, health = ?state, reason, "health changed");
        }
        tokio::select! {
            () = sleep(jittered(probe.interval)) => {}
            // It leads elsewhere now: what was found out about it counts no more.
            () = backend.location.moved() => {}
        }
    }
}

/// The interval, up to a tenth shorter, so that probes of many backends do not march in step.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - fastrand::f64() / 10.0)
}

/// Asks once, for as long as the probe grants.
pub(crate) async fn ask_in_time(backend: &Backend, probe: &Probe) -> Result<String, String> {
    match timeout(probe.timeout, ask(backend, probe)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("No answer within {} s.", probe.timeout.as_secs())),
    }
}

/// Asks once. What was good or bad about the answer, for a person to read.
async fn ask(backend: &Backend, probe: &Probe) -> Result<String, String> {
    let member = Backend::own_host(&backend.key.host);
    let host = probe.host.as_deref().unwrap_or(&member);
    let tls = match &backend.tls {
        None => None,
        Some(config) => Some((config.clone(), server_name(backend.key.server_name(host, &member))?)),
    };
    let port = probe.port.unwrap_or(backend.key.port);
    let http2 = backend.key.version == HttpVersion::Http2;
    let tls = tls.map(|(config, name)| (if http2 { http2::offered(&config) } else { config }, name));
    let stream =
        upstream::connect(&backend.location, port, tls).await.map_err(|e| format!("{}.", capital(&e)))?;
    if http2 {
        return ask_by_http2(probe, host, stream).await;
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| format!("The connection failed: {e}."))?;
    let conversation = async {
        let request = request(probe, host)?;
        let response =
            sender.send_request(request).await.map_err(|e| format!("The answer is not HTTP: {e}."))?;
        judge(probe, response.status(), response.into_body()).await
    };
    tokio::select! {
        biased;
        outcome = conversation => outcome,
        // Only the conversation's end is of interest; the connection merely has to be driven.
        never = async { let _ = connection.await; std::future::pending().await } => never,
    }
}

async fn ask_by_http2(probe: &Probe, host: &str, stream: Stream) -> Result<String, String> {
    http2::check(&stream).map_err(|e| format!("{}.", capital(&e)))?;
    let scheme = if matches!(stream, Stream::Tls(_)) { "https" } else { "http" };
    let request = Request::get(format!("{scheme}://{host}{}", probe.path))
        .header(USER_AGENT, "Tidegate-Probe")
        .body(Empty::<Bytes>::new())
        .map_err(|e| format!("The probe cannot be asked: {e}."))?;
    let handshake = hyper::client::conn::http2::handshake(http2::OnThisThread, TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|e| format!("The connection failed: {e}."))?;
    let conversation = async {
        let response =
            sender.send_request(request).await.map_err(|e| format!("The answer is not HTTP/2: {e}."))?;
        judge(probe, response.status(), response.into_body()).await
    };
    tokio::select! {
        biased;
        outcome = conversation => outcome,
        never = async { let _ = connection.await; std::future::pending().await } => never,
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    client::server_name(name).ok_or_else(|| format!("{name:?} is neither a host name nor an address."))
}

fn request(probe: &Probe, host: &str) -> Result<Request<Empty<Bytes>>, String> {
    let host = HeaderValue::from_str(host).map_err(|_| format!("{host:?} is no header value."))?;
    Request::get(probe.path.as_str())
        .header(HOST, host)
        .header(USER_AGENT, "Tidegate-Probe")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|e| format!("The probe's path cannot be asked for: {e}."))
}

async fn judge(probe: &Probe, status: StatusCode, mut body: Incoming) -> Result<String, String> {
    if !probe.statuses.iter().any(|range| range.contains(&status.as_u16())) {
        let wanted: Vec<_> = probe.statuses.iter().map(|r| format!("{}-{}", r.start(), r.end())).collect();
        return Err(format!("Received status {}, expected {}.", status.as_u16(), wanted.join(", ")));
    }
    if probe.body.is_empty() {
        return Ok(format!("Success. Received status {}.", status.as_u16()));
    }
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| format!("The body broke off: {e}."))?;
        text.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
        if contains(&text, probe.body.as_bytes()) {
            return Ok(format!("Success. Received status {} and the expected body.", status.as_u16()));
        }
        if text.len() > MAX_BODY {
            break;
        }
    }
    Err(format!("The body does not contain {:?}.", probe.body))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn capital(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
