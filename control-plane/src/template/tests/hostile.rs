//! Templates that are designed to be expensive: each must be rejected or finish quickly, in little memory.

use super::*;

fn of_variables(variables: &Value) -> Value {
    let mut json = template(&json!([]));
    json["variables"] = variables.clone();
    json["outputs"] = json!({"o": {"type": "array", "value": "[variables('v0')]"}});
    json
}

/// Returns the code of the first violation.
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
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new()).unwrap() else {
        panic!()
    };
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
fn long_names_of_places_with_secrets_are_paid_for() {
    let mut resource = network("n");
    resource["properties"] = json!({"k".repeat(1_000_000): vec!["[parameters('pass')]"; 1000]});
    let mut json = template(&json!([resource]));
    json["parameters"] = json!({"pass": {"type": "securestring"}});
    let flaws = plan_with(json, json!({"pass": {"value": "hunter2"}})).unwrap_err();
    assert_eq!(flaws.0[0].code, code::LIMIT);
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

/// A virtual network for each iteration, with `references` tags, each referring to a resource that is not
/// deployed.
fn with_references(copies: usize, references: usize) -> Value {
    let tag = |number| {
        let id = "resourceId('Microsoft.Network/publicIPAddresses', concat('a', copyIndex(), '-";
        (format!("t{number}"), json!(format!("[reference({id}{number}'))).ipAddress]")))
    };
    let tags: Map<String, Value> = (0..references).map(tag).collect();
    template(&json!([{
        "type": "Microsoft.Network/virtualNetworks",
        "apiVersion": "2025-05-01",
        "name": "[concat('n', copyIndex())]",
        "copy": {"name": "all", "count": copies},
        "tags": tags,
    }]))
}

#[test]
fn references_to_what_a_template_does_not_deploy_have_an_end() {
    assert_eq!(plan(with_references(10, 100)).unwrap().foreign.len(), MAX_FOREIGN);
    for (copies, references) in [(10, 101), (120, 300)] {
        let flaws = flaws(with_references(copies, references));
        assert_eq!(flaws.len(), 1, "{copies} times {references}");
        assert_eq!(flaws[0].1, code::LIMIT);
        assert!(flaws[0].2.contains("more than 1000 resources"), "{}", flaws[0].2);
    }
}

#[test]
fn what_is_said_of_a_template_has_an_end() {
    let name = "n".repeat(300);
    let wrong = json!(format!("[reference('{name}')]"));
    let tags: Map<String, Value> = (0..5000).map(|number| (format!("t{number}"), wrong.clone())).collect();
    let network = json!({
        "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2025-05-01", "name": "n", "tags": tags,
    });
    let flaws = flaws(template(&json!([network])));
    let size: usize = flaws.iter().map(|(target, _, message)| target.len() + message.len()).sum();
    assert!((1..=1000).contains(&flaws.len()) && size < 520 * 1024, "{} of {size} bytes", flaws.len());
}

#[test]
fn a_sort_pays_for_what_it_copies() {
    // Each element costs more than a comparison: the budget left after the sort shows its cost.
    let spent = |list: &str| {
        let plan = plan(template(&json!([]))).unwrap();
        let references = References::new();
        let mut evaluator = plan.evaluator(&references, &plan.names);
        let sort = format!("[length(sort({list}, lambda('a', 'b', false())))]");
        evaluator.text(&sort, &Frame::new(Phase::Planning)).unwrap();
        super::super::allowance::BUDGET - evaluator.budget
    };
    let long = "x".repeat(16 * 250);
    let (one, four) = (format!("'{long}'"), [format!("'{long}'").as_str(); 4].join(", "));
    let (one, four) = (spent(&format!("createArray({one})")), spent(&format!("createArray({four})")));
    // At least four comparisons, of two elements each, of 250 units each.
    assert!(four > 4 * one + 4 * 2 * 240, "{one} for one, {four} for four");
}
