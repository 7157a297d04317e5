//! Floods of HTTP/2 frames that require an answer or that RFC 9113 allows: they end their connection, or wait, and
//! cost the worker little.

use tidegate_harness::{
    Frame, Metrics, PREFACE, Verdict, flag, frame, header_block, kind, memory_kib, peak_memory_kib,
    reset_peak_memory,
};

use crate::HOST;
use crate::http2::Stage;
use crate::http2::conformance::Expected::{self, Connection, Stream};
use crate::http2::conformance::{PROTOCOL_ERROR, check, connect, fields, post, reset};

const INTERNAL_ERROR: u32 = 2;
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
    let many = |asked: Vec<u8>| vec![asked.repeat(100_000)];
    let ping = many(frame(kind::PING, flag::NONE, 0, [0; 8]));
    let settings = many(frame(kind::SETTINGS, flag::NONE, 0, []));
    let priority = many(frame(kind::PRIORITY, flag::NONE, 1, [0, 0, 0, 3, 1]));
    let window = many(frame(kind::WINDOW_UPDATE, flag::NONE, 0, [0, 0, 0, 1]));
    check(&[
        ("PING without end", ping, CALM),
        ("SETTINGS without end", settings, CALM),
        ("PRIORITY without end", priority, CALM),
        ("WINDOW_UPDATE without end", window, CALM),
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
async fn frames_without_content_are_counted_and_cost_no_memory() {
    let stage = Stage::new().await;
    let worker = stage.gateway.tidegate.worker_pid(1).await;
    for (number, (what, asked)) in [
        ("PING", frame(kind::PING, flag::NONE, 0, [0; 8])),
        ("SETTINGS", frame(kind::SETTINGS, flag::NONE, 0, [])),
    ]
    .into_iter()
    .enumerate()
    {
        let mut peer = connect(&stage).await;
        let sent = [PREFACE, &frame(kind::SETTINGS, flag::NONE, 0, [])].concat();
        peer.write(sent).await.expect("a proper beginning is taken");
        reset_peak_memory(worker);
        let before = memory_kib(worker);
        // The client does not read the answers.
        while peer.write(asked.repeat(4096)).await.is_ok() {}
        let grown = peak_memory_kib(worker).saturating_sub(before);
        assert!(grown < 8 * 1024, "{what}: the worker grew by {grown} KiB");
        let floods = number as f64 + 1.0;
        let counted = |metrics: &Metrics| metrics.sum("tidegate_http2_floods_total", &[]) == floods;
        stage.gateway.tidegate.metrics_when("the flood is counted", counted).await;
    }
}

#[tokio::test]
async fn a_connect_with_a_length_costs_its_own_stream_alone() {
    let stage = Stage::new().await;
    let mut peer = connect(&stage).await;
    let connect = [(":method", "CONNECT"), (":authority", HOST), ("content-length", "5")];
    let frames = [
        frame(kind::SETTINGS, flag::NONE, 0, []),
        post(1, &[("content-length", "2")]),
        frame(kind::HEADERS, flag::END_HEADERS, 3, header_block(&connect)),
        frame(kind::HEADERS, flag::END_HEADERS, 5, header_block(&connect)),
        frame(kind::DATA, flag::END_STREAM, 1, b"ok"),
    ];
    peer.write([PREFACE, &frames.concat()].concat()).await.expect("a proper beginning is taken");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(peer.verdict(|_| true).await);
    }
    // The other streams of the connection are answered, and so are later ones.
    for expected in
        [Verdict::Reset(3, INTERNAL_ERROR), Verdict::Reset(5, INTERNAL_ERROR), Verdict::Answer(1, 200)]
    {
        assert!(seen.contains(&expected), "{expected:?} is not among {seen:?}");
    }
    peer.write(frame(kind::HEADERS, flag::WHOLE, 7, fields(&[]))).await.expect("the connection lives");
    assert_eq!(peer.verdict(|_| true).await, Verdict::Answer(7, 200));
}
