//! One resource of a template, written by the very code that a PUT of it takes; or rehearsed, for what that would say.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::networking::{NetworkAction, NetworkEdit};
use crate::store::{Gateway, NetworkResource, Problem, StoreError};
use crate::template::Resource;

use super::super::App;
use super::super::error::ApiError;
use super::super::extract::api_version;
use super::target::Target;
use super::{gateway, network};

/// A resource that is to be written.
pub(super) enum Write {
    /// A gateway or a child of one.
    Gateway(Edit),
    /// A virtual network, a subnet or a public IP address.
    Network(NetworkEdit),
}

/// What earlier resources of a template would have left, had they been written: by resource ID in lower case.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) gateways: HashMap<String, Gateway>,
    pub(super) networks: HashMap<String, NetworkResource>,
}

/// Why a resource was not written.
pub(super) enum Unwritten {
    /// This is wrong with it.
    Refused(ApiError),
    /// It was written, but workers did not take it over.
    Failed(Problem),
    /// Nobody wants the deployment any more.
    Unwanted,
}

impl From<ApiError> for Unwritten {
    fn from(error: ApiError) -> Unwritten {
        Unwritten::Refused(error)
    }
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Unwritten {
        Unwritten::Refused(error.into())
    }
}

impl Write {
    /// Takes a resource of a template for what it is.
    ///
    /// # Errors
    /// That its version is no version.
    pub(super) async fn new(
        app: &App,
        author: &Author,
        resource: &Resource,
        body: Value,
    ) -> Result<Write, ApiError> {
        let version = &resource.api_version;
        let version = api_version(version).ok_or_else(|| ApiError::BadApiVersion(version.clone()))?;
        let target = Target::of(&resource.id).ok_or_else(|| ApiError::UnknownPath(resource.id.clone()))?;
        let preconditions = Preconditions::default();
        Ok(match target {
            Target::Gateway(path) => {
                let body = app.body_preparer.prepare(body, &author.name).await;
                Write::Gateway(Edit { path, preconditions, action: EditAction::Put { body, version } })
            }
            Target::Child(path, collection, name) => {
                let body = app.body_preparer.prepare(body, &author.name).await;
                let action = EditAction::PutChild { collection, name, body, version };
                Write::Gateway(Edit { path, preconditions, action })
            }
            Target::Network(path) => {
                let action = app.network_put(&path, body).await?;
                Write::Network(NetworkEdit { path, preconditions, action })
            }
            Target::Subnet(path, name) => {
                let action = NetworkAction::PutSubnet(name, body);
                Write::Network(NetworkEdit { path, preconditions, action })
            }
        })
    }

    /// What the resource would be, shown, had it been written. The stage remembers it for those that come after.
    ///
    /// # Errors
    /// What the write would be refused for.
    pub(super) async fn dry_run(
        &self,
        app: &App,
        author: &Author,
        stage: &mut Stage,
    ) -> Result<Value, ApiError> {
        match self {
            Write::Gateway(edit) => gateway::dry_run(edit, app, author, stage).await,
            Write::Network(edit) => network::dry_run(edit, app, stage).await,
        }
    }

    /// Writes the resource and waits until that is done.
    ///
    /// # Errors
    /// That it was refused or failed, or that the deployment is not wanted any more.
    pub(super) async fn apply(self, app: &App, author: Author, deployment: Uuid) -> Result<(), Unwritten> {
        match self {
            Write::Gateway(edit) => gateway::apply(edit, app, author, deployment).await,
            Write::Network(edit) => network::apply(edit, app, author).await,
        }
    }
}
