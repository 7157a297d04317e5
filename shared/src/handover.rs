//! Handover: a running process passes its locks and listening sockets to a successor, and somebody accepts
//! connections at every moment.
//!
//! A process that can be succeeded listens at a Unix socket in its data directory. The successor connects there and
//! receives messages with file descriptors: locks and listening sockets. Both processes then accept from the same
//! queues. When the successor serves everything that the predecessor serves, it says so, and the predecessor
//! drains. If the successor fails before that, the predecessor continues as if nobody had asked.
//!
//! The calls block, so the predecessor runs a thread for them. This module must not know what is passed on: each
//! kind of process has its own message type `T`.

mod connection;
mod predecessor;
mod successor;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::connection::{HandoverConnection, HandoverListener, MAX_DESCRIPTORS};
pub use self::predecessor::{Parts, Predecessor, TakeOverRequest};
pub use self::successor::{Completed, TakeOver, TakeOverError, lock_or_take_over};

/// The time limit for a successor, from the last message of its predecessor until it serves.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The messages between the two processes. They may only be extended, because processes of other versions must
/// understand them.
#[derive(Debug, Serialize, Deserialize)]
enum Message<T> {
    /// The successor asks to take over.
    TakeOver,
    /// The predecessor refuses, with the reason.
    Refused(String),
    /// One part of what is passed on.
    Part(T),
    /// All parts have been sent.
    Whole,
    /// The successor serves.
    Serving,
    /// The predecessor has accepted [`Message::Serving`], and drains as soon as the connection is closed.
    Draining,
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;

    /// Sends one part for each file.
    fn send(parts: &Parts<'_, u32>, files: &Vec<File>) -> std::io::Result<()> {
        for (number, file) in (0..).zip(files) {
            parts.send(number, &[file.as_fd()])?;
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_place_passes_to_the_first_successor_that_serves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        let mut predecessor = Predecessor::listen(&path, send).unwrap();
        let asks = move |serves: bool| {
            let mut numbers = Vec::new();
            let mut text = String::new();
            let take_over = TakeOver::ask(&path, |number: u32, descriptors| {
                numbers.push(number);
                let [descriptor] =
                    <[_; 1]>::try_from(descriptors).map_err(|_| std::io::ErrorKind::InvalidData)?;
                File::from(descriptor).read_to_string(&mut text).map(drop)
            });
            let ended = take_over.map(|take_over| serves.then(|| take_over.complete().map(drop)));
            (ended.map_err(|e| e.to_string()), numbers, text)
        };
        let successor = tokio::task::spawn_blocking(move || [asks(true), asks(false), asks(true)]);

        predecessor.request().await.refuse("not now".to_owned());
        for expected in [false, true] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"passed on").unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            let granted = predecessor.request().await.grant(vec![file]).await;
            assert_eq!(granted, expected);
        }
        let [refused, failed, taken] = successor.await.unwrap();
        assert_eq!(refused.0.unwrap_err(), "it refuses: not now");
        assert_eq!((failed.1, &*failed.2), (vec![0], "passed on"));
        assert!(matches!(taken.0, Ok(Some(Ok(())))), "{taken:?}");
    }

    #[tokio::test]
    async fn a_successor_that_gives_up_behind_another_one_is_not_heard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        let mut predecessor = Predecessor::listen(&path, send).unwrap();
        let ask = || {
            let path = path.clone();
            tokio::task::spawn_blocking(move || TakeOver::ask::<u32>(&path, |_, _| Ok(())))
        };
        let first = ask();
        let granted = predecessor.request().await.grant(Vec::new());
        let given_up = async {
            let first = first.await.unwrap().unwrap();
            let second = HandoverConnection::connect(&path).unwrap();
            second.send(&Message::<u32>::TakeOver, &[]).unwrap();
            drop((second, first));
        };
        assert!(!tokio::join!(granted, given_up).0);
        let third = ask();
        predecessor.request().await.refuse("to the third".to_owned());
        let refused = tokio::time::timeout(TIMEOUT, third).await.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.to_string(), "it refuses: to the third");
    }

    #[tokio::test]
    async fn a_process_that_ends_sends_successors_back_to_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        let predecessor = Predecessor::listen(&path, send).unwrap();
        let (socket, asked) = (path.clone(), || TakeOver::ask::<u32>(&path, |_, _| Ok(())));
        predecessor.close();
        assert!(!socket.exists());
        assert!(matches!(asked(), Err(TakeOverError::Io(_))), "nobody listens");
        let predecessor = Predecessor::listen(&socket, send).unwrap();
        drop(predecessor);
        assert!(matches!(asked(), Err(TakeOverError::Ending)));
    }
}
