//! What can go wrong with a request about a deployment.

use thiserror::Error;

use crate::arm::deployment::Failure;
use crate::violation::Violations;
use crate::violation::code_list::codes;

codes! { CODES;
    /// The template, or what is given for its parameters, is not valid. The details say what.
    const INVALID_TEMPLATE: &str = "InvalidTemplate";
    /// A resource of the template would be refused. The details say which and why.
    const INVALID_DEPLOYMENT: &str = "InvalidTemplateDeployment";
    /// There is no deployment of that name.
    const NO_DEPLOYMENT: &str = "DeploymentNotFound";
    /// A deployment of that name is running.
    const ACTIVE: &str = "DeploymentActive";
    /// The deployment has ended, so that it cannot be cancelled.
    const ENDED: &str = "DeploymentCannotBeCancelled";
    /// A resource of the deployment could not be deployed. Only ever the code of a deployment.
    pub(crate) const FAILED: &str = "DeploymentFailed";
    /// The deployment was cancelled. Only ever the code of a deployment.
    pub(crate) const CANCELED: &str = "DeploymentCanceled";
}

/// Why a request about a deployment is not answered as wished.
#[derive(Debug, Error)]
pub(crate) enum DeploymentError {
    #[error("Deployment template validation failed: {0}")]
    Template(Violations),
    #[error("{}", .0.message)]
    Resources(Failure),
    #[error("The deployment '{0}' was not found.")]
    Missing(String),
    #[error("The deployment '{0}' is running. Cancel it, or come back when it has ended.")]
    Active(String),
    #[error("The deployment '{0}' has ended.")]
    Ended(String),
    #[error("Too many templates of this client are waiting to be evaluated. Try again later.")]
    Busy,
}

impl DeploymentError {
    /// What is wrong with the resources of a template.
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
            DeploymentError::Active(_) => ACTIVE,
            DeploymentError::Ended(_) => ENDED,
            DeploymentError::Busy => super::codes::TOO_MANY,
        }
    }

    /// All of it, as it is shown.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            DeploymentError::Template(Violations(flaws)) => {
                let first = flaws.first();
                let mut message = first.map(|flaw| flaw.message.clone()).unwrap_or_default();
                if flaws.len() > 1 {
                    message = format!("{message} ({} errors in all, see details.)", flaws.len());
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
