//! The outputs of a deployment. Pure.

use serde_json::{Map, Value, json};

use super::evaluate::{Binding, Evaluator, Frame, Phase};
use super::fault::{EvalError, EvalResult};
use super::fill::copies;
use super::json_path::{JsonPath, ROOT};
use super::types::Kind;
use super::value::{kind, property};
use crate::violation::code::template as code;

/// The outputs of a deployment.
#[derive(Default)]
pub(crate) struct Outputs {
    /// Each output as `{name: {type, value}}`. Outputs that are secure, or derived from a secure parameter,
    /// have no value.
    pub(crate) shown: Map<String, Value>,
    /// The values by name, those of secrets included.
    pub(crate) values: Map<String, Value>,
}

impl Outputs {
    /// Returns the values of the outputs that are shown without one.
    pub(crate) fn secret_values(&self) -> Value {
        let is_secret = |name: &str| self.shown.get(name).is_some_and(|shown| shown.get("value").is_none());
        self.values.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone()).collect()
    }
}

/// Evaluates every output. The evaluator records errors and dependencies.
pub(super) fn outputs(evaluator: &mut Evaluator<'_>) -> Outputs {
    let template = evaluator.inputs.template;
    let path = format!("{ROOT}.outputs");
    let root = JsonPath::Root(&path);
    let mut outputs = Outputs::default();
    for (name, declaration) in &template.outputs {
        let place = JsonPath::Property(&root, name);
        // A wrong type is recorded.
        let Some(of) = declaration.of else { continue };
        let inherited = evaluator.inputs.inherited.outputs.contains(&name.to_ascii_lowercase());
        evaluator.tainted = inherited || template.types.is_secure(of);
        match value(evaluator, &declaration.body, &place) {
            Ok(None) => {}
            Ok(Some(value)) => {
                let objection = template.types.objection(of, &format!("The output '{name:.100}'"), &value);
                if let Some(why) = objection.filter(|_| !value.is_null()) {
                    evaluator.flaws.push(code::EXPRESSION, place.to_string(), why);
                    continue;
                }
                let mut shown = json!({"type": template.types.kind(of).map_or("Object", Kind::as_str)});
                if !evaluator.tainted && !evaluator.inputs.inherited_secrets.are_in(&value) {
                    shown["value"] = value.clone();
                }
                outputs.shown.insert(name.clone(), shown);
                outputs.values.insert(name.clone(), value);
            }
            Err(fault) => {
                // The error is recorded; the value is a placeholder then.
                let _ = evaluator.settle(Err(fault), Some(&JsonPath::Property(&place, "value")));
            }
        }
    }
    outputs
}

/// Evaluates the value of an output; `None` if its condition is false.
fn value(
    evaluator: &mut Evaluator<'_>,
    declaration: &Map<String, Value>,
    place: &JsonPath<'_>,
) -> Result<Option<Value>, EvalError> {
    let frame = Frame::new(Phase::Deploying);
    if let Some(condition) = property(declaration, "condition") {
        match evaluator.fill(condition, &frame, None)? {
            Value::Bool(true) => {}
            Value::Bool(false) => return Ok(None),
            other => {
                let why = format!("A condition must be true or false, not {}.", kind(&other));
                return Err(EvalError::Wrong(code::STRUCTURE, why));
            }
        }
    }
    if let Some(copy) = property(declaration, "copy") {
        return repeat(evaluator, copy, &frame).map(Some);
    }
    let Some(value) = property(declaration, "value") else {
        return Err(EvalError::Wrong(code::STRUCTURE, format!("'{place}' has no value.")));
    };
    evaluator.fill(value, &frame, None).map(Some)
}

fn repeat(evaluator: &mut Evaluator<'_>, copy: &Value, frame: &Frame<'_>) -> EvalResult {
    let (Some(count), Some(input)) = (copy.get("count"), copy.get("input")) else {
        return Err(EvalError::Wrong(
            code::STRUCTURE,
            "The loop of an output must have a count and an input.".to_owned(),
        ));
    };
    let count = evaluator.fill(count, frame, None)?;
    let mut list = Vec::new();
    for index in 0..copies(&count)? {
        let binding = Binding::Copy { name: String::new(), index, anonymous: true };
        list.push(evaluator.fill(input, &frame.with(binding), None)?);
    }
    Ok(list.into())
}
