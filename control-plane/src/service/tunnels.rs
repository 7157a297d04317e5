//! The tunnels of a gateway: lists, single ones, and their closing.

use tidegate_shared::id::WorkerId;
use tidegate_shared::protocol::ClosingFrame;
use tidegate_shared::tunnel::{Tunnel, TunnelId};

use crate::arm::resource_id::GatewayPath;
use crate::audit::Activity;
use crate::clock::Millis;
use crate::store::{Gateway, Operation};
use crate::tunnels::{self, ChosenTunnels, Closing, FoundTunnel, TunnelList, TunnelListPage};

use super::{Service, ServiceError};

/// The time for which a worker that has left may still have tunnels, in milliseconds. It continues to serve without the
/// control plane, but one that has not come back for longer is probably gone.
const AWAY: i64 = 60 * 60 * 1000;

impl Service {
    /// Returns a page of a gateway's tunnels. Joined workers that do not answer, or have left lately, are named in it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn tunnels(
        &self,
        path: &GatewayPath,
        wanted: &TunnelList,
    ) -> Result<(Gateway, TunnelListPage), ServiceError> {
        let gateway = self.gateway(path).await?;
        let mut page = tunnels::list(&self.fleet, gateway.id, wanted).await;
        let connected = self.connected_workers();
        let now = Millis::now();
        let absent = self
            .store
            .workers()
            .await?
            .into_iter()
            .filter(|worker| !connected.contains_key(&worker.id) && now.since(worker.seen_at) < AWAY);
        page.missing.extend(absent.map(|worker| worker.id));
        Ok((gateway, page))
    }

    /// Returns one tunnel, which may have ended, and its worker.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::NoTunnel`], [`ServiceError::TunnelUnknown`], or an error of the store.
    pub(crate) async fn tunnel(
        &self,
        path: &GatewayPath,
        name: &str,
    ) -> Result<(Gateway, WorkerId, Tunnel), ServiceError> {
        let gateway = self.gateway(path).await?;
        let id: TunnelId = name.parse().map_err(|_| ServiceError::NoTunnel(name.to_owned()))?;
        match tunnels::find(&self.fleet, gateway.id, id).await {
            FoundTunnel::Found(worker, tunnel) => Ok((gateway, worker, *tunnel)),
            FoundTunnel::Unknown => Err(ServiceError::NoTunnel(name.to_owned())),
            FoundTunnel::Unanswered => Err(ServiceError::TunnelUnknown(name.to_owned())),
        }
    }

    /// Begins to close one tunnel with this frame. `activity` makes the entry of the audit log.
    ///
    /// # Errors
    /// Those of [`Service::tunnel`].
    pub(crate) async fn close_tunnel(
        &self,
        path: &GatewayPath,
        name: &str,
        frame: ClosingFrame,
        activity: &Activity,
    ) -> Result<(Gateway, Operation), ServiceError> {
        let (gateway, worker, tunnel) = self.tunnel(path, name).await?;
        let closing = Closing { tunnels: ChosenTunnels::One(worker, tunnel.key), frame };
        let operation = self.tunnel_closer.begin(&gateway, activity, closing).await?;
        Ok((gateway, operation))
    }

    /// Begins to close tunnels.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn close_tunnels(
        &self,
        path: &GatewayPath,
        closing: Closing,
        activity: &Activity,
    ) -> Result<(Gateway, Operation), ServiceError> {
        let gateway = self.gateway(path).await?;
        let operation = self.tunnel_closer.begin(&gateway, activity, closing).await?;
        Ok((gateway, operation))
    }

    /// Cancels the closing of tunnels of a gateway, whose operation then ends soon.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::NoOperation`], [`ServiceError::NoClosing`], or an error of the store.
    pub(crate) async fn cancel_closing(
        &self,
        path: &GatewayPath,
        operation: &str,
        activity: &Activity,
    ) -> Result<(Gateway, Operation), ServiceError> {
        let gateway = self.gateway(path).await?;
        let found = self.operation(&gateway.document.path.subscription, operation).await?;
        let of = self.resource_of_operation(found.id).await?;
        if !of.is_some_and(|of| of.eq_ignore_ascii_case(&gateway.document.path.to_string())) {
            return Err(ServiceError::NoOperation(operation.to_owned()));
        }
        if !self.tunnel_closer.cancel(found.id) {
            return Err(ServiceError::NoClosing(operation.to_owned()));
        }
        self.store.note_activity(activity).await?;
        Ok((gateway, found))
    }
}
