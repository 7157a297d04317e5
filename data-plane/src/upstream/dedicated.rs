//! Connections to backends that belong to one client connection, for settings that ask for it: some ways to sign on
//! (NTLM, Negotiate) prove who the client is once for a whole connection, which must then carry nobody else's requests.

use std::cell::Cell;
use std::fmt;

use super::{CheckedSender, Key, Sender};

/// How many a client connection keeps: it may speak with several backends, by several rules.
const MAX: usize = 8;

/// The idle connections to backends of one client connection. Most have none, and pay a pointer for it; they end with
/// it.
#[derive(Default)]
pub(crate) struct DedicatedConnections(Cell<Option<Box<Kept>>>);

/// From the oldest to the newest.
#[derive(Default)]
struct Kept(Vec<(Key, CheckedSender)>);

impl fmt::Debug for DedicatedConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dedicated(…)")
    }
}

impl DedicatedConnections {
    fn with<R>(&self, work: impl FnOnce(&mut Vec<(Key, CheckedSender)>) -> R) -> R {
        let mut kept = self.0.take().unwrap_or_default();
        let list = &mut kept.0;
        list.retain(|(_, sender)| !sender.is_closed());
        let result = work(list);
        self.0.set((!list.is_empty()).then_some(kept));
        result
    }

    /// The backend that the newest one leads to.
    pub(crate) fn backend(&self) -> Option<u64> {
        self.with(|kept| kept.last().map(|(key, _)| key.backend()))
    }

    /// The one that is alike, for a request.
    pub(crate) fn take(&self, key: &Key) -> Option<Sender> {
        self.with(|kept| {
            let place = kept.iter().position(|(known, _)| known == key)?;
            Some(Sender::Http1(kept.remove(place).1))
        })
    }

    /// Keeps one whose response has been read to its end: one for each backend, and where there are too many the oldest
    /// goes.
    pub(crate) fn keep(&self, key: Key, sender: Sender) {
        // Over HTTP/2 nobody signs on for a whole connection.
        let Sender::Http1(sender) = sender else { return };
        self.with(|kept| {
            kept.retain(|(known, _)| *known != key);
            if kept.len() == MAX {
                kept.remove(0);
            }
            kept.push((key, sender));
        });
    }

    /// Closes them all: no request comes any more.
    pub(crate) fn close(&self) {
        self.0.set(None);
    }
}
