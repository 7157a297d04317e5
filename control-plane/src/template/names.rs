//! The names of a template's resources, in all forms in which expressions can refer to them. Pure.

use std::collections::HashMap;

use super::declared::Declared;

/// The result of a look-up by name.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// One resource, with this ID.
    One(String),
    /// More than one resource.
    Several,
    /// No resource of this template.
    None,
}

/// The resources of a template by lower-case name, symbol and ID.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Option<String>>);

impl Names {
    pub(super) fn of(resources: &[Declared]) -> Names {
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        for resource in resources {
            let own = [Some(resource.name.join("/")), resource.symbol.clone(), Some(resource.id.clone())];
            for name in own.into_iter().flatten() {
                let id = Some(resource.id.clone());
                // Two names of the same resource do not conflict.
                names
                    .entry(name.to_ascii_lowercase())
                    .and_modify(|known| {
                        if *known != id {
                            *known = None;
                        }
                    })
                    .or_insert(id);
            }
        }
        Names(names)
    }

    /// Finds a resource by name, symbol or ID.
    pub(super) fn find(&self, name: &str) -> Found {
        match self.0.get(&name.to_ascii_lowercase()) {
            Some(Some(id)) => Found::One(id.clone()),
            Some(None) => Found::Several,
            None => Found::None,
        }
    }
}
