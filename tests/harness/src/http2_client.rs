//! A client of HTTP/2 whose streams a test plays one by one: what is sent, what is read, and how each side ends.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};
use rustls::ClientConfig;
use tokio::task::JoinSet;

use crate::http_client::Answer;
use crate::wait::{timely, wait_for};
use crate::wire::{Wire, dial, try_dial_tls};

/// What the server may send before anything is read.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Http2Client {
    host: String,
    scheme: &'static str,
    requests: SendRequest<Bytes>,
    /// Drives the connection; ends with it.
    _connection: JoinSet<()>,
}

/// One stream.
#[derive(Debug)]
pub struct Http2Stream {
    sending: SendStream<Bytes>,
    answer: Option<ResponseFuture>,
    receiving: Option<RecvStream>,
    /// Read, but not taken yet.
    buffer: Vec<u8>,
}

/// How what is read of a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// In order.
    Finished,
    /// By `RST_STREAM` with this code.
    Reset(Reason),
    /// With the connection.
    Lost,
}

impl Http2Client {
    /// In TLS, to the server that calls itself `host`, with HTTP/2 agreed on by ALPN.
    pub async fn connect_tls(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> Http2Client {
        let client = Http2Client::try_connect_tls(address, host, config).await;
        client.unwrap_or_else(|error| panic!("no HTTP/2 with {address} as {host}: {error}"))
    }

    /// The same, where the server may not want it.
    ///
    /// # Errors
    /// How the handshake failed.
    pub async fn try_connect_tls(
        address: SocketAddr,
        host: &str,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<Http2Client> {
        let wire = try_dial_tls(address, host, &offering_http2(config)).await?;
        Ok(Http2Client::over(wire, host, "https").await)
    }

    /// In the clear, by prior knowledge.
    pub async fn connect(address: SocketAddr, host: &str) -> Http2Client {
        Http2Client::over(dial(address).await, host, "http").await
    }

    async fn over(wire: Box<dyn Wire>, host: &str, scheme: &'static str) -> Http2Client {
        // A stream that is not read must not use up the window of the others: that would be this side's doing.
        let handshake = Builder::new().initial_connection_window_size(CONNECTION_WINDOW).handshake(wire);
        let (requests, connection) =
            timely("an HTTP/2 connection", handshake).await.expect("the server speaks HTTP/2");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The streams report the error.
            let _ = connection.await;
        });
        Http2Client { host: host.to_owned(), scheme, requests, _connection: tasks }
    }

    /// Has requests ask for this host from now on, whatever the connection was made for.
    pub fn ask_for(&mut self, host: &str) {
        host.clone_into(&mut self.host);
    }

    /// `GET` of a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// Any request, its body whole.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let mut stream = self.begin(method, path, headers, body.is_empty()).await;
        if !body.is_empty() {
            stream.sending.send_data(body, true).expect("the stream is open");
        }
        stream.answer().await
    }

    /// A request whose body is the test's to send; with `whole`, it has none.
    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        whole: bool,
    ) -> Http2Stream {
        self.open(self.request(method, path, headers), whole).await
    }

    /// A WebSocket by extended CONNECT (RFC 8441), or another protocol.
    pub async fn connect_protocol(
        &mut self,
        protocol: &'static str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Http2Stream {
        wait_for("the server to allow extended CONNECT", async || {
            self.requests.is_extended_connect_protocol_enabled().then_some(())
        })
        .await;
        let mut request = self.request("CONNECT", path, headers);
        request.extensions_mut().insert(h2::ext::Protocol::from_static(protocol));
        self.open(request, false).await
    }

    /// A plain CONNECT.
    pub async fn connect_plain(&mut self) -> Http2Stream {
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = self.host.parse().expect("tests name hosts properly");
        self.open(request, false).await
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
        let uri = format!("{}://{}{path}", self.scheme, self.host);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("tests write valid requests")
    }

    async fn open(&mut self, request: Request<()>, whole: bool) -> Http2Stream {
        let ready = timely("room for a stream", self.requests.clone().ready()).await;
        self.requests = ready.expect("the connection lives");
        let (answer, sending) = self.requests.send_request(request, whole).expect("the connection lives");
        Http2Stream { sending, answer: Some(answer), receiving: None, buffer: Vec::new() }
    }

    /// Waits until the server takes no more streams on this connection.
    pub async fn refused(&mut self) {
        let closed = async {
            while self.requests.clone().ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timely("the connection to take no more streams", closed).await;
    }

    /// How many streams the server allows at once.
    pub fn max_streams(&self) -> usize {
        self.requests.current_max_send_streams()
    }
}

impl Http2Stream {
    /// The head of the answer.
    pub async fn head(&mut self) -> Response<()> {
        self.try_head().await.unwrap_or_else(|end| panic!("no answer but {end:?}"))
    }

    /// The head of the answer, where the stream may end without one.
    ///
    /// # Errors
    /// How it ended.
    pub async fn try_head(&mut self) -> Result<Response<()>, StreamEnd> {
        let answer = self.answer.take().expect("the head has not been read yet");
        let (head, body) = timely("an answer", answer).await.map_err(|error| ended(&error))?.into_parts();
        self.receiving = Some(body);
        Ok(Response::from_parts(head, ()))
    }

    /// The whole answer.
    pub async fn answer(mut self) -> Answer {
        let head = self.head().await;
        let (body, end) = self.read_to_end().await;
        assert_eq!(end, StreamEnd::Finished, "the answer broke off after {} bytes", body.len());
        Answer { status: head.status().as_u16(), headers: head.headers().clone(), body: body.into() }
    }

    /// Sends as the window allows.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        timely("room to write", self.try_write(bytes.as_ref())).await.expect("the stream takes bytes");
    }

    async fn try_write(&mut self, mut bytes: &[u8]) -> Result<(), h2::Error> {
        while !bytes.is_empty() {
            self.sending.reserve_capacity(bytes.len());
            let room = std::future::poll_fn(|cx| self.sending.poll_capacity(cx)).await;
            let room = room.ok_or_else(|| h2::Error::from(Reason::STREAM_CLOSED))??;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.sending.send_data(Bytes::copy_from_slice(now), false)?;
            bytes = later;
        }
        Ok(())
    }

    /// Sends the block again and again until nothing more is taken for half a second. Returns how many whole blocks
    /// went out.
    pub async fn write_until_held_up(&mut self, block: &[u8]) -> usize {
        let fill = async {
            let mut blocks = 0;
            while let Ok(written) =
                tokio::time::timeout(std::time::Duration::from_millis(500), self.try_write(block)).await
            {
                written.expect("the stream takes bytes");
                blocks += 1;
            }
            blocks
        };
        timely("a writer to be held up", fill).await
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        self.sending.send_data(Bytes::new(), true).expect("the stream is open");
    }

    /// Says so with trailers.
    pub fn finish_with(&mut self, trailers: HeaderMap) {
        self.sending.send_trailers(trailers).expect("the stream is open");
    }

    /// Ends the stream out of order.
    pub fn reset(&mut self, reason: Reason) {
        self.sending.send_reset(reason);
    }

    /// Waits until the server has reset the stream, reading nothing.
    pub async fn was_reset(&mut self) -> Reason {
        let reset = std::future::poll_fn(|cx| self.sending.poll_reset(cx));
        timely("a stream to be reset", reset).await.expect("the connection lives")
    }

    /// Exactly so many bytes; what is not read stays the server's to hold.
    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let data = timely("bytes", self.next()).await;
            self.buffer.extend(data.unwrap_or_else(|end| panic!("{end:?} instead of bytes")));
        }
        self.buffer.drain(..count).collect()
    }

    /// Everything up to the end, and how the end came.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, StreamEnd) {
        let end = async {
            loop {
                match self.next().await {
                    Ok(data) => self.buffer.extend(data),
                    Err(end) => return end,
                }
            }
        };
        let end = timely("the end of a stream", end).await;
        (std::mem::take(&mut self.buffer), end)
    }

    /// The trailers, after the body has been read to its end.
    pub async fn trailers(&mut self) -> Option<HeaderMap> {
        let receiving = self.receiving.as_mut().expect("the head has been read");
        timely("trailers", receiving.trailers()).await.expect("the stream lives")
    }

    async fn next(&mut self) -> Result<Bytes, StreamEnd> {
        if self.receiving.is_none() {
            self.head().await;
        }
        let receiving = self.receiving.as_mut().expect("the head has been read");
        match receiving.data().await {
            None => Err(StreamEnd::Finished),
            Some(Err(error)) => Err(ended(&error)),
            Some(Ok(data)) => {
                receiving
                    .flow_control()
                    .release_capacity(data.remaining())
                    .expect("what came can be released");
                Ok(data)
            }
        }
    }
}

fn ended(error: &h2::Error) -> StreamEnd {
    match error.reason() {
        Some(reason) if error.is_reset() => StreamEnd::Reset(reason),
        _ => StreamEnd::Lost,
    }
}

/// The same client, offering HTTP/2 and nothing else.
pub(crate) fn offering_http2(config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}
