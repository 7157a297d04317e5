//! What the service manager is told (sd_notify(3)): that the service is ready, which process is its main one, that it is
//! stopping, and that it lives. Without a service manager, nothing here has an effect.

use std::convert::Infallible;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// The environment variables by which a service manager says that it listens.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// Says that this process serves, and that it is the main one.
pub fn ready() {
    notify(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// Says that this process is the main one.
pub fn announce_main_process() {
    notify(&[NotifyState::MainPid(std::process::id())]);
}

/// Says that this process ends.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Tells the watchdog that this process lives, twice in each of its periods, for as long as it is polled: a runtime that is
/// stuck is noticed.
pub async fn keep_alive() -> Infallible {
    // A period of zero means none.
    let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero());
    let Some(period) = period else { return std::future::pending().await };
    let mut ticks = interval(period / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("the service manager cannot be told: {error}");
    }
}
