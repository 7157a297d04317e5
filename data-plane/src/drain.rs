//! Draining: ends the requests and tunnels at a removed or unhealthy backend.
//!
//! Requests are ended after the drain timeout of their settings. The policy of the pool decides what happens to
//! tunnels: they continue, are ended at once, or within a time of their own.
//!
//! These tasks run beside the worker's others and send commands to every data thread; each thread finds the affected
//! requests and tunnels itself.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tidegate_shared::protocol::HealthState;
use tidegate_shared::snapshot::{DrainSpread, TunnelAction};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backend::{Backend, Drained};
use crate::drain_schedule::{self as schedule, Remainder};
use crate::member::DrainingMember;
use crate::runtime::Runtime;
use crate::threads::{Command, Threads};

/// The shortest time between two checks of whether an unhealthy backend is still used.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why members were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Their pool no longer has them, or is gone.
    Members,
    /// The gateway was removed or stopped.
    Gateway,
}

/// Ends the requests at a removed member after its drain timeout, and its tunnels as the policy of its pool says. The
/// caller drops this future if the member returns before.
pub(crate) async fn end_removed(
    draining: DrainingMember,
    removal: Removal,
    threads: Rc<Threads>,
    changed: Rc<Notify>,
) {
    let (member_state, removed_at) = (&draining.member_state, draining.until - draining.drain);
    let policy = member_state.pool.policy().clone();
    let member = member_state.member.clone();
    let (drained, action) = match removal {
        Removal::Members => (Drained::Removed(member), policy.on_member_removed),
        Removal::Gateway => (Drained::GatewayRemoved(member), policy.on_gateway_removed),
    };
    let requests = async {
        sleep_until(draining.until).await;
        member_state.leave();
        threads.broadcast(|| Command::CloseRequests(drained.clone())).await;
        changed.notify_one();
    };
    let tunnels = async {
        let Some(time) = schedule::time_of(action, draining.drain) else { return };
        let until = removed_at + time;
        let from = removed_at + schedule::undisturbed(policy.drain_spread, time);
        let _in_progress = member_state.drain.begin(until, drained.close_reason());
        sleep_until(from).await;
        if schedule::is_spread(policy.drain_spread, member_state.tunnels()) {
            end_gradually(&drained, from, until, &threads).await;
        }
        sleep_until(until).await;
        threads.broadcast(|| Command::CloseTunnels(drained.clone())).await;
    };
    tokio::join!(requests, tunnels);
}

/// Ends the tunnels at a backend in steps. Requests keep the whole drain timeout, because their clients do not
/// reconnect all at once.
pub(crate) async fn end_gradually(drained: &Drained, from: Instant, until: Instant, threads: &Threads) {
    let mut random = fastrand::Rng::new();
    let remainder = Remainder::new(&mut random);
    for (at, share) in schedule::moments(from, until, random) {
        sleep_until(at).await;
        threads.broadcast(|| Command::CloseShare(drained.clone(), share, remainder.clone())).await;
    }
}

/// Watches the health of a backend for as long as it is probed. Each time that it stays unhealthy for the whole drain
/// timeout, its requests are ended; its tunnels are ended as the policy of its pool says.
pub(crate) async fn end_while_down(
    backend: Arc<Backend>,
    current: Arc<ArcSwap<Runtime>>,
    threads: Rc<Threads>,
) {
    let down = || backend.health.state() == HealthState::Down;
    let drained = Drained::Down(backend.member_state.member.clone(), backend.key.settings.clone());
    loop {
        backend.health.wait_until(&down).await;
        let requests = async {
            end_out_of_use(&backend, &drained, None, &current, &threads).await;
            backend.health.set_drained(true);
            threads.broadcast(|| Command::CloseRequests(drained.clone())).await;
        };
        let tunnels = async {
            let policy = backend.member_state.pool.policy().clone();
            let out_of_use = (policy.on_member_down, policy.drain_spread);
            if policy.on_member_down != TunnelAction::Keep {
                end_out_of_use(&backend, &drained, Some(out_of_use), &current, &threads).await;
                threads.broadcast(|| Command::CloseTunnels(drained.clone())).await;
            }
        };
        tokio::select! {
            biased;
            () = backend.health.wait_until(|| !down()) => {}
            _ = async { tokio::join!(requests, tunnels, std::future::pending::<()>()) } => {}
        }
        backend.health.set_drained(false);
    }
}

/// Waits until the time has passed that an unhealthy backend leaves to its requests or, with an action, to its
/// tunnels, and longer as long as the backend is used although it is unhealthy (`min_servers`). Meanwhile, tunnels are
/// ended as the spread says.
async fn end_out_of_use(
    backend: &Backend,
    drained: &Drained,
    tunnels: Option<(TunnelAction, DrainSpread)>,
    current: &ArcSwap<Runtime>,
    threads: &Threads,
) {
    let (action, spread) = tunnels.unwrap_or((TunnelAction::Drain(None), DrainSpread::End));
    let mut shortest = Duration::ZERO;
    loop {
        let (now, timeout) =
            (Instant::now(), current.load().member_table.drain(&backend.member_state.member));
        let time = schedule::time_of(action, timeout).unwrap_or(timeout).max(shortest);
        let (from, until) = (now + schedule::undisturbed(spread, time), now + time);
        let concerns_tunnels = tunnels.is_some() && !current.load().keeps(backend);
        let _in_progress = concerns_tunnels.then(|| backend.drain.begin(until, drained.close_reason()));
        sleep_until(from).await;
        let is_spread = schedule::is_spread(spread, backend.member_state.tunnels());
        if is_spread && !current.load().keeps(backend) {
            end_gradually(drained, from, until, threads).await;
        }
        sleep_until(until).await;
        if !current.load().keeps(backend) {
            return;
        }
        shortest = CHECK_INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use tidegate_shared::snapshot::{Host, TunnelPolicy};

    use super::*;
    use crate::member::MemberState;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_secs(40);

    /// What the threads were told, and when.
    #[derive(Debug, Default)]
    struct Told {
        requests: Option<Duration>,
        tunnels: Option<Duration>,
        shares: Vec<Duration>,
    }

    /// Removes a member with this number of tunnels under this policy.
    async fn removed(tunnels: usize, removal: Removal, policy: TunnelPolicy) -> Told {
        let member_state = MemberState::apart("pool", &Host::Ip([192, 0, 2, 1].into()));
        member_state.pool.enforce(&Arc::new(policy));
        for _ in 0..tunnels {
            member_state.take_tunnel(&TunnelPolicy::default()).unwrap();
        }
        let start = Instant::now();
        let draining =
            DrainingMember { member_state: member_state.clone(), drain: TIMEOUT, until: start + TIMEOUT };
        let (threads, mut commands) = Threads::recorded();
        let mut told = Told::default();
        let record = async {
            while let Some(command) = commands.recv().await {
                match command {
                    Command::CloseShare(..) => told.shares.push(start.elapsed()),
                    Command::CloseTunnels(_) => told.tunnels = Some(start.elapsed()),
                    Command::CloseRequests(_) => told.requests = Some(start.elapsed()),
                    other => panic!("{other:?}"),
                }
            }
        };
        tokio::join!(end_removed(draining, removal, Rc::new(threads), Rc::default()), record);
        assert!(member_state.is_gone());
        let requests = told.requests.unwrap();
        assert!(requests >= TIMEOUT && requests < TIMEOUT + SECOND / 100, "{requests:?}");
        told
    }

    #[tokio::test(start_paused = true)]
    async fn the_policy_decides_when_the_tunnels_of_a_removed_member_end() {
        use Removal::{Gateway, Members};
        use TunnelAction::{Close, Drain, Keep};
        for (removal, on_member_removed, on_gateway_removed, expected) in [
            (Members, Drain(None), Keep, Some(TIMEOUT)),
            (Members, Drain(Some(7 * SECOND)), Keep, Some(7 * SECOND)),
            (Members, Drain(Some(2 * TIMEOUT)), Keep, Some(2 * TIMEOUT)),
            (Members, Close, Keep, Some(Duration::ZERO)),
            (Members, Keep, Close, None),
            (Gateway, Keep, Drain(None), Some(TIMEOUT)),
            (Gateway, Keep, Close, Some(Duration::ZERO)),
            (Gateway, Close, Keep, None),
        ] {
            let policy = TunnelPolicy { on_member_removed, on_gateway_removed, ..TunnelPolicy::default() };
            let told = removed(schedule::MIN_TO_SPREAD - 1, removal, policy.clone()).await;
            let is_expected = match (expected, told.tunnels) {
                (Some(expected), Some(at)) => at >= expected && at < expected + SECOND / 100,
                (expected, at) => expected.is_none() && at.is_none(),
            };
            assert!(is_expected && told.shares.is_empty(), "{policy:?}: {told:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_ends_of_many_are_spread_as_the_policy_says() {
        for (drain_spread, tunnels, from) in [
            (DrainSpread::LastQuarter, schedule::MIN_TO_SPREAD, Some(TIMEOUT / 4 * 3)),
            (DrainSpread::Even, 3, Some(Duration::ZERO)),
            (DrainSpread::End, 10 * schedule::MIN_TO_SPREAD, None),
        ] {
            let policy = TunnelPolicy { drain_spread, ..TunnelPolicy::default() };
            let told = removed(tunnels, Removal::Members, policy).await;
            assert!(told.tunnels.unwrap() >= TIMEOUT, "{told:?}");
            let Some(from) = from else {
                assert!(told.shares.is_empty());
                continue;
            };
            assert!(told.shares.len() > 10 && told.shares[0] >= from, "{told:?}");
            assert!(told.shares[0] < from + SECOND, "{told:?}");
            assert!(*told.shares.last().unwrap() <= TIMEOUT + SECOND / 100, "{told:?}");
        }
    }
}
