//! Rewrites of one request and its answer: conditions, new headers, new path and query. Pure.
//!
//! The changes of a rule are made one after the other. Each rule sees what those before it have done to headers, but
//! path and query as they were when its set's turn came: the client's, or what the set has made of them that sent the
//! request back to the path map. The rules of the answer see the request as the same rules saw it on its way in.
//! Redirects and answers of the gateway's own never come here, and neither does a 101: after it there is no response to
//! rewrite.
//!
//! What a client sends may end up in any value, so values are held to what they may be where they are used: header
//! values that would not be one are left out with the header, and whatever has no place in a path or query is percent-
//! encoded. What one request can make grow is bounded.

mod expand;
mod url;

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Request, Response, StatusCode, Uri};
use tidegate_shared::path::has_dot_segments;

use super::error::{ProxyError, RewriteFault};
use super::headers;
use super::variables::{ConnectionVars, EvalContext, HeaderEdit, OriginalRequest};
use crate::downstream::Connection;
use crate::runtime::Selection;
use crate::runtime::pattern;
use crate::runtime::rewrite::{Change, RewriteSet, Rule};
use expand::{Budget, Finds};

/// How many sets a request may go through before it is taken for one that never comes to an end.
const ROUNDS: usize = 10;

/// Marks a request whose `Host` a rule has said, whatever the settings say.
#[derive(Clone, Copy, Debug)]
struct HostSet;

/// Whether a rule has said what `Host` the backend sees.
pub(crate) fn has_set_host<B>(request: &Request<B>) -> bool {
    request.extensions().get::<HostSet>().is_some()
}

/// The way that a request goes in the end, its path and query rewritten; and where anything may be rewritten, what its
/// headers and its answer are to be rewritten with.
///
/// # Errors
/// A rule that cannot be applied, and a path with dot segments where a rule reads or makes it: the backend could resolve
/// it to one that no condition has seen.
pub(crate) fn request<B>(
    mut selection: Selection,
    connection: &Connection,
    request: &mut Request<B>,
) -> Result<(Selection, Option<Box<Rewriting>>), ProxyError> {
    if selection.way().rewrites.is_none() {
        return Ok((selection, None));
    }
    let mut rewriting = Box::new(Rewriting::of(request));
    for _ in 0..ROUNDS {
        let Some(set) = &selection.way().rewrites else { return Ok((selection, Some(rewriting))) };
        let vars = ConnectionVars::of(connection, &selection.route);
        let of_paths = set.is_of_paths;
        if of_paths && has_dot_segments(request.uri().path()) {
            return Err(ProxyError::DotSegments);
        }
        let again = rewriting.apply(set, vars, request.uri_mut())?;
        if of_paths && has_dot_segments(request.uri().path()) {
            return Err(ProxyError::DotSegments);
        }
        if !again {
            return Ok((selection, Some(rewriting)));
        }
        selection = selection.again(request.uri().path())?;
    }
    Err(RewriteFault::Loop.into())
}

/// What rewrites have done with one request, and what those of its answer need to know of it.
#[derive(Debug)]
pub(crate) struct Rewriting {
    original: OriginalRequest,
    /// The target when the last set's turn came.
    target: Uri,
    changed: Vec<HeaderEdit>,
    /// For each rule of the last set, how many changes there were when its turn came.
    seen: Vec<usize>,
    budget: Budget,
    /// What searches for the request and its answer may take together.
    searches: pattern::Budget,
}

impl Rewriting {
    /// Before anything has been done with the request.
    fn of<B>(request: &Request<B>) -> Rewriting {
        Rewriting {
            original: OriginalRequest::copy(request),
            target: request.uri().clone(),
            changed: Vec::new(),
            seen: Vec::new(),
            budget: Budget::default(),
            searches: pattern::Budget::default(),
        }
    }

    /// Applies a set to the request: its path and query at once, its headers when they are asked for. Says whether
    /// the new path is to decide anew where the request goes.
    fn apply(
        &mut self,
        set: &RewriteSet,
        vars: ConnectionVars<'_>,
        uri: &mut Uri,
    ) -> Result<bool, RewriteFault> {
        let mut reroute = false;
        self.target.clone_from(uri);
        self.seen.clear();
        for rule in &set.rules {
            self.seen.push(self.changed.len());
            if !concerns_request(rule) {
                continue;
            }
            let view = of_request(vars, &self.original, &self.target, &self.changed);
            let Some(finds) = Finds::of(&rule.conditions, &view, &self.searches)? else { continue };
            for change in &rule.request {
                let view = of_request(vars, &self.original, &self.target, &self.changed);
                let value = finds.expand(&change.value, &view, &mut self.budget)?;
                self.changed.push((change.name.clone(), header_value(&value)));
            }
            let view = of_request(vars, &self.original, &self.target, &self.changed);
            url::rewrite(uri, rule, &finds, &view, &mut self.budget)?;
            reroute |= rule.reroute;
        }
        Ok(reroute)
    }

    /// What the client asked for.
    pub(crate) fn original_uri(&self) -> &Uri {
        &self.original.uri
    }

    /// Makes the changes to the headers of the request, which the gateway has put its own into already.
    pub(crate) fn change_headers<B>(&self, request: &mut Request<B>) -> Result<(), RewriteFault> {
        for (name, value) in &self.changed {
            match value {
                Some(host) if name == HOST => {
                    if headers::canonical(host).is_none() {
                        return Err(RewriteFault::Host);
                    }
                    request.headers_mut().insert(HOST, host.clone());
                    request.extensions_mut().insert(HostSet);
                }
                Some(value) => {
                    request.headers_mut().insert(name, value.clone());
                }
                // A request without is none: the one that it has stays.
                None if name == HOST => {}
                None => {
                    request.headers_mut().remove(name);
                }
            }
        }
        Ok(())
    }

    /// Rewrites the headers of the backend's answer to a request that went that way.
    pub(crate) fn answer<B>(
        &self,
        connection: &Connection,
        selection: &Selection,
        response: &mut Response<B>,
    ) -> Result<(), RewriteFault> {
        let Some(set) = &selection.way().rewrites else { return Ok(()) };
        let vars = ConnectionVars::of(connection, &selection.route);
        let status = response.status();
        self.change_answer(set, vars, status, response.headers_mut())
    }

    /// Applies the set that the request was last rewritten with.
    fn change_answer(
        &self,
        set: &RewriteSet,
        vars: ConnectionVars<'_>,
        status: StatusCode,
        headers: &mut HeaderMap,
    ) -> Result<(), RewriteFault> {
        let mut budget = Budget::default();
        for (rule, seen) in set.rules.iter().zip(&self.seen) {
            if rule.response.is_empty() {
                continue;
            }
            let before = of_request(vars, &self.original, &self.target, &self.changed[..*seen]);
            let view = before.with(status, headers);
            let Some(finds) = Finds::of(&rule.conditions, &view, &self.searches)? else { continue };
            for change in &rule.response {
                let view = before.with(status, headers);
                let values = self.new_values(change, &finds, &view, headers, &mut budget)?;
                replace(headers, &change.name, values);
            }
        }
        Ok(())
    }

    /// What stands under the name of a response header after a change of it.
    fn new_values(
        &self,
        change: &Change,
        finds: &Finds,
        view: &EvalContext<'_>,
        headers: &HeaderMap,
        budget: &mut Budget,
    ) -> Result<Vec<HeaderValue>, RewriteFault> {
        let Some((pattern, negate)) = &change.only else {
            let value = finds.expand(&change.value, view, budget)?;
            return Ok(header_value(&value).into_iter().collect());
        };
        let mut values = Vec::new();
        for old in headers.get_all(SET_COOKIE) {
            let groups = pattern.find(old.as_bytes(), &self.searches)?;
            if groups.is_some() == *negate {
                values.push(old.clone());
            } else {
                let matched = (old.as_bytes(), groups.as_ref());
                let value = finds.expand_matched(&change.value, view, matched, budget)?;
                values.extend(header_value(&value));
            }
        }
        Ok(values)
    }
}

/// What a rule sees of a request alone.
fn of_request<'a>(
    vars: ConnectionVars<'a>,
    original: &'a OriginalRequest,
    target: &'a Uri,
    changed: &'a [HeaderEdit],
) -> EvalContext<'a> {
    EvalContext { vars, original, target, changed, response: None }
}

fn concerns_request(rule: &Rule) -> bool {
    !rule.request.is_empty() || rule.path.is_some() || rule.query.is_some() || rule.reroute
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}

/// The value of a header; none where there is nothing to say, or where what was put together may not be said.
fn header_value(text: &[u8]) -> Option<HeaderValue> {
    let text = text.trim_ascii();
    if text.is_empty() { None } else { HeaderValue::from_bytes(text).ok() }
}

#[cfg(test)]
mod tests;
