//! Arranges a plan: the names of resources, what each waits for, and the order of deployment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::declared::Declared;
use super::evaluate::{Evaluator, Frame, Phase};
use super::fault::EvalError;
use super::json_path::{JsonPath, ROOT};
use super::kinds::is_deployment;
use super::names::Names;
use super::nested;
use super::order::{dependencies, order, through_existing};
use super::resource::{MAX_RESOURCES, declare};
use super::{FilledBody, MAX_FOREIGN, Plan, References, Resource, output};
use crate::violation::Violations;
use crate::violation::code::template as code;

impl Plan {
    /// Determines the names of resources, their references and the order of deployment.
    pub(super) fn arrange(&mut self) -> Result<(), Violations> {
        let nothing = (References::new(), Names::default());
        let mut naming = self.evaluator(&nothing.0, &nothing.1);
        let declared = declare(&mut naming);
        let names = Names::of(&declared, self.template.loops());
        let mut waits = dependencies(&mut naming, &declared, &names);
        check_asserts(&mut naming);
        self.spent(&naming);
        let mut flaws = std::mem::take(&mut naming.flaws);
        let mut evaluator = self.evaluator(&nothing.0, &names);
        let (mut foreign, mut bodies) = (BTreeSet::new(), BTreeMap::new());
        let sources = Sources::of(&declared, &waits);
        for (at, resource) in declared.iter().enumerate().filter(|(_, resource)| resource.wanted) {
            let body = fill_body(&mut evaluator, resource);
            if evaluator.budget == 0 || evaluator.flaws.is_full() {
                break;
            }
            // The request of a nested deployment is evaluated when it is planned.
            if !std::mem::take(&mut evaluator.pending) && !is_deployment(&resource.kind) {
                bodies.insert(at, body);
            }
            for id in std::mem::take(&mut evaluator.missing) {
                match sources.find(&id, Some(at)) {
                    Some(other) => drop(waits[at].insert(other)),
                    None => drop(foreign.insert(id)),
                }
            }
            if foreign.len() > MAX_FOREIGN {
                break;
            }
        }
        output::outputs(&mut evaluator);
        self.spent(&evaluator);
        let missing = std::mem::take(&mut evaluator.missing);
        foreign.extend(missing.into_iter().filter(|id| sources.find(id, None).is_none()));
        if foreign.len() > MAX_FOREIGN {
            let why =
                format!("The template refers to more than {MAX_FOREIGN} resources that it does not deploy.");
            evaluator.flaws.push(code::LIMIT, ROOT, why);
        }
        flaws.0.append(&mut evaluator.flaws.0);
        let order = order(&declared, &waits, &mut flaws);
        if !flaws.is_empty() {
            return Err(flaws);
        }
        through_existing(&declared, &mut waits, &order);
        let wanted = declared.iter().filter(|resource| resource.wanted).count();
        if !self.allowance.take_resources(wanted) {
            let why = format!(
                "The deployment, with all that are nested in it, has more than {MAX_RESOURCES} resources."
            );
            flaws.push(code::LIMIT, ROOT, why);
            return Err(flaws);
        }
        let resources = in_order(&declared, &waits, &order);
        self.bodies = resources.iter().map(|resource| bodies.remove(&resource.declared)).collect();
        (self.resources, self.foreign) = (resources, foreign);
        (self.declared, self.names) = (declared, names);
        Ok(())
    }
}

/// The resources of the template after whose deployment a resource can be looked up, by lower-case ID.
struct Sources {
    deployed: HashMap<String, usize>,
    /// Existing resources that wait for deployed ones.
    existing: HashMap<String, usize>,
}

impl Sources {
    fn of(declared: &[Declared], waits: &[BTreeSet<usize>]) -> Sources {
        let mut users = vec![Vec::new(); declared.len()];
        for (at, others) in waits.iter().enumerate().filter(|(at, _)| declared[*at].existing) {
            others.iter().for_each(|other| users[*other].push(at));
        }
        let mut left: Vec<usize> = (0..declared.len()).filter(|at| declared[*at].wanted).collect();
        let id = |at: usize| declared[at].id.to_ascii_lowercase();
        let deployed = left.iter().map(|at| (id(*at), *at)).collect();
        let mut existing = HashMap::new();
        // Existing resources that wait for these, also through others.
        while let Some(at) = left.pop() {
            for user in std::mem::take(&mut users[at]) {
                if existing.insert(id(user), user).is_none() {
                    left.push(user);
                }
            }
        }
        Sources { deployed, existing }
    }

    /// Finds what must be deployed before `id` can be looked up: itself, what it waits for as an existing
    /// resource, or the resource of which it is a child. `None` if the template deploys nothing of it. A
    /// resource (`own`) does not wait for itself to look up its child.
    fn find(&self, id: &str, own: Option<usize>) -> Option<usize> {
        if let Some(at) = self.deployed.get(id).or_else(|| self.existing.get(id)) {
            return Some(*at);
        }
        let parents = std::iter::successors(id.rsplit_once('/'), |(rest, _)| rest.rsplit_once('/'));
        let parent = parents.map(|(parent, _)| parent).find_map(|parent| self.deployed.get(parent).copied());
        parent.filter(|parent| Some(*parent) != own)
    }
}

/// Records every assertion that is not true.
fn check_asserts(evaluator: &mut Evaluator<'_>) {
    let root = format!("{ROOT}.asserts");
    let root = JsonPath::Root(&root);
    let template = evaluator.inputs.template;
    for (name, assertion) in &template.asserts {
        let place = JsonPath::Property(&root, name);
        let outcome = evaluator.fill(assertion, &Frame::new(Phase::Planning), None);
        if outcome == Ok(Value::Bool(true)) {
            continue;
        }
        let refuse = |_| Err(EvalError::expression(format!("The assertion '{name:.100}' is not true.")));
        // The error is recorded.
        let _ = evaluator.settle(outcome.and_then(refuse), Some(&place));
    }
}

/// Evaluates the body of a resource's PUT. The evaluator records errors and dependencies.
pub(super) fn fill_body(evaluator: &mut Evaluator<'_>, resource: &Declared) -> FilledBody {
    if is_deployment(&resource.kind) {
        let value = Value::Object(nested::fill(evaluator, resource).0);
        return FilledBody { value, secret_places: BTreeSet::new() };
    }
    let frame = resource.frame(Phase::Deploying);
    let root = JsonPath::Root(&resource.place);
    evaluator.trail = Some(String::new());
    let own = resource.own(evaluator.inputs.template);
    let filled = evaluator.fill_object(&own, &frame, Some(&root)).unwrap_or_default();
    evaluator.trail = None;
    let secret_places = std::mem::take(&mut evaluator.secret_places);
    FilledBody { value: Value::Object(filled), secret_places }
}

/// Returns the deployed resources in that order. Dependencies on resources that are not deployed are dropped.
fn in_order(declared: &[Declared], waits: &[BTreeSet<usize>], order: &[usize]) -> Vec<Resource> {
    let wanted: Vec<usize> = order.iter().copied().filter(|at| declared[*at].wanted).collect();
    let places: HashMap<usize, usize> = wanted.iter().enumerate().map(|(place, at)| (*at, place)).collect();
    let place = |at: &usize| places.get(at).copied();
    let resource = |at: &usize| Resource {
        id: declared[*at].id.clone(),
        kind: declared[*at].kind.clone(),
        name: declared[*at].name.clone(),
        api_version: declared[*at].api_version.clone(),
        target: declared[*at].place.clone(),
        depends_on: waits[*at].iter().filter_map(place).collect(),
        declared: *at,
    };
    wanted.iter().map(resource).collect()
}
