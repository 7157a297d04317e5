//! The rules: imports follow the layers, and there are no import circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::sources::{Import, Sources};

/// A layer, by its subject and its top-level modules.
pub(crate) type Layer = (&'static str, &'static [&'static str]);

/// Returns the imports of higher layers, and the modules without a layer or in two.
pub(crate) fn against_layers(sources: &Sources, layers: &[Layer]) -> Vec<String> {
    let mut ranks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for (rank, (_, modules)) in layers.iter().enumerate() {
        for module in *modules {
            if ranks.insert(module, rank).is_some() {
                broken.push(format!("{}: {module} is in two layers", sources.folder));
            }
        }
    }
    let tops: BTreeSet<&str> =
        sources.files.keys().filter_map(|module| module.first()).map(String::as_str).collect();
    let placed: BTreeSet<&str> = ranks.keys().copied().collect();
    broken.extend(tops.difference(&placed).map(|name| format!("{}: {name} is in no layer", sources.folder)));
    broken.extend(
        placed
            .difference(&tops)
            .map(|name| format!("{}: {name} is in a layer but is no module", sources.folder)),
    );
    for import in &sources.imports {
        let (from, to) = (sources.file(&import.from), sources.file(&import.to));
        match (import.from.first(), import.to.first()) {
            // The root is above all layers.
            (Some(_), None) => {
                broken.push(format!("{from} imports the root of its crate, {to}: `{}`", import.path))
            }
            (Some(lower), Some(upper)) => {
                let (Some(lower), Some(upper)) = (ranks.get(lower.as_str()), ranks.get(upper.as_str()))
                else {
                    continue;
                };
                if upper < lower {
                    broken.push(format!(
                        "{from} ({:?}) imports upwards from {to} ({:?}): `{}`",
                        layers[*lower].0, layers[*upper].0, import.path
                    ));
                }
            }
            (None, _) => {}
        }
    }
    broken
}

/// A circle: children of one module that import each other, directly or through others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    /// The folder of the module whose children they are.
    parent: String,
    children: Vec<String>,
    /// One import for each pair, with the files at both ends.
    imports: Vec<(String, String, String)>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a circle of {}", self.parent, self.children.join(", "))?;
        for (from, to, path) in &self.imports {
            write!(f, "\n    {from} imports {to}: `{path}`")?;
        }
        Ok(())
    }
}

/// For each child of one module, the children that it imports, with one import for each.
type Imports<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>;

/// Returns every circle of a crate, among the top-level modules and among the children of each module. Modules below
/// a child count as the child.
pub(crate) fn circles(sources: &Sources) -> Vec<Circle> {
    let mut by_parent: BTreeMap<&[String], Imports<'_>> = BTreeMap::new();
    for import in &sources.imports {
        let common = import.from.iter().zip(&import.to).take_while(|(from, to)| from == to).count();
        // A child may import its parent, and a parent its child.
        if let (Some(from), Some(to)) = (import.from.get(common), import.to.get(common)) {
            let imports = by_parent.entry(&import.from[..common]).or_default();
            imports.entry(from).or_default().entry(to).or_insert(import);
        }
    }
    let mut circles = Vec::new();
    for (parent, imports) in by_parent {
        let mut seen = BTreeSet::new();
        for child in imports.keys() {
            let members: BTreeSet<&str> = reached(&imports, child)
                .into_iter()
                .filter(|other| reached(&imports, other).contains(child))
                .collect();
            if members.is_empty() || !seen.insert(members.clone()) {
                continue;
            }
            circles.push(circle(sources, parent, &members, &imports));
        }
    }
    circles
}

/// Returns the children that a child imports, directly or through others.
fn reached<'a>(imports: &Imports<'a>, child: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![child];
    while let Some(child) = next.pop() {
        for to in imports.get(child).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*to) {
                next.push(to);
            }
        }
    }
    found
}

fn circle(sources: &Sources, parent: &[String], members: &BTreeSet<&str>, imports: &Imports<'_>) -> Circle {
    let within = imports.iter().filter(|(from, _)| members.contains(*from)).flat_map(|(_, to)| to);
    let within = within
        .filter(|(to, _)| members.contains(*to))
        .map(|(_, import)| (sources.file(&import.from), sources.file(&import.to), import.path.clone()));
    let parent: Vec<&str> =
        [sources.folder.as_str()].into_iter().chain(parent.iter().map(String::as_str)).collect();
    Circle {
        parent: parent.join("/"),
        children: members.iter().map(|member| (*member).to_owned()).collect(),
        imports: within.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Sources::of("src", &files)
    }

    #[test]
    fn an_upward_import_and_a_module_without_a_layer_are_named() {
        let layers: &[Layer] = &[("upper", &["a"]), ("lower", &["b"])];
        let sound = sources(&[("lib.rs", "use a::X;"), ("a.rs", "use crate::b::X;"), ("b.rs", "")]);
        assert_eq!(against_layers(&sound, layers), [""; 0]);
        let broken = sources(&[
            ("lib.rs", ""),
            ("a.rs", ""),
            ("b.rs", "use crate::X;"),
            ("b/deep.rs", "fn f() { crate::a::f() }"),
            ("c.rs", ""),
        ]);
        let broken = against_layers(&broken, layers);
        assert_eq!(broken.len(), 3, "{broken:?}");
        assert!(broken[0].contains("c is in no layer"), "{broken:?}");
        assert!(broken[1].starts_with("src/b.rs imports the root of its crate, src/lib.rs"), "{broken:?}");
        assert!(broken[2].contains("src/b/deep.rs") && broken[2].contains("src/a.rs"), "{broken:?}");
    }

    #[test]
    fn a_circle_is_found_among_the_children_of_each_module_but_not_with_their_parent() {
        let sources = sources(&[
            ("lib.rs", ""),
            ("a.rs", "mod x; mod y; mod z; use x::X; use crate::b::B;"),
            ("a/x.rs", "use super::y::Y;"),
            ("a/y.rs", "use super::A; use super::z::Z;"),
            ("a/z.rs", "use super::x::X;"),
            ("b.rs", "mod w;"),
            ("b/w.rs", "use super::B; use crate::c::C;"),
            ("c.rs", "use crate::a::A;"),
        ]);
        let found: Vec<_> =
            circles(&sources).into_iter().map(|circle| (circle.parent, circle.children.join(" "))).collect();
        let expected = [("src", "a b c"), ("src/a", "x y z")]
            .map(|(parent, children)| (parent.to_owned(), children.to_owned()));
        assert_eq!(found, expected);
        let text = circles(&sources)[1].to_string();
        assert!(text.contains("src/a/z.rs imports src/a/x.rs"), "{text}");
    }
}
