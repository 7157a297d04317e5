//! The latest events: a bounded list in memory, which readers follow.
//!
//! The list is a log for readers that are connected, and no record: it begins anew with the process, and old events make
//! room for new ones. A reader keeps its own position, so that a slow one costs no memory; one that has fallen behind is
//! told that it has missed something. Publishing waits for nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tidegate_shared::id::{GatewayId, WorkerId};
use tokio::sync::watch;

use crate::clock::Millis;

/// The number of events that are kept.
const KEPT: usize = 4096;

/// The maximum length of a text in an event, in bytes.
const MAX_TEXT: usize = 1024;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// The number of the event in this process, from 1.
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) content: EventContent,
}

/// The kind of an event, and the resource that it is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventContent {
    /// The type, such as `memberDown`.
    pub(crate) kind: &'static str,
    /// The gateway concerned, if it is one.
    pub(crate) gateway: Option<GatewayId>,
    /// The worker that has reported it or that is concerned.
    pub(crate) worker: Option<WorkerId>,
    /// Further facts.
    pub(crate) details: Map<String, Value>,
}

impl EventContent {
    /// An event without details.
    pub(crate) fn new(kind: &'static str) -> EventContent {
        EventContent { kind, gateway: None, worker: None, details: Map::new() }
    }

    /// Sets the gateway.
    pub(crate) fn of(mut self, gateway: GatewayId) -> EventContent {
        self.gateway = Some(gateway);
        self
    }

    /// Sets the worker.
    pub(crate) fn on(mut self, worker: WorkerId) -> EventContent {
        self.worker = Some(worker);
        self
    }

    /// Adds a detail. Long texts are cut.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> EventContent {
        let value = match value.into() {
            Value::String(mut text) if text.len() > MAX_TEXT => {
                text.truncate(text.floor_char_boundary(MAX_TEXT));
                json!(format!("{text}…"))
            }
            value => value,
        };
        self.details.insert(name.to_owned(), value);
        self
    }
}

/// The events of this process.
#[derive(Debug)]
pub(crate) struct Events {
    /// Distinguishes the numbers of this process from those of others.
    process: String,
    list: Mutex<VecDeque<Arc<Event>>>,
    /// The number of the newest event; 0 if there is none.
    newest: watch::Sender<u64>,
}

/// A reader's place in the list.
#[derive(Debug)]
pub(crate) struct Position {
    /// The number of the last event that was read.
    read: u64,
    newest: watch::Receiver<u64>,
}

/// What a reader gets next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// The next event.
    Event(Arc<Event>),
    /// Events between the last one that was read and the following ones are lost.
    Lost,
}

impl Default for Events {
    fn default() -> Events {
        let process = format!("{:x}", Millis::now().0);
        Events { process, list: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl Events {
    /// Adds an event.
    pub(crate) fn publish(&self, content: EventContent) {
        let mut list = self.lock();
        let number = *self.newest.borrow() + 1;
        if list.len() == KEPT {
            list.pop_front();
        }
        list.push_back(Arc::new(Event { number, at: Millis::now(), content }));
        self.newest.send_replace(number);
    }

    /// The ID of an event for readers, by which a later request continues.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.process)
    }

    /// Returns the position after the newest event.
    pub(crate) fn end(&self) -> Position {
        let newest = self.newest.subscribe();
        let read = *newest.borrow();
        Position { read, newest }
    }

    /// Returns the position after the event with that ID. If it is the ID of another process or too old, returns the
    /// position before the oldest event, and false.
    pub(crate) fn after(&self, id: &str) -> (Position, bool) {
        let own = id.strip_prefix(&self.process).and_then(|rest| rest.strip_prefix('-'));
        let number: Option<u64> = own.and_then(|number| number.parse().ok());
        let list = self.lock();
        let newest = self.newest.subscribe();
        let oldest = list.front().map_or(*newest.borrow() + 1, |event| event.number);
        let is_known = |number: &u64| *number + 1 >= oldest && *number <= *newest.borrow();
        let known = number.filter(is_known);
        (Position { read: known.unwrap_or(oldest - 1), newest }, known.is_some())
    }

    /// Waits for the next event. Cancel safe.
    pub(crate) async fn next(&self, position: &mut Position) -> Next {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = position.newest.wait_for(|newest| *newest > position.read).await;
        let list = self.lock();
        let oldest = list.front().map_or(1, |event| event.number);
        if position.read + 1 < oldest {
            position.read = oldest - 1;
            return Next::Lost;
        }
        position.read += 1;
        let at = usize::try_from(position.read - oldest).unwrap_or(usize::MAX);
        list.get(at).map_or(Next::Lost, |event| Next::Event(event.clone()))
    }

    /// Locks the list. It stays consistent even if a holder panics.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn number(events: &Events, position: &mut Position) -> Option<u64> {
        match events.next(position).await {
            Next::Event(event) => Some(event.number),
            Next::Lost => None,
        }
    }

    #[tokio::test]
    async fn a_reader_continues_where_it_was_or_is_told_what_it_missed() {
        let events = Events::default();
        let mut reader = events.end();
        for _ in 0..3 {
            events.publish(EventContent::new("x"));
        }
        assert_eq!(number(&events, &mut reader).await, Some(1));
        let (mut again, known) = events.after(&events.id(1));
        assert!(known);
        assert_eq!(number(&events, &mut again).await, Some(2));
        for foreign in ["", "x", "other-1", &events.id(4), &format!("{}-", events.process)] {
            let (mut oldest, known) = events.after(foreign);
            assert!(!known, "{foreign}");
            assert_eq!(number(&events, &mut oldest).await, Some(1), "{foreign}");
        }
        for _ in 0..KEPT {
            events.publish(EventContent::new("y"));
        }
        assert_eq!(number(&events, &mut reader).await, None, "the second one is gone");
        assert_eq!(number(&events, &mut reader).await, Some(4));
        assert!(!events.after(&events.id(2)).1);
        let (mut newest, known) = events.after(&events.id(KEPT as u64 + 3));
        assert!(known);
        let none = tokio::time::timeout(std::time::Duration::from_millis(1), events.next(&mut newest)).await;
        none.unwrap_err();
    }

    #[test]
    fn a_long_text_is_cut() {
        let content = EventContent::new("x").with("reason", "é".repeat(MAX_TEXT));
        assert!(content.details["reason"].as_str().unwrap().len() <= MAX_TEXT + 3);
    }
}
