//! The effects of a change on the running requests and tunnels of a gateway: asked of the workers that run it, which
//! decide by the code that would execute the change.

use std::time::Duration;

use tidegate_shared::id::{Generation, WorkerId};
use tidegate_shared::protocol::{Call, Reply, WhatIf};
use tidegate_shared::snapshot::{Content, Snapshot};
use tokio::time::timeout;

use crate::store::Gateway;

use super::Service;

/// The time that workers have for their answers.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The effects of a change on running requests and tunnels.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// The answer of each connected worker that runs the gateway.
    pub(crate) workers: Vec<WorkerTraffic>,
}

/// The answer of one worker.
#[derive(Clone, Debug)]
pub(crate) struct WorkerTraffic {
    pub(crate) worker: WorkerId,
    /// What the change does, or the reason why the worker has not said it.
    pub(crate) answer: Result<WhatIf, String>,
}

impl Service {
    /// Asks the workers that run a gateway what a new content would do. An empty content stands for the removal of the
    /// gateway.
    pub(super) async fn traffic(&self, gateway: &Gateway, content: Content) -> Traffic {
        let affinity_key = self.store.affinity_key(gateway.id);
        let generation = Generation(gateway.generation.0 + 1);
        let snapshot = Snapshot { gateway: gateway.id, generation, content, affinity_key };
        let replies = self.fleet.call(gateway.id, &Call::WhatIf(Box::new(snapshot)), usize::MAX);
        let mut workers = Vec::with_capacity(replies.len());
        let deadline = tokio::time::Instant::now() + ANSWER_TIME;
        for (worker, reply) in replies {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let answer = match timeout(left, reply).await {
                Ok(Ok(Reply::WhatIf(answer))) => Ok(answer),
                Ok(Ok(Reply::Failed(reason))) => Err(reason),
                Ok(Ok(_)) => Err("The worker gave another answer.".to_owned()),
                Ok(Err(_)) => Err("The worker has disconnected.".to_owned()),
                Err(_) => Err(format!("The worker did not answer within {} s.", ANSWER_TIME.as_secs())),
            };
            workers.push(WorkerTraffic { worker, answer });
        }
        Traffic { workers }
    }
}
