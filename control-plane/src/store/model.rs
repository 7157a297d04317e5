//! What the store hands out: rows as values.

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

/// A gateway, put together from its rows.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its identity from creation to deletion.
    pub id: GatewayId,
    /// What was asked for.
    pub document: Document,
    /// The version of the whole: changes with any change in it.
    pub etag: Etag,
    /// The versions of the children, in the order of the document's.
    pub child_etags: Vec<Etag>,
    /// The number of what it means.
    pub generation: Generation,
    /// What that generation means to a worker, as a hash.
    pub config_digest: Digest,
    /// How far the workers are.
    pub state: ProvisioningState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether it is to run, and how far that is.
    pub operational: OperationalState,
}

impl Gateway {
    /// The children with their versions.
    pub fn children(&self) -> impl Iterator<Item = (&Child, &Etag)> {
        self.document.children.iter().zip(&self.child_etags)
    }

    /// The version of one child: compared by collection and by name without case.
    pub fn child_etag(&self, wanted: &Child) -> Option<&Etag> {
        self.children().find(|(child, _)| same_child(child, wanted)).map(|(_, etag)| etag)
    }
}

/// Whether two children are the same row, whatever they say.
pub(super) fn same_child(a: &Child, b: &Child) -> bool {
    a.collection == b.collection && a.name.eq_ignore_ascii_case(&b.name)
}

/// An enum whose text is both ARM's and the database's.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The text.
            pub fn as_str(self) -> &'static str {
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
    /// How far the workers are with the last accepted write.
    ProvisioningState {
        /// Not all connected workers run it yet, or none is connected.
        Updating,
        /// All connected workers ran it when it was last settled.
        Succeeded,
        /// A worker refused it.
        Failed,
        /// To be removed once the workers let go of it.
        Deleting,
    }
}

text_enum! {
    /// Where a gateway stands between off and on.
    OperationalState {
        /// To run, and never yet in force. ARM calls that stopped.
        Created,
        /// To run again after it was stopped.
        Starting,
        /// To run, and in force since it was created or last started.
        Running,
        /// Not to run; not all workers have let go of it.
        Stopping,
        /// Not to run, and nobody runs it.
        Stopped,
    }
}

impl OperationalState {
    /// Whether workers are to let go of it.
    pub fn is_off(self) -> bool {
        matches!(self, OperationalState::Stopping | OperationalState::Stopped)
    }
}

text_enum! {
    /// What an operation is about.
    OperationKind {
        /// A write to the gateway or to a child of it, its start or its stop.
        Write,
        /// The removal of the gateway.
        Delete,
        /// A look at what the probes have seen of the backends.
        BackendHealth,
        /// A probe made for this one operation. No write supersedes it.
        OnDemandHealth,
    }
}

text_enum! {
    /// Where an operation stands.
    OperationState {
        /// Going on.
        InProgress,
        /// Ended well.
        Succeeded,
        /// Ended badly.
        Failed,
        /// Ended by a newer write.
        Canceled,
    }
}

/// Why an operation ended badly: ARM's code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code.
    pub code: String,
    /// The sentence.
    pub message: String,
}

/// A long-running operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The last segment of its URLs.
    pub id: Uuid,
    /// What it is about.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: OperationState,
    /// Why it failed or was cancelled.
    pub problem: Option<Problem>,
    /// What it brought, if it brings anything.
    pub result: Option<Value>,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The gateway as it stands now.
    pub gateway: Gateway,
    /// Whether the gateway is new.
    pub created: bool,
    /// Whether it has a child more than before: after a write of one child, whether that child is new.
    pub grown: bool,
    /// The same for members of children.
    pub grown_within: bool,
    /// The operation that ends when the workers have applied it.
    pub operation: Operation,
}

/// A virtual network or a public IP address, as it is stored.
#[derive(Clone, Debug)]
pub struct NetworkResource {
    /// Its identity from creation to deletion.
    pub id: Uuid,
    /// Which it is.
    pub path: NetworkPath,
    /// What was asked for, canonical.
    pub body: Map<String, Value>,
    /// Its version.
    pub etag: Etag,
}

/// The stored resources outside of a gateway's document that a gateway or a request refers to.
#[derive(Clone, Debug, Default)]
pub struct StoredRefs {
    /// The public IP addresses.
    pub addresses: Vec<NetworkResource>,
    /// The error pages that were fetched for earlier writes.
    pub pages: Pages,
}

/// Where something is to be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The subscription ID.
    pub(super) subscription: &'a str,
    /// The group's name.
    pub(super) group: &'a str,
    /// The location of what is to be stored, which is that of a group made for it.
    pub(super) location: Option<&'a str>,
}

/// One port of one address that a gateway's listeners use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The address, or `public`.
    pub address: String,
    /// The frontend port.
    pub port: u16,
}

impl Claim {
    /// What a configuration's listeners use, each pair once.
    pub fn of(content: &Content) -> Vec<Claim> {
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
    text.parse()
        .map_err(|_| StoreError::Damaged { what: "identity".to_owned(), why: format!("{text:?} is no UUID") })
}

pub(super) fn network_kind(segment: &str) -> Result<NetworkKind, StoreError> {
    NetworkKind::of_segment(segment).ok_or_else(|| StoreError::Damaged {
        what: "network resource".to_owned(),
        why: format!("{segment:?} is no kind"),
    })
}

pub(super) fn generation(number: i64) -> Result<Generation, StoreError> {
    u64::try_from(number).map(Generation).map_err(|_| StoreError::Damaged {
        what: "generation".to_owned(),
        why: format!("{number} is negative"),
    })
}

/// As SQLite keeps it. Nobody writes a gateway 2^63 times.
pub(super) fn number(generation: Generation) -> i64 {
    i64::try_from(generation.0).unwrap_or(i64::MAX)
}

/// A JSON object as it is stored.
pub(super) fn body_text(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).expect("a JSON object has a text form")
}
