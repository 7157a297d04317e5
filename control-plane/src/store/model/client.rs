//! API clients.

use thiserror::Error;
use uuid::Uuid;

use crate::clock::Millis;
use crate::identity::name::ClientName;
use crate::identity::role::Role;
use crate::identity::scope::Scope;

/// A client that is not revoked.
#[derive(Clone, Debug)]
pub struct ApiClient {
    /// The client's ID.
    pub app_id: Uuid,
    /// The name in its original spelling.
    pub name: String,
    /// The operations it may perform.
    pub role: Role,
    /// The resources it may access.
    pub scopes: Vec<Scope>,
    /// The number of its current secret, from 1.
    pub secret_number: i64,
    /// The time of creation.
    pub created_at: Millis,
}

/// A client to create.
#[derive(Clone, Debug)]
pub(crate) struct NewClient {
    /// The client's ID.
    pub(crate) app_id: Uuid,
    /// The name.
    pub(crate) name: ClientName,
    /// The operations it may perform.
    pub(crate) role: Role,
    /// The resources it may access.
    pub(crate) scopes: Vec<Scope>,
    /// The hash of its secret.
    pub(crate) secret_hash: String,
}

/// A client that is not revoked has this name already.
#[derive(Debug, Error)]
#[error(
    "a client with the name {0} exists already; revoke it first, or give it a new secret with `client reset`"
)]
pub struct NameTaken(pub(crate) String);
