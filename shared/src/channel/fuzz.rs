//! A fuzz target of the channel: bytes from a peer are messages, an end of stream or an error, and never cause a
//! panic.

use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;

use super::split;
use crate::protocol::{ToControlPlane, ToWorker};

/// The largest message in bytes; small, so that the fuzzer also exceeds it.
const LIMIT: usize = 4096;

/// Counts the messages of a type that these bytes hold.
fn received<Message: DeserializeOwned>(runtime: &Runtime, bytes: &[u8]) -> usize {
    runtime.block_on(async {
        let (mut peer, own) = tokio::io::duplex(bytes.len().max(1));
        let (_, mut receive) = split::<_, (), Message>(own, LIMIT);
        peer.write_all(bytes).await.unwrap();
        drop(peer);
        let mut received = 0;
        while let Ok(Some(_)) = receive.receive().await {
            received += 1;
        }
        received
    })
}

#[test]
fn fuzz_channel_frames() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    bolero::check!().for_each(|bytes: &[u8]| {
        let counts = [received::<ToControlPlane>(&runtime, bytes), received::<ToWorker>(&runtime, bytes)];
        assert!(counts.iter().all(|count| *count <= bytes.len() / 4), "a message without its length");
    });
}
