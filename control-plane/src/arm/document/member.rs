//! Members of children, which are stored in the child's properties: look-up, replacement and removal of single
//! members.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::levels::AROUND;
use super::{Child, Document, reference};
use crate::arm::body::Body;
use crate::arm::collection::Nested;
use crate::arm::normalize::named::{ChildBody, normalize_member};
use crate::arm::resource_id::MemberPath;
use crate::violation::Violations;

impl Child {
    /// The members of a nested collection, in the order sent. Each is an object with `name` and `properties`.
    pub(crate) fn members(&self, nested: &Nested) -> &[Value] {
        self.properties.get(nested.name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Returns the index of a member, found by name ignoring case.
    fn member_index(&self, nested: &Nested, name: &str) -> Option<usize> {
        self.members(nested).iter().position(|member| is_named(member, name))
    }
}

impl Document {
    /// Finds a member, together with its child.
    pub(crate) fn member(&self, path: &MemberPath) -> Option<(&Child, &Value)> {
        let child = self.child(path.nested.within, &path.child)?;
        let index = child.member_index(&path.nested, &path.name)?;
        Some((child, child.members(&path.nested).get(index)?))
    }

    /// Returns this document with one member replaced or added, from the body of a PUT on the member's own URL.
    /// `None` if there is no such child.
    ///
    /// Targets of violations are paths within that body. To add violations of `compile`, see
    /// [`Document::target_of_member`].
    pub(crate) fn with_member(&self, path: &MemberPath, body: &Body) -> Option<(Document, Violations)> {
        let mut violations = Violations::default();
        let child = AROUND.child(path.nested.within.properties(), "(child)");
        let around = child.properties(path.nested.within.properties(), "(child).properties");
        let level = around.child(path.nested.properties, "");
        let body = ChildBody::read(body.json.clone(), &level, &mut violations);
        body.check_against_url(&path.name, &mut violations);
        let at = self.position(path.nested.within, &path.child)?;
        let mut document = self.clone();
        let child = &mut document.children[at];
        let index = child.member_index(&path.nested, &path.name);
        // The creator's spelling of a name is permanent.
        let name = index.and_then(|i| child.members(&path.nested)[i]["name"].as_str()).unwrap_or(&path.name);
        let member = normalize_member(name, body, &level, &mut violations);
        let list = child.properties.entry(path.nested.name).or_insert_with(|| Value::Array(Vec::new()));
        let list = list.as_array_mut()?;
        let index = index.unwrap_or(list.len());
        match list.get_mut(index) {
            Some(existing) => *existing = member,
            None => list.push(member),
        }
        child.properties = child.collection.complete(std::mem::take(&mut child.properties));
        let mut found = Violations::default();
        reference::spell_one(&mut document, at, &mut found);
        violations.absorb(found.seen_from(&format!("properties.{}[{index}]", path.nested.name)));
        Some((document, violations))
    }

    /// Returns this document without the member, or `None` if there is no such member.
    pub(crate) fn without_member(&self, path: &MemberPath) -> Option<Document> {
        let at = self.position(path.nested.within, &path.child)?;
        let mut document = self.clone();
        let child = &mut document.children[at];
        let index = child.member_index(&path.nested, &path.name)?;
        child.properties.get_mut(path.nested.name)?.as_array_mut()?.remove(index);
        // Completing drops a list that has become empty.
        child.properties = child.collection.complete(std::mem::take(&mut child.properties));
        Some(document)
    }

    /// Returns the JSON path of a member in the gateway's document, such as
    /// `properties.urlPathMaps[0].properties.pathRules[2]`.
    pub(crate) fn target_of_member(&self, path: &MemberPath) -> Option<String> {
        let child = self.target_of(path.nested.within, &path.child)?;
        let index = self.child(path.nested.within, &path.child)?.member_index(&path.nested, &path.name)?;
        Some(format!("{child}.properties.{}[{index}]", path.nested.name))
    }

    /// Counts the children and the extension documents.
    pub(crate) fn part_count(&self) -> usize {
        self.children.len() + self.extensions.len()
    }

    /// Counts the members of all children.
    pub(crate) fn member_count(&self) -> usize {
        let of_child =
            |child: &Child| child.collection.nested().map(|n| child.members(&n).len()).sum::<usize>();
        self.children.iter().map(of_child).sum()
    }
}

/// Restores the creator's spelling of the names of members.
pub(super) fn keep_spelling(child: &mut Child, stored: &Child) {
    for nested in child.collection.nested() {
        let names: HashMap<String, &str> = stored
            .members(&nested)
            .iter()
            .filter_map(|member| member["name"].as_str())
            .map(|name| (name.to_ascii_lowercase(), name))
            .collect();
        let list = child.properties.get_mut(nested.name).and_then(Value::as_array_mut);
        for member in list.into_iter().flatten().filter_map(Value::as_object_mut) {
            spell_name(member, &names);
        }
    }
}

fn spell_name(member: &mut Map<String, Value>, names: &HashMap<String, &str>) {
    let given = member.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(name) = names.get(&given.to_ascii_lowercase()) {
        member.insert("name".to_owned(), Value::from(*name));
    }
}

fn is_named(member: &Value, name: &str) -> bool {
    member["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::collection::Collection;
    use crate::arm::samples::{ID, NEW, defined, path, read, reference};
    use crate::testing::sent;
    use crate::violation::code;

    fn rule(child: &str, name: &str) -> MemberPath {
        let maps = Collection::named("urlPathMaps").unwrap();
        let nested = maps.nested_named("pathRules").unwrap();
        MemberPath { nested, child: child.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_member_is_put_into_its_place_and_taken_out() {
        let document = read(defined());
        let pool = json!({ "id": format!("{ID}/BACKENDADDRESSPOOLS/Pool") });
        let body = json!({ "properties": { "paths": ["/new"], "backendAddressPool": pool } });
        let put = |name: &str| document.with_member(&rule("MAP", name), &sent(body.clone())).unwrap();

        let (more, violations) = put("New");
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(
            more.target_of_member(&rule("map", "new")).unwrap(),
            "properties.urlPathMaps[0].properties.pathRules[2]"
        );
        let (_, member) = more.member(&rule("map", "NEW")).unwrap();
        let expected =
            json!({ "paths": ["/new"], "backendAddressPool": reference("backendAddressPools/pool") });
        assert_eq!(*member, json!({ "name": "New", "properties": expected }));
        assert_eq!(more.member_count(), document.member_count() + 1);
        assert_eq!(more.without_member(&rule("map", "new")), Some(document.clone()));
        assert_eq!(document.without_member(&rule("map", "new")), None);

        let (other, _) = put("IMAGES");
        assert_eq!(other.member_count(), document.member_count());
        let (_, member) = other.member(&rule("map", "images")).unwrap();
        assert_eq!((&member["name"], &member["properties"]), (&json!("images"), &expected));
        assert!(document.with_member(&rule("none", "new"), &sent(body)).is_none());
    }

    #[test]
    fn a_members_body_is_judged_in_its_own_terms() {
        let document = read(defined());
        for (body, expected) in [
            (json!([]), &[(code::INVALID_JSON, "$")][..]),
            (json!({ "name": "other" }), &[(code::INVALID_NAME, "name")]),
            (json!({ "name": "OLD", "id": "/any" }), &[]),
            (
                json!({ "properties": { "paths": "/a", "backendAddressPool": { "id": "x" } } }),
                &[
                    (code::INVALID_JSON, "properties.paths"),
                    (code::INVALID_REFERENCE_FORMAT, "properties.backendAddressPool.id"),
                ],
            ),
            (
                json!({ "properties": { "firewallPolicy": { "id": "x" } } }),
                &[(code::LINKED_ID, "properties.firewallPolicy.id")],
            ),
        ] {
            let (_, violations) = document.with_member(&rule("map", "old"), &sent(body)).unwrap();
            let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
            assert_eq!(found, expected, "{violations}");
        }
    }

    #[test]
    fn members_keep_the_spelling_of_their_creator() {
        let document = read(defined());
        let mut body = defined();
        let map = &mut body["properties"]["urlPathMaps"][0];
        map["name"] = json!("MAP");
        map["properties"]["pathRules"][1]["name"] = json!("Old");
        let (again, violations) = Document::read(path(), &sent(body), Some(&document), NEW);
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(again, document);
    }

    #[test]
    fn wrong_references_of_members_are_named_by_their_full_path() {
        let mut body = defined();
        let rules = &mut body["properties"]["urlPathMaps"][0]["properties"]["pathRules"];
        rules[1]["properties"]["redirectConfiguration"] = reference("rewriteRuleSets/set");
        let (_, violations) = Document::read(path(), &sent(body), None, NEW);
        let target = "properties.urlPathMaps[0].properties.pathRules[1].properties.redirectConfiguration.id";
        assert_eq!(violations.0[0].target, target);
    }
}
