//! A backend that is fast and a client that is slow, and the other way round.

use std::cell::Cell;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::*;

/// A body whose frames the test sends; the count says how many were taken.
struct Fed {
    frames: mpsc::Receiver<Result<Chunk, &'static str>>,
    taken: Rc<Cell<usize>>,
}

impl Pieces for Fed {
    type Error = &'static str;

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, &'static str>>> {
        let piece = ready!(self.frames.poll_recv(cx));
        self.taken.set(self.taken.get() + 1);
        Poll::Ready(piece)
    }

    fn left(&self) -> SizeHint {
        SizeHint::new()
    }

    fn has_ended(&self) -> bool {
        false
    }
}

struct Test {
    feed: mpsc::Sender<Result<Chunk, &'static str>>,
    taken: Rc<Cell<usize>>,
    finished: Rc<Cell<bool>>,
    relay: Relay,
    _dir: tempfile::TempDir,
}

fn start(spool_quota: u64) -> Test {
    start_with(spool_quota, Duration::from_secs(60))
}

fn start_with(spool_quota: u64, read_timeout: Duration) -> Test {
    let dir = tempfile::tempdir().unwrap();
    let spool_quota = SpoolQuota::new(dir.path().join("buffers"), spool_quota);
    spool_quota.prepare().unwrap();
    let (feed, frames) = mpsc::channel(1000);
    let (taken, finished) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let body = Fed { frames, taken: taken.clone() };
    let done = finished.clone();
    let describe = |error: &str| format!("broke off: {error}");
    let relay = Relay::start(body, spool_quota, read_timeout, describe, move || done.set(true));
    Test { feed, taken, finished, relay, _dir: dir }
}

fn piece(i: usize) -> Bytes {
    Bytes::from(vec![u8::try_from(i % 251).unwrap(); 10_000])
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_backend_is_done_before_the_client_has_begun() {
    LocalSet::new()
        .run_until(async {
            let mut test = start(10 << 20);
            for i in 0..300 {
                test.feed.try_send(Ok(Chunk::Owned(piece(i)))).unwrap();
            }
            let mut trailers = Fields::new();
            trailers.append("X-Sum", b"7");
            test.feed.try_send(Ok(Chunk::Trailers(trailers))).unwrap();
            drop(test.feed);
            until(|| test.finished.get()).await;
            let (relay, mut whole) = (&mut test.relay, Vec::new());
            let last = loop {
                match next(relay).await.unwrap().unwrap() {
                    Chunk::Trailers(trailers) => break trailers,
                    piece => whole.extend_from_slice(piece.bytes(&[])),
                }
            };
            let names = last.iter().map(|(name, value)| (name.as_bytes(), value));
            assert_eq!(names.collect::<Vec<_>>(), [(b"X-Sum".as_slice(), b"7".as_slice())]);
            assert!(whole == (0..300).flat_map(piece).collect::<Vec<u8>>());
            assert!(relay.has_ended() && next(relay).await.is_none());
        })
        .await;
}

#[tokio::test]
async fn both_at_their_own_pace_lose_nothing() {
    LocalSet::new()
        .run_until(async {
            for spool_quota in [0, 200_000, 10 << 20] {
                let mut test = start(spool_quota);
                let feed = test.feed.clone();
                drop(test.feed);
                tokio::task::spawn_local(async move {
                    let mut random = fastrand::Rng::with_seed(7);
                    for i in 0..300 {
                        feed.send(Ok(Chunk::Owned(piece(i)))).await.unwrap();
                        for _ in 0..random.u8(..20) {
                            tokio::task::yield_now().await;
                        }
                    }
                });
                let (mut random, mut whole) = (fastrand::Rng::with_seed(8), Vec::new());
                while let Some(piece) = next(&mut test.relay).await {
                    whole.extend_from_slice(piece.unwrap().bytes(&[]));
                    for _ in 0..random.u8(..40) {
                        tokio::task::yield_now().await;
                    }
                }
                assert!(
                    whole == (0..300).flat_map(piece).collect::<Vec<u8>>(),
                    "with room for {spool_quota}"
                );
                assert!(test.finished.get());
            }
        })
        .await;
}

#[tokio::test]
async fn what_is_there_is_not_held_back() {
    LocalSet::new()
        .run_until(async {
            let mut test = start(10 << 20);
            for i in 0..3 {
                test.feed.try_send(Ok(Chunk::Owned(piece(i)))).unwrap();
                assert_eq!(next(&mut test.relay).await.unwrap().unwrap().bytes(&[]), piece(i));
            }
        })
        .await;
}

#[tokio::test]
async fn without_room_the_backend_waits() {
    LocalSet::new()
        .run_until(async {
            let mut test = start(0);
            for i in 0..300 {
                test.feed.try_send(Ok(Chunk::Owned(piece(i)))).unwrap();
            }
            let held_up = 2 * IN_MEMORY.div_ceil(10_000);
            until(|| test.taken.get() == held_up).await;
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(test.taken.get(), held_up);
            drop(test.feed);
            let mut length = 0;
            while let Some(piece) = next(&mut test.relay).await {
                length += piece.unwrap().len();
            }
            assert_eq!(length, 300 * 10_000);
        })
        .await;
}

#[tokio::test]
async fn a_backend_that_breaks_off_or_pauses_does_so_for_the_client() {
    LocalSet::new()
        .run_until(async {
            for (fault, expected) in [
                (Some(Err("reset")), "broke off: reset"),
                (None, "the backend paused for 0 s within its response"),
            ] {
                let mut test = start_with(10 << 20, Duration::from_millis(10));
                test.feed.try_send(Ok(Chunk::Owned(piece(1)))).unwrap();
                fault.into_iter().for_each(|fault| test.feed.try_send(fault).unwrap());
                assert_eq!(next(&mut test.relay).await.unwrap().unwrap().bytes(&[]), piece(1));
                let error = next(&mut test.relay).await.unwrap().unwrap_err();
                assert_eq!(error.to_string(), expected);
                assert!(!test.finished.get() && next(&mut test.relay).await.is_none());
            }
        })
        .await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_backends_side() {
    LocalSet::new()
        .run_until(async {
            let test = start(10 << 20);
            drop(test.relay);
            until(|| test.feed.is_closed()).await;
        })
        .await;
}
