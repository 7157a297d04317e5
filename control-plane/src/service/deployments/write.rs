//! One resource of a template, written by the very code that a PUT of it takes; or rehearsed, for what that would say.

use serde_json::Value;
use uuid::Uuid;

use crate::arm::document::ApiVersion;
use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::networking::{NetworkAction, NetworkEdit};
use crate::template::Resource;

use super::super::{Service, ServiceError};
use super::stage::{Stage, Unwritten};
use super::target::Target;
use super::{gateway, network};

/// A resource that is to be written.
pub(super) enum Write {
    /// A gateway or a child of one.
    Gateway(Edit),
    /// A virtual network, a subnet or a public IP address.
    Network(NetworkEdit),
}

impl Write {
    /// Takes a resource of a template for what it is.
    ///
    /// # Errors
    /// That its version is no version.
    pub(super) async fn new(
        service: &Service,
        author: &Author,
        resource: &Resource,
        body: Value,
    ) -> Result<Write, ServiceError> {
        let version = &resource.api_version;
        let version =
            ApiVersion::parse(version).ok_or_else(|| ServiceError::BadApiVersion(version.clone()))?;
        let target =
            Target::of(&resource.id).ok_or_else(|| ServiceError::UnknownPath(resource.id.clone()))?;
        let preconditions = Preconditions::default();
        Ok(match target {
            Target::Gateway(path) => {
                let body = service.body_preparer.prepare(body, &author.name).await;
                Write::Gateway(Edit { path, preconditions, action: EditAction::Put { body, version } })
            }
            Target::Child(path, collection, name) => {
                let body = service.body_preparer.prepare(body, &author.name).await;
                let action = EditAction::PutChild { collection, name, body, version };
                Write::Gateway(Edit { path, preconditions, action })
            }
            Target::Network(path) => {
                let action = service.network_put(&path, body).await?;
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
        service: &Service,
        author: &Author,
        stage: &mut Stage,
    ) -> Result<Value, ServiceError> {
        match self {
            Write::Gateway(edit) => gateway::dry_run(edit, service, author, stage).await,
            Write::Network(edit) => network::dry_run(edit, service, stage).await,
        }
    }

    /// Writes the resource and waits until that is done.
    ///
    /// # Errors
    /// That it was refused or failed, or that the deployment is not wanted any more.
    pub(super) async fn apply(
        self,
        service: &Service,
        author: Author,
        deployment: Uuid,
    ) -> Result<(), Unwritten> {
        match self {
            Write::Gateway(edit) => gateway::apply(edit, service, author, deployment).await,
            Write::Network(edit) => network::apply(edit, service, author).await,
        }
    }
}
