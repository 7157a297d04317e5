//! Waiting for a write: a line that says which workers have it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::Value;

use crate::api_client::{Answer, ApiClient, ApiRequest, ResourceId};
use crate::output::{fit, message};

/// The pause between two looks at the workers.
const PAUSE: Duration = Duration::from_millis(300);

/// A write of a gateway, from before it was sent.
#[derive(Debug)]
pub(super) struct Rollout<'a> {
    api: &'a ApiClient,
    gateway: ResourceId,
    /// The generation that each connected worker ran before; none if the client may not see the workers.
    before: Option<BTreeMap<String, u64>>,
}

impl<'a> Rollout<'a> {
    /// Looks at the workers before the write.
    pub(super) async fn new(api: &'a ApiClient, gateway: ResourceId) -> Rollout<'a> {
        let before = workers(api, &gateway).await;
        Rollout { api, gateway, before }
    }

    /// Waits until the operation of the write has ended, and shows the progress. `done` is what is true then, such as
    /// `is applied`.
    ///
    /// # Errors
    /// The operation has failed.
    pub(super) async fn wait(&self, answer: &Answer, done: &str) -> Result<(), Box<dyn Error>> {
        let line = Line::new();
        let shown = async {
            loop {
                tokio::time::sleep(PAUSE).await;
                line.show(&self.progress().await);
            }
        };
        let outcome = tokio::select! {
            outcome = self.api.wait(answer) => outcome,
            never = shown => never,
        };
        line.clear();
        if let Err(error) = outcome {
            return Err(error.into());
        }
        let by = match workers(self.api, &self.gateway).await.unwrap_or_default().len() {
            0 => String::new(),
            1 => " by 1 worker".to_owned(),
            several => format!(" by {several} workers"),
        };
        message(&format!("{} {done}{by}", self.gateway.gateway));
        Ok(())
    }

    async fn progress(&self) -> String {
        let name = &self.gateway.gateway;
        let (Some(before), Some(now)) = (&self.before, workers(self.api, &self.gateway).await) else {
            return format!("{name}: waiting for the workers");
        };
        let (done, waiting) = split(before, &now);
        match waiting.as_slice() {
            [] => format!("{name}: {done} of {done} workers have it"),
            waiting => {
                let all = done + waiting.len();
                format!("{name}: {done} of {all} workers have it, waiting for {}", waiting.join(", "))
            }
        }
    }
}

/// Returns how many workers have a newer generation than before, and the others by their short IDs. Pure.
fn split(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> (usize, Vec<String>) {
    let newest = before.values().copied().max().unwrap_or(0);
    let (done, waiting): (Vec<_>, Vec<_>) = now.iter().partition(|(_, generation)| **generation > newest);
    (done.len(), waiting.into_iter().map(|(id, _)| short(id).to_owned()).collect())
}

/// The first part of a worker's ID, which is enough for people.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Returns the generation of a gateway on each connected worker; `None` if the client may not see the workers.
async fn workers(api: &ApiClient, gateway: &ResourceId) -> Option<BTreeMap<String, u64>> {
    let all = api.send(&ApiRequest::get("/workers")).await.ok()?.body;
    let connected = all["value"].as_array()?.iter().filter(|worker| worker["connected"] == Value::Bool(true));
    let generation = |worker: &Value| {
        let gateways = worker["gateways"].as_array()?;
        let is_it = |one: &&Value| one["id"].as_str().and_then(ResourceId::parse).as_ref() == Some(gateway);
        gateways.iter().find(is_it)?["generation"].as_u64()
    };
    Some(
        connected
            .filter_map(|worker| Some((worker["id"].as_str()?.to_owned(), generation(worker).unwrap_or(0))))
            .collect(),
    )
}

/// A line on a terminal that is written again and again. Elsewhere nothing is shown.
struct Line {
    width: Option<usize>,
}

impl Line {
    fn new() -> Line {
        let is_terminal = io::stderr().is_terminal();
        let width = if is_terminal { crossterm::terminal::size().ok() } else { None };
        Line { width: width.map(|(columns, _)| usize::from(columns)) }
    }

    fn show(&self, text: &str) {
        if let Some(width) = self.width {
            let _ = write!(io::stderr(), "\r\x1b[K{}", fit(text, width.saturating_sub(1)));
            let _ = io::stderr().flush();
        }
    }

    fn clear(&self) {
        self.show("");
        if self.width.is_some() {
            let _ = write!(io::stderr(), "\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workers_that_are_waited_for_are_named() {
        let all = |pairs: &[(&str, u64)]| pairs.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
        let before = all(&[("11111111-a", 4), ("22222222-b", 4)]);
        for (now, done, waiting) in [
            (vec![("11111111-a", 4), ("22222222-b", 4)], 0, vec!["11111111", "22222222"]),
            (vec![("11111111-a", 5), ("22222222-b", 4)], 1, vec!["22222222"]),
            (vec![("11111111-a", 5), ("22222222-b", 5)], 2, vec![]),
            (vec![("11111111-a", 5), ("33333333-c", 0)], 1, vec!["33333333"]),
        ] {
            let waiting = waiting.into_iter().map(str::to_owned).collect();
            assert_eq!(split(&before, &all(&now)), (done, waiting));
        }
    }
}
