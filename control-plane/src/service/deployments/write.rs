//! The write of one resource of a template, by the same code as a PUT of it, or its dry run.

use serde_json::Value;
use uuid::Uuid;

use crate::arm::extension::ExtensionPath;
use crate::arm::unserved::{UnservedPath, take_secrets};
use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::networking::{NetworkAction, NetworkEdit};
use crate::template::{FilledBody, Resource};
use crate::violation::Warnings;

use super::super::resource_target::ResourceTarget;
use super::super::unserved::UnservedAction;
use super::super::{Service, ServiceError, api_version, check_extension_version};
use super::group::GroupWrite;
use super::stage::{Stage, Unwritten};
use super::{gateway, group, network, unserved};

/// A resource to write.
pub(super) enum Write {
    /// A gateway, or a child or an extension document of one.
    Gateway(Edit),
    /// A virtual network, a subnet or a public IP address.
    Network(NetworkEdit),
    Group(GroupWrite),
    /// A resource of a type that Tidegate does not serve.
    Unserved(UnservedPath, UnservedAction),
}

impl Write {
    /// Converts a resource of a template to a write.
    ///
    /// # Errors
    /// If the API version is invalid or the type is not supported.
    pub(super) async fn new(
        service: &Service,
        author: &Author,
        resource: &Resource,
        body: FilledBody,
    ) -> Result<Write, ServiceError> {
        let FilledBody { value: mut body, secret_places } = body;
        let sent_version = &resource.api_version;
        let version = api_version(sent_version)?;
        let Some(target) = ResourceTarget::of(&resource.id) else {
            return Err(Service::unserved_path(&resource.id).err().unwrap_or_else(|| unknown(&resource.id)));
        };
        let preconditions = Preconditions::default();
        Ok(match target {
            ResourceTarget::Gateway(path) => {
                let body = service.body_preparer.prepare(body, &author.name).await;
                Write::Gateway(Edit { path, preconditions, action: EditAction::Put { body, version } })
            }
            ResourceTarget::Child(path, collection, name) => {
                let body = service.body_preparer.prepare(body, &author.name).await;
                let action = EditAction::PutChild { collection, name, body, version };
                Write::Gateway(Edit { path, preconditions, action })
            }
            ResourceTarget::Extension(ExtensionPath { gateway: path, kind, name }) => {
                check_extension_version(&kind.resource_type(), sent_version)?;
                let action = EditAction::PutExtension { kind, name, body };
                Write::Gateway(Edit { path, preconditions, action })
            }
            ResourceTarget::Network(path) => {
                let action = service.network_put(&path, body).await?;
                Write::Network(NetworkEdit { path, preconditions, action })
            }
            ResourceTarget::Subnet(path, name) => {
                let action = NetworkAction::PutSubnet(name, body);
                Write::Network(NetworkEdit { path, preconditions, action })
            }
            ResourceTarget::Group(subscription, name) => {
                Write::Group(GroupWrite { subscription, name, body })
            }
            ResourceTarget::Unserved(path) => {
                let secrets = take_secrets(&mut body, &secret_places);
                Write::Unserved(path, UnservedAction::Put(body, secrets))
            }
            // Nested deployments are not written but run.
            ResourceTarget::Deployment(path) => return Err(unknown(&path.to_string())),
        })
    }

    /// Returns the resource as it would be shown after the write, and stores it in the stage for later
    /// resources. The stage gets the warnings for the author too.
    ///
    /// # Errors
    /// The error with which the write would fail.
    pub(super) async fn dry_run(
        &self,
        service: &Service,
        author: &Author,
        stage: &mut Stage,
    ) -> Result<Value, ServiceError> {
        match self {
            Write::Gateway(edit) => gateway::dry_run(edit, service, author, stage).await,
            Write::Network(edit) => network::dry_run(edit, service, stage).await,
            Write::Group(write) => group::dry_run(write, service, stage).await,
            Write::Unserved(path, action) => unserved::dry_run(path, action, service, stage).await,
        }
    }

    /// Writes the resource and waits for completion. Returns the warnings for the author.
    ///
    /// # Errors
    /// If the write is rejected or fails, or if the deployment has been cancelled.
    pub(super) async fn apply(
        self,
        service: &Service,
        author: Author,
        deployment: Uuid,
    ) -> Result<Warnings, Unwritten> {
        match self {
            Write::Gateway(edit) => gateway::apply(edit, service, author, deployment).await,
            Write::Network(edit) => network::apply(edit, service, author).await,
            Write::Group(write) => group::apply(write, service, author).await,
            Write::Unserved(path, action) => unserved::apply(path, action, service, author).await,
        }
    }

    /// Converts a resource to its deletion.
    ///
    /// # Errors
    /// If there is no such resource that can be deleted by itself.
    pub(super) fn deletion(id: &str) -> Result<Write, ServiceError> {
        let preconditions = Preconditions::default();
        Ok(match ResourceTarget::of(id) {
            Some(ResourceTarget::Gateway(path)) => {
                Write::Gateway(Edit { path, preconditions, action: EditAction::Delete })
            }
            Some(ResourceTarget::Network(path)) => {
                Write::Network(NetworkEdit { path, preconditions, action: NetworkAction::Delete })
            }
            Some(ResourceTarget::Unserved(path)) => Write::Unserved(path, UnservedAction::Delete),
            _ => return Err(unknown(id)),
        })
    }
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::UnknownPath(id.to_owned())
}
