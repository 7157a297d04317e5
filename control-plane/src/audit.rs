//! Who changes what, as it goes into the audit log. Pure; the log itself is kept by [`crate::store`].

use std::net::IpAddr;

use uuid::Uuid;

/// Who asks for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// An API client's name, `admin`, or `tidegate` for what the control plane does by itself.
    pub name: String,
    /// Where the request came from; none for what came from the command line or from within.
    pub address: Option<IpAddr>,
    /// The request's ID; none where there was no request.
    pub request: Option<Uuid>,
}

impl Author {
    /// The control plane itself: what no request asks for.
    pub fn itself() -> Author {
        Author { name: "tidegate".to_owned(), address: None, request: None }
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
