//! Extractors for requests to the extension provider.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{ApiVersionParam, names};
use crate::api::error::ApiError;
use crate::arm::extension::{ExtensionType, NAMESPACE};
use crate::arm::resource_id::GatewayPath;
use crate::service::check_extension_version;

/// The `api-version` of a request to the extension provider, which is one of its own.
#[derive(Clone, Debug)]
pub(in crate::api) struct ExtensionVersion(pub(in crate::api) ApiVersionParam);

impl<S: Sync> FromRequestParts<S> for ExtensionVersion {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<ExtensionVersion, ApiError> {
        let version = ApiVersionParam::from_request_parts(parts, state).await?;
        let path = parts.uri.path().to_ascii_lowercase();
        let after = path.rsplit_once(&format!("/providers/{}/", NAMESPACE.to_ascii_lowercase()));
        let kind = after.and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        let kind = ExtensionType::named(kind).map_or(kind, |known| known.name);
        check_extension_version(&format!("{NAMESPACE}/{kind}"), &version.text)?;
        Ok(ExtensionVersion(version))
    }
}

/// The extension document of a gateway in the path.
#[derive(Debug)]
pub(in crate::api) struct ExtensionTarget {
    pub(in crate::api) gateway: GatewayPath,
    pub(in crate::api) name: String,
    /// The version of the request, which has been checked.
    pub(in crate::api) version: ApiVersionParam,
}

impl<S: Send + Sync> FromRequestParts<S> for ExtensionTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<ExtensionTarget, ApiError> {
        let ExtensionVersion(version) = ExtensionVersion::from_request_parts(parts, state).await?;
        let mut names = names(parts, state).await?;
        Ok(ExtensionTarget { name: names.take("extension")?, gateway: names.gateway()?, version })
    }
}

/// The tunnel of a gateway in the path.
#[derive(Debug)]
pub(in crate::api) struct TunnelTarget {
    pub(in crate::api) gateway: GatewayPath,
    pub(in crate::api) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for TunnelTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<TunnelTarget, ApiError> {
        let mut names = names(parts, state).await?;
        Ok(TunnelTarget { name: names.take("tunnel")?, gateway: names.gateway()? })
    }
}
