//! The executable form of rewrite sets: compiled expressions, parsed names, and the groups that each rule needs.
//!
//! [`crate::proxy::rewrite`] applies them.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderName;
use thiserror::Error;
use tidegate_shared::snapshot::{self, Pattern, ServerVariable};

use super::pattern::{Matcher, PatternError};

/// The rules of one rewrite set.
#[derive(Debug)]
pub(crate) struct RewriteSet {
    /// The rules in the order of application.
    pub(crate) rules: Vec<RewriteRule>,
    /// True if a rule sets the path, reroutes, or has a condition on the path.
    pub(crate) is_of_paths: bool,
}

/// One rewrite rule.
#[derive(Debug)]
pub(crate) struct RewriteRule {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) request: Vec<Change>,
    pub(crate) response: Vec<Change>,
    pub(crate) path: Option<Template>,
    pub(crate) query: Option<Template>,
    pub(crate) reroute: bool,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) variable: Variable,
    pub(crate) pattern: Arc<Matcher>,
    pub(crate) negate: bool,
    /// True if a value of the rule refers to a capture group of this condition.
    pub(crate) captures: bool,
}

/// A change of one header.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) name: HeaderName,
    /// Limits the change to values that match, or to the others if the flag (negation) is set; `None` for all values.
    pub(crate) only: Option<(Arc<Matcher>, bool)>,
    pub(crate) value: Template,
}

/// A text with placeholders.
pub(crate) type Template = Vec<TextPart>;

#[derive(Debug)]
pub(crate) enum TextPart {
    Text(String),
    Variable(Variable),
    Capture { condition: usize, group: usize },
    Matched(Option<usize>),
}

#[derive(Debug)]
pub(crate) enum Variable {
    RequestHeader(HeaderName),
    ResponseHeader(HeaderName),
    Cookie(String),
    Server(ServerVariable),
}

/// The reason why a rule cannot be executed. The control plane checks the same, so this is a bug or a version skew.
#[derive(Debug, Error)]
pub(crate) enum RewriteError {
    #[error("'{0}' is not a header name")]
    Header(String),
    #[error("the expression '{text}' cannot be used: {source}")]
    Pattern { text: String, source: Box<PatternError> },
    #[error("condition number {0} is not in the rule")]
    Condition(usize),
}

/// Compiles rewrite sets. Equal expressions are compiled once.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    /// The compiled expressions, by pattern and by whether groups are needed.
    patterns: HashMap<(Pattern, bool), Arc<Matcher>>,
    sets: HashMap<usize, Arc<RewriteSet>>,
}

impl Compiler {
    /// Returns the set with this index, and compiles it on first use: unused sets cost nothing.
    pub(crate) fn set(
        &mut self,
        index: usize,
        set: &snapshot::RewriteSet,
    ) -> Result<Arc<RewriteSet>, RewriteError> {
        if let Some(known) = self.sets.get(&index) {
            return Ok(known.clone());
        }
        let rules = set.rules.iter().map(|rule| self.rule(rule)).collect::<Result<_, _>>()?;
        let is_of_paths = set.rules.iter().any(is_of_paths);
        let set = Arc::new(RewriteSet { rules, is_of_paths });
        self.sets.insert(index, set.clone());
        Ok(set)
    }

    fn rule(&mut self, rule: &snapshot::RewriteRule) -> Result<RewriteRule, RewriteError> {
        let request = self.changes(&rule.request_headers)?;
        let response = self.changes(&rule.response_headers)?;
        let path = rule.path.as_ref().map(template).transpose()?;
        let query = rule.query.as_ref().map(template).transpose()?;
        let values = request.iter().chain(&response).map(|change| &change.value);
        let mut captures = vec![false; rule.conditions.len()];
        for piece in values.chain(&path).chain(&query).flatten() {
            if let TextPart::Capture { condition, .. } = piece {
                *captures.get_mut(*condition).ok_or(RewriteError::Condition(*condition))? = true;
            }
        }
        let conditions = rule.conditions.iter().zip(captures).map(|(condition, captures)| {
            Ok(Condition {
                variable: variable(&condition.variable)?,
                pattern: self.pattern(&condition.pattern, captures)?,
                negate: condition.negate,
                captures,
            })
        });
        let conditions = conditions.collect::<Result<Vec<_>, RewriteError>>()?;
        Ok(RewriteRule { conditions, request, response, path, query, reroute: rule.reroute })
    }

    fn changes(&mut self, changes: &[snapshot::HeaderChange]) -> Result<Vec<Change>, RewriteError> {
        let change = |change: &snapshot::HeaderChange| {
            let value = template(&change.value)?;
            let groups = value.iter().any(|piece| matches!(piece, TextPart::Matched(Some(_))));
            let only = match &change.only {
                Some(only) => Some((self.pattern(&only.pattern, groups)?, only.negate)),
                None => None,
            };
            Ok(Change { name: name(&change.name)?, only, value })
        };
        changes.iter().map(change).collect()
    }

    fn pattern(&mut self, pattern: &Pattern, groups: bool) -> Result<Arc<Matcher>, RewriteError> {
        let key = (pattern.clone(), groups);
        if let Some(known) = self.patterns.get(&key) {
            return Ok(known.clone());
        }
        let matcher = Matcher::new(pattern, groups).map_err(|source| RewriteError::Pattern {
            text: pattern.text.clone(),
            source: Box::new(source),
        })?;
        let matcher = Arc::new(matcher);
        self.patterns.insert(key, matcher.clone());
        Ok(matcher)
    }
}

fn is_of_paths(rule: &snapshot::RewriteRule) -> bool {
    let reads_path = |condition: &snapshot::Condition| {
        use ServerVariable::{RequestUri, UriPath};
        matches!(condition.variable, snapshot::Variable::Server(UriPath | RequestUri))
    };
    rule.path.is_some() || rule.reroute || rule.conditions.iter().any(reads_path)
}

fn name(text: &str) -> Result<HeaderName, RewriteError> {
    text.parse().map_err(|_| RewriteError::Header(text.to_owned()))
}

fn template(template: &snapshot::Template) -> Result<Template, RewriteError> {
    let piece = |piece: &snapshot::TextPart| {
        Ok(match piece {
            snapshot::TextPart::Text(text) => TextPart::Text(text.clone()),
            snapshot::TextPart::Variable(named) => TextPart::Variable(variable(named)?),
            snapshot::TextPart::Capture { condition, group } => {
                TextPart::Capture { condition: *condition, group: *group }
            }
            snapshot::TextPart::Matched(group) => TextPart::Matched(*group),
        })
    };
    template.0.iter().map(piece).collect()
}

fn variable(variable: &snapshot::Variable) -> Result<Variable, RewriteError> {
    Ok(match variable {
        snapshot::Variable::RequestHeader(header) => Variable::RequestHeader(name(header)?),
        snapshot::Variable::ResponseHeader(header) => Variable::ResponseHeader(name(header)?),
        snapshot::Variable::Cookie(cookie) => Variable::Cookie(cookie.clone()),
        snapshot::Variable::Server(server) => Variable::Server(*server),
    })
}

#[cfg(test)]
mod tests {
    use tidegate_shared::snapshot::{Condition, HeaderChange, RewriteRule, Template, TextPart, Variable};

    use super::*;

    fn compile(rule: RewriteRule) -> Result<Arc<RewriteSet>, RewriteError> {
        let set = snapshot::RewriteSet { name: "set".to_owned(), rules: vec![rule] };
        Compiler::default().set(0, &set)
    }

    fn condition(text: &str) -> Condition {
        let pattern = Pattern { text: text.to_owned(), ignore_case: false };
        Condition { variable: Variable::Cookie("a".to_owned()), pattern, negate: false }
    }

    fn with_header(name: &str, piece: TextPart) -> RewriteRule {
        let change = HeaderChange { name: name.to_owned(), only: None, value: Template(vec![piece]) };
        RewriteRule { request_headers: vec![change], ..RewriteRule::default() }
    }

    #[test]
    fn a_rule_that_cannot_be_executed_is_refused() {
        let text = || TextPart::Text("b".to_owned());
        let capture = |condition| TextPart::Capture { condition, group: 1 };
        let of_one = |rule: RewriteRule| RewriteRule { conditions: vec![condition("a(b)")], ..rule };
        assert!(compile(of_one(with_header("x-a", capture(0)))).is_ok());
        assert!(matches!(compile(of_one(with_header("x-a", capture(1)))), Err(RewriteError::Condition(1))));
        assert!(matches!(compile(with_header("x a", text())), Err(RewriteError::Header(_))));
        let unreadable = RewriteRule { conditions: vec![condition("(")], ..RewriteRule::default() };
        assert!(matches!(compile(unreadable), Err(RewriteError::Pattern { .. })));
    }

    #[test]
    fn only_conditions_that_a_value_refers_to_keep_what_they_find() {
        let rule = with_header("x-a", TextPart::Capture { condition: 1, group: 0 });
        let conditions = vec![condition("a"), condition("b"), condition("c")];
        let set = compile(RewriteRule { conditions, ..rule }).unwrap();
        let captures: Vec<_> = set.rules[0].conditions.iter().map(|condition| condition.captures).collect();
        assert_eq!(captures, [false, true, false]);
    }
}
