//! The history of gateways: their revisions, the differences between two, and going back to one.

use serde_json::Value;
use tidegate_shared::id::Generation;

use crate::arm::resource_id::GatewayPath;
use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::json_patch;
use crate::store::{Gateway, Revision, RevisionContent, Written};
use crate::violation::Warnings;

use super::view::revision as view;
use super::{Service, ServiceError, not_found};

/// A rendered revision of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct ShownRevision(pub(crate) Value);

/// The differences between two revisions of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct RevisionDiff {
    pub(crate) from: Generation,
    pub(crate) to: Generation,
    /// A JSON Patch of the properties `document` and `extensions`.
    pub(crate) patch: Vec<Value>,
    /// The resource IDs of the children whose secret differs.
    pub(crate) changed_secrets: Vec<String>,
}

impl Service {
    /// Returns at most `rows` revisions of a gateway, the newest first: all, or those before a generation. Also returns
    /// the last generation if more follow.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn revisions(
        &self,
        path: &GatewayPath,
        before: Option<Generation>,
        rows: usize,
    ) -> Result<(Vec<ShownRevision>, Option<Generation>), ServiceError> {
        let gateway = self.gateway(path).await?;
        let (revisions, more) = self.store.page_of_revisions(gateway.id, before, rows).await?;
        let last = revisions.last().map(|revision| revision.generation).filter(|_| more);
        let shown = revisions.iter().map(|revision| ShownRevision(view::revision(&gateway, revision)));
        Ok((shown.collect(), last))
    }

    /// Returns a revision with its content, but without secrets.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn revision(
        &self,
        path: &GatewayPath,
        name: &str,
    ) -> Result<ShownRevision, ServiceError> {
        let gateway = self.gateway(path).await?;
        let (revision, content) = self.find_revision(&gateway, name).await?;
        let mut shown = view::revision(&gateway, &revision);
        if let Value::Object(content) = view::content(&gateway, &content)
            && let Some(properties) = shown["properties"].as_object_mut()
        {
            properties.extend(content);
        }
        Ok(ShownRevision(shown))
    }

    /// Returns what differs in revision `to` from revision `from`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn diff_revisions(
        &self,
        path: &GatewayPath,
        (from, to): (&str, &str),
    ) -> Result<RevisionDiff, ServiceError> {
        let gateway = self.gateway(path).await?;
        let (from, old) = self.find_revision(&gateway, from).await?;
        let (to, new) = self.find_revision(&gateway, to).await?;
        Ok(RevisionDiff {
            from: from.generation,
            to: to.generation,
            patch: json_patch::diff(&view::content(&gateway, &old), &view::content(&gateway, &new)),
            changed_secrets: view::changed_secrets(&old, &new),
        })
    }

    /// Gives a gateway the content of a revision, secrets and extension documents included, in a new generation.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], the reason of rejection, or an error of the store; nothing changes then.
    pub(crate) async fn restore_revision(
        &self,
        mut author: Author,
        path: GatewayPath,
        preconditions: Preconditions,
        name: &str,
    ) -> Result<(Written, Warnings), ServiceError> {
        let gateway = self.gateway(&path).await?;
        let (revision, content) = self.find_revision(&gateway, name).await?;
        author.reason.get_or_insert_with(|| format!("Restored from revision {}", revision.generation));
        let action = EditAction::Restore { gateway: gateway.id, content: Box::new(content) };
        self.write(author, Edit { path, preconditions, action }).await
    }

    async fn find_revision(
        &self,
        gateway: &Gateway,
        name: &str,
    ) -> Result<(Revision, RevisionContent), ServiceError> {
        let path = &gateway.document.path;
        let unknown = || not_found::revision(path, name);
        let generation = Generation(name.parse().map_err(|_| unknown())?);
        self.store.revision((gateway.id, path), generation).await?.ok_or_else(unknown)
    }
}
