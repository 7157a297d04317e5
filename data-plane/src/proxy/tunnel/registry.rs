//! The tunnels of one thread, so that those to a backend that is gone can be ended.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::runtime::Member;
use crate::thread::Thread;

/// The tunnels of one thread.
#[derive(Debug, Default)]
pub(crate) struct Tunnels {
    next: Cell<u64>,
    live: RefCell<HashMap<u64, Rc<Ear>>>,
}

/// Why a tunnel is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its pool member is no longer part of the configuration, and the drain timeout has passed.
    BackendRemoved,
    /// The worker stops, and its drain timeout has passed.
    Stopping,
}

/// How a tunnel is told to end.
#[derive(Debug)]
struct Ear {
    member: Member,
    cut: Cell<Option<Cut>>,
    waker: RefCell<Option<Waker>>,
}

/// A tunnel's place among those of its thread; given up on drop.
#[derive(Debug)]
pub(super) struct Registration {
    thread: Rc<Thread>,
    number: u64,
    ear: Rc<Ear>,
}

impl Tunnels {
    /// Ends the tunnels whose pool member is asked for.
    pub(crate) fn cut(&self, why: Cut, which: impl Fn(&Member) -> bool) {
        for ear in self.live.borrow().values().filter(|ear| which(&ear.member)) {
            ear.cut.set(Some(why));
            if let Some(waker) = ear.waker.take() {
                waker.wake();
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.borrow().is_empty()
    }
}

impl Registration {
    pub(super) fn new(thread: &Rc<Thread>, member: Member) -> Registration {
        let number = thread.tunnels.next.get();
        thread.tunnels.next.set(number + 1);
        let ear = Rc::new(Ear { member, cut: Cell::new(None), waker: RefCell::new(None) });
        thread.tunnels.live.borrow_mut().insert(number, ear.clone());
        Registration { thread: thread.clone(), number, ear }
    }

    /// Ready once the tunnel is to end. The waker of a tunnel's task never changes: it is kept once.
    pub(super) fn poll_cut(&self, cx: &Context<'_>) -> Poll<Cut> {
        if let Some(why) = self.ear.cut.get() {
            return Poll::Ready(why);
        }
        self.ear.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.thread.tunnels.live.borrow_mut().remove(&self.number);
    }
}
