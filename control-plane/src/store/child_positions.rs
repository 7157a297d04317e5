//! The positions of children in a document, for comparing two documents in linear time.

use std::collections::HashMap;

use crate::arm::document::Child;

/// The index of each child, and its position within its collection, by collection and name.
pub(super) struct ChildPositions(HashMap<(&'static str, String), (usize, i64)>);

impl ChildPositions {
    /// Collects the positions of these children.
    pub(super) fn of(children: &[Child]) -> ChildPositions {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        let mut places = HashMap::with_capacity(children.len());
        for (at, child) in children.iter().enumerate() {
            let count = counts.entry(child.collection.name).or_default();
            places.entry(ChildPositions::key(child)).or_insert((at, *count));
            *count += 1;
        }
        ChildPositions(places)
    }

    /// Returns the index of the child of the same row, and its position within its collection.
    pub(super) fn get(&self, child: &Child) -> Option<(usize, i64)> {
        self.0.get(&ChildPositions::key(child)).copied()
    }

    fn key(child: &Child) -> (&'static str, String) {
        (child.collection.name, child.name.to_ascii_lowercase())
    }
}
