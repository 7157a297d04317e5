//! The network resource or subnet in the path, in the client's spelling.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;

use crate::arm::network::{NetworkKind, NetworkPath};
use crate::service::ServiceError;

use super::super::error::ApiError;
use super::{Names, names};

/// The kind of network resource in the path.
#[derive(Debug)]
pub(in crate::api) struct OfKind(pub(in crate::api) NetworkKind);

impl<S: Sync> FromRequestParts<S> for OfKind {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<OfKind, ApiError> {
        let pattern = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let kind = pattern.split('/').find_map(NetworkKind::of_segment);
        kind.map(OfKind).ok_or_else(|| ServiceError::UnknownPath(parts.uri.path().to_owned()).into())
    }
}

/// A network resource.
#[derive(Debug)]
pub(in crate::api) struct NetworkTarget(pub(in crate::api) NetworkPath);

impl<S: Send + Sync> FromRequestParts<S> for NetworkTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<NetworkTarget, ApiError> {
        let OfKind(kind) = OfKind::from_request_parts(parts, state).await?;
        network(&mut names(parts, state).await?, kind).map(NetworkTarget)
    }
}

#[derive(Debug)]
pub(in crate::api) struct SubnetTarget {
    pub(in crate::api) network: NetworkPath,
    pub(in crate::api) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for SubnetTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<SubnetTarget, ApiError> {
        let mut names = names(parts, state).await?;
        let name = names.take("subnet")?;
        Ok(SubnetTarget { network: network(&mut names, NetworkKind::VirtualNetwork)?, name })
    }
}

fn network(names: &mut Names, kind: NetworkKind) -> Result<NetworkPath, ApiError> {
    let (subscription, group) = (names.take("subscription")?, names.take("group")?);
    let what = match kind {
        NetworkKind::VirtualNetwork => "network",
        NetworkKind::PublicAddress => "address",
        NetworkKind::FirewallPolicy => "policy",
    };
    Ok(NetworkPath { subscription, group, kind, name: names.take(what)? })
}
