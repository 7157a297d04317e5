//! Resource IDs of gateways and their children: parsed ignoring case, printed as their creator spelled them.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::collection::{Collection, Nested};
use super::naming::GATEWAY_TYPE;
use crate::resource_id::ResourceId;

/// The resource ID of a gateway, as its creator spelled it. Equality and hashing ignore case.
#[derive(Clone, Debug)]
pub(crate) struct GatewayPath {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Resource group.
    pub(crate) group: String,
    /// Gateway name.
    pub(crate) name: String,
}

/// The parsed resource ID of a child, which need not exist.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) gateway: GatewayPath,
    /// The collection, as written.
    pub(crate) collection: String,
    /// The child's name, as written.
    pub(crate) name: String,
}

/// The path of a member of a child within a gateway. The member need not exist.
#[derive(Clone, Debug)]
pub(crate) struct MemberPath {
    /// The collection of the member.
    pub(crate) nested: Nested,
    /// The child's name.
    pub(crate) child: String,
    /// The member's name.
    pub(crate) name: String,
}

impl GatewayPath {
    /// Parses a gateway's resource ID. The leading slash may be missing; the fixed segments may be in any case.
    pub(crate) fn parse(id: &str) -> Option<GatewayPath> {
        let (gateway, rest) = split(id)?;
        rest.is_empty().then_some(gateway)
    }

    /// The lower-case form: equal for all spellings of one gateway's ID.
    pub(crate) fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    /// The resource ID of a child.
    pub(crate) fn child_id(&self, collection: &Collection, name: &str) -> String {
        format!("{self}/{}/{name}", collection.name)
    }

    /// The resource ID of a member of a child.
    pub(crate) fn member_id(&self, path: &MemberPath) -> String {
        let MemberPath { nested, child, name } = path;
        format!("{}/{}/{name}", self.child_id(nested.within, child), nested.name)
    }
}

impl Reference {
    /// Parses a child's resource ID, as leniently as [`GatewayPath::parse`].
    pub(crate) fn parse(id: &str) -> Option<Reference> {
        let (gateway, rest) = split(id)?;
        let [collection, name] = <[String; 2]>::try_from(rest).ok()?;
        Some(Reference { gateway, collection, name })
    }
}

/// Splits an ID into its gateway and the segments after it.
fn split(id: &str) -> Option<(GatewayPath, Vec<String>)> {
    let id = ResourceId::parse(id)?;
    let segments: Vec<&str> = id.segments().collect();
    let (head, rest) = segments.split_at_checked(8)?;
    let fixed = [
        (0, "subscriptions"),
        (2, "resourceGroups"),
        (4, "providers"),
        (5, "Microsoft.Network"),
        (6, "applicationGateways"),
    ];
    let shaped = fixed.iter().all(|(at, expected)| head[*at].eq_ignore_ascii_case(expected));
    let part = |at: usize| Some(head[at].to_owned()).filter(|_| shaped);
    let rest = rest.iter().map(|segment| (*segment).to_owned()).collect();
    Some((GatewayPath { subscription: part(1)?, group: part(3)?, name: part(7)? }, rest))
}

impl fmt::Display for GatewayPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GatewayPath { subscription, group, name } = self;
        write!(f, "/subscriptions/{subscription}/resourceGroups/{group}/providers/{GATEWAY_TYPE}/{name}")
    }
}

impl PartialEq for GatewayPath {
    fn eq(&self, other: &GatewayPath) -> bool {
        self.subscription.eq_ignore_ascii_case(&other.subscription)
            && self.group.eq_ignore_ascii_case(&other.group)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl Eq for GatewayPath {}

impl Hash for GatewayPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/applicationGateways/Gw";

    #[test]
    fn gateways_are_read_in_any_case_and_printed_as_written() {
        for id in [ID, &ID[1..], &ID.to_ascii_lowercase(), &ID.to_ascii_uppercase()] {
            let path = GatewayPath::parse(id).unwrap();
            assert_eq!(path, GatewayPath::parse(ID).unwrap());
            assert_eq!(path.key(), ID.to_ascii_lowercase());
        }
        let path = GatewayPath::parse(&ID.replace("resourceGroups", "resourcegroups")).unwrap();
        assert_eq!(path.to_string(), ID);
        assert_eq!(path.child_id(Collection::named("probes").unwrap(), "P"), format!("{ID}/probes/P"));
        for bad in
            ["", "/", "Gw", &format!("{ID}/probes"), &format!("/{ID}"), &ID.replace("Rg", ""), &ID[..60]]
        {
            assert!(GatewayPath::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn references_name_a_child() {
        let reference = Reference::parse(&format!("{}/frontendports/Fp", &ID[1..])).unwrap();
        assert_eq!((reference.collection.as_str(), reference.name.as_str()), ("frontendports", "Fp"));
        for bad in [ID, &format!("{ID}/probes"), &format!("{ID}/probes/"), &format!("{ID}/a/b/c"), "x/y"] {
            assert!(Reference::parse(bad).is_none(), "{bad}");
        }
    }
}
