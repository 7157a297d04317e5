//! Scopes of API clients: a resource ID and everything below it.
//!
//! IDs are compared by segment, ignoring case, so that a scope on the group `web` does not include the group
//! `web2`. [`ResourceId`] defines the syntax; a scope is a short ID whose segments are plain names.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::resource_id::ResourceId;

/// The maximum length of a segment in characters, as for names in URLs.
const MAX_SEGMENT: usize = 90;

/// The fixed segments of the longest scope, by position; the others are names.
const FIXED: [(usize, &str); 3] = [(0, "subscriptions"), (2, "resourceGroups"), (4, "providers")];

/// The number of segments of a subscription, a group and a resource.
const LENGTHS: [usize; 3] = [2, 4, 8];

/// A resource ID with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Vec<String>);

/// The text is not a scope.
#[derive(Debug, Error)]
#[error(
    "the scope must be `/`, /subscriptions/{{id}}, a resource group or a resource: \
     /subscriptions/{{id}}/resourceGroups/{{name}}[/providers/{{namespace}}/{{type}}/{{name}}]"
)]
pub struct InvalidScope;

/// A new scope is in a subscription that cannot hold a resource.
#[derive(Debug, Error)]
pub enum UselessScope {
    /// The text is not a scope.
    #[error(transparent)]
    Invalid(#[from] InvalidScope),
    /// The subscription is not a GUID.
    #[error(
        "'{0}' is not a subscription ID, so the scope would match nothing: it must be a GUID, such as \
         00000000-0000-0000-0000-000000000000"
    )]
    Subscription(String),
}

/// Returns whether the text has the form of a GUID.
pub(crate) fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

impl Scope {
    /// Parses the scope of a new client, which must be able to match a resource.
    ///
    /// # Errors
    /// [`UselessScope`].
    pub fn parse_new(text: &str) -> Result<Scope, UselessScope> {
        let scope: Scope = text.parse()?;
        match scope.subscription() {
            Some(subscription) if !is_guid(subscription) => {
                Err(UselessScope::Subscription(subscription.to_owned()))
            }
            _ => Ok(scope),
        }
    }

    /// The scope `/`.
    pub fn everything() -> Scope {
        Scope(Vec::new())
    }

    /// Returns whether this is the scope `/`.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the resource with these segments is within the scope.
    pub fn covers(&self, segments: &[impl AsRef<str>]) -> bool {
        begins(segments, &self.0)
    }

    /// Returns whether the scope is strictly below the resource with these segments.
    pub fn is_below(&self, segments: &[impl AsRef<str>]) -> bool {
        self.0.len() > segments.len() && begins(&self.0, segments)
    }

    /// The subscription that contains the scope; `None` for `/`.
    pub fn subscription(&self) -> Option<&str> {
        self.0.get(1).map(String::as_str)
    }

    /// The segments of the resource group that contains the scope; `None` for wider scopes.
    pub fn group(&self) -> Option<&[String]> {
        self.0.get(..4)
    }
}

/// Returns whether the path begins with these segments.
fn begins(path: &[impl AsRef<str>], start: &[impl AsRef<str>]) -> bool {
    path.len() >= start.len()
        && path.iter().zip(start).all(|(a, b)| a.as_ref().eq_ignore_ascii_case(b.as_ref()))
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Scope, InvalidScope> {
        if text == "/" {
            return Ok(Scope::everything());
        }
        let id = Some(text).filter(|text| text.starts_with('/'));
        let id =
            id.and_then(|id| ResourceId::parse(id.strip_suffix('/').unwrap_or(id))).ok_or(InvalidScope)?;
        let mut segments: Vec<String> = id.segments().map(str::to_owned).collect();
        if !LENGTHS.contains(&segments.len()) || !segments.iter().all(|segment| is_segment(segment)) {
            return Err(InvalidScope);
        }
        for (at, expected) in FIXED {
            match segments.get_mut(at) {
                Some(segment) if segment.eq_ignore_ascii_case(expected) => *segment = expected.to_owned(),
                Some(_) => return Err(InvalidScope),
                None => {}
            }
        }
        Ok(Scope(segments))
    }
}

fn is_segment(segment: &str) -> bool {
    (1..=MAX_SEGMENT).contains(&segment.chars().count())
        && segment.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/gw";

    fn segments(path: &str) -> Vec<&str> {
        path.split('/').skip(1).filter(|segment| !segment.is_empty()).collect()
    }

    #[test]
    fn scopes_are_read_and_printed() {
        for text in ["/", "/subscriptions/s", "/subscriptions/s/resourceGroups/Straße", GATEWAY] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        let lower = "/SUBSCRIPTIONS/s/resourcegroups/g/";
        assert_eq!(lower.parse::<Scope>().unwrap().to_string(), "/subscriptions/s/resourceGroups/g");
        let child = format!("{GATEWAY}/probes/p");
        for bad in [
            "",
            "//",
            "//subscriptions/s",
            "/subscriptions/s//",
            "s",
            "subscriptions/s",
            "/subscriptions",
            "/subscriptions/",
            "/subscriptions//resourceGroups/g",
            "/subscriptions/s/resourceGroups",
            "/subscriptions/s/groups/g",
            "/subscriptions/s/providers/Microsoft.Network",
            "/subscriptions/s/resourceGroups/a b",
            "/subscriptions/s/resourceGroups/%67",
            &child,
        ] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_new_scope_can_match_something() {
        let guid = "AAAAAAAA-0000-0000-0000-00000000000a";
        for good in
            ["/", &format!("/subscriptions/{guid}"), &format!("/subscriptions/{guid}/resourceGroups/g")]
        {
            assert!(Scope::parse_new(good).is_ok(), "{good}");
        }
        for bad in ["/subscriptions/s", "/subscriptions/my-subscription/resourceGroups/g"] {
            assert!(matches!(Scope::parse_new(bad), Err(UselessScope::Subscription(_))), "{bad}");
        }
        assert!(matches!(Scope::parse_new("g"), Err(UselessScope::Invalid(_))));
        for bad in ["", "0", "00000000-0000-0000-0000-00000000000g", "000000000-000-0000-0000-000000000000"] {
            assert!(!is_guid(bad), "{bad}");
        }
    }

    #[test]
    fn a_scope_covers_what_is_below_it_and_nothing_beside() {
        let group = "/subscriptions/s/resourceGroups/g";
        let cases = [
            ("/", "/", true, false),
            ("/", GATEWAY, true, false),
            (group, GATEWAY, true, false),
            (group, "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G", true, false),
            (group, "/subscriptions/s/resourceGroups/g2", false, false),
            (group, "/subscriptions/s/resourceGroups", false, true),
            (group, "/subscriptions/s", false, true),
            (group, "/subscriptions/s2", false, false),
            (group, "/", false, true),
            (GATEWAY, group, false, true),
        ];
        for (scope, path, covers, is_below) in cases {
            let (scope, path): (Scope, _) = (scope.parse().unwrap(), segments(path));
            assert_eq!((scope.covers(&path), scope.is_below(&path)), (covers, is_below), "{scope} {path:?}");
        }
    }
}
