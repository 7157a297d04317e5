//! An HTTP/2 client whose streams a test controls: what is sent, what is read, and how each side ends.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::byte_stream::{ByteStream, dial, tls_over, try_dial_tls};
use crate::http_client::Answer;
use crate::wait::{wait_for, within_deadline};

/// The connection window: the bytes that the server may send before any are read.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// An HTTP/2 connection.
#[derive(Debug)]
pub struct Http2Client {
    host: String,
    scheme: &'static str,
    requests: SendRequest<Bytes>,
    /// The task that drives the connection; aborted on drop.
    _connection: JoinSet<()>,
}

/// One stream.
#[derive(Debug)]
pub struct Http2Stream {
    sending: SendStream<Bytes>,
    answer: Option<ResponseFuture>,
    receiving: Option<RecvStream>,
    /// Bytes that were received but not yet taken.
    buffer: Vec<u8>,
}

/// The end of a stream as its reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// By END_STREAM.
    Finished,
    /// By `RST_STREAM` with this code.
    Reset(Reason),
    /// By the end of the connection.
    Lost,
}

impl Http2Client {
    /// Connects over TLS to the server with the name `host`, with HTTP/2 negotiated by ALPN.
    pub async fn connect_tls(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> Http2Client {
        let client = Http2Client::try_connect_tls(address, host, config).await;
        client.unwrap_or_else(|error| panic!("no HTTP/2 with {address} as {host}: {error}"))
    }

    /// Like [`Http2Client::connect_tls`], for a server that may refuse.
    ///
    /// # Errors
    /// The error of the handshake.
    pub async fn try_connect_tls(
        address: SocketAddr,
        host: &str,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<Http2Client> {
        let stream = try_dial_tls(address, host, &offering_http2(config)).await?;
        Ok(Http2Client::over(stream, host, "https").await)
    }

    /// Like [`Http2Client::connect_tls`], over a connection that the test has made.
    pub async fn over_tcp(stream: TcpStream, host: &str, config: &Arc<ClientConfig>) -> Http2Client {
        let stream = tls_over(stream, host, &offering_http2(config)).await;
        let stream = stream.unwrap_or_else(|error| panic!("no HTTP/2 as {host}: {error}"));
        Http2Client::over(stream, host, "https").await
    }

    /// Connects without TLS, with prior knowledge.
    pub async fn connect(address: SocketAddr, host: &str) -> Http2Client {
        Http2Client::over(dial(address).await, host, "http").await
    }

    async fn over(stream: Box<dyn ByteStream>, host: &str, scheme: &'static str) -> Http2Client {
        // The window is large, so that an unread stream does not block the others on this side.
        let handshake = Builder::new().initial_connection_window_size(CONNECTION_WINDOW).handshake(stream);
        let (requests, connection) =
            within_deadline("an HTTP/2 connection", handshake).await.expect("the server speaks HTTP/2");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The streams report the error.
            let _ = connection.await;
        });
        Http2Client { host: host.to_owned(), scheme, requests, _connection: tasks }
    }

    /// Sets the host of later requests.
    pub fn ask_for(&mut self, host: &str) {
        host.clone_into(&mut self.host);
    }

    /// Sends a `GET` request.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// Sends any request with a complete body.
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

    /// Starts a request whose body the test sends; with `whole`, it has no body.
    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        whole: bool,
    ) -> Http2Stream {
        self.open(self.request(method, path, headers), whole).await
    }

    /// Starts a WebSocket, or another protocol, by extended CONNECT (RFC 8441).
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

    /// Starts a plain CONNECT.
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
        let ready = within_deadline("room for a stream", self.requests.clone().ready()).await;
        self.requests = ready.expect("the connection lives");
        let (answer, sending) = self.requests.send_request(request, whole).expect("the connection lives");
        Http2Stream { sending, answer: Some(answer), receiving: None, buffer: Vec::new() }
    }

    /// Waits until the server accepts no more streams on this connection.
    pub async fn refused(&mut self) {
        let closed = async {
            while self.requests.clone().ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        within_deadline("the connection to take no more streams", closed).await;
    }

    /// The server's limit of concurrent streams.
    pub fn max_streams(&self) -> usize {
        self.requests.current_max_send_streams()
    }
}

impl Http2Stream {
    /// Reads the head of the response.
    pub async fn head(&mut self) -> Response<()> {
        self.try_head().await.unwrap_or_else(|end| panic!("no answer but {end:?}"))
    }

    /// Reads the head of the response, if the stream does not end before.
    ///
    /// # Errors
    /// The end of the stream.
    pub async fn try_head(&mut self) -> Result<Response<()>, StreamEnd> {
        let answer = self.answer.take().expect("the head has not been read yet");
        let (head, body) =
            within_deadline("an answer", answer).await.map_err(|error| ended(&error))?.into_parts();
        self.receiving = Some(body);
        Ok(Response::from_parts(head, ()))
    }

    /// Reads the whole response.
    pub async fn answer(mut self) -> Answer {
        let head = self.head().await;
        let (body, end) = self.read_to_end().await;
        assert_eq!(end, StreamEnd::Finished, "the answer broke off after {} bytes", body.len());
        Answer { status: head.status().as_u16(), headers: head.headers().clone(), body: body.into() }
    }

    /// Sends bytes as the window allows.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within_deadline("room to write", self.try_write(bytes.as_ref()))
            .await
            .expect("the stream takes bytes");
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

    /// Sends the block repeatedly until nothing more is accepted for half a second. Returns the number of whole
    /// blocks sent.
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
        within_deadline("a writer to be held up", fill).await
    }

    /// Ends the sending side.
    pub fn finish(&mut self) {
        self.sending.send_data(Bytes::new(), true).expect("the stream is open");
    }

    /// Ends the sending side with trailers.
    pub fn finish_with(&mut self, trailers: HeaderMap) {
        self.sending.send_trailers(trailers).expect("the stream is open");
    }

    /// Resets the stream.
    pub fn reset(&mut self, reason: Reason) {
        self.sending.send_reset(reason);
    }

    /// Waits until the server has reset the stream, without reading.
    pub async fn was_reset(&mut self) -> Reason {
        let reset = std::future::poll_fn(|cx| self.sending.poll_reset(cx));
        within_deadline("a stream to be reset", reset).await.expect("the connection lives")
    }

    /// Reads exactly `count` bytes; unread bytes keep the server's window closed.
    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let data = within_deadline("bytes", self.next()).await;
            self.buffer.extend(data.unwrap_or_else(|end| panic!("{end:?} instead of bytes")));
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads everything up to the end, and returns how the stream ended.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, StreamEnd) {
        let end = async {
            loop {
                match self.next().await {
                    Ok(data) => self.buffer.extend(data),
                    Err(end) => return end,
                }
            }
        };
        let end = within_deadline("the end of a stream", end).await;
        (std::mem::take(&mut self.buffer), end)
    }

    /// Reads the trailers, after the body has been read to its end.
    pub async fn trailers(&mut self) -> Option<HeaderMap> {
        let receiving = self.receiving.as_mut().expect("the head has been read");
        within_deadline("trailers", receiving.trailers()).await.expect("the stream lives")
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

/// Returns the same configuration with HTTP/2 as the only ALPN protocol.
pub(crate) fn offering_http2(config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}
