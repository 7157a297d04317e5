//! Decides about a change of a gateway from the stored document and the request. Pure.
//!
//! Runs inside the write transaction, so that the decision replaces exactly the row it was based on. A document
//! is valid if it compiles: the content is checked only by reading and compiling. The other checks concern the
//! change: immutable properties, and limits on growth.

use serde_json::Value;
use tidegate_shared::id::{Digest, GatewayId};
use tidegate_shared::snapshot::Content;

use crate::arm::body::Body;
use crate::arm::collection::Collection;
use crate::arm::document::{ApiVersion, Document, users_of};
use crate::arm::extension::ExtensionType;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::references_of;
use crate::arm::resource_id::MemberPath;
use crate::arm::tags;
use crate::compile::{PatternCache, compile, notices, private_addresses};
use crate::document_rules::DocumentRules;
use crate::etag::{Etag, Preconditions};
use crate::protection::{self, UnservedProtection};
use crate::store::{Claim, Decision, Gateway, ProvisioningState, RevisionContent};
use crate::violation::{Violations, Warnings};

mod action;
mod error;
mod settled;

pub(crate) use action::{Edit, EditAction};
pub(crate) use error::EditError;

/// The input of a decision beside the request and the stored gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecisionContext<'a> {
    /// The decisions of the operator about documents, such as the limits for their growth.
    pub(crate) rules: &'a DocumentRules,
    /// The treatment of a gateway that relies on protection that no worker provides.
    pub(crate) unserved_protection: UnservedProtection,
    /// The cache of the compiler's results for patterns.
    pub(crate) patterns: &'a PatternCache,
    /// The stored resources that the gateway and the request refer to.
    pub(crate) external_refs: &'a ExternalRefs,
}

impl DecisionContext<'_> {
    /// The context of a change that does not send the gateway's document: what was accepted once can be started, and parts of it can be
    /// deleted.
    fn without_refusals(self) -> Self {
        DecisionContext { unserved_protection: UnservedProtection::Warn, ..self }
    }
}

impl Edit {
    /// Decides about the change, without the warnings.
    ///
    /// # Errors
    /// The reason of rejection; nothing changes then.
    pub(crate) fn decision(
        &self,
        context: DecisionContext<'_>,
        stored: Option<&Gateway>,
    ) -> Result<Decision, EditError> {
        self.decide(context, stored).map(|(decision, _)| decision)
    }

    /// Decides about the change. Also returns the warnings for its author. Pure.
    ///
    /// # Errors
    /// The reason of rejection; nothing changes then.
    pub(crate) fn decide(
        &self,
        context: DecisionContext<'_>,
        stored: Option<&Gateway>,
    ) -> Result<(Decision, Warnings), EditError> {
        match &self.action {
            EditAction::Put { body, version } => self.put(body, *version, context, stored),
            EditAction::PutTags { body } => replace_tags(self.whole(stored)?, body),
            EditAction::Start => {
                // Compiled again, because recompilation after an upgrade skips stopped gateways.
                let document = self.whole(stored)?.document.clone();
                replace(stored, context.without_refusals(), document, Violations::default(), None)
            }
            EditAction::Stop => self.whole(stored).map(|_| (Decision::Stop, Warnings::default())),
            EditAction::Delete => {
                let gateway = stored.ok_or(EditError::NoGateway)?;
                check(&self.preconditions, Some(&gateway.etag))?;
                Ok((Decision::Delete, Warnings::default()))
            }
            EditAction::PutChild { collection, name, body, version } => {
                let sent = (body, *version);
                self.put_child((collection, name), sent, context, around(stored)?)
            }
            EditAction::DeleteChild { collection, name } => {
                self.delete_child((collection, name), context.without_refusals(), around(stored)?)
            }
            EditAction::PutMember { path, body } => self.put_member(path, body, context, around(stored)?),
            EditAction::DeleteMember { path } => {
                self.delete_member(path, context.without_refusals(), around(stored)?)
            }
            EditAction::PutExtension { kind, name, body } => {
                self.put_extension((kind, name), body, context.without_refusals(), around(stored)?)
            }
            EditAction::DeleteExtension { kind, name } => {
                self.delete_extension((kind, name), context.without_refusals(), around(stored)?)
            }
            EditAction::StoreFetched { fetched } => {
                let gateway = self.whole(stored)?;
                // A write starts a stopped gateway, and its certificates are fetched when it is started.
                if gateway.operational.is_off() {
                    return Err(EditError::PreconditionFailed);
                }
                let document = gateway.document.with_fetched(fetched);
                replace(stored, context.without_refusals(), document, Violations::default(), None)
            }
            EditAction::Restore { gateway, content } => {
                self.restore((*gateway, content), context, around(stored)?)
            }
        }
    }

    /// Returns the gateway for a change of it as a whole, after checking the preconditions.
    fn whole<'a>(&self, stored: Option<&'a Gateway>) -> Result<&'a Gateway, EditError> {
        let gateway = around(stored)?;
        check(&self.preconditions, Some(&gateway.etag))?;
        Ok(gateway)
    }

    fn put(
        &self,
        body: &Body,
        version: ApiVersion,
        context: DecisionContext<'_>,
        stored: Option<&Gateway>,
    ) -> Result<(Decision, Warnings), EditError> {
        check(&self.preconditions, stored.map(|gateway| &gateway.etag))?;
        let old = alive(stored)?.map(|gateway| &gateway.document);
        let (document, mut violations) = Document::read(self.path.clone(), body, old, version);
        settled::check(&document, old, &mut violations);
        violations.absorb(context.rules.limits.check(&document, old));
        violations.absorb(notices(&document));
        let external_refs = context.external_refs.with(&body.pages);
        let context = DecisionContext { external_refs: &external_refs, ..context };
        replace(stored, context, document, violations, None)
    }

    fn put_child(
        &self,
        (collection, name): (&'static Collection, &str),
        (body, version): (&Body, ApiVersion),
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        let child = gateway.document.child(collection, name);
        check(&self.preconditions, child.and_then(|child| gateway.child_etag(child)))?;
        let (document, mut violations) = gateway.document.with_child(collection, name, body, version);
        let child = document.target_of(collection, name);
        let beyond = context.rules.limits.check(&document, Some(&gateway.document));
        violations.absorb(beyond.seen_from(child.as_deref().unwrap_or_default()));
        let external_refs = context.external_refs.with(&body.pages);
        let context = DecisionContext { external_refs: &external_refs, ..context };
        replace(Some(gateway), context, document, violations, child.as_deref())
    }

    fn delete_child(
        &self,
        (collection, name): (&'static Collection, &str),
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        let child = gateway.document.child(collection, name).ok_or(EditError::NoChild)?;
        check(&self.preconditions, gateway.child_etag(child))?;
        let users = users_of(&gateway.document, collection, name);
        if !users.is_empty() {
            return Err(EditError::InUse(users));
        }
        let document = gateway.document.without_child(collection, name).ok_or(EditError::NoChild)?;
        replace(Some(gateway), context, document, Violations::default(), None)
    }

    fn put_member(
        &self,
        path: &MemberPath,
        body: &Body,
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        let member = gateway.document.member(path);
        check(&self.preconditions, member.and_then(|(child, _)| gateway.child_etag(child)))?;
        let put = gateway.document.with_member(path, body);
        let (document, mut violations) = put.ok_or(EditError::NoChild)?;
        let member = document.target_of_member(path);
        let beyond = context.rules.limits.check(&document, Some(&gateway.document));
        violations.absorb(beyond.seen_from(member.as_deref().unwrap_or_default()));
        replace(Some(gateway), context, document, violations, member.as_deref())
    }

    fn delete_member(
        &self,
        path: &MemberPath,
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        let (child, _) = gateway.document.member(path).ok_or(EditError::NoChild)?;
        check(&self.preconditions, gateway.child_etag(child))?;
        let document = gateway.document.without_member(path).ok_or(EditError::NoChild)?;
        replace(Some(gateway), context, document, Violations::default(), None)
    }

    fn put_extension(
        &self,
        (kind, name): (&'static ExtensionType, &str),
        body: &Value,
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        check(&self.preconditions, gateway.extension(kind, name).map(|(_, etag)| etag))?;
        let (document, extension, violations) = gateway.document.with_extension(kind, name, body);
        replace(Some(gateway), context, document, violations, Some(&extension.target()))
    }

    /// The content was accepted once, but rules and limits may have changed since. The preconditions concern the whole
    /// content, because extension documents are replaced as well.
    fn restore(
        &self,
        (id, content): (GatewayId, &RevisionContent),
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        // The etag of the gateway is taken too, as everywhere: it covers all but the extension documents.
        check(&self.preconditions, Some(&gateway.content_etag()))
            .or_else(|_| check(&self.preconditions, Some(&gateway.etag)))?;
        if gateway.id != id {
            return Err(EditError::PreconditionFailed);
        }
        let mut document = content.document.clone();
        document.keep_fetched(&gateway.document);
        let mut violations = Violations::default();
        settled::check(&document, Some(&gateway.document), &mut violations);
        violations.absorb(context.rules.limits.check(&document, Some(&gateway.document)));
        violations.absorb(notices(&document));
        let external_refs = context.external_refs.with(&content.pages);
        let context = DecisionContext { external_refs: &external_refs, ..context };
        replace(Some(gateway), context, document, violations, None)
    }

    fn delete_extension(
        &self,
        (kind, name): (&'static ExtensionType, &str),
        context: DecisionContext<'_>,
        gateway: &Gateway,
    ) -> Result<(Decision, Warnings), EditError> {
        let (_, etag) = gateway.extension(kind, name).ok_or(EditError::NoChild)?;
        check(&self.preconditions, Some(etag))?;
        let document = gateway.document.without_extension(kind, name).ok_or(EditError::NoChild)?;
        replace(Some(gateway), context, document, Violations::default(), None)
    }
}

/// Replaces the tags. Violations of the rest of the document (after an upgrade) do not prevent that.
fn replace_tags(gateway: &Gateway, patch: &Value) -> Result<(Decision, Warnings), EditError> {
    let mut document = gateway.document.clone();
    let violations = tags::replace(&mut document.body, patch.clone());
    if violations.is_empty() {
        Ok((Decision::ReplaceTags(document), violations.1))
    } else {
        Err(EditError::Invalid(violations))
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

/// Returns the gateway that contains the child to change.
fn around(stored: Option<&Gateway>) -> Result<&Gateway, EditError> {
    alive(stored)?.ok_or(EditError::NoGateway)
}

/// Compiles the new document and compares it and its content with the stored ones. `child` is the path of the
/// child, member or extension document that was written, if any: targets of violations are relative to it.
fn replace(
    stored: Option<&Gateway>,
    context: DecisionContext<'_>,
    document: Document,
    mut violations: Violations,
    child: Option<&str>,
) -> Result<(Decision, Warnings), EditError> {
    context.rules.unknown_properties.apply(&mut violations);
    let content = match compile(&document, context.external_refs, context.patterns) {
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
    let mut found = Violations::default();
    let gaps = protection::of_gateway(&document, context.external_refs);
    context.unserved_protection.judge(&gaps, &mut found);
    violations.absorb(match child {
        Some(child) => found.seen_from(child),
        None => found,
    });
    if !violations.is_empty() {
        return Err(EditError::Invalid(violations));
    }
    let config_digest = content.digest();
    let same = |stored: &Gateway| stored.document == document && stored.config_digest == config_digest;
    let decision = if stored.is_some_and(same) {
        Decision::Keep
    } else {
        replacement(document, &content, config_digest, context.external_refs)
    };
    Ok((decision, violations.1))
}

/// The decision to store a document that compiles to `content`, of which `config_digest` is the digest. `external_refs` is
/// what it was compiled with.
pub(crate) fn replacement(
    document: Document,
    content: &Content,
    config_digest: Digest,
    external_refs: &ExternalRefs,
) -> Decision {
    Decision::Replace {
        claims: Claim::of(content),
        references: references_of(&document),
        pages: document.pages_among(&external_refs.pages),
        held: external_refs.private.held_for(private_addresses(&document)),
        config_digest,
        document,
    }
}

#[cfg(test)]
mod tests;
