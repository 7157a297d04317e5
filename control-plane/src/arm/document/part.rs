//! The parts of a document that have resource IDs of their own.

use serde_json::Value;

use super::{Child, Document};
use crate::arm::collection::Collection;

/// A part of a document that has a resource ID of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part<'a> {
    Child(&'a Child),
    /// A member of a child, such as a path rule of a path map.
    Member(&'a Value),
}

impl Document {
    /// Finds the child, or the member of a child, with that resource ID.
    pub(crate) fn part(&self, id: &str) -> Option<Part<'_>> {
        let whole = self.path.to_string();
        let (gateway, rest) = id.split_at_checked(whole.len())?;
        if !gateway.eq_ignore_ascii_case(&whole) {
            return None;
        }
        let names: Vec<&str> = rest.strip_prefix('/')?.split('/').collect();
        let child = |collection, name| self.child(Collection::named(collection)?, name);
        match names[..] {
            [collection, name] => child(collection, name).map(Part::Child),
            [collection, name, list, member] => {
                let members = child(collection, name)?.properties.get(list)?.as_array()?;
                let is_it = |value: &&Value| {
                    value["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(member))
                };
                members.iter().find(is_it).map(Part::Member)
            }
            _ => None,
        }
    }

    /// Returns whether something belongs to a child, or to a member of a child, that the document does not contain.
    /// `rest` is what follows the gateway's ID in that of an extension, without the first slash.
    pub(crate) fn lacks_owner_of(&self, rest: &str) -> bool {
        let owner: Vec<&str> =
            rest.split('/').take_while(|segment| !segment.eq_ignore_ascii_case("providers")).collect();
        let is_part = owner.first().is_some_and(|collection| Collection::named(collection).is_some());
        is_part && self.part(&format!("{}/{}", self.path, owner.join("/"))).is_none()
    }
}
