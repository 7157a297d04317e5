//! Evaluates JSON with expressions: strings, keys that are expressions, and copy loops of properties.

use serde_json::{Map, Value};

use super::evaluate::{Binding, Evaluator, Frame, of_text};
use super::fault::{EvalError, EvalResult};
use super::json_path::JsonPath;
use super::parts::Variable;
use super::value::kind;
use crate::violation::code::template as code;

/// The maximum number of iterations of one copy loop, as in ARM.
pub(super) const MAX_COPIES: i64 = 800;

impl Evaluator<'_> {
    /// Evaluates the expressions in a value.
    ///
    /// With a place, errors are added to `flaws`, dependencies set `pending`, and evaluation continues; the
    /// value is unusable then. Without a place, the first error ends the evaluation.
    pub(super) fn fill(
        &mut self,
        value: &Value,
        frame: &Frame<'_>,
        place: Option<&JsonPath<'_>>,
    ) -> EvalResult {
        let outcome = self.deeper(|evaluator| evaluator.fill_one(value, frame, place));
        self.settle(outcome, place)
    }

    fn fill_one(&mut self, value: &Value, frame: &Frame<'_>, place: Option<&JsonPath<'_>>) -> EvalResult {
        self.spend(1)?;
        match value {
            Value::String(text) => self.leaf(text, frame),
            Value::Array(list) => {
                let mut filled = Vec::with_capacity(list.len());
                for (i, value) in list.iter().enumerate() {
                    let place = place.map(|place| JsonPath::Element(place, i));
                    filled
                        .push(self.below(&i.to_string(), |inner| inner.fill(value, frame, place.as_ref()))?);
                }
                Ok(filled.into())
            }
            Value::Object(object) => self.fill_object(object, frame, place).map(Value::Object),
            other => Ok(other.clone()),
        }
    }

    /// Evaluates an object, like [`Evaluator::fill`].
    pub(super) fn fill_object(
        &mut self,
        object: &Map<String, Value>,
        frame: &Frame<'_>,
        place: Option<&JsonPath<'_>>,
    ) -> Result<Map<String, Value>, EvalError> {
        let loops = object.get("copy").and_then(loops_of);
        let mut filled = Map::new();
        for (key, value) in object {
            if loops.is_some() && key == "copy" {
                continue;
            }
            let place = place.map(|place| JsonPath::Property(place, key));
            let (outcome, is_secret) = self.watched(key, frame);
            let key = match self.settle(outcome, place.as_ref())? {
                Value::String(key) => key,
                other => {
                    let why = format!("The name of a property must be a string, not {}.", kind(&other));
                    self.settle(Err(EvalError::expression(why)), place.as_ref())?;
                    key.clone()
                }
            };
            let value = self.below(&key, |inner| {
                inner.note_secret(is_secret)?;
                inner.fill(value, frame, place.as_ref())
            })?;
            filled.insert(key, value);
        }
        for (i, turn) in loops.unwrap_or_default().into_iter().enumerate() {
            let place = place.map(|place| JsonPath::Property(place, "copy"));
            let place = place.as_ref().map(|place| JsonPath::Element(place, i));
            let list = self.below(turn.name, |inner| inner.repeat(&turn, frame, place.as_ref()));
            let list = self.settle(list, place.as_ref())?;
            filled.insert(turn.name.to_owned(), list);
        }
        Ok(filled)
    }

    fn repeat(&mut self, turn: &Loop<'_>, frame: &Frame<'_>, place: Option<&JsonPath<'_>>) -> EvalResult {
        let count = self.aside(|evaluator| evaluator.fill(turn.count, frame, None))?;
        let count = copies(&count)?;
        let mut list = Vec::new();
        for index in 0..count {
            // An error here is not recorded per iteration: once the budget is exceeded, the outer loops end as
            // well.
            self.spend(1)?;
            let binding = Binding::Copy { name: turn.name.to_owned(), index, anonymous: false };
            let place = place.map(|place| JsonPath::Property(place, "input"));
            let inner = frame.with(binding);
            let step = index.to_string();
            list.push(self.below(&step, |evaluator| evaluator.fill(turn.input, &inner, place.as_ref()))?);
        }
        Ok(list.into())
    }

    /// Evaluates a string, and records its place if the value derives from a secret.
    fn leaf(&mut self, text: &str, frame: &Frame<'_>) -> EvalResult {
        let (value, is_secret) = self.watched(text, frame);
        self.note_secret(is_secret)?;
        value
    }

    /// Evaluates a string. Also returns whether the value derives from a secret, as far as places are recorded.
    fn watched(&mut self, text: &str, frame: &Frame<'_>) -> (EvalResult, bool) {
        let before = std::mem::take(&mut self.tainted);
        let value = self.aside(|evaluator| evaluator.text(text, frame));
        // A template around this one may have written a secret into the text.
        let inherited = |value: &Value| self.inputs.inherited_secrets.are_parts_of(value);
        let is_secret = self.trail.is_some() && (self.tainted || value.as_ref().is_ok_and(inherited));
        self.tainted |= before;
        (value, is_secret)
    }

    /// Records the place of the value that is being filled.
    fn note_secret(&mut self, is_secret: bool) -> Result<(), EvalError> {
        if is_secret && let Some(trail) = &self.trail {
            let place = trail.clone();
            // One long name can be a part of many places.
            self.spend(of_text(&place))?;
            self.secret_places.insert(place);
        }
        Ok(())
    }

    /// Evaluates a member of the value that is being filled.
    fn below(&mut self, step: &str, fill: impl FnOnce(&mut Self) -> EvalResult) -> EvalResult {
        let length = self.trail.as_ref().map(String::len);
        if let Some(trail) = &mut self.trail {
            trail.push('/');
            trail.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        let outcome = fill(self);
        if let (Some(trail), Some(length)) = (&mut self.trail, length) {
            trail.truncate(length);
        }
        outcome
    }

    /// Evaluates something that is no part of the value that is being filled.
    fn aside(&mut self, evaluate: impl FnOnce(&mut Self) -> EvalResult) -> EvalResult {
        let trail = self.trail.take();
        let outcome = evaluate(self);
        self.trail = trail;
        outcome
    }

    /// Evaluates a variable. A loop yields a list.
    pub(super) fn fill_variable(&mut self, variable: &Variable) -> EvalResult {
        let frame = Frame::new(super::evaluate::Phase::Planning);
        match variable {
            Variable::Plain(value) => self.fill(value, &frame, None),
            Variable::Loop(value) => match loop_of(value) {
                Some(turn) => self.repeat(&turn, &frame, None),
                None => Err(EvalError::expression("A copy loop must have a name, a count and an input.")),
            },
        }
    }

    /// Records an error if there is a place to report.
    pub(super) fn settle(&mut self, outcome: EvalResult, place: Option<&JsonPath<'_>>) -> EvalResult {
        match (outcome, place) {
            (Err(EvalError::Wrong(code, why)), Some(place)) => {
                if !self.flaws.is_full() {
                    self.flaws.push(code, place.to_string(), why);
                }
                Ok(Value::Null)
            }
            (Err(EvalError::Pending), Some(_)) => {
                self.pending = true;
                Ok(Value::Null)
            }
            (outcome, _) => outcome,
        }
    }
}

/// Checks the number of iterations of a loop.
pub(super) fn copies(count: &Value) -> Result<i64, EvalError> {
    match count.as_i64() {
        Some(count) if (0..=MAX_COPIES).contains(&count) => Ok(count),
        _ => Err(EvalError::Wrong(
            code::LIMIT,
            format!("The count of a copy loop must be an integer from 0 to {MAX_COPIES}."),
        )),
    }
}

struct Loop<'v> {
    name: &'v str,
    count: &'v Value,
    input: &'v Value,
}

fn loop_of(value: &Value) -> Option<Loop<'_>> {
    let object = value.as_object()?;
    Some(Loop {
        name: object.get("name")?.as_str()?,
        count: object.get("count")?,
        input: object.get("input")?,
    })
}

/// Returns the loops of a `copy` property; `None` if it is an ordinary property of that name.
fn loops_of(value: &Value) -> Option<Vec<Loop<'_>>> {
    value.as_array().filter(|list| !list.is_empty())?.iter().map(loop_of).collect()
}
