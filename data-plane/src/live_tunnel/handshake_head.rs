//! What is kept of the handshake of a tunnel, in one text.

use tidegate_shared::tunnel::cut;

/// What is between two values: no host, target or header has it.
const SEPARATOR: char = '\0';

/// The host, the target and the subprotocol of a handshake.
#[derive(Debug)]
pub(crate) struct HandshakeHead(Box<str>);

impl HandshakeHead {
    /// Copies the values of a handshake: the whole target for a log line or a span, or only the beginning of its path,
    /// as far as lists of tunnels show it.
    pub(crate) fn new(host: &str, target: &str, is_whole: bool) -> HandshakeHead {
        let target = if is_whole { target } else { cut(path(target)) };
        HandshakeHead([host, target].join("\0").into())
    }

    /// Adds the subprotocol that the backend has selected.
    pub(crate) fn select(&mut self, subprotocol: &str) {
        self.0 = [&self.0, cut(subprotocol)].join("\0").into();
    }

    /// Returns the host.
    pub(crate) fn host(&self) -> &str {
        self.part(0).unwrap_or_default()
    }

    /// Returns what was kept of the target.
    pub(crate) fn target(&self) -> &str {
        self.part(1).unwrap_or_default()
    }

    /// Returns the path of the target.
    pub(crate) fn path(&self) -> &str {
        path(self.target())
    }

    /// Returns the subprotocol, if the backend has selected one.
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.part(2)
    }

    fn part(&self, number: usize) -> Option<&str> {
        self.0.splitn(3, SEPARATOR).nth(number)
    }
}

fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_kept_for_those_who_log_it() {
        for (is_whole, target) in [(true, "/room/1?token=x"), (false, "/room/1")] {
            let mut head = HandshakeHead::new("chat.test", "/room/1?token=x", is_whole);
            assert_eq!((head.host(), head.target(), head.path()), ("chat.test", target, "/room/1"));
            assert_eq!(head.subprotocol(), None);
            head.select("mqtt");
            assert_eq!((head.host(), head.target(), head.subprotocol()), ("chat.test", target, Some("mqtt")));
        }
        let long = format!("/{}", "x".repeat(5000));
        let length = |is_whole| HandshakeHead::new("", &long, is_whole).path().len();
        assert!(length(false) < length(true));
    }
}
