//! The data threads, and the commands with which the worker controls them. Each thread has its own async runtime,
//! sockets, upstream connections and tunnels. [`crate::thread`] is the state that the tasks of one thread share.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::ClosingFrame;
use tidegate_shared::snapshot::DrainSpread;
use tidegate_shared::tunnel::{self, Tunnel, TunnelKey, TunnelPage, TunnelQuery};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::access_log::{self, Logger};
use crate::backend::Drained;
use crate::config::Config;
use crate::drain_schedule::{self as schedule, Remainder};
use crate::limits::ConnectionLimit;
use crate::listener;
use crate::live_tunnel::LiveTunnel;
use crate::proxy::tunnel::what_if::{self, Change, Outlook};
use crate::registry::CloseReason;
use crate::runtime::Runtime;
use crate::spool::SpoolQuota;
use crate::thread::{Thread, ThreadLoad, ThreadResources};
use crate::trace;
use crate::tunnel_list;

/// The time that closed tunnels have to end and to log, after the drain timeout.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval at which a stopping thread checks whether its closed tunnels have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The channel for a thread's reply to a command.
type ReplySender<T> = oneshot::Sender<T>;

/// A command of the worker to its threads.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept connections for this gateway on this socket, until `close`.
    Listen {
        socket: TcpListener,
        address: SocketAddr,
        current: Arc<ArcSwap<Runtime>>,
        close: CancellationToken,
    },
    /// Copy every listening socket that is not being closed.
    CopySockets(ReplySender<Vec<(SocketAddr, io::Result<OwnedFd>)>>),
    /// Count what runs at each backend.
    Count(ReplySender<ThreadLoad>),
    /// End the requests at a drained backend.
    CloseRequests(Drained),
    /// End the tunnels at a drained backend.
    CloseTunnels(Drained),
    /// End a share of the tunnels at a drained backend, between 0 and 1, chosen at random.
    CloseShare(Drained, f64, Remainder),
    /// Reply with a page of the tunnels.
    ListTunnels(Arc<TunnelQuery>, ReplySender<TunnelPage>),
    /// Reply with the numbers of the tunnels that meet the condition, and whether there are more.
    ListTunnelKeys(Arc<TunnelQuery>, ReplySender<(Vec<TunnelKey>, bool)>),
    /// Reply with this tunnel of a gateway if it is one of the thread's.
    ShowTunnel(GatewayId, TunnelKey, ReplySender<Option<Tunnel>>),
    /// Close the thread's open tunnels of a gateway among these, with this frame, and reply with their number.
    CloseChosen(GatewayId, Arc<[TunnelKey]>, ClosingFrame, ReplySender<u64>),
    /// Reply with what a change would do to the tunnels.
    WhatIf(Arc<Change>, ReplySender<Outlook>),
    /// Have the tunnels of a gateway look at its configuration again.
    Review(GatewayId),
    /// Let connections and tunnels finish, at most for `timeout`, then end the thread. Listeners are closed by their
    /// own tokens.
    Drain { timeout: Duration },
}

/// The handle of the worker to its data threads.
#[derive(Debug)]
pub(crate) struct Threads(Vec<(mpsc::Sender<Command>, JoinHandle<()>)>);

impl Threads {
    /// Starts the configured number of data threads.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(crate) fn start(
        config: &Config,
        log: &access_log::Writer,
        spans: &trace::Exporter,
        connection_limit: &ConnectionLimit,
        spool_quota: &SpoolQuota,
    ) -> io::Result<Threads> {
        let process = fastrand::u32(..);
        let resources = || ThreadResources {
            process,
            tunnel_history: config.tunnel_history.div_ceil(config.threads.get()),
            tunnel_buffer: config.tunnel_buffer,
            timeouts: config.timeouts,
            max_request_body: config.max_request_body,
            log: log.handle(),
            spans: spans.handle(),
            connection_limit: connection_limit.clone(),
            spool_quota: spool_quota.clone(),
            threads: config.threads,
        };
        (0..config.threads.get())
            .map(|number| start_one(number, resources()))
            .collect::<Result<_, _>>()
            .map(Threads)
    }

    /// Creates one thread that runs nothing, and returns the receiver of its commands.
    #[cfg(test)]
    pub(crate) fn recorded() -> (Threads, mpsc::Receiver<Command>) {
        let (commands, received) = mpsc::channel(64);
        (Threads(vec![(commands, std::thread::spawn(|| {}))]), received)
    }

    /// Distributes `sockets` over the threads, in turn.
    pub(crate) async fn listen(
        &self,
        address: SocketAddr,
        sockets: Vec<TcpListener>,
        current: &Arc<ArcSwap<Runtime>>,
        close: &CancellationToken,
    ) {
        for (socket, (thread, _)) in sockets.into_iter().zip(self.0.iter().cycle()) {
            let (current, close) = (current.clone(), close.clone());
            send(thread, Command::Listen { socket, address, current, close }).await;
        }
    }

    /// Returns copies of the listening sockets of all threads.
    ///
    /// # Errors
    /// The process has reached its limit of open files.
    pub(crate) async fn sockets(&self) -> io::Result<Vec<(SocketAddr, OwnedFd)>> {
        let copies = self.ask(Command::CopySockets).await.into_iter().flatten();
        copies.map(|(address, socket)| Ok((address, socket?))).collect()
    }

    /// Returns a page of the tunnels of all threads.
    pub(crate) async fn tunnels(&self, query: TunnelQuery) -> TunnelPage {
        let query = Arc::new(query);
        let pages = self.ask(|reply| Command::ListTunnels(query.clone(), reply)).await;
        let pages = pages.into_iter().map(|page| (&*query.worker, page));
        let (rows, rest) = tunnel::merge(&query.order, query.limit, pages);
        TunnelPage { rows: rows.into_iter().map(|(_, tunnel)| tunnel).collect(), ..rest }
    }

    /// Returns the numbers of the tunnels that meet the condition of a query, and whether there are more.
    pub(crate) async fn tunnel_keys(&self, query: TunnelQuery) -> (Vec<TunnelKey>, bool) {
        let query = Arc::new(query);
        let (mut keys, mut has_more) = (Vec::new(), false);
        for (own, more) in self.ask(|reply| Command::ListTunnelKeys(query.clone(), reply)).await {
            keys.extend(own);
            has_more |= more;
        }
        (keys, has_more)
    }

    /// Returns a tunnel of a gateway, which may have ended.
    pub(crate) async fn tunnel(&self, gateway: GatewayId, key: TunnelKey) -> Option<Tunnel> {
        let shown = self.ask(|reply| Command::ShowTunnel(gateway, key, reply)).await;
        shown.into_iter().flatten().next()
    }

    /// Closes the open tunnels of a gateway among these, and returns their number.
    pub(crate) async fn close_tunnels(
        &self,
        gateway: GatewayId,
        keys: Vec<TunnelKey>,
        frame: ClosingFrame,
    ) -> u64 {
        let keys: Arc<[TunnelKey]> = keys.into();
        let command = |reply| Command::CloseChosen(gateway, keys.clone(), frame.clone(), reply);
        let closed = self.ask(command).await;
        closed.into_iter().sum()
    }

    /// Returns what a change would do to the tunnels of each thread.
    pub(crate) async fn outlooks(&self, change: Arc<Change>) -> Vec<Outlook> {
        self.ask(|reply| Command::WhatIf(change.clone(), reply)).await
    }

    /// Counts what runs on each thread.
    pub(crate) async fn loads(&self) -> Vec<ThreadLoad> {
        self.ask(Command::Count).await
    }

    /// Sends every thread a command, and returns the replies in the order of the threads. A thread that has ended
    /// gives none.
    async fn ask<T>(&self, command: impl Fn(ReplySender<T>) -> Command) -> Vec<T> {
        let mut answers = Vec::with_capacity(self.0.len());
        for (thread, _) in &self.0 {
            let (reply, answer) = oneshot::channel();
            send(thread, command(reply)).await;
            answers.push(answer);
        }
        let mut given = Vec::with_capacity(answers.len());
        for answer in answers {
            given.extend(answer.await.ok());
        }
        given
    }

    /// Sends a command to every thread.
    pub(crate) async fn broadcast(&self, mut command: impl FnMut() -> Command) {
        for (thread, _) in &self.0 {
            send(thread, command()).await;
        }
    }

    /// Drains every thread and waits until all have ended: at most `timeout` plus [`CLOSE_TIMEOUT`].
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

async fn send(thread: &mpsc::Sender<Command>, command: Command) {
    if thread.send(command).await.is_err() {
        tracing::error!("a data thread is gone");
    }
}

fn start_one(
    number: usize,
    resources: ThreadResources,
) -> io::Result<(mpsc::Sender<Command>, JoinHandle<()>)> {
    let (commands, received) = mpsc::channel(64);
    let builder = std::thread::Builder::new().name(format!("data-{number}"));
    let thread = builder.spawn(move || {
        // The runtime is built here because it cannot move to another thread.
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let log = runtime.block_on(run(received, Thread::new(number, resources)));
                // The remaining tasks end here and write their access log lines.
                drop(runtime);
                log.flush();
            }
            Err(error) => tracing::error!(%error, "a data thread cannot start"),
        }
    })?;
    Ok((commands, thread))
}

/// Executes commands until the thread has drained.
async fn run(mut commands: mpsc::Receiver<Command>, thread: Rc<Thread>) -> Rc<Logger> {
    let background = thread.clone();
    tokio::task::spawn_local(async move {
        tokio::join!(background.log.run(), background.upstreams.run(), background.tunnels.scan())
    });
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen { socket, address, current, close } => {
                tokio::task::spawn_local(listener::accept(thread.clone(), socket, address, current, close));
            }
            Command::CopySockets(reply) => {
                // The worker may have stopped waiting.
                let _ = reply.send(thread.copy_sockets());
            }
            Command::Count(reply) => {
                let _ = reply.send(thread.load());
            }
            Command::CloseRequests(drained) => thread.close_requests(&drained),
            Command::CloseTunnels(drained) => thread.close_tunnels(&drained),
            Command::CloseShare(drained, share, remainder) => {
                thread.close_share(&drained, share, &remainder);
            }
            // Who has asked may have stopped waiting.
            Command::ListTunnels(query, reply) => {
                let thread = thread.clone();
                tokio::task::spawn_local(async move { reply.send(tunnel_list::page(&thread, &query).await) });
            }
            Command::ListTunnelKeys(query, reply) => {
                let thread = thread.clone();
                tokio::task::spawn_local(async move { reply.send(tunnel_list::keys(&thread, &query).await) });
            }
            Command::ShowTunnel(gateway, key, reply) => {
                let _ = reply.send(tunnel_list::show(&thread, gateway, key));
            }
            Command::CloseChosen(gateway, keys, frame, reply) => {
                let _ = reply.send(tunnel_list::close(&thread, gateway, &keys, &frame));
            }
            Command::WhatIf(change, reply) => {
                let thread = thread.clone();
                tokio::task::spawn_local(async move { reply.send(what_if::outlook(&thread, &change).await) });
            }
            Command::Review(gateway) => {
                let tunnels = thread.tunnels.clone();
                let which = move |tunnel: &LiveTunnel| tunnel.backend.member_state.member.gateway == gateway;
                tokio::task::spawn_local(async move { tunnels.review(which).await });
            }
            Command::Drain { timeout } => {
                drain(&thread, timeout).await;
                break;
            }
        }
    }
    thread.log.clone()
}

/// Ends the tunnels of a stopping worker whose policies spread the ends like this.
async fn end_gradually(thread: &Thread, started: Instant, timeout: Duration, spread: DrainSpread) {
    let (from, until) = (started + schedule::undisturbed(spread, timeout), started + timeout);
    let which = |tunnel: &LiveTunnel| tunnel.policy().drain_spread == spread;
    sleep_until(from).await;
    if !schedule::is_spread(spread, thread.tunnels.count(which) * thread.threads.get()) {
        return;
    }
    let mut random = thread.random.borrow_mut().fork();
    let remainder = Remainder::new(&mut random);
    for (at, share) in schedule::moments(from, until, random) {
        sleep_until(at).await;
        let count = |left| remainder.take(left, share);
        thread.tunnels.close_some(CloseReason::Stopping, count, &mut thread.random.borrow_mut(), which);
    }
}

/// Waits until connections and tunnels have finished, and closes the remaining tunnels at the timeout.
async fn drain(thread: &Thread, timeout: Duration) {
    let started = Instant::now();
    let ended_by_and_by = async {
        let gradually = |spread| end_gradually(thread, started, timeout, spread);
        tokio::join!(gradually(DrainSpread::LastQuarter), gradually(DrainSpread::Even));
        std::future::pending().await
    };
    let finished = async {
        tokio::select! {
            () = thread.emptied() => {}
            () = ended_by_and_by => {}
        }
    };
    if timeout_at(started + timeout, finished).await.is_ok() {
        return;
    }
    tracing::warn!(connections = thread.live(), "the drain timeout has passed");
    thread.tunnels.close(CloseReason::Stopping, |_| true);
    // Each tunnel runs once more to log its end, and longer to send a Close frame; other connections end with the
    // thread.
    let ended = async {
        tokio::task::yield_now().await;
        while !thread.tunnels.is_empty() {
            sleep(CHECK_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, ended).await;
}
