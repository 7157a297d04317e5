//! A client's connection, and the client's end of it.
//!
//! The listener creates a [`Connection`] for each client that it accepts, and the proxy reads it. The client's end is
//! a socket of HTTP/1.1 ([`http1`]), or the streams of an HTTP/2 connection ([`http2_streams`]); a tunnel takes
//! either ([`upgrade`]). This module must not know how requests are served.

pub(crate) mod http1;
pub(crate) mod http2_streams;
pub(crate) mod upgrade;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::limits::{AddressPermit, ConnectionPermit};
use crate::metrics::series::{ConnectionMetrics, Connections};
use crate::runtime::Runtime;
use crate::thread::{Live, Thread};
use crate::tls::facts::TlsInfo;
use crate::upstream::dedicated::DedicatedConnections;
use arc_swap::ArcSwap;
use http1::Http1Link;
use tidegate_http1::{Fields, Known};

/// The state that all requests of one downstream connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) thread: Rc<Thread>,
    pub(crate) current: Arc<ArcSwap<Runtime>>,
    /// The address that the client connected to, as bound: the key of the binding.
    pub(crate) address: SocketAddr,
    pub(crate) client: SocketAddr,
    /// True if the binding is HTTPS.
    pub(crate) secure: bool,
    /// The result of the TLS handshake; `None` without TLS, also for plain HTTP to an HTTPS binding.
    pub(crate) tls: Option<Rc<TlsInfo>>,
    /// The `IP:port` of the client, for `X-Forwarded-For`.
    pub(crate) forwarded_for: Box<str>,
    /// The lines of `X-Forwarded-Proto` and `X-Forwarded-Port`, which are the same in all requests.
    pub(crate) forwarded: Fields,
    /// The client, if it speaks HTTP/1.1.
    pub(crate) http1: Http1Link,
    /// The connections to backends that carry only this client's requests.
    pub(crate) dedicated: DedicatedConnections,
    pub(crate) admission: Rc<Admission>,
}

/// Counts a client's connection: in its thread, in the metrics and against the limits. A tunnel shares it, so that the
/// connection is counted to the end of the tunnel, while what requests need is freed.
#[derive(Debug)]
pub(crate) struct Admission {
    live: Live,
    counts: ConnectionMetrics,
    _permit: ConnectionPermit,
    _address_permit: AddressPermit,
}

impl Admission {
    pub(crate) fn thread(&self) -> &Rc<Thread> {
        self.live.thread()
    }
}

impl Connection {
    /// The counters for events of this connection.
    pub(crate) fn counts(&self) -> &Connections {
        self.admission.counts.cells()
    }
}

/// An accepted connection before its handshakes.
#[derive(Debug)]
pub(crate) struct AcceptedConnection {
    pub(crate) thread: Rc<Thread>,
    pub(crate) current: Arc<ArcSwap<Runtime>>,
    pub(crate) address: SocketAddr,
    pub(crate) client: SocketAddr,
    pub(crate) counts: ConnectionMetrics,
    pub(crate) permit: ConnectionPermit,
    pub(crate) live: Live,
}

impl AcceptedConnection {
    /// Creates the connection after its handshakes.
    pub(crate) fn connected(
        self,
        address_permit: AddressPermit,
        secure: bool,
        tls: Option<Rc<TlsInfo>>,
    ) -> Rc<Connection> {
        Rc::new(Connection {
            forwarded_for: self.client.to_string().into(),
            forwarded: forwarded(secure, self.address.port()),
            thread: self.thread,
            current: self.current,
            address: self.address,
            client: self.client,
            secure,
            tls,
            http1: Http1Link::default(),
            dedicated: DedicatedConnections::default(),
            admission: Rc::new(Admission {
                live: self.live,
                counts: self.counts,
                _permit: self.permit,
                _address_permit: address_permit,
            }),
        })
    }
}

fn forwarded(secure: bool, port: u16) -> Fields {
    let mut fields = Fields::new();
    fields.append(Known::XForwardedProto, if secure { b"https" } else { b"http" });
    fields.append_number(Known::XForwardedPort, u64::from(port));
    fields
}
