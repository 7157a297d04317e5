//! The rules that a response's status line must satisfy, and the limits of its head. Pure.

use crate::fault::Fault;
use crate::line::number;
use crate::words::find_control;

/// The largest head of a response in bytes, line feeds not counted.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// The most interim responses (1xx) before the final one.
pub(super) const MAX_INTERIM: u8 = 16;

/// The parts of a status line.
#[derive(Debug)]
pub(super) struct StatusLine {
    /// From 100 to 999.
    pub(super) status: u16,
    /// True for HTTP/1.0.
    pub(super) old_version: bool,
    /// The position of the reason phrase, which may be empty.
    pub(super) reason_at: usize,
}

impl StatusLine {
    /// Parses a line. Old servers leave out the space behind the status if there is no reason phrase. Nobody reads
    /// such a line in another way, so it is accepted; [`crate::ResponseHead::write`] adds the space, which a sender
    /// must send (RFC 9112, section 4).
    pub(super) fn parse(line: &[u8]) -> Result<StatusLine, Fault> {
        let (old_version, rest) = match line {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => (false, rest),
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => (true, rest),
            _ => return Err(Fault::FirstLine),
        };
        let (digits, reason) = rest.split_at_checked(3).ok_or(Fault::FirstLine)?;
        match number(digits).and_then(|status| u16::try_from(status).ok()) {
            Some(status @ 100..=999)
                if find_control(reason).is_none() && matches!(reason.first(), None | Some(b' ')) =>
            {
                let reason_at = line.len() - reason.len().saturating_sub(1);
                Ok(StatusLine { status, old_version, reason_at })
            }
            _ => Err(Fault::FirstLine),
        }
    }
}
