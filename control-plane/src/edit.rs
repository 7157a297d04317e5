//! What a request makes of a gateway: the stored document and the request in, a decision out. Pure.
//!
//! It runs inside the write transaction, so what it sees is what its decision replaces. Validity is compilability:
//! there is no check of content here beyond reading and compiling.

use thiserror::Error;

use crate::arm::body::Body;
use crate::arm::collection::Collection;
use crate::arm::document::{ApiVersion, Document, users_of};
use crate::arm::resource_id::{GATEWAY_TYPE, GatewayPath};
use crate::compile::compile;
use crate::etag::{Etag, Preconditions};
use crate::store::{Decision, Gateway, ProvisioningState, StoreError};
use crate::violation::Violations;

/// A change that a client asks for.
#[derive(Debug)]
pub struct Edit {
    /// Which gateway.
    pub path: GatewayPath,
    /// Under which conditions on the row that is written.
    pub preconditions: Preconditions,
    /// What to do.
    pub action: EditAction,
}

/// What to do with a gateway.
#[derive(Debug)]
pub enum EditAction {
    /// Create it or replace it whole.
    Put {
        /// The document as sent.
        body: Body,
        /// Which rules it was written for.
        version: ApiVersion,
    },
    /// Remove it.
    Delete,
    /// Add a child or replace it.
    PutChild {
        /// Of this collection.
        collection: &'static Collection,
        /// Of this name.
        name: String,
        /// The child as sent.
        body: Body,
        /// Which rules it was written for.
        version: ApiVersion,
    },
    /// Remove a child.
    DeleteChild {
        /// Of this collection.
        collection: &'static Collection,
        /// Of this name.
        name: String,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Error)]
pub enum EditError {
    /// The document that it would lead to is not valid.
    #[error("{0}")]
    Invalid(Violations),
    /// A condition on the row does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// There is no such gateway.
    #[error("there is no such gateway")]
    NoGateway,
    /// There is no such child.
    #[error("there is no such child")]
    NoChild,
    /// The gateway is to go.
    #[error("the gateway is being deleted")]
    Deleting,
    /// Other children refer to it.
    #[error("it is used by {}", .0.join(", "))]
    InUse(Vec<String>),
    /// The store failed, or a port is taken.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Edit {
    /// ARM's name of what is done, for the audit log.
    pub fn action_name(&self) -> String {
        let of_child = |collection: &Collection, verb| format!("{}/{verb}", collection.resource_type());
        match &self.action {
            EditAction::Put { .. } => format!("{GATEWAY_TYPE}/write"),
            EditAction::Delete => format!("{GATEWAY_TYPE}/delete"),
            EditAction::PutChild { collection, .. } => of_child(collection, "write"),
            EditAction::DeleteChild { collection, .. } => of_child(collection, "delete"),
        }
    }

    /// The resource ID of what it is done to.
    pub fn resource_id(&self) -> String {
        match &self.action {
            EditAction::Put { .. } | EditAction::Delete => self.path.to_string(),
            EditAction::PutChild { collection, name, .. } | EditAction::DeleteChild { collection, name } => {
                self.path.child_id(collection, name)
            }
        }
    }

    /// Decides what becomes of the gateway.
    ///
    /// # Errors
    /// Why it cannot be done; then nothing changes.
    pub fn decide(&self, stored: Option<&Gateway>) -> Result<Decision, EditError> {
        let Edit { path, preconditions, action } = self;
        match action {
            EditAction::Put { body, version } => {
                check(preconditions, stored.map(|gateway| &gateway.etag))?;
                let old = alive(stored)?.map(|gateway| &gateway.document);
                let (document, violations) = Document::read(path.clone(), body, old, *version);
                replace(stored, document, violations, None)
            }
            EditAction::Delete => {
                let gateway = stored.ok_or(EditError::NoGateway)?;
                check(preconditions, Some(&gateway.etag))?;
                Ok(Decision::Delete)
            }
            EditAction::PutChild { collection, name, body, version } => {
                let gateway = alive(stored)?.ok_or(EditError::NoGateway)?;
                let child = gateway.document.child(collection, name);
                check(preconditions, child.and_then(|child| gateway.child_etag(child)))?;
                let (document, violations) = gateway.document.with_child(collection, name, body, *version);
                let child = document.target_of(collection, name);
                replace(Some(gateway), document, violations, child.as_deref())
            }
            EditAction::DeleteChild { collection, name } => {
                let gateway = alive(stored)?.ok_or(EditError::NoGateway)?;
                let child = gateway.document.child(collection, name).ok_or(EditError::NoChild)?;
                check(preconditions, gateway.child_etag(child))?;
                let users = users_of(&gateway.document, collection, name);
                if !users.is_empty() {
                    return Err(EditError::InUse(users));
                }
                let document = gateway.document.without_child(collection, name).ok_or(EditError::NoChild)?;
                replace(Some(gateway), document, Violations::default(), None)
            }
        }
    }
}

fn check(preconditions: &Preconditions, etag: Option<&Etag>) -> Result<(), EditError> {
    if preconditions.hold(etag) { Ok(()) } else { Err(EditError::PreconditionFailed) }
}

fn alive(stored: Option<&Gateway>) -> Result<Option<&Gateway>, EditError> {
    match stored {
        Some(gateway) if gateway.state == ProvisioningState::Deleting => Err(EditError::Deleting),
        other => Ok(other),
    }
}

/// Compiles the new document and compares it, and what it means, with the stored one. `child` is the path of the one child that was written,
/// if it was one: whoever writes a child knows only paths within it.
fn replace(
    stored: Option<&Gateway>,
    document: Document,
    mut violations: Violations,
    child: Option<&str>,
) -> Result<Decision, EditError> {
    let content = match compile(&document) {
        Ok(content) if violations.is_empty() => content,
        Ok(_) => return Err(EditError::Invalid(violations)),
        Err(found) => {
            violations.absorb(match child {
                Some(child) => found.seen_from(child),
                None => found,
            });
            return Err(EditError::Invalid(violations));
        }
    };
    let same = |stored: &Gateway| stored.document == document && stored.meaning == content.digest();
    Ok(if stored.is_some_and(same) { Decision::Keep } else { Decision::of(document, &content) })
}

#[cfg(test)]
mod tests;
