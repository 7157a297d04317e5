//! What is wrong with a document: all of it at once, each point with ARM's code and the JSON path it is about.

use std::fmt;

pub mod code;

/// The target of a violation that is about the whole body.
pub const ROOT: &str = "$";

/// The most violations that are noted. Nobody reads more, and a hostile body could have one for every three bytes.
const MAX_VIOLATIONS: usize = 1000;

/// How long the texts of noted violations are in all, in bytes, before no more are noted: they stand in an answer.
const MAX_BYTES: usize = 512 * 1024;

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// ARM's code, such as `InvalidResourceReference`: one of [`code`].
    pub code: &'static str,
    /// A sentence that names the thing and says what would be right.
    pub message: String,
    /// The JSON path in the document, such as `properties.httpListeners[0].properties.frontendPort`.
    pub target: String,
}

impl Violation {
    /// Whether it is about the form of the request: such a request as a whole is an `InvalidRequestFormat`.
    pub fn is_unparsed(&self) -> bool {
        [code::INVALID_JSON, code::INVALID_REFERENCE_FORMAT].contains(&self.code)
    }
}

/// Everything wrong with a document, in the order in which it was found. Never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Notes one more, up to [`MAX_VIOLATIONS`] and [`MAX_BYTES`].
    pub fn push(&mut self, code: &'static str, target: impl Into<String>, message: impl Into<String>) {
        let size = |violation: &Violation| violation.message.len() + violation.target.len();
        if !self.is_full() && self.0.iter().map(size).sum::<usize>() < MAX_BYTES {
            self.0.push(Violation { code, message: message.into(), target: target.into() });
        }
    }

    /// Whether there are as many as are noted.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_VIOLATIONS
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that stands for all: that the resource is elsewhere comes first, then what could not be parsed, then
    /// what was found first.
    pub fn leading(&self) -> Option<&Violation> {
        let moved = self.0.iter().find(|violation| violation.code == code::LOCATION_CHANGED);
        moved.or_else(|| self.0.iter().find(|violation| violation.is_unparsed())).or(self.0.first())
    }

    /// Adds what a later stage found, except where an earlier one already complained of the same value, of
    /// something inside it or of something around it: a port that is no number is not also a port that is missing.
    pub fn absorb(&mut self, later: Violations) {
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
    }

    /// The same, as the sender of only a part sees it: a target inside `prefix` becomes a path within that part
    /// (for a child's own URL: `properties.frontendPorts[2].properties.port` becomes `properties.port`). Others
    /// stay as they are.
    #[must_use]
    pub fn seen_from(mut self, prefix: &str) -> Violations {
        for violation in &mut self.0 {
            if let Some(rest) = within(&violation.target, prefix) {
                let rest = rest.trim_start_matches('.');
                violation.target = if rest.is_empty() { ROOT.to_owned() } else { rest.to_owned() };
            }
        }
        self
    }
}

/// What remains of `target` after `around`, if it is that value or lies inside it.
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
