//! The HTTP/1.1 client of a connection, as the requests of the connection reach it.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use tidegate_http1::{Fault, ResponseHead};

use super::Http1Client;
use crate::stream::Stream;

/// The way to the client; there is none with HTTP/2, and none while a tunnel has the socket.
#[derive(Debug, Default)]
pub(crate) struct Http1Link {
    client: RefCell<Option<Rc<Http1Client>>>,
}

impl Http1Link {
    /// Begins to serve a client.
    pub(crate) fn serve(&self, client: Rc<Http1Client>) -> Rc<Http1Client> {
        *self.client.borrow_mut() = Some(client.clone());
        client
    }

    fn with<R>(&self, work: impl FnOnce(&Http1Client) -> R) -> Option<R> {
        self.client.borrow().as_deref().map(work)
    }

    /// Takes the socket for a tunnel, with the bytes that arrived early, and forgets the client.
    pub(crate) fn take_socket(&self) -> Option<(Stream, Bytes)> {
        self.client.take()?.take_socket()
    }

    /// Returns the fault of the client for which the connection ends.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.with(Http1Client::fault).flatten()
    }

    /// Passes an interim response of a backend (1xx except 101) on to a client of HTTP/1.1, without its hop-by-hop
    /// fields. For others it is dropped.
    pub(crate) fn send_interim(&self, head: &ResponseHead) {
        self.with(|client| client.send_interim(head));
    }
}
