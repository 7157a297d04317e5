//! Clients that there is no place for: told so in plain HTTP, or reset, at once and at a bounded cost. Left in the
//! kernel's queue they would wait for an answer until they give up.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::limits::ConnectionLimit;
use crate::metrics::series::{Connections, Rejection};

/// How long a client may take to ask, and how long to read the answer and close.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much of what the client says is read and forgotten, so that its connection is not reset before it has the answer.
const MAX_READ: usize = 64 * 1024;
/// How many clients are reset in turn where there are no descriptors for them.
const BATCH: usize = 64;

const NO_PLACE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// Turns a client away, and counts it. `secure`: it will speak TLS, in which it cannot be told anything.
pub(super) fn reject(
    connection_limit: &ConnectionLimit,
    counts: &Connections,
    tcp: TcpStream,
    secure: bool,
    why: Rejection,
) {
    counts.rejected[why as usize].add(1);
    let Some(permit) = connection_limit.tell().filter(|_| !secure) else { return reset(tcp) };
    let answer = match why {
        Rejection::Limit => NO_PLACE,
        Rejection::Address => TOO_MANY,
    };
    tokio::task::spawn_local(async move {
        tell(tcp, answer).await;
        drop(permit);
    });
}

/// Accepts and resets some clients at the expense of the spare descriptor.
pub(super) async fn reset_some(
    connection_limit: &ConnectionLimit,
    socket: &TcpListener,
    counts: &Connections,
) {
    for _ in 0..BATCH {
        let Some(lent) = connection_limit.lend_spare() else { return };
        // Without waiting: what is not there yet may find a descriptor when it comes.
        let accepted = std::future::poll_fn(|cx| std::task::Poll::Ready(socket.poll_accept(cx))).await;
        let std::task::Poll::Ready(Ok((tcp, _))) = accepted else { return };
        reset(tcp);
        drop(lent);
        counts.rejected[Rejection::Limit as usize].add(1);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the connection ends with the function")]
fn reset(tcp: TcpStream) {
    // If that fails, the client sees an orderly close, which tells it as much.
    let _ = tcp.set_zero_linger();
}

/// Answers once the client has asked: many clients take an earlier answer for none.
async fn tell(mut tcp: TcpStream, answer: &[u8]) {
    let mut bytes = [0; 2048];
    let _ = timeout(PATIENCE, tcp.read(&mut bytes)).await;
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
    let _ = timeout(PATIENCE, answered).await;
}
