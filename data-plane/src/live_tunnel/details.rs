//! The values that some tunnels keep beyond those of lists: they make the log line and the span at their end, and a change
//! of the configuration is judged by them.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::runtime::{Action, Runtime, Selection};
use crate::tls::facts::TlsInfo;
use crate::trace;
use crate::transaction_id::TransactionId;

/// The values of one tunnel, if there is an access log or a collector of spans, or if its policy ends tunnels at changes.
#[derive(Debug)]
pub(crate) struct Details {
    /// The configuration in force.
    pub(crate) current: Arc<ArcSwap<Runtime>>,
    /// The address that the client connected to, in its shortest form.
    pub(crate) local: (IpAddr, u16),
    /// True if its binding is HTTPS.
    pub(crate) secure: bool,
    pub(crate) tls: Option<Rc<TlsInfo>>,
    pub(crate) selection: Selection,
    /// True if the client's end is a stream of HTTP/2.
    pub(crate) is_over_http2: bool,
    /// The local port of the connection to the backend.
    pub(crate) source_port: u16,
    pub(crate) id: TransactionId,
    /// The trace context.
    pub(crate) context: Option<trace::Context>,
}

impl Details {
    /// Returns the address that the client connected to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local.into()
    }

    /// Returns the drain timeout of the settings under which the tunnel was opened.
    pub(crate) fn drain_timeout(&self) -> Duration {
        match self.selection.action() {
            Action::Forward(backend_set) => backend_set.drain_timeout,
            Action::Redirect(_) => Duration::ZERO,
        }
    }
}
