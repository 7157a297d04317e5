//! The functions that take a lambda, which is evaluated once for each element.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::evaluate::{Binding, Evaluator, Frame};
use super::expression::Expression;
use super::fault::{EvalError, EvalResult};
use super::value::kind;

/// A lambda: its parameter names and its body.
struct Lambda<'e> {
    names: Vec<String>,
    body: &'e Expression,
}

impl<'e> Lambda<'e> {
    fn read(expression: &'e Expression) -> Result<Lambda<'e>, EvalError> {
        let Expression::Call(name, arguments) = expression else { return Err(no_lambda()) };
        let Some((body, names)) = arguments.split_last().filter(|_| name.eq_ignore_ascii_case("lambda"))
        else {
            return Err(no_lambda());
        };
        let names = names.iter().map(|name| match name {
            Expression::Text(name) => Ok(name.clone()),
            _ => Err(no_lambda()),
        });
        Ok(Lambda { names: names.collect::<Result<_, _>>()?, body })
    }

    /// Evaluates the body with these arguments; surplus arguments are ignored.
    fn call(&self, evaluator: &mut Evaluator<'_>, values: Vec<Value>, frame: &Frame<'_>) -> EvalResult {
        let binding = Binding::Lambda(self.names.iter().cloned().zip(values).collect());
        evaluator.expression(self.body, &frame.with(binding))
    }

    fn holds(
        &self,
        evaluator: &mut Evaluator<'_>,
        values: Vec<Value>,
        frame: &Frame<'_>,
    ) -> Result<bool, EvalError> {
        match self.call(evaluator, values, frame)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(EvalError::expression(format!(
                "The lambda must return true or false, not {}.",
                kind(&other)
            ))),
        }
    }

    fn key(
        &self,
        evaluator: &mut Evaluator<'_>,
        value: &Value,
        frame: &Frame<'_>,
    ) -> Result<String, EvalError> {
        match self.call(evaluator, vec![value.clone()], frame)? {
            Value::String(key) => Ok(key),
            other => {
                Err(EvalError::expression(format!("The lambda must return a string, not {}.", kind(&other))))
            }
        }
    }
}

fn no_lambda() -> EvalError {
    EvalError::expression("A lambda is expected here: lambda('name', …, body).")
}

impl Evaluator<'_> {
    /// Calls one of the functions that `special` delegates.
    pub(super) fn with_lambda(
        &mut self,
        lower: &str,
        arguments: &[Expression],
        frame: &Frame<'_>,
    ) -> EvalResult {
        let over = self.expression(&arguments[0], frame)?;
        if lower == "mapvalues" {
            return self.map_values(over, &Lambda::read(&arguments[1])?, frame);
        }
        let Value::Array(list) = over else {
            return Err(EvalError::expression(format!(
                "The function '{lower}' expects an array, not {}.",
                kind(&over)
            )));
        };
        match lower {
            "map" => self.map(list, &Lambda::read(&arguments[1])?, frame),
            "filter" => self.filter(list, &Lambda::read(&arguments[1])?, frame),
            "sort" => self.sort(list, &Lambda::read(&arguments[1])?, frame).map(Value::Array),
            "groupby" => self.group(list, &Lambda::read(&arguments[1])?, frame),
            "reduce" => {
                let first = self.expression(&arguments[1], frame)?;
                self.reduce(list, first, &Lambda::read(&arguments[2])?, frame)
            }
            _ => {
                let value = arguments.get(2).map(Lambda::read).transpose()?;
                self.make_object(list, &Lambda::read(&arguments[1])?, value.as_ref(), frame)
            }
        }
    }

    fn map(&mut self, list: Vec<Value>, lambda: &Lambda<'_>, frame: &Frame<'_>) -> EvalResult {
        let mut mapped = Vec::with_capacity(list.len());
        for (i, value) in list.into_iter().enumerate() {
            mapped.push(lambda.call(self, vec![value, i.into()], frame)?);
        }
        Ok(mapped.into())
    }

    fn map_values(&mut self, object: Value, lambda: &Lambda<'_>, frame: &Frame<'_>) -> EvalResult {
        let Value::Object(object) = object else {
            return Err(EvalError::expression(format!(
                "mapValues expects an object, not {}.",
                kind(&object)
            )));
        };
        let mut mapped = Map::new();
        for (key, value) in object {
            mapped.insert(key, lambda.call(self, vec![value], frame)?);
        }
        Ok(mapped.into())
    }

    fn filter(&mut self, list: Vec<Value>, lambda: &Lambda<'_>, frame: &Frame<'_>) -> EvalResult {
        let mut kept = Vec::new();
        for (i, value) in list.into_iter().enumerate() {
            if lambda.holds(self, vec![value.clone(), i.into()], frame)? {
                kept.push(value);
            }
        }
        Ok(kept.into())
    }

    fn reduce(
        &mut self,
        list: Vec<Value>,
        first: Value,
        lambda: &Lambda<'_>,
        frame: &Frame<'_>,
    ) -> EvalResult {
        let mut total = first;
        for (i, value) in list.into_iter().enumerate() {
            total = lambda.call(self, vec![total, value, i.into()], frame)?;
        }
        Ok(total)
    }

    /// A merge sort, because the one of the standard library may panic on an inconsistent order, and the order
    /// is untrusted.
    fn sort(
        &mut self,
        list: Vec<Value>,
        before: &Lambda<'_>,
        frame: &Frame<'_>,
    ) -> Result<Vec<Value>, EvalError> {
        if list.len() < 2 {
            return Ok(list);
        }
        let mut left = list;
        let right = left.split_off(left.len() / 2);
        let left = self.sort(left, before, frame)?;
        let right = self.sort(right, before, frame)?;
        let mut sorted = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            // Each comparison copies both elements, so the cost of sorting is charged per comparison.
            self.charge(a)?;
            self.charge(b)?;
            // Stable: of two equal elements the left one comes first.
            let order = match before.holds(self, vec![b.clone(), a.clone()], frame)? {
                true => Ordering::Greater,
                false => Ordering::Less,
            };
            let next = if order == Ordering::Greater { right.next() } else { left.next() };
            sorted.extend(next);
        }
        sorted.extend(left);
        sorted.extend(right);
        Ok(sorted)
    }

    fn group(&mut self, list: Vec<Value>, lambda: &Lambda<'_>, frame: &Frame<'_>) -> EvalResult {
        let mut groups = Map::new();
        for value in list {
            let key = lambda.key(self, &value, frame)?;
            let group = groups.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(group) = group {
                group.push(value);
            }
        }
        Ok(groups.into())
    }

    fn make_object(
        &mut self,
        list: Vec<Value>,
        key: &Lambda<'_>,
        value: Option<&Lambda<'_>>,
        frame: &Frame<'_>,
    ) -> EvalResult {
        let mut object = Map::new();
        for element in list {
            let key = key.key(self, &element, frame)?;
            let member = match value {
                Some(value) => value.call(self, vec![element], frame)?,
                None => element,
            };
            object.insert(key, member);
        }
        Ok(object.into())
    }
}
