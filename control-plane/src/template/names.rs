//! The names of a template's resources, in all forms in which expressions can refer to them. Pure.

use std::collections::HashMap;

use super::declared::Declared;
use super::resource_id::usual;

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

/// The resources of a template by lower-case name, symbol and ID; an element of a loop also by
/// `symbol[index]`.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By name and ID.
    one: HashMap<String, Option<String>>,
    /// By symbol, which has precedence.
    symbols: HashMap<String, Option<String>>,
    /// The IDs of the deployed resources of each loop, by symbol, in the order of the loop.
    all: HashMap<String, Vec<String>>,
}

impl Names {
    /// Collects the names of these resources. `loops` are the symbols of loops, even of empty ones.
    pub(super) fn of<'s>(resources: &[Declared], loops: impl Iterator<Item = &'s str>) -> Names {
        let all = loops.map(|symbol| (symbol.to_ascii_lowercase(), Vec::new())).collect();
        let mut names = Names { all, ..Names::default() };
        for resource in resources {
            add(&mut names.one, &resource.name.join("/"), &resource.id);
            add(&mut names.one, &resource.id, &resource.id);
            let Some(symbol) = &resource.symbol else { continue };
            add(&mut names.symbols, symbol, &resource.id);
            if let Some((_, index)) = &resource.turn {
                add(&mut names.symbols, &format!("{symbol}[{index}]"), &resource.id);
                let all = names.all.get_mut(&symbol.to_ascii_lowercase());
                all.into_iter().filter(|_| resource.is_there()).for_each(|all| all.push(resource.id.clone()));
            }
        }
        names
    }

    /// Finds a resource by name, symbol or ID.
    pub(super) fn find(&self, name: &str) -> Found {
        let name = usual(name).to_ascii_lowercase();
        match self.symbols.get(&name).or_else(|| self.one.get(&name)) {
            Some(Some(id)) => Found::One(id.clone()),
            Some(None) => Found::Several,
            None => Found::None,
        }
    }

    /// Returns the IDs of the deployed and of the existing resources of a loop, by symbol.
    pub(super) fn all_of(&self, symbol: &str) -> Option<&[String]> {
        self.all.get(&symbol.to_ascii_lowercase()).map(Vec::as_slice)
    }
}

fn add(names: &mut HashMap<String, Option<String>>, name: &str, id: &str) {
    // Two names of the same resource do not conflict.
    let known = names.entry(name.to_ascii_lowercase()).or_insert_with(|| Some(id.to_owned()));
    if known.as_ref().is_some_and(|known| !known.eq_ignore_ascii_case(id)) {
        *known = None;
    }
}
