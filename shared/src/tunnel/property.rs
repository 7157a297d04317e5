//! The properties of a tunnel by which lists are filtered and ordered, and how their values compare.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Millis, Tunnel};

/// A property of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are the fields of a tunnel, and the worker's identity as text")]
pub enum Property {
    Listener,
    Rule,
    Pool,
    Settings,
    Member,
    ClientAddress,
    Host,
    Path,
    Subprotocol,
    Worker,
    OpenedAt,
    /// In seconds.
    IdleFor,
    /// `open`, `draining`, `closing` or `closed`.
    State,
    ReceivedBytes,
    SentBytes,
    ReceivedMessages,
    SentMessages,
}

/// The kind of a property's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A point in time.
    Time,
    /// An IP address.
    Address,
}

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value<'a> {
    /// The tunnel has none.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A point in time.
    Time(Millis),
    /// An IP address.
    Address(IpAddr),
}

/// Something that has the properties of a tunnel.
pub trait Properties {
    /// Returns the value of a property.
    fn value(&self, property: Property) -> Value<'_>;
}

impl Property {
    /// All properties.
    pub const ALL: [Property; 17] = [
        Property::Listener,
        Property::Rule,
        Property::Pool,
        Property::Settings,
        Property::Member,
        Property::ClientAddress,
        Property::Host,
        Property::Path,
        Property::Subprotocol,
        Property::Worker,
        Property::OpenedAt,
        Property::IdleFor,
        Property::State,
        Property::ReceivedBytes,
        Property::SentBytes,
        Property::ReceivedMessages,
        Property::SentMessages,
    ];

    /// Returns the kind of its values.
    pub fn kind(self) -> Kind {
        match self {
            Property::Listener
            | Property::Rule
            | Property::Pool
            | Property::Settings
            | Property::Member
            | Property::Host
            | Property::Path
            | Property::Subprotocol
            | Property::Worker
            | Property::State => Kind::Text,
            Property::ClientAddress => Kind::Address,
            Property::OpenedAt => Kind::Time,
            Property::IdleFor
            | Property::ReceivedBytes
            | Property::SentBytes
            | Property::ReceivedMessages
            | Property::SentMessages => Kind::Integer,
        }
    }

    /// Returns true if upper and lower case of its texts differ: a path's do (RFC 9110, section 4.2.3), and a
    /// subprotocol's (RFC 6455, section 4.1). Names of resources, hosts and states are equal without case.
    fn has_case(self) -> bool {
        matches!(self, Property::Path | Property::Subprotocol)
    }

    /// Compares two values of this property. `Null` is less than all others.
    pub fn compare(self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Text(a), Value::Text(b)) if self.has_case() => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => lower(a).cmp(lower(b)),
            (Value::Integer(a), Value::Integer(b)) | (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Address(a), Value::Address(b)) => a.cmp(b),
            // Values of one property have one kind; any order of others is as good.
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Returns true if a text of this property begins with `start`.
    pub(super) fn starts_with(self, text: &str, start: &str) -> bool {
        if self.has_case() {
            return text.starts_with(start);
        }
        let mut text = lower(text);
        lower(start).all(|wanted| text.next() == Some(wanted))
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

impl Value<'_> {
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Text(_) => 1,
            Value::Integer(_) => 2,
            Value::Time(_) => 3,
            Value::Address(_) => 4,
        }
    }

    /// Returns the value without a reference to the tunnel.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Integer(number) => Value::Integer(number),
            Value::Time(time) => Value::Time(time),
            Value::Address(address) => Value::Address(address),
        }
    }

    /// Returns a number, which is at most `i64::MAX`.
    pub fn count(number: u64) -> Value<'static> {
        Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Returns a text.
    pub fn text(text: &str) -> Value<'_> {
        Value::Text(Cow::Borrowed(text))
    }
}

/// A tunnel of a worker with this name.
impl Properties for (&str, &Tunnel) {
    fn value(&self, property: Property) -> Value<'_> {
        let (worker, tunnel) = *self;
        match property {
            Property::Listener => Value::text(&tunnel.listener),
            Property::Rule => Value::text(&tunnel.rule),
            Property::Pool => Value::text(&tunnel.pool),
            Property::Settings => Value::text(&tunnel.settings),
            Property::Member => Value::text(&tunnel.member),
            Property::ClientAddress => Value::Address(tunnel.client.ip().to_canonical()),
            Property::Host => Value::text(&tunnel.host),
            Property::Path => Value::text(&tunnel.path),
            Property::Subprotocol => tunnel.subprotocol.as_deref().map_or(Value::Null, Value::text),
            Property::Worker => Value::text(worker),
            Property::OpenedAt => Value::Time(tunnel.opened_at),
            Property::IdleFor => Value::count(tunnel.idle_for.as_secs()),
            Property::State => Value::text(tunnel.state.name()),
            Property::ReceivedBytes => Value::count(tunnel.received.bytes),
            Property::SentBytes => Value::count(tunnel.sent.bytes),
            Property::ReceivedMessages => Value::count(tunnel.received.messages.into()),
            Property::SentMessages => Value::count(tunnel.sent.messages.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_is_listed_once() {
        for (place, property) in Property::ALL.iter().enumerate() {
            assert_eq!(*property as usize, place);
        }
    }

    #[test]
    fn only_paths_and_subprotocols_have_case() {
        let compare = |property: Property, a: &'static str, b: &'static str| {
            property.compare(&Value::text(a), &Value::text(b))
        };
        assert_eq!(compare(Property::Pool, "Blue", "bLUE"), Ordering::Equal);
        assert_eq!(compare(Property::Pool, "Straße", "STRASSE"), Ordering::Greater);
        assert_eq!(compare(Property::Host, "a.test", "B.TEST"), Ordering::Less);
        assert_eq!(compare(Property::Path, "/A", "/a"), Ordering::Less);
        assert_eq!(Property::Subprotocol.compare(&Value::Null, &Value::text("")), Ordering::Less);
        assert!(Property::Pool.starts_with("Blue", "BL") && !Property::Path.starts_with("/Blue", "/b"));
        assert!(!Property::Pool.starts_with("B", "Bl") && Property::Path.starts_with("/x", ""));
    }
}
