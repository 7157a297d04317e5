//! The ID of a request, which is the same in its access log line, its trace and its header to the backend.

use std::cell::RefCell;

use crate::trace;

/// 128 random bits that identify a request; the backend receives them in `X-AppGW-Trace-Id`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionId([u8; 16]);

/// A transaction ID as 32 hexadecimal digits.
#[derive(Debug)]
pub(crate) struct Digits([u8; 32]);

impl TransactionId {
    pub(crate) fn new(random: &RefCell<fastrand::Rng>) -> TransactionId {
        TransactionId(random.borrow_mut().u128(1..).to_be_bytes())
    }

    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn digits(self) -> Digits {
        let mut text = [0; 32];
        trace::write_hex(&mut text, &self.0);
        Digits(text)
    }
}

impl Digits {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}
