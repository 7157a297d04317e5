//! Deployments of ARM templates: names, request bodies, and ARM's error structure.

mod body;
mod failure;
mod link;
mod path;

pub(crate) use body::{Content, DeploymentBody, DeploymentMode};
pub(crate) use failure::Failure;
pub(crate) use link::{ContentLink, Located};
pub(crate) use path::DeploymentPath;

/// The namespace and type of a deployment.
pub(crate) const DEPLOYMENT_TYPE: &str = "Microsoft.Resources/deployments";
