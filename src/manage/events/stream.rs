//! The text of server-sent events, from chunks that may end anywhere. Pure.

/// The most bytes of one event. The control plane sends far less.
const MAX_EVENT: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The ID with which a stream continues after this event.
    pub(super) id: Option<String>,
    /// The type.
    pub(super) kind: String,
    /// The data.
    pub(super) data: String,
}

/// The reader of a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What belongs to a line that is not complete.
    rest: Vec<u8>,
    /// The event whose end has not come yet.
    begun: Event,
}

impl Events {
    /// Returns the events that are complete with this chunk.
    pub(super) fn read(&mut self, chunk: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(chunk);
        let mut complete = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\r', '\n']), &mut complete);
        }
        if self.rest.len() + self.begun.data.len() > MAX_EVENT {
            *self = Events::default();
        }
        complete
    }

    fn line(&mut self, line: &str, complete: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.begun);
            if !event.data.is_empty() {
                complete.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.begun.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.begun.kind),
            "data" => {
                if !self.begun.data.is_empty() {
                    self.begun.data.push('\n');
                }
                self.begun.data.push_str(value);
            }
            // A line that begins with a colon is a comment; other fields mean nothing here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_chunks_end() {
        let text = ": heartbeat\n\nid: 7\nevent: memberDown\ndata: {\"a\":1,\ndata: \"b\":2}\n\nevent: none\n\ndata:x\r\n\r\n";
        let expected = [
            Event { id: Some("7".into()), kind: "memberDown".into(), data: "{\"a\":1,\n\"b\":2}".into() },
            Event { id: None, kind: String::new(), data: "x".into() },
        ];
        for cut in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(cut);
            let mut events = Events::default();
            let mut read = events.read(first);
            read.extend(events.read(second));
            assert_eq!(read, expected, "{cut}");
        }
    }

    #[test]
    fn an_endless_line_is_dropped() {
        let mut events = Events::default();
        for _ in 0..20 {
            events.read(&[b'x'; 1 << 17]);
        }
        assert!(events.rest.len() <= MAX_EVENT);
    }
}
