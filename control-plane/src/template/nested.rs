//! Nested deployments: resources of a template that are deployments with a template of their own.
//!
//! With the scope `inner`, the nested template is left as it is; its own plan evaluates it. With the scope
//! `outer`, which is ARM's default, the expressions in its resources and outputs belong to the template
//! around it: they are evaluated here, and the results are escaped, so that the nested plan finds only
//! literals.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::declared::Declared;
use super::evaluate::{Binding, Evaluator, Frame, Phase, cost_of, of_text};
use super::expression::escape;
use super::fill::copies;
use super::inherited::Inherited;
use super::json_path::JsonPath;
use super::kinds::is_deployment;
use super::value::{property, take};
use super::{Plan, Ready, References, Resource};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The number of copies of a template that cost as much as a value of its size.
const COPIES_FOR_A_VALUE: u64 = 4;

/// A nested deployment as its template describes it.
pub(crate) struct Nested {
    /// The body in the form of a request for a deployment.
    pub(crate) body: Value,
    /// The secrets of the templates around it.
    pub(crate) inherited: Inherited,
}

impl Plan {
    /// Evaluates the request of a nested deployment.
    ///
    /// # Errors
    /// The violations of its expressions.
    pub(crate) fn nested(
        &self,
        resource: &Resource,
        references: &References,
    ) -> Result<Ready<Nested>, Violations> {
        let mut evaluator = self.evaluator(references, &self.names);
        let declared = self.declared.get(resource.declared);
        let filled = declared.map(|declared| fill(&mut evaluator, declared)).unwrap_or_default();
        let (body, mut inherited) = filled;
        // Each nested deployment keeps a copy.
        let secrets = self.secrets().texts().clone();
        let cost = secrets.iter().map(|text| 1 + of_text(text)).sum();
        match evaluator.spend(cost) {
            Ok(()) => inherited.secrets.extend(secrets),
            Err(fault) => {
                // The error is recorded; the value is a placeholder then.
                let _ = evaluator.settle(Err(fault), Some(&JsonPath::Root(&resource.target)));
            }
        }
        self.ready(evaluator, Nested { body: Value::Object(body), inherited })
    }
}

/// Evaluates the body of a nested deployment. The evaluator records errors and dependencies.
pub(super) fn fill(evaluator: &mut Evaluator<'_>, resource: &Declared) -> (Map<String, Value>, Inherited) {
    let frame = resource.frame(Phase::Deploying);
    let root = JsonPath::Root(&resource.place);
    let mut own = resource.own(evaluator.inputs.template);
    let properties = take(&mut own, "properties");
    let mut body = evaluator.fill_object(&own, &frame, Some(&root)).unwrap_or_default();
    let mut inherited = Inherited::default();
    let place = JsonPath::Property(&root, "properties");
    let Some(Value::Object(properties)) = properties else {
        evaluator.flaws.push(code::STRUCTURE, place.to_string(), "A nested deployment must have properties.");
        return (body, inherited);
    };
    let mut nested = Filler { evaluator, inherited: &mut inherited };
    let properties = nested.properties(&properties, &frame, &place);
    body.insert("properties".to_owned(), properties.into());
    (body, inherited)
}

/// Returns whether the body of a resource is a nested deployment whose template has expressions of its own.
pub(super) fn has_own_template(body: &Map<String, Value>) -> bool {
    let properties = property(body, "properties").and_then(Value::as_object);
    has_type_of_deployment(body)
        && properties.is_some_and(|properties| scope_text(properties) == Some("inner"))
}

fn has_type_of_deployment(body: &Map<String, Value>) -> bool {
    property(body, "type").and_then(Value::as_str).is_some_and(is_deployment)
}

/// Returns the scope of evaluation as it is written: `inner`, or anything else.
fn scope_text(properties: &Map<String, Value>) -> Option<&str> {
    let options = property(properties, "expressionEvaluationOptions")?.as_object()?;
    let scope = property(options, "scope")?.as_str()?;
    Some(if scope.eq_ignore_ascii_case("inner") { "inner" } else { scope })
}

struct Filler<'e, 'w> {
    evaluator: &'e mut Evaluator<'w>,
    inherited: &'e mut Inherited,
}

impl Filler<'_, '_> {
    /// Evaluates the properties of a nested deployment, except for a template with expressions of its own.
    fn properties(
        &mut self,
        properties: &Map<String, Value>,
        frame: &Frame<'_>,
        place: &JsonPath<'_>,
    ) -> Map<String, Value> {
        let scope = scope_text(properties).unwrap_or("outer");
        if !["inner", "outer", "notspecified"].iter().any(|known| known.eq_ignore_ascii_case(scope)) {
            let why = format!("The scope of a nested template is 'inner' or 'outer', not '{scope:.60}'.");
            let place = format!("{place}.expressionEvaluationOptions.scope");
            self.evaluator.flaws.push(code::STRUCTURE, place, why);
        }
        let mut filled = Map::new();
        for (key, value) in properties {
            let place = JsonPath::Property(place, key);
            let value = match key.to_ascii_lowercase().as_str() {
                "expressionevaluationoptions" => continue,
                "template" if scope == "inner" => self.kept(value, &place),
                "template" => {
                    self.inherited.evaluated = true;
                    self.outer(value, frame, &place)
                }
                "parameters" => self.parameters(value, frame, &place),
                _ => self.value(value, frame, &place),
            };
            filled.insert(key.clone(), value);
        }
        filled
    }

    /// Evaluates the values of parameters, and records those that derive from secrets.
    fn parameters(&mut self, given: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let Value::Object(given) = given else {
            self.evaluator.tainted = false;
            let filled = self.value(given, frame, place);
            if self.evaluator.tainted {
                let names = filled.as_object().into_iter().flat_map(Map::keys);
                self.inherited.parameters.extend(names.map(|name| name.to_ascii_lowercase()));
            }
            return filled;
        };
        let mut filled = Map::new();
        for (name, entry) in given {
            self.evaluator.tainted = false;
            let place = JsonPath::Property(place, name);
            filled.insert(name.clone(), self.value(entry, frame, &place));
            if self.evaluator.tainted {
                self.inherited.parameters.insert(name.to_ascii_lowercase());
            }
        }
        filled.into()
    }

    /// Evaluates a template whose expressions belong to the template around it.
    fn outer(&mut self, template: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let Value::Object(parts) = template else { return self.literal(template, frame, place) };
        let mut filled = Map::new();
        for (key, value) in parts {
            let place = JsonPath::Property(place, key);
            let value = match (key.to_ascii_lowercase().as_str(), value) {
                ("resources", value) => self.resources(value, frame, &place),
                ("outputs", Value::Object(outputs)) => self.outputs(outputs, frame, &place),
                // No expression of the template around it refers to the other parts.
                (_, value) => value.clone(),
            };
            filled.insert(key.clone(), value);
        }
        filled.into()
    }

    fn outputs(&mut self, outputs: &Map<String, Value>, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let mut filled = Map::new();
        for (name, output) in outputs {
            self.evaluator.tainted = false;
            let place = JsonPath::Property(place, name);
            filled.insert(name.clone(), self.literal(output, frame, &place));
            if self.evaluator.tainted {
                self.inherited.outputs.insert(name.to_ascii_lowercase());
            }
        }
        filled.into()
    }

    /// Evaluates resources. A loop becomes its resources, since its expressions are known only here.
    fn resources(&mut self, resources: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let list = match resources {
            Value::Array(list) => list,
            Value::Object(by_symbol) => return self.symbols(by_symbol, frame, place),
            other => return self.literal(other, frame, place),
        };
        let mut filled = Vec::with_capacity(list.len());
        let mut loops: HashMap<String, Vec<Value>> = HashMap::new();
        for (i, resource) in list.iter().enumerate() {
            let place = JsonPath::Element(place, i);
            let Some((name, count)) = loop_of(resource) else {
                filled.push(self.resource(resource, frame, &place));
                continue;
            };
            let copies = self.copies(resource, (name, count), frame, &place);
            loops
                .entry(name.to_ascii_lowercase())
                .or_default()
                .extend(copies.iter().filter_map(type_and_name));
            filled.extend(copies);
        }
        for resource in filled.iter_mut().filter(|_| !loops.is_empty()) {
            self.name_members(resource, &loops, place);
        }
        filled.into()
    }

    /// Evaluates resources with symbolic names. The resources of a loop get the symbols `symbol[0]`, `symbol[1]`….
    fn symbols(&mut self, by_symbol: &Map<String, Value>, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let mut filled = Map::new();
        let mut loops: HashMap<String, Vec<Value>> = HashMap::new();
        for (symbol, resource) in by_symbol {
            let place = JsonPath::Property(place, symbol);
            let Some(of_loop) = loop_of(resource) else {
                filled.insert(symbol.clone(), self.resource(resource, frame, &place));
                continue;
            };
            let members = loops.entry(symbol.to_ascii_lowercase()).or_default();
            for (index, one) in self.copies(resource, of_loop, frame, &place).into_iter().enumerate() {
                let own = format!("{symbol}[{index}]");
                members.push(own.as_str().into());
                filled.insert(own, one);
            }
        }
        for resource in filled.values_mut().filter(|_| !loops.is_empty()) {
            self.name_members(resource, &loops, place);
        }
        filled.into()
    }

    /// Evaluates the resources of a loop.
    fn copies(
        &mut self,
        resource: &Value,
        (name, count): (&str, &Value),
        frame: &Frame<'_>,
        place: &JsonPath<'_>,
    ) -> Vec<Value> {
        let mut copies = Vec::new();
        for index in 0..self.count(count, frame, place) {
            // Charged even for an empty resource, because nested loops multiply.
            if !self.spend(1, place) {
                break;
            }
            let binding = Binding::Copy { name: name.to_owned(), index, anonymous: true };
            copies.push(self.resource(resource, &frame.with(binding), place));
        }
        copies
    }

    /// Replaces the names of loops in `dependsOn` by the resources of the loops.
    fn name_members(
        &mut self,
        resource: &mut Value,
        loops: &HashMap<String, Vec<Value>>,
        place: &JsonPath<'_>,
    ) {
        let body = resource.as_object_mut().into_iter().flatten();
        let depends_on = body.filter(|(key, _)| key.eq_ignore_ascii_case("dependsOn"));
        for list in depends_on.filter_map(|(_, value)| value.as_array_mut()) {
            let mut named = Vec::with_capacity(list.len());
            for entry in std::mem::take(list) {
                let members = entry.as_str().and_then(|name| loops.get(&name.to_ascii_lowercase()));
                match members {
                    // One entry can refer to hundreds of resources.
                    Some(members) if self.spend(members.len() as u64, place) => {
                        named.extend_from_slice(members)
                    }
                    Some(_) => return,
                    None => named.push(entry),
                }
            }
            *list = named;
        }
    }

    /// Charges the budget. Returns false after it is exceeded, which is recorded.
    fn spend(&mut self, cost: u64, place: &JsonPath<'_>) -> bool {
        let spent = self.evaluator.spend(cost);
        let is_left = spent.is_ok();
        // The error is recorded; there is no value.
        let _ = self.evaluator.settle(spent.map(|()| Value::Null), Some(place));
        is_left
    }

    fn count(&mut self, count: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> i64 {
        let counted = self.evaluator.fill(count, frame, None).and_then(|count| copies(&count));
        counted.unwrap_or_else(|fault| {
            let place = JsonPath::Property(place, "copy");
            // The error is recorded; the value is a placeholder then.
            let _ = self.evaluator.settle(Err(fault), Some(&place));
            0
        })
    }

    fn resource(&mut self, resource: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        let Value::Object(body) = resource else { return self.literal(resource, frame, place) };
        let is_deployment = has_type_of_deployment(body);
        let mut filled = Map::new();
        for (key, value) in body {
            let place = JsonPath::Property(place, key);
            let value = match (key.to_ascii_lowercase().as_str(), value) {
                ("copy", Value::Object(_)) => continue,
                ("metadata", value) => value.clone(),
                ("resources", value) => self.resources(value, frame, &place),
                ("properties", Value::Object(properties)) if is_deployment => {
                    self.properties_within(properties, frame, &place)
                }
                (_, value) => self.literal(value, frame, &place),
            };
            filled.insert(key.clone(), value);
        }
        filled.into()
    }

    /// Evaluates the properties of a deployment that is nested in a nested template: all that belongs to the
    /// template around both.
    fn properties_within(
        &mut self,
        properties: &Map<String, Value>,
        frame: &Frame<'_>,
        place: &JsonPath<'_>,
    ) -> Value {
        let is_inner = scope_text(properties) == Some("inner");
        let mut filled = Map::new();
        for (key, value) in properties {
            let place = JsonPath::Property(place, key);
            let value = match key.to_ascii_lowercase().as_str() {
                "template" if is_inner => self.kept(value, &place),
                "template" => self.outer(value, frame, &place),
                _ => self.literal(value, frame, &place),
            };
            filled.insert(key.clone(), value);
        }
        filled.into()
    }

    /// Returns a template that is not evaluated. It is charged, because each iteration of a loop keeps a copy: less
    /// than a value, because modules within modules are copied once for each level.
    fn kept(&mut self, template: &Value, place: &JsonPath<'_>) -> Value {
        let most = self.evaluator.budget.saturating_mul(COPIES_FOR_A_VALUE);
        // What is too large or too deep takes all that is left.
        let cost = cost_of(template, most).map_or(u64::MAX, |cost| cost / COPIES_FOR_A_VALUE);
        if self.spend(cost, place) { template.clone() } else { Value::Null }
    }

    fn value(&mut self, value: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        self.evaluator.fill(value, frame, Some(place)).unwrap_or_default()
    }

    /// Evaluates a value to one that evaluates to itself. What derives from secrets stays secret in it.
    fn literal(&mut self, value: &Value, frame: &Frame<'_>, place: &JsonPath<'_>) -> Value {
        self.evaluator.trail = Some(String::new());
        let filled = self.value(value, frame, place);
        self.evaluator.trail = None;
        let places = std::mem::take(&mut self.evaluator.secret_places);
        places.iter().filter_map(|at| filled.pointer(at)).for_each(|found| self.inherited.learn(found));
        escaped(filled)
    }
}

/// Returns the name and the count of a resource's loop.
fn loop_of(resource: &Value) -> Option<(&str, &Value)> {
    let copy = property(resource.as_object()?, "copy")?.as_object()?;
    Some((property(copy, "name")?.as_str()?, property(copy, "count")?))
}

/// Returns what an entry of `dependsOn` calls a resource.
fn type_and_name(resource: &Value) -> Option<Value> {
    let body = resource.as_object()?;
    let text = |name: &str| property(body, name)?.as_str();
    Some(format!("{}/{}", text("type")?, text("name")?).into())
}

fn escaped(value: Value) -> Value {
    match value {
        Value::String(text) => escape(text).into(),
        Value::Array(list) => list.into_iter().map(escaped).collect(),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| (escape(key), escaped(value))).collect())
        }
        other => other,
    }
}
