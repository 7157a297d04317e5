//! The functions that depend on more than the values of their arguments, or that evaluate their arguments
//! lazily.

use serde_json::Value;

use super::evaluate::{Binding, Evaluator, Frame, Phase, member};
use super::expression::Expression;
use super::fault::{EvalError, EvalResult};
use super::function::{self, unknown};
use super::providers::providers;
use super::resource_id::{of_extension, of_management_group, of_subscription, of_tenant, resource_id};
use super::unique::guid;
use super::value::{kind, text};
use crate::violation::code::template as code;

/// The lower-case names, with the minimum and maximum number of arguments.
const SPECIAL: &[(&str, usize, usize)] = &[
    ("copyindex", 0, 2),
    ("deployer", 0, 0),
    ("deployment", 0, 0),
    ("environment", 0, 0),
    ("extensionresourceid", 3, usize::MAX),
    ("filter", 2, 2),
    ("groupby", 2, 2),
    ("if", 3, 3),
    ("lambda", 2, 4),
    ("lambdavariables", 1, 1),
    ("managementgroupresourceid", 2, usize::MAX),
    ("map", 2, 2),
    ("mapvalues", 2, 2),
    ("newguid", 0, 0),
    ("parameters", 1, 1),
    ("providers", 1, 2),
    ("reduce", 3, 3),
    ("reference", 1, 3),
    ("references", 1, 2),
    ("resourcegroup", 0, 0),
    ("resourceid", 2, usize::MAX),
    ("sort", 2, 2),
    ("subscription", 0, 0),
    ("subscriptionresourceid", 2, usize::MAX),
    ("tenant", 0, 0),
    ("tenantresourceid", 2, usize::MAX),
    ("toobject", 2, 3),
    ("utcnow", 0, 1),
    ("variables", 1, 1),
];

/// Returns the minimum and maximum number of arguments of a function of this module. The name of every
/// function of a resource begins with `list`.
pub(super) fn arity_of(lower: &str) -> Option<(usize, usize)> {
    let found = SPECIAL.iter().find(|(name, _, _)| *name == lower).map(|(_, least, most)| (*least, *most));
    found.or_else(|| is_list(lower).then_some((1, 3)))
}

fn is_list(lower: &str) -> bool {
    lower.starts_with("list") && !lower.contains('.')
}

/// Iterates over the lower-case names, without those of resources.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SPECIAL.iter().map(|(name, _, _)| *name)
}

impl Evaluator<'_> {
    /// Calls such a function; `None` if the name is not one of them.
    pub(super) fn special(
        &mut self,
        name: &str,
        arguments: &[Expression],
        frame: &Frame<'_>,
    ) -> Option<EvalResult> {
        let lower = &*name.to_ascii_lowercase();
        let (least, most) = arity_of(lower)?;
        if let Err(fault) = function::arity(name, least, most, arguments.len()) {
            return Some(Err(fault));
        }
        let lazy = match lower {
            "if" => Some(self.choose(arguments, frame)),
            "lambda" => Some(Err(EvalError::expression(
                "A lambda can only be an argument of a function that takes one.",
            ))),
            "filter" | "groupby" | "map" | "mapvalues" | "reduce" | "sort" | "toobject" => {
                Some(self.with_lambda(lower, arguments, frame))
            }
            _ => None,
        };
        Some(lazy.unwrap_or_else(|| {
            let values = self.values(arguments, frame)?;
            if is_list(lower) { self.list(name, &values, frame) } else { self.look(lower, &values, frame) }
        }))
    }

    fn look(&mut self, lower: &str, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        let context = self.inputs.context;
        match lower {
            "parameters" => self.look_up_parameter(text(&values[0])?, frame),
            "variables" if frame.phase == Phase::Defaults => Err(misplaced("variables")),
            "variables" if frame.arguments().is_some() => Err(misplaced("variables")),
            "variables" => self.variable(text(&values[0])?),
            "lambdavariables" => lambda_variable(text(&values[0])?, frame),
            "copyindex" => copy_index(values, frame),
            "reference" => self.reference(values, frame),
            "references" => self.references(values, frame),
            "resourceid" => resource_id(context, values),
            "subscriptionresourceid" => of_subscription(context, values),
            "managementgroupresourceid" => of_management_group(values),
            "tenantresourceid" => of_tenant(values),
            "extensionresourceid" => of_extension(values),
            "resourcegroup" => context.group(),
            "subscription" => Ok(context.subscription()),
            "tenant" => Ok(context.tenant()),
            "environment" => Ok(context.environment()),
            "deployment" => Ok(self.deployment()),
            "deployer" => Ok(context.deployer()),
            "providers" => providers(context, values),
            "newguid" | "utcnow" if frame.phase != Phase::Defaults => Err(misplaced(lower)),
            "newguid" => {
                self.guids += 1;
                Ok(guid(&[context.chance.to_string(), self.guids.to_string()]).into())
            }
            "utcnow" => context.utc_now(values),
            _ => Err(unknown(lower)),
        }
    }

    /// `deployment()`, with the template as it was sent.
    fn deployment(&self) -> Value {
        let mut shown = self.inputs.context.deployment();
        shown["properties"]["template"] = self.inputs.source.clone();
        shown
    }

    /// Evaluates a sequence of member accesses.
    pub(super) fn access(&mut self, of: &Expression, steps: &[Expression], frame: &Frame<'_>) -> EvalResult {
        let (mut value, seen) = self.first_of(of, steps, frame)?;
        for step in steps.iter().skip(seen) {
            let step = self.expression(step, frame)?;
            value = member(value, &step)?;
        }
        Ok(value)
    }

    /// Evaluates the beginning of an access. Returns the value, and the number of steps to it.
    fn first_of(
        &mut self,
        of: &Expression,
        steps: &[Expression],
        frame: &Frame<'_>,
    ) -> Result<(Value, usize), EvalError> {
        if let Some(deployment) = self.small_deployment(of, steps) {
            return Ok((deployment, 0));
        }
        let whole = self.expression(of, frame)?;
        match self.hidden_output(of, steps, frame) {
            Some((output, seen)) => {
                self.charge(&output)?;
                Ok((output, seen))
            }
            None => Ok((whole, 0)),
        }
    }

    /// Returns `deployment()` without the template, if an access to its result does not need the template: that
    /// can be large, and each call copies it.
    fn small_deployment(&self, of: &Expression, steps: &[Expression]) -> Option<Value> {
        let Expression::Call(name, arguments) = of else { return None };
        let text = |at: usize| match steps.get(at) {
            Some(Expression::Text(name)) => Some(name.as_str()),
            _ => None,
        };
        let needs_template = match (text(0), text(1)) {
            (Some(first), _) if !first.eq_ignore_ascii_case("properties") => false,
            (Some(_), Some(second)) => second.eq_ignore_ascii_case("template"),
            _ => true,
        };
        let is_deployment = name.eq_ignore_ascii_case("deployment") && arguments.is_empty();
        (is_deployment && !needs_template).then(|| self.inputs.context.deployment())
    }

    fn look_up_parameter(&mut self, name: &str, frame: &Frame<'_>) -> EvalResult {
        let Some(arguments) = frame.arguments() else { return self.parameter(name) };
        let found = arguments.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            EvalError::Wrong(code::PARAMETER, format!("The user-defined function has no parameter '{name}'."))
        })
    }

    /// Evaluates only the selected branch. If the condition is pending, both branches are evaluated to
    /// collect their dependencies.
    fn choose(&mut self, arguments: &[Expression], frame: &Frame<'_>) -> EvalResult {
        match self.expression(&arguments[0], frame) {
            Ok(Value::Bool(true)) => self.expression(&arguments[1], frame),
            Ok(Value::Bool(false)) => self.expression(&arguments[2], frame),
            Ok(other) => {
                let kind = kind(&other);
                Err(EvalError::expression(format!(
                    "The first argument of 'if' must be true or false, not {kind}."
                )))
            }
            Err(EvalError::Pending) => {
                for branch in &arguments[1..] {
                    if let Err(EvalError::Wrong(code::LIMIT, why)) = self.expression(branch, frame) {
                        return Err(EvalError::Wrong(code::LIMIT, why));
                    }
                }
                Err(EvalError::Pending)
            }
            Err(wrong) => Err(wrong),
        }
    }
}

fn misplaced(name: &str) -> EvalError {
    let where_allowed = match name {
        "utcnow" | "newguid" => "it is only allowed in the default of a parameter",
        _ => "the defaults of parameters and user-defined functions see no variables",
    };
    EvalError::function(format!("The function '{name}' cannot be used here: {where_allowed}."))
}

fn lambda_variable(name: &str, frame: &Frame<'_>) -> EvalResult {
    let found = frame.chain().find_map(|binding| match binding {
        Binding::Lambda(values) => values.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)),
        _ => None,
    });
    let none = || EvalError::expression(format!("There is no lambda variable '{name}' here."));
    found.map(|(_, value)| value.clone()).ok_or_else(none)
}

/// `copyIndex([loop], [offset])`.
fn copy_index(values: &[Value], frame: &Frame<'_>) -> EvalResult {
    let (wanted, offset) = match values {
        [] => (None, 0),
        [Value::String(name)] => (Some(name), 0),
        [Value::Number(offset)] => (None, offset.as_i64().unwrap_or(0)),
        [Value::String(name), Value::Number(offset)] => (Some(name), offset.as_i64().unwrap_or(0)),
        _ => return Err(EvalError::expression("copyIndex takes the name of a loop and an offset.")),
    };
    let found = frame.chain().find_map(|binding| match (binding, wanted) {
        (Binding::Copy { name, index, .. }, Some(wanted)) if name.eq_ignore_ascii_case(wanted) => {
            Some(*index)
        }
        (Binding::Copy { index, anonymous: true, .. }, None) => Some(*index),
        _ => None,
    });
    match (found, wanted) {
        (Some(index), _) => Ok(index.saturating_add(offset).into()),
        (None, Some(wanted)) => {
            Err(EvalError::expression(format!("The expression is not within a copy loop '{wanted}'.")))
        }
        (None, None) => Err(EvalError::expression(
            "The expression is not within a copy loop to which copyIndex() could refer.",
        )),
    }
}
