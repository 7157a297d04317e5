//! ARM templates: turns JSON with expressions into resources to deploy and outputs. Pure: no I/O, no clock.
//!
//! Templates are untrusted, so everything is bounded: the length and depth of expressions, the iterations of
//! loops, the size of values and the total work of evaluation.
//!
//! [`Plan::make`] plans a deployment before it begins. Values that depend on a resource that is not deployed
//! yet (`reference`) are evaluated again, by [`Plan::body`] and [`Plan::outputs`], once the resource exists.
//! This module does not interpret the properties of resources.

mod allowance;
mod arrange;
mod check;
mod context;
mod declared;
mod evaluate;
mod export;
mod expression;
mod fault;
mod fill;
mod function;
#[cfg(test)]
mod fuzz;
mod inherited;
mod json_path;
mod kinds;
mod lambda;
mod listing;
mod names;
mod nested;
mod order;
mod output;
mod parameter;
mod parts;
mod providers;
mod reference;
mod resource;
mod resource_id;
mod scope;
mod secrets;
mod special;
mod types;
mod unique;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::violation::Violations;
use crate::violation::code::template as code;

pub(crate) use allowance::{Allowance, MAX_NESTED_LEVELS};
pub(crate) use context::Context;
pub(crate) use inherited::Inherited;
pub(crate) use nested::Nested;
pub(crate) use output::Outputs;
pub(crate) use reference::secure_outputs_key;

use arrange::fill_body;
use check::check;
use declared::Declared;
use evaluate::{Evaluator, Inputs};
use fault::EvalError;
use json_path::{JsonPath, ROOT};
use names::Names;
use parameter::Parameters;
use parts::Template;
use secrets::Secrets;

/// The maximum number of referenced resources that the template does not deploy; each is looked up in the
/// store.
const MAX_FOREIGN: usize = 1000;

/// Resources as returned by GET, keyed by lower-case ID.
pub(crate) type References = BTreeMap<String, Value>;

/// A value, or the resources that it depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ready<T> {
    /// The value.
    Now(T),
    /// The value depends on these resources, by lower-case ID.
    After(BTreeSet<String>),
}

/// A template with the values of its parameters.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) template: Value,
    /// The values of the parameters: `{name: {"value": …}}`.
    pub(crate) parameters: Value,
    /// The deployment's place and time.
    pub(crate) context: Context,
    /// The secrets of the templates around a nested one.
    #[serde(default)]
    pub(crate) inherited: Inherited,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.context.deployment)
    }
}

/// The body of a resource's PUT.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FilledBody {
    pub(crate) value: Value,
    /// The places of values that derive from secure parameters or outputs, as JSON pointers (RFC 6901).
    pub(crate) secret_places: BTreeSet<String>,
}

/// A resource to deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The resource ID.
    pub(crate) id: String,
    /// The type, in the spelling of responses.
    pub(crate) kind: String,
    /// The names of the parent resources, then its own.
    pub(crate) name: Vec<String>,
    /// The API version, as written in the template.
    pub(crate) api_version: String,
    /// The position in the request, such as `properties.template.resources[0]`.
    pub(crate) target: String,
    /// The indices in [`Plan::resources`] of the resources to deploy before this one; all are lower than its
    /// own.
    pub(crate) depends_on: Vec<usize>,
    /// The index in the template's order.
    declared: usize,
}

/// The evaluated form of a template.
pub(crate) struct Plan {
    request: Request,
    template: Template,
    parameters: Parameters,
    /// The resources in the template's order.
    declared: Vec<Declared>,
    names: Names,
    /// The body of each of `resources`, if it depends on no other resource.
    bodies: Vec<Option<FilledBody>>,
    /// What is left for this deployment and those around and within it.
    allowance: Allowance,
    /// The resources, each after those that it depends on.
    pub(crate) resources: Vec<Resource>,
    /// The referenced resources that the template does not deploy, by lower-case ID.
    pub(crate) foreign: BTreeSet<String>,
    /// The parameters as shown in responses; secure ones lack their value.
    pub(crate) parameters_shown: Map<String, Value>,
    /// The secret strings, which are removed from all output. Those of nested deployments become known late.
    secrets: RwLock<Secrets>,
    /// Those of them that come from the templates around this one.
    inherited_secrets: Secrets,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("resources", &self.resources).finish_non_exhaustive()
    }
}

impl Plan {
    /// Plans a deployment that may use as much as is left of `allowance`.
    ///
    /// # Errors
    /// All violations of the template, except for the content of its resources.
    pub(crate) fn make(request: Request, allowance: Allowance) -> Result<Plan, Violations> {
        let mut flaws = Violations::default();
        let template = Template::read(&request.template, &mut flaws);
        check(&request.template, &template, &mut flaws);
        let mut parameters = Parameters::read(&template, &request.parameters, &mut flaws);
        let inherited_secrets = Secrets::of(&request.inherited.secrets);
        if !flaws.is_empty() {
            return Err(without_secrets(&inherited_secrets, flaws));
        }
        parameters.keep_secret(&request.inherited.parameters);
        let mut plan = Plan {
            template,
            parameters,
            declared: Vec::new(),
            names: Names::default(),
            bodies: Vec::new(),
            allowance,
            resources: Vec::new(),
            foreign: BTreeSet::new(),
            parameters_shown: Map::new(),
            secrets: RwLock::new(Secrets::of(&request.inherited.secrets)),
            inherited_secrets,
            request,
        };
        plan.fill_parameters()?;
        plan.arrange().map_err(|flaws| plan.without_secrets(flaws))?;
        Ok(plan)
    }

    /// Returns the body of a resource that depends on no other, without any evaluation.
    pub(crate) fn known_body(&self, resource: &Resource) -> Option<FilledBody> {
        let place = self.resources.iter().position(|other| other.declared == resource.declared)?;
        self.bodies.get(place)?.clone()
    }

    /// Evaluates the body of a resource's PUT.
    ///
    /// # Errors
    /// The violations of its expressions.
    pub(crate) fn body(
        &self,
        resource: &Resource,
        references: &References,
    ) -> Result<Ready<FilledBody>, Violations> {
        if let Some(body) = self.known_body(resource) {
            return Ok(Ready::Now(body));
        }
        let mut evaluator = self.evaluator(references, &self.names);
        let declared = self.declared.get(resource.declared);
        let body = declared.map(|declared| fill_body(&mut evaluator, declared)).unwrap_or_default();
        self.ready(evaluator, body)
    }

    /// Evaluates the outputs.
    ///
    /// # Errors
    /// The violations of their expressions.
    pub(crate) fn outputs(&self, references: &References) -> Result<Ready<Outputs>, Violations> {
        let mut evaluator = self.evaluator(references, &self.names);
        let outputs = output::outputs(&mut evaluator);
        self.ready(evaluator, outputs)
    }

    /// The request from which the plan was made.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the template as it was sent, without secrets.
    pub(crate) fn exported(&self) -> Value {
        let hide = |text: &str| self.without_secrets_in(text);
        let evaluated = self.request.inherited.evaluated;
        export::exported(&self.request.template, evaluated.then_some(&hide as &dyn Fn(&str) -> String))
    }

    /// The context of the deployment.
    pub(crate) fn context(&self) -> &Context {
        &self.request.context
    }

    /// The `contentVersion` of the template.
    pub(crate) fn content_version(&self) -> &str {
        &self.template.content_version
    }

    /// Returns a hash of the template in the form of Azure's: a decimal number.
    pub(crate) fn template_hash(&self) -> String {
        unique::hash(self.request.template.to_string().to_uppercase().as_bytes()).to_string()
    }

    /// Removes all secrets from a text.
    pub(crate) fn without_secrets_in(&self, text: &str) -> String {
        self.secrets().hide(text)
    }

    /// Adds the strings of a value to the secrets: the outputs of a nested deployment.
    pub(crate) fn learn_secrets(&self, value: Value) {
        self.secrets.write().unwrap_or_else(PoisonError::into_inner).gather(value);
    }

    fn secrets(&self) -> RwLockReadGuard<'_, Secrets> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn without_secrets(&self, flaws: Violations) -> Violations {
        without_secrets(&self.secrets(), flaws)
    }

    /// Creates an evaluator with the remaining budget. The caller records its consumption with [`Plan::spent`].
    fn evaluator<'p>(&'p self, references: &'p References, names: &'p Names) -> Evaluator<'p> {
        let inputs = Inputs {
            template: &self.template,
            source: &self.request.template,
            parameters: &self.parameters,
            context: &self.request.context,
            references,
            names,
            inherited: &self.request.inherited,
            inherited_secrets: &self.inherited_secrets,
        };
        Evaluator::new(inputs, self.allowance.budget())
    }

    fn spent(&self, evaluator: &Evaluator<'_>) {
        self.allowance.set_budget(evaluator.budget);
    }

    fn ready<T>(&self, evaluator: Evaluator<'_>, value: T) -> Result<Ready<T>, Violations> {
        self.spent(&evaluator);
        if !evaluator.flaws.is_empty() {
            return Err(self.without_secrets(evaluator.flaws));
        }
        Ok(if evaluator.pending { Ready::After(evaluator.missing) } else { Ready::Now(value) })
    }

    /// Evaluates every parameter, even unused ones.
    fn fill_parameters(&mut self) -> Result<(), Violations> {
        let nothing = (References::new(), Names::default());
        let mut evaluator = self.evaluator(&nothing.0, &nothing.1);
        let mut values = Vec::new();
        for parameter in &self.parameters.list {
            let path = format!("{ROOT}.parameters.{}.defaultValue", parameter.name);
            let outcome = evaluator.parameter(&parameter.name);
            // Such a default is an error only where the parameter is needed.
            if matches!(&outcome, Err(EvalError::Wrong(code::LINK_MISSING, _))) {
                values.push(None);
                continue;
            }
            let noted = evaluator.flaws.0.len();
            // A parameter derived from a secret one is secret, whatever its declared type.
            let tainted = std::mem::take(&mut evaluator.tainted);
            // The error is recorded; the value is a placeholder then.
            let value = evaluator.settle(outcome, Some(&JsonPath::Root(&path))).unwrap_or_default();
            let secret = parameter.is_secure() || tainted || self.inherited_secrets.are_in(&value);
            let objection = parameter.objection(&self.template.types, &value);
            let objection = objection.filter(|_| noted == evaluator.flaws.0.len());
            if let Some(why) = objection {
                evaluator.flaws.push(code::PARAMETER, &path, why);
            }
            values.push(Some((value, secret)));
        }
        self.spent(&evaluator);
        let flaws = std::mem::take(&mut evaluator.flaws);
        for (parameter, value) in self.parameters.list.iter().zip(values) {
            let mut shown = json!({"type": parameter.kind});
            match value {
                Some((value, true)) => {
                    self.secrets.get_mut().unwrap_or_else(PoisonError::into_inner).gather(value);
                }
                Some((value, false)) => shown["value"] = value,
                None => {}
            }
            self.parameters_shown.insert(parameter.name.clone(), shown);
        }
        if flaws.is_empty() { Ok(()) } else { Err(self.without_secrets(flaws)) }
    }
}

fn without_secrets(secrets: &Secrets, mut flaws: Violations) -> Violations {
    for flaw in &mut flaws.0 {
        flaw.message = secrets.hide(&flaw.message);
        flaw.target = secrets.hide(&flaw.target);
    }
    flaws
}

#[cfg(test)]
mod tests;
