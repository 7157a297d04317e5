//! The table of chunked bodies, read whole and in pieces.

use super::*;

fn run(sender: Sender, body: &[u8], piece: usize) -> Result<(usize, bool), Fault> {
    let mut chunks = Chunks::new(sender);
    let mut taken = 0;
    for piece in body.chunks(piece) {
        let (count, ended) = chunks.take(piece, cases::LIMIT)?;
        taken += count;
        if ended {
            return Ok((taken, true));
        }
    }
    Ok((taken, false))
}

#[test]
fn the_end_of_a_chunked_body_is_found_however_it_is_cut() {
    cases::for_each(|body, expected| {
        for piece in 1..=body.len().min(40) {
            let found = run(Sender::Client, body, piece);
            assert_eq!(found, expected, "{:?} by {piece}", String::from_utf8_lossy(body));
        }
    });
}

#[test]
fn more_than_100_trailers_are_refused() {
    for sender in [Sender::Client, Sender::Backend] {
        for (lines, expected) in [(100, Ok((405, true))), (101, Err(Fault::Trailers))] {
            let body = format!("0\r\n{}\r\n", "a:\r\n".repeat(lines));
            assert_eq!(run(sender, body.as_bytes(), 7), expected, "{lines}");
        }
    }
}

#[test]
fn a_backend_may_send_what_hyper_has_always_accepted() {
    let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(16 * 1024));
    let cases: &[(&str, Result<(), Fault>)] = &[
        ("5  \r\nhello\r\n0\t\r\n\r\n", Ok(())),
        ("5 ;x\r\nhello\r\n0\r\n\r\n", Ok(())),
        ("5;\r\nhello\r\n0;bad[=x\r\n\r\n", Ok(())),
        ("0\r\na!b: c\r\n\r\n", Ok(())),
        ("5 5\r\nhello", Err(Fault::Chunk)),
        (" 5\r\nhello", Err(Fault::Chunk)),
        ("5 \nhello", Err(Fault::Chunk)),
        ("5;a\nhello", Err(Fault::ChunkExtension)),
        ("5;a\rhello", Err(Fault::Chunk)),
        ("0\r\na b: c\r\n\r\n", Err(Fault::Trailers)),
        ("0\r\na: b\r\n c\r\n\r\n", Err(Fault::Trailers)),
        ("0\r\na: b\n\r\n", Err(Fault::Trailers)),
        (&long, Ok(())),
        (&long.replacen(';', ";x", 1), Err(Fault::ChunkExtensions)),
    ];
    for (body, expected) in cases {
        for piece in [1, 2, 5, body.len()] {
            let found = run(Sender::Backend, body.as_bytes(), piece);
            assert_eq!(found, expected.map(|()| (body.len(), true)), "{body:.40?} by {piece}");
        }
    }
}
