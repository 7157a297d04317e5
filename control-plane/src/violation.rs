//! The errors of a document, collected rather than stopping at the first; each has ARM's code and a JSON path.
//! Beside them stand the warnings: what is accepted, but not what the author may think.

use std::fmt;

pub(crate) mod code;
pub(crate) mod code_list;
mod warning;

pub(crate) use warning::{Warning, Warnings};

/// The target of a violation that concerns the whole body.
pub(crate) const ROOT: &str = "$";

/// The maximum number of recorded violations. A hostile body could cause one for every three bytes.
const MAX_VIOLATIONS: usize = 1000;

/// The total length of recorded messages and targets, in bytes, from which no more are recorded. Bounds the
/// size of a response.
const MAX_BYTES: usize = 512 * 1024;

/// One error in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// ARM's code, such as `InvalidResourceReference`; one of [`code`].
    pub(crate) code: &'static str,
    /// A sentence that names the resource or property and the expected value.
    pub(crate) message: String,
    /// The JSON path in the document, such as `properties.httpListeners[0].properties.frontendPort`.
    pub(crate) target: String,
}

impl Violation {
    /// Returns whether the form of the request is wrong. The response to such a request has the code
    /// `InvalidRequestFormat`.
    pub(crate) fn is_unparsed(&self) -> bool {
        [code::INVALID_JSON, code::INVALID_REFERENCE_FORMAT].contains(&self.code)
    }
}

/// The errors of a document, in the order in which they were found, and the warnings that were found beside
/// them. Has an error if it is the error of a `Result`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Violations(pub(crate) Vec<Violation>, pub(crate) Warnings);

impl Violations {
    /// Records a violation, up to [`MAX_VIOLATIONS`] and [`MAX_BYTES`].
    pub(crate) fn push(&mut self, code: &'static str, target: impl Into<String>, message: impl Into<String>) {
        let size = |violation: &Violation| violation.message.len() + violation.target.len();
        if !self.is_full() && self.0.iter().map(size).sum::<usize>() < MAX_BYTES {
            self.0.push(Violation { code, message: message.into(), target: target.into() });
        }
    }

    /// Returns whether [`MAX_VIOLATIONS`] is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_VIOLATIONS
    }

    /// Records a warning, which does not make the document invalid.
    pub(crate) fn warn(&mut self, code: &'static str, target: impl Into<String>, message: impl Into<String>) {
        self.1.push(Warning { code, target: target.into(), message: message.into() });
    }

    /// The warnings.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.1
    }

    /// Makes a violation of each warning with that code.
    pub(crate) fn refuse_warned(&mut self, code: &'static str) {
        for warning in self.1.take(code) {
            self.push(warning.code, warning.target, warning.message);
        }
    }

    /// Returns whether there are no violations. There may be warnings.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the violation whose code becomes that of the response: a changed location first, then malformed
    /// values, then the first one found.
    pub(crate) fn leading(&self) -> Option<&Violation> {
        let moved = self.0.iter().find(|violation| violation.code == code::LOCATION_CHANGED);
        moved.or_else(|| self.0.iter().find(|violation| violation.is_unparsed())).or(self.0.first())
    }

    /// Adds the violations of a later stage, except for those about a value that an earlier violation already
    /// concerns, or about a part or a parent of it: a port that is not a number is not also reported as
    /// missing.
    pub(crate) fn absorb(&mut self, later: Violations) {
        let known = self.0.len();
        for violation in later.0 {
            let same = |earlier: &Violation| {
                within(&earlier.target, &violation.target).is_some()
                    || within(&violation.target, &earlier.target).is_some()
            };
            if !self.0[..known].iter().any(same) {
                self.push(violation.code, violation.target, violation.message);
            }
        }
        self.1.append(later.1);
    }

    /// Makes targets relative to the part at `prefix`, for a sender who sent only that part: on a child's own
    /// URL `properties.frontendPorts[2].properties.port` becomes `properties.port`. Other targets are
    /// unchanged.
    #[must_use]
    pub(crate) fn seen_from(mut self, prefix: &str) -> Violations {
        let targets = self.0.iter_mut().map(|violation| &mut violation.target);
        for target in targets.chain(self.1.targets()) {
            if let Some(rest) = within(target, prefix) {
                let rest = rest.trim_start_matches('.');
                *target = if rest.is_empty() { ROOT.to_owned() } else { rest.to_owned() };
            }
        }
        self
    }
}

/// Returns the rest of `target` after `around`, if `target` is that value or a part of it.
fn within<'a>(target: &'a str, around: &str) -> Option<&'a str> {
    target
        .strip_prefix(around)
        .filter(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", violation.target, violation.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(targets: &[&str]) -> Violations {
        let mut violations = Violations::default();
        for target in targets {
            violations.push(code::INVALID_JSON, *target, "wrong");
        }
        violations
    }

    fn targets(violations: &Violations) -> Vec<&str> {
        violations.0.iter().map(|v| v.target.as_str()).collect()
    }

    #[test]
    fn a_value_is_complained_of_once() {
        let mut known = violations(&["properties.a[1].port"]);
        known.absorb(violations(&[
            "properties.a[1]",
            "properties.a[1].port.x",
            "properties.a[10]",
            "properties.b",
        ]));
        assert_eq!(targets(&known), ["properties.a[1].port", "properties.a[10]", "properties.b"]);
    }

    #[test]
    fn a_hostile_body_gets_an_answer_of_bounded_size() {
        let mut known = violations(&["a"; 1500]);
        known.absorb(violations(&["b"; 10]));
        assert_eq!(known.0.len(), 1000);
    }

    #[test]
    fn one_stands_for_all() {
        let mut all = Violations::default();
        assert_eq!(all.leading(), None);
        for code in [code::FRONTEND_PORT, code::INVALID_REFERENCE_FORMAT, code::LOCATION_CHANGED] {
            all.push(code, "properties", "wrong");
            all.push(code::INVALID_NAME, "name", "wrong");
            assert_eq!(all.leading().unwrap().code, code);
        }
    }

    #[test]
    fn the_sender_of_a_part_sees_paths_within_it() {
        let seen =
            violations(&["properties.a[1].properties.port", "properties.a[1]", "properties.a[12].name"])
                .seen_from("properties.a[1]");
        assert_eq!(targets(&seen), ["properties.port", "$", "properties.a[12].name"]);
    }
}
