//! An HTTP/1.1 connection to a backend whose response heads are inspected before hyper reads them: an ambiguous head
//! is an error, and a head that nobody asked for is not taken as the response to a later request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::client::conn::http1::SendRequest;
use tidegate_http1::response::ResponseInspector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Unanswered;
use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::stream::Stream;

/// The sender of a connection, which carries one request at a time.
#[derive(Debug)]
pub(crate) struct CheckedSender {
    inner: SendRequest<RequestBody>,
    expected: Arc<AtomicBool>,
    /// The local port.
    pub(super) source_port: u16,
}

/// The inspected stream below hyper.
#[derive(Debug)]
pub(crate) struct Checked {
    stream: Stream,
    /// The inspector of the response whose head is being read.
    answer: Option<ResponseInspector>,
    /// True from the start of a request until the next read, which begins the head of its response. It stays on its
    /// thread, but hyper requires streams to be `Send`.
    expected: Arc<AtomicBool>,
}

impl CheckedSender {
    pub(super) fn new(
        inner: SendRequest<RequestBody>,
        expected: Arc<AtomicBool>,
        source_port: u16,
    ) -> CheckedSender {
        CheckedSender { inner, expected, source_port }
    }

    /// Returns true if the connection can carry no further request.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(
        &mut self,
        request: Box<Request<RequestBody>>,
    ) -> Result<Response<ReceivedBody>, Unanswered> {
        if let Err(error) = self.inner.ready().await {
            return Err(Unanswered { unsent: Some(request), is_unseen: true, error });
        }
        self.expected.store(true, Ordering::Relaxed);
        let sent = self.inner.try_send_request(*request).await;
        sent.map(|response| response.map(ReceivedBody::from)).map_err(|mut failed| {
            let unsent = failed.take_message().map(Box::new);
            Unanswered { is_unseen: unsent.is_some(), unsent, error: failed.into_error() }
        })
    }
}

impl Checked {
    pub(super) fn new(stream: Stream) -> (Checked, Arc<AtomicBool>) {
        let expected = Arc::new(AtomicBool::new(false));
        (Checked { stream, answer: None, expected: expected.clone() }, expected)
    }

    pub(super) fn into_inner(self) -> Stream {
        self.stream
    }
}

impl AsyncRead for Checked {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if this.expected.swap(false, Ordering::Relaxed) {
            this.answer = Some(ResponseInspector::default());
        }
        if let Some(answer) = &mut this.answer {
            match answer.read(&buf.filled()[before..]) {
                Ok(true) => this.answer = None,
                Ok(false) => {}
                Err(fault) => {
                    buf.set_filled(before);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Checked {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
