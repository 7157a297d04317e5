//! The errors of RFC 9113, frame by frame, like those of `h2spec`.
//!
//! A connection error is a GOAWAY or the end of the connection, a stream error an RST_STREAM or a connection error.
//! If the RFC names one code and also allows the general one, both are accepted.

use std::time::Duration;

use tidegate_harness::{FramePeer, PREFACE, Verdict, flag, frame, header_block, kind};

use tokio::time::timeout;

use crate::HOST;
use crate::http2::Stage;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;

/// The time limit for a reaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// The expected reaction to what a client sends.
pub(crate) enum Expected {
    /// The connection ends; if there is a code, it is one of these.
    Connection(&'static [u32]),
    /// The stream ends with one of these codes, or the connection ends.
    Stream(&'static [u32]),
    /// The request on stream 1 gets this status.
    Answer(u16),
}
use Expected::{Answer, Connection, Stream};

impl Expected {
    fn is_met_by(&self, verdict: Verdict) -> bool {
        match (self, verdict) {
            (Connection(_), Verdict::Closed) | (Stream(_), Verdict::Closed) => true,
            (Connection(codes) | Stream(codes), Verdict::GoAway(code)) => codes.contains(&code),
            (Stream(codes), Verdict::Reset(_, code)) => codes.contains(&code),
            (Answer(wanted), Verdict::Answer(1, status)) => *wanted == status,
            _ => false,
        }
    }
}

pub(crate) async fn connect(stage: &Stage) -> FramePeer {
    FramePeer::connect_tls(stage.gateway.https(), HOST, &stage.authority.client()).await
}

/// Runs each case on its own connection, after a valid preface and SETTINGS.
pub(crate) async fn check(cases: &[(&str, Vec<Vec<u8>>, Expected)]) {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for (what, frames, expected) in cases {
        let mut peer = connect(&stage).await;
        let sent = [PREFACE, &frame(kind::SETTINGS, flag::NONE, 0, []), &frames.concat()].concat();
        // The gateway may close the connection before it has read everything.
        let _ = peer.write(sent).await;
        let verdict = timeout(PATIENCE, peer.verdict(|verdict| expected.is_met_by(verdict))).await;
        match verdict {
            Ok(verdict) if expected.is_met_by(verdict) => {}
            other => wrong.push(format!("{what}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.gateway.get("/still").await.expect(200);
}

const PSEUDO: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", HOST)];

pub(crate) fn fields(more: &[(&'static str, &'static str)]) -> Vec<u8> {
    header_block(&[&PSEUDO, more].concat())
}

/// Encodes a GET without a body.
fn get(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, flag::WHOLE, stream, fields(&[]))
}

/// Encodes the head of a request whose body follows.
pub(crate) fn post(stream: u32, more: &[(&'static str, &'static str)]) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS, stream, fields(more))
}

fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flag::WHOLE, 1, header_block(fields))
}

fn setting(identifier: u16, value: u32) -> Vec<u8> {
    let payload = [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(kind::SETTINGS, flag::NONE, 0, payload)
}

fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, flag::NONE, stream, increment.to_be_bytes())
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, flag::NONE, stream, 8_u32.to_be_bytes())
}

#[tokio::test]
async fn what_is_allowed_is_served() {
    let padded = [&[4], fields(&[]).as_slice(), &[0; 4]].concat();
    let split = fields(&[]);
    check(&[
        ("a request", vec![get(1)], Answer(200)),
        ("padding", vec![frame(kind::HEADERS, flag::WHOLE | flag::PADDED, 1, padded)], Answer(200)),
        ("an unknown frame (5.5)", vec![frame(0xfa, 0xff, 0, b"?"), get(1)], Answer(200)),
        ("an unknown setting (6.5.2)", vec![setting(0xfa, 1), get(1)], Answer(200)),
        (
            "a PING that answers none (6.7)",
            vec![frame(kind::PING, flag::ACK, 0, [0; 8]), get(1)],
            Answer(200),
        ),
        (
            "PRIORITY of an idle stream (5.3)",
            vec![frame(kind::PRIORITY, 0, 3, [0, 0, 0, 0, 1]), get(1)],
            Answer(200),
        ),
        (
            "a header block in pieces (6.10)",
            vec![
                frame(kind::HEADERS, flag::END_STREAM, 1, &split[..10]),
                frame(kind::CONTINUATION, flag::NONE, 1, &split[10..20]),
                frame(kind::CONTINUATION, flag::END_HEADERS, 1, &split[20..]),
            ],
            Answer(200),
        ),
        (
            "a body, and trailers at its end (8.1)",
            vec![
                post(1, &[("content-length", "4")]),
                frame(kind::DATA, flag::NONE, 1, b"body"),
                frame(kind::HEADERS, flag::WHOLE, 1, header_block(&[("x-trailer", "1")])),
            ],
            Answer(200),
        ),
        (
            "a host with a user (8.3.1)",
            vec![headers(&[PSEUDO[0], PSEUDO[1], PSEUDO[2], (":authority", "user@a.test")])],
            Answer(400),
        ),
    ])
    .await;
}

#[tokio::test]
async fn frames_of_a_wrong_size_end_the_connection() {
    check(&[
        (
            "DATA too large (4.2)",
            vec![post(1, &[]), frame(kind::DATA, 0, 1, vec![0; 16_385])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "HEADERS too large (4.2)",
            vec![frame(kind::HEADERS, flag::WHOLE, 1, vec![0; 16_385])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "PRIORITY of 4 bytes (6.3)",
            vec![frame(kind::PRIORITY, 0, 1, [0; 4])],
            Stream(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "RST_STREAM of 3 bytes (6.4)",
            vec![post(1, &[]), frame(kind::RST_STREAM, 0, 1, [0; 3])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "an ACK with a payload (6.5)",
            vec![frame(kind::SETTINGS, flag::ACK, 0, [0; 6])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "SETTINGS of 5 bytes (6.5)",
            vec![frame(kind::SETTINGS, 0, 0, [0; 5])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "PING of 6 bytes (6.7)",
            vec![frame(kind::PING, 0, 0, [0; 6])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "WINDOW_UPDATE of 3 bytes (6.9)",
            vec![frame(kind::WINDOW_UPDATE, 0, 0, [0; 3])],
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn frames_on_a_wrong_stream_end_the_connection() {
    const WRONG: Expected = Connection(&[PROTOCOL_ERROR]);
    check(&[
        ("DATA on 0 (6.1)", vec![frame(kind::DATA, 0, 0, b"x")], WRONG),
        ("HEADERS on 0 (6.2)", vec![frame(kind::HEADERS, flag::WHOLE, 0, fields(&[]))], WRONG),
        ("PRIORITY on 0 (6.3)", vec![frame(kind::PRIORITY, 0, 0, [0, 0, 0, 3, 1])], WRONG),
        ("RST_STREAM on 0 (6.4)", vec![reset(0)], WRONG),
        ("SETTINGS on 1 (6.5)", vec![frame(kind::SETTINGS, 0, 1, [])], WRONG),
        ("PING on 1 (6.7)", vec![frame(kind::PING, 0, 1, [0; 8])], WRONG),
        ("GOAWAY on 1 (6.8)", vec![frame(kind::GOAWAY, 0, 1, [0; 8])], WRONG),
        ("CONTINUATION on 0 (6.10)", vec![frame(kind::CONTINUATION, flag::END_HEADERS, 0, [])], WRONG),
        (
            "PUSH_PROMISE from a client (8.4)",
            vec![post(1, &[]), frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, [0, 0, 0, 2, 0x82])],
            WRONG,
        ),
        ("an even number (5.1.1)", vec![get(2)], WRONG),
        (
            "a smaller number than before (5.1.1)",
            vec![post(5, &[]), get(3)],
            Connection(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        ),
        ("DATA on an idle stream (5.1)", vec![frame(kind::DATA, 0, 1, b"x")], WRONG),
        ("RST_STREAM of an idle stream (5.1)", vec![reset(1)], WRONG),
        ("WINDOW_UPDATE of an idle stream (5.1)", vec![window(1, 1)], WRONG),
        (
            "CONTINUATION of nothing (6.10)",
            vec![frame(kind::CONTINUATION, flag::END_HEADERS, 1, fields(&[]))],
            WRONG,
        ),
    ])
    .await;
}

#[tokio::test]
async fn header_blocks_are_whole_and_readable() {
    const WRONG: Expected = Connection(&[PROTOCOL_ERROR]);
    let begun = || frame(kind::HEADERS, flag::END_STREAM, 1, &fields(&[])[..10]);
    check(&[
        (
            "an index that there is not (4.3)",
            vec![frame(kind::HEADERS, flag::WHOLE, 1, [0xff, 0xff, 0x0f])],
            Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "half a header field (4.3)",
            vec![frame(kind::HEADERS, flag::WHOLE, 1, [0, 20, b'x'])],
            Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
        ("a frame in between (4.3)", vec![begun(), frame(kind::PING, 0, 0, [0; 8])], WRONG),
        ("an unknown frame in between (5.5)", vec![begun(), frame(0xfa, 0, 0, [])], WRONG),
        (
            "another stream in between (6.10)",
            vec![begun(), frame(kind::CONTINUATION, flag::END_HEADERS, 3, [])],
            WRONG,
        ),
        (
            "more after the end (6.10)",
            vec![get(1), frame(kind::CONTINUATION, flag::END_HEADERS, 1, [])],
            WRONG,
        ),
        (
            "DATA all padding and more (6.1)",
            vec![post(1, &[]), frame(kind::DATA, flag::PADDED, 1, [9, 0])],
            WRONG,
        ),
        (
            "HEADERS all padding and more (6.2)",
            vec![frame(kind::HEADERS, flag::WHOLE | flag::PADDED, 1, [200, 0x82])],
            WRONG,
        ),
    ])
    .await;
}

#[tokio::test]
async fn settings_and_windows_stay_within_their_bounds() {
    check(&[
        ("ENABLE_PUSH 2 (6.5.2)", vec![setting(2, 2)], Connection(&[PROTOCOL_ERROR])),
        (
            "INITIAL_WINDOW_SIZE 2^31 (6.5.2)",
            vec![setting(4, 1 << 31)],
            Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        ),
        ("MAX_FRAME_SIZE too small (6.5.2)", vec![setting(5, 16_383)], Connection(&[PROTOCOL_ERROR])),
        ("MAX_FRAME_SIZE too large (6.5.2)", vec![setting(5, 1 << 24)], Connection(&[PROTOCOL_ERROR])),
        ("WINDOW_UPDATE by 0 (6.9)", vec![window(0, 0)], Connection(&[PROTOCOL_ERROR])),
        ("WINDOW_UPDATE of a stream by 0 (6.9)", vec![post(1, &[]), window(1, 0)], Stream(&[PROTOCOL_ERROR])),
        ("a window over 2^31 (6.9.1)", vec![window(0, (1 << 31) - 1)], Connection(&[FLOW_CONTROL_ERROR])),
        (
            "a stream's window over 2^31 (6.9.1)",
            vec![post(1, &[]), window(1, (1 << 31) - 1)],
            Stream(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "more than the window (6.9)",
            vec![post(1, &[]), frame(kind::DATA, 0, 1, vec![0; 16_384]).repeat(500)],
            Stream(&[FLOW_CONTROL_ERROR]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_stream_that_has_ended_takes_nothing_more() {
    check(&[
        (
            "DATA after the end (5.1)",
            vec![get(1), frame(kind::DATA, 0, 1, b"x")],
            Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        ("HEADERS after the end (5.1)", vec![get(1), get(1)], Stream(&[STREAM_CLOSED, PROTOCOL_ERROR])),
        (
            "HEADERS after RST_STREAM (5.1)",
            vec![post(1, &[]), reset(1), get(1)],
            Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        (
            "a second head that does not end (8.1)",
            vec![post(1, &[]), post(1, &[])],
            Stream(&[PROTOCOL_ERROR]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn malformed_requests_end_their_stream() {
    const WRONG: Expected = Stream(&[PROTOCOL_ERROR]);
    let [method, scheme, path, authority] = PSEUDO;
    let with = |more| vec![headers(&[&PSEUDO[..], more].concat())];
    let body = |length, data: &[&[u8]]| {
        let mut frames = vec![post(1, &[("content-length", length)])];
        frames.extend(data.iter().map(|data| frame(kind::DATA, 0, 1, data)));
        frames.push(frame(kind::DATA, flag::END_STREAM, 1, []));
        frames
    };
    check(&[
        ("capitals (8.2.1)", with(&[("X-Capital", "1")]), WRONG),
        ("a space in a name (8.2.1)", with(&[("x y", "1")]), WRONG),
        ("a line feed in a value (8.2.1)", with(&[("x-value", "a\nb")]), WRONG),
        ("connection (8.2.2)", with(&[("connection", "keep-alive")]), WRONG),
        ("transfer-encoding (8.2.2)", with(&[("transfer-encoding", "chunked")]), WRONG),
        ("upgrade (8.2.2)", with(&[("upgrade", "websocket")]), WRONG),
        ("te other than trailers (8.2.2)", with(&[("te", "gzip")]), WRONG),
        ("an unknown pseudo-header (8.3)", with(&[(":x", "1")]), WRONG),
        ("one of answers (8.3)", with(&[(":status", "200")]), WRONG),
        ("one after a header (8.3)", vec![headers(&[method, scheme, authority, ("x", "1"), path])], WRONG),
        ("no :method (8.3.1)", vec![headers(&[scheme, path, authority])], WRONG),
        ("no :scheme (8.3.1)", vec![headers(&[method, path, authority])], WRONG),
        ("no :path (8.3.1)", vec![headers(&[method, scheme, authority])], WRONG),
        ("an empty :path (8.3.1)", vec![headers(&[method, scheme, (":path", ""), authority])], WRONG),
        ("two of :method (8.3.1)", with(&[method]), WRONG),
        ("two of :scheme (8.3.1)", with(&[scheme]), WRONG),
        ("two of :path (8.3.1)", with(&[path]), WRONG),
        (":protocol without CONNECT (RFC 8441)", with(&[(":protocol", "websocket")]), WRONG),
        ("fewer bytes than said (8.1.1)", body("8", &[b"four"]), WRONG),
        ("more bytes than said (8.1.1)", body("6", &[b"four", b"four"]), WRONG),
        ("bytes said and none sent (8.1.1)", with(&[("content-length", "4")]), WRONG),
    ])
    .await;
}

#[tokio::test]
async fn a_pseudo_header_among_trailers_goes_no_further() {
    let stage = Stage::new().await;
    let mut peer = connect(&stage).await;
    let trailers = frame(kind::HEADERS, flag::WHOLE, 1, header_block(&[(":path", "/other")]));
    let sent = [PREFACE, &frame(kind::SETTINGS, flag::NONE, 0, []), &post(1, &[]), &trailers].concat();
    peer.write(sent).await.expect("a proper beginning is taken");
    // RFC 9113, section 8.1 requires a stream error; the HTTP/2 library drops the field instead.
    assert_eq!(peer.verdict(|_| true).await, Verdict::Answer(1, 200));
    let seen = stage.backend.request("/").await;
    assert!(seen.body.is_empty() && !format!("{:?}", seen.head).contains("other"));
}

#[tokio::test]
async fn a_connection_that_does_not_begin_as_it_must_is_ended() {
    let stage = Stage::new().await;
    for nonsense in
        ["GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n\0\0\0\x04\0\0\0\0\0"]
    {
        let mut peer = connect(&stage).await;
        // The gateway may close the connection before it has read everything.
        let _ = peer.write(nonsense).await;
        let verdict = peer.verdict(|_| true).await;
        assert!(Connection(&[PROTOCOL_ERROR]).is_met_by(verdict), "{nonsense:?}: {verdict:?}");
    }
}
