//! The changes of a gateway that clients request, and what the audit log calls them. How they are decided is not known
//! here.

use std::net::IpAddr;

use serde_json::Value;
use tidegate_shared::id::GatewayId;

use crate::arm::body::{Body, Opened};
use crate::arm::collection::Collection;
use crate::arm::document::ApiVersion;
use crate::arm::extension::{ExtensionPath, ExtensionType, NAMESPACE};
use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::network::path::{NetworkPath, network_resources_in, network_resources_of};
use crate::arm::resource_id::{GatewayPath, MemberPath};
use crate::compile::private_addresses;
use crate::etag::Preconditions;
use crate::store::RevisionContent;

/// A change requested by a client.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) path: GatewayPath,
    /// The preconditions on the row to be written.
    pub(crate) preconditions: Preconditions,
    /// The change.
    pub(crate) action: EditAction,
}

/// The kind of change.
#[derive(Debug)]
pub(crate) enum EditAction {
    /// Create the gateway or replace it as a whole.
    Put {
        /// The document as sent.
        body: Body,
        /// The api-version of the request.
        version: ApiVersion,
    },
    /// Replace the tags, which do not affect workers.
    PutTags {
        /// The body as sent.
        body: Value,
    },
    /// Start the gateway if it is stopped.
    Start,
    /// Stop the gateway: workers drop it until it is started or written.
    Stop,
    /// Delete the gateway.
    Delete,
    /// Add a child or replace it.
    PutChild {
        /// The collection of the child.
        collection: &'static Collection,
        /// The name of the child.
        name: String,
        /// The child as sent.
        body: Body,
        /// The api-version of the request.
        version: ApiVersion,
    },
    DeleteChild {
        /// The collection of the child.
        collection: &'static Collection,
        /// The name of the child.
        name: String,
    },
    /// Add or replace a member of a child. A member has no row of its own; its etag is that of the child.
    PutMember {
        path: MemberPath,
        /// The member as sent.
        body: Body,
    },
    /// Delete a member of a child.
    DeleteMember { path: MemberPath },
    /// Add or replace an extension document.
    PutExtension {
        /// The type of the document.
        kind: &'static ExtensionType,
        /// The name of the document.
        name: String,
        /// The document as sent.
        body: Value,
    },
    /// Delete an extension document.
    DeleteExtension {
        /// The type of the document.
        kind: &'static ExtensionType,
        /// The name of the document.
        name: String,
    },
    /// Store what was fetched for the certificates that refer to vaults. By the control plane itself only.
    StoreFetched {
        /// The results of fetching.
        fetched: Opened,
    },
    /// Give the gateway the content of one of its revisions.
    Restore {
        /// The gateway of the revision. One that was deleted and created again has no old revisions.
        gateway: GatewayId,
        /// The content of the revision.
        content: Box<RevisionContent>,
    },
}

impl Edit {
    /// The name of the ARM operation, for the audit log.
    pub(crate) fn action_name(&self) -> String {
        let of_child = |collection: &Collection, verb| format!("{}/{verb}", collection.resource_type());
        let of_member = |path: &MemberPath, verb| format!("{}/{verb}", path.nested.resource_type());
        match &self.action {
            EditAction::Put { .. } | EditAction::PutTags { .. } | EditAction::StoreFetched { .. } => {
                format!("{GATEWAY_TYPE}/write")
            }
            EditAction::Start => format!("{GATEWAY_TYPE}/start/action"),
            EditAction::Stop => format!("{GATEWAY_TYPE}/stop/action"),
            EditAction::Delete => format!("{GATEWAY_TYPE}/delete"),
            EditAction::PutChild { collection, .. } => of_child(collection, "write"),
            EditAction::DeleteChild { collection, .. } => of_child(collection, "delete"),
            EditAction::PutMember { path, .. } => of_member(path, "write"),
            EditAction::DeleteMember { path } => of_member(path, "delete"),
            EditAction::PutExtension { kind, .. } => format!("{}/write", kind.resource_type()),
            EditAction::DeleteExtension { kind, .. } => format!("{}/delete", kind.resource_type()),
            EditAction::Restore { .. } => format!("{NAMESPACE}/revisions/restore/action"),
        }
    }

    /// The body that was sent, if it may refer to other resources.
    pub(crate) fn sent(&self) -> Option<&Value> {
        match &self.action {
            EditAction::Put { body, .. }
            | EditAction::PutChild { body, .. }
            | EditAction::PutMember { body, .. } => Some(&body.json),
            _ => None,
        }
    }

    /// The results of fetching certificates, if the change brings any.
    pub(crate) fn fetched(&self) -> Option<&Opened> {
        match &self.action {
            EditAction::Put { body, .. } | EditAction::PutChild { body, .. } => Some(&body.opened),
            EditAction::StoreFetched { fetched } => Some(fetched),
            _ => None,
        }
    }

    /// The resource ID of the target.
    pub(crate) fn resource_id(&self) -> String {
        match &self.action {
            EditAction::Put { .. }
            | EditAction::PutTags { .. }
            | EditAction::Start
            | EditAction::Stop
            | EditAction::Delete
            | EditAction::StoreFetched { .. }
            | EditAction::Restore { .. } => self.path.to_string(),
            EditAction::PutChild { collection, name, .. } | EditAction::DeleteChild { collection, name } => {
                self.path.child_id(collection, name)
            }
            EditAction::PutMember { path, .. } | EditAction::DeleteMember { path } => {
                self.path.member_id(path)
            }
            EditAction::PutExtension { kind, name, .. } | EditAction::DeleteExtension { kind, name } => {
                ExtensionPath { gateway: self.path.clone(), kind, name: name.clone() }.to_string()
            }
        }
    }

    /// The private addresses of frontends that the request has, at most 16: a gateway has two at most.
    pub(crate) fn private_addresses(&self) -> Vec<IpAddr> {
        match &self.action {
            EditAction::Put { body, .. } | EditAction::PutChild { body, .. } => {
                let mut found = Vec::new();
                collect_private_addresses(&body.json, &mut found);
                found
            }
            EditAction::Restore { content, .. } => private_addresses(&content.document),
            _ => Vec::new(),
        }
    }

    /// The network resources to which the body refers, whether stored or not.
    pub(crate) fn network_resources(&self) -> Vec<NetworkPath> {
        match &self.action {
            EditAction::Put { body, .. }
            | EditAction::PutChild { body, .. }
            | EditAction::PutMember { body, .. } => network_resources_in(&body.json),
            EditAction::Restore { content, .. } => network_resources_of(&content.document),
            _ => Vec::new(),
        }
    }
}

/// Collects the values of `privateIPAddress`, in any case and at any depth. Those of other resources do no harm.
fn collect_private_addresses(value: &Value, found: &mut Vec<IpAddr>) {
    const NAME: &str = "privateIPAddress";
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let address = value.as_str().filter(|_| key.eq_ignore_ascii_case(NAME));
                let address = address.and_then(|text| text.parse::<IpAddr>().ok());
                found.extend(address.map(|address| address.to_canonical()).filter(|_| found.len() < 16));
                collect_private_addresses(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_private_addresses(value, found)),
        _ => {}
    }
}
