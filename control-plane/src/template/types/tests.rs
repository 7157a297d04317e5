//! Types: what is read, which values fit, and what is said of others.

use serde_json::json;

use super::*;

/// Reads the definitions and the type of one parameter.
fn read(definitions: Value, declaration: Value) -> Result<(Types, TypeId), Violations> {
    let (Value::Object(definitions), Value::Object(declaration)) = (definitions, declaration) else {
        panic!()
    };
    let mut flaws = Violations::default();
    let mut types = Types::read(&definitions, &mut flaws);
    let id = types.declare(&declaration, &JsonPath::Root("p"), code::PARAMETER, &mut flaws);
    types.seal();
    id.filter(|_| flaws.is_empty()).map(|id| (types, id)).ok_or(flaws)
}

/// Returns what is said of a value; nothing if it fits.
fn said(definitions: &Value, declaration: &Value, value: &Value) -> String {
    let (types, id) = read(definitions.clone(), declaration.clone()).unwrap();
    types.objection(id, "It", value).unwrap_or_default()
}

#[test]
fn values_are_compared_with_all_of_their_type() {
    let object = json!({"type": "object", "properties": {
        "foo": {"type": "string", "minLength": 3}, "bar": {"type": "int", "minValue": 0, "nullable": true},
    }});
    let closed = json!({"type": "object", "properties": object["properties"], "additionalProperties": false});
    let others = json!({
        "type": "object", "properties": object["properties"], "additionalProperties": {"type": "string"},
    });
    let tuple = json!({"type": "array", "prefixItems": [{"type": "int"}, {"type": "bool"}]});
    let rest = json!({"type": "array", "prefixItems": tuple["prefixItems"], "items": {"type": "int"}});
    let exact = json!({"type": "array", "prefixItems": tuple["prefixItems"], "items": false});
    let union = json!({"type": "object", "discriminator": {"propertyName": "type", "mapping": {
        "ints": {"type": "object", "additionalProperties": {"$ref": "#/definitions/number"},
                 "properties": {"type": {"type": "string"}}},
        "none": {"type": "object", "properties": {"type": {"type": "string"}}, "additionalProperties": false},
    }}});
    let cases = [
        (&object, json!({"foo": "abc"}), ""),
        (&object, json!({"FOO": "abc", "bar": null, "more": []}), ""),
        (&object, json!({"foo": "abc", "bar": -1}), "It has a wrong value at 'bar': it has a value below 0."),
        (&object, json!({"bar": 1}), "It lacks the property 'foo'."),
        (&object, json!({"foo": null}), "at 'foo': it is of type String, not null."),
        (&object, json!([]), "It is of type Object, not an array."),
        (
            &closed,
            json!({"foo": "abc", "fizz": 1}),
            "at 'fizz': it is not a property of its type, which has bar, foo.",
        ),
        (&others, json!({"foo": "abc", "fizz": "1"}), ""),
        (&others, json!({"foo": "abc", "fizz": 1}), "at 'fizz': it is of type String, not a number."),
        (&tuple, json!([1, true, "x"]), ""),
        (&tuple, json!([1]), "It has 1 elements, but its type 2."),
        (&tuple, json!([1, 2]), "at '[1]': it is of type Bool, not a number."),
        (&rest, json!([1, true, 2]), ""),
        (&rest, json!([1, true, "2"]), "at '[2]': it is of type Int, not a string."),
        (&exact, json!([1, true]), ""),
        (&exact, json!([1, true, 1]), "at '[2]': it is beyond the 2 elements of its type."),
        (&union, json!({"type": "ints", "a": 1}), ""),
        (&union, json!({"type": "ints", "a": 0}), "at 'a': it has a value below 1."),
        (&union, json!({"Type": "none"}), ""),
        (
            &union,
            json!({"type": "none", "a": 0}),
            "at 'a': it is not a property of its type, which has type.",
        ),
        (&union, json!({"type": "other"}), "It must have one of these values in 'type': ints, none."),
        (&union, json!({}), "It must have one of these values in 'type': ints, none."),
    ];
    let definitions = json!({"number": {"type": "int", "minValue": 1}});
    for (of, value, expected) in cases {
        let said = said(&definitions, of, &value);
        assert!(said.ends_with(expected) && said.is_empty() == expected.is_empty(), "{of} {value}: {said}");
    }
}

#[test]
fn definitions_refer_to_each_other() {
    let definitions = json!({
        "tree": {"type": "object", "properties": {"left": {"$ref": "#/definitions/tree", "nullable": true}}},
        "maybe": {"type": "string", "nullable": true},
        "circle": {"$ref": "#/definitions/other"},
        "other": {"$ref": "#/definitions/circle"},
        "_1.closed": {"type": "string", "allowedValues": ["a"]},
    });
    let of = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
    let cases = [
        ("tree", json!({"left": {"left": {}}}), ""),
        ("tree", json!({"left": {"left": 1}}), "at 'left.left': it is of type Object, not a number."),
        ("maybe", json!(null), ""),
        ("circle", json!(1), "leads to itself."),
        ("_1.closed", json!("b"), "is not one of its allowed values: [\"a\"]."),
    ];
    for (name, value, expected) in cases {
        let said = said(&definitions, &of(name), &value);
        assert!(said.ends_with(expected) && said.is_empty() == expected.is_empty(), "{name} {value}: {said}");
    }
    let narrowed = json!({"$ref": "#/definitions/maybe", "maxLength": 1});
    assert_eq!(said(&definitions, &narrowed, &json!("ab")), "It has a length above 1.");
    let (types, id) = read(definitions, of("maybe")).unwrap();
    assert!(types.is_nullable(id) && types.kind(id) == Some(Kind::Text) && !types.is_secure(id));
}

#[test]
fn a_secret_anywhere_makes_a_type_secure() {
    let definitions = json!({
        "login": {"type": "object", "properties": {"user": {"type": "string"}, "pass": {"type": "securestring"}}},
        "more": {"type": "array", "items": {"$ref": "#/definitions/login"}},
    });
    let (types, id) =
        read(definitions, json!({"type": "object", "additionalProperties": {"$ref": "#/definitions/more"}}))
            .unwrap();
    assert!(types.is_secure(id));
    // Neither the path nor the name of a member is repeated.
    let said = types.objection(id, "It", &json!({"hunter2": [{"user": 1}]})).unwrap();
    assert_eq!(said, "It is of type String, not a number.");
}

#[test]
fn what_is_no_type_is_refused_with_its_place() {
    let cases = [
        (json!({}), "p.type", "There is no type."),
        (json!({"type": "number"}), "p.type", "'number' is not a type."),
        (json!({"type": 7}), "p.type", "'a number' is not a type."),
        (json!({"$ref": "#/definitions/none"}), "p.$ref", "There is no definition \"#/definitions/none\"."),
        (json!({"type": "array", "items": {"type": "x"}}), "p.items.type", "'x' is not a type."),
        (json!({"type": "array", "prefixItems": [7]}), "p.prefixItems[0]", "A type must be an object"),
        (
            json!({"type": "object", "properties": {"a": {"type": "x"}}}),
            "p.properties.a.type",
            "'x' is not a type.",
        ),
        (json!({"type": "object", "discriminator": {}}), "p.discriminator", "must have a propertyName"),
        (json!({"type": "string", "allowedValues": "a"}), "p.allowedValues", "must be an array"),
    ];
    for (declaration, place, expected) in cases {
        let flaws = read(json!({}), declaration.clone()).map(|_| ()).unwrap_err();
        assert_eq!(flaws.0[0].target, place, "{declaration}");
        assert!(flaws.0[0].message.contains(expected), "{declaration}: {flaws}");
    }
}

#[test]
fn the_comparison_of_a_large_value_has_an_end() {
    let names = (0..3000).map(|i| (format!("n{i}"), json!({"type": "string", "nullable": true})));
    let row = json!({"type": "object", "properties": names.collect::<Map<String, Value>>()});
    let value = json!(vec![json!({}); 3000]);
    let said =
        said(&json!({"row": row}), &json!({"type": "array", "items": {"$ref": "#/definitions/row"}}), &value);
    assert!(said.contains("too large"), "{said}");
}
