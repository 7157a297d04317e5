//! Whether an API client may make a request: doing what, to what. Pure, and the only place that decides it. (The
//! administrator may do everything.)
//!
//! A path comes in the form that `api::path` gives it: fixed segments in lower case, names decoded.

use uuid::Uuid;

use super::role::Role;
use super::scope::Scope;
use crate::resource_id::ResourceId;

/// An API client, as far as it matters for what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its ID, which its tokens name.
    pub app_id: Uuid,
    /// What it may do.
    pub role: Role,
    /// Within these.
    pub scopes: Vec<Scope>,
}

/// What kind of thing a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET, HEAD and OPTIONS.
    Read,
    /// PUT, PATCH, and every method that nobody has heard of.
    Write,
    /// DELETE.
    Delete,
    /// POST.
    Action,
}

impl Verb {
    /// Of an HTTP method.
    pub fn of(method: &str) -> Verb {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Verb::Read,
            "DELETE" => Verb::Delete,
            "POST" => Verb::Action,
            _ => Verb::Write,
        }
    }

    /// As the names of actions end.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Delete => "delete",
            Verb::Action => "action",
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Allowed,
    /// It is made, and of the list that it answers the client sees what [`Client::sees`] lets it.
    Sieved,
    /// It asks after the operation of this ID. Only who began one knows its ID, which nobody can guess; that the
    /// operation is about something within the scopes is still to be looked up.
    AboutOperation(String),
    /// It is refused.
    Denied,
}

impl Client {
    /// True if a resource ID lies within the scopes. Text without a canonical form lies within the scope `/` alone.
    pub fn covers(&self, id: &str) -> bool {
        self.reaches(id, |scope, path| scope.covers(path))
    }

    /// Whether a list shows what has this ID: what lies within the scopes, and the subscriptions and groups that they
    /// lie in, without which no client finds its way.
    pub fn sees(&self, id: &str) -> bool {
        let is_container = |path: &[&str]| {
            path.len() == 2 || path.len() == 4 && path[2].eq_ignore_ascii_case("resourcegroups")
        };
        self.reaches(id, |scope, path| scope.covers(path) || is_container(path) && scope.is_below(path))
    }

    /// Whether a write to `written` may name the resource `named` in its body: one within the scopes, or one of the
    /// same group, which is all that a client for a single resource can build with.
    pub fn may_name(&self, written: &str, named: &str) -> bool {
        let same_group = || Some(group(named)? == group(written)?);
        self.covers(named) || same_group() == Some(true)
    }

    /// True if any scope reaches a resource ID.
    fn reaches(&self, id: &str, reach: impl Fn(&Scope, &[&str]) -> bool) -> bool {
        let id = ResourceId::parse(id);
        let path: Option<Vec<&str>> = id.as_ref().map(|id| id.segments().collect());
        let any = |scope: &Scope| path.as_ref().map_or(scope.is_everything(), |path| reach(scope, path));
        self.scopes.iter().any(any)
    }

    /// What becomes of a request.
    pub fn decide(&self, verb: Verb, path: &[String]) -> Verdict {
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
            // A look at the backends changes nothing, POST or not.
            Role::Reader => {
                verb == Verb::Read || verb == Verb::Action && path.last() == Some(&"backendhealth")
            }
        }
    }

    /// What can be read above and beside the scopes: the way down to them, and what says nothing about anybody.
    fn look_from_below(&self, path: &[&str]) -> Verdict {
        let leads_there = |path: &[&str]| self.scopes.iter().any(|scope| scope.is_below(path));
        match path {
            ["subscriptions"] => Verdict::Sieved,
            ["tenants" | "openapi.json"] | ["providers", ..] => Verdict::Allowed,
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

/// What a client of something in a subscription may read of the subscription itself.
fn in_subscription(rest: &[&str]) -> Verdict {
    match rest {
        [] | ["locations" | "providers"] | ["providers", _] => Verdict::Allowed,
        ["resourcegroups" | "resources"] => Verdict::Sieved,
        ["operationresults", id]
        | ["providers", _, "locations", _, "operations" | "operationresults", id] => {
            Verdict::AboutOperation((*id).to_owned())
        }
        ["providers", _, kind, ..] if kind.starts_with("applicationgatewayavailable") => Verdict::Allowed,
        ["providers", _, _] => Verdict::Sieved,
        _ => Verdict::Denied,
    }
}

/// Who may connect is not for clients to decide.
fn is_the_administrators(verb: Verb, path: &[&str]) -> bool {
    verb != Verb::Read && path.first() == Some(&"workers")
}

/// What a request reaches: what its path names, but for a deployment, which can write anything in its group.
fn touched<'a>(verb: Verb, path: &'a [&'a str]) -> &'a [&'a str] {
    // By its place, for a subscription and a group may be called so too.
    match path {
        [_, _, _, _, "providers", "microsoft.resources", "deployments", ..] if verb != Verb::Read => {
            &path[..4]
        }
        _ => path,
    }
}

/// The subscription and the group that a resource ID lies in.
fn group(id: &str) -> Option<ResourceId> {
    let id = ResourceId::parse(id)?;
    let segments: Vec<&str> = id.segments().take(4).collect();
    ResourceId::parse(&segments.join("/")).filter(|_| segments.len() == 4)
}

#[cfg(test)]
mod tests;
