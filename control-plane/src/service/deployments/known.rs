//! What expressions can refer to before anything is deployed: stored resources, and nested deployments whose outputs depend
//! on nothing else.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::arm::deployment::{DEPLOYMENT_TYPE, Failure};
use crate::audit::Author;
use crate::template::{Outputs, Ready, References, secure_outputs_key};

use super::super::resource_target::{LastRead, ResourceTarget};
use super::super::{Service, ServiceError};
use super::evaluation::{check_readable, evaluate};
use super::level::Level;
use super::stage::Stage;

/// Looks up the referenced resources that the template does not deploy. Each must be readable by the author, and exist
/// unless another part of the tree may deploy it.
pub(super) async fn foreign(
    service: &Service,
    author: &Author,
    level: &Level,
    stage: &Stage,
) -> Result<(References, Vec<Failure>), ServiceError> {
    let mut references = References::new();
    let mut failures = Vec::new();
    let plan = &level.plan;
    plan.foreign.iter().try_for_each(|id| check_readable(author, &level.path, id))?;
    let targets = || {
        let later = |id: &&String| !stage.deploys(id);
        plan.foreign.iter().filter(later).map(|id| (id, ResourceTarget::of(id)))
    };
    let named = targets()
        .flat_map(|(_, target)| target.map(|target| target.stored_ids()).unwrap_or_default())
        .collect();
    let stored = service.store.stored_among(&named).await?;
    let mut last = LastRead::default();
    for (id, target) in targets() {
        let is_stored = |target: &ResourceTarget| {
            !target.is_indexed() || target.stored_ids().iter().any(|id| stored.contains(id))
        };
        let found = match target.filter(is_stored) {
            Some(target) => target.show_from(&mut last, service).await?,
            None => None,
        };
        match found {
            Some(found) => drop(references.insert(id.clone(), found)),
            None if stage.has_gaps => {}
            None => {
                let message =
                    format!("The template refers to '{id}', which does not exist and is not deployed by it.");
                failures.push(Failure::new("ResourceNotFound", message).about(id));
            }
        }
    }
    Ok((references, failures))
}

/// Returns a nested deployment as it is shown after its end, as soon as its outputs are known, and the
/// outputs.
pub(super) async fn outcome(
    service: &Service,
    author: &Author,
    level: &Level,
    references: &Arc<References>,
) -> Result<Ready<(Value, Outputs)>, ServiceError> {
    let (plan, seen) = (level.plan.clone(), references.clone());
    let outputs = evaluate(service, &author.name, move || plan.outputs(&seen)).await?;
    let shown = |shown: &Map<String, Value>| {
        json!({
            "id": level.path.to_string(),
            "name": level.path.name,
            "type": DEPLOYMENT_TYPE,
            "properties": {
                "mode": level.mode.as_str(),
                "provisioningState": "Succeeded",
                "outputs": shown,
            },
        })
    };
    Ok(match outputs.map_err(|flaws| level.refusal(flaws))? {
        Ready::Now(outputs) => Ready::Now((shown(&outputs.shown), outputs)),
        Ready::After(ids) => Ready::After(ids),
    })
}

/// Adds the values of a nested deployment's outputs to what expressions around it can refer to. The secret
/// ones stay secret there.
pub(super) fn learn_outputs(
    level: &Level,
    nested: &Level,
    references: &mut Arc<References>,
    outputs: Outputs,
) {
    level.plan.learn_secrets(outputs.secret_values());
    let key = secure_outputs_key(&nested.path.to_string());
    Arc::make_mut(references).insert(key, Value::Object(outputs.values));
}
