//! Dependencies between resources, and the order of deployment. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::declared::Declared;
use super::evaluate::{Evaluator, Phase};
use super::fault::EvalError;
use super::fill::JsonPath;
use super::names::{Found, Names};
use super::resource::property;
use super::value::kind;
use crate::violation::Violations;
use crate::violation::code::template as code;

/// Returns the indices of the resources that each one depends on, by `dependsOn` or as their child.
pub(super) fn dependencies(
    evaluator: &mut Evaluator<'_>,
    resources: &[Declared],
    names: &Names,
) -> Vec<BTreeSet<usize>> {
    let mut by_id: HashMap<String, usize> = HashMap::new();
    let mut by_loop: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, resource) in resources.iter().enumerate() {
        if by_id.insert(resource.id.to_ascii_lowercase(), at).is_some() && resource.wanted {
            let why = format!("The template defines '{}' more than once.", resource.id);
            evaluator.flaws.push(code::RESOURCE, format!("{}.name", resource.place), why);
        }
        if let Some((name, _)) = &resource.turn {
            by_loop.entry(name.to_ascii_lowercase()).or_default().push(at);
        }
    }
    let known = Known { by_id, by_loop, names };
    resources.iter().map(|resource| of_one(evaluator, resource, &known)).collect()
}

struct Known<'n> {
    by_id: HashMap<String, usize>,
    by_loop: HashMap<String, Vec<usize>>,
    names: &'n Names,
}

impl Known<'_> {
    /// Resolves an entry of `dependsOn`: an ID, a name, a symbol, a loop, or type and name.
    fn find(&self, text: &str, group: &str) -> Option<Vec<usize>> {
        let one = |id: &str| self.by_id.get(&id.to_ascii_lowercase()).map(|at| vec![*at]);
        let of_loop = || self.by_loop.get(&text.to_ascii_lowercase()).cloned();
        match self.names.find(text) {
            Found::One(id) => one(&id),
            Found::Several => None,
            Found::None => one(text).or_else(of_loop).or_else(|| one(&format!("{group}/providers/{text}"))),
        }
    }
}

fn of_one(evaluator: &mut Evaluator<'_>, resource: &Declared, known: &Known<'_>) -> BTreeSet<usize> {
    let group = evaluator.world.context.group_id();
    let mut waits = BTreeSet::new();
    // A child resource is deployed after its parents.
    let mut whole = resource.id.as_str();
    while let Some((shorter, _)) = whole.rsplit_once('/') {
        whole = shorter;
        waits.extend(known.by_id.get(&whole.to_ascii_lowercase()));
    }
    if !resource.wanted {
        return waits;
    }
    let template = evaluator.world.template;
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
                let found = known.find(&text, &group).ok_or_else(|| {
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
