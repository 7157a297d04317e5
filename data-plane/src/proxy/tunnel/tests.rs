//! Tests of tunnels over real sockets: what the kernel moves, what is copied, and what is known about it.

use std::future::poll_fn;
use std::ops::RangeInclusive;
use std::pin::Pin;

use allocation_counter::measure;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;

use super::*;
use crate::pump::Counts;
use crate::pump::Timeouts;
use crate::pump::pipe::{SPLICED, lent};
use crate::pump::tests::{carry, connected};
use crate::stream::{PEER_TIMEOUT, silence};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const IDLE: Duration = Duration::from_secs(60);
const CLOSE_1001: &[u8] = &[0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2];

/// Traffic with its counts, which a tunnel keeps elsewhere.
struct PlainTraffic {
    traffic: Traffic<UpgradedClient, Stream, Frames>,
    counts: Counts,
}

impl PlainTraffic {
    async fn carry(&mut self) -> pump::End {
        carry(&mut self.traffic, &self.counts).await
    }
}

/// Traffic between two plain sockets, and the far ends: the client's, then the backend's.
async fn traffic() -> (PlainTraffic, TcpStream, TcpStream) {
    let ((client_end, client), (backend, backend_end)) = (connected().await, connected().await);
    let (client, backend) = (Stream::Plain(client.into()).into(), Stream::Plain(backend.into()));
    let none = Bytes::new();
    SPLICED.set(0);
    let counts = Counts::default();
    let traffic = Traffic::new((client, &none), (backend, &none), Timeouts::new(IDLE, IDLE), &counts);
    (PlainTraffic { traffic, counts }, client_end, backend_end)
}

/// The facts at the end of the traffic.
#[derive(Debug)]
struct Known {
    end: pump::End,
    received: u64,
    sent: u64,
    codes: [Option<u16>; 2],
}

/// Carries the traffic to its end and closes both connections.
async fn finish(mut traffic: PlainTraffic) -> Known {
    let end = timeout(IDLE, traffic.carry()).await.unwrap();
    let codes = [Side::Client, Side::Backend].map(|side| traffic.traffic.tap(side).close_code());
    Known { end, received: traffic.counts.received(), sent: traffic.counts.sent(), codes }
}

/// Frames with payloads of these sizes, again and again up to about `total` bytes, then a Close frame.
fn frames(sizes: &[usize], is_masked: bool, total: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(total + MIB);
    for size in sizes.iter().cycle() {
        if bytes.len() >= total {
            break;
        }
        let mask_bit = if is_masked { 0x80 } else { 0 };
        match *size {
            0..126 => bytes.extend([0x82, mask_bit | *size as u8]),
            126..0x1_0000 => {
                bytes.extend([0x82, mask_bit | 126]);
                bytes.extend((*size as u16).to_be_bytes());
            }
            _ => {
                bytes.extend([0x82, mask_bit | 127]);
                bytes.extend((*size as u64).to_be_bytes());
            }
        }
        if is_masked {
            bytes.extend([1, 2, 3, 4]);
        }
        // Payload that looks like Close frames.
        let from = bytes.len();
        bytes.extend((0..*size).map(|at| if at % 7 < 2 { 0x88 } else { ((from + at) % 251) as u8 }));
    }
    bytes.extend(CLOSE_1001);
    bytes
}

async fn write_all_and_end(end: &mut TcpStream, bytes: &[u8]) {
    end.write_all(bytes).await.unwrap();
    end.shutdown().await.unwrap();
}

async fn read_to_end(end: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    end.read_to_end(&mut received).await.unwrap();
    received
}

#[tokio::test]
async fn every_byte_arrives_whoever_moves_it_and_each_side_ends_when_it_likes() {
    let (none, few) = (0..=0, 0..=64 * KIB as u64);
    let (any, most) = (0..=u64::MAX, 4 * MIB as u64..=u64::MAX);
    let cases: &[(&str, &[usize], usize, &RangeInclusive<u64>)] = &[
        ("few bytes", &[125], 100 * KIB, &none),
        ("small frames", &[125, 0, 1], 4 * MIB, &few),
        ("frames below the worth of a pipe", &[16 * KIB - 20], 16 * MIB, &any),
        ("frames just above it", &[16 * KIB], 16 * MIB, &most),
        ("large frames", &[64 * KIB], 16 * MIB, &most),
        ("large and small frames", &[64 * KIB, 64 * KIB, 64 * KIB, 64 * KIB, 64 * KIB, 3, 0], 16 * MIB, &any),
        ("one frame", &[4 * MIB], 16 * MIB, &most),
    ];
    for (case, sizes, total, moved_by_kernel) in cases {
        let (traffic, mut client, mut backend) = traffic().await;
        let (up, down) = (frames(sizes, true, *total), frames(sizes, false, *total));
        let of_client = async {
            write_all_and_end(&mut client, &up).await;
            read_to_end(&mut client).await
        };
        let of_backend = async {
            let received = read_to_end(&mut backend).await;
            write_all_and_end(&mut backend, &down).await;
            received
        };
        let (known, at_client, at_backend) = tokio::join!(finish(traffic), of_client, of_backend);
        assert!(matches!(known.end, pump::End::Closed(Side::Client)), "{case}: {known:?}");
        assert!(at_backend == up && at_client == down, "{case}: bytes differ");
        assert_eq!((known.received, known.sent), (up.len() as u64, down.len() as u64), "{case}");
        assert_eq!(known.codes, [Some(1001); 2], "{case}");
        assert!(moved_by_kernel.contains(&SPLICED.get()), "{case}: the kernel has moved {}", SPLICED.get());
        assert_eq!(lent(), 0, "{case}: a pipe is missing");
    }
}

#[tokio::test]
async fn both_directions_are_moved_at_the_same_time() {
    let (traffic, client, backend) = traffic().await;
    let (up, down) = (frames(&[64 * KIB], true, 8 * MIB), frames(&[200 * KIB], false, 8 * MIB));
    let speak = async |mut end: TcpStream, bytes: &[u8]| {
        let (mut read, mut write) = end.split();
        let mut received = Vec::new();
        let write = async {
            write.write_all(bytes).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let (read, ()) = tokio::join!(read.read_to_end(&mut received), write);
        read.unwrap();
        received
    };
    let (known, at_client, at_backend) =
        tokio::join!(finish(traffic), speak(client, &up), speak(backend, &down));
    assert!(matches!(known.end, pump::End::Closed(_)), "{known:?}");
    assert!(at_backend == up && at_client == down);
    assert!(SPLICED.get() > 8 * MIB as u64, "{}", SPLICED.get());
}

/// Writes as much as everything between takes, while nobody reads at the other end, until no pipe waits any more.
async fn fill(traffic: &mut PlainTraffic, end: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut written = 0;
    poll_fn(|cx| {
        while let Poll::Ready(more) = Pin::new(&mut *end).poll_write(cx, &bytes[written..]) {
            written += more.unwrap();
        }
        assert!(traffic.traffic.poll(cx, &traffic.counts).is_pending());
        if SPLICED.get() > 0 && lent() == 1 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    while lent() > 0 {
        assert!(timeout(Duration::from_millis(100), traffic.carry()).await.is_err());
    }
    written
}

#[tokio::test]
async fn a_slow_receiver_holds_the_sender_back_and_keeps_no_pipe() {
    let (mut traffic, mut client, mut backend) = traffic().await;
    for socket in [&client, &backend] {
        SockRef::from(socket).set_recv_buffer_size(64 * KIB).unwrap();
        SockRef::from(socket).set_send_buffer_size(64 * KIB).unwrap();
    }
    traffic.traffic.backend.bound_buffers(64 * KIB);
    let bytes = frames(&[MIB], true, 16 * MIB);
    let read_first = 2 * MIB;
    let mut received = vec![0; read_first];
    let written = {
        let write = async {
            client.write_all(&bytes[..read_first]).await.unwrap();
        };
        let read = async { backend.read_exact(&mut received).await.unwrap() };
        tokio::select! {
            _ = async { tokio::join!(write, read) } => {}
            end = traffic.carry() => panic!("{end:?}"),
        }
        read_first + fill(&mut traffic, &mut client, &bytes[read_first..]).await
    };
    assert!(written < 8 * MIB, "{written} bytes were taken that nobody reads");
    let write = write_all_and_end(&mut client, &bytes[written..]);
    let read = async move {
        received.extend(read_to_end(&mut backend).await);
        received
    };
    let (known, (), received) = tokio::join!(finish(traffic), write, read);
    assert!(matches!(known.end, pump::End::Closed(Side::Client)), "{known:?}");
    assert!(received == bytes);
    assert_eq!(known.received, bytes.len() as u64);
}

#[tokio::test]
async fn it_is_known_which_side_has_failed_in_the_middle_of_a_frame() {
    for failing in [Side::Client, Side::Backend] {
        let (mut traffic, mut client, mut backend) = traffic().await;
        let bytes = frames(&[64 * MIB], true, 64 * MIB);
        let until_the_kernel_moves = async {
            let write = async {
                // The failure ends it.
                let _ = client.write_all(&bytes).await;
            };
            let read = async {
                let mut some = vec![0; 64 * KIB];
                while SPLICED.get() < MIB as u64 {
                    backend.read_exact(&mut some).await.unwrap();
                }
            };
            tokio::select! {
                () = write => {}
                () = read => {}
            }
        };
        tokio::select! {
            () = until_the_kernel_moves => {}
            end = traffic.carry() => panic!("{end:?}"),
        }
        let (failed, _other) = if failing == Side::Client { (client, backend) } else { (backend, client) };
        failed.set_zero_linger().unwrap();
        drop(failed);
        let known = finish(traffic).await;
        assert!(matches!(known.end, pump::End::Failed(side, _) if side == failing), "{failing:?}: {known:?}");
        assert_eq!(lent(), 0, "{failing:?}: a pipe is missing");
    }
}

#[tokio::test]
async fn each_side_is_heard_whichever_has_spoken_before() {
    let (mut traffic, mut client, mut backend) = traffic().await;
    let speak = async {
        for turn in 0..300_u32 {
            let from_client = turn.count_ones() % 2 == 0;
            let (from, to) =
                if from_client { (&mut client, &mut backend) } else { (&mut backend, &mut client) };
            from.write_all(&turn.to_be_bytes()).await.unwrap();
            let mut heard = [0; 4];
            to.read_exact(&mut heard).await.unwrap();
            assert_eq!(u32::from_be_bytes(heard), turn);
        }
    };
    tokio::select! {
        spoken = timeout(IDLE, speak) => spoken.expect("bytes have not arrived"),
        end = poll_fn(|cx| traffic.traffic.poll(cx, &traffic.counts)) => panic!("{end:?}"),
    }
    assert_eq!(traffic.counts.received() + traffic.counts.sent(), 4 * 300);
}

#[tokio::test]
async fn both_sockets_get_a_changed_peer_timeout_at_once_also_the_usual_one_again() {
    let (mut traffic, _client, _backend) = traffic().await;
    for peer in [PEER_TIMEOUT / 5, PEER_TIMEOUT, PEER_TIMEOUT * 2] {
        traffic.traffic.set_timeouts(Timeouts::new(IDLE, peer));
        let is_open = poll_fn(|cx| Poll::Ready(traffic.traffic.poll(cx, &traffic.counts).is_pending())).await;
        assert!(is_open);
        let client = traffic.traffic.client.socket().unwrap();
        for (end, stream) in [("client", client), ("backend", &traffic.traffic.backend)] {
            let socket = SockRef::from(stream.tcp());
            let (keepalive, user) =
                (socket.tcp_keepalive_time().unwrap(), socket.tcp_user_timeout().unwrap());
            assert_eq!((keepalive.as_secs(), user), ((peer * 5 / 8).as_secs(), Some(silence(peer))), "{end}");
        }
    }
}

fn size_of_future<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
    size_of::<F>()
}

/// Tens of thousands of tunnels may be idle at once. The numbers are those of `docs/performance.md`; with debug
/// assertions, each socket holds one more.
#[test]
fn an_idle_tunnel_holds_few_bytes() {
    let of_debug = if cfg!(debug_assertions) { 2 * size_of::<usize>() } else { 0 };
    let parts = [
        size_of::<UpgradedClient>() + size_of::<Stream>() - of_debug,
        size_of::<Traffic<UpgradedClient, Stream, Frames>>() - of_debug,
        size_of::<Tunnel>() - of_debug,
        size_of_future(run),
        Registration::<LiveTunnel>::SIZE,
        size_of::<Admission>() + 2 * size_of::<usize>(),
        size_of::<Details>(),
    ];
    assert_eq!(
        parts,
        [64, 152, 176, 8, 160, 80, 128],
        "sockets, traffic, tunnel, future, entry, admission, details for the log"
    );
}

#[test]
fn tokio_holds_as_much_for_it_as_documented() {
    const COUNT: i64 = 200;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    let mut sockets = Vec::with_capacity(COUNT as usize);
    let opened = measure(|| {
        runtime.block_on(async {
            while sockets.len() < COUNT as usize {
                let (near, far) = connected().await;
                sockets.extend([near, far]);
            }
        });
    });
    let of_socket = opened.bytes_current / COUNT;
    // As large as the future of a tunnel.
    let spawned =
        measure(|| {
            runtime.block_on(async {
                for _ in 0..COUNT {
                    let parts = Box::new(0_u64);
                    tokio::task::spawn_local(poll_fn(move |_| {
                        if *parts == 0 { Poll::Pending } else { Poll::Ready(()) }
                    }));
                }
                tokio::task::yield_now().await;
            });
        });
    let of_task = spawned.bytes_current / COUNT;
    // Lists grow a little as well.
    assert!((256..288).contains(&of_socket), "{of_socket} bytes for a socket");
    assert!((128 + 8..128 + 32).contains(&of_task), "{of_task} bytes for a task");
}
