//! What one deployment may use together with all deployments that are nested in it: work, resources and
//! depth. Pure.
//!
//! Templates are untrusted, and a nested template costs its author nothing: with a budget for each of them, a
//! small request could cause any amount of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde_json::Value;

use super::evaluate::cost_of;
use super::resource::MAX_RESOURCES;

/// The budget of all evaluation: one unit for each step, for each value and each of its members, and for each
/// 16 bytes of text.
pub(super) const BUDGET: u64 = 2_000_000;

/// The maximum number of levels of nested deployments below the outermost one, as in ARM.
pub(crate) const MAX_NESTED_LEVELS: usize = 5;

/// The remaining allowance of a deployment. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    budget: Arc<AtomicU64>,
    resources: Arc<AtomicUsize>,
    /// The number of levels above this deployment.
    level: usize,
}

impl Allowance {
    /// The allowance of an outermost deployment.
    pub(crate) fn new() -> Allowance {
        Allowance {
            budget: Arc::new(AtomicU64::new(BUDGET)),
            resources: Arc::new(AtomicUsize::new(MAX_RESOURCES)),
            level: 0,
        }
    }

    /// Returns the same allowance for a nested deployment; `None` if it would be nested too deeply.
    pub(crate) fn of_nested(&self) -> Option<Allowance> {
        let level = self.level + 1;
        (level <= MAX_NESTED_LEVELS).then(|| Allowance { level, ..self.clone() })
    }

    /// Charges the budget for a value that was fetched. Returns false if not as much is left.
    #[must_use]
    pub(crate) fn charge(&self, value: &Value) -> bool {
        let left = self.budget();
        let left = cost_of(value, left).and_then(|cost| left.checked_sub(cost));
        self.set_budget(left.unwrap_or(0));
        left.is_some()
    }

    /// The remaining budget of evaluation.
    pub(super) fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Stores what is left of the budget.
    pub(super) fn set_budget(&self, left: u64) {
        self.budget.store(left, Ordering::Relaxed);
    }

    /// Takes this number of resources. Returns false if there are not as many left.
    pub(super) fn take_resources(&self, count: usize) -> bool {
        let left = self.resources.load(Ordering::Relaxed).checked_sub(count);
        self.resources.store(left.unwrap_or(0), Ordering::Relaxed);
        left.is_some()
    }
}
