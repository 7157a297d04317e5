//! The names of a tunnel's properties in filters, orders and responses.

use tidegate_shared::tunnel::Property;

use crate::arm::spelling::distance;

/// The largest distance of a misspelt name.
const MAX_DISTANCE: usize = 2;

/// Returns the name of a property.
pub(super) fn name(property: Property) -> &'static str {
    match property {
        Property::Listener => "listener",
        Property::Rule => "rule",
        Property::Pool => "pool",
        Property::Settings => "settings",
        Property::Member => "member",
        Property::ClientAddress => "clientAddress",
        Property::Host => "host",
        Property::Path => "path",
        Property::Subprotocol => "subprotocol",
        Property::Worker => "worker",
        Property::OpenedAt => "openedAt",
        Property::IdleFor => "idleForInSec",
        Property::State => "state",
        Property::ReceivedBytes => "bytesFromClient",
        Property::SentBytes => "bytesFromBackend",
        Property::ReceivedMessages => "messagesFromClient",
        Property::SentMessages => "messagesFromBackend",
    }
}

/// Returns the property of a name, in any case.
///
/// # Errors
/// There is none; the message has the nearest name, or all names.
pub(super) fn named(text: &str, position: usize) -> Result<Property, String> {
    let mut all = Property::ALL.into_iter();
    if let Some(property) = all.find(|property| name(*property).eq_ignore_ascii_case(text)) {
        return Ok(property);
    }
    let near = |property: &Property| distance(name(*property), text, MAX_DISTANCE);
    let nearest = Property::ALL.into_iter().filter(|property| near(property).is_some()).min_by_key(near);
    let short: String = text.chars().take(40).collect();
    Err(match nearest {
        Some(nearest) => {
            format!(
                "'{short}' at position {position} is no property of a tunnel; '{}' is one.",
                name(nearest)
            )
        }
        None => format!(
            "'{short}' at position {position} is no property of a tunnel; the properties are {}.",
            Property::ALL.map(name).join(", ")
        ),
    })
}
