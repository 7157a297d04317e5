//! One probe of one backend: connects, sends the request, reads the response. The present step is recorded, so that
//! a timeout can be explained.

use std::cell::Cell;
use std::error::Error;

use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tidegate_shared::snapshot::{HttpVersion, Probe};
use tokio::time::timeout;

use super::answer;
use super::bounded::ReadLimit;
use crate::backend::Backend;
use crate::dial;
use crate::stream::Stream;
use crate::tls::client;
use crate::upstream::{ConnectError, http2, secure};

/// The step that a probe is waiting for.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connection,
    Handshake,
    Head,
    Body,
}

impl Step {
    /// Describes a timeout of this step for a backend at `address`.
    fn describe(self, address: &str) -> String {
        match self {
            Step::Connection => format!("there is no TCP connection to {address}"),
            Step::Handshake => format!(
                "{address} accepted the connection, but the TLS handshake did not end. Does the backend speak TLS on \
                 this port?"
            ),
            Step::Head => format!("{address} accepted the connection, but did not answer the request"),
            Step::Body => format!("{address} began to answer, but the body did not end"),
        }
    }
}

/// Probes once, within the probe's timeout. Returns the reason as text for a person: `Ok` if the response is
/// healthy.
pub(crate) async fn ask_in_time(backend: &Backend, probe: &Probe) -> Result<String, String> {
    let step = Cell::new(Step::Connection);
    match timeout(probe.timeout, ask(backend, probe, &step)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let description = step.get().describe(&backend.address_at(port(backend, probe)));
            Err(format!(
                "No answer within {} s: {}.",
                probe.timeout.as_secs(),
                description.trim_end_matches('.')
            ))
        }
    }
}

fn port(backend: &Backend, probe: &Probe) -> u16 {
    probe.port.unwrap_or(backend.key.port)
}

async fn ask(backend: &Backend, probe: &Probe, step: &Cell<Step>) -> Result<String, String> {
    let member = Backend::own_host(&backend.key.host);
    let host = probe.host.as_deref().unwrap_or(&member);
    let tls = match &backend.tls {
        None => None,
        Some(tls) => {
            let name =
                tls.name.clone().map_or_else(|| server_name(backend.key.server_name(host, &member)), Ok);
            Some((tls.config(backend.key.version).clone(), name?))
        }
    };
    let http2 = backend.key.version == HttpVersion::Http2;
    let failed = |error: ConnectError| sentence(&error.to_string());
    let tcp = dial::connect(&backend.location, port(backend, probe)).await;
    let tcp = tcp.map_err(|error| failed(ConnectError::Dial(error)))?;
    step.set(Step::Handshake);
    let stream = secure(tcp, tls).await.map_err(failed)?;
    step.set(Step::Head);
    if http2 { by_http2(probe, host, stream, step).await } else { by_http1(probe, host, stream, step).await }
}

async fn by_http1(probe: &Probe, host: &str, stream: Stream, step: &Cell<Step>) -> Result<String, String> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(ReadLimit::new(stream)));
    let (mut sender, connection) = handshake.await.map_err(|e| format!("The connection failed: {e}."))?;
    let conversation = async {
        let response = sender.send_request(request(probe, host)?).await;
        let response = response.map_err(|e| no_answer("HTTP/1.1", &e))?;
        step.set(Step::Body);
        answer::evaluate(probe, response.status(), response.into_body()).await
    };
    tokio::select! {
        biased;
        outcome = conversation => outcome,
        // The connection must be polled, but only the result of the exchange matters.
        never = async { let _ = connection.await; std::future::pending().await } => never,
    }
}

async fn by_http2(probe: &Probe, host: &str, stream: Stream, step: &Cell<Step>) -> Result<String, String> {
    http2::check(&stream).map_err(|e| sentence(&e.to_string()))?;
    let scheme = if matches!(stream, Stream::Tls(_)) { "https" } else { "http" };
    let request = Request::get(format!("{scheme}://{host}{}", probe.path))
        .header(USER_AGENT, "Tidegate-Probe")
        .body(Empty::<Bytes>::new())
        .map_err(|e| format!("The probe's request is invalid: {e}."))?;
    let stream = TokioIo::new(ReadLimit::new(stream));
    let handshake = hyper::client::conn::http2::handshake(http2::OnThisThread, stream);
    let (mut sender, connection) = handshake.await.map_err(|e| format!("The connection failed: {e}."))?;
    let conversation = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|e| no_answer("HTTP/2", &e))?;
        step.set(Step::Body);
        answer::evaluate(probe, response.status(), response.into_body()).await
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
    let host = HeaderValue::from_str(host).map_err(|_| format!("{host:?} is not a valid header value."))?;
    Request::get(probe.path.as_str())
        .header(HOST, host)
        .header(USER_AGENT, "Tidegate-Probe")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|e| format!("The probe's path is invalid: {e}."))
}

/// Describes why there is no response head in this protocol.
fn no_answer(protocol: &str, error: &hyper::Error) -> String {
    let h2_error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    let (is_remote, is_go_away) =
        h2_error.map_or((false, false), |h2_error| (h2_error.is_remote(), h2_error.is_go_away()));
    if error.is_incomplete_message() || (is_remote && is_go_away) {
        return "The backend closed the connection before it had answered the request.".to_owned();
    }
    if is_remote {
        return format!("The backend aborted the request before it had answered: {}.", cause(error));
    }
    if error.is_parse() || h2_error.is_some() {
        return format!("The backend's answer is not {protocol}, or breaks its rules: {}.", cause(error));
    }
    format!("The connection failed before the request was answered: {}.", cause(error))
}

/// Formats the error with its source, if there is one.
fn cause(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
