//! What a command works with: its context, its output, and the ways from a short name to a resource.

use std::error::Error;

use serde_json::Value;

use crate::api_client::{ApiClient, ApiRequest, GATEWAYS, ResourceId};
use crate::cli::{CommonOptions, Place, ResourceKind};
use crate::context::Context;
use crate::outcome::{Exit, Failure};
use crate::output::Output;

/// The context and the output of one command.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) context: Context,
    pub(crate) output: Output,
}

type Found<T> = Result<T, Box<dyn Error>>;

impl Session {
    /// Selects the context and the output.
    ///
    /// # Errors
    /// See [`Context::select`].
    pub(crate) fn open(options: &CommonOptions) -> Result<Session, Failure> {
        let context = Context::select(&options.connection)?;
        Ok(Session { context, output: Output::new(&options.output) })
    }

    /// The client of the REST API.
    pub(crate) fn api(&self) -> &ApiClient {
        &self.context.api
    }

    /// Returns all gateways in the scope of the command, by name.
    ///
    /// # Errors
    /// The control plane refuses, or cannot be reached.
    pub(crate) async fn gateways(&self) -> Found<Vec<Value>> {
        let subscriptions = match &self.context.subscription {
            Some(subscription) => vec![subscription.clone()],
            None => {
                let all = self.api().list(&ApiRequest::get("/subscriptions")).await?;
                all.iter().filter_map(|one| one["subscriptionId"].as_str().map(str::to_owned)).collect()
            }
        };
        let group = self.context.resource_group.as_ref().map(|group| format!("/resourceGroups/{group}"));
        let group = group.unwrap_or_default();
        let mut found = Vec::new();
        for subscription in subscriptions {
            let path = format!("/subscriptions/{subscription}{group}/providers/{GATEWAYS}");
            found.extend(self.api().list(&ApiRequest::get(path).with("$top", "1000")).await?);
        }
        found.sort_by_key(|gateway| gateway["name"].as_str().unwrap_or_default().to_lowercase());
        Ok(found)
    }

    /// Returns the gateway that is meant by a name or an ID, or by the context; `None` if neither names one.
    ///
    /// # Errors
    /// No gateway has the name, or several have it.
    pub(crate) async fn named_gateway(&self, chosen: Option<&str>) -> Found<Option<ResourceId>> {
        let Some(name) = chosen.or(self.context.gateway.as_deref()).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        if name.starts_with('/') {
            let id = ResourceId::parse(name).filter(|id| id.below.is_empty());
            return id
                .map(Some)
                .ok_or_else(|| Failure::usage(format!("`{name}` is not the ID of a gateway")).into());
        }
        check_name(name)?;
        if let (Some(subscription), Some(group)) = (&self.context.subscription, &self.context.resource_group)
        {
            return Ok(Some(ResourceId::gateway(subscription, group, name)));
        }
        let all = ids(&self.gateways().await?);
        let same: Vec<&ResourceId> = all.iter().filter(|id| id.gateway.eq_ignore_ascii_case(name)).collect();
        match same.as_slice() {
            [one] => Ok(Some((*one).clone())),
            [] => {
                let names: Vec<&str> = all.iter().map(|id| id.gateway.as_str()).collect();
                Err(Failure::new(
                    Exit::NotFound,
                    format!("there is no gateway `{name}`{}", there_are(&names)),
                )
                .into())
            }
            several => Err(ambiguous(&format!("several gateways are called `{name}`"), several).into()),
        }
    }

    /// Returns the gateway that is meant; the only one if none is named.
    ///
    /// # Errors
    /// As [`Session::named_gateway`]; or there is no gateway, or there are several.
    pub(crate) async fn gateway(&self, chosen: Option<&str>) -> Found<ResourceId> {
        if let Some(named) = self.named_gateway(chosen).await? {
            return Ok(named);
        }
        let all = ids(&self.gateways().await?);
        match all.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Failure::new(Exit::NotFound, "there is no gateway").into()),
            several => {
                let all: Vec<&ResourceId> = several.iter().collect();
                Err(ambiguous("there are several gateways; name one with --gateway", &all).into())
            }
        }
    }

    /// Returns the child or extension that is meant by an ID or a name. Without a gateway, the name must be unique
    /// among all gateways. A member of a child is named with its child, `child/name`, or alone where that is unique.
    ///
    /// # Errors
    /// No resource has the name, or several have it.
    pub(crate) async fn resource(
        &self,
        kind: &ResourceKind,
        name: &str,
        gateway: Option<&str>,
    ) -> Found<ResourceId> {
        if name.starts_with('/') {
            let is_of_kind =
                |id: &ResourceId| ResourceKind::of(&id.below).is_some_and(|found| found.noun == kind.noun);
            let id = ResourceId::parse(name).filter(is_of_kind);
            return id.ok_or_else(|| {
                Failure::usage(format!("`{name}` is not the ID of one of the {}", kind.plural)).into()
            });
        }
        let (parent, own) = match (kind.place, name.split_once('/')) {
            (Place::Child(collection), Some((parent, own))) => (Some((collection, parent)), own),
            _ => (None, name),
        };
        [Some(own), parent.map(|(_, parent)| parent)].into_iter().flatten().try_for_each(check_name)?;
        let gateways = match self.named_gateway(gateway).await? {
            Some(gateway) => match (kind.path(), parent) {
                (Some(path), _) => return Ok(gateway.join(&path).join(own)),
                (None, Some((collection, parent))) => {
                    return Ok(gateway.join(collection).join(parent).join(kind.collection).join(own));
                }
                (None, None) => vec![self.api().get(&gateway.to_string()).await?.body],
            },
            None => self.gateways().await?,
        };
        let mut found = Vec::new();
        for gateway in &gateways {
            for member in self.members(kind, gateway).await? {
                let Some(id) = member["id"].as_str().and_then(ResourceId::parse) else { continue };
                let is_of_parent = parent.is_none_or(|(_, parent)| {
                    id.below.get(1).is_some_and(|of| of.eq_ignore_ascii_case(parent))
                });
                if id.name().eq_ignore_ascii_case(own) && is_of_parent {
                    found.push(id);
                }
            }
        }
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let message = format!("there is no {} `{name}` in any gateway", kind.noun);
                Err(Failure::new(Exit::NotFound, message).into())
            }
            several => {
                let several: Vec<&ResourceId> = several.iter().collect();
                let what = format!("several gateways have a {} `{name}`; name one with --gateway", kind.noun);
                Err(ambiguous(&what, &several).into())
            }
        }
    }

    /// Returns the members of a kind that a gateway has, from its document where they are in it.
    ///
    /// # Errors
    /// The control plane refuses, or cannot be reached.
    pub(crate) async fn members(&self, kind: &ResourceKind, gateway: &Value) -> Found<Vec<Value>> {
        match kind.place {
            Place::Document => {
                Ok(gateway["properties"][kind.collection].as_array().cloned().unwrap_or_default())
            }
            Place::Child(parent) => {
                let parents = gateway["properties"][parent].as_array().into_iter().flatten();
                let members = parents.filter_map(|parent| parent["properties"][kind.collection].as_array());
                Ok(members.flatten().cloned().collect())
            }
            Place::Extension => {
                let id = gateway["id"].as_str().unwrap_or_default();
                let path = kind.path().unwrap_or_default();
                Ok(self.api().list(&ApiRequest::get(format!("{id}/{path}"))).await?)
            }
        }
    }
}

/// Checks that a name is one segment of a path: what follows a `?` would be no part of it, and another resource would
/// be meant.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    match name.contains(['/', '?', '%', '#']) {
        true => Err(Failure::usage(format!("`{name}` is neither a name nor an ID"))),
        false => Ok(()),
    }
}

/// Returns the IDs of documents of gateways.
pub(super) fn ids(gateways: &[Value]) -> Vec<ResourceId> {
    gateways.iter().filter_map(|gateway| ResourceId::parse(gateway["id"].as_str()?)).collect()
}

/// Returns the end of a message about an unknown name.
pub(super) fn there_are(names: &[&str]) -> String {
    match names {
        [] => "; there is none".to_owned(),
        names if names.len() <= 20 => format!("; there are: {}", names.join(", ")),
        names => format!("; there are {}, such as {}", names.len(), names[..20].join(", ")),
    }
}

fn ambiguous(what: &str, several: &[&ResourceId]) -> Failure {
    let ids: Vec<String> = several.iter().map(|id| format!("\n  {id}")).collect();
    Failure::usage(format!("{what}:{}", ids.concat()))
}
