//! What the resources of a template are called, in each of the ways in which one can name another. Pure.

use std::collections::HashMap;

use super::resource::Declared;

/// What a name stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// The resource with this ID.
    One(String),
    /// More than one resource.
    Several,
    /// Nothing in this template.
    None,
}

/// The resources of a template by name and symbol, in lower case.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Option<String>>);

impl Names {
    pub(super) fn of(resources: &[Declared]) -> Names {
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        for resource in resources {
            let own = [Some(resource.name.join("/")), resource.symbol.clone(), Some(resource.id.clone())];
            for name in own.into_iter().flatten() {
                let id = Some(resource.id.clone());
                // Said twice of the same resource, it is still one.
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

    /// The resource of that name, symbol or ID.
    pub(super) fn find(&self, name: &str) -> Found {
        match self.0.get(&name.to_ascii_lowercase()) {
            Some(Some(id)) => Found::One(id.clone()),
            Some(None) => Found::Several,
            None => Found::None,
        }
    }
}
