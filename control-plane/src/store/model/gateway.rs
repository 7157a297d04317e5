//! Gateways, and the results of writing them.

use tidegate_shared::id::{Digest, GatewayId, Generation};
use tidegate_shared::snapshot::{Content, Frontend};

use super::{Operation, text_enum};
use crate::arm::document::{Child, Document};
use crate::arm::extension::{Extension, ExtensionType};
use crate::arm::private_addresses::PrivateAddresses;
use crate::etag::Etag;

/// A gateway, assembled from its rows.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    /// The ID, constant from creation to deletion.
    pub(crate) id: GatewayId,
    pub(crate) document: Document,
    /// The etag of the gateway, which changes with each change of it or of a child, and not with its extension
    /// documents, which no response of the gateway shows.
    pub(crate) etag: Etag,
    /// The etags of the children, in the order of the document.
    pub(crate) child_etags: Vec<Etag>,
    /// The etags of the extension documents, in the order of the document.
    pub(crate) extension_etags: Vec<Etag>,
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
    /// What is bound in place of its private addresses.
    pub(crate) bound_addresses: PrivateAddresses,
}

impl Gateway {
    /// The children with their etags.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&Child, &Etag)> {
        self.document.children.iter().zip(&self.child_etags)
    }

    /// The extension documents with their etags.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (&Extension, &Etag)> {
        self.document.extensions.iter().zip(&self.extension_etags)
    }

    /// The etag of the whole content: it changes with each change of the gateway, of a child or of an extension document.
    pub(crate) fn content_etag(&self) -> Etag {
        let extensions = self.extensions().map(|(extension, etag)| {
            format!("{}/{} {}", extension.kind.name, extension.name.to_ascii_lowercase(), etag.0)
        });
        let parts: Vec<String> = [self.etag.0.clone()].into_iter().chain(extensions).collect();
        Etag::of(&parts)
    }

    /// Returns an extension document and its etag, by type and by name ignoring case.
    pub(crate) fn extension(&self, kind: &ExtensionType, name: &str) -> Option<(&Extension, &Etag)> {
        self.extensions().find(|(extension, _)| extension.is(kind, name))
    }

    /// Returns the etag of a child, found by collection and by name ignoring case.
    pub(crate) fn child_etag(&self, wanted: &Child) -> Option<&Etag> {
        self.children().find(|(child, _)| same_child(child, wanted)).map(|(_, etag)| etag)
    }
}

/// Returns whether two children are the same row, regardless of their content.
fn same_child(a: &Child, b: &Child) -> bool {
    a.collection == b.collection && a.name.eq_ignore_ascii_case(&b.name)
}

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

/// A page of the list of gateways, ordered by group and name.
#[derive(Debug)]
pub(crate) struct GatewayPage {
    /// The readable gateways.
    pub(crate) gateways: Vec<Gateway>,
    /// The group and name of the last one, if more follow.
    pub(crate) last: Option<[String; 2]>,
}

/// The result of a write.
#[derive(Debug)]
pub(crate) struct Written {
    /// The gateway after the write.
    pub(crate) gateway: Gateway,
    /// True if the gateway is new.
    pub(crate) created: bool,
    /// True if it has more children or extension documents than before; for a write of one of them, true if that one
    /// is new.
    pub(crate) grown: bool,
    /// The same for members of children.
    pub(crate) grown_within: bool,
    /// The operation that ends when the workers have applied it.
    pub(crate) operation: Operation,
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
