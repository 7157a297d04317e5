//! The loan of a backend connection for one request.

use std::rc::Rc;

use crate::body::Progress;
use crate::downstream::Connection;
use crate::upstream::{Key, Sender};

/// A backend connection on loan from the thread's idle connections, or from the dedicated ones of the client
/// connection.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Rc<Connection>,
    /// True if the connection may carry only requests of the same client connection.
    pub(crate) dedicated: bool,
    pub(crate) key: Key,
    pub(crate) sender: Sender,
    /// The progress of the request body: a backend may respond before it has read the whole body.
    pub(crate) upload: Option<Rc<Progress>>,
}

impl Lease {
    /// Keeps the connection for another request, if the request body was sent completely.
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
