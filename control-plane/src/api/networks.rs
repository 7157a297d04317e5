//! Virtual networks and public IP addresses: put, get, list, label, delete. All of it is done when it is answered.

mod view;

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::arm::network::path::SUBNET_TYPE;
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::audit::{Act, Author};
use crate::networking::{NetworkAction, NetworkEdit, NetworkError};
use crate::store::{NetworkResource, NetworkWritten, User};

use super::error::ApiError;
use super::extract::network::{NetworkTarget, OfKind};
use super::extract::{
    ApiVersionParam, BaseUrl, Conditions, GroupScope, JsonBody, RequestAuthor, SubscriptionScope,
};
use super::paging::Paging;
use super::{App, Shared};

pub(super) use view::{subnet, subnets};

/// The property that holds a public IP address.
const IP_ADDRESS: &str = "ipAddress";

pub(super) async fn put(
    State(app): Shared,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = app.network_put(&path, body).await?;
    let edit = NetworkEdit { path: path.clone(), preconditions, action };
    answer_put(&app, &path, app.write_network(author, edit).await).await
}

pub(super) async fn get(
    State(app): Shared,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
) -> Result<Response, ApiError> {
    let (resource, users) = app.store.network_resource(&path).await?.ok_or_else(|| not_found(&path))?;
    let shown = app.show_network(&resource, &users).await?;
    Ok(([(ETAG, resource.etag.0)], Json(shown)).into_response())
}

pub(super) async fn patch(
    State(app): Shared,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let edit = NetworkEdit { path: path.clone(), preconditions, action: NetworkAction::PatchTags(body) };
    answer_put(&app, &path, app.write_network(author, edit).await).await
}

pub(super) async fn delete(
    State(app): Shared,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
) -> Result<StatusCode, ApiError> {
    let edit = NetworkEdit { path: path.clone(), preconditions, action: NetworkAction::Delete };
    answer_delete(&path, app.write_network(author, edit).await)
}

pub(super) async fn list_in_group(
    State(app): Shared,
    version: ApiVersionParam,
    OfKind(kind): OfKind,
    GroupScope { subscription, group }: GroupScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(&app, kind, (&subscription, Some(&group)), (&base, &version), &paging).await
}

pub(super) async fn list_in_subscription(
    State(app): Shared,
    version: ApiVersionParam,
    OfKind(kind): OfKind,
    SubscriptionScope(subscription): SubscriptionScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(&app, kind, (&subscription, None), (&base, &version), &paging).await
}

impl App {
    /// Makes a change to a virtual network, a subnet or a public IP address durable.
    pub(super) async fn write_network(
        &self,
        author: Author,
        edit: NetworkEdit,
    ) -> Result<NetworkWritten, NetworkError> {
        let act = Act { author, action: edit.action_name(), resource: edit.resource_id() };
        let decide = |stored: Option<&NetworkResource>, users: &[User]| edit.decide(stored, users);
        self.store.write_network_resource(&edit.path, &act, decide).await
    }

    /// What to do with the body of a PUT of a virtual network or a public IP address.
    pub(super) async fn network_put(
        &self,
        path: &NetworkPath,
        body: Value,
    ) -> Result<NetworkAction, ApiError> {
        Ok(match path.kind {
            NetworkKind::VirtualNetwork => NetworkAction::PutVirtualNetwork(body),
            NetworkKind::PublicAddress => {
                let shown = match self.store.network_resource(path).await? {
                    Some((_, users)) => {
                        self.workers_address(&users).await?.map(|address| address.to_string())
                    }
                    None => None,
                };
                NetworkAction::PutPublicAddress { body, shown }
            }
        })
    }

    /// A virtual network or a public IP address as it is shown.
    pub(super) async fn show_network(
        &self,
        resource: &NetworkResource,
        users: &[User],
    ) -> Result<Value, ApiError> {
        let mut shown = view::resource(resource, users);
        let properties = &mut shown["properties"];
        let is_address = resource.path.kind == NetworkKind::PublicAddress;
        if is_address
            && properties.get(IP_ADDRESS).is_none()
            && let Some(address) = self.workers_address(users).await?
        {
            properties[IP_ADDRESS] = address.to_string().into();
        }
        Ok(shown)
    }

    /// Where the workers have bound the public frontend that a public IP address belongs to, if they say so and agree.
    async fn workers_address(&self, users: &[User]) -> Result<Option<IpAddr>, ApiError> {
        let Some(user) = users.first() else { return Ok(None) };
        let claimed = self.store.claimed_addresses(user.gateway).await?;
        let private: Vec<IpAddr> = claimed.iter().filter_map(|address| address.parse().ok()).collect();
        if private.len() == claimed.len() {
            return Ok(None);
        }
        let workers = self.fleet.snapshot();
        let bound = workers.values().filter_map(|worker| worker.running.get(&user.gateway));
        let mut public = bound
            .flat_map(|running| running.addresses.iter().map(|address| address.ip().to_canonical()))
            .filter(|address| !address.is_unspecified() && !private.contains(address));
        let first = public.next();
        Ok(first.filter(|first| public.all(|other| other == *first)))
    }
}

/// The answer to a PUT.
async fn answer_put(
    app: &App,
    path: &NetworkPath,
    outcome: Result<NetworkWritten, NetworkError>,
) -> Result<Response, ApiError> {
    let written = outcome.map_err(|error| ApiError::from_network(error, not_found(path)))?;
    let status = if written.before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    let shown = app.show_network(&written.resource, &written.users).await?;
    Ok((status, [(ETAG, written.resource.etag.0)], Json(shown)).into_response())
}

/// The answer to a DELETE, which is done when it is answered.
pub(super) fn answer_delete(
    path: &NetworkPath,
    outcome: Result<NetworkWritten, NetworkError>,
) -> Result<StatusCode, ApiError> {
    match outcome {
        Ok(_) => Ok(StatusCode::OK),
        Err(NetworkError::NotThere | NetworkError::NoSubnet) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(ApiError::from_network(error, not_found(path))),
    }
}

/// A page of the resources of one kind in a subscription, or in a resource group of it.
async fn list(
    app: &App,
    kind: NetworkKind,
    (subscription, group): (&str, Option<&str>),
    (base, version): (&BaseUrl, &ApiVersionParam),
    paging: &Paging,
) -> Result<Json<Value>, ApiError> {
    let key = paging.key::<2>()?;
    let after = key.as_ref().map_or(("", ""), |[group, name]| (group.as_str(), name.as_str()));
    // One more, to know whether it is there.
    let limit = u32::try_from(paging.rows + 1).unwrap_or(u32::MAX);
    let mut found = app.store.network_resources(kind, subscription, group, after, limit).await?;
    let more = found.len() > paging.rows;
    found.truncate(paging.rows);
    let mut rows = Vec::with_capacity(found.len());
    for (resource, users) in &found {
        rows.push(app.show_network(resource, users).await?);
    }
    let last = found.last().filter(|_| more).map(|(last, _)| [last.path.group.as_str(), &last.path.name]);
    let in_group = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
    let path = format!("/subscriptions/{subscription}{in_group}/providers/{}", kind.resource_type());
    Ok(Json(paging.answer((base, version), &path, rows, last.as_ref().map(<[&str; 2]>::as_slice))))
}

/// The answer where a network or an address is named that is not there.
pub(super) fn not_found(path: &NetworkPath) -> ApiError {
    ApiError::NotFound {
        kind: path.kind.resource_type().to_owned(),
        name: path.name.clone(),
        group: path.group.clone(),
    }
}

/// The answer where a subnet is named that is not there.
pub(super) fn no_subnet(network: &NetworkPath, name: &str) -> ApiError {
    ApiError::NotFound {
        kind: SUBNET_TYPE.to_owned(),
        name: format!("{}/{name}", network.name),
        group: network.group.clone(),
    }
}
