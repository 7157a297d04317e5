//! Extractors for the parts of requests, each checked once. Every rejection is an [`ApiError`].

pub(super) mod body;
mod extension;
pub(super) mod network;
mod revision;
pub(super) mod template;

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{HOST, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, Uri};

use crate::arm::collection::{Collection, Nested};
use crate::arm::deployment::DeploymentPath;
use crate::arm::document::ApiVersion;
use crate::arm::resource_id::{GatewayPath, MemberPath};
use crate::audit::Author;
use crate::etag::Preconditions;
use crate::identity::scope::is_guid;
use crate::service::{ServiceError, api_version};

use super::error::ApiError;
use super::forwarded::{ForwardedHost, Scheme};

pub(super) use body::{DocumentBody, JsonBody, OptionalJsonBody};
pub(super) use extension::{ExtensionTarget, ExtensionVersion, TunnelTarget};
pub(super) use revision::RevisionTarget;

/// The maximum length of the name of a subscription, a group or a resource, in characters.
const MAX_NAME: usize = 90;

/// The author of a change, determined by `auth`.
#[derive(Debug)]
pub(super) struct RequestAuthor(pub(super) Author);

impl<S: Sync> FromRequestParts<S> for RequestAuthor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<RequestAuthor, ApiError> {
        parts.extensions.get::<Author>().cloned().map(RequestAuthor).ok_or(ApiError::NoToken(None))
    }
}

/// The `api-version` of a request.
#[derive(Clone, Debug)]
pub(super) struct ApiVersionParam {
    /// The text as sent, for URLs in the response.
    pub(super) text: String,
    /// The parsed date.
    pub(super) date: ApiVersion,
}

impl<S: Sync> FromRequestParts<S> for ApiVersionParam {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<ApiVersionParam, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let text = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| key.eq_ignore_ascii_case("api-version"))
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
            .ok_or(ApiError::NoApiVersion)?;
        let date = api_version(text)?;
        Ok(ApiVersionParam { text: text.to_owned(), date })
    }
}

/// The subscription in the path.
#[derive(Debug)]
pub(super) struct SubscriptionScope(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for SubscriptionScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<SubscriptionScope, ApiError> {
        Ok(SubscriptionScope(names(parts, state).await?.take("subscription")?))
    }
}

/// The subscription and the resource group in the path.
#[derive(Debug)]
pub(super) struct GroupScope {
    pub(super) subscription: String,
    pub(super) group: String,
}

impl<S: Send + Sync> FromRequestParts<S> for GroupScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<GroupScope, ApiError> {
        let mut names = names(parts, state).await?;
        Ok(GroupScope { subscription: names.take("subscription")?, group: names.take("group")? })
    }
}

/// The subscription in the path, and the resource group if there is one.
#[derive(Debug)]
pub(super) struct DeploymentScope {
    pub(super) subscription: String,
    pub(super) group: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for DeploymentScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<DeploymentScope, ApiError> {
        let mut names = names(parts, state).await?;
        Ok(DeploymentScope { subscription: names.take("subscription")?, group: names.take_group()? })
    }
}

/// The deployment in the path, in the client's spelling.
#[derive(Debug)]
pub(super) struct DeploymentTarget(pub(super) DeploymentPath);

impl<S: Send + Sync> FromRequestParts<S> for DeploymentTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<DeploymentTarget, ApiError> {
        let mut names = names(parts, state).await?;
        let (subscription, group) = (names.take("subscription")?, names.take_group()?);
        Ok(DeploymentTarget(DeploymentPath { subscription, group, name: names.take("deployment")? }))
    }
}

/// The gateway in the path, in the client's spelling.
#[derive(Debug)]
pub(super) struct Target(pub(super) GatewayPath);

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Target, ApiError> {
        names(parts, state).await?.gateway().map(Target)
    }
}

/// The collection of a gateway in the path.
#[derive(Debug)]
pub(super) struct CollectionTarget {
    pub(super) gateway: GatewayPath,
    pub(super) collection: &'static Collection,
}

impl<S: Send + Sync> FromRequestParts<S> for CollectionTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<CollectionTarget, ApiError> {
        let mut names = names(parts, state).await?;
        Ok(CollectionTarget { collection: names.collection(parts)?, gateway: names.gateway()? })
    }
}

/// The child of a gateway in the path.
#[derive(Debug)]
pub(super) struct ChildTarget {
    pub(super) gateway: GatewayPath,
    pub(super) collection: &'static Collection,
    pub(super) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for ChildTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<ChildTarget, ApiError> {
        let mut names = names(parts, state).await?;
        let (collection, name) = (names.collection(parts)?, names.take("child")?);
        Ok(ChildTarget { collection, name, gateway: names.gateway()? })
    }
}

/// The nested collection of a child in the path.
#[derive(Debug)]
pub(super) struct NestedTarget {
    pub(super) gateway: GatewayPath,
    pub(super) nested: Nested,
    pub(super) child: String,
}

impl<S: Send + Sync> FromRequestParts<S> for NestedTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<NestedTarget, ApiError> {
        let mut names = names(parts, state).await?;
        let (nested, child) = (names.nested(parts)?, names.take("child")?);
        Ok(NestedTarget { nested, child, gateway: names.gateway()? })
    }
}

/// The member of a child in the path.
#[derive(Debug)]
pub(super) struct MemberTarget {
    pub(super) gateway: GatewayPath,
    pub(super) member: MemberPath,
}

impl<S: Send + Sync> FromRequestParts<S> for MemberTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<MemberTarget, ApiError> {
        let mut names = names(parts, state).await?;
        let nested = names.nested(parts)?;
        let member = MemberPath { nested, child: names.take("child")?, name: names.take("member")? };
        Ok(MemberTarget { member, gateway: names.gateway()? })
    }
}

/// The named segments of a path, decoded.
struct Names {
    values: BTreeMap<String, String>,
    /// True if the request may create a resource.
    creates: bool,
}

async fn names<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Names, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|e| ApiError::BadRequest(format!("The path is not valid: {e}.")))?;
    let values = params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Ok(Names { values, creates: parts.method == Method::PUT })
}

impl Names {
    fn take(&mut self, what: &'static str) -> Result<String, ApiError> {
        let value = self.values.remove(what).unwrap_or_default();
        // Resources of earlier versions, in other subscriptions, can still be read and deleted.
        if what == "subscription" && self.creates && !is_guid(&value) {
            return Err(ServiceError::BadSubscription(value.chars().take(MAX_NAME).collect()).into());
        }
        if is_good(what, &value) { Ok(value) } else { Err(ServiceError::BadName { what, value }.into()) }
    }

    /// The resource group, if the path has one.
    fn take_group(&mut self) -> Result<Option<String>, ApiError> {
        if self.values.contains_key("group") { self.take("group").map(Some) } else { Ok(None) }
    }

    fn gateway(&mut self) -> Result<GatewayPath, ApiError> {
        Ok(GatewayPath {
            subscription: self.take("subscription")?,
            group: self.take("group")?,
            name: self.take("gateway")?,
        })
    }

    fn collection(&mut self, parts: &Parts) -> Result<&'static Collection, ApiError> {
        let name = self.values.remove("collection").unwrap_or_default();
        Collection::named(&name).ok_or_else(|| ServiceError::UnknownPath(parts.uri.path().to_owned()).into())
    }

    fn nested(&mut self, parts: &Parts) -> Result<Nested, ApiError> {
        let collection = self.collection(parts)?;
        let name = self.values.remove("nested").unwrap_or_default();
        collection
            .nested_named(&name)
            .ok_or_else(|| ServiceError::UnknownPath(parts.uri.path().to_owned()).into())
    }
}

/// Checks the subscription and the resource group of a resource that a request may create.
///
/// # Errors
/// [`ServiceError::BadSubscription`] or [`ServiceError::BadName`].
pub(super) fn check_scope(subscription: &str, group: Option<&str>) -> Result<(), ApiError> {
    let segments = [Some(("subscription", subscription)), group.map(|group| ("group", group))];
    let values = segments.into_iter().flatten().map(|(what, value)| (what.to_owned(), value.to_owned()));
    let mut names = Names { values: values.collect(), creates: true };
    names.take("subscription")?;
    names.take_group().map(drop)
}

/// Returns whether a segment of the path is valid for its purpose. `arm` applies the stricter rules for new
/// resources.
fn is_good(what: &str, value: &str) -> bool {
    let length = value.chars().count();
    if length == 0 || length > MAX_NAME {
        return false;
    }
    match what {
        // Usually a UUID. It becomes part of URLs in headers, which are ASCII.
        "subscription" => value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
        // A percent-encoded slash would turn one name into several segments of a resource ID.
        _ => {
            value.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
                && !(what == "group" && value.ends_with('.'))
        }
    }
}

/// The preconditions of a request.
#[derive(Debug)]
pub(super) struct Conditions(pub(super) Preconditions);

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Conditions, ApiError> {
        let list = |name| list_header(&parts.headers, name);
        Ok(Conditions(Preconditions { if_match: list(&IF_MATCH)?, if_none_match: list(&IF_NONE_MATCH)? }))
    }
}

/// Joins all lines of a header to one list (RFC 9110, section 5.3).
fn list_header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let mut lines = Vec::new();
    for value in headers.get_all(name) {
        let bad = |_| ApiError::BadRequest(format!("The header {name} is not text."));
        lines.push(value.to_str().map_err(bad)?);
    }
    Ok((!lines.is_empty()).then(|| lines.join(",")))
}

/// The scheme and host that the client used, the prefix of absolute URLs in the response.
#[derive(Clone, Debug)]
pub(super) struct BaseUrl(pub(super) String);

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<BaseUrl, ApiError> {
        let scheme = parts.extensions.get::<Scheme>().copied().unwrap_or(Scheme::Http);
        let authority = match parts.extensions.get::<ForwardedHost>() {
            Some(host) => host.0.clone(),
            None => authority(&parts.uri, &parts.headers)?,
        };
        let host_port = authority.as_str().rsplit('@').next().unwrap_or_default();
        Ok(BaseUrl(format!("{}://{host_port}", scheme.as_str())))
    }
}

/// Returns the host of a request: from the request target or `:authority`, otherwise from the `Host` header.
pub(super) fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, further) = (hosts.next(), hosts.next());
    let named = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => host.and_then(|host| Authority::try_from(host.as_bytes()).ok()),
    };
    named
        .filter(|_| further.is_none())
        .ok_or_else(|| ApiError::BadRequest("The header Host is missing, repeated or not valid.".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_what_they_stand_for() {
        let long = "a".repeat(91);
        let cases: [(&str, &[&str], &[&str]); 3] = [
            (
                "subscription",
                &["00000000-1111-aaaa-BBBB-222222222222", "Sub"],
                &["", "a.b", "a_b", "ä", "a/b", &long],
            ),
            ("group", &["a", "(a)", "a.b-c_d", "Straße", ".a"], &["", "a.", "..", "a b", "a/b", "a%", &long]),
            ("gateway", &["a", "a."], &["", "a/b", &long]),
        ];
        for (what, good, bad) in cases {
            assert!(good.iter().all(|value| is_good(what, value)), "{what}");
            for value in bad {
                assert!(!is_good(what, value), "{what} {value}");
            }
        }
    }
}
