//! Session tickets for clients: their keys, and the clients that get none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::server::ProducesTickets;
use tidegate_shared::id::Digest;

/// The ticket keys of a worker. They outlive configurations, so that sessions can be resumed across a change.
#[derive(Debug)]
pub(crate) struct TicketKeys {
    for_all: Arc<dyn ProducesTickets>,
    by_policy: Mutex<HashMap<Digest, Weak<dyn ProducesTickets>>>,
}

impl Default for TicketKeys {
    fn default() -> TicketKeys {
        TicketKeys { for_all: new_ticketer(), by_policy: Mutex::default() }
    }
}

impl TicketKeys {
    /// Returns the keys for the client certificate requirements with this digest. Different requirements have different
    /// keys: a session that began under other requirements is not resumed.
    pub(super) fn of(&self, client_policy: Option<&Digest>) -> Arc<dyn ProducesTickets> {
        let Some(client_policy) = client_policy else { return self.for_all.clone() };
        let mut by_policy = self.by_policy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_policy.get(client_policy).and_then(Weak::upgrade) {
            return known;
        }
        by_policy.retain(|_, ticketer| ticketer.strong_count() > 0);
        let new = new_ticketer();
        by_policy.insert(client_policy.clone(), Arc::downgrade(&new));
        new
    }
}

fn new_ticketer() -> Arc<dyn ProducesTickets> {
    rustls::crypto::aws_lc_rs::Ticketer::new().expect("the system gives randomness")
}

/// The tickets of one connection whose client must send a certificate. A resumed session does not request a
/// certificate, so a client that has sent none gets no ticket: otherwise it would be rejected for as long as the
/// ticket is valid, even after it has got a certificate. A resumed session issues no new tickets either, so that
/// the certificate is soon requested again.
#[derive(Debug)]
pub(super) struct ClientAuthTicketer {
    tickets: Arc<dyn ProducesTickets>,
    shown: AtomicBool,
}

impl ClientAuthTicketer {
    pub(super) fn new(tickets: Arc<dyn ProducesTickets>) -> ClientAuthTicketer {
        ClientAuthTicketer { tickets, shown: AtomicBool::new(false) }
    }

    /// Notes that the client has sent a certificate, valid or not.
    pub(super) fn note_shown(&self) {
        self.shown.store(true, Ordering::Relaxed);
    }
}

impl ProducesTickets for ClientAuthTicketer {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.shown.load(Ordering::Relaxed) { self.tickets.encrypt(plain) } else { None }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.tickets.decrypt(cipher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_who_has_shown_a_certificate() {
        let keys = TicketKeys::default();
        let (first, second) =
            (ClientAuthTicketer::new(keys.of(None)), ClientAuthTicketer::new(keys.of(None)));
        assert_eq!(first.encrypt(b"session"), None);
        first.note_shown();
        let ticket = first.encrypt(b"session").unwrap();
        assert_eq!(second.decrypt(&ticket).unwrap(), b"session");
        assert_eq!(second.encrypt(b"session"), None);
    }

    #[test]
    fn keys_are_those_of_the_same_requirements_and_the_same_worker() {
        let keys = TicketKeys::default();
        let (one, other) = (Digest::of([b"one".as_slice()]), Digest::of([b"other".as_slice()]));
        let (of_one, again) = (keys.of(Some(&one)), keys.of(Some(&one)));
        let ticket = of_one.encrypt(b"session").unwrap();
        assert_eq!(again.decrypt(&ticket).unwrap(), b"session");
        for stranger in [keys.of(None), keys.of(Some(&other)), TicketKeys::default().of(Some(&one))] {
            assert_eq!(stranger.decrypt(&ticket), None);
        }
    }
}
