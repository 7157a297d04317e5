//! The members of a collection with typed properties, and the resolution of references to them.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arm::collection::Collection;
use crate::arm::document::Document;
use crate::arm::gateway::{Member, SubResource};
use crate::violation::{Violations, code};

/// A child with typed properties.
#[derive(Debug)]
pub(super) struct Resource<T> {
    pub(super) name: String,
    /// The resource ID.
    pub(super) id: String,
    /// The JSON path of the properties.
    pub(super) target: String,
    /// The typed properties.
    pub(super) properties: T,
    /// The position in the document, from 0. Of two conflicting resources the later one is reported.
    pub(super) place: usize,
}

impl<T> Resource<T> {
    /// The JSON path of the properties.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The JSON path of one property.
    pub(super) fn at(&self, property: &str) -> String {
        format!("{}.{property}", self.target)
    }
}

impl<T> Resource<T> {
    /// Returns a member of this resource as a resource of its own; `list` is the property that contains it.
    pub(super) fn member<U: Clone>(&self, list: &str, index: usize, member: &Member<U>) -> Resource<U> {
        Resource {
            name: member.name.clone(),
            id: format!("{}/{list}/{}", self.id, member.name),
            target: format!("{}.{list}[{index}].properties", self.target),
            properties: member.properties.clone(),
            place: index,
        }
    }
}

/// The wording of messages about a resource with required references.
pub(super) struct Referrer {
    /// The kind of the resource, in words.
    pub(super) kind: &'static str,
    /// The code of the violation if a reference is missing.
    pub(super) code: &'static str,
}

/// All members of a collection, ordered by name; an index is also the index of the compiled form. The order of
/// children in a document has no meaning, so it must not affect the content.
#[derive(Debug)]
pub(super) struct Resources<T> {
    list: Vec<Resource<T>>,
    by_id: HashMap<String, usize>,
}

impl<T> Resources<T> {
    /// A single resource outside of any collection. `id` is its name in messages, `target` the JSON path of its
    /// properties.
    pub(super) fn alone(id: &str, target: &str, properties: T) -> Resources<T> {
        let (id, target) = (id.to_owned(), target.to_owned());
        let list = vec![Resource { name: String::new(), id, target, properties, place: 0 }];
        Resources { list, by_id: HashMap::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Resource<T>> {
        self.list.iter()
    }

    /// Returns the resources with their indices, in the order of the document.
    pub(super) fn listed(&self) -> Vec<(usize, &Resource<T>)> {
        let mut listed: Vec<_> = self.list.iter().enumerate().collect();
        listed.sort_unstable_by_key(|(_, resource)| resource.place);
        listed
    }

    pub(super) fn get(&self, index: usize) -> Option<&Resource<T>> {
        self.list.get(index)
    }
}

impl<T: DeserializeOwned + Default> Resources<T> {
    pub(super) fn read(document: &Document, collection: &str, violations: &mut Violations) -> Resources<T> {
        let collection = Collection::named(collection).expect("the compiler names collections that exist");
        let mut resources = Resources { list: Vec::new(), by_id: HashMap::new() };
        for (i, child) in document.members(collection).enumerate() {
            let target = format!("properties.{}[{i}].properties", collection.name);
            let typed = serde_json::from_value(Value::Object(child.properties.clone()));
            let properties = typed.unwrap_or_else(|e| {
                // Only a store written by another version can contain such properties.
                violations.push(code::INVALID_JSON, target.as_str(), format!("It cannot be read: {e}."));
                T::default()
            });
            let id = document.path.child_id(collection, &child.name);
            resources.list.push(Resource { name: child.name.clone(), id, target, properties, place: i });
        }
        resources.list.sort_by_cached_key(|resource| resource.name.to_ascii_lowercase());
        for (i, resource) in resources.list.iter().enumerate() {
            resources.by_id.entry(resource.id.to_ascii_lowercase()).or_insert(i);
        }
        resources
    }
}

impl<T> Resources<T> {
    /// Resolves a reference in a property of `from` to an index. A missing target is a violation.
    pub(super) fn find<U>(
        &self,
        from: &Resource<U>,
        property: &str,
        reference: &SubResource,
        violations: &mut Violations,
    ) -> Option<usize> {
        // Reading leaves no reference without an ID; an empty ID matches nothing.
        let id = reference.id.as_deref().unwrap_or_default();
        let index = self.by_id.get(&id.to_ascii_lowercase()).copied();
        if index.is_none() {
            let message = format!(
                "Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource \
                 exists.",
                from.id
            );
            violations.push(code::INVALID_REFERENCE, from.at(&format!("{property}.id")), message);
        }
        index
    }

    /// Resolves a required reference. `called` is the name of the target in messages.
    pub(super) fn required<U>(
        &self,
        from: &Resource<U>,
        referrer: &Referrer,
        (property, called): (&str, &str),
        reference: Option<&SubResource>,
        violations: &mut Violations,
    ) -> Option<usize> {
        let Some(reference) = reference else {
            let message = format!("{} {} must reference a {called}.", referrer.kind, from.id);
            violations.push(referrer.code, from.at(property), message);
            return None;
        };
        self.find(from, property, reference, violations)
    }

    /// Resolves an optional reference.
    pub(super) fn optional<U>(
        &self,
        from: &Resource<U>,
        property: &str,
        reference: Option<&SubResource>,
        violations: &mut Violations,
    ) -> Option<usize> {
        reference.and_then(|reference| self.find(from, property, reference, violations))
    }
}

/// Converts a value to the type of the snapshot, or adds a violation if it is out of range.
pub(super) fn in_range<N: TryFrom<i64>>(
    value: i64,
    range: RangeInclusive<i64>,
    code: &'static str,
    target: String,
    violations: &mut Violations,
) -> Option<N> {
    if range.contains(&value)
        && let Ok(value) = N::try_from(value)
    {
        return Some(value);
    }
    let (low, high) = range.into_inner();
    let message = format!("The current value is {value}. Supported range is [{low}, {high}].");
    violations.push(code, target, message);
    None
}

/// Returns the text, or `None` if it is absent or empty.
pub(super) fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
