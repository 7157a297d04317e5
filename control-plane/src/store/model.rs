//! The values that the store returns.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};
use tidegate_shared::id::{Digest, GatewayId, Generation};
use tidegate_shared::snapshot::{Content, Frontend};
use uuid::Uuid;

use crate::arm::document::{Child, Document};
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::arm::page::Pages;
use crate::clock::Millis;
use crate::etag::Etag;

use super::StoreError;

/// A gateway, assembled from its rows.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    /// The ID, constant from creation to deletion.
    pub(crate) id: GatewayId,
    pub(crate) document: Document,
    /// The etag of the gateway, which changes with each change of it or of a child.
    pub(crate) etag: Etag,
    /// The etags of the children, in the order of the document.
    pub(crate) child_etags: Vec<Etag>,
    /// The generation of the compiled configuration.
    pub(crate) generation: Generation,
    /// The digest of the compiled configuration.
    pub(crate) config_digest: Digest,
    /// The progress of the workers.
    pub(crate) state: ProvisioningState,
    /// The reason of a failure.
    pub(crate) reason: Option<String>,
    /// The desired and actual operational state.
    pub(crate) operational: OperationalState,
}

impl Gateway {
    /// The children with their etags.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&Child, &Etag)> {
        self.document.children.iter().zip(&self.child_etags)
    }

    /// Returns the etag of a child, found by collection and by name ignoring case.
    pub(crate) fn child_etag(&self, wanted: &Child) -> Option<&Etag> {
        self.children().find(|(child, _)| same_child(child, wanted)).map(|(_, etag)| etag)
    }
}

/// Returns whether two children are the same row, regardless of their content.
pub(super) fn same_child(a: &Child, b: &Child) -> bool {
    a.collection == b.collection && a.name.eq_ignore_ascii_case(&b.name)
}

/// Declares an enum whose texts are those of ARM and of the database.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The text.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = StoreError;

            fn from_str(text: &str) -> Result<$name, StoreError> {
                match text {
                    $(stringify!($variant) => Ok($name::$variant),)+
                    other => Err(StoreError::Damaged {
                        what: stringify!($name).to_owned(),
                        why: format!("{other:?} is none"),
                    }),
                }
            }
        }
    };
}

pub(super) use text_enum;

text_enum! {
    /// The progress of the workers with the last accepted write.
    ProvisioningState {
        /// Not all connected workers run it yet, or none is connected.
        Updating,
        /// All connected workers ran it when it was last settled.
        Succeeded,
        /// A worker rejected it.
        Failed,
        /// It is removed once the workers have dropped it.
        Deleting,
    }
}

text_enum! {
    /// The operational state of a gateway.
    OperationalState {
        /// It should run and has not been applied yet. ARM shows it as `Stopped`.
        Created,
        /// It should run again after it was stopped.
        Starting,
        /// It should run, and has been applied since it was created or last started.
        Running,
        /// It should not run, and not all workers have dropped it.
        Stopping,
        /// It should not run, and no worker runs it.
        Stopped,
    }
}

impl OperationalState {
    /// Returns whether workers should drop it.
    pub(crate) fn is_off(self) -> bool {
        matches!(self, OperationalState::Stopping | OperationalState::Stopped)
    }
}

text_enum! {
    /// The kind of an operation.
    OperationKind {
        /// A write of the gateway or of a child, its start or its stop.
        Write,
        /// The deletion of the gateway or of a resource group.
        Delete,
        /// A report of backend health from the workers' probes.
        BackendHealth,
        /// An on-demand probe. No write supersedes it.
        OnDemandHealth,
    }
}

text_enum! {
    /// The state of an operation.
    OperationState {
        InProgress,
        /// Ended successfully.
        Succeeded,
        /// Ended with an error.
        Failed,
        /// Canceled by a newer write.
        Canceled,
    }
}

/// The reason why an operation failed: ARM's code and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A long-running operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The last segment of its URLs.
    pub(crate) id: Uuid,
    pub(crate) kind: OperationKind,
    pub(crate) state: OperationState,
    /// The reason of a failure or cancellation.
    pub(crate) problem: Option<Problem>,
    /// The result, if the kind has one.
    pub(crate) result: Option<Value>,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// The result of a write.
#[derive(Debug)]
pub(crate) struct Written {
    /// The gateway after the write.
    pub(crate) gateway: Gateway,
    /// True if the gateway is new.
    pub(crate) created: bool,
    /// True if it has more children than before; for a write of one child, true if that child is new.
    pub(crate) grown: bool,
    /// The same for members of children.
    pub(crate) grown_within: bool,
    /// The operation that ends when the workers have applied it.
    pub(crate) operation: Operation,
}

/// A stored virtual network or public IP address.
#[derive(Clone, Debug)]
pub(crate) struct NetworkResource {
    /// The ID, constant from creation to deletion.
    pub(crate) id: Uuid,
    /// The resource ID, in its creator's spelling.
    pub(crate) path: NetworkPath,
    /// The canonical body.
    pub(crate) body: Map<String, Value>,
    pub(crate) etag: Etag,
}

/// The stored resources outside a gateway's document to which the gateway or a request refers.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredRefs {
    /// The public IP addresses.
    pub(crate) addresses: Vec<NetworkResource>,
    /// The error pages that were fetched for earlier writes.
    pub(crate) pages: Pages,
}

/// The place of a resource to be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement<'a> {
    /// The subscription ID.
    pub(super) subscription: &'a str,
    /// The group's name.
    pub(super) group: &'a str,
    /// The location of the resource, which becomes that of an implicitly created group.
    pub(super) location: Option<&'a str>,
}

/// A port of an address on which a gateway listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// The address, or `public`.
    pub(crate) address: String,
    /// The frontend port.
    pub(crate) port: u16,
}

impl Claim {
    /// Returns the ports of a configuration's listeners, without duplicates.
    pub(crate) fn of(content: &Content) -> Vec<Claim> {
        let mut claims: Vec<Claim> = content
            .listeners
            .iter()
            .map(|listener| Claim {
                address: match listener.frontend {
                    Frontend::Public => "public".to_owned(),
                    Frontend::Address(address) => address.to_string(),
                },
                port: listener.port,
            })
            .collect();
        claims.sort();
        claims.dedup();
        claims
    }
}

pub(super) fn parse_uuid(text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged {
        what: "identity".to_owned(),
        why: format!("{text:?} is not a UUID"),
    })
}

pub(super) fn network_kind(segment: &str) -> Result<NetworkKind, StoreError> {
    NetworkKind::of_segment(segment).ok_or_else(|| StoreError::Damaged {
        what: "network resource".to_owned(),
        why: format!("{segment:?} is not a type of network resource"),
    })
}

pub(super) fn generation(number: i64) -> Result<Generation, StoreError> {
    u64::try_from(number).map(Generation).map_err(|_| StoreError::Damaged {
        what: "generation".to_owned(),
        why: format!("{number} is negative"),
    })
}

/// Converts to SQLite's integer type. A gateway is not written 2^63 times.
pub(super) fn number(generation: Generation) -> i64 {
    i64::try_from(generation.0).unwrap_or(i64::MAX)
}

/// Serializes a JSON object for storage.
pub(super) fn body_text(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).expect("a JSON object has a text form")
}
