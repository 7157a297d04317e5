//! Notifications to the service manager (sd_notify(3)): the service is ready, which process is its main one, it is
//! stopping, it is alive. Without a service manager the calls do nothing.

use std::convert::Infallible;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// The environment variables with which a service manager asks for notifications.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// Notifies that the service is ready, and that this process is its main one.
pub fn ready() {
    notify(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// Notifies that this process is the main one.
pub fn announce_main_process() {
    notify(&[NotifyState::MainPid(std::process::id())]);
}

/// Notifies that the service is stopping.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Notifies the watchdog twice in each of its periods, for as long as this future is polled: the service manager
/// notices a runtime that is stuck.
pub async fn keep_alive() -> Infallible {
    // A period of zero means that there is no watchdog.
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
        warn!("the service manager cannot be notified: {error}");
    }
}
