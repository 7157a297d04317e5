//! Templates made to cost: each must be refused, or be done, in little time and memory.

use super::*;

fn of_variables(variables: &Value) -> Value {
    let mut json = template(&json!([]));
    json["variables"] = variables.clone();
    json["outputs"] = json!({"o": {"type": "array", "value": "[variables('v0')]"}});
    json
}

/// The code of the first thing that is wrong.
fn refused(template: Value) -> &'static str {
    flaws(template)[0].1
}

#[test]
fn loops_within_loops_are_paid_for() {
    let mut input = json!(1);
    for _ in 0..20 {
        input = json!({"copy": [{"name": "a", "count": 800, "input": input}]});
    }
    assert_eq!(refused(of_variables(&json!({"v0": [input]}))), code::LIMIT);
    let address = json!({
        "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2024-05-01", "name": "p",
        "properties": input,
    });
    assert_eq!(refused(template(&json!([address]))), code::LIMIT);
}

#[test]
fn variables_that_lead_deeper_and_deeper_end() {
    let mut variables = Map::new();
    for i in 0..100 {
        let next = json!(format!("[variables('v{}')]", i + 1));
        variables.insert(format!("v{i}"), (0..60).fold(next, |inner, _| json!([inner])));
    }
    variables.insert("v100".to_owned(), json!("end"));
    assert_eq!(refused(of_variables(&Value::Object(variables))), code::LIMIT);
}

#[test]
fn parts_of_many_copies_are_paid_for() {
    let parts = vec![json!({}); 100_000];
    let networks = json!([{
        "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2024-05-01",
        "name": "[concat('n', copyIndex())]", "copy": {"name": "c", "count": 799}, "resources": parts,
    }]);
    flaws(template(&networks));
}

#[test]
fn a_dependency_on_a_loop_costs_what_it_stands_for() {
    let address = |name: &str, turns: &str| {
        json!({
            "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2024-05-01",
            "name": format!("[concat('{name}', copyIndex())]"), "copy": {"name": turns, "count": 399},
        })
    };
    let mut last = address("b", "second");
    last["dependsOn"] = vec!["first"; 2400].into();
    assert_eq!(refused(template(&json!([address("a", "first"), last]))), code::LIMIT);
}

#[test]
fn long_lists_are_compared_in_one_go() {
    let list: Value = (0..100_000).collect();
    let mut json = template(&json!([]));
    json["parameters"] = json!({"l": {"type": "array", "allowedValues": list}});
    json["outputs"] = json!({
        "union": {"type": "int", "value": "[length(union(parameters('l'), createArray(1)))]"},
        "both": {"type": "int", "value": "[length(intersection(parameters('l'), parameters('l')))]"},
    });
    let plan = plan_with(json, json!({"l": {"value": list}})).unwrap();
    let Ready::Now(outputs) = plan.outputs(&References::new()).unwrap() else { panic!() };
    assert_eq!((&outputs["union"]["value"], &outputs["both"]["value"]), (&json!(100_000), &json!(100_000)));
}

#[test]
fn long_names_do_not_come_back_with_each_thing_wrong_below_them() {
    let properties = json!({"k".repeat(1_000_000): vec!["[(]"; 1000]});
    let address = json!({
        "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2024-05-01", "name": "p",
        "properties": properties,
    });
    let all: usize = flaws(template(&json!([address]))).iter().map(|flaw| flaw.0.len()).sum();
    assert!(all < 1_000_000, "{all}");
}

#[test]
fn what_is_made_of_a_secret_is_not_shown() {
    let mut json = template(&json!([]));
    json["parameters"] = json!({
        "pass": {"type": "securestring"},
        "plain": {"type": "string", "defaultValue": "[concat('x-', parameters('pass'))]"},
        "after": {"type": "string", "defaultValue": "y"},
    });
    let plan = plan_with(json, json!({"pass": {"value": "hunter2"}})).unwrap();
    let shown = Value::Object(plan.parameters_shown.clone());
    let expected = json!({
        "pass": {"type": "SecureString"},
        "plain": {"type": "String"},
        "after": {"type": "String", "value": "y"},
    });
    assert_eq!(shown, expected);
}
