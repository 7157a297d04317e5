//! Backend connections of one client connection, for settings that ask for them: NTLM and Negotiate authenticate a
//! connection as a whole, so it must not carry requests of other clients.

use std::cell::Cell;
use std::fmt;

use super::{Http1Connection, Key, Sender};

/// The maximum number of idle connections per client connection, which may use several backends.
const MAX: usize = 8;

/// The idle backend connections of one client connection, which end with it. A client connection without any pays
/// only for a pointer.
#[derive(Default)]
pub(crate) struct DedicatedConnections(Cell<Option<Box<Kept>>>);

/// The connections from the oldest to the newest.
#[derive(Default)]
struct Kept(Vec<(Key, Http1Connection)>);

impl fmt::Debug for DedicatedConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dedicated(…)")
    }
}

impl DedicatedConnections {
    fn with<R>(&self, work: impl FnOnce(&mut Vec<(Key, Http1Connection)>) -> R) -> R {
        let mut kept = self.0.take().unwrap_or_default();
        let list = &mut kept.0;
        list.retain(|(_, connection)| connection.is_usable());
        let result = work(list);
        self.0.set((!list.is_empty()).then_some(kept));
        result
    }

    /// Returns the number of the backend of the newest connection.
    pub(crate) fn backend(&self) -> Option<u64> {
        self.with(|kept| kept.last().map(|(key, _)| key.backend()))
    }

    /// Takes the connection with this key for a request.
    pub(crate) fn take(&self, key: &Key) -> Option<Sender> {
        self.with(|kept| {
            let place = kept.iter().position(|(known, _)| known == key)?;
            Some(Sender::Http1(kept.remove(place).1))
        })
    }

    /// Keeps a connection whose response has been read to its end. There is one for each key; if there are too many,
    /// the oldest is closed.
    pub(crate) fn keep(&self, key: Key, sender: Sender) {
        // HTTP/2 has no authentication of whole connections.
        let Sender::Http1(connection) = sender else { return };
        if !connection.is_usable() {
            return;
        }
        self.with(|kept| {
            kept.retain(|(known, _)| *known != key);
            if kept.len() == MAX {
                kept.remove(0);
            }
            kept.push((key, connection));
        });
    }

    /// Closes all connections, because no further request comes.
    pub(crate) fn close(&self) {
        self.0.set(None);
    }
}
