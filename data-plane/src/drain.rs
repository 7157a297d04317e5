//! Draining: ends the requests and tunnels at a removed or unhealthy backend after the drain timeout.
//!
//! These tasks run beside the worker's others and send commands to every data thread; each thread finds the affected
//! requests and tunnels itself.

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tidegate_shared::protocol::HealthState;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backend::{Backend, Drained};
use crate::drain_schedule as schedule;
use crate::member::DrainingMember;
use crate::runtime::Runtime;
use crate::threads::{Command, Threads};

/// Ends the requests and tunnels at a removed member after its drain timeout. The caller drops this future if the
/// member returns before.
pub(crate) async fn end_removed(draining: DrainingMember, threads: Rc<Threads>, changed: Rc<Notify>) {
    let drained = Drained::Removed(draining.member_state.member.clone());
    let spread_from = draining.until - draining.drain + schedule::undisturbed(draining.drain);
    sleep_until(spread_from).await;
    if draining.member_state.live() >= schedule::MIN_TO_SPREAD {
        end_gradually(&drained, spread_from, draining.until, &threads).await;
    }
    sleep_until(draining.until).await;
    draining.member_state.leave();
    threads.broadcast(|| Command::Close(drained.clone())).await;
    changed.notify_one();
}

/// Ends the tunnels at a backend in steps. Requests keep the whole drain timeout, because their clients do not
/// reconnect all at once.
async fn end_gradually(drained: &Drained, from: Instant, until: Instant, threads: &Threads) {
    for (at, share) in schedule::moments(from, until, fastrand::Rng::new()) {
        sleep_until(at).await;
        threads.broadcast(|| Command::CloseShare(drained.clone(), share)).await;
    }
}

/// Watches the health of a backend for as long as it is probed. Each time that it stays unhealthy for its whole drain
/// timeout, its requests and tunnels are ended.
pub(crate) async fn end_while_down(
    backend: Arc<Backend>,
    current: Arc<ArcSwap<Runtime>>,
    threads: Rc<Threads>,
) {
    let down = || backend.health.state() == HealthState::Down;
    let drained = Drained::Down(backend.member_state.member.clone(), backend.key.settings.clone());
    loop {
        backend.health.wait_until(&down).await;
        tokio::select! {
            biased;
            () = backend.health.wait_until(|| !down()) => continue,
            () = end_out_of_use(&backend, &drained, &current, &threads) => {}
        }
        backend.health.set_drained(true);
        threads.broadcast(|| Command::Close(drained.clone())).await;
        backend.health.wait_until(|| !down()).await;
        backend.health.set_drained(false);
    }
}

/// Waits for the drain timeout, and longer as long as the backend is used although it is unhealthy (`min_servers`). A
/// large number of tunnels is ended during the last quarter of the timeout.
async fn end_out_of_use(backend: &Backend, drained: &Drained, current: &ArcSwap<Runtime>, threads: &Threads) {
    loop {
        let (now, time) = (Instant::now(), current.load().member_table.drain(&backend.member_state.member));
        let (from, until) = (now + schedule::undisturbed(time), now + time);
        sleep_until(from).await;
        let is_spread = backend.member_state.live() >= schedule::MIN_TO_SPREAD;
        if is_spread && !current.load().keeps(backend) {
            end_gradually(drained, from, until, threads).await;
        }
        sleep_until(until).await;
        if !current.load().keeps(backend) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidegate_shared::snapshot::Host;

    use super::*;
    use crate::member::{InFlightGuard, MemberState};

    const TIMEOUT: Duration = Duration::from_secs(40);

    /// Removes a member with this number of tunnels, and returns the time of each command to the threads. A command
    /// is a share of the tunnels, or `None` for all of them.
    async fn ends(tunnels: usize) -> Vec<(Duration, Option<f64>)> {
        let member_state = MemberState::apart("pool", &Host::Ip([192, 0, 2, 1].into()));
        let _tunnels: Vec<_> = (0..tunnels).map(|_| InFlightGuard::at(&member_state)).collect();
        let start = Instant::now();
        let draining =
            DrainingMember { member_state: member_state.clone(), drain: TIMEOUT, until: start + TIMEOUT };
        let (threads, mut commands) = Threads::recorded();
        let mut ends = Vec::new();
        let record = async {
            while let Some(command) = commands.recv().await {
                let share = match command {
                    Command::CloseShare(_, share) => Some(share),
                    _ => None,
                };
                ends.push((start.elapsed(), share));
            }
        };
        tokio::join!(end_removed(draining, Rc::new(threads), Rc::default()), record);
        assert!(member_state.is_gone());
        ends
    }

    #[tokio::test(start_paused = true)]
    async fn few_tunnels_of_a_removed_member_get_the_whole_timeout() {
        let ends = ends(schedule::MIN_TO_SPREAD - 1).await;
        let [(at, None)] = ends[..] else { panic!("{ends:?}") };
        assert!(at >= TIMEOUT && at < TIMEOUT + Duration::from_millis(5), "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_ends_of_many_are_spread_over_the_last_quarter_of_the_timeout() {
        let ends = ends(schedule::MIN_TO_SPREAD).await;
        let ((last, share), spread) = ends.split_last().unwrap();
        assert!(share.is_none() && *last >= TIMEOUT, "{last:?}");
        assert!(spread.len() > 10 && spread.iter().all(|(_, share)| share.is_some()), "{spread:?}");
        let (first, latest) = (spread[0].0, spread[spread.len() - 1].0);
        assert!(
            first >= TIMEOUT / 4 * 3 && latest <= TIMEOUT + Duration::from_millis(5),
            "{first:?} {latest:?}"
        );
    }
}
