//! Dependencies between resources, and the order of deployment. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::declared::Declared;
use super::evaluate::{Evaluator, Phase};
use super::fault::EvalError;
use super::json_path::JsonPath;
use super::names::{Found, Names};
use super::parts::Template;
use super::resource_id::usual;
use super::value::{kind, property};
use crate::arm::unserved::UnservedPath;
use crate::violation::Violations;
use crate::violation::code::template as code;

/// Returns the indices of the resources that each one depends on, by `dependsOn` or as their child.
pub(super) fn dependencies(
    evaluator: &mut Evaluator<'_>,
    resources: &[Declared],
    names: &Names,
) -> Vec<BTreeSet<usize>> {
    let mut known = Known::default();
    for (at, resource) in resources.iter().enumerate() {
        let id = resource.id.to_ascii_lowercase();
        let other = known.by_id.get(&id).is_some_and(|other| resources[*other].wanted);
        if other && resource.wanted {
            let why = format!("The template defines '{}' more than once.", resource.id);
            evaluator.flaws.push(code::RESOURCE, format!("{}.name", resource.place), why);
        }
        if !other {
            known.by_id.insert(id, at);
        }
        let mut add = |name: &str| known.by_word.entry(name.to_ascii_lowercase()).or_default().push(at);
        match (&resource.symbol, &resource.turn) {
            (Some(symbol), Some((loop_name, index))) => {
                add(symbol);
                add(&format!("{symbol}[{index}]"));
                if !loop_name.eq_ignore_ascii_case(symbol) {
                    add(loop_name);
                }
            }
            (Some(symbol), None) => add(symbol),
            (None, Some((name, _))) => add(name),
            (None, None) => {}
        }
    }
    resources.iter().map(|resource| of_one(evaluator, (resource, resources), &known, names)).collect()
}

/// The indices of resources by what an entry of `dependsOn` may name.
#[derive(Default)]
struct Known {
    by_id: HashMap<String, usize>,
    /// By symbol, by element of a loop with a symbol, and by the name of a loop.
    by_word: HashMap<String, Vec<usize>>,
}

impl Known {
    /// Resolves an entry of `dependsOn`: a symbol, a loop, an ID, a name, or type and name.
    fn find(&self, text: &str, scope: &str, names: &Names) -> Option<Vec<usize>> {
        let one = |id: &str| self.by_id.get(&usual(id).to_ascii_lowercase()).map(|at| vec![*at]);
        let of_word = || self.by_word.get(&text.to_ascii_lowercase()).cloned();
        // An empty loop is known by its symbol alone.
        let empty = || names.all_of(text).map(|_| Vec::new());
        let of_name = || match names.find(text) {
            Found::One(id) => one(&id),
            Found::Several | Found::None => None,
        };
        let of_type = || one(&format!("{scope}/providers/{}", text.trim_start_matches('/')));
        of_word().or_else(empty).or_else(of_name).or_else(|| one(text)).or_else(of_type)
    }

    /// Finds the resource of an unserved type that has the resource with this ID in a list of its properties, such as
    /// the network security group of a rule.
    fn find_holder(&self, id: &str, resources: &[Declared], template: &Template) -> Option<Vec<usize>> {
        let member = UnservedPath::parse(id).ok()?;
        let at = *self.by_id.get(&member.container()?.key())?;
        let body = &template.resources[resources[at].part].body;
        let holds = match property(body, "properties")? {
            Value::Object(properties) => {
                let loops = properties.get("copy").and_then(Value::as_array).into_iter().flatten();
                let mut names = loops.filter_map(|turn| turn["name"].as_str());
                property(properties, member.list()).is_some()
                    || names.any(|name| name.eq_ignore_ascii_case(member.list()))
            }
            // An expression makes all of them.
            other => other.is_string(),
        };
        holds.then(|| vec![at])
    }
}

fn of_one(
    evaluator: &mut Evaluator<'_>,
    (resource, resources): (&Declared, &[Declared]),
    known: &Known,
    names: &Names,
) -> BTreeSet<usize> {
    let scope = evaluator.inputs.context.scope_id();
    let mut waits = BTreeSet::new();
    // A child resource is deployed after its parents.
    let mut whole = resource.id.as_str();
    while let Some((shorter, _)) = whole.rsplit_once('/') {
        whole = shorter;
        waits.extend(known.by_id.get(&whole.to_ascii_lowercase()));
    }
    if !resource.is_there() {
        return waits;
    }
    let template = evaluator.inputs.template;
    let part = &template.resources[resource.part];
    let root = JsonPath::Root(&resource.place);
    let place = JsonPath::Property(&root, "dependsOn");
    let list = match property(&part.body, "dependsOn") {
        None => return waits,
        Some(Value::Array(list)) => list.as_slice(),
        Some(other) => std::slice::from_ref(other),
    };
    let frame = resource.frame(Phase::Planning);
    for (i, entry) in list.iter().enumerate() {
        let place = JsonPath::Element(&place, i);
        let found = match evaluator.fill(entry, &frame, None) {
            Ok(Value::String(text)) => {
                let found = known.find(&text, &scope, names);
                let found = found.or_else(|| known.find_holder(&text, resources, template));
                let found = found.ok_or_else(|| {
                    let why = format!(
                        "The resource '{text:.300}' is not defined in the template, or is ambiguous."
                    );
                    EvalError::Wrong(code::DEPENDENCY, why)
                });
                // One entry can refer to hundreds of resources.
                found.and_then(|found| evaluator.spend(found.len() as u64).map(|()| found))
            }
            Ok(other) => {
                Err(EvalError::expression(format!("A dependency must be a string, not {}.", kind(&other))))
            }
            Err(fault) => Err(fault),
        };
        match found {
            Ok(found) => waits.extend(found),
            Err(fault) => {
                // The error is recorded; the value is a placeholder then.
                let _ = evaluator.settle(Err(fault), Some(&place));
            }
        }
    }
    waits
}

/// Replaces the dependency on an existing resource by what that one waits for, and drops the dependency on a
/// resource that is not deployed. `order` has each resource after those that it waits for.
pub(super) fn through_existing(resources: &[Declared], waits: &mut [BTreeSet<usize>], order: &[usize]) {
    for at in order {
        let mut direct = BTreeSet::new();
        for other in &waits[*at] {
            match &resources[*other] {
                other_resource if other_resource.wanted => drop(direct.insert(*other)),
                other_resource if other_resource.existing => direct.extend(&waits[*other]),
                _ => {}
            }
        }
        waits[*at] = direct;
    }
}

/// Returns an order in which each resource follows its dependencies; otherwise the template's order.
pub(super) fn order(resources: &[Declared], waits: &[BTreeSet<usize>], flaws: &mut Violations) -> Vec<usize> {
    let mut missing: Vec<usize> = waits.iter().map(BTreeSet::len).collect();
    let mut followers = vec![Vec::new(); resources.len()];
    for (at, others) in waits.iter().enumerate() {
        others.iter().for_each(|other| followers[*other].push(at));
    }
    let mut ready: BTreeSet<usize> = (0..resources.len()).filter(|at| missing[*at] == 0).collect();
    let mut order = Vec::with_capacity(resources.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for follower in &followers[next] {
            missing[*follower] -= 1;
            if missing[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    let left: Vec<&Declared> =
        (0..).zip(resources).filter(|(at, _)| missing[*at] > 0).map(|(_, left)| left).collect();
    if let Some(first) = left.first() {
        let names: Vec<&str> = left.iter().take(10).map(|resource| resource.id.as_str()).collect();
        let why = format!("These resources depend on each other: {}.", names.join(", "));
        flaws.push(code::DEPENDENCY, &first.place, why);
    }
    order
}
