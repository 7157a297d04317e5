//! A data thread: its own runtime, its own sockets, its own upstream connections, its own tunnels.
//!
//! Threads share nothing that they write except health, counters, turns (of members, and of the addresses of a name) and
//! places for connections. Work never moves from one to another, so nothing on the way of a request is locked.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::access_log::{self, Logger};
use crate::close_registry::{CloseReason, Registry};
use crate::config::{Config, Timeouts};
use crate::drain::{Drained, spread};
use crate::limits::ConnectionLimit;
use crate::listener;
use crate::runtime::Runtime;
use crate::spool::SpoolQuota;
use crate::trace;
use crate::upstream::Upstreams;

/// How long tunnels that were told to end may take to do so.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the worker tells its threads.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept on this socket for this gateway, until `close`.
    Listen {
        socket: TcpListener,
        address: SocketAddr,
        current: Arc<ArcSwap<Runtime>>,
        close: CancellationToken,
    },
    /// Send a copy of every listening socket that is not being closed.
    CopySockets(mpsc::Sender<(SocketAddr, io::Result<OwnedFd>)>),
    /// End what runs at a backend that gets nothing new, and whose time has passed.
    Close(Drained),
    /// End a share of the tunnels that run there, between 0 and 1, chosen at random.
    CloseShare(Drained, f64),
    /// Finish what runs, at most until the time has passed, then end. Listeners are closed by their own tokens.
    Drain { timeout: Duration },
}

/// What everything on one thread shares.
#[derive(Debug)]
pub(crate) struct Thread {
    /// Its place among the data threads, from 0: which cells it counts in.
    pub(crate) number: usize,
    pub(crate) upstreams: Upstreams,
    pub(crate) tunnels: Rc<Registry>,
    pub(crate) log: Rc<Logger>,
    /// Where its spans go.
    pub(crate) spans: trace::Handle,
    /// One for each downstream connection or tunnel; shared by all threads of the process.
    pub(crate) connection_limit: ConnectionLimit,
    /// Send and receive buffer of each socket of a tunnel, in bytes; 0 leaves them to the kernel.
    pub(crate) tunnel_buffer: usize,
    /// How long clients are waited for.
    pub(crate) timeouts: Timeouts,
    /// How many bytes the body of a request may have.
    pub(crate) max_request_body: u64,
    /// Where bodies wait that are held; shared by all threads of the process.
    pub(crate) spool_quota: SpoolQuota,
    /// This thread's part of [`spread::HERD`].
    herd: usize,
    /// For transaction ids, and for what ends first: unique, not secret.
    pub(crate) random: RefCell<fastrand::Rng>,
    /// The listening sockets; those that are closed are removed when the next one is added.
    listeners: RefCell<Vec<(SocketAddr, Weak<tokio::net::TcpListener>)>>,
    live: Cell<usize>,
    idle: Notify,
}

/// Counts a connection or tunnel as long as it lives.
#[derive(Debug)]
pub(crate) struct Live(Rc<Thread>);

impl Thread {
    pub(crate) fn enter(self: &Rc<Thread>) -> Live {
        self.live.set(self.live.get() + 1);
        Live(self.clone())
    }

    /// Keeps track of a listening socket for as long as its owner holds it.
    pub(crate) fn track(&self, address: SocketAddr, socket: &Rc<tokio::net::TcpListener>) {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|(_, socket)| socket.strong_count() > 0);
        listeners.push((address, Rc::downgrade(socket)));
    }

    async fn copy_sockets(&self, to: mpsc::Sender<(SocketAddr, io::Result<OwnedFd>)>) {
        let open = self.listeners.borrow().clone();
        for (address, socket) in open {
            let Some(socket) = socket.upgrade() else { continue };
            // Whoever asked has given up: nobody needs the rest.
            if to.send((address, socket.as_fd().try_clone_to_owned())).await.is_err() {
                return;
            }
        }
    }

    /// Ends what runs at that backend.
    pub(crate) fn close(&self, drained: &Drained) {
        for registry in [&self.tunnels, &self.upstreams.open] {
            registry.close(drained.close_reason(), |backend| drained.is(backend));
        }
    }

    /// Ends a share of the tunnels that run at that backend.
    fn close_share(&self, drained: &Drained, share: f64) {
        let random = &mut self.random.borrow_mut();
        self.tunnels.close_share(drained.close_reason(), share, random, |backend| drained.is(backend));
    }

    async fn emptied(&self) {
        while self.live.get() > 0 {
            self.idle.notified().await;
        }
    }

    /// Ends the tunnels of a worker that stops during the last quarter of its drain timeout, if they are a herd.
    async fn end_herd(&self, started: Instant, timeout: Duration) {
        let (from, until) = (started + spread::undisturbed(timeout), started + timeout);
        sleep_until(from).await;
        if self.tunnels.len() < self.herd {
            return;
        }
        let random = self.random.borrow_mut().fork();
        for (at, share) in spread::moments(from, until, random) {
            sleep_until(at).await;
            self.tunnels.close_share(CloseReason::Stopping, share, &mut self.random.borrow_mut(), |_| true);
        }
    }

    /// Lets what runs finish, and ends at the timeout what has not.
    async fn drain(&self, timeout: Duration) {
        let started = Instant::now();
        let herd = async {
            self.end_herd(started, timeout).await;
            std::future::pending().await
        };
        let finished = async {
            tokio::select! {
                () = self.emptied() => {}
                () = herd => {}
            }
        };
        if timeout_at(started + timeout, finished).await.is_ok() {
            return;
        }
        tracing::warn!(connections = self.live.get(), "the drain timeout has passed");
        self.tunnels.close(CloseReason::Stopping, |_| true);
        // Each runs once more to end in order; connections just end with the thread.
        let ended = async {
            while !self.tunnels.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, ended).await;
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

/// The worker's hold of its data threads.
#[derive(Debug)]
pub(crate) struct Threads(Vec<(mpsc::Sender<Command>, JoinHandle<()>)>);

impl Threads {
    /// Starts as many data threads as the worker is to have.
    pub(crate) fn start(
        config: &Config,
        log: &access_log::Writer,
        spans: &trace::Exporter,
        connection_limit: &ConnectionLimit,
        spool_quota: &SpoolQuota,
    ) -> io::Result<Threads> {
        let outlets = || Outlets {
            tunnel_buffer: config.tunnel_buffer,
            timeouts: config.timeouts,
            max_request_body: config.max_request_body,
            log: log.handle(),
            spans: spans.handle(),
            connection_limit: connection_limit.clone(),
            spool_quota: spool_quota.clone(),
            herd: spread::HERD.div_ceil(config.threads.get()),
        };
        (0..config.threads.get())
            .map(|number| start_one(number, outlets()))
            .collect::<Result<_, _>>()
            .map(Threads)
    }

    /// Gives the threads `sockets` to accept on, one to each in turn.
    pub(crate) async fn listen(
        &self,
        address: SocketAddr,
        sockets: Vec<TcpListener>,
        current: &Arc<ArcSwap<Runtime>>,
        close: &CancellationToken,
    ) {
        for (socket, (thread, _)) in sockets.into_iter().zip(self.0.iter().cycle()) {
            let (current, close) = (current.clone(), close.clone());
            tell(thread, Command::Listen { socket, address, current, close }).await;
        }
    }

    /// Copies of the listening sockets of all threads.
    ///
    /// # Errors
    /// The process cannot open so many descriptors.
    pub(crate) async fn sockets(&self) -> io::Result<Vec<(SocketAddr, OwnedFd)>> {
        let (to, mut copies) = mpsc::channel(64);
        self.broadcast(|| Command::CopySockets(to.clone())).await;
        drop(to);
        let mut sockets = Vec::new();
        while let Some((address, socket)) = copies.recv().await {
            sockets.push((address, socket?));
        }
        Ok(sockets)
    }

    /// Tells every thread.
    pub(crate) async fn broadcast(&self, mut command: impl FnMut() -> Command) {
        for (thread, _) in &self.0 {
            tell(thread, command()).await;
        }
    }

    /// Lets every thread finish what runs, and waits until all have, at most `timeout`.
    pub(crate) async fn drain(&self, timeout: Duration) {
        self.broadcast(|| Command::Drain { timeout }).await;
        for (thread, _) in &self.0 {
            thread.closed().await;
        }
    }

    /// Waits until the drained threads have ended.
    pub(crate) fn join(self) {
        for (commands, thread) in self.0 {
            drop(commands);
            if thread.join().is_err() {
                tracing::error!("a data thread panicked");
            }
        }
    }
}

async fn tell(thread: &mpsc::Sender<Command>, command: Command) {
    if thread.send(command).await.is_err() {
        tracing::error!("a data thread is gone");
    }
}

/// What a data thread shares with the rest of the process.
#[derive(Debug)]
struct Outlets {
    tunnel_buffer: usize,
    timeouts: Timeouts,
    max_request_body: u64,
    log: access_log::Handle,
    spans: trace::Handle,
    connection_limit: ConnectionLimit,
    spool_quota: SpoolQuota,
    herd: usize,
}

fn start_one(number: usize, outlets: Outlets) -> io::Result<(mpsc::Sender<Command>, JoinHandle<()>)> {
    let (commands, received) = mpsc::channel(64);
    let builder = std::thread::Builder::new().name(format!("data-{number}"));
    let thread = builder.spawn(move || {
        // Built here, for it cannot change threads.
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let log = runtime.block_on(run(received, number, outlets));
                // What is still running ends here, and writes its lines.
                drop(runtime);
                log.flush();
            }
            Err(error) => tracing::error!(%error, "a data thread cannot start"),
        }
    })?;
    Ok((commands, thread))
}

async fn run(mut commands: mpsc::Receiver<Command>, number: usize, outlets: Outlets) -> Rc<Logger> {
    let thread = Rc::new(Thread {
        number,
        upstreams: Upstreams::default(),
        tunnels: Rc::default(),
        log: Logger::new(outlets.log),
        spans: outlets.spans,
        connection_limit: outlets.connection_limit,
        tunnel_buffer: outlets.tunnel_buffer,
        timeouts: outlets.timeouts,
        max_request_body: outlets.max_request_body,
        spool_quota: outlets.spool_quota,
        herd: outlets.herd,
        random: RefCell::new(fastrand::Rng::new()),
        listeners: RefCell::default(),
        live: Cell::new(0),
        idle: Notify::new(),
    });
    let background = thread.clone();
    tokio::task::spawn_local(async move { tokio::join!(background.log.run(), background.upstreams.run()) });
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen { socket, address, current, close } => {
                tokio::task::spawn_local(listener::accept(thread.clone(), socket, address, current, close));
            }
            Command::CopySockets(to) => thread.copy_sockets(to).await,
            Command::Close(drained) => thread.close(&drained),
            Command::CloseShare(drained, share) => thread.close_share(&drained, share),
            Command::Drain { timeout } => {
                thread.drain(timeout).await;
                break;
            }
        }
    }
    thread.log.clone()
}
