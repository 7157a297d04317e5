//! Applies rewrite sets to a request and its response: conditions, header changes, new path and query. Pure.
//!
//! Rules are applied in order. Each rule sees the header changes of earlier rules, but path and query as they were at
//! the start of its set: the client's or, after a reroute, those of the previous set. Rules for the response see the
//! request as the same rules saw it before. Redirects and local replies are not rewritten, and neither is a 101,
//! because the tunnel follows it.
//!
//! Text of a client may end up in any value, so values are validated where they are used: a header with an invalid
//! value is removed, and characters that are not allowed in a path or query are percent-encoded. The growth of a
//! message is bounded.

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
use crate::runtime::rewrite::{Change, RewriteRule, RewriteSet};
use expand::{Finds, TextBudget};

/// The maximum number of rewrite sets for one request; more are a loop.
const ROUNDS: usize = 10;

/// A request extension: a rule has set `Host`, which overrides the settings.
#[derive(Clone, Copy, Debug)]
struct HostSet;

/// Returns true if a rule has set the `Host` for the backend.
pub(crate) fn has_set_host<B>(request: &Request<B>) -> bool {
    request.extensions().get::<HostSet>().is_some()
}

/// Rewrites path and query of a request, and reroutes it if a rule says so. Returns its final route entry
/// and, if the entry has rewrites, the state for the headers and the response.
///
/// # Errors
/// A rule cannot be applied, or a rule reads or sets a path with dot segments, which the backend could resolve to a
/// path that no condition has checked.
pub(crate) fn request<B>(
    mut selection: Selection,
    connection: &Connection,
    request: &mut Request<B>,
) -> Result<(Selection, Option<Box<Rewriting>>), ProxyError> {
    if selection.entry().rewrites.is_none() {
        return Ok((selection, None));
    }
    let mut rewriting = Box::new(Rewriting::of(request));
    for _ in 0..ROUNDS {
        let Some(set) = &selection.entry().rewrites else { return Ok((selection, Some(rewriting))) };
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

/// The result of the rewrites of one request, as needed for its headers and its response.
#[derive(Debug)]
pub(crate) struct Rewriting {
    original: OriginalRequest,
    /// The target at the start of the last set.
    target: Uri,
    changed: Vec<HeaderEdit>,
    /// For each rule of the last set, the number of header changes before it.
    seen: Vec<usize>,
    budget: TextBudget,
    /// The search budget of the request and its response together.
    searches: pattern::SearchBudget,
}

impl Rewriting {
    /// Creates the state of a request without rewrites.
    fn of<B>(request: &Request<B>) -> Rewriting {
        Rewriting {
            original: OriginalRequest::copy(request),
            target: request.uri().clone(),
            changed: Vec::new(),
            seen: Vec::new(),
            budget: TextBudget::default(),
            searches: pattern::SearchBudget::default(),
        }
    }

    /// Applies a set to the request. Path and query change at once; header changes are only recorded. Returns true if
    /// the new path must be routed again.
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

    /// Returns the client's original target.
    pub(crate) fn original_uri(&self) -> &Uri {
        &self.original.uri
    }

    /// Applies the recorded changes to the headers of the request, after the gateway has added its own.
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
                // A request must have a `Host`, so it is not removed.
                None if name == HOST => {}
                None => {
                    request.headers_mut().remove(name);
                }
            }
        }
        Ok(())
    }

    /// Rewrites the headers of the backend's response to a request with this selection.
    pub(crate) fn answer<B>(
        &self,
        connection: &Connection,
        selection: &Selection,
        response: &mut Response<B>,
    ) -> Result<(), RewriteFault> {
        let Some(set) = &selection.entry().rewrites else { return Ok(()) };
        let vars = ConnectionVars::of(connection, &selection.route);
        let status = response.status();
        self.change_answer(set, vars, status, response.headers_mut())
    }

    /// Applies the response rules of the last set of the request.
    fn change_answer(
        &self,
        set: &RewriteSet,
        vars: ConnectionVars<'_>,
        status: StatusCode,
        headers: &mut HeaderMap,
    ) -> Result<(), RewriteFault> {
        let mut budget = TextBudget::default();
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

    /// Returns the values of a response header after a change.
    fn new_values(
        &self,
        change: &Change,
        finds: &Finds,
        view: &EvalContext<'_>,
        headers: &HeaderMap,
        budget: &mut TextBudget,
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

/// Returns the context of a rule without a response.
fn of_request<'a>(
    vars: ConnectionVars<'a>,
    original: &'a OriginalRequest,
    target: &'a Uri,
    changed: &'a [HeaderEdit],
) -> EvalContext<'a> {
    EvalContext { vars, original, target, changed, response: None }
}

fn concerns_request(rule: &RewriteRule) -> bool {
    !rule.request.is_empty() || rule.path.is_some() || rule.query.is_some() || rule.reroute
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}

/// Returns a header value; `None` if the text is empty or not a valid value.
fn header_value(text: &[u8]) -> Option<HeaderValue> {
    let text = text.trim_ascii();
    if text.is_empty() { None } else { HeaderValue::from_bytes(text).ok() }
}

#[cfg(test)]
mod tests;
