//! Rejects clients above the limits: with a response in plain HTTP, or with a reset, at once and at a bounded cost.
//! In the kernel's queue they would wait until their own timeout.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::limits::ConnectionLimit;
use crate::metrics::series::{Connections, Rejection};

/// The timeout for the client's request, and for the client to read the response and close.
const TIMEOUT: Duration = Duration::from_millis(500);
/// The number of bytes that are read and discarded after the response, so that the connection is not reset before the
/// client has read it.
const MAX_READ: usize = 64 * 1024;
/// The number of clients to reset in a row when the process is out of descriptors.
const BATCH: usize = 64;

const SERVICE_UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";
const TOO_MANY_REQUESTS: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// Rejects a client and counts it. A client that will speak TLS (`secure`) is reset, because it could not read a
/// plain response.
pub(super) fn reject(
    connection_limit: &ConnectionLimit,
    counts: &Connections,
    tcp: TcpStream,
    secure: bool,
    why: Rejection,
) {
    counts.rejected[why as usize].add(1);
    let Some(permit) = connection_limit.take_rejecting().filter(|_| !secure) else { return reset(tcp) };
    let answer = match why {
        Rejection::Limit => SERVICE_UNAVAILABLE,
        Rejection::Address => TOO_MANY_REQUESTS,
    };
    tokio::task::spawn_local(async move {
        send(tcp, answer).await;
        drop(permit);
    });
}

/// Accepts and resets up to [`BATCH`] clients, with the spare descriptor.
pub(super) async fn reset_some(
    connection_limit: &ConnectionLimit,
    socket: &TcpListener,
    counts: &Connections,
) {
    for _ in 0..BATCH {
        let Some(lent) = connection_limit.lend_spare() else { return };
        // This does not wait: a client that connects later may find a free descriptor.
        let accepted = std::future::poll_fn(|cx| std::task::Poll::Ready(socket.poll_accept(cx))).await;
        let std::task::Poll::Ready(Ok((tcp, _))) = accepted else { return };
        reset(tcp);
        drop(lent);
        counts.rejected[Rejection::Limit as usize].add(1);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the connection ends with the function")]
fn reset(tcp: TcpStream) {
    // If this fails, the client sees an orderly close, which has the same effect.
    let _ = tcp.set_zero_linger();
}

/// Sends the response after the client's request: many clients ignore an earlier response.
async fn send(mut tcp: TcpStream, answer: &[u8]) {
    let mut bytes = [0; 2048];
    let _ = timeout(TIMEOUT, tcp.read(&mut bytes)).await;
    let answered = async {
        tcp.write_all(answer).await?;
        tcp.shutdown().await?;
        let mut left = MAX_READ;
        while left > 0 {
            match tcp.read(&mut bytes).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        std::io::Result::Ok(())
    };
    let _ = timeout(TIMEOUT, answered).await;
}
