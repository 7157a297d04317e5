//! The loan of a connection to a backend for the time of one request.

use std::rc::Rc;

use crate::body::Progress;
use crate::downstream::Connection;
use crate::upstream::{Key, Sender};

/// A connection on loan from the thread's list, or from the client connection's own.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Rc<Connection>,
    /// Whether only requests of the same client connection may go over it.
    pub(crate) dedicated: bool,
    pub(crate) key: Key,
    pub(crate) sender: Sender,
    /// The request that it carried: a backend may answer before it has read all of it.
    pub(crate) upload: Option<Rc<Progress>>,
}

impl Lease {
    /// Keeps the connection for another request, if this one has wholly left it.
    pub(crate) fn give_back(self) {
        if self.upload.is_some_and(|upload| !upload.done.get()) {
            return;
        }
        if self.dedicated {
            self.connection.dedicated.keep(self.key, self.sender);
        } else {
            self.connection.thread.upstreams.keep(self.key, self.sender);
        }
    }
}
