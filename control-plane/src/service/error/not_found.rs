//! The errors for resources that do not exist.

use super::ServiceError;
use crate::arm::collection::Collection;
use crate::arm::extension::{ExtensionType, NAMESPACE};
use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::network::NetworkPath;
use crate::arm::network::path::SUBNET_TYPE;
use crate::arm::resource_id::{GatewayPath, MemberPath};
use crate::arm::unserved::UnservedPath;
use crate::edit::{Edit, EditAction};
use crate::networking::{NetworkAction, NetworkEdit};

/// The error for a gateway that does not exist.
pub(crate) fn gateway(path: &GatewayPath) -> ServiceError {
    ServiceError::NotFound {
        kind: GATEWAY_TYPE.to_owned(),
        name: path.name.clone(),
        group: path.group.clone(),
    }
}

/// The error for a child that does not exist.
pub(crate) fn child(path: &GatewayPath, collection: &Collection, name: &str) -> ServiceError {
    ServiceError::NotFound {
        kind: collection.resource_type(),
        name: format!("{}/{name}", path.name),
        group: path.group.clone(),
    }
}

/// The error for a member of a child that does not exist.
pub(crate) fn member(path: &GatewayPath, member: &MemberPath) -> ServiceError {
    ServiceError::NotFound {
        kind: member.nested.resource_type(),
        name: format!("{}/{}/{}", path.name, member.child, member.name),
        group: path.group.clone(),
    }
}

/// The error for an extension document that does not exist.
pub(crate) fn extension(path: &GatewayPath, kind: &ExtensionType, name: &str) -> ServiceError {
    ServiceError::NotFound {
        kind: kind.resource_type(),
        name: format!("{}/{name}", path.name),
        group: path.group.clone(),
    }
}

/// The error for a revision that does not exist or is no longer kept.
pub(crate) fn revision(path: &GatewayPath, name: &str) -> ServiceError {
    ServiceError::NotFound {
        kind: format!("{NAMESPACE}/revisions"),
        name: format!("{}/{name}", path.name),
        group: path.group.clone(),
    }
}

/// The error for a network or an address that does not exist.
pub(crate) fn network(path: &NetworkPath) -> ServiceError {
    ServiceError::NotFound {
        kind: path.kind.resource_type().to_owned(),
        name: path.name.clone(),
        group: path.group.clone(),
    }
}

/// The error for a subnet that does not exist.
pub(crate) fn subnet(network: &NetworkPath, name: &str) -> ServiceError {
    ServiceError::NotFound {
        kind: SUBNET_TYPE.to_owned(),
        name: format!("{}/{name}", network.name),
        group: network.group.clone(),
    }
}

/// The error for a resource of an unserved type that does not exist.
pub(crate) fn unserved(path: &UnservedPath) -> ServiceError {
    ServiceError::NotFound {
        kind: path.kind.clone(),
        name: path.name.clone(),
        group: path.group.clone().unwrap_or_default(),
    }
}

/// The error for the part of a gateway that an edit needs and that does not exist.
pub(super) fn part_of_gateway(edit: &Edit) -> ServiceError {
    match &edit.action {
        EditAction::DeleteChild { collection, name } => child(&edit.path, collection, name),
        EditAction::PutMember { path, .. } => child(&edit.path, path.nested.within, &path.child),
        EditAction::DeleteMember { path } => member(&edit.path, path),
        EditAction::DeleteExtension { kind, name } => extension(&edit.path, kind, name),
        _ => gateway(&edit.path),
    }
}

/// The error for the part of a network resource that an edit needs and that does not exist.
pub(super) fn part_of_network(edit: &NetworkEdit) -> ServiceError {
    match &edit.action {
        NetworkAction::DeleteSubnet(name) => subnet(&edit.path, name),
        _ => network(&edit.path),
    }
}
