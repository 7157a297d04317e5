//! Timers that are used again: a wait that ends before its deadline, as nearly all do, sets no timer and clears none.
//!
//! A timer stays set when its wait is over, and the next wait on the thread takes it with the deadline that it has. It
//! is set anew only for an earlier deadline, or when it fires before the deadline of its wait. This module must not
//! know what is waited for.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The most unused timers that a thread keeps; each holds some hundred bytes.
const MAX_SPARE: usize = 256;

/// The unused timers of a thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alarms(Rc<RefCell<Vec<Pin<Box<Sleep>>>>>);

/// The timer of one task that waits. It takes a timer when it first waits, and dropping it gives the timer back.
#[derive(Debug)]
pub(crate) struct Alarm {
    spare: Alarms,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// The pauses of a peer, each of which has a time.
#[derive(Debug)]
pub(crate) struct Pause {
    alarm: Alarm,
    since: Option<Instant>,
}

impl Alarms {
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm { spare: self.clone(), sleep: None }
    }

    pub(crate) fn pause(&self) -> Pause {
        Pause { alarm: self.alarm(), since: None }
    }
}

impl Pause {
    /// Returns true if a pause that began with the first call has lasted for `longest`. Otherwise the task is woken
    /// then, or before.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>, longest: Duration) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.alarm.is_over(cx, since + longest)
    }

    /// Notes that the peer has sent something.
    pub(crate) fn end(&mut self) {
        self.since = None;
    }
}

impl Alarm {
    /// Returns true if the deadline has passed. Otherwise the task is woken at the deadline, or before it.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let spare = &self.spare.0;
        let sleep = self.sleep.get_or_insert_with(|| {
            spare.borrow_mut().pop().unwrap_or_else(|| Box::pin(sleep_until(deadline)))
        });
        if sleep.deadline() > deadline || sleep.is_elapsed() {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut spare = self.spare.0.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.extend(self.sleep.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    async fn ring(alarm: &mut Alarm, deadline: Instant) -> Duration {
        let began = Instant::now();
        poll_fn(|cx| if alarm.is_over(cx, deadline) { Poll::Ready(()) } else { Poll::Pending }).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_ends_at_its_own_deadline_whatever_the_timer_was_set_to() {
        let (alarms, second) = (Alarms::default(), Duration::from_secs(1));
        for (left_set, wait) in [(30, 2), (2, 30), (5, 5)] {
            let (left_set, wait) = (left_set * second, wait * second);
            let mut earlier = alarms.alarm();
            assert!(!poll_fn(|cx| Poll::Ready(earlier.is_over(cx, Instant::now() + left_set))).await);
            drop(earlier);
            let took = ring(&mut alarms.alarm(), Instant::now() + wait).await;
            assert!(took >= wait && took < wait + Duration::from_millis(5), "{took:?} for {wait:?}");
        }
        assert_eq!(alarms.0.borrow().len(), 1, "the timer was not used again");
        tokio::time::advance(60 * second).await;
        let took = ring(&mut alarms.alarm(), Instant::now() + second).await;
        assert!(took >= second, "an old timer ended the wait after {took:?}");
    }
}
