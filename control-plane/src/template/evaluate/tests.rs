//! Resolution of names, and bounds of evaluation.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::template::tests::{evaluate, flaws, plan, template};

#[test]
fn members_are_found_in_any_case_and_in_lists() {
    let cases = [
        ("json('{\"Aa\":{\"b\":[1,2]}}').aA.B[1]", json!(2)),
        ("json('{\"a\":1,\"A\":2}').A", json!(2)),
        ("json('{\"a b\":1}')['a b']", json!(1)),
        ("createArray(1, 2)[add(0, 1)]", json!(2)),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression), Ok(expected), "{expression}");
    }
    for (expression, expected) in [
        ("json('{\"a\":1}').b", "There is no property 'b'; there are: a."),
        ("createArray(1)[1]", "no element 1 in a list of 1"),
        ("createArray(1)[sub(0, 1)]", "no element -1"),
        ("null().a", "null has no member"),
        ("createArray(1).a", "an array has no member that a string could select"),
    ] {
        let Err(EvalError::Wrong(_, why)) = evaluate(expression) else { panic!("{expression} has a value") };
        assert!(why.contains(expected), "{expression}: {why}");
    }
}

#[test]
fn where_it_is_deployed_can_be_asked() {
    let group = "/subscriptions/Sub/resourceGroups/Group";
    let vnets = "Microsoft.Network/virtualNetworks";
    let cases = [
        ("resourceGroup().name", json!("Group")),
        ("resourceGroup().id", json!(group)),
        ("resourceGroup().location", json!("westeurope")),
        ("resourceGroup().tags.team", json!("net")),
        ("subscription().subscriptionId", json!("Sub")),
        ("subscription().tenantId", json!("Tenant")),
        ("tenant().tenantId", json!("Tenant")),
        ("deployment().name", json!("d")),
        ("deployment().properties.mode", json!("Incremental")),
        ("deployment().properties['template'].contentVersion", json!("1.0.0.0")),
        ("contains(string(deployment()), 'contentVersion')", json!(true)),
        ("empty(deployment()['properties'].template.resources)", json!(true)),
        ("environment().name", json!("AzureCloud")),
        ("environment().resourceManager", json!("https://tidegate.example/")),
        ("environment().suffixes.storage", json!("core.windows.net")),
        ("deployer().objectId", json!(Uuid::nil())),
        (
            "resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')",
            json!(format!("{group}/providers/{vnets}/v/subnets/s")),
        ),
        (
            "resourceId('Microsoft.Network/virtualNetworks/subnets/', 'v', 's')",
            json!(format!("{group}/providers/{vnets}/v/subnets/s")),
        ),
        (
            "resourceId('Other', 'A.B/c/', 'd')",
            json!("/subscriptions/Sub/resourceGroups/Other/providers/A.B/c/d"),
        ),
        ("subscriptionResourceId('A.B/c/', 'd')", json!("/subscriptions/Sub/providers/A.B/c/d")),
        ("tenantResourceId('A.B/c//', 'd')", json!("/providers/A.B/c/d")),
        ("extensionResourceId('/x', 'A.B/c/', 'd')", json!("/x/providers/A.B/c/d")),
        (
            "resourceId('Other', 'Microsoft.Network/virtualNetworks', 'v')",
            json!(format!("/subscriptions/Sub/resourceGroups/Other/providers/{vnets}/v")),
        ),
        (
            "resourceId('S2', 'Other', 'Microsoft.Network/virtualNetworks', 'v')",
            json!(format!("/subscriptions/S2/resourceGroups/Other/providers/{vnets}/v")),
        ),
        ("subscriptionResourceId('A.B/c', 'd')", json!("/subscriptions/Sub/providers/A.B/c/d")),
        ("subscriptionResourceId('S2', 'A.B/c', 'd')", json!("/subscriptions/S2/providers/A.B/c/d")),
        (
            "subscriptionResourceId('Microsoft.Resources/resourceGroups', 'g')",
            json!("/subscriptions/Sub/resourceGroups/g"),
        ),
        ("tenantResourceId('A.B/c', 'd')", json!("/providers/A.B/c/d")),
        ("extensionResourceId('/x', 'A.B/c', 'd')", json!("/x/providers/A.B/c/d")),
    ];
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression), Ok(expected), "{expression}");
    }
    for wrong in [
        "resourceId('a', 'b')",
        "resourceId('A.B/c', 'd', 'e')",
        "resourceId('A.B/c', 1)",
        "resourceId('A.B/', 'c')",
        "resourceId('a', 'b', 'c', 'A.B/c', 'd')",
        "subscriptionResourceId('S', 'A.B/c')",
        "newGuid()",
        "utcNow()",
        "copyIndex()",
        "parameters('p')",
        "variables('v')",
    ] {
        assert!(matches!(evaluate(wrong), Err(EvalError::Wrong(..))), "{wrong}");
    }
}

#[test]
fn variables_and_parameters_lead_to_each_other_but_not_in_circles() {
    let mut json = template(&json!([]));
    json["parameters"] = json!({
        "a": {"type": "string", "defaultValue": "[concat(parameters('B'), '-a')]"},
        "b": {"type": "string", "defaultValue": "b"},
        "id": {"type": "string", "defaultValue": "[newGuid()]"},
        "other": {"type": "string", "defaultValue": "[newGuid()]"},
        "now": {"type": "string", "defaultValue": "[utcNow()]"},
        "day": {"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"},
    });
    json["variables"] = json!({
        "x": "[concat(variables('Y'), parameters('a'))]",
        "y": {"[variables('z')]": ["[parameters('b')]"]},
        "z": "key",
        "copy": [{"name": "names", "count": 3, "input": "[concat('n', copyIndex('names', 1))]"}],
        "object": {"keep": 1, "copy": [{"name": "list", "count": 2, "input": {"i": "[copyIndex('list')]"}}]},
    });
    json["variables"]["x"] = json!("[concat(string(variables('Y')), parameters('a'))]");
    json["functions"] = json!([{"namespace": "my", "members": {"join": {
        "parameters": [{"name": "left", "type": "string"}, {"name": "right", "type": "string"}],
        "output": {"type": "string", "value": "[concat(parameters('left'), '+', parameters('right'))]"},
    }}}]);
    json["outputs"] = json!({
        "x": {"type": "string", "value": "[variables('x')]"},
        "names": {"type": "array", "value": "[variables('names')]"},
        "object": {"type": "object", "value": "[variables('object')]"},
        "joined": {"type": "string", "value": "[My.Join('l', 'r')]"},
        "turns": {"type": "array", "copy": {"count": 2, "input": "[copyIndex(5)]"}},
        "no": {"type": "string", "condition": false, "value": "[fail('never')]"},
        "day": {"type": "string", "value": "[concat(parameters('now'), ' ', parameters('day'))]"},
        "chance": {"type": "bool", "value": "[equals(parameters('id'), parameters('other'))]"},
    });
    let plan = plan(json).unwrap();
    let super::super::Ready::Now(outputs) = plan.outputs(&References::new()).unwrap() else { panic!() };
    let outputs = outputs.shown;
    let value = |name: &str| outputs[name]["value"].clone();
    assert_eq!(value("x"), json!("{\"key\":[\"b\"]}b-a"));
    assert_eq!(value("names"), json!(["n1", "n2", "n3"]));
    assert_eq!(value("object"), json!({"keep": 1, "list": [{"i": 0}, {"i": 1}]}));
    assert_eq!(value("joined"), json!("l+r"));
    assert_eq!(value("turns"), json!([5, 6]));
    assert_eq!(value("day"), json!("20231114T221320Z 2023-11-14"));
    assert_eq!(value("chance"), json!(false));
    assert!(!outputs.contains_key("no"));

    let mut circle = template(&json!([]));
    circle["variables"] = json!({"a": "[variables('b')]", "b": "[variables('a')]"});
    circle["outputs"] = json!({"o": {"type": "string", "value": "[variables('a')]"}});
    let found = flaws(circle);
    assert_eq!(found[0].0, "properties.template.outputs.o.value");
    assert!(found[0].2.contains("'a' depends on itself"), "{found:?}");
}

#[test]
fn hostile_templates_come_to_an_end() {
    let output = |json: &mut Value, expression: &str| {
        json["outputs"] = json!({"o": {"type": "array", "value": expression}});
    };
    // Each variable doubles the previous one: as text, and as a tree.
    for double in
        ["concat(variables('v{}'), variables('v{}'))", "createArray(variables('v{}'), variables('v{}'))"]
    {
        let mut json = template(&json!([]));
        json["variables"]["v0"] = json!("0123456789");
        for i in 0..100 {
            json["variables"][format!("v{}", i + 1)] =
                format!("[{}]", double.replace("{}", &i.to_string())).into();
        }
        output(&mut json, "[variables('v100')]");
        assert_eq!(flaws(json)[0].1, code::LIMIT, "{double}");
    }
    // A chain of variables, each with the maximum depth of an expression.
    let mut json = template(&json!([]));
    json["variables"]["v0"] = json!("a");
    for i in 0..400 {
        let deep = format!("[{}variables('v{i}'){}]", "concat(".repeat(25), ")".repeat(25));
        json["variables"][format!("v{}", i + 1)] = deep.into();
    }
    output(&mut json, "[variables('v400')]");
    assert_eq!(flaws(json)[0].1, code::LIMIT);

    for expression in [
        "reduce(range(0, 10000), createArray(), lambda('a', 'b', createArray(lambdaVariables('a'))))",
        "map(range(0, 10000), lambda('a', map(range(0, 10000), lambda('b', 1))))",
        "replace(padLeft('', 100000, 'a'), 'a', padLeft('', 100000, 'b'))",
        "join(range(0, 10000), padLeft('', 100000, 'b'))",
        "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', padLeft('', 100000, 'b'))",
    ] {
        let Err(EvalError::Wrong(_, why)) = evaluate(expression) else { panic!("{expression} has a value") };
        assert!(why.contains("large") || why.contains("longer"), "{expression}: {why}");
    }
}
