//! Evaluates the response to a probe. A redirect is evaluated like any other response, and is not followed.

use std::fmt::Display;
use std::ops::RangeInclusive;

use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use memchr::memmem::Finder;
use tidegate_shared::snapshot::Probe;

/// The number of body bytes in which the expected text is searched.
const MAX_BODY: usize = 64 * 1024;

/// The number of characters of the expected text that a reason shows.
const SHOWN: usize = 80;

/// Evaluates a response. Returns the reason as text for a person: `Ok` if the response is healthy. The body is read
/// only as far as necessary.
pub(super) async fn evaluate<B>(probe: &Probe, status: StatusCode, body: B) -> Result<String, String>
where
    B: Body<Data = bytes::Bytes, Error: Display> + Unpin,
{
    if !probe.statuses.iter().any(|range| range.contains(&status.as_u16())) {
        return Err(format!("Received status {status}, expected {}.", expected(&probe.statuses)));
    }
    if probe.body.is_empty() {
        return Ok(format!("Success. Received status {}.", status.as_u16()));
    }
    if contains(body, probe.body.as_bytes()).await? {
        return Ok(format!("Success. Received status {} and the expected body.", status.as_u16()));
    }
    let mut wanted: String = probe.body.chars().take(SHOWN).collect();
    if wanted.len() < probe.body.len() {
        wanted.push('…');
    }
    Err(format!(
        "Received status {}, but the body (its first {MAX_BODY} bytes) does not contain {wanted:?}.",
        status.as_u16()
    ))
}

/// Formats the statuses as in a document.
fn expected(statuses: &[RangeInclusive<u16>]) -> String {
    let text = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
        (one, other) if one == other => one.to_string(),
        (low, high) => format!("{low}-{high}"),
    };
    statuses.iter().map(text).collect::<Vec<_>>().join(", ")
}

async fn contains<B>(mut body: B, wanted: &[u8]) -> Result<bool, String>
where
    B: Body<Data = bytes::Bytes, Error: Display> + Unpin,
{
    let finder = Finder::new(wanted);
    let mut text: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| format!("The body ended early: {e}."))?;
        let Some(data) = frame.data_ref() else { continue };
        // The bytes searched before can only contain the beginning of the text.
        let from = text.len().saturating_sub(wanted.len() - 1);
        text.extend_from_slice(&data[..data.len().min(MAX_BODY - text.len())]);
        if finder.find(&text[from..]).is_some() {
            return Ok(true);
        }
        if text.len() == MAX_BODY {
            break;
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body::Frame;

    use super::*;

    /// A body that arrives in pieces.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece.into()))))
        }
    }

    async fn judged(
        statuses: &[RangeInclusive<u16>],
        wanted: &str,
        status: u16,
        pieces: Vec<Vec<u8>>,
    ) -> Result<String, String> {
        let probe = Probe {
            host: None,
            port: None,
            path: "/".into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            unhealthy_threshold: 1,
            min_servers: 0,
            statuses: statuses.to_vec(),
            body: wanted.into(),
        };
        evaluate(&probe, StatusCode::from_u16(status).unwrap(), Pieces(pieces.into())).await
    }

    #[tokio::test]
    async fn the_status_must_be_one_of_those_expected() {
        let cases: &[(&[RangeInclusive<u16>], u16, bool)] = &[
            (&[200..=399], 200, true),
            (&[200..=399], 399, true),
            (&[200..=399], 400, false),
            (&[200..=200, 410..=419], 418, true),
            (&[200..=200, 410..=419], 201, false),
        ];
        for (statuses, status, good) in cases {
            assert_eq!(
                judged(statuses, "", *status, Vec::new()).await.is_ok(),
                *good,
                "{statuses:?} {status}"
            );
        }
        let said = judged(&[200..=200, 410..=419], "", 503, Vec::new()).await.unwrap_err();
        assert_eq!(said, "Received status 503 Service Unavailable, expected 200, 410-419.");
    }

    #[tokio::test]
    async fn the_body_must_contain_the_text_wherever_it_is_cut() {
        let all = [200..=200];
        let pieces = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        for texts in [&["all is well"][..], &["all is we", "ll", ""], &["w", "e", "l", "l"], &["wewell"]] {
            assert!(judged(&all, "well", 200, pieces(texts)).await.is_ok(), "{texts:?}");
        }
        for texts in [&[][..], &["all is ill"], &["wel", " l"], &["Well"]] {
            let said = judged(&all, "well", 200, pieces(texts)).await.unwrap_err();
            assert!(said.contains("does not contain \"well\""), "{said}");
        }
    }

    #[tokio::test]
    async fn no_more_of_a_body_is_read_than_the_bound() {
        let all = [200..=200];
        let endless = vec![vec![b'x'; MAX_BODY / 2 + 1]; 1000];
        assert!(judged(&all, "well", 200, endless).await.is_err());
        let late = vec![vec![b'x'; MAX_BODY - 4], b"well".to_vec()];
        assert!(judged(&all, "well", 200, late).await.is_ok());
        let too_late = vec![vec![b'x'; MAX_BODY - 3], b"well".to_vec()];
        assert!(judged(&all, "well", 200, too_late).await.is_err());
        let long = "y".repeat(4090);
        let said = judged(&all, &long, 200, Vec::new()).await.unwrap_err();
        assert!(said.len() < 300, "{said}");
    }
}
