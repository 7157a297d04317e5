//! Frames of HTTP/2 that ask for an answer, and floods of what RFC 9113 allows: they end their connection, or wait, and
//! cost the worker nothing to speak of.

use tidegate_harness::{
    Frame, PREFACE, flag, frame, header_block, kind, memory_kib, peak_memory_kib, reset_peak_memory,
};

use crate::http2::Stage;
use crate::http2_conformance::Expected::{self, Connection, Stream};
use crate::http2_conformance::{PROTOCOL_ERROR, check, connect, fields, post, reset};

const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

#[tokio::test]
async fn settings_and_pings_are_acknowledged() {
    let stage = Stage::new().await;
    let mut peer = connect(&stage).await;
    let ping = frame(kind::PING, flag::NONE, 0, b"tidegate");
    let sent = [PREFACE, &frame(kind::SETTINGS, flag::NONE, 0, []), &ping].concat();
    peer.write(sent).await.expect("a proper beginning is taken");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let Frame { kind, flags, payload, .. } = peer.next().await.expect("the connection lives");
        if flags == flag::ACK {
            seen.push((kind, payload));
        }
    }
    seen.sort();
    assert_eq!(seen, [(kind::SETTINGS, Vec::new()), (kind::PING, b"tidegate".to_vec())]);
}

#[tokio::test]
async fn floods_end_the_connection() {
    const CALM: Expected = Connection(&[ENHANCE_YOUR_CALM]);
    let odd = |count: u32| (0..count).map(|number| number * 2 + 1);
    let rapid: Vec<_> = odd(2000).flat_map(|stream| [post(stream, &[]), reset(stream)]).collect();
    let malformed = |stream| frame(kind::HEADERS, flag::WHOLE, stream, fields(&[("connection", "x")]));
    let endless: Vec<_> = std::iter::once(frame(kind::HEADERS, flag::END_STREAM, 1, fields(&[])))
        .chain((0..1000).map(|_| frame(kind::CONTINUATION, 0, 1, header_block(&[("x", "y")]))))
        .collect();
    let empty: Vec<_> =
        std::iter::once(post(1, &[])).chain((0..1000).map(|_| frame(kind::DATA, 0, 1, []))).collect();
    check(&[
        ("streams reset as soon as they are opened", rapid, CALM),
        ("malformed streams", odd(500).map(malformed).collect(), CALM),
        ("CONTINUATION without end", endless, CALM),
        ("DATA without data", empty, CALM),
        (
            "more streams than allowed (5.1.2)",
            odd(150).map(|stream| post(stream, &[])).collect(),
            Stream(&[REFUSED_STREAM, PROTOCOL_ERROR]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_the_asker_up_in_bounded_memory() {
    let stage = Stage::new().await;
    let worker = stage.gateway.tidegate.worker_pid(1).await;
    for (what, asked) in [
        ("PING", frame(kind::PING, flag::NONE, 0, [0; 8])),
        ("SETTINGS", frame(kind::SETTINGS, flag::NONE, 0, [])),
    ] {
        let mut peer = connect(&stage).await;
        let sent = [PREFACE, &frame(kind::SETTINGS, flag::NONE, 0, [])].concat();
        peer.write(sent).await.expect("a proper beginning is taken");
        reset_peak_memory(worker);
        let before = memory_kib(worker);
        peer.peer().write_until_held_up(&asked.repeat(4096)).await;
        let grown = peak_memory_kib(worker).saturating_sub(before);
        assert!(grown < 8 * 1024, "{what}: the worker grew by {grown} KiB");
    }
}
