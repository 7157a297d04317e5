//! Evaluates the conditions of a rule, and expands templates with the captured groups.

use http::header::SET_COOKIE;
use tidegate_http1::Known;

use crate::proxy::error::RewriteFault;
use crate::proxy::variables::{EvalContext, Value};
use crate::runtime::pattern::{self, Exhausted, Groups};
use crate::runtime::rewrite::{Condition, Template, TextPart, Variable};

/// The maximum number of bytes that the rewrites of one message may produce.
const BUDGET: usize = 64 * 1024;

/// The remaining number of bytes.
#[derive(Debug)]
pub(super) struct TextBudget(usize);

impl Default for TextBudget {
    fn default() -> TextBudget {
        TextBudget(BUDGET)
    }
}

/// The match of each condition of a rule; `None` where no value refers to its groups.
#[derive(Debug)]
pub(super) struct Finds(Vec<Option<Find>>);

#[derive(Debug)]
struct Find {
    value: Vec<u8>,
    groups: Groups,
}

/// The header value that is being changed, and the groups that its pattern has matched in it.
type Matched<'a> = (&'a [u8], Option<&'a Groups>);

impl Finds {
    /// Evaluates the conditions. Returns `None` if one of them does not hold.
    ///
    /// # Errors
    /// The search budget is used up.
    pub(super) fn of(
        conditions: &[Condition],
        view: &EvalContext<'_>,
        budget: &pattern::SearchBudget,
    ) -> Result<Option<Finds>, Exhausted> {
        let mut finds = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let Some(found) = find(condition, view, budget)? else { return Ok(None) };
            finds.push(found);
        }
        Ok(Some(Finds(finds)))
    }

    /// Expands a template.
    pub(super) fn expand(
        &self,
        template: &Template,
        view: &EvalContext<'_>,
        budget: &mut TextBudget,
    ) -> Result<Vec<u8>, RewriteFault> {
        self.expand_matched(template, view, (&[], None), budget)
    }

    /// Expands a template that may refer to the value that is being changed.
    pub(super) fn expand_matched(
        &self,
        template: &Template,
        view: &EvalContext<'_>,
        matched: Matched<'_>,
        budget: &mut TextBudget,
    ) -> Result<Vec<u8>, RewriteFault> {
        let mut text = Vec::new();
        for piece in template {
            let value: Value<'_> = match piece {
                TextPart::Text(text) => text.as_bytes().into(),
                TextPart::Variable(variable) => view.read(variable),
                TextPart::Capture { condition, group } => {
                    let find = self.0.get(*condition).and_then(Option::as_ref);
                    find.map_or(&[][..], |find| part(&find.value, &find.groups, *group)).into()
                }
                TextPart::Matched(None) => matched.0.into(),
                TextPart::Matched(Some(group)) => {
                    matched.1.map_or(&[][..], |groups| part(matched.0, groups, *group)).into()
                }
            };
            budget.0 = budget.0.checked_sub(value.len()).ok_or(RewriteFault::TooLarge)?;
            text.extend_from_slice(&value);
        }
        Ok(text)
    }
}

/// Evaluates one condition. The outer `None` means that it does not hold.
fn find(
    condition: &Condition,
    view: &EvalContext<'_>,
    budget: &pattern::SearchBudget,
) -> Result<Option<Option<Find>>, Exhausted> {
    for value in candidates(&condition.variable, view) {
        if !condition.captures {
            if condition.pattern.is_match(&value, budget)? {
                return Ok((!condition.negate).then_some(None));
            }
            continue;
        }
        if let Some(groups) = condition.pattern.find(&value, budget)? {
            return Ok((!condition.negate).then(|| Some(Find { value: value.into_owned(), groups })));
        }
    }
    Ok(condition.negate.then_some(None))
}

/// Returns the texts that a pattern is matched with, in order. `Set-Cookie` headers are matched one by one, because
/// they cannot be joined like other headers (RFC 6265, section 3).
fn candidates<'a>(variable: &Variable, view: &EvalContext<'a>) -> Vec<Value<'a>> {
    match (variable, view.response) {
        (Variable::ResponseHeader(name), Some((_, fields)))
            if *name == SET_COOKIE && fields.has(Known::SetCookie) =>
        {
            fields.get_all(Known::SetCookie).map(Value::from).collect()
        }
        _ => vec![view.read(variable)],
    }
}

fn part<'a>(value: &'a [u8], groups: &Groups, group: usize) -> &'a [u8] {
    groups.get(group).map_or(&[][..], |(start, end)| &value[start..end])
}
