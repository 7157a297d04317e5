//! A client's connection, and the client's end of it.
//!
//! The listener creates a [`Connection`] for each client that it accepts, and the proxy reads it. The client's end is
//! a socket of HTTP/1.1 ([`http1`]), or the streams of an HTTP/2 connection ([`http2_streams`]); a tunnel takes
//! either ([`upgrade`]). This module must not know how requests are served.

pub(crate) mod framed;
pub(crate) mod http1;
pub(crate) mod http2_streams;
pub(crate) mod upgrade;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::address_text;
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
    forwarded: Rc<Forwarded>,
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
    pub(crate) forwarded: Rc<Forwarded>,
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
            forwarded_for: address_text::socket(self.client),
            forwarded: self.forwarded,
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

impl Connection {
    /// Returns the lines of `X-Forwarded-Proto` and `X-Forwarded-Port`.
    pub(crate) fn forwarded(&self) -> &Fields {
        if self.secure { &self.forwarded.https } else { &self.forwarded.http }
    }
}

/// The lines of `X-Forwarded-Proto` and `X-Forwarded-Port` in the requests of one address, which its connections share.
#[derive(Debug)]
pub(crate) struct Forwarded {
    http: Fields,
    https: Fields,
}

impl Forwarded {
    pub(crate) fn new(port: u16) -> Rc<Forwarded> {
        let lines = |proto: &[u8]| {
            let mut fields = Fields::new();
            fields.append(Known::XForwardedProto, proto);
            fields.append_number(Known::XForwardedPort, port.into());
            fields
        };
        Rc::new(Forwarded { http: lines(b"http"), https: lines(b"https") })
    }
}
