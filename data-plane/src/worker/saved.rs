//! Saving what the worker runs, for a restart without the control plane.

use std::io;

use tidegate_shared::id::GatewayId;

use super::Worker;
use crate::last_good::LastGood;

impl Worker {
    /// Tries again to save the snapshots that could not be saved.
    pub(crate) async fn save_again(&mut self) {
        for gateway in self.unsaved.clone() {
            let snapshot = self.gateways.get(&gateway).map(|gateway| gateway.snapshot.clone());
            let save = move |last_good: &LastGood| match &snapshot {
                Some(snapshot) => last_good.save(snapshot),
                None => last_good.remove(gateway),
            };
            self.update_saved(gateway, save).await;
        }
    }

    /// Updates the saved snapshot of a gateway. After a failure the change stays applied, but a restart without the
    /// control plane would not have it. The failure is logged once, until everything is saved again.
    pub(super) async fn update_saved(
        &mut self,
        gateway: GatewayId,
        work: impl FnOnce(&LastGood) -> io::Result<()> + Send + 'static,
    ) {
        let last_good = self.last_good.clone();
        let done = tokio::task::spawn_blocking(move || work(&last_good)).await;
        match done.map_err(io::Error::other).flatten() {
            Ok(()) => {
                if self.unsaved.remove(&gateway) && self.unsaved.is_empty() {
                    tracing::info!("the last good snapshots are saved again");
                    self.logged_unsaved = false;
                }
            }
            Err(error) => {
                self.unsaved.insert(gateway);
                if !std::mem::replace(&mut self.logged_unsaved, true) {
                    tracing::error!(
                        %error,
                        "the last good snapshot cannot be saved: a restart without the control plane would serve an \
                         older one; it is tried again"
                    );
                }
            }
        }
        self.metrics.set_unsaved(self.unsaved.len());
    }
}
