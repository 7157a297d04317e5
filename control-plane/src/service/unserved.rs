//! Reads and writes of resources of types that Tidegate does not serve. A write is complete when it returns, and has no
//! effect on any worker. `write` decides it.

mod write;

use serde_json::Value;

use crate::arm::unserved::{
    NOT_ENFORCED, NotUnserved, UnservedPath, is_made_with, list_result, made_key, maker_of, members, show,
};
use crate::etag::Etag;
use crate::store::{Page, UnservedResource};

use super::error::{UnservedError, not_found};
use super::resource_target::ResourceTarget;
use super::{ResourceGroupError, Service, ServiceError};

pub(crate) use write::UnservedAction;
pub(super) use write::{decide, no_parent};

/// The reason for a network security group, from which people expect protection.
const NO_FILTER: &str = "Tidegate stores network security groups and returns them, but does not filter connections: \
                         clients that the group keeps away in Azure reach the gateways.";

/// A resource that has no effect, or whose protection has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NotEnforced {
    /// The resource ID.
    pub(crate) id: String,
    /// The ARM type.
    pub(crate) kind: String,
    /// The reason, as a sentence.
    pub(crate) reason: String,
}

/// A resource of an unserved type as GET shows it.
#[derive(Debug)]
pub(crate) struct ShownUnserved {
    pub(crate) shown: Value,
    pub(crate) etag: Etag,
}

impl Service {
    /// Parses the resource ID of an unserved type.
    ///
    /// # Errors
    /// [`ServiceError::UnknownPath`] for text that is no resource ID, [`UnservedError::UnknownType`] for a misspelt type.
    pub(crate) fn unserved_path(id: &str) -> Result<UnservedPath, ServiceError> {
        match UnservedPath::parse(id) {
            Ok(path) => Ok(path),
            Err(NotUnserved::Misspelt { kind, nearest }) => {
                Err(UnservedError::UnknownType { kind, nearest }.into())
            }
            Err(NotUnserved::NoId | NotUnserved::Served) => Err(ServiceError::UnknownPath(id.to_owned())),
        }
    }

    /// Returns a resource.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn unserved(&self, path: &UnservedPath) -> Result<ShownUnserved, ServiceError> {
        let stored = self.find_unserved(path).await?.ok_or_else(|| not_found::unserved(path))?;
        Ok(self.shown(stored))
    }

    /// Returns a resource as GET shows it; `None` if it does not exist.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn show_unserved(&self, path: &UnservedPath) -> Result<Option<Value>, ServiceError> {
        Ok(self.find_unserved(path).await?.map(|stored| self.shown(stored).shown))
    }

    /// Returns a page of the resources of a type in a resource group or a subscription, or below another resource, by ID.
    /// `member` is the ID that any member of the list might have, and `list` that ID without the name.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the other resource does not exist, [`ResourceGroupError::NoGroup`], or an error of
    /// the store.
    pub(crate) async fn page_of_unserved(
        &self,
        (member, list): (&UnservedPath, &str),
        after: &str,
        rows: usize,
    ) -> Result<Page<Value>, ServiceError> {
        let below = match (&member.parent, &member.group) {
            (Some(parent), _) => {
                let target = ResourceTarget::of(parent);
                let target = target.ok_or_else(|| ServiceError::UnknownPath(parent.clone()))?;
                if target.show(self).await?.is_none() {
                    return Err(target.not_found());
                }
                list.to_owned()
            }
            (None, Some(group)) if self.store.group(&member.subscription, group).await?.is_none() => {
                return Err(ResourceGroupError::NoGroup(group.clone()).into());
            }
            (None, _) => member.scope_id(),
        };
        let stored = self.store.page_of_unserved(&below, &member.kind, after, rows).await?;
        let held = self.members_beside(member).await?;
        Ok(self.merged(stored, held, after, rows))
    }

    /// Returns the members that the parent of a resource holds in the list of that resource.
    async fn members_beside(&self, path: &UnservedPath) -> Result<Vec<UnservedResource>, ServiceError> {
        let Some(container) = path.container() else { return Ok(Vec::new()) };
        let container = self.store.unserved_resource(&container).await?;
        Ok(container.map(|container| held(&container, path.list())).unwrap_or_default())
    }

    /// Merges a page of stored resources with the members that their parent holds, of which there are few.
    fn merged(
        &self,
        stored: Page<UnservedResource>,
        held: Vec<UnservedResource>,
        after: &str,
        rows: usize,
    ) -> Page<Value> {
        let end = stored.next;
        let held = held.into_iter().map(|member| (member.path.key(), member));
        let is_here = |key: &String| key.as_str() > after && end.as_ref().is_none_or(|end| key <= end);
        let mut all: Vec<_> = held.filter(|(key, _)| is_here(key)).collect();
        all.extend(stored.rows);
        // Of two with one key the member stays, which is the first.
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.dedup_by(|(a, _), (b, _)| a == b);
        let next = if all.len() > rows { all.get(rows - 1).map(|(key, _)| key.clone()) } else { end };
        all.truncate(rows);
        let shown = |(key, resource)| (key, self.shown(resource).shown);
        Page { rows: all.into_iter().map(shown).collect(), next }
    }

    /// Returns what is not enforced: every gateway that relies on protection that no worker provides, once for each
    /// reason, every enabled firewall policy that no gateway uses, and every resource of an unserved type.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn not_enforced(&self) -> Result<Vec<NotEnforced>, ServiceError> {
        let mut found = self.unprotected_gateways().await?;
        found.extend(self.unused_policies().await?);
        let unserved = self.store.unserved_paths().await?.into_iter();
        found.extend(unserved.map(|path| NotEnforced {
            id: path.to_string(),
            reason: reason_of(&path.kind).to_owned(),
            kind: path.kind,
        }));
        Ok(found)
    }

    /// Returns the result of a `list*` action, such as `listKeys`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`UnservedError::NoAction`], or an error of the store.
    pub(crate) async fn list_of_unserved(
        &self,
        path: &UnservedPath,
        function: &str,
    ) -> Result<Value, ServiceError> {
        let stored = self.find_unserved(path).await?.ok_or_else(|| not_found::unserved(path))?;
        let seed = self.store.unserved_key_seed();
        let key = |label: &str| made_key(&seed, &stored.path, label);
        list_result(&stored.path, function, key).map_err(|why| UnservedError::NoAction(why).into())
    }

    /// Finds a resource: a member that its parent holds, a stored one, or one that Azure makes with a stored one.
    async fn find_unserved(&self, path: &UnservedPath) -> Result<Option<UnservedResource>, ServiceError> {
        if let Some(container) = path.container()
            && let Some(container) = self.store.unserved_resource(&container).await?
            && let Some(member) = member_of(&container, path)
        {
            return Ok(Some(member));
        }
        if let Some(stored) = self.store.unserved_resource(path).await? {
            return Ok(Some(stored));
        }
        let Some(maker) = maker_of(path) else { return Ok(None) };
        let maker = self.store.unserved_resource(&maker).await?;
        let implied = maker.filter(|maker| is_made_with(path, &maker.body)).map(|maker| {
            let location = maker.body.get_key_value("location");
            let body = location.map(|(name, value)| (name.clone(), value.clone())).into_iter().collect();
            UnservedResource { path: path.clone(), body, sealed_secrets: None, ..maker }
        });
        Ok(implied)
    }

    fn shown(&self, resource: UnservedResource) -> ShownUnserved {
        let UnservedResource { id, path, body, etag, .. } = resource;
        ShownUnserved { shown: show(&path, id, &body, self.issuer.tenant()), etag }
    }
}

/// Returns the member of a resource with that path, as a resource of its own. It has the entity tag of its parent.
pub(super) fn member_of(container: &UnservedResource, path: &UnservedPath) -> Option<UnservedResource> {
    let found = members::find((&container.path, container.id, &container.body), path)?;
    Some(as_resource(container, found))
}

fn held(container: &UnservedResource, list: &str) -> Vec<UnservedResource> {
    let members = members::all((&container.path, container.id, &container.body), list);
    members.into_iter().map(|member| as_resource(container, member)).collect()
}

fn as_resource(container: &UnservedResource, member: members::Member) -> UnservedResource {
    let members::Member { path, id, body } = member;
    UnservedResource { id, path, body, sealed_secrets: None, etag: container.etag.clone() }
}

/// Returns why a resource of a type is not enforced.
fn reason_of(kind: &str) -> &'static str {
    if kind.eq_ignore_ascii_case("Microsoft.Network/networkSecurityGroups") {
        NO_FILTER
    } else {
        NOT_ENFORCED
    }
}
