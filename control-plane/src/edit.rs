//! What a request makes of a gateway: the stored document and the request in, a decision out. Pure.
//!
//! It runs inside the write transaction, so what it sees is what its decision replaces. Validity is compilability:
//! there is no check of content here beyond reading and compiling. What is checked besides is about the change, not
//! the content: what is settled for good, and how much may be added.

use serde_json::Value;
use thiserror::Error;

use crate::arm::body::Body;
use crate::arm::collection::Collection;
use crate::arm::document::{ApiVersion, Document, users_of};
use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::{NetworkPath, public_addresses_in};
use crate::arm::resource_id::{GATEWAY_TYPE, GatewayPath, MemberPath};
use crate::arm::tags;
use crate::compile::compile;
use crate::etag::{Etag, Preconditions};
use crate::identity::access::Client;
use crate::limits::Limits;
use crate::store::{Decision, Gateway, ProvisioningState, StoreError};
use crate::violation::Violations;

mod settled;

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
    /// Replace its tags, which no worker hears of.
    PutTags {
        /// The body as sent.
        body: Value,
    },
    /// Have workers run it, if they are not to already.
    Start,
    /// Have workers let go of it, until it is started or written.
    Stop,
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
    /// Add a member of a child or replace it. It has no row of its own: its version is that of the child.
    PutMember {
        /// Which.
        path: MemberPath,
        /// The member as sent.
        body: Body,
    },
    /// Remove a member of a child.
    DeleteMember {
        /// Which.
        path: MemberPath,
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
    /// The client may write it, but not use what it refers to.
    #[error("{} may not use {linked}", .client.app_id)]
    LinkForbidden {
        /// Who asks.
        client: Client,
        /// ARM's name of what is done.
        action: String,
        /// To what.
        resource: String,
        /// What it refers to.
        linked: String,
    },
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
        let of_member = |path: &MemberPath, verb| format!("{}/{verb}", path.nested.resource_type());
        match &self.action {
            EditAction::Put { .. } | EditAction::PutTags { .. } => format!("{GATEWAY_TYPE}/write"),
            EditAction::Start => format!("{GATEWAY_TYPE}/start/action"),
            EditAction::Stop => format!("{GATEWAY_TYPE}/stop/action"),
            EditAction::Delete => format!("{GATEWAY_TYPE}/delete"),
            EditAction::PutChild { collection, .. } => of_child(collection, "write"),
            EditAction::DeleteChild { collection, .. } => of_child(collection, "delete"),
            EditAction::PutMember { path, .. } => of_member(path, "write"),
            EditAction::DeleteMember { path } => of_member(path, "delete"),
        }
    }

    /// The body that was sent, where there is one that may refer to other resources.
    pub fn sent(&self) -> Option<&Value> {
        match &self.action {
            EditAction::Put { body, .. }
            | EditAction::PutChild { body, .. }
            | EditAction::PutMember { body, .. } => Some(&body.json),
            _ => None,
        }
    }

    /// The resource ID of what it is done to.
    pub fn resource_id(&self) -> String {
        match &self.action {
            EditAction::Put { .. }
            | EditAction::PutTags { .. }
            | EditAction::Start
            | EditAction::Stop
            | EditAction::Delete => self.path.to_string(),
            EditAction::PutChild { collection, name, .. } | EditAction::DeleteChild { collection, name } => {
                self.path.child_id(collection, name)
            }
            EditAction::PutMember { path, .. } | EditAction::DeleteMember { path } => {
                self.path.member_id(path)
            }
        }
    }

    /// The public IP addresses that the request refers to, stored or not.
    pub fn public_addresses(&self) -> Vec<NetworkPath> {
        match &self.action {
            EditAction::Put { body, .. }
            | EditAction::PutChild { body, .. }
            | EditAction::PutMember { body, .. } => public_addresses_in(&body.json),
            _ => Vec::new(),
        }
    }

    /// Decides what becomes of the gateway, which may grow within `limits`. `external_refs` is what is stored of what the
    /// gateway and the request refer to.
    ///
    /// # Errors
    /// Why it cannot be done; then nothing changes.
    pub fn decide(
        &self,
        limits: &Limits,
        external_refs: &ExternalRefs,
        stored: Option<&Gateway>,
    ) -> Result<Decision, EditError> {
        match &self.action {
            EditAction::Put { body, version } => self.put(body, *version, limits, external_refs, stored),
            EditAction::PutTags { body } => replace_tags(self.whole(stored)?, body),
            EditAction::Start => {
                // Compiled anew: it was passed over when this version brought the others up to date.
                let document = self.whole(stored)?.document.clone();
                replace(stored, external_refs, document, Violations::default(), None)
            }
            EditAction::Stop => self.whole(stored).map(|_| Decision::Stop),
            EditAction::Delete => {
                let gateway = stored.ok_or(EditError::NoGateway)?;
                check(&self.preconditions, Some(&gateway.etag))?;
                Ok(Decision::Delete)
            }
            EditAction::PutChild { collection, name, body, version } => {
                let sent = (body, *version);
                self.put_child((collection, name), sent, limits, external_refs, around(stored)?)
            }
            EditAction::DeleteChild { collection, name } => {
                self.delete_child((collection, name), external_refs, around(stored)?)
            }
            EditAction::PutMember { path, body } => {
                self.put_member(path, body, limits, external_refs, around(stored)?)
            }
            EditAction::DeleteMember { path } => self.delete_member(path, external_refs, around(stored)?),
        }
    }

    /// The gateway, where the change is one of it as a whole.
    fn whole<'a>(&self, stored: Option<&'a Gateway>) -> Result<&'a Gateway, EditError> {
        let gateway = around(stored)?;
        check(&self.preconditions, Some(&gateway.etag))?;
        Ok(gateway)
    }

    fn put(
        &self,
        body: &Body,
        version: ApiVersion,
        limits: &Limits,
        external_refs: &ExternalRefs,
        stored: Option<&Gateway>,
    ) -> Result<Decision, EditError> {
        check(&self.preconditions, stored.map(|gateway| &gateway.etag))?;
        let old = alive(stored)?.map(|gateway| &gateway.document);
        let (document, mut violations) = Document::read(self.path.clone(), body, old, version);
        settled::check(&document, old, &mut violations);
        violations.absorb(limits.check(&document, old));
        replace(stored, &external_refs.with(&body.pages), document, violations, None)
    }

    fn put_child(
        &self,
        (collection, name): (&'static Collection, &str),
        (body, version): (&Body, ApiVersion),
        limits: &Limits,
        external_refs: &ExternalRefs,
        gateway: &Gateway,
    ) -> Result<Decision, EditError> {
        let child = gateway.document.child(collection, name);
        check(&self.preconditions, child.and_then(|child| gateway.child_etag(child)))?;
        let (document, mut violations) = gateway.document.with_child(collection, name, body, version);
        let child = document.target_of(collection, name);
        let beyond = limits.check(&document, Some(&gateway.document));
        violations.absorb(beyond.seen_from(child.as_deref().unwrap_or_default()));
        replace(Some(gateway), &external_refs.with(&body.pages), document, violations, child.as_deref())
    }

    fn delete_child(
        &self,
        (collection, name): (&'static Collection, &str),
        external_refs: &ExternalRefs,
        gateway: &Gateway,
    ) -> Result<Decision, EditError> {
        let child = gateway.document.child(collection, name).ok_or(EditError::NoChild)?;
        check(&self.preconditions, gateway.child_etag(child))?;
        let users = users_of(&gateway.document, collection, name);
        if !users.is_empty() {
            return Err(EditError::InUse(users));
        }
        let document = gateway.document.without_child(collection, name).ok_or(EditError::NoChild)?;
        replace(Some(gateway), external_refs, document, Violations::default(), None)
    }

    fn put_member(
        &self,
        path: &MemberPath,
        body: &Body,
        limits: &Limits,
        external_refs: &ExternalRefs,
        gateway: &Gateway,
    ) -> Result<Decision, EditError> {
        let member = gateway.document.member(path);
        check(&self.preconditions, member.and_then(|(child, _)| gateway.child_etag(child)))?;
        let put = gateway.document.with_member(path, body);
        let (document, mut violations) = put.ok_or(EditError::NoChild)?;
        let member = document.target_of_member(path);
        let beyond = limits.check(&document, Some(&gateway.document));
        violations.absorb(beyond.seen_from(member.as_deref().unwrap_or_default()));
        replace(Some(gateway), external_refs, document, violations, member.as_deref())
    }

    fn delete_member(
        &self,
        path: &MemberPath,
        external_refs: &ExternalRefs,
        gateway: &Gateway,
    ) -> Result<Decision, EditError> {
        let (child, _) = gateway.document.member(path).ok_or(EditError::NoChild)?;
        check(&self.preconditions, gateway.child_etag(child))?;
        let document = gateway.document.without_member(path).ok_or(EditError::NoChild)?;
        replace(Some(gateway), external_refs, document, Violations::default(), None)
    }
}

/// Puts other tags on the document. What else is wrong with it (after an upgrade) is not this change's fault.
fn replace_tags(gateway: &Gateway, patch: &Value) -> Result<Decision, EditError> {
    let mut document = gateway.document.clone();
    let violations = tags::replace(&mut document.body, patch.clone());
    if violations.is_empty() { Ok(Decision::Relabel(document)) } else { Err(EditError::Invalid(violations)) }
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

/// The gateway around what is to change.
fn around(stored: Option<&Gateway>) -> Result<&Gateway, EditError> {
    alive(stored)?.ok_or(EditError::NoGateway)
}

/// Compiles the new document and compares it, and what it means, with the stored one. `child` is the path of the one
/// child that was written, if it was one: whoever writes a child knows only paths within it.
fn replace(
    stored: Option<&Gateway>,
    external_refs: &ExternalRefs,
    document: Document,
    mut violations: Violations,
    child: Option<&str>,
) -> Result<Decision, EditError> {
    let content = match compile(&document, external_refs) {
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
    let config_digest = content.digest();
    let same = |stored: &Gateway| stored.document == document && stored.config_digest == config_digest;
    Ok(if stored.is_some_and(same) {
        Decision::Keep
    } else {
        Decision::of(document, &content, config_digest, &external_refs.pages)
    })
}

#[cfg(test)]
mod tests;
