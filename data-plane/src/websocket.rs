//! The WebSocket protocol after its handshake (RFC 6455), as far as a tunnel must know it. Pure. This module must not
//! know connections, nor keep or judge payload.

mod control;
mod frames;

pub(crate) use control::{PingMark, PongFilter, close_frame, ping_frame};
pub(crate) use frames::Frames;
