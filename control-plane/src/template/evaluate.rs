//! Evaluates expressions. Pure: an expression sees only the [`Inputs`], and its cost is bounded.
//!
//! One that needs a resource before its deployment is [`EvalError::Pending`], and [`Evaluator::missing`] grows.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::expression::{Expression, TemplateText, classify};
use super::fault::{EvalError, EvalResult};
use super::function;
use super::inherited::Inherited;
use super::names::Names;
use super::parameter::Parameters;
use super::parts::Template;
use super::secrets::Secrets;
use super::value::{kind, take};
use super::{Context, References};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The maximum nesting of values.
const MAX_NESTING: usize = 64;

/// The maximum depth of evaluation, through values and through variables and parameters.
const MAX_DEPTH: usize = 120;

/// The part of a deployment in which an expression is evaluated; determines the allowed functions.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Phase {
    /// Defaults of parameters: other parameters, `newGuid` and `utcNow` are allowed.
    Defaults,
    /// Names, conditions and variables: nothing that depends on deployed resources.
    Planning,
    /// Properties and outputs: everything except for `newGuid` and `utcNow`.
    Deploying,
}

/// A scope of names in a template. Inner scopes see the names of outer ones.
#[derive(Debug)]
pub(super) struct Frame<'f> {
    pub(super) outer: Option<&'f Frame<'f>>,
    pub(super) phase: Phase,
    pub(super) binding: Binding,
}

/// The names that one scope adds.
#[derive(Debug)]
pub(super) enum Binding {
    Nothing,
    /// An iteration of a copy loop. `copyIndex()` without a name refers to the innermost anonymous one: the
    /// loop of a resource or an output.
    Copy {
        name: String,
        index: i64,
        anonymous: bool,
    },
    /// The variables of a lambda.
    Lambda(Vec<(String, Value)>),
    /// The arguments of a user-defined function, which hides all outer scopes.
    Arguments(Vec<(String, Value)>),
}

impl<'f> Frame<'f> {
    pub(super) fn new(phase: Phase) -> Frame<'static> {
        Frame { outer: None, phase, binding: Binding::Nothing }
    }

    pub(super) fn with(&'f self, binding: Binding) -> Frame<'f> {
        Frame { outer: Some(self), phase: self.phase, binding }
    }

    /// Iterates over this scope and the outer ones, up to the body of a user-defined function.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Binding> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let frame = next?;
            next = match frame.binding {
                Binding::Arguments(_) => None,
                _ => frame.outer,
            };
            Some(&frame.binding)
        })
    }

    /// Returns the arguments of the enclosing user-defined function, if there is one.
    pub(super) fn arguments(&self) -> Option<&[(String, Value)]> {
        self.chain().find_map(|binding| match binding {
            Binding::Arguments(values) => Some(values.as_slice()),
            _ => None,
        })
    }
}

/// The inputs of an evaluation: everything that expressions can refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'w> {
    pub(super) template: &'w Template,
    /// The template as it was sent.
    pub(super) source: &'w Value,
    pub(super) parameters: &'w Parameters,
    pub(super) context: &'w Context,
    pub(super) references: &'w References,
    /// The names of resources; empty while they are evaluated themselves.
    pub(super) names: &'w Names,
    /// What is secret because of the templates around this one, and the secrets of these.
    pub(super) inherited: &'w Inherited,
    pub(super) inherited_secrets: &'w Secrets,
}

/// Evaluates the expressions of one template within a budget.
#[derive(Debug)]
pub(super) struct Evaluator<'w> {
    pub(super) inputs: Inputs<'w>,
    /// The resources that expressions depend on, by ID.
    pub(super) missing: BTreeSet<String>,
    /// True if a secure parameter was read since the last reset.
    pub(super) tainted: bool,
    /// The place of the value that is being filled, a JSON pointer; `None` outside of a body.
    pub(super) trail: Option<String>,
    /// The places of the body's values that derive from secrets.
    pub(super) secret_places: BTreeSet<String>,
    /// The errors that were recorded.
    pub(super) flaws: Violations,
    /// True if an expression was pending since the last reset.
    pub(super) pending: bool,
    /// The values of parameters (`p`) and variables (`v`), by lower-case name, and whether they are tainted.
    known: HashMap<(char, String), (Value, bool)>,
    /// The parameters and variables under evaluation, to detect cycles.
    open: Vec<(char, String)>,
    /// The number of calls of `newGuid`.
    pub(super) guids: u64,
    /// The remaining budget.
    pub(super) budget: u64,
    depth: usize,
}

impl<'w> Evaluator<'w> {
    /// Creates an evaluator with this budget.
    pub(super) fn new(inputs: Inputs<'w>, budget: u64) -> Evaluator<'w> {
        Evaluator {
            inputs,
            missing: BTreeSet::new(),
            tainted: false,
            trail: None,
            secret_places: BTreeSet::new(),
            flaws: Violations::default(),
            pending: false,
            known: HashMap::new(),
            open: Vec::new(),
            guids: 0,
            budget,
            depth: 0,
        }
    }

    /// Evaluates a string of the template.
    pub(super) fn text(&mut self, text: &str, frame: &Frame<'_>) -> EvalResult {
        self.spend(of_text(text))?;
        match classify(text) {
            TemplateText::Literal(text) => Ok(Value::String(text.to_owned())),
            TemplateText::Expression(text) => {
                let expression = Expression::read(text).map_err(EvalError::expression);
                let value = expression.and_then(|expression| self.expression(&expression, frame));
                value.map_err(|fault| fault.within(text))
            }
        }
    }

    pub(super) fn expression(&mut self, expression: &Expression, frame: &Frame<'_>) -> EvalResult {
        let value = self.deeper(|evaluator| evaluator.step(expression, frame))?;
        self.charge(&value)?;
        Ok(value)
    }

    /// Runs a step one level deeper. The depth is bounded because the stack is.
    pub(super) fn deeper(&mut self, step: impl FnOnce(&mut Self) -> EvalResult) -> EvalResult {
        if self.depth >= MAX_DEPTH {
            let why =
                format!("Values, variables and functions are nested more than {MAX_DEPTH} levels deep.");
            return Err(EvalError::Wrong(code::LIMIT, why));
        }
        self.depth += 1;
        let outcome = step(self);
        self.depth -= 1;
        outcome
    }

    fn step(&mut self, expression: &Expression, frame: &Frame<'_>) -> EvalResult {
        match expression {
            Expression::Text(text) => Ok(Value::String(text.clone())),
            Expression::Integer(number) => Ok(Value::from(*number)),
            Expression::Access(of, steps) => self.access(of, steps, frame),
            Expression::Call(name, arguments) => self.call(name, arguments, frame),
        }
    }

    fn call(&mut self, name: &str, arguments: &[Expression], frame: &Frame<'_>) -> EvalResult {
        if let Some(outcome) = self.special(name, arguments, frame) {
            return outcome;
        }
        let lower = name.to_ascii_lowercase();
        if lower.contains('.') {
            return self.user_function(&lower, arguments, frame);
        }
        let Some(found) = function::named(&lower) else { return Err(function::unknown(name)) };
        found.check(arguments.len())?;
        let values = self.values(arguments, frame)?;
        (found.call)(&values)
            .map_err(|why| EvalError::expression(format!("The function '{}' failed: {why}", found.name)))
    }

    /// Evaluates all arguments, including those after a pending one, to collect all dependencies.
    pub(super) fn values(
        &mut self,
        arguments: &[Expression],
        frame: &Frame<'_>,
    ) -> Result<Vec<Value>, EvalError> {
        let mut values = Vec::with_capacity(arguments.len());
        let mut pending = false;
        for argument in arguments {
            match self.expression(argument, frame) {
                Ok(value) => values.push(value),
                Err(EvalError::Pending) => pending = true,
                Err(wrong) => return Err(wrong),
            }
        }
        if pending { Err(EvalError::Pending) } else { Ok(values) }
    }

    fn user_function(&mut self, name: &str, arguments: &[Expression], frame: &Frame<'_>) -> EvalResult {
        let template = self.inputs.template;
        let function = template.functions.get(name).ok_or_else(|| function::unknown(name))?;
        function::arity(name, function.parameters.len(), function.parameters.len(), arguments.len())?;
        let values = self.values(arguments, frame)?;
        let binding = Binding::Arguments(function.parameters.iter().cloned().zip(values).collect());
        let inner = Frame { outer: None, phase: Phase::Planning, binding };
        self.fill(&function.value, &inner, None)
    }

    /// Returns the value of a parameter, given or default.
    pub(super) fn parameter(&mut self, name: &str) -> EvalResult {
        let parameters = self.inputs.parameters;
        let Some(declared) = parameters.declared(name) else {
            let why = format!("The template has no parameter '{name}'.");
            return Err(EvalError::Wrong(code::PARAMETER, why));
        };
        let value = self.once('p', name, |evaluator| match (&declared.given, &declared.default) {
            (Some(given), _) => Ok(given.clone()),
            (None, Some(default)) => {
                let value = evaluator.fill(default, &Frame::new(Phase::Defaults), None);
                value.map_err(|fault| match fault {
                    EvalError::Wrong(code::LINK_MISSING, _) => {
                        let what = format!("The default of the parameter '{name:.100}'");
                        EvalError::Wrong(code::LINK_MISSING, unlinked(&what))
                    }
                    other => other,
                })
            }
            (None, None) if declared.nullable => Ok(Value::Null),
            (None, None) => {
                let why = format!("The parameter '{name}' has no value and no default.");
                Err(EvalError::Wrong(code::PARAMETER, why))
            }
        })?;
        self.tainted |= declared.is_secure();
        Ok(value)
    }

    pub(super) fn variable(&mut self, name: &str) -> EvalResult {
        let template = self.inputs.template;
        let lower = name.to_ascii_lowercase();
        let Some(value) = template.variables.get(&lower) else {
            return Err(EvalError::expression(format!("The template has no variable '{name}'.")));
        };
        self.once('v', name, |evaluator| evaluator.fill_variable(value))
    }

    /// Evaluates a parameter or variable on first use.
    fn once(
        &mut self,
        kind: char,
        name: &str,
        evaluate: impl FnOnce(&mut Evaluator<'w>) -> EvalResult,
    ) -> EvalResult {
        let key = (kind, name.to_ascii_lowercase());
        if let Some((value, tainted)) = self.known.get(&key) {
            let value = value.clone();
            self.tainted |= tainted;
            return Ok(value);
        }
        if self.open.contains(&key) {
            return Err(EvalError::expression(format!("'{name}' depends on itself.")));
        }
        let tainted_before = std::mem::take(&mut self.tainted);
        self.open.push(key.clone());
        let outcome = evaluate(self);
        self.open.pop();
        let tainted = std::mem::replace(&mut self.tainted, tainted_before);
        self.tainted |= tainted;
        let value = outcome?;
        self.known.insert(key, (value.clone(), tainted));
        Ok(value)
    }

    /// Charges the budget for a new value.
    pub(super) fn charge(&mut self, value: &Value) -> Result<(), EvalError> {
        match cost(value, MAX_NESTING, self.budget) {
            Some(cost) => self.spend(cost),
            None => Err(too_much()),
        }
    }

    /// Charges the budget. After it is exceeded once, everything fails; likewise when the list of
    /// violations is full.
    pub(super) fn spend(&mut self, cost: u64) -> Result<(), EvalError> {
        if self.flaws.is_full() {
            return Err(too_much());
        }
        let left = self.budget.checked_sub(cost.max(1));
        self.budget = left.unwrap_or(0);
        left.map(drop).ok_or_else(too_much)
    }
}

fn too_much() -> EvalError {
    EvalError::Wrong(code::LIMIT, "The template's values are too large or nested too deeply.".to_owned())
}

/// Returns the cost of a value that comes from outside of a template; `None` if it is nested too deeply or
/// exceeds the budget.
pub(super) fn cost_of(value: &Value, budget: u64) -> Option<u64> {
    cost(value, MAX_NESTING, budget)
}

/// Returns the cost of a value; `None` if it is nested too deeply or exceeds the budget.
fn cost(value: &Value, nesting: usize, budget: u64) -> Option<u64> {
    let mut total: u64 = 1;
    match value {
        Value::String(text) => total += of_text(text),
        Value::Array(list) => {
            for value in list {
                total += cost(value, nesting.checked_sub(1)?, budget.checked_sub(total)?)?;
            }
        }
        Value::Object(object) => {
            for (key, value) in object {
                total += of_text(key) + cost(value, nesting.checked_sub(1)?, budget.checked_sub(total)?)?;
            }
        }
        _ => {}
    }
    (total <= budget).then_some(total)
}

/// Returns the cost of a text, in addition to that of the value.
pub(super) fn of_text(text: &str) -> u64 {
    text.len() as u64 / 16
}

/// Says that the template was not fetched by a link.
fn unlinked(what: &str) -> String {
    format!(
        "{what} needs the URL of the template (deployment().properties.templateLink), but the template \
         was sent in the request. Give the parameter that depends on it a value, often \
         '_artifactsLocation', or deploy the template by templateLink."
    )
}

/// Returns a property of an object, ignoring case, or an element of a list.
pub(super) fn member(value: Value, step: &Value) -> EvalResult {
    match (value, step) {
        (Value::Object(mut object), Value::String(name)) => take(&mut object, name).ok_or_else(|| {
            if name.eq_ignore_ascii_case("templateLink") {
                return EvalError::Wrong(code::LINK_MISSING, unlinked("The template"));
            }
            let has = object.keys().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            EvalError::expression(format!("There is no property '{name}'; there are: {has}."))
        }),
        (Value::Array(mut list), Value::Number(index)) => {
            let at = index.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < list.len());
            at.map(|at| list.swap_remove(at)).ok_or_else(|| {
                EvalError::expression(format!("There is no element {index} in a list of {}.", list.len()))
            })
        }
        (value, step) => {
            let (value, step) = (kind(&value), kind(step));
            Err(EvalError::expression(format!("{value} has no member that {step} could select.")))
        }
    }
}

#[cfg(test)]
mod tests;
