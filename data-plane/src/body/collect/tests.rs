//! Bodies of every size, collected and sent again, and those that are not taken.

use std::collections::VecDeque;
use std::future::poll_fn;

use super::*;

/// How long a client may pause, in most of these tests.
const PAUSE: Duration = Duration::from_secs(60);

/// A body of given pieces, then trailers or an error.
struct Script {
    pieces: VecDeque<Result<Chunk, &'static str>>,
    stalls: bool,
    announced: SizeHint,
}

impl Pieces for Script {
    type Error = &'static str;

    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Chunk, &'static str>>> {
        match self.pieces.pop_front() {
            None if self.stalls => Poll::Pending,
            next => Poll::Ready(next),
        }
    }

    fn left(&self) -> SizeHint {
        self.announced
    }

    fn has_ended(&self) -> bool {
        false
    }
}

fn script(pieces: impl IntoIterator<Item = Bytes>) -> Script {
    let pieces = pieces.into_iter().map(|piece| Ok(Chunk::Owned(piece))).collect();
    Script { pieces, stalls: false, announced: SizeHint::new() }
}

/// Bytes that are nowhere the same over a long way.
fn content(length: usize) -> Bytes {
    (0..length).map(|i| (i % 251) as u8).collect()
}

fn spool_quota(limit: u64) -> (tempfile::TempDir, SpoolQuota) {
    let dir = tempfile::tempdir().unwrap();
    let spool_quota = SpoolQuota::new(dir.path().join("buffers"), limit);
    spool_quota.prepare().unwrap();
    (dir, spool_quota)
}

/// Returns the bytes, and the text of the trailers.
async fn sent(mut replay: Replay) -> (Bytes, Option<String>) {
    let (mut whole, mut lines) = (Vec::new(), None);
    while let Some(piece) = poll_fn(|cx| replay.poll_piece(cx)).await {
        match piece.unwrap() {
            Chunk::Trailers(trailers) => {
                let mut text = Vec::new();
                trailers.write(&mut text);
                lines = Some(String::from_utf8(text).unwrap());
            }
            piece => whole.extend_from_slice(piece.bytes(&[])),
        }
    }
    (whole.into(), lines)
}

#[tokio::test]
async fn a_body_of_any_size_can_be_sent_again_and_again() {
    let (_dir, spool_quota) = spool_quota(1 << 20);
    for length in [0, 1, IN_MEMORY - 1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY, 3 * IN_MEMORY + 7] {
        for piece in [1000, IN_MEMORY, 200_000] {
            let whole = content(length);
            let pieces: Vec<Bytes> = whole.chunks(piece).map(Bytes::copy_from_slice).collect();
            let collected = collect(script(pieces), None, &spool_quota, PAUSE).await.unwrap();
            let mut replay = collected.replay();
            assert_eq!(replay.left().exact(), Some(length as u64));
            assert_eq!(replay.has_ended(), length == 0);
            // Given up after its first piece, it begins anew.
            let _ = next(&mut replay).await;
            assert!(sent(replay.again()).await.0 == whole, "{length} in pieces of {piece}");
            assert!(sent(collected.replay()).await.0 == whole, "{length} in pieces of {piece}");
        }
    }
}

#[tokio::test]
async fn trailers_come_last_and_every_time() {
    let (_dir, spool_quota) = spool_quota(1 << 20);
    let mut trailers = Fields::new();
    trailers.append("X-Sum", b"7");
    let mut body = script([content(10)]);
    body.pieces.push_back(Ok(Chunk::Trailers(trailers)));
    let collected = collect(body, None, &spool_quota, PAUSE).await.unwrap();
    for _ in 0..2 {
        let replay = collected.replay();
        assert_eq!((replay.left().exact(), replay.has_ended()), (None, false));
        assert_eq!(sent(replay).await, (content(10), Some("X-Sum: 7\r\n\r\n".to_owned())));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_breaks_off_is_not_taken() {
    let limit = 3 * IN_MEMORY as u64;
    let (_dir, spool_quota) = spool_quota(limit);
    let large = script([content(4 * IN_MEMORY)]);
    assert!(matches!(collect(large, None, &spool_quota, PAUSE).await, Err(CollectError::TooLarge { .. })));
    let announced = Script { announced: SizeHint::with_exact(limit + 1), ..script([]) };
    assert!(matches!(
        collect(announced, None, &spool_quota, PAUSE).await,
        Err(CollectError::TooLarge { .. })
    ));
    let mut broken = script([content(10)]);
    broken.pieces.push_back(Err("broken"));
    assert!(matches!(collect(broken, None, &spool_quota, PAUSE).await, Err(CollectError::Broken)));

    let first = collect(script([content(3 * IN_MEMORY)]), None, &spool_quota, PAUSE).await.unwrap();
    let second = collect(script([content(3 * IN_MEMORY)]), None, &spool_quota, PAUSE).await;
    assert!(matches!(second, Err(CollectError::Spool(SpoolError::NoRoom))), "{second:?}");
    drop(first);
    collect(script([content(3 * IN_MEMORY)]), None, &spool_quota, PAUSE).await.unwrap();
}

#[tokio::test]
async fn a_client_that_stalls_is_not_waited_for() {
    let (_dir, spool_quota) = spool_quota(1 << 20);
    let body = Script { stalls: true, ..script([content(10)]) };
    let pause = Duration::from_millis(10);
    assert!(matches!(collect(body, None, &spool_quota, pause).await, Err(CollectError::Slow { .. })));
}
