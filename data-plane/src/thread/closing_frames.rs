//! The Close frames of tunnels that are closed on demand with a frame of their own. Tunnels hold nothing for it: few are
//! closed so, and each only for a moment.

use std::cell::RefCell;
use std::collections::HashMap;

use tidegate_shared::protocol::ClosingFrame;
use tidegate_shared::snapshot::CloseFrame;

/// The frames by the numbers of tunnels.
#[derive(Debug, Default)]
pub(crate) struct ClosingFrames(RefCell<HashMap<u64, Option<CloseFrame>>>);

impl ClosingFrames {
    /// Records the frame of a tunnel that is being closed.
    pub(crate) fn set(&self, number: u64, frame: &ClosingFrame) {
        let own = match frame {
            ClosingFrame::OfPolicy => return,
            ClosingFrame::Nothing => None,
            ClosingFrame::Frame(frame) => Some(frame.clone()),
        };
        self.0.borrow_mut().insert(number, own);
    }

    /// Takes the frame of a tunnel: `Some(None)` if its client must get none, `None` if its policy decides.
    pub(crate) fn take(&self, number: u64) -> Option<Option<CloseFrame>> {
        self.0.borrow_mut().remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_once_and_a_tunnel_without_one_has_that_of_its_policy() {
        let frames = ClosingFrames::default();
        let frame = CloseFrame { code: 1012, reason: "moving".to_owned() };
        frames.set(1, &ClosingFrame::OfPolicy);
        frames.set(2, &ClosingFrame::Nothing);
        frames.set(3, &ClosingFrame::Frame(frame.clone()));
        for (number, expected) in [(1, None), (2, Some(None)), (3, Some(Some(frame))), (3, None)] {
            assert_eq!(frames.take(number), expected, "{number}");
        }
    }
}
