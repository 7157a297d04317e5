//! Validates a chunked body (RFC 9112, section 7.1) while it passes: chunk sizes, extensions and trailers,
//! byte by byte; data is only counted. Pure.

use crate::chunk_extension::Extension;
use crate::fault::Fault;
use crate::line::is_token_byte;

/// The most digits of a chunk size, including leading zeros.
const MAX_DIGITS: u8 = 16;
/// The most trailers, which is also hyper's limit.
const MAX_TRAILERS: u8 = 100;

/// The side that sends a body.
///
/// Backends are trusted to send white space behind a chunk size, any text as an extension, and trailers whose
/// names are any tokens, because real ones do, and hyper has always accepted it. None of it is forwarded,
/// apart from trailers. Clients are not trusted with it: a server behind the gateway could be more credulous
/// than they expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Backend,
}

impl Sender {
    /// The most bytes of the extensions of all chunks of a body together, and also of its trailers together.
    fn max_extra(self) -> u32 {
        match self {
            Sender::Client => 8 * 1024,
            Sender::Backend => 16 * 1024,
        }
    }
}

/// The state of the parser before the next byte of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    Size {
        digits: u8,
        size: u64,
    },
    /// White space behind the size, from a backend.
    SizeSpace {
        size: u64,
    },
    Extension {
        size: u64,
        at: Extension,
    },
    /// Any text behind the size, from a backend.
    AnyExtension {
        size: u64,
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
    sender: Sender,
    trailers: u8,
    extra: u32,
    total: u64,
}

impl Chunks {
    pub(crate) fn new(sender: Sender) -> Chunks {
        Chunks { at: ChunkState::Size { digits: 0, size: 0 }, sender, trailers: 0, extra: 0, total: 0 }
    }

    /// Consumes bytes, for tests; the data of the whole body may have at most `limit` bytes. Returns how many of the
    /// bytes belong to the body, and true if the body has ended with them.
    #[cfg(test)]
    pub(crate) fn take(&mut self, bytes: &[u8], limit: u64) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            at += self.data(bytes.len() - at);
            let Some(byte) = bytes.get(at) else { break };
            at += 1;
            if self.step(*byte, limit)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Consumes the data that comes next, of which so many bytes are there. Returns the number of its bytes;
    /// 0 if the next byte is not data.
    pub(crate) fn data(&mut self, available: usize) -> usize {
        let ChunkState::Data { left } = self.at else { return 0 };
        let here = usize::try_from(left).map_or(available, |left| left.min(available));
        let left = left - here as u64;
        self.at = if left == 0 { ChunkState::DataCr } else { ChunkState::Data { left } };
        here
    }

    /// Returns true if the next byte is data.
    pub(crate) fn is_in_data(&self) -> bool {
        matches!(self.at, ChunkState::Data { .. })
    }

    /// Returns true if the next byte belongs to the trailers, or begins the final line end.
    pub(crate) fn is_in_trailers(&self) -> bool {
        use ChunkState::{Trailer, TrailerEnd, TrailerName, TrailerValue};
        matches!(self.at, Trailer | TrailerName | TrailerValue | TrailerEnd)
    }

    /// Consumes one byte that is not data. Returns true if the body has ended with it.
    pub(crate) fn step(&mut self, byte: u8, limit: u64) -> Result<bool, Fault> {
        self.at = match (self.at, byte) {
            (ChunkState::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < MAX_DIGITS => {
                let digit = (byte as char).to_digit(16).expect("it is a digit");
                ChunkState::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (ChunkState::Size { digits: 1.., size }, b'\r') => ChunkState::SizeEnd { size },
            (ChunkState::Size { digits: 1.., size }, b';') => self.extension(size),
            (ChunkState::Size { digits: 1.., size } | ChunkState::SizeSpace { size }, b' ' | b'\t')
                if self.sender == Sender::Backend =>
            {
                self.extra(Fault::ChunkExtensions)?;
                ChunkState::SizeSpace { size }
            }
            (ChunkState::SizeSpace { size }, b'\r') => ChunkState::SizeEnd { size },
            (ChunkState::SizeSpace { size }, b';') => self.extension(size),
            (ChunkState::Extension { size, at }, b'\r') if at.may_end() => ChunkState::SizeEnd { size },
            (ChunkState::Extension { size, at }, _) => {
                self.extra(Fault::ChunkExtensions)?;
                ChunkState::Extension { size, at: at.step(byte).ok_or(Fault::ChunkExtension)? }
            }
            (ChunkState::AnyExtension { size }, b'\r') => ChunkState::SizeEnd { size },
            (ChunkState::AnyExtension { .. }, b'\n') => return Err(Fault::ChunkExtension),
            (ChunkState::AnyExtension { .. }, _) => {
                self.extra(Fault::ChunkExtensions)?;
                self.at
            }
            (ChunkState::SizeEnd { size }, b'\n') => self.begin_data(size, limit)?,
            (ChunkState::DataCr, b'\r') => ChunkState::DataLf,
            (ChunkState::DataLf, b'\n') => ChunkState::Size { digits: 0, size: 0 },
            (ChunkState::Trailer, b'\r') => ChunkState::End,
            (ChunkState::End, b'\n') => return Ok(true),
            (
                ChunkState::Trailer
                | ChunkState::TrailerName
                | ChunkState::TrailerValue
                | ChunkState::TrailerEnd
                | ChunkState::End,
                _,
            ) => self.trailer(byte)?,
            _ => return Err(Fault::Chunk),
        };
        Ok(false)
    }

    fn extension(&self, size: u64) -> ChunkState {
        match self.sender {
            Sender::Client => ChunkState::Extension { size, at: Extension::Start },
            Sender::Backend => ChunkState::AnyExtension { size },
        }
    }

    fn begin_data(&mut self, size: u64, limit: u64) -> Result<ChunkState, Fault> {
        if size == 0 {
            self.extra = 0;
            return Ok(ChunkState::Trailer);
        }
        self.total = self.total.saturating_add(size);
        if self.total > limit { Err(Fault::BodyTooLarge) } else { Ok(ChunkState::Data { left: size }) }
    }

    fn trailer(&mut self, byte: u8) -> Result<ChunkState, Fault> {
        use ChunkState::{Trailer, TrailerEnd, TrailerName, TrailerValue};
        let next = match (self.at, byte) {
            (TrailerValue, b'\r') => return Ok(TrailerEnd),
            (TrailerEnd, b'\n') if self.trailers < MAX_TRAILERS => {
                self.trailers += 1;
                return Ok(Trailer);
            }
            (TrailerValue, _) if !is_control(byte) => TrailerValue,
            (TrailerName, b':') => TrailerValue,
            (Trailer | TrailerName, _) if self.is_trailer_name(byte) => TrailerName,
            _ => return Err(Fault::Trailers),
        };
        self.extra(Fault::Trailers)?;
        Ok(next)
    }

    fn is_trailer_name(&self, byte: u8) -> bool {
        match self.sender {
            Sender::Client => matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.'),
            Sender::Backend => is_token_byte(byte),
        }
    }

    fn extra(&mut self, fault: Fault) -> Result<(), Fault> {
        self.extra += 1;
        if self.extra > self.sender.max_extra() { Err(fault) } else { Ok(()) }
    }
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' || byte == 0x7f
}

#[cfg(test)]
pub(crate) mod cases;
#[cfg(test)]
mod tests;
