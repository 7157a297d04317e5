//! Reads and writes of gateways and their children.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::addresses::is_here;
use crate::arm::body::Body;
use crate::arm::document::FileReference;
use crate::arm::extension::CERTIFICATE_SOURCES;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::references_of;
use crate::arm::resource_id::GatewayPath;
use crate::audit::{Activity, Author};
use crate::edit::{DecisionContext, Edit, EditAction, EditError};
use crate::identity::access::Client;
use crate::identity::links;
use crate::networking::external_refs;
use crate::store::{Decided, Decision, Gateway, GatewayPage, StoredRefs, Written};
use crate::violation::{Violations, Warnings, code};

use super::error::not_found;
use super::{Service, ServiceError};

impl Service {
    /// Returns a gateway.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn gateway(&self, path: &GatewayPath) -> Result<Gateway, ServiceError> {
        self.store.gateway(path).await?.ok_or_else(|| not_found::gateway(path))
    }

    /// Commits a change and wakes the rollout. The author may have fixed, outside of Tidegate, the reason why
    /// workers rejected the previous generation, so a successful write also makes the rollout retry. A rejected
    /// write does not. Also returns the warnings for the author.
    ///
    /// # Errors
    /// The reason of rejection, or an error of the store; nothing changes then.
    pub(crate) async fn write(
        &self,
        author: Author,
        edit: Edit,
    ) -> Result<(Written, Warnings), ServiceError> {
        let written = self.write_edit(author, &edit).await;
        written.map_err(|error| ServiceError::from_edit(error, &edit))
    }

    async fn write_edit(&self, author: Author, edit: &Edit) -> Result<(Written, Warnings), EditError> {
        let activity = activity(author, edit);
        check_links(&activity, edit)?;
        self.check_files(edit, &activity.author.name).await?;
        let warnings = Mutex::new(Warnings::default());
        let written = match edit.action {
            EditAction::Delete => {
                let refs = ExternalRefs::default();
                let decide =
                    |stored: Option<&Gateway>| edit.decision(self.decision_context(&refs), stored).map(drop);
                self.store.delete(&edit.path, &activity, decide).await?
            }
            _ => {
                let named = edit.network_resources();
                let absent = self.absent_addresses(edit);
                let decide = |stored: Option<&Gateway>, refs: &StoredRefs| {
                    let mut refs = external_refs(refs);
                    refs.private.absent.clone_from(&absent);
                    let (decision, found) = edit.decide(self.decision_context(&refs), stored)?;
                    check_stored_links(&activity, &decision, stored)?;
                    let decided = Decided { decision, warnings: found.to_json() };
                    *warnings.lock().unwrap_or_else(PoisonError::into_inner) = found;
                    Ok::<_, EditError>(decided)
                };
                self.store.write(&edit.path, &activity, &named, decide).await?
            }
        };
        // A rejection of an earlier write ends with the new operation, so nothing has to be cleared. The wake
        // stands after the commit because `decide` is pure and may be called more than once.
        self.fleet.wake();
        self.note_fetched(edit, &written.gateway);
        let warnings = warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
        log_gaps(&activity.resource, &warnings);
        Ok((written, warnings))
    }

    /// Refuses a source of a certificate whose files cannot be used. Later, what was read from them stays in use.
    async fn check_files(&self, edit: &Edit, client: &String) -> Result<(), EditError> {
        let EditAction::PutExtension { kind, body, .. } = &edit.action else { return Ok(()) };
        let path = |name: &str| Some(body.get("properties")?.get(name)?.as_str()?.to_owned());
        let (Some(certificate), Some(key)) = (path("certificatePath"), path("keyPath")) else {
            return Ok(());
        };
        if *kind != CERTIFICATE_SOURCES {
            return Ok(());
        }
        let reference = FileReference { certificate, key };
        match self.body_preparer.read_files(&reference, client).await {
            Ok(_) => Ok(()),
            Err(fault) => {
                let mut violations = Violations::default();
                violations.push(code::CERTIFICATE_SOURCE, "properties", sentence(fault.reason()));
                Err(EditError::Invalid(violations))
            }
        }
    }

    /// Notes what a write has changed of the certificates that come from vaults.
    fn note_fetched(&self, edit: &Edit, gateway: &Gateway) {
        match &edit.action {
            EditAction::Delete => self.fetched.forget(&gateway.document.path.key()),
            // The stored ones may be older than the gateway's last stop, or than the revision that was replaced.
            EditAction::Start | EditAction::Restore { .. } => self.fetched.want(),
            EditAction::PutExtension { kind, .. } if *kind == CERTIFICATE_SOURCES => self.fetched.want(),
            _ => {
                self.fetched.note(gateway, edit.fetched());
                // A certificate that an earlier document of the extension provider reads from files.
                if self.fetched.lacks_files_of(gateway) {
                    self.fetched.want();
                }
            }
        }
    }

    /// Opens the certificates of a body, fetches its error pages and compiles its patterns, for the edit that it is part of.
    pub(crate) async fn prepare(&self, json: Value, author: &Author) -> Body {
        self.body_preparer.prepare(json, &author.name).await
    }

    /// Returns at most `rows` gateways of a subscription, or of one resource group in it, in the order of group and name:
    /// the first ones, or those after a group and a name.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn page_of_gateways(
        &self,
        subscription: &str,
        group: Option<&str>,
        after: Option<&[String; 2]>,
        rows: usize,
    ) -> Result<GatewayPage, ServiceError> {
        Ok(self.store.page_of_gateways(subscription, group, after, rows).await?)
    }

    /// Returns the references for a decision about an edit outside of a write.
    pub(super) fn refs_for(&self, edit: &Edit, stored: &StoredRefs) -> ExternalRefs {
        let mut refs = external_refs(stored);
        refs.private.absent = self.absent_addresses(edit);
        refs
    }

    /// Returns the private addresses of an edit that do not exist on this machine, if that matters.
    fn absent_addresses(&self, edit: &Edit) -> BTreeSet<IpAddr> {
        if !self.store.address_plan().asks_for_absent() {
            return BTreeSet::new();
        }
        edit.private_addresses().into_iter().filter(|address| !is_here(*address)).collect()
    }

    pub(super) fn decision_context<'a>(&'a self, external_refs: &'a ExternalRefs) -> DecisionContext<'a> {
        DecisionContext {
            rules: &self.rules,
            unserved_protection: self.rules.unserved_protection,
            patterns: &self.patterns,
            external_refs,
        }
    }
}

/// Returns a reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut rest = reason.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}

/// Logs which protection of the resource is not enforced: once for each write.
pub(super) fn log_gaps(resource: &str, warnings: &Warnings) {
    for warning in warnings.iter().filter(|warning| warning.code == code::PROTECTION) {
        tracing::warn!(resource, target = warning.target, "PROTECTION NOT ENFORCED: {}", warning.message);
    }
}

/// Returns the entry for the audit log.
pub(super) fn activity(author: Author, edit: &Edit) -> Activity {
    Activity { author, action: edit.action_name(), resource: edit.resource_id() }
}

/// Rejects a request that refers to resources which the author may not use.
pub(super) fn check_links(activity: &Activity, edit: &Edit) -> Result<(), EditError> {
    let (Some(client), Some(sent)) = (&activity.author.client, edit.sent()) else { return Ok(()) };
    match links::forbidden(client, &activity.resource, sent) {
        Some(linked) => Err(link_forbidden(activity, client, linked.to_string())),
        None => Ok(()),
    }
}

/// Rejects a document that refers to resources which the author may not use and to which the stored document
/// does not refer already. The request itself has been checked before; this checks the document that results
/// from it.
fn check_stored_links(
    activity: &Activity,
    decision: &Decision,
    stored: Option<&Gateway>,
) -> Result<(), EditError> {
    let (Some(client), Decision::Replace { document, .. }) = (&activity.author.client, decision) else {
        return Ok(());
    };
    let known = stored.map(|stored| references_of(&stored.document)).unwrap_or_default();
    let is_known = |id: &str| known.iter().any(|reference| reference.target.eq_ignore_ascii_case(id));
    let forbidden = references_of(document)
        .into_iter()
        .map(|reference| reference.target)
        .find(|target| !is_known(target) && !client.may_name(&activity.resource, target));
    match forbidden {
        Some(linked) => Err(link_forbidden(activity, client, linked)),
        None => Ok(()),
    }
}

fn link_forbidden(activity: &Activity, client: &Client, linked: String) -> EditError {
    let (action, resource) = (activity.action.clone(), activity.resource.clone());
    EditError::LinkForbidden { client: client.clone(), action, resource, linked }
}

#[cfg(test)]
mod tests;
