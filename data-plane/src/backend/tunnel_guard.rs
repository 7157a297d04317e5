//! The backend of a tunnel, at which the tunnel is counted.

use std::ops::Deref;
use std::sync::Arc;

use tidegate_shared::snapshot::TunnelPolicy;

use super::Backend;
use crate::metrics::series::TunnelLimit;

/// A backend; its member and its pool count one tunnel until this is dropped. It dereferences to the backend.
#[derive(Debug)]
pub(crate) struct TunnelGuard(Arc<Backend>);

impl TunnelGuard {
    /// Counts one more tunnel at a backend, before its handshake.
    ///
    /// # Errors
    /// The limit of the policy that the tunnel would exceed.
    pub(crate) fn take(backend: &Arc<Backend>, policy: &TunnelPolicy) -> Result<TunnelGuard, TunnelLimit> {
        backend.member_state.take_tunnel(policy)?;
        Ok(TunnelGuard(backend.clone()))
    }
}

impl Drop for TunnelGuard {
    fn drop(&mut self) {
        self.0.member_state.give_tunnel_back();
    }
}

impl Deref for TunnelGuard {
    type Target = Arc<Backend>;

    fn deref(&self) -> &Arc<Backend> {
        &self.0
    }
}
