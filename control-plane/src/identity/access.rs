//! Authorization: decides whether an API client may make a request. Pure, and the only place of that decision.
//! The administrator may do everything and is not subject to it.
//!
//! Paths have the form that `api::path` produces: fixed segments in lower case, names decoded.

use uuid::Uuid;

use super::role::Role;
use super::scope::Scope;
use crate::arm::extension::NAMESPACE;
use crate::resource_id::ResourceId;

/// The rights of an API client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The client's ID, which its tokens contain.
    pub(crate) app_id: Uuid,
    /// The operations it may perform.
    pub(crate) role: Role,
    /// The resources it may access.
    pub(crate) scopes: Vec<Scope>,
}

/// The kind of operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET, HEAD and OPTIONS.
    Read,
    /// PUT, PATCH, and every unknown method.
    Write,
    Delete,
    /// POST.
    Action,
}

impl Verb {
    /// The verb of an HTTP method.
    pub(crate) fn of(method: &str) -> Verb {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Verb::Read,
            "DELETE" => Verb::Delete,
            "POST" => Verb::Action,
            _ => Verb::Write,
        }
    }

    /// The last segment of an action's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Delete => "delete",
            Verb::Action => "action",
        }
    }
}

/// The decision about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request is executed.
    Allowed,
    /// The request is executed, and its list is filtered by [`Client::sees`].
    Sieved,
    /// The request reads the operation with this ID. The ID is unguessable and known only to the client that
    /// started the operation; the caller must still check that the operation's resource is within the scopes.
    AboutOperation(String),
    /// The request is rejected.
    Denied,
}

impl Client {
    /// Returns whether a resource ID is within the scopes. Text without a canonical form is only within the
    /// scope `/`.
    pub(crate) fn covers(&self, id: &str) -> bool {
        self.reaches(id, |scope, path| scope.covers(path))
    }

    /// Returns whether lists show the resource with this ID: resources within the scopes, and the subscriptions
    /// and groups that contain the scopes, which clients need for navigation.
    pub(crate) fn sees(&self, id: &str) -> bool {
        let is_container = |path: &[&str]| {
            path.len() == 2 || path.len() == 4 && path[2].eq_ignore_ascii_case("resourcegroups")
        };
        self.reaches(id, |scope, path| scope.covers(path) || is_container(path) && scope.is_below(path))
    }

    /// Returns whether a write to `written` may refer to the resource `named` in its body: a resource within
    /// the scopes or in the same group. A client for a single resource needs the latter.
    pub(crate) fn may_name(&self, written: &str, named: &str) -> bool {
        let same_group = || Some(group(named)? == group(written)?);
        self.covers(named) || same_group() == Some(true)
    }

    /// Returns whether any scope reaches a resource ID.
    fn reaches(&self, id: &str, reach: impl Fn(&Scope, &[&str]) -> bool) -> bool {
        let id = ResourceId::parse(id);
        let path: Option<Vec<&str>> = id.as_ref().map(|id| id.segments().collect());
        let any = |scope: &Scope| path.as_ref().map_or(scope.is_everything(), |path| reach(scope, path));
        self.scopes.iter().any(any)
    }

    /// Decides about a request.
    pub(crate) fn decide(&self, verb: Verb, path: &[String]) -> Verdict {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.judge(verb, &path)
    }

    fn judge(&self, verb: Verb, path: &[&str]) -> Verdict {
        if is_the_administrators(verb, path) || !self.role_allows(verb, path) {
            Verdict::Denied
        } else if self.scopes.iter().any(|scope| scope.covers(touched(verb, path))) {
            Verdict::Allowed
        } else if verb == Verb::Read {
            self.look_from_below(path)
        } else {
            Verdict::Denied
        }
    }

    fn role_allows(&self, verb: Verb, path: &[&str]) -> bool {
        match self.role {
            Role::Contributor => true,
            // Probing backends changes nothing, although it is a POST.
            Role::Reader => {
                verb == Verb::Read || verb == Verb::Action && path.last() == Some(&"backendhealth")
            }
        }
    }

    /// Reads above and beside the scopes: the parents of the scopes, and data that concerns no resource.
    fn look_from_below(&self, path: &[&str]) -> Verdict {
        let leads_there = |path: &[&str]| self.scopes.iter().any(|scope| scope.is_below(path));
        match path {
            // They are nobody's resources, like `/workers`.
            path if is_about_workers(path) => Verdict::Denied,
            ["subscriptions"] => Verdict::Sieved,
            ["tenants" | "openapi.json" | "not-enforced"] | ["providers", ..] => Verdict::Allowed,
            ["subscriptions", _, "resourcegroups", _, rest @ ..] if leads_there(&path[..4]) => match rest {
                [] => Verdict::Allowed,
                ["resources"] | ["providers", _, _] => Verdict::Sieved,
                _ => Verdict::Denied,
            },
            ["subscriptions", _, rest @ ..] if leads_there(&path[..2]) => in_subscription(rest),
            _ => Verdict::Denied,
        }
    }
}

/// Reads of a subscription by a client of something in it.
fn in_subscription(rest: &[&str]) -> Verdict {
    match rest {
        [] | ["locations" | "providers"] | ["providers", _] => Verdict::Allowed,
        ["resourcegroups" | "resources"] => Verdict::Sieved,
        ["operationresults", id]
        | ["providers", "microsoft.network", "locations", _, "operations" | "operationresults", id] => {
            Verdict::AboutOperation((*id).to_owned())
        }
        ["providers", "microsoft.network", kind, ..] if kind.starts_with("applicationgatewayavailable") => {
            Verdict::Allowed
        }
        ["providers", "microsoft.network", "locations", _, "applicationgatewaywafdynamicmanifests", ..] => {
            Verdict::Allowed
        }
        ["providers", _, _] => Verdict::Sieved,
        _ => Verdict::Denied,
    }
}

/// Only the administrator decides about workers.
fn is_the_administrators(verb: Verb, path: &[&str]) -> bool {
    verb != Verb::Read && (path.first() == Some(&"workers") || is_about_workers(path))
}

/// Returns whether a path is that of the workers, or of one of them, in the extension provider.
fn is_about_workers(path: &[&str]) -> bool {
    matches!(path, ["providers", namespace, "workers", ..] if namespace.eq_ignore_ascii_case(NAMESPACE))
}

/// Returns the resource that a request affects: the one in its path, or the whole group or subscription for a
/// write to a deployment, which can write anything in it.
fn touched<'a>(verb: Verb, path: &'a [&'a str]) -> &'a [&'a str] {
    // Matches by position, because a subscription or a group may have such a name too.
    match path {
        [_, _, _, _, "providers", "microsoft.resources", "deployments", ..] if verb != Verb::Read => {
            &path[..4]
        }
        [_, _, "providers", "microsoft.resources", "deployments", ..] if verb != Verb::Read => &path[..2],
        _ => path,
    }
}

/// Returns the ID of the resource group that contains a resource.
fn group(id: &str) -> Option<ResourceId> {
    let id = ResourceId::parse(id)?;
    let segments: Vec<&str> = id.segments().take(4).collect();
    ResourceId::parse(&segments.join("/")).filter(|_| segments.len() == 4)
}

#[cfg(test)]
mod tests;
