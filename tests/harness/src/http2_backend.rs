//! An HTTP/2 backend whose calls the test answers itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::address::{BACKEND_PORT, loopback};
use crate::byte_stream::{ByteStream, accept};
use crate::wait::within_deadline;

/// Listens, answers health probes with 200, and passes every other call to the test.
#[derive(Debug)]
pub struct Http2Backend {
    address: SocketAddr,
    calls: mpsc::Receiver<Call>,
    connections: Arc<AtomicUsize>,
    farewells: watch::Sender<usize>,
    _tasks: JoinSet<()>,
}

/// One request, and its response.
#[derive(Debug)]
pub struct Call {
    /// The head of the request.
    pub request: Request<()>,
    body: RecvStream,
    answer: SendResponse<Bytes>,
    sending: Option<SendStream<Bytes>>,
    buffer: Vec<u8>,
}

impl Http2Backend {
    /// Starts a backend without TLS (prior knowledge) at its own address.
    pub async fn start() -> Http2Backend {
        Http2Backend::start_at(loopback(), None).await
    }

    /// Starts a backend with TLS. The certificate must match the given address.
    pub async fn start_tls(ip: impl Into<IpAddr>, tls: &ServerConfig) -> Http2Backend {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Http2Backend::start_at(ip, Some(Arc::new(tls))).await
    }

    async fn start_at(ip: impl Into<IpAddr>, tls: Option<Arc<ServerConfig>>) -> Http2Backend {
        let listener =
            TcpListener::bind((ip.into(), BACKEND_PORT)).await.expect("the address is nobody else's");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (arrived, calls) = mpsc::channel(1024);
        let connections = Arc::new(AtomicUsize::new(0));
        let farewells = watch::Sender::new(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept_all(listener, tls, arrived, connections.clone(), farewells.subscribe()));
        Http2Backend { address, calls, connections, farewells, _tasks: tasks }
    }

    /// The IP address for pools.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Waits for the next call other than a probe.
    pub async fn call(&mut self) -> Call {
        within_deadline("a call to the backend", self.calls.recv()).await.expect("the backend listens")
    }

    /// Counts the connections that carried calls other than probes.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Sends GOAWAY on every connection; running calls may finish.
    pub fn say_farewell(&self) {
        self.farewells.send_modify(|count| *count += 1);
    }
}

impl Call {
    /// Returns a header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).map(|value| value.to_str().expect("tests send plain header values"))
    }

    /// Reads exactly `count` bytes of the body.
    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let data = within_deadline("bytes of a call", self.body.data()).await.expect("the call goes on");
            self.take(data.expect("the call goes on"));
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads the rest of the body.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while let Some(data) = within_deadline("bytes of a call", self.body.data()).await {
            self.take(data.expect("the call goes on"));
        }
        std::mem::take(&mut self.buffer)
    }

    /// Reads the trailers, after the body has been read to its end.
    pub async fn trailers(&mut self) -> Option<HeaderMap> {
        within_deadline("trailers of a call", self.body.trailers()).await.expect("the call goes on")
    }

    fn take(&mut self, data: Bytes) {
        self.body.flow_control().release_capacity(data.len()).expect("what came can be released");
        self.buffer.extend(data);
    }

    /// Sends the head of the response.
    pub fn head(&mut self, headers: &[(&str, &str)]) {
        self.begin(headers, false);
    }

    /// Sends a response without a body.
    pub fn head_alone(&mut self, headers: &[(&str, &str)]) {
        self.begin(headers, true);
    }

    fn begin(&mut self, headers: &[(&str, &str)], whole: bool) {
        let mut response = Response::builder().status(200);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(()).expect("tests write valid answers");
        self.sending = Some(self.answer.send_response(response, whole).expect("the call is open"));
    }

    /// Sends a piece of the response body.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.sending.as_mut().expect("the head has been sent");
        sending.send_data(Bytes::copy_from_slice(bytes.as_ref()), false).expect("the call is open");
    }

    /// Ends the response with trailers.
    pub fn finish_with(&mut self, trailers: &[(&'static str, &'static str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in trailers {
            map.insert(*name, value.parse().expect("tests write valid trailers"));
        }
        self.sending.as_mut().expect("the head has been sent").send_trailers(map).expect("the call is open");
    }

    /// Resets the stream.
    pub fn reset(&mut self, reason: Reason) {
        self.answer.send_reset(reason);
    }

    /// Waits until the other side has reset the stream.
    pub async fn was_reset(&mut self) -> Reason {
        let reset = std::future::poll_fn(|cx| match &mut self.sending {
            Some(sending) => sending.poll_reset(cx),
            None => self.answer.poll_reset(cx),
        });
        within_deadline("a call to be reset", reset).await.expect("the connection lives")
    }
}

async fn accept_all(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    arrived: mpsc::Sender<Call>,
    connections: Arc<AtomicUsize>,
    farewells: watch::Receiver<usize>,
) {
    let mut tasks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, arrived, connections) = (tls.clone(), arrived.clone(), connections.clone());
        let farewells = farewells.clone();
        tasks.spawn(async move {
            let Some(stream) = accept(stream, tls.as_ref()).await else { return };
            serve(stream, &arrived, &connections, farewells).await;
        });
    }
}

async fn serve(
    stream: Box<dyn ByteStream>,
    arrived: &mpsc::Sender<Call>,
    connections: &AtomicUsize,
    mut farewells: watch::Receiver<usize>,
) {
    farewells.mark_unchanged();
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut first = true;
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Ok(()) = farewells.changed() => {
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, mut answer))) = accepted else { return };
        let (head, body) = request.into_parts();
        let probe = head.uri.path().starts_with("/health")
            || head.uri.authority().is_some_and(|authority| authority.host() == "127.0.0.1");
        if probe {
            // The prober may be gone, or have its response.
            let _ = answer.send_response(Response::new(()), true);
            continue;
        }
        if std::mem::take(&mut first) {
            connections.fetch_add(1, Ordering::SeqCst);
        }
        let request = Request::from_parts(head, ());
        // The channel is full or closed: the test accepts no more calls.
        let _ = arrived.send(Call { request, body, answer, sending: None, buffer: Vec::new() }).await;
    }
}
