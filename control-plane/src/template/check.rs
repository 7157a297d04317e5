//! Checks every expression before any is evaluated: even one in a branch that is never taken must be
//! well-formed and call existing functions.

use serde_json::{Map, Value};

use super::expression::{Expression, TemplateText, classify};
use super::fault::EvalError;
use super::function::{self, unknown};
use super::json_path::{JsonPath, ROOT};
use super::nested::has_own_template;
use super::parts::Template;
use super::special::arity_of;
use crate::violation::Violations;

/// Checks the whole template.
pub(super) fn check(json: &Value, template: &Template, flaws: &mut Violations) {
    look(json, &JsonPath::Root(ROOT), template, flaws);
}

fn look(value: &Value, place: &JsonPath<'_>, template: &Template, flaws: &mut Violations) {
    if flaws.is_full() {
        return;
    }
    match value {
        Value::String(text) => look_at_text(text, place, template, flaws),
        Value::Array(list) => {
            for (i, value) in list.iter().enumerate() {
                look(value, &JsonPath::Element(place, i), template, flaws);
            }
        }
        Value::Object(object) => {
            let has_own_template = has_own_template(object);
            for (key, value) in object {
                let properties = value.as_object().filter(|_| key.eq_ignore_ascii_case("properties"));
                let place = &JsonPath::Property(place, key);
                match properties.filter(|_| has_own_template) {
                    Some(properties) => look_at_members(properties, "template", place, template, flaws),
                    // Metadata is not evaluated.
                    None if key.eq_ignore_ascii_case("metadata") => {}
                    None => {
                        look_at_text(key, place, template, flaws);
                        look(value, place, template, flaws);
                    }
                }
            }
        }
        _ => {}
    }
}

fn look_at_members(
    object: &Map<String, Value>,
    except: &str,
    place: &JsonPath<'_>,
    template: &Template,
    flaws: &mut Violations,
) {
    for (key, value) in object.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(except)) {
        look(value, &JsonPath::Property(place, key), template, flaws);
    }
}

fn look_at_text(text: &str, place: &JsonPath<'_>, template: &Template, flaws: &mut Violations) {
    let TemplateText::Expression(text) = classify(text) else { return };
    let mut note = |fault: EvalError| {
        if let EvalError::Wrong(code, why) = fault.within(text) {
            flaws.push(code, place.to_string(), why);
        }
    };
    match Expression::read(text) {
        Ok(expression) => calls(&expression, template, &mut note),
        Err(why) => note(EvalError::expression(why)),
    }
}

/// Notes every wrong call in an expression.
fn calls(expression: &Expression, template: &Template, note: &mut impl FnMut(EvalError)) {
    match expression {
        Expression::Text(_) | Expression::Integer(_) => {}
        Expression::Access(of, steps) => {
            std::iter::once(of.as_ref()).chain(steps).for_each(|part| calls(part, template, note));
        }
        Expression::Call(name, arguments) => {
            if let Err(fault) = call(name, arguments.len(), template) {
                note(fault);
            }
            arguments.iter().for_each(|argument| calls(argument, template, note));
        }
    }
}

fn call(name: &str, count: usize, template: &Template) -> Result<(), EvalError> {
    let lower = name.to_ascii_lowercase();
    if let Some((least, most)) = arity_of(&lower) {
        return function::arity(name, least, most, count);
    }
    if let Some(function) = function::named(&lower) {
        return function.check(count);
    }
    let function = template.functions.get(&lower).ok_or_else(|| unknown(name))?;
    function::arity(name, function.parameters.len(), function.parameters.len(), count)
}
