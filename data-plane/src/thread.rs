//! The state of one data thread, shared by all its tasks: connections to backends, tunnels, log and limits.
//!
//! Data threads share little mutable state: health, counters, quotas and permits, the positions of round robin over
//! members and over the addresses of a name, and caches of rewrite patterns and TLS sessions. A request never moves
//! to another thread.

mod closing_frames;
mod group_drains;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tidegate_shared::tunnel::TunnelKey;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::access_log::{self, Logger};
use crate::alarm::Alarms;
use crate::backend::{Backend, Drained};
use crate::config::Timeouts;
use crate::drain_schedule::Remainder;
use crate::limits::ConnectionLimit;
use crate::live_tunnel::LiveTunnel;
use crate::registry::Registry;
use crate::spool::SpoolQuota;
use crate::trace;
use crate::tunnel_history::TunnelHistory;
use crate::upstream::Upstreams;
use closing_frames::ClosingFrames;
use group_drains::GroupDrains;

/// The shared state of one data thread.
#[derive(Debug)]
pub(crate) struct Thread {
    /// Its number among the data threads, from 0; it selects the metric cells of the thread.
    pub(crate) number: usize,
    /// The number of data threads.
    pub(crate) threads: NonZeroUsize,
    pub(crate) upstreams: Upstreams,
    pub(crate) tunnels: Rc<Registry<LiveTunnel>>,
    /// The tunnels that have ended.
    pub(crate) history: RefCell<TunnelHistory>,
    /// A random number of this process, for the numbers of tunnels.
    process: u32,
    /// The tunnels that a change of listeners or routes ends.
    pub(crate) group_drains: GroupDrains,
    /// The frames of tunnels that are closed on demand.
    pub(crate) closing_frames: ClosingFrames,
    /// The timers of the waits of requests.
    pub(crate) alarms: Alarms,
    pub(crate) log: Rc<Logger>,
    /// The exporter of spans.
    pub(crate) spans: trace::Handle,
    /// The limit of downstream connections and tunnels, shared by all threads of the process.
    pub(crate) connection_limit: ConnectionLimit,
    /// The size of the send and receive buffer of each socket of a tunnel, in bytes; 0 lets the kernel decide.
    pub(crate) tunnel_buffer: usize,
    /// The timeouts for clients.
    pub(crate) timeouts: Timeouts,
    /// The largest request body in bytes.
    pub(crate) max_request_body: u64,
    /// The disk quota of buffered bodies, shared by all threads of the process.
    pub(crate) spool_quota: SpoolQuota,
    /// The source of transaction IDs and of random choices among tunnels: unique, not secret.
    pub(crate) random: RefCell<fastrand::Rng>,
    /// The listening sockets; those that are closed are removed when the next one is added.
    listeners: RefCell<Vec<(SocketAddr, Weak<TcpListener>)>>,
    live: Cell<usize>,
    idle: Notify,
}

/// Counts a connection or tunnel until it is dropped.
#[derive(Debug)]
pub(crate) struct Live(Rc<Thread>);

impl Thread {
    /// Creates the state of the thread with this number.
    pub(crate) fn new(number: usize, resources: ThreadResources) -> Rc<Thread> {
        Rc::new(Thread {
            number,
            threads: resources.threads,
            upstreams: Upstreams::default(),
            tunnels: Rc::default(),
            history: RefCell::new(TunnelHistory::new(resources.tunnel_history)),
            process: resources.process,
            group_drains: GroupDrains::default(),
            closing_frames: ClosingFrames::default(),
            alarms: Alarms::default(),
            log: Logger::new(resources.log),
            spans: resources.spans,
            connection_limit: resources.connection_limit,
            tunnel_buffer: resources.tunnel_buffer,
            timeouts: resources.timeouts,
            max_request_body: resources.max_request_body,
            spool_quota: resources.spool_quota,
            random: RefCell::new(fastrand::Rng::new()),
            listeners: RefCell::default(),
            live: Cell::new(0),
            idle: Notify::new(),
        })
    }

    /// Returns the number within the worker of a tunnel of this thread.
    pub(crate) fn key(&self, number: u64) -> TunnelKey {
        TunnelKey { process: self.process, thread: self.number as u16, number }
    }

    pub(crate) fn enter(self: &Rc<Thread>) -> Live {
        self.live.set(self.live.get() + 1);
        Live(self.clone())
    }

    /// Keeps track of a listening socket for as long as its owner holds it.
    pub(crate) fn track(&self, address: SocketAddr, socket: &Rc<TcpListener>) {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|(_, socket)| socket.strong_count() > 0);
        listeners.push((address, Rc::downgrade(socket)));
    }

    /// Copies every listening socket that is not closed.
    pub(crate) fn copy_sockets(&self) -> Vec<(SocketAddr, io::Result<OwnedFd>)> {
        let open = |(address, socket): &(SocketAddr, Weak<TcpListener>)| {
            Some((*address, socket.upgrade()?.as_fd().try_clone_to_owned()))
        };
        self.listeners.borrow().iter().filter_map(open).collect()
    }

    /// Counts what runs at each backend.
    pub(crate) fn load(&self) -> ThreadLoad {
        let mut backends: HashMap<u64, BackendLoad> = HashMap::new();
        let at = |backend: &Arc<Backend>| (backend.clone(), 0, 0);
        for backend in self.tunnels.collect(|tunnel| Some(tunnel.backend.clone())) {
            backends.entry(backend.number).or_insert_with(|| at(&backend)).1 += 1;
        }
        for (backend, busy) in self.upstreams.busy() {
            backends.entry(backend.number).or_insert_with(|| at(&backend)).2 += busy;
        }
        ThreadLoad {
            tunnels: self.tunnels.count(|_| true),
            live: self.live.get(),
            backends: backends.into_values().collect(),
        }
    }

    /// Ends the requests at a drained backend.
    pub(crate) fn close_requests(&self, drained: &Drained) {
        self.upstreams.close(drained.close_reason(), |backend| drained.is(backend));
    }

    /// Ends the tunnels at a drained backend.
    pub(crate) fn close_tunnels(&self, drained: &Drained) {
        self.tunnels.close(drained.close_reason(), |tunnel| drained.is(&tunnel.backend));
    }

    /// Ends a share of the tunnels at a drained backend, between 0 and 1, chosen at random.
    pub(crate) fn close_share(&self, drained: &Drained, share: f64, remainder: &Remainder) {
        let random = &mut self.random.borrow_mut();
        let which = |tunnel: &LiveTunnel| drained.is(&tunnel.backend);
        let count = |left| remainder.take(left, share);
        self.tunnels.close_some(drained.close_reason(), count, random, which);
    }

    /// Returns the number of live connections and tunnels.
    pub(crate) fn live(&self) -> usize {
        self.live.get()
    }

    /// Waits until no connection and no tunnel is live.
    pub(crate) async fn emptied(&self) {
        while self.live.get() > 0 {
            self.idle.notified().await;
        }
    }
}

impl Live {
    pub(crate) fn thread(&self) -> &Rc<Thread> {
        &self.0
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let left = self.0.live.get() - 1;
        self.0.live.set(left);
        if left == 0 {
            self.0.idle.notify_one();
        }
    }
}

/// A backend with the numbers of its tunnels and of the connections to it that carry requests.
pub(crate) type BackendLoad = (Arc<Backend>, usize, usize);

/// The load of a thread.
#[derive(Debug)]
pub(crate) struct ThreadLoad {
    /// The open tunnels.
    pub(crate) tunnels: usize,
    /// The listening sockets, connections of clients and tunnels.
    pub(crate) live: usize,
    /// The backends with tunnels or requests.
    pub(crate) backends: Vec<BackendLoad>,
}

/// The parts of a data thread that come from the rest of the process.
#[derive(Debug)]
pub(crate) struct ThreadResources {
    /// A random number of this process.
    pub(crate) process: u32,
    /// The maximum number of ended tunnels that the thread keeps.
    pub(crate) tunnel_history: usize,
    pub(crate) tunnel_buffer: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) max_request_body: u64,
    pub(crate) log: access_log::Handle,
    pub(crate) spans: trace::Handle,
    pub(crate) connection_limit: ConnectionLimit,
    pub(crate) spool_quota: SpoolQuota,
    pub(crate) threads: NonZeroUsize,
}

#[cfg(test)]
impl Thread {
    /// Creates a thread without log, spans and space on disk, for tests of connections.
    pub(crate) fn of_test(timeouts: Timeouts, max_request_body: u64) -> Rc<Thread> {
        use crate::config::{AccessLog, Rotation};

        let rotation = Rotation { max_size: 0, keep: 0 };
        let log = access_log::Writer::start(&AccessLog::Off, rotation, access_log::Instance::default());
        let spans = trace::Exporter::start(None).expect("nothing is exported");
        Thread::new(
            0,
            ThreadResources {
                process: 1,
                tunnel_history: 0,
                tunnel_buffer: 0,
                timeouts,
                max_request_body,
                log: log.expect("nothing is written").handle(),
                spans: spans.handle(),
                connection_limit: ConnectionLimit::raise(None),
                spool_quota: SpoolQuota::new(std::path::PathBuf::new(), 0),
                threads: NonZeroUsize::MIN,
            },
        )
    }
}
