//! The calls of the control plane: work that is done once, and its reply.
//!
//! Every call gets a reply: the control plane, and a client behind it, wait for one.

use std::pin::Pin;

use tidegate_shared::id::CallId;
use tidegate_shared::protocol::{Call, Reply, ToControlPlane};
use tidegate_shared::tunnel::{MAX_KEYS, MAX_ROWS, TunnelQuery};
use tokio::task::JoinSet;

use crate::on_demand;
use crate::worker::Worker;

/// The work of a call, which no longer refers to the worker.
type Work = Pin<Box<dyn Future<Output = Reply>>>;

/// Takes from the worker what a call needs, and returns the work of the call.
pub(super) fn work(call: Call, worker: &Worker) -> Work {
    let (resolver, threads) = (worker.resolver.clone(), worker.threads.clone());
    match call {
        Call::Probe(probe) => {
            Box::pin(async move { Reply::Probe(on_demand::probe(&probe, &resolver).await) })
        }
        Call::WhatIf(snapshot) => Box::pin(worker.what_if(&snapshot).count()),
        Call::Tunnels(query) => Box::pin(async move {
            let limit = query.limit.min(MAX_ROWS);
            Reply::Tunnels(threads.tunnels(TunnelQuery { limit, ..*query }).await)
        }),
        Call::TunnelKeys(query) => Box::pin(async move {
            let query = TunnelQuery { limit: MAX_KEYS, after: None, order: Vec::new(), ..*query };
            let (mut keys, has_more) = threads.tunnel_keys(query).await;
            let has_more = has_more || keys.len() > MAX_KEYS;
            keys.truncate(MAX_KEYS);
            Reply::TunnelKeys { keys, has_more }
        }),
        Call::Tunnel { gateway, key } => {
            Box::pin(async move { Reply::Tunnel(threads.tunnel(gateway, key).await.map(Box::new)) })
        }
        Call::CloseTunnels { gateway, keys, frame } => Box::pin(async move {
            Reply::TunnelsClosed { closed: threads.close_tunnels(gateway, keys, frame).await }
        }),
    }
}

/// Does what the control plane asks for, and returns the reply.
pub(super) async fn execute(id: CallId, work: Work) -> ToControlPlane {
    ToControlPlane::Reply { id, reply: reply_of(work).await }
}

/// Returns the reply of the work, or a failure if the work panics. Cancels the work when it is dropped.
async fn reply_of(work: impl Future<Output = Reply> + 'static) -> Reply {
    // In a task of its own, because the panic of a task ends nothing else.
    let mut task = JoinSet::new();
    task.spawn_local(work);
    match task.join_next().await {
        Some(Ok(reply)) => reply,
        failed => {
            tracing::error!(?failed, "a call of the control plane has failed");
            Reply::Failed("the worker failed while it executed the call".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::LocalSet;

    #[tokio::test]
    async fn work_that_panics_is_replied_to_as_failed() {
        let replies = async {
            let done = reply_of(async { Reply::Probe(Vec::new()) }).await;
            let failed = reply_of(async { panic!("a fault in the work") }).await;
            (done, failed)
        };
        let (done, failed) = LocalSet::new().run_until(replies).await;
        assert_eq!(done, Reply::Probe(Vec::new()));
        assert!(matches!(failed, Reply::Failed(_)), "{failed:?}");
    }
}
