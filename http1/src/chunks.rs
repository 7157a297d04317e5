//! Validates a chunked body (RFC 9112, section 7.1) while it passes: chunk sizes, extensions and trailers, byte by
//! byte.

use crate::chunk_extension::Extension;
use crate::fault::Fault;

/// The most bytes of the extensions of all chunks of a body together, and also of its trailers together.
const MAX_EXTRA: u32 = 8 * 1024;
/// The most digits of a chunk size, including leading zeros.
const MAX_DIGITS: u8 = 16;

/// The state of the parser before the next byte of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    Size {
        digits: u8,
        size: u64,
    },
    Extension {
        size: u64,
        at: Extension,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// The first byte of a trailer, or of the final line end.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    End,
}

/// The parser of one chunked body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    at: ChunkState,
    total: u64,
    extra: u32,
}

impl Chunks {
    pub(crate) fn new() -> Chunks {
        Chunks { at: ChunkState::Size { digits: 0, size: 0 }, total: 0, extra: 0 }
    }

    /// Consumes bytes; the data of the whole body may have at most `limit` bytes. Returns how many of the bytes
    /// belong to the body, and true if the body has ended with them.
    pub(crate) fn take(&mut self, bytes: &[u8], limit: u64) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let ChunkState::Data { left } = self.at {
                let here = left.min((bytes.len() - at) as u64);
                at += usize::try_from(here).expect("no more than there are bytes");
                self.at =
                    if here == left { ChunkState::DataCr } else { ChunkState::Data { left: left - here } };
                continue;
            }
            at += 1;
            if self.step(*byte, limit)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Consumes one byte that is not data. Returns true if the body has ended with it.
    fn step(&mut self, byte: u8, limit: u64) -> Result<bool, Fault> {
        self.at = match (self.at, byte) {
            (ChunkState::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < MAX_DIGITS => {
                let digit = (byte as char).to_digit(16).expect("it is a digit");
                ChunkState::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (ChunkState::Size { digits: 1.., size }, b'\r') => ChunkState::SizeEnd { size },
            (ChunkState::Extension { size, at }, b'\r') if at.may_end() => ChunkState::SizeEnd { size },
            (ChunkState::Size { digits: 1.., size }, b';') => {
                ChunkState::Extension { size, at: Extension::Start }
            }
            (ChunkState::Extension { size, at }, _) => {
                self.extra(Fault::ChunkExtensions)?;
                ChunkState::Extension { size, at: at.step(byte).ok_or(Fault::ChunkExtension)? }
            }
            (ChunkState::SizeEnd { size: 0 }, b'\n') => {
                self.extra = 0;
                ChunkState::Trailer
            }
            (ChunkState::SizeEnd { size }, b'\n') => {
                self.total = self.total.saturating_add(size);
                if self.total > limit {
                    return Err(Fault::BodyTooLarge);
                }
                ChunkState::Data { left: size }
            }
            (ChunkState::DataCr, b'\r') => ChunkState::DataLf,
            (ChunkState::DataLf, b'\n') => ChunkState::Size { digits: 0, size: 0 },
            (ChunkState::Trailer, b'\r') => ChunkState::End,
            (ChunkState::End, b'\n') => return Ok(true),
            (ChunkState::Trailer | ChunkState::TrailerName, _) => self.trailer_name(byte)?,
            (ChunkState::TrailerValue, b'\r') => ChunkState::TrailerEnd,
            (ChunkState::TrailerValue, _) if !is_control(byte) => {
                self.extra(Fault::Trailers)?;
                ChunkState::TrailerValue
            }
            (ChunkState::TrailerEnd, b'\n') => ChunkState::Trailer,
            (ChunkState::TrailerValue | ChunkState::TrailerEnd | ChunkState::End, _) => {
                return Err(Fault::Trailers);
            }
            _ => return Err(Fault::Chunk),
        };
        Ok(false)
    }

    fn trailer_name(&mut self, byte: u8) -> Result<ChunkState, Fault> {
        self.extra(Fault::Trailers)?;
        match byte {
            b':' if self.at == ChunkState::TrailerName => Ok(ChunkState::TrailerValue),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => Ok(ChunkState::TrailerName),
            _ => Err(Fault::Trailers),
        }
    }

    fn extra(&mut self, fault: Fault) -> Result<(), Fault> {
        self.extra += 1;
        if self.extra > MAX_EXTRA { Err(fault) } else { Ok(()) }
    }
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(body: &[u8], piece: usize) -> Result<(usize, bool), Fault> {
        let mut chunks = Chunks::new();
        let mut taken = 0;
        for piece in body.chunks(piece) {
            let (count, ended) = chunks.take(piece, 100)?;
            taken += count;
            if ended {
                return Ok((taken, true));
            }
        }
        Ok((taken, false))
    }

    #[test]
    fn the_end_of_a_chunked_body_is_found_however_it_is_cut() {
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
            for piece in 1..=body.len().min(40) {
                assert_eq!(run(body, piece), *expected, "{:?} by {piece}", String::from_utf8_lossy(body));
            }
        }
    }
}
