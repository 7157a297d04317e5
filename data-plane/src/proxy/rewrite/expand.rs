//! What the conditions of a rule have found, and values put together from it.

use http::header::{HeaderValue, SET_COOKIE};

use crate::proxy::error::RewriteFault;
use crate::proxy::variables::{EvalContext, Value};
use crate::runtime::pattern::{self, Exhausted, Groups};
use crate::runtime::rewrite::{Condition, Piece, Template, Variable};

/// The most bytes that the rewrites of one message may put together.
const BUDGET: usize = 64 * 1024;

/// What may still be put together.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Budget {
        Budget(BUDGET)
    }
}

/// For each condition of a rule what its groups have found, where somebody wants to know.
#[derive(Debug)]
pub(super) struct Finds(Vec<Option<Find>>);

#[derive(Debug)]
struct Find {
    value: Vec<u8>,
    groups: Groups,
}

/// The value that is being changed, and what the groups of its matcher have found in it.
type Matched<'a> = (&'a [u8], Option<&'a Groups>);

impl Finds {
    /// What the conditions find. None when they do not all hold.
    ///
    /// # Errors
    /// That the budget does not allow to find out.
    pub(super) fn of(
        conditions: &[Condition],
        view: &EvalContext<'_>,
        budget: &pattern::Budget,
    ) -> Result<Option<Finds>, Exhausted> {
        let mut finds = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let Some(found) = find(condition, view, budget)? else { return Ok(None) };
            finds.push(found);
        }
        Ok(Some(Finds(finds)))
    }

    /// The text that a template comes to.
    pub(super) fn expand(
        &self,
        template: &Template,
        view: &EvalContext<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, RewriteFault> {
        self.expand_matched(template, view, (&[], None), budget)
    }

    /// The text that a template for a value comes to.
    pub(super) fn expand_matched(
        &self,
        template: &Template,
        view: &EvalContext<'_>,
        matched: Matched<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, RewriteFault> {
        let mut text = Vec::new();
        for piece in template {
            let value: Value<'_> = match piece {
                Piece::Text(text) => text.as_bytes().into(),
                Piece::Variable(variable) => view.read(variable),
                Piece::Capture { condition, group } => {
                    let find = self.0.get(*condition).and_then(Option::as_ref);
                    find.map_or(&[][..], |find| part(&find.value, &find.groups, *group)).into()
                }
                Piece::Matched(None) => matched.0.into(),
                Piece::Matched(Some(group)) => {
                    matched.1.map_or(&[][..], |groups| part(matched.0, groups, *group)).into()
                }
            };
            budget.0 = budget.0.checked_sub(value.len()).ok_or(RewriteFault::TooLarge)?;
            text.extend_from_slice(&value);
        }
        Ok(text)
    }
}

/// What one condition finds; none when it does not hold.
fn find(
    condition: &Condition,
    view: &EvalContext<'_>,
    budget: &pattern::Budget,
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

/// The texts that a pattern is held against, one after the other: cookies that are set are not one list of values,
/// as other headers of one name are (RFC 6265, section 3).
fn candidates<'a>(variable: &Variable, view: &EvalContext<'a>) -> Vec<Value<'a>> {
    match (variable, view.response) {
        (Variable::ResponseHeader(name), Some((_, headers)))
            if *name == SET_COOKIE && headers.contains_key(name) =>
        {
            headers.get_all(SET_COOKIE).iter().map(HeaderValue::as_bytes).map(Value::from).collect()
        }
        _ => vec![view.read(variable)],
    }
}

fn part<'a>(value: &'a [u8], groups: &Groups, group: usize) -> &'a [u8] {
    groups.get(group).map_or(&[][..], |(start, end)| &value[start..end])
}
