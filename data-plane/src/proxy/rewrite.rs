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

use http::StatusCode;
use http::header::{HOST, HeaderName, HeaderValue};
use tidegate_http1::{Fields, Known, RequestHead, ResponseHead};
use tidegate_shared::path::has_dot_segments;

use super::error::{ProxyError, RewriteFault};
use super::headers;
use super::request::Request;
use super::variables::{ConnectionVars, EvalContext, HeaderEdit, OriginalRequest};
use crate::downstream::Connection;
use crate::runtime::Selection;
use crate::runtime::pattern;
use crate::runtime::rewrite::{Change, RewriteRule, RewriteSet};
use expand::{Finds, TextBudget};

/// The maximum number of rewrite sets for one request; more are a loop.
const ROUNDS: usize = 10;

/// Rewrites path and query of a request, and reroutes it if a rule says so. Returns its final route entry
/// and, if the entry has rewrites, the state for the headers and the response.
///
/// # Errors
/// A rule cannot be applied, or a rule reads or sets a path with dot segments, which the backend could resolve to a
/// path that no condition has checked.
pub(crate) fn request(
    mut selection: Selection,
    connection: &Connection,
    request: &mut Request,
) -> Result<(Selection, Option<Box<Rewriting>>), ProxyError> {
    if selection.entry().rewrites.is_none() {
        return Ok((selection, None));
    }
    let mut rewriting = Box::new(Rewriting::of(OriginalRequest::copy(request)));
    for _ in 0..ROUNDS {
        let Some(set) = &selection.entry().rewrites else { return Ok((selection, Some(rewriting))) };
        let vars = ConnectionVars::of(connection, &selection.route);
        let of_paths = set.is_of_paths;
        if of_paths && has_dot_segments(request.head.path()) {
            return Err(ProxyError::DotSegments);
        }
        let again = rewriting.apply(set, vars, &mut request.head)?;
        if of_paths && has_dot_segments(request.head.path()) {
            return Err(ProxyError::DotSegments);
        }
        if !again {
            return Ok((selection, Some(rewriting)));
        }
        selection = selection.again(request.head.path())?;
    }
    Err(RewriteFault::Loop.into())
}

/// The result of the rewrites of one request, as needed for its headers and its response.
#[derive(Debug)]
pub(crate) struct Rewriting {
    original: OriginalRequest,
    /// The target at the start of the last set.
    target: String,
    changed: Vec<HeaderEdit>,
    /// For each rule of the last set, the number of header changes before it.
    seen: Vec<usize>,
    budget: TextBudget,
    /// The search budget of the request and its response together.
    searches: pattern::SearchBudget,
}

impl Rewriting {
    /// Creates the state of a request without rewrites.
    fn of(original: OriginalRequest) -> Rewriting {
        Rewriting {
            target: original.head.target().to_owned(),
            original,
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
        head: &mut RequestHead,
    ) -> Result<bool, RewriteFault> {
        let mut reroute = false;
        head.target().clone_into(&mut self.target);
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
            url::rewrite(head, rule, &finds, &view, &mut self.budget)?;
            reroute |= rule.reroute;
        }
        Ok(reroute)
    }

    /// Returns the client's original target.
    pub(crate) fn original_target(&self) -> &str {
        self.original.head.target()
    }

    /// Applies the recorded changes to the fields of the request, after the gateway has added its own. Returns true if
    /// `Host` was set.
    pub(crate) fn change_fields(&self, fields: &mut Fields) -> Result<bool, RewriteFault> {
        let mut is_host_set = false;
        for (name, value) in &self.changed {
            match value {
                Some(host) if name == HOST => {
                    if headers::canonical(host.as_bytes()).is_none() {
                        return Err(RewriteFault::Host);
                    }
                    fields.set(Known::Host, host.as_bytes());
                    is_host_set = true;
                }
                Some(value) => fields.set(name, value.as_bytes()),
                // A request must have a `Host`, so it is not removed.
                None if name == HOST => {}
                None => {
                    fields.remove(name);
                }
            }
        }
        Ok(is_host_set)
    }

    /// Rewrites the headers of the backend's response to a request with this selection.
    pub(crate) fn answer(
        &self,
        connection: &Connection,
        selection: &Selection,
        response: &mut ResponseHead,
    ) -> Result<(), RewriteFault> {
        let Some(set) = &selection.entry().rewrites else { return Ok(()) };
        let vars = ConnectionVars::of(connection, &selection.route);
        self.change_answer(set, vars, response.status, &mut response.fields)
    }

    /// Applies the response rules of the last set of the request.
    fn change_answer(
        &self,
        set: &RewriteSet,
        vars: ConnectionVars<'_>,
        status: StatusCode,
        fields: &mut Fields,
    ) -> Result<(), RewriteFault> {
        let mut budget = TextBudget::default();
        for (rule, seen) in set.rules.iter().zip(&self.seen) {
            if rule.response.is_empty() {
                continue;
            }
            let before = of_request(vars, &self.original, &self.target, &self.changed[..*seen]);
            let view = before.with(status, fields);
            let Some(finds) = Finds::of(&rule.conditions, &view, &self.searches)? else { continue };
            for change in &rule.response {
                let view = before.with(status, fields);
                let values = self.new_values(change, &finds, &view, fields, &mut budget)?;
                replace(fields, &change.name, &values);
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
        fields: &Fields,
        budget: &mut TextBudget,
    ) -> Result<Vec<HeaderValue>, RewriteFault> {
        let Some((pattern, negate)) = &change.only else {
            let value = finds.expand(&change.value, view, budget)?;
            return Ok(header_value(&value).into_iter().collect());
        };
        let mut values = Vec::new();
        for old in fields.get_all(Known::SetCookie) {
            let groups = pattern.find(old, &self.searches)?;
            if groups.is_some() == *negate {
                values.extend(HeaderValue::from_bytes(old).ok());
            } else {
                let matched = (old, groups.as_ref());
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
    target: &'a str,
    changed: &'a [HeaderEdit],
) -> EvalContext<'a> {
    EvalContext { vars, original, target, changed, response: None }
}

fn concerns_request(rule: &RewriteRule) -> bool {
    !rule.request.is_empty() || rule.path.is_some() || rule.query.is_some() || rule.reroute
}

fn replace(fields: &mut Fields, name: &HeaderName, values: &[HeaderValue]) {
    if let [value] = values {
        return fields.set(name, value.as_bytes());
    }
    fields.remove(name);
    for value in values {
        fields.append(name, value.as_bytes());
    }
}

/// Returns a header value; `None` if the text is empty or not a valid value.
fn header_value(text: &[u8]) -> Option<HeaderValue> {
    let text = text.trim_ascii();
    if text.is_empty() { None } else { HeaderValue::from_bytes(text).ok() }
}

#[cfg(test)]
mod tests;
