//! The WebSocket protocol after its handshake (RFC 6455), as far as a tunnel must know it. Pure. This module must not
//! know connections, nor keep or judge payload.

mod frames;

pub(crate) use frames::Frames;
