//! Chunked bodies of clients: how many bytes belong to each and whether it has ended, or its fault. The limit
//! of the data is [`LIMIT`].

use crate::fault::Fault;

/// The largest body in bytes.
pub(crate) const LIMIT: u64 = 100;

/// Shows each case to a reader.
pub(crate) fn for_each(check: impl Fn(&[u8], Result<(usize, bool), Fault>)) {
    let extensions = [b"1;".as_slice(), &vec![b'x'; 8193], b"\r\n"].concat();
    let trailers = [b"0\r\nx:".as_slice(), &vec![b'x'; 8193], b"\r\n"].concat();
    let cases: &[(&[u8], Result<(usize, bool), Fault>)] = &[
        (b"0\r\n\r\nGET", Ok((5, true))),
        (b"5\r\nhello\r\n0\r\n\r\n", Ok((15, true))),
        (b"05\r\nhello\r\n00\r\n\r\n", Ok((17, true))),
        (b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", Ok((35, true))),
        (b"5;name=\"value\"\r\nhello\r\n0;x\r\n\r\n", Ok((30, true))),
        (b"0\r\nA: b\r\nC-d: e\r\n\r\n", Ok((19, true))),
        (b"5\r\nhel", Ok((6, false))),
        (b"5\nhello\r\n0\r\n\r\n", Err(Fault::Chunk)),
        (b"5\r\nhello\n0\r\n\r\n", Err(Fault::Chunk)),
        (b"5\r\nhello0\r\n\r\n", Err(Fault::Chunk)),
        (b"5 \r\nhello\r\n", Err(Fault::Chunk)),
        (b" 5\r\nhello\r\n", Err(Fault::Chunk)),
        (b"+5\r\nhello\r\n", Err(Fault::Chunk)),
        (b"-1\r\n", Err(Fault::Chunk)),
        (b"0x5\r\nhello\r\n", Err(Fault::Chunk)),
        (b"\r\n", Err(Fault::Chunk)),
        (b";x\r\n", Err(Fault::Chunk)),
        (b"zz\r\n", Err(Fault::Chunk)),
        (b"00000000000000005\r\n", Err(Fault::Chunk)),
        (b"ffffffffffffffff\r\n", Err(Fault::BodyTooLarge)),
        (b"65\r\n", Err(Fault::BodyTooLarge)),
        (b"5;a\nb\r\n", Err(Fault::ChunkExtension)),
        (b"5;a\0b\r\n", Err(Fault::ChunkExtension)),
        (b"5;\r\nhello\r\n", Err(Fault::ChunkExtension)),
        (b"5;bad[=x\r\nhello\r\n", Err(Fault::ChunkExtension)),
        (b"5;a=\"b\r\nhello\r\n", Err(Fault::ChunkExtension)),
        (b"0;\r\n\r\n", Err(Fault::ChunkExtension)),
        (&extensions, Err(Fault::ChunkExtensions)),
        (&trailers, Err(Fault::Trailers)),
        (b"0\r\nno colon\r\n\r\n", Err(Fault::Trailers)),
        (b"0\r\n: b\r\n\r\n", Err(Fault::Trailers)),
        (b"0\r\nA: b\n\r\n", Err(Fault::Trailers)),
        (b"0\r\nA: b\r\n folded\r\n\r\n", Err(Fault::Trailers)),
        (b"0\r\nA: b\r\n\n", Err(Fault::Trailers)),
        (b"0\r\n\rX", Err(Fault::Trailers)),
    ];
    for (body, expected) in cases {
        check(body, *expected);
    }
}
