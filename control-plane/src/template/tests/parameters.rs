//! Parameters: what fits their declaration, and what is never shown of secure ones.

use super::*;

#[test]
fn parameters_must_be_as_declared() {
    let declared = |rules: Value| {
        let mut json = template(&json!([]));
        json["parameters"] = json!({"p": rules});
        json
    };
    let text = |more: Value| {
        let mut rules = json!({"type": "String"});
        rules.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rules
    };
    let given = |value: Value| json!({"p": {"value": value}});
    let cases = [
        (text(json!({})), given(json!("a")), None),
        (text(json!({})), json!({"P": {"Value": "a"}}), None),
        (text(json!({})), json!({}), Some("parameter 'p' is missing")),
        (text(json!({})), given(json!(null)), Some("of type String, not null")),
        (text(json!({"nullable": true})), given(json!(null)), None),
        (text(json!({"nullable": true})), json!({}), None),
        (text(json!({})), json!({"p": "a"}), Some("given as {\"value\"")),
        (text(json!({})), json!({"q": {"value": 1}, "p": {"value": ""}}), Some("no parameter 'q'")),
        (text(json!({})), given(json!(1)), Some("of type String, not a number")),
        (json!({"type": "int"}), given(json!("1")), Some("of type Int, not a string")),
        (json!({"type": "INT"}), given(json!(1)), None),
        (json!({"type": "secureObject"}), given(json!({})), None),
        (json!({"type": "array"}), given(json!({})), Some("of type Array, not an object")),
        (json!({"type": "number"}), given(json!(1)), Some("'number' is not a type")),
        (json!({}), given(json!(1)), Some("There is no type.")),
        (json!({"$ref": "#/definitions/x"}), given(json!(1)), Some("no definition \"#/definitions/x\"")),
        (text(json!({"allowedValues": ["a", "b"]})), given(json!("a")), None),
        (
            text(json!({"allowedValues": ["a", "b"]})),
            given(json!("A")),
            Some("not one of its allowed values: [\"a\",\"b\"]"),
        ),
        (json!({"type": "array", "allowedValues": ["a", "b"]}), given(json!(["b"])), None),
        (
            json!({"type": "array", "allowedValues": ["a", "b"]}),
            given(json!(["c"])),
            Some("not one of its allowed"),
        ),
        (
            text(json!({"allowedValues": ["a"], "defaultValue": "b"})),
            json!({}),
            Some("not one of its allowed"),
        ),
        (text(json!({"minLength": 2})), given(json!("ä")), Some("length below 2")),
        (text(json!({"maxLength": 2})), given(json!("abc")), Some("length above 2")),
        (json!({"type": "int", "minValue": 2}), given(json!(1)), Some("value below 2")),
        (json!({"type": "int", "maxValue": 2}), given(json!(3)), Some("value above 2")),
        (text(json!({"defaultValue": "[fail('x')]"})), json!({}), Some("x")),
        (text(json!({"defaultValue": "[fail('x')]"})), given(json!("a")), None),
        (text(json!({"defaultValue": "[variables('x')]"})), json!({}), Some("cannot be used")),
        (text(json!({"defaultValue": 7})), json!({}), Some("of type String, not a number")),
        (text(json!({})), json!({"p": {"reference": {"secretName": "s"}}}), Some("refers to a Key Vault")),
        (text(json!({})), json!([]), Some("An object is expected")),
    ];
    for (rules, given, expected) in cases {
        let outcome = plan_with(declared(rules.clone()), given.clone());
        match (outcome, expected) {
            (Ok(_), None) => {}
            (Err(flaws), Some(expected)) => {
                assert!(flaws.0[0].message.contains(expected), "{rules} {given}: {flaws}");
                assert_eq!(flaws.0.len(), 1, "{rules} {given}: {flaws}");
            }
            (outcome, _) => panic!("{rules} {given}: {:?}", outcome.map(|_| ())),
        }
    }
}

#[test]
fn secrets_are_never_shown() {
    let mut json = template(&json!([]));
    json["parameters"] = json!({"pass": {"type": "securestring"}, "user": {"type": "string"}});
    json["variables"] = json!({"login": "[concat(parameters('user'), ':', parameters('pass'))]"});
    json["outputs"] = json!({
        "user": {"type": "string", "value": "[parameters('user')]"},
        "login": {"type": "string", "value": "[variables('login')]"},
        "pass": {"type": "secureString", "value": "[parameters('pass')]"},
        "fixed": {"type": "secureString", "value": "fixed"},
    });
    let given = json!({"pass": {"value": "hunter2"}, "user": {"value": "me"}});
    let plan = plan_with(json.clone(), given.clone()).unwrap();
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new()).unwrap() else {
        panic!()
    };
    let expected = json!({
        "user": {"type": "String", "value": "me"},
        "login": {"type": "String"},
        "pass": {"type": "SecureString"},
        "fixed": {"type": "SecureString"},
    });
    assert_eq!(Value::Object(outputs), expected);
    let expected = json!({"pass": {"type": "SecureString"}, "user": {"type": "String", "value": "me"}});
    assert_eq!(Value::Object(plan.parameters_shown.clone()), expected);
    assert!(!format!("{plan:?}").contains("hunter2"));
    assert_eq!(plan.without_secrets_in("it was hunter2!"), "it was (secure)!");

    json["outputs"]["bad"] = json!({"type": "string", "value": "[fail(concat('no ', parameters('pass')))]"});
    let flaws = plan_with(json, given).unwrap_err();
    assert!(flaws.0[0].message.contains("no (secure)"), "{flaws}");
}

#[test]
fn the_places_of_what_derives_from_secrets_are_known() {
    let mut resource = network("n");
    resource["properties"] = json!({
        "plain": "[parameters('user')]", "text": "[format('{0}:{1}', parameters('user'), parameters('pass'))]",
        "list": ["a", {"a/b": "[base64(parameters('pass'))]"}], "[concat('k', 'ey')]": "[variables('login')]",
        "copy": [{"name": "turns", "count": "[length(parameters('object').list)]", "input": {
            "index": "[copyIndex('turns')]", "value": "[parameters('object').list[copyIndex('turns')]]"}}],
        "[concat('of-', parameters('pass'))]": 1,
        "late": "[concat(reference(resourceId('Microsoft.Network/publicIPAddresses', 'x'), '2023-04-01').a, parameters('pass'))]",
    });
    let mut json = template(&json!([resource]));
    json["parameters"] = json!({"pass": {"type": "securestring"}, "user": {"type": "string"}, "object": {"type": "secureObject"}});
    json["variables"] = json!({"login": {"deep": ["[concat(parameters('user'), parameters('pass'))]", "x"]}});
    let given =
        json!({"pass": {"value": "hunter2"}, "user": {"value": "me"}, "object": {"value": {"list": [1, 2]}}});
    let plan = plan_with(json, given).unwrap();
    let key = id("publicIPAddresses/x").to_ascii_lowercase();
    let references = References::from([(key, json!({"properties": {"a": "a"}}))]);
    let Ready::Now(body) = plan.body(&plan.resources[0], &references).unwrap() else { panic!("too early") };
    let expected = [
        "/properties/key",
        "/properties/late",
        "/properties/list/1/a~1b",
        "/properties/of-hunter2",
        "/properties/text",
        "/properties/turns/0/value",
        "/properties/turns/1/value",
    ];
    assert_eq!(body.secret_places.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
