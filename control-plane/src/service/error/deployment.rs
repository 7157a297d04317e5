//! The errors of requests about deployments.

use thiserror::Error;

use crate::arm::deployment::Failure;
use crate::violation::Violations;
use crate::violation::code_list::codes;

codes! { CODES;
    /// The template or its parameters are invalid. The details list the errors.
    const INVALID_TEMPLATE: &str = "InvalidTemplate";
    /// A resource of the template would be rejected. The details list the resources and errors.
    const INVALID_DEPLOYMENT: &str = "InvalidTemplateDeployment";
    /// The deployment does not exist.
    const NO_DEPLOYMENT: &str = "DeploymentNotFound";
    /// The template of the deployment is not kept any more.
    const NO_TEMPLATE: &str = "DeploymentTemplateNotFound";
    /// A deployment of that name to the subscription has another location.
    const ELSEWHERE: &str = "InvalidDeploymentLocation";
    /// A deployment of that name is running.
    const ACTIVE: &str = "DeploymentActive";
    /// The deployment has ended and cannot be cancelled.
    const ENDED: &str = "DeploymentCannotBeCancelled";
    /// The deployment goes to a management group or to the tenant, which are not served.
    const NO_SUCH_SCOPE: &str = "DeploymentScopeNotSupported";
    /// A resource of the deployment could not be deployed. Only used as the code of a deployment.
    pub(crate) const FAILED: &str = "DeploymentFailed";
}

/// The reason why a request about a deployment fails.
#[derive(Debug, Error)]
pub(crate) enum DeploymentError {
    #[error("Deployment template validation failed: {0}")]
    Template(Violations),
    #[error("{}", .0.message)]
    Resources(Failure),
    #[error("The deployment '{0}' was not found.")]
    Missing(String),
    #[error(
        "The template of the deployment '{0}' is not kept: the templates of newer deployments need the place, or an \
         older version of Tidegate ran the deployment."
    )]
    NoTemplate(String),
    #[error("The deployment '{0}' is running. Cancel it, or wait until it has ended.")]
    Active(String),
    #[error(
        "The deployment '{name}' already exists at the location '{location}'. Give it that, or delete it."
    )]
    Elsewhere { name: String, location: String },
    #[error("The deployment '{0}' has ended.")]
    Ended(String),
    #[error(
        "Deployments to a management group or to the tenant are not supported: Tidegate has no management \
         groups. Deploy to a subscription or to a resource group."
    )]
    NoSuchScope,
    #[error("Too many templates of this client are waiting to be evaluated. Try again later.")]
    Busy,
}

impl DeploymentError {
    /// The error for rejected resources of a template.
    pub(crate) fn resources(name: &str, failures: Vec<Failure>) -> DeploymentError {
        let message = format!(
            "The template deployment '{name}' is not valid according to the validation procedure. See details."
        );
        DeploymentError::Resources(Failure::new(INVALID_DEPLOYMENT, message).because(failures))
    }

    pub(super) fn code(&self) -> &str {
        match self {
            DeploymentError::Template(_) => INVALID_TEMPLATE,
            DeploymentError::Resources(failure) => &failure.code,
            DeploymentError::Missing(_) => NO_DEPLOYMENT,
            DeploymentError::NoTemplate(_) => NO_TEMPLATE,
            DeploymentError::Active(_) => ACTIVE,
            DeploymentError::Elsewhere { .. } => ELSEWHERE,
            DeploymentError::Ended(_) => ENDED,
            DeploymentError::NoSuchScope => NO_SUCH_SCOPE,
            DeploymentError::Busy => super::codes::TOO_MANY,
        }
    }

    /// Returns the error in ARM's shape.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            DeploymentError::Template(violations) => {
                let flaws = &violations.0;
                let first = flaws.first();
                let mut message = first.map(|flaw| flaw.message.clone()).unwrap_or_default();
                if flaws.len() > 1 {
                    message = format!("{message} ({} errors in total, see details.)", flaws.len());
                }
                let message = format!("Deployment template validation failed: {message}");
                let target = first.map(|flaw| flaw.target.clone());
                let details = flaws.iter().map(Failure::from).collect();
                Failure { code: INVALID_TEMPLATE.to_owned(), message, target, details }
            }
            DeploymentError::Resources(failure) => failure.clone(),
            other => Failure::new(other.code(), other.to_string()),
        }
    }
}
