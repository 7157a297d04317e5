//! Who changes what, as it goes into the audit log. Pure; the log itself is kept by [`crate::store`].

use std::net::IpAddr;

use tidegate_shared::id::{Generation, WorkerId};
use uuid::Uuid;

use crate::clock::Millis;
use crate::identity::access::Client;

/// What the administrator is called as an author: who shows the admin token, or holds the data directory.
pub const ADMINISTRATOR: &str = "admin";

/// Who asks for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// An API client's name, `admin`, or `tidegate` for what the control plane does by itself.
    pub name: String,
    /// Where the request came from; none for what came from the command line or from within.
    pub address: Option<IpAddr>,
    /// The request's ID; none where there was no request.
    pub request: Option<Uuid>,
    /// What it may do, if it is an API client. It is not in the log.
    pub client: Option<Client>,
}

impl Author {
    /// Whoever holds the data directory: what is done with the command line there.
    pub fn on_site() -> Author {
        Author { name: ADMINISTRATOR.to_owned(), ..Author::itself() }
    }

    /// The control plane itself: what no request asks for.
    pub fn itself() -> Author {
        Author { name: "tidegate".to_owned(), address: None, request: None, client: None }
    }
}

/// One change, as its author asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub author: Author,
    /// ARM's name of what is done, such as `Microsoft.Network/applicationGateways/write`.
    pub action: String,
    /// The resource ID of what it is done to.
    pub resource: String,
}

impl Act {
    /// What is done to an API client: `verb` is the end of the action's name.
    pub fn on_client(author: Author, verb: &str, client: Uuid) -> Act {
        Act { author, action: format!("Tidegate/clients/{verb}"), resource: format!("/clients/{client}") }
    }

    /// What is done to a worker.
    pub fn on_worker(author: Author, verb: &str, worker: WorkerId) -> Act {
        Act { author, action: format!("Tidegate/workers/{verb}"), resource: format!("/workers/{worker}") }
    }

    /// What is done to the certificate authority.
    pub fn on_authority(author: Author, verb: &str) -> Act {
        Act { author, action: format!("Tidegate/authority/{verb}"), resource: "/authority".to_owned() }
    }

    /// A token is given out, with which anybody can make a worker of a machine.
    pub fn on_join_token(author: Author) -> Act {
        Act { author, action: "Tidegate/joinTokens/write".to_owned(), resource: "/workers".to_owned() }
    }
}

/// An act as it stands in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the log: a later act has a greater one.
    pub id: i64,
    /// When it was done.
    pub at: Millis,
    /// Who did what to what.
    pub act: Act,
    /// The gateway's generation before, where it is about one that was there.
    pub before: Option<Generation>,
    /// And after.
    pub after: Option<Generation>,
}

/// Which entries are asked for; what is `None` excludes nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// About this resource or what is below it, without regard to case.
    pub resource: Option<String>,
    /// By this author, without regard to case.
    pub author: Option<String>,
    /// Not earlier.
    pub from: Option<Millis>,
    /// Not later.
    pub to: Option<Millis>,
    /// Of a smaller ID.
    pub before: Option<i64>,
}
