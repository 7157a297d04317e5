//! Deployments, their steps, and what is needed to run them.

use serde_json::{Map, Value};
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentPath, Failure};
use crate::audit::Author;
use crate::clock::Millis;

use super::text_enum;

text_enum! {
    /// The state of a deployment or of one of its steps.
    DeploymentState {
        /// In progress.
        Running,
        /// Ended successfully.
        Succeeded,
        /// Ended with an error.
        Failed,
        /// Canceled before it ended.
        Canceled,
    }
}

text_enum! {
    /// What a step does with its resource.
    StepOperation {
        /// It writes the resource.
        Create,
        /// It deletes the resource.
        Delete,
    }
}

/// A stored deployment: the last run of its name.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// The ID of this run: another PUT of the deployment gets a new one. It is also the last segment of the
    /// operation's URL.
    pub(crate) id: Uuid,
    /// The resource ID.
    pub(crate) path: DeploymentPath,
    /// The part of the request that responses show.
    pub(crate) body: Map<String, Value>,
    pub(crate) state: DeploymentState,
    /// The outputs, after success.
    pub(crate) outputs: Option<Value>,
    /// The reason of a failure.
    pub(crate) error: Option<Failure>,
    /// The warnings about the resources, a list; `None` if there are none.
    pub(crate) warnings: Option<Value>,
    /// The correlation ID, shared with related requests.
    pub(crate) correlation_id: String,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// A deployment to create.
#[derive(Debug)]
pub(crate) struct NewDeployment {
    /// The ID of this run.
    pub(crate) id: Uuid,
    /// The ID of the run in which it is nested, if any.
    pub(crate) parent: Option<Uuid>,
    /// The resource ID.
    pub(crate) path: DeploymentPath,
    /// The complete request; `None` for a nested deployment, whose request follows from that of its parent.
    pub(crate) request: Option<Secret>,
    /// The template without secrets, JSON; `None` if it is not to be kept.
    pub(crate) template: Option<Secret>,
    /// The part of the request that responses show.
    pub(crate) body: Map<String, Value>,
    /// The expected warnings about the resources, a list.
    pub(crate) warnings: Option<Value>,
    /// The correlation ID, shared with related requests.
    pub(crate) correlation_id: String,
}

/// The operation of a deployment on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The ID of the step.
    pub(crate) id: Uuid,
    pub(crate) operation: StepOperation,
    pub(crate) resource_id: String,
    pub(crate) resource_type: String,
    pub(crate) state: DeploymentState,
    /// The reason of a failure.
    pub(crate) error: Option<Failure>,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// A deployment to run.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) deployment: Deployment,
    /// The complete request, from [`NewDeployment::request`].
    pub(crate) request: Secret,
    /// The author of the request.
    pub(crate) author: Author,
    /// The API client that is the author, if any, whose rights are looked up again.
    pub(crate) client: Option<Uuid>,
    /// The number of processes that have begun to run it, this one included, without those that stopped in order.
    pub(crate) starts: i64,
}
