//! The parts of a document that have resource IDs of their own.

use serde_json::Value;

use super::{Child, Document};
use crate::arm::collection::Collection;
use crate::arm::extension::{Extension, ExtensionPath, NAMESPACE};

/// A part of a document that has a resource ID of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part<'a> {
    Child(&'a Child),
    /// A member of a child, such as a path rule of a path map.
    Member(&'a Value),
    Extension(&'a Extension),
}

impl Document {
    /// Finds the child, the member of a child, or the extension document with that resource ID.
    pub(crate) fn part(&self, id: &str) -> Option<Part<'_>> {
        let whole = self.path.to_string();
        let (gateway, rest) = id.split_at_checked(whole.len())?;
        if !gateway.eq_ignore_ascii_case(&whole) {
            return None;
        }
        if let Some(ExtensionPath { kind, name, .. }) = ExtensionPath::parse(id) {
            return self.extension(kind, &name).map(Part::Extension);
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

    /// Returns whether something belongs to a part that the document does not contain: to a child, to a member of a
    /// child, or to an extension document. `rest` is what follows the gateway's ID in that of an extension, without
    /// the first slash.
    pub(crate) fn lacks_owner_of(&self, rest: &str) -> bool {
        let is_provider = |segment: &str| segment.eq_ignore_ascii_case("providers");
        let segments: Vec<&str> = rest.split('/').collect();
        let (owner, is_part) = match segments[..] {
            [providers, namespace, _, _, ..] if is_provider(providers) => {
                (segments[..4].to_vec(), namespace.eq_ignore_ascii_case(NAMESPACE))
            }
            _ => {
                let owner: Vec<&str> =
                    segments.into_iter().take_while(|segment| !is_provider(segment)).collect();
                let is_part = owner.first().is_some_and(|collection| Collection::named(collection).is_some());
                (owner, is_part)
            }
        };
        is_part && self.part(&format!("{}/{}", self.path, owner.join("/"))).is_none()
    }
}
