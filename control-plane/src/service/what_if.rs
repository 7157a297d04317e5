//! The effects of a change of a gateway, without making it: the resources that it creates, changes and deletes, the
//! listeners that it opens and closes, and what becomes of running requests and tunnels.
//!
//! The changes are decided by the code of real writes, one after the other on a gateway that only this module holds.
//! Nothing is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_shared::snapshot::Content;

use crate::arm::api_version::ApiVersion;
use crate::arm::collection::COLLECTIONS;
use crate::arm::extension::ExtensionPath;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::network_resources_of;
use crate::arm::page::Pages;
use crate::arm::resource_id::{GatewayPath, MemberPath};
use crate::audit::Author;
use crate::compile::compile;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::networking::external_refs;
use crate::store::{Claim, Gateway, RevisionContent};
use crate::violation::{Violations, Warnings, code};

use super::deployments::GatewayPreview;
use super::resource_target::ResourceTarget;
use super::traffic::Traffic;
use super::view::revision as view;
use super::{Service, ServiceError, not_found};

/// The api-version of bodies that name none. Later ones have no other rules.
const VERSION: ApiVersion = ApiVersion { date: (2025, 5, 1) };

/// The maximum number of resources in a request.
const MAX_RESOURCES: usize = 200;

/// The effects of a change.
#[derive(Debug)]
pub(crate) struct WhatIf {
    /// The resources that are created, changed or deleted, with the gateway first.
    pub(crate) changes: Vec<ResourceChange>,
    /// The addresses and ports at which the gateway begins to listen.
    pub(crate) opened: Vec<Claim>,
    /// The addresses and ports at which it no longer listens.
    pub(crate) closed: Vec<Claim>,
    /// The resource IDs of the certificates that get another key.
    pub(crate) replaced_certificates: Vec<String>,
    /// True if workers get a new generation.
    pub(crate) is_new_generation: bool,
    /// What becomes of running requests and tunnels.
    pub(crate) traffic: Traffic,
    pub(crate) warnings: Warnings,
}

/// A resource before and after a change, as GET shows it, without etags and states.
#[derive(Debug)]
pub(crate) struct ResourceChange {
    pub(crate) id: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl Service {
    /// Returns what a change would do. `body` is that of a PUT of the gateway, that of a child, a member or an extension
    /// document with its `id`, or an object with such bodies as `resources` and with IDs as `deletions`.
    ///
    /// # Errors
    /// The error with which the write would fail.
    pub(crate) async fn what_if(
        &self,
        author: &Author,
        path: &GatewayPath,
        body: Value,
    ) -> Result<WhatIf, ServiceError> {
        let stored = self.store.gateway(path).await?;
        let path = stored.as_ref().map_or(path, |gateway| &gateway.document.path).clone();
        let edits = self.edits(author, &path, body).await?;
        let mut preview = GatewayPreview::new(self, author, stored.clone());
        preview.apply(edits).await?;
        let (after, warnings) = preview.finish();
        let (old, old_content) = self.state(stored.as_ref(), true).await?;
        let (new, new_content) = self.state(after.as_ref(), false).await?;
        let any = after.as_ref().or(stored.as_ref()).ok_or_else(|| not_found::gateway(&path))?;
        let traffic = match &stored {
            Some(gateway) => self.traffic(gateway, new_content.clone()).await,
            None => Traffic { workers: Vec::new() },
        };
        let [before_claims, after_claims] = [&old_content, &new_content].map(Claim::of);
        let missing = |all: &[Claim], from: &[Claim]| {
            all.iter().filter(|claim| !from.contains(claim)).cloned().collect::<Vec<_>>()
        };
        let replaced_certificates = match (&old, &new) {
            (Some(old), Some(new)) => {
                let is_old = |id: &String| old.document.part(id).is_some();
                view::changed_secrets(old, new).into_iter().filter(is_old).collect()
            }
            _ => Vec::new(),
        };
        Ok(WhatIf {
            changes: changes(any, old.as_ref(), new.as_ref()),
            opened: missing(&after_claims, &before_claims),
            closed: missing(&before_claims, &after_claims),
            replaced_certificates,
            is_new_generation: old_content.digest() != new_content.digest(),
            traffic,
            warnings,
        })
    }

    /// Returns the content of a gateway and what it compiles to; nothing for one that does not exist.
    async fn state(
        &self,
        gateway: Option<&Gateway>,
        is_stored: bool,
    ) -> Result<(Option<RevisionContent>, Content), ServiceError> {
        let Some(gateway) = gateway else { return Ok((None, Content::default())) };
        let mut resources = Vec::new();
        for path in network_resources_of(&gateway.document) {
            resources.extend(self.store.network_resource(&path).await?.map(|(found, _)| found));
        }
        let pages = match self.store.gateway_by_id(gateway.id).await? {
            Some((_, refs)) => refs.pages,
            None => Pages::default(),
        };
        let stored = self.store.refs_with(resources, pages.clone(), Some(gateway.id)).await?;
        // The preview has decided what is bound, and has refused what cannot be.
        let refs = ExternalRefs { private: gateway.bound_addresses.clone(), ..external_refs(&stored) };
        let content = match compile(&gateway.document, &refs, &self.patterns) {
            Ok(content) => content,
            // No worker runs what no longer compiles after an upgrade.
            Err(_) if is_stored => Content::default(),
            Err(violations) => return Err(ServiceError::Invalid(violations)),
        };
        Ok((Some(RevisionContent { document: gateway.document.clone(), pages }), content))
    }

    /// Reads a request as a list of edits.
    async fn edits(
        &self,
        author: &Author,
        path: &GatewayPath,
        body: Value,
    ) -> Result<Vec<Edit>, ServiceError> {
        let mut violations = Violations::default();
        let (resources, deletions) = parts(body, &mut violations);
        let mut edits = Vec::new();
        for (target, body) in resources {
            let id = body.get("id").and_then(Value::as_str).map(str::to_owned);
            match put(path, id.as_deref()) {
                Some(Target::Gateway) => {
                    let action = EditAction::Put { body: self.prepare(body, author).await, version: VERSION };
                    edits.push(edit(path, action));
                }
                Some(Target::Child(collection, name)) => {
                    let body = self.prepare(body, author).await;
                    edits.push(edit(path, EditAction::PutChild { collection, name, body, version: VERSION }));
                }
                Some(Target::Member(member)) => {
                    let body = self.prepare(body, author).await;
                    edits.push(edit(path, EditAction::PutMember { path: member, body }));
                }
                Some(Target::Extension(ExtensionPath { kind, name, .. })) => {
                    edits.push(edit(path, EditAction::PutExtension { kind, name, body }));
                }
                None => violations.push(code::INVALID_FORMAT, join(&target, "id"), foreign(path)),
            }
        }
        for (at, id) in deletions.iter().enumerate() {
            let action = match put(path, Some(id)) {
                Some(Target::Gateway) => EditAction::Delete,
                Some(Target::Child(collection, name)) => EditAction::DeleteChild { collection, name },
                Some(Target::Member(path)) => EditAction::DeleteMember { path },
                Some(Target::Extension(ExtensionPath { kind, name, .. })) => {
                    EditAction::DeleteExtension { kind, name }
                }
                None => {
                    violations.push(code::INVALID_FORMAT, format!("deletions[{at}]"), foreign(path));
                    continue;
                }
            };
            edits.push(edit(path, action));
        }
        if violations.is_empty() { Ok(edits) } else { Err(ServiceError::Invalid(violations)) }
    }
}

fn edit(path: &GatewayPath, action: EditAction) -> Edit {
    Edit { path: path.clone(), preconditions: Preconditions::default(), action }
}

fn join(target: &str, name: &str) -> String {
    if target.is_empty() { name.to_owned() } else { format!("{target}.{name}") }
}

fn foreign(path: &GatewayPath) -> String {
    format!(
        "It must be the resource ID of the gateway {path}, of a child, of a member of one, or of an extension document."
    )
}

/// The part of a gateway that a body describes.
enum Target {
    Gateway,
    Child(&'static crate::arm::collection::Collection, String),
    Member(MemberPath),
    Extension(ExtensionPath),
}

/// Returns the part of the gateway with that ID; the gateway itself without one.
fn put(path: &GatewayPath, id: Option<&str>) -> Option<Target> {
    let Some(id) = id else { return Some(Target::Gateway) };
    let is_own = |gateway: &GatewayPath| gateway.key() == path.key();
    match ResourceTarget::of(id) {
        Some(ResourceTarget::Gateway(gateway)) => is_own(&gateway).then_some(Target::Gateway),
        Some(ResourceTarget::Child(gateway, collection, name)) => {
            is_own(&gateway).then_some(Target::Child(collection, name))
        }
        Some(ResourceTarget::Extension(extension)) => {
            is_own(&extension.gateway).then_some(Target::Extension(extension))
        }
        _ => member(path, id).map(Target::Member),
    }
}

/// Parses the ID of a member of a child of the gateway.
fn member(path: &GatewayPath, id: &str) -> Option<MemberPath> {
    let whole = path.to_string();
    let (gateway, rest) = id.split_at_checked(whole.len())?;
    let segments: Vec<&str> = rest.strip_prefix('/')?.split('/').collect();
    let [collection, child, nested, name] = segments[..] else { return None };
    if !gateway.eq_ignore_ascii_case(&whole) {
        return None;
    }
    let collection = COLLECTIONS.iter().find(|known| known.name.eq_ignore_ascii_case(collection))?;
    let nested = collection.nested_named(nested)?;
    Some(MemberPath { nested, child: child.to_owned(), name: name.to_owned() })
}

/// Splits a request into bodies, each with its path in the request, and the IDs of what is deleted.
fn parts(body: Value, violations: &mut Violations) -> (Vec<(String, Value)>, Vec<String>) {
    let Value::Object(mut object) = body else { return (vec![(String::new(), body)], Vec::new()) };
    if !object.contains_key("resources") && !object.contains_key("deletions") {
        return (vec![(String::new(), object.into())], Vec::new());
    }
    let mut list = |name: &str| match object.remove(name) {
        None => Vec::new(),
        Some(Value::Array(list)) if list.len() <= MAX_RESOURCES => list,
        Some(_) => {
            let message = format!("It must be a list of at most {MAX_RESOURCES} elements.");
            violations.push(code::INVALID_FORMAT, name, message);
            Vec::new()
        }
    };
    let (resources, deletions) = (list("resources"), list("deletions"));
    let mut ids = Vec::new();
    for (at, id) in deletions.into_iter().enumerate() {
        match id {
            Value::String(id) => ids.push(id),
            _ => {
                violations.push(code::INVALID_FORMAT, format!("deletions[{at}]"), "It must be a resource ID.")
            }
        }
    }
    for name in object.keys() {
        let message = "There are only 'resources' and 'deletions' beside each other.";
        violations.push(code::UNKNOWN_PROPERTY, name.as_str(), message);
    }
    let named = resources.into_iter().enumerate().map(|(at, body)| (format!("resources[{at}]"), body));
    (named.collect(), ids)
}

/// Compares a gateway part by part.
fn changes(
    gateway: &Gateway,
    old: Option<&RevisionContent>,
    new: Option<&RevisionContent>,
) -> Vec<ResourceChange> {
    let parts =
        |content: Option<&RevisionContent>| content.map(|content| split(view::content(gateway, content)));
    let (old, new) = (parts(old).unwrap_or_default(), parts(new).unwrap_or_default());
    let ids: Vec<&(usize, String)> =
        old.keys().chain(new.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let find = |parts: &BTreeMap<(usize, String), (String, Value)>, key| parts.get(key).cloned();
    let compared = ids.into_iter().filter_map(|key| {
        let (before, after) = (find(&old, key), find(&new, key));
        let id = after.as_ref().or(before.as_ref())?.0.clone();
        let (before, after) = (before.map(|(_, shown)| shown), after.map(|(_, shown)| shown));
        (before != after).then_some(ResourceChange { id, before, after })
    });
    compared.collect()
}

/// Splits a rendered content into resources by rank and lower-case ID: the gateway without its children, its children,
/// its extension documents.
fn split(content: Value) -> BTreeMap<(usize, String), (String, Value)> {
    let mut parts = BTreeMap::new();
    let mut add = |rank: usize, shown: Value| {
        let id = shown["id"].as_str().unwrap_or_default().to_owned();
        parts.insert((rank, id.to_ascii_lowercase()), (id, shown));
    };
    let Value::Object(mut content) = content else { return parts };
    let mut document = content.remove("document").unwrap_or_default();
    if let Some(properties) = document.get_mut("properties").and_then(Value::as_object_mut) {
        for (rank, collection) in COLLECTIONS.iter().enumerate() {
            if let Some(Value::Array(children)) = properties.remove(collection.name) {
                children.into_iter().for_each(|child| add(rank + 1, child));
            }
        }
    }
    add(0, document);
    if let Some(Value::Array(extensions)) = content.remove("extensions") {
        extensions.into_iter().for_each(|extension| add(COLLECTIONS.len() + 1, extension));
    }
    parts
}
