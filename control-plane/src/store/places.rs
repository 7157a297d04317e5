//! The places of children in a document, for a write that compares two documents: one pass through each, not one through
//! the other for every child.

use std::collections::HashMap;

use crate::arm::document::Child;

/// Children by collection and name: the index of each, and its place within its collection.
pub(super) struct Places(HashMap<(&'static str, String), (usize, i64)>);

impl Places {
    /// Those of these children.
    pub(super) fn of(children: &[Child]) -> Places {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        let mut places = HashMap::with_capacity(children.len());
        for (at, child) in children.iter().enumerate() {
            let count = counts.entry(child.collection.name).or_default();
            places.entry(Places::key(child)).or_insert((at, *count));
            *count += 1;
        }
        Places(places)
    }

    /// The index of the child that is the same row, and its place within its collection.
    pub(super) fn get(&self, child: &Child) -> Option<(usize, i64)> {
        self.0.get(&Places::key(child)).copied()
    }

    fn key(child: &Child) -> (&'static str, String) {
        (child.collection.name, child.name.to_ascii_lowercase())
    }
}
