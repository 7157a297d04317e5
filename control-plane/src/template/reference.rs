//! The functions that look at deployed resources: `reference`, `references` and `list…`. A resource that is
//! not deployed yet makes them pending.

use serde_json::{Map, Value, json};

use super::evaluate::{Evaluator, Frame, Phase};
use super::expression::Expression;
use super::fault::{EvalError, EvalResult};
use super::kinds::is_deployment;
use super::listing::listing;
use super::names::Found;
use super::resource_id::{parts, usual};
use super::value::{property, text};
use super::{MAX_FOREIGN, resource};
use crate::violation::code::template as code;

impl<'w> Evaluator<'w> {
    /// `reference(resource, [version], ['Full'])`: the properties of a resource, or all of it.
    pub(super) fn reference(&mut self, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        check_place("reference", frame)?;
        let id = self.id_of(text(&values[0])?)?;
        let found = self.found(&id)?;
        Ok(shown(&id, found, &values[1..]))
    }

    /// `references(loop, ['Full'])`: the same of each deployed resource of a loop, in its order.
    pub(super) fn references(&mut self, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        check_place("references", frame)?;
        let (name, names) = (text(&values[0])?, self.inputs.names);
        let Some(ids) = names.all_of(name) else {
            let why = format!(
                "The function 'references' needs the symbolic name of a resource with a loop, and \
                 '{name:.200}' is not one."
            );
            return Err(EvalError::Wrong(code::DEPENDENCY, why));
        };
        let mut list = Vec::with_capacity(ids.len());
        let mut pending = false;
        for id in ids {
            match self.found(id) {
                Ok(found) => {
                    let shown = shown(id, found, &values[1..]);
                    self.charge(&shown)?;
                    list.push(shown);
                }
                Err(EvalError::Pending) => pending = true,
                Err(wrong) => return Err(wrong),
            }
        }
        if pending { Err(EvalError::Pending) } else { Ok(list.into()) }
    }

    /// `list…(resource, [version], [arguments])`.
    pub(super) fn list(&mut self, name: &str, values: &[Value], frame: &Frame<'_>) -> EvalResult {
        check_place(name, frame)?;
        let id = self.id_of(text(&values[0])?)?;
        if name.eq_ignore_ascii_case(SECURE_OUTPUTS)
            && parts(&id).is_some_and(|(kind, _)| is_deployment(&kind))
        {
            return self.secure_outputs(&id);
        }
        let result = listing(name, &id, self.inputs.context).map_err(EvalError::function)?;
        self.found(&id).map(|_| result)
    }

    /// `listOutputsWithSecureValues(deployment, [version])`: the outputs of a nested deployment, secret ones
    /// included. They are secret here too.
    fn secure_outputs(&mut self, id: &str) -> EvalResult {
        self.found(id)?;
        self.tainted = true;
        let references = self.inputs.references;
        references.get(&secure_outputs_key(id)).cloned().ok_or_else(|| {
            EvalError::function(format!(
                "The secure outputs of '{id:.300}' are not known: they are kept only while the deployment runs in \
                 which it is nested."
            ))
        })
    }

    /// Returns the value of a nested deployment's output that is not shown because it derives from a secret, and
    /// the number of steps to it, if the access is `reference(…).outputs.{name}.value`. What is made of it is secret.
    /// The value of an output with a secure type is not returned, as in ARM.
    pub(super) fn hidden_output(
        &mut self,
        of: &Expression,
        steps: &[Expression],
        frame: &Frame<'_>,
    ) -> Option<(Value, usize)> {
        let Expression::Call(function, arguments) = of else { return None };
        let is = |at: usize, name: &str| match steps.get(at) {
            Some(Expression::Text(step)) => step.eq_ignore_ascii_case(name),
            _ => false,
        };
        let at = if is(0, "properties") { 1 } else { 0 };
        if !function.eq_ignore_ascii_case("reference") || !is(at, "outputs") || !is(at + 2, "value") {
            return None;
        }
        let id = self.expression(arguments.first()?, frame).ok()?;
        let id = self.id_of(id.as_str()?).ok()?;
        let name = self.expression(steps.get(at + 1)?, frame).ok()?;
        let references = self.inputs.references;
        let outputs =
            references.get(&id.to_ascii_lowercase())?.get("properties")?.get("outputs")?.as_object()?;
        let shown = property(outputs, name.as_str()?)?.as_object()?;
        let is_secure = shown.get("type")?.as_str()?.to_ascii_lowercase().starts_with("secure");
        if is_secure || shown.contains_key("value") {
            return None;
        }
        let values = references.get(&secure_outputs_key(&id))?.as_object()?;
        let value = property(values, name.as_str()?)?.clone();
        self.tainted = true;
        Some((value, at + 3))
    }

    /// Finds a resource by name, symbol or ID.
    fn id_of(&self, name: &str) -> Result<String, EvalError> {
        // Templates end IDs with a slash too, which Azure ignores.
        let name = name.strip_suffix('/').unwrap_or(name);
        let why = match self.inputs.names.find(name) {
            Found::One(id) => return Ok(id),
            Found::None if name.starts_with('/') => return Ok(usual(name).into_owned()),
            Found::None if is_relative(name) => {
                return Ok(format!("{}/providers/{name}", self.inputs.context.scope_id()));
            }
            Found::None => format!("The resource '{name:.300}' is not defined in the template."),
            Found::Several if self.inputs.names.all_of(name).is_some() => format!(
                "'{name:.200}' is a loop: use references('{name:.200}'), or an element such as '{name:.200}[0]'."
            ),
            Found::Several => {
                format!("Several resources of the template have the name '{name:.300}'; use resourceId.")
            }
        };
        Err(EvalError::Wrong(code::DEPENDENCY, why))
    }

    /// Returns the resource as GET shows it, or adds it to the missing ones.
    fn found(&mut self, id: &str) -> Result<&'w Map<String, Value>, EvalError> {
        let references = self.inputs.references;
        let key = id.to_ascii_lowercase();
        if let Some(found) = references.get(&key).and_then(Value::as_object) {
            return Ok(found);
        }
        // Too many references are reported at the end; this check only bounds the set.
        if self.missing.len() > MAX_FOREIGN + resource::MAX_RESOURCES {
            return Err(EvalError::Wrong(code::LIMIT, "It refers to too many resources.".to_owned()));
        }
        self.missing.insert(key);
        Err(EvalError::Pending)
    }
}

/// The function for the outputs of a deployment with those that are secret.
const SECURE_OUTPUTS: &str = "listOutputsWithSecureValues";

/// Returns the key under which [`super::References`] have the values of a deployment's outputs by name, those
/// of secrets included.
pub(crate) fn secure_outputs_key(deployment: &str) -> String {
    format!("{deployment}/{SECURE_OUTPUTS}").to_ascii_lowercase()
}

fn check_place(name: &str, frame: &Frame<'_>) -> Result<(), EvalError> {
    if frame.phase == Phase::Deploying && frame.arguments().is_none() {
        return Ok(());
    }
    Err(EvalError::function(format!(
        "The function '{name:.100}' cannot be used here: it is only allowed in the properties of \
         resources and in outputs, since it depends on deployed resources."
    )))
}

/// Returns whether a name is the end of an ID in the scope of the deployment: `{namespace}/{type}/{name}…`.
fn is_relative(name: &str) -> bool {
    let namespace = name.split('/').next().unwrap_or_default();
    let pairs = name.split('/').count() - 1;
    namespace.contains('.') && pairs >= 2 && pairs.is_multiple_of(2)
}

/// Returns the properties of a resource, or, if an option asks for `Full`, all of it with the place where
/// it is.
fn shown(id: &str, found: &Map<String, Value>, options: &[Value]) -> Value {
    let is_full = |option: &Value| option.as_str().is_some_and(|option| option.eq_ignore_ascii_case("full"));
    if !options.iter().any(is_full) {
        return found.get("properties").cloned().unwrap_or_default();
    }
    let segments: Vec<&str> = id.split('/').collect();
    let after = |word: &str| {
        let at = segments.iter().position(|segment| segment.eq_ignore_ascii_case(word))?;
        segments.get(at + 1).copied()
    };
    let at = id.to_ascii_lowercase().find("/providers/").map_or(0, |at| at + "/providers/".len());
    let mut whole = json!({
        "subscriptionId": after("subscriptions").unwrap_or_default(),
        "resourceGroupName": after("resourceGroups").unwrap_or_default(),
        "resourceId": &id[at..],
        "apiVersion": options.iter().filter_map(Value::as_str).find(|option| option.starts_with("20")),
        "condition": true,
        "isConditionTrue": true,
        "isAction": false,
    });
    if let Value::Object(whole) = &mut whole {
        whole.extend(found.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    whole
}
