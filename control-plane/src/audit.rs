//! Entries of the audit log: who changed what. Pure; [`crate::store`] keeps the log.

use std::net::IpAddr;

use tidegate_shared::id::{Generation, WorkerId};
use uuid::Uuid;

use crate::arm::resource_group::GROUP_WRITE;
use crate::arm::resource_kind::ResourceKind;
use crate::clock::Millis;
use crate::identity::access::Client;

/// The author name of the administrator, who presents the admin token or has access to the data directory.
pub(crate) const ADMINISTRATOR: &str = "admin";

/// The author of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    /// An API client's name, `admin`, or `tidegate` for changes by the control plane itself.
    pub(crate) name: String,
    /// The client's IP address; `None` for changes by the command line or the control plane itself.
    pub(crate) address: Option<IpAddr>,
    /// The ID of the request, if there is one.
    pub(crate) request: Option<Uuid>,
    /// The rights of the author if it is an API client. Not part of the log.
    pub(crate) client: Option<Client>,
    /// The reason that the author gave for the change. Not part of the log, but of revisions.
    pub(crate) reason: Option<String>,
}

impl Author {
    /// The author of changes by the command line in the data directory.
    pub(crate) fn on_site() -> Author {
        Author { name: ADMINISTRATOR.to_owned(), ..Author::itself() }
    }

    /// Returns whether the control plane itself is the author.
    pub(crate) fn is_itself(&self) -> bool {
        let itself = Author { reason: self.reason.clone(), ..Author::itself() };
        *self == itself
    }

    /// The author of changes by the control plane itself, without a request.
    pub(crate) fn itself() -> Author {
        Author { name: "tidegate".to_owned(), address: None, request: None, client: None, reason: None }
    }
}

/// A change and its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) author: Author,
    /// The name of the ARM operation, such as `Microsoft.Network/applicationGateways/write`.
    pub(crate) action: String,
    /// The resource ID of the target.
    pub(crate) resource: String,
}

impl Activity {
    /// The implicit creation of a resource group, with its first resource.
    pub(crate) fn on_implied_group(author: Author, group: String) -> Activity {
        Activity { author, action: GROUP_WRITE.to_owned(), resource: group }
    }

    /// The deletion of a resource together with its group.
    pub(crate) fn on_member_of_group(author: Author, kind: &ResourceKind, resource: String) -> Activity {
        Activity { author, action: format!("{}/delete", kind.resource_type()), resource }
    }

    /// A change of an API client. `verb` is the end of the operation's name.
    pub(crate) fn on_client(author: Author, verb: &str, client: Uuid) -> Activity {
        Activity {
            author,
            action: format!("Tidegate/clients/{verb}"),
            resource: format!("/clients/{client}"),
        }
    }

    /// A change of a worker.
    pub(crate) fn on_worker(author: Author, verb: &str, worker: WorkerId) -> Activity {
        Activity {
            author,
            action: format!("Tidegate/workers/{verb}"),
            resource: format!("/workers/{worker}"),
        }
    }

    /// A change of the certificate authority.
    pub(crate) fn on_authority(author: Author, verb: &str) -> Activity {
        Activity { author, action: format!("Tidegate/authority/{verb}"), resource: "/authority".to_owned() }
    }

    /// The creation of a join token, which lets any machine become a worker.
    pub(crate) fn on_join_token(author: Author) -> Activity {
        Activity { author, action: "Tidegate/joinTokens/write".to_owned(), resource: "/workers".to_owned() }
    }
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The sequence number: later entries have greater ones.
    pub(crate) id: i64,
    /// The time of the change.
    pub(crate) at: Millis,
    /// The change and its author.
    pub(crate) activity: Activity,
    /// The gateway's generation before the change, if the target is an existing gateway.
    pub(crate) before: Option<Generation>,
    /// The gateway's generation after the change.
    pub(crate) after: Option<Generation>,
}

/// A filter for entries; `None` matches everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Entries about this resource or one below it, ignoring case.
    pub(crate) resource: Option<String>,
    /// Entries by this author, ignoring case.
    pub(crate) author: Option<String>,
    /// Entries at or after this time.
    pub(crate) from: Option<Millis>,
    /// Entries at or before this time.
    pub(crate) to: Option<Millis>,
    /// Entries with a smaller ID.
    pub(crate) before: Option<i64>,
}
