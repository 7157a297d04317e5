//! The functions that depend on more than the values of their arguments, or that evaluate their arguments
//! lazily.

use serde_json::{Value, json};

use super::context::{extension_resource_id, tenant_resource_id};
use super::evaluate::{Binding, Evaluator, Frame, Phase, unknown};
use super::expression::Expression;
use super::fault::{EvalError, EvalResult};
use super::function;
use super::names::Found;
use super::resource;
use super::unique::guid;
use super::value::kind;
use crate::violation::code::template as code;

/// The lower-case names, with the minimum and maximum number of arguments.
const SPECIAL: &[(&str, usize, usize)] = &[
    ("copyindex", 0, 2),
    ("deployment", 0, 0),
    ("environment", 0, 0),
    ("extensionresourceid", 3, usize::MAX),
    ("filter", 2, 2),
    ("groupby", 2, 2),
    ("if", 3, 3),
    ("lambda", 2, 4),
    ("lambdavariables", 1, 1),
    ("map", 2, 2),
    ("mapvalues", 2, 2),
    ("newguid", 0, 0),
    ("parameters", 1, 1),
    ("reduce", 3, 3),
    ("reference", 1, 3),
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

/// Returns the minimum and maximum number of arguments of a function of this module.
pub(super) fn arity_of(lower: &str) -> Option<(usize, usize)> {
    SPECIAL.iter().find(|(name, _, _)| *name == lower).map(|(_, least, most)| (*least, *most))
}

impl Evaluator<'_> {
    /// Calls such a function; `None` if the name is not one of them.
    pub(super) fn special(
        &mut self,
        lower: &str,
        arguments: &[Expression],
        frame: &Frame<'_>,
    ) -> Option<EvalResult> {
        let (least, most) = arity_of(lower)?;
        if let Err(fault) = function::arity(lower, least, most, arguments.len()) {
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
            self.look(lower, &values, frame)
        }))
    }

    fn look(&mut self, lower: &str, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        let context = self.world.context;
        match lower {
            "parameters" => self.look_up_parameter(text(&values[0])?, frame),
            "variables" if frame.phase == Phase::Defaults => Err(misplaced("variables")),
            "variables" if frame.arguments().is_some() => Err(misplaced("variables")),
            "variables" => self.variable(text(&values[0])?),
            "lambdavariables" => lambda_variable(text(&values[0])?, frame),
            "copyindex" => copy_index(values, frame),
            "reference" => self.reference(values, frame),
            "resourceid" => context.resource_id(values),
            "subscriptionresourceid" => context.subscription_resource_id(values),
            "tenantresourceid" => tenant_resource_id(values),
            "extensionresourceid" => extension_resource_id(values),
            "resourcegroup" => Ok(context.group()),
            "subscription" => Ok(context.subscription()),
            "tenant" => Ok(json!({"tenantId": context.tenant})),
            "environment" => Ok(json!({"name": "Tidegate"})),
            "deployment" => Ok(json!({
                "name": context.deployment,
                "properties": {
                    "mode": "Incremental",
                    "provisioningState": "Accepted",
                    "template": {"contentVersion": self.world.template.content_version},
                },
            })),
            "newguid" | "utcnow" if frame.phase != Phase::Defaults => Err(misplaced(lower)),
            "newguid" => {
                self.guids += 1;
                Ok(guid(&[context.chance.to_string(), self.guids.to_string()]).into())
            }
            "utcnow" => context.utc_now(values),
            _ => Err(unknown(lower)),
        }
    }

    fn look_up_parameter(&mut self, name: &str, frame: &Frame<'_>) -> EvalResult {
        let Some(arguments) = frame.arguments() else { return self.parameter(name) };
        let found = arguments.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            EvalError::Wrong(code::PARAMETER, format!("The user-defined function has no parameter '{name}'."))
        })
    }

    /// Evaluates only the selected branch. If the condition is pending, both branches are evaluated to collect
    /// their dependencies.
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

    /// Returns the properties of a resource, or all of it if `full` is requested.
    fn reference(&mut self, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        if frame.phase != Phase::Deploying || frame.arguments().is_some() {
            return Err(misplaced("reference"));
        }
        let name = text(&values[0])?;
        let id = match self.world.names.find(name) {
            Found::One(id) => id,
            Found::Several => {
                let why =
                    format!("Several resources of the template have the name '{name}'; use resourceId.");
                return Err(EvalError::Wrong(code::DEPENDENCY, why));
            }
            Found::None if name.starts_with('/') => name.to_owned(),
            Found::None => {
                let why = format!("The resource '{name}' is not defined in the template.");
                return Err(EvalError::Wrong(code::DEPENDENCY, why));
            }
        };
        let key = id.to_ascii_lowercase();
        let Some(found) = self.world.references.get(&key) else {
            // Too many references are reported at the end; this check only bounds the set.
            if self.missing.len() > super::MAX_FOREIGN + resource::MAX_RESOURCES {
                return Err(EvalError::Wrong(code::LIMIT, "It refers to too many resources.".to_owned()));
            }
            self.missing.insert(key);
            return Err(EvalError::Pending);
        };
        match values.get(2).and_then(Value::as_str) {
            Some(full) if full.eq_ignore_ascii_case("full") => Ok(found.clone()),
            _ => Ok(found.get("properties").cloned().unwrap_or_default()),
        }
    }
}

fn text(value: &Value) -> Result<&str, EvalError> {
    value.as_str().ok_or_else(|| EvalError::expression(format!("A name is expected, not {}.", kind(value))))
}

fn misplaced(name: &str) -> EvalError {
    EvalError::Wrong(code::FUNCTION, format!("The function '{name}' cannot be used here."))
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
