//! Nested deployments: whose expressions are evaluated where, what stays secret, and what all levels share.

use super::super::allowance::MAX_NESTED_LEVELS;
use super::super::resource::MAX_RESOURCES;
use super::*;

fn deployment(name: &str, scope: &str, properties: &Value) -> Value {
    let mut resource = json!({
        "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": name,
        "properties": {"mode": "Incremental"},
    });
    let own = resource["properties"].as_object_mut().unwrap();
    if !scope.is_empty() {
        own.insert("expressionEvaluationOptions".into(), json!({"scope": scope}));
    }
    own.extend(properties.as_object().unwrap().clone());
    resource
}

/// Returns the request of the plan's resource at this place.
fn nested(plan: &Plan, at: usize, references: &References) -> Nested {
    match plan.nested(&plan.resources[at], references).unwrap() {
        Ready::Now(nested) => nested,
        Ready::After(ids) => panic!("waits for {ids:?}"),
    }
}

fn plan_of(nested: Nested, allowance: Allowance) -> Result<Plan, Violations> {
    let Nested { body, inherited } = nested;
    let part = |name: &str| body["properties"][name].clone();
    let request =
        Request { template: part("template"), parameters: part("parameters"), context: context(), inherited };
    Plan::make(request, allowance)
}

#[test]
fn an_inner_template_is_left_to_its_own_plan() {
    let mut inner = template(&json!([network("[concat(parameters('p'), variables('v'))]")]));
    inner["parameters"] = json!({"p": {"type": "string"}});
    inner["variables"] = json!({"v": "[format('{0}', own.twice('x'))]"});
    inner["functions"] = json!([{"namespace": "own", "members": {"twice": {
        "parameters": [{"name": "t", "type": "string"}],
        "output": {"type": "string", "value": "[concat(parameters('t'), parameters('t'))]"},
    }}}]);
    let mut outer = template(&json!([deployment(
        "m",
        "Inner",
        &json!({"template": inner, "parameters": {"p": {"value": "[variables('name')]"}}}),
    )]));
    outer["variables"] = json!({"name": "net"});
    let plan = plan(outer).unwrap();
    assert_eq!(plan.resources[0].kind, "Microsoft.Resources/deployments");
    let within = plan_of(nested(&plan, 0, &References::new()), Allowance::new()).unwrap();
    assert_eq!(names(&within), ["virtualNetworks/netxx"]);
}

#[test]
fn loops_of_symbols_in_an_outer_template_become_resources() {
    let mut looped = network("[concat(parameters('p'), copyIndex())]");
    looped["copy"] = json!({"name": "vnets", "count": 2});
    let mut last = network("last");
    last["dependsOn"] = json!(["vnets"]);
    let mut inner = template(&json!({"last": last, "vnets": looped}));
    inner["languageVersion"] = "2.0".into();
    let mut outer = template(&json!([deployment("m", "", &json!({"template": inner}))]));
    outer["parameters"] = json!({"p": {"type": "string", "defaultValue": "net"}});
    let plan = plan(outer).unwrap();
    let within = plan_of(nested(&plan, 0, &References::new()), Allowance::new()).unwrap();
    assert_eq!(names(&within), ["virtualNetworks/net0", "virtualNetworks/net1", "virtualNetworks/last"]);
    assert_eq!(within.resources[2].depends_on, [0, 1]);
}

#[test]
fn an_outer_template_sees_what_is_around_it() {
    let mut looped = network("[concat(parameters('p'), copyIndex())]");
    looped["copy"] = json!({"name": "loop", "count": "[variables('count')]"});
    looped["tags"] = json!({"literal": "[[not an expression]", "[variables('key')]": "[variables('raw')]"});
    let mut last = network("last");
    last["dependsOn"] = json!(["loop"]);
    let mut within = template(&json!([last, looped]));
    within["variables"] = json!({"count": 7});
    within["outputs"] = json!({"o": {"type": "string", "value": "[parameters('p')]"}});
    for scope in ["", "outer", "NotSpecified"] {
        let mut outer = template(&json!([deployment("m", scope, &json!({"template": within.clone()}))]));
        outer["parameters"] = json!({"p": {"type": "string", "defaultValue": "net"}});
        outer["variables"] = json!({"count": 2, "raw": "[[x]", "key": "[[k]"});
        let plan = plan(outer).unwrap();
        let within = plan_of(nested(&plan, 0, &References::new()), Allowance::new()).unwrap();
        assert_eq!(
            names(&within),
            ["virtualNetworks/net0", "virtualNetworks/net1", "virtualNetworks/last"],
            "{scope}"
        );
        let body = now(within.body(&within.resources[0], &References::new()).unwrap());
        assert_eq!(body["tags"], json!({"literal": "[not an expression]", "[k]": "[x]"}), "{scope}");
        let Ready::Now(Outputs { shown: outputs, .. }) = within.outputs(&References::new()).unwrap() else {
            panic!("not yet")
        };
        assert_eq!(outputs["o"]["value"], "net");
    }
}

#[test]
fn a_nested_deployment_comes_after_what_it_refers_to_and_has_outputs() {
    let first = deployment("first", "inner", &json!({"template": template(&json!([]))}));
    let value = "[reference('first').outputs.id.value]";
    let second = deployment(
        "second",
        "inner",
        &json!({"template": template(&json!([])), "parameters": {"p": {"value": value}}}),
    );
    let plan = plan(template(&json!([second, first]))).unwrap();
    let order: Vec<&str> = plan.resources.iter().map(|resource| resource.name[0].as_str()).collect();
    assert_eq!(order, ["first", "second"]);
    assert!(matches!(plan.nested(&plan.resources[1], &References::new()), Ok(Ready::After(_))));
    let id = plan.resources[0].id.to_ascii_lowercase();
    let shown = json!({"properties": {"outputs": {"id": {"type": "String", "value": "x"}}}});
    let nested = nested(&plan, 1, &References::from([(id, shown)]));
    assert_eq!(nested.body["properties"]["parameters"]["p"]["value"], "x");
}

#[test]
fn secrets_stay_secret_at_every_level() {
    let mut within = template(&json!([]));
    within["parameters"] = json!({"plain": {"type": "string"}, "open": {"type": "string"}});
    within["outputs"] = json!({
        "derived": {"type": "string", "value": "[parameters('plain')]"},
        "open": {"type": "string", "value": "[parameters('open')]"},
    });
    let parameters = json!({
        "plain": {"value": "[base64(parameters('secret'))]"}, "open": {"value": "[variables('v')]"},
    });
    let mut outer_scoped = template(&json!([]));
    outer_scoped["outputs"] = json!({
        "derived": {"type": "string", "value": "[base64(parameters('secret'))]"},
        "open": {"type": "string", "value": "[variables('v')]"},
    });
    let mut whole = template(&json!([
        deployment("inner", "inner", &json!({"template": within, "parameters": parameters})),
        deployment("outer", "outer", &json!({"template": outer_scoped})),
    ]));
    whole["parameters"] = json!({"secret": {"type": "secureString"}});
    whole["variables"] = json!({"v": "open"});
    let plan = plan_with(whole, json!({"secret": {"value": "hunter2"}})).unwrap();
    for at in 0..2 {
        let within = plan_of(nested(&plan, at, &References::new()), Allowance::new()).unwrap();
        let Ready::Now(Outputs { shown: outputs, .. }) = within.outputs(&References::new()).unwrap() else {
            panic!("not yet")
        };
        assert_eq!(outputs["derived"], json!({"type": "String"}), "{at}");
        assert_eq!(outputs["open"]["value"], "open", "{at}");
        assert_eq!(within.without_secrets_in("it is hunter2"), "it is (secure)");
        assert!(within.parameters_shown.get("plain").is_none_or(|shown| shown.get("value").is_none()));
    }
}

#[test]
fn what_an_outer_template_makes_of_secrets_is_secret_within() {
    let encoded = "[base64(parameters('secret'))]";
    let mut resource = network("n");
    resource["properties"] = json!({"plain": "plain", "made": encoded, "deep": [{"x": encoded}]});
    let deeper = deployment(
        "deeper",
        "inner",
        &json!({"template": template(&json!([])), "parameters": {"p": {"value": encoded}}}),
    );
    let within = template(&json!([resource, deeper]));
    let mut whole = template(&json!([deployment("m", "outer", &json!({"template": within}))]));
    whole["parameters"] = json!({"secret": {"type": "secureString"}});
    let plan = plan_with(whole, json!({"secret": {"value": "hunter2"}})).unwrap();
    let within = plan_of(nested(&plan, 0, &References::new()), Allowance::new()).unwrap();
    let exported = within.exported().to_string();
    assert!(exported.contains("plain") && !exported.contains("aHVudGVyMg=="), "{exported}");
    let Ready::Now(body) = within.body(&within.resources[0], &References::new()).unwrap() else {
        panic!("not yet")
    };
    let places: Vec<&str> = body.secret_places.iter().map(String::as_str).collect();
    assert_eq!(places, ["/properties/deep/0/x", "/properties/made"]);
}

#[test]
fn all_levels_share_one_allowance() {
    let allowance = Allowance::new();
    let levels = std::iter::successors(Some(allowance.clone()), Allowance::of_nested).count();
    assert_eq!(levels, MAX_NESTED_LEVELS + 1);
    let mut many = network("[concat('n', copyIndex())]");
    many["copy"] = json!({"name": "l", "count": MAX_RESOURCES - 1});
    let request = |resources: Value| Request {
        template: template(&resources),
        parameters: json!({}),
        context: context(),
        inherited: Inherited::default(),
    };
    Plan::make(request(json!([many])), allowance.clone()).unwrap();
    let within = allowance.of_nested().unwrap();
    Plan::make(request(json!([network("a")])), within.clone()).unwrap();
    let flaws = Plan::make(request(json!([network("b")])), within).unwrap_err();
    assert_eq!(flaws.0[0].code, code::LIMIT);

    let allowance = Allowance::new();
    let before = allowance.budget();
    let plan = Plan::make(request(json!([network("a")])), allowance.of_nested().unwrap()).unwrap();
    let _ = plan.outputs(&References::new());
    assert!(allowance.budget() < before);
}

#[test]
fn scopes_of_nested_deployments_are_checked() {
    let at = |member: &str, value: &str| {
        let mut resource = deployment("m", "inner", &json!({"template": template(&json!([]))}));
        resource[member] = value.into();
        plan(template(&json!([resource])))
    };
    for (member, value, expected) in [
        ("resourceGroup", "Other", "/subscriptions/Sub/resourceGroups/Other/"),
        ("subscriptionId", "Sub2", "/subscriptions/Sub2/"),
        ("scope", "/subscriptions/Sub2/resourceGroups/g", "/subscriptions/Sub2/resourceGroups/g/"),
    ] {
        let plan = at(member, value).unwrap();
        let expected = format!("{expected}providers/Microsoft.Resources/deployments/m");
        assert_eq!(plan.resources[0].id, expected);
    }
    for scope in [
        "/",
        "Microsoft.Management/managementGroups/mg",
        "/providers/Microsoft.Management/managementGroups/mg",
    ] {
        let flaws = at("scope", scope).unwrap_err();
        assert!(flaws.0[0].message.contains("management groups"), "{scope}: {flaws}");
    }
    let mut strange = deployment("m", "sideways", &json!({"template": template(&json!([]))}));
    assert!(plan(template(&json!([strange.clone()]))).unwrap_err().0[0].message.contains("'sideways'"));
    strange.as_object_mut().unwrap().remove("properties");
    assert!(plan(template(&json!([strange]))).is_err());
}

#[test]
fn loops_of_an_outer_template_are_paid_for() {
    let looped = |within: Value| json!([{"copy": {"name": "l", "count": 800}, "resources": within}]);
    let within = template(&looped(looped(looped(json!([])))));
    let flaws = super::flaws(template(&json!([deployment("m", "outer", &json!({"template": within}))])));
    assert!(flaws.iter().all(|(_, code, _)| *code == code::LIMIT), "{flaws:?}");

    let mut waits = network("waits");
    waits["dependsOn"] = vec![json!("l"); 5000].into();
    let mut many = network("[concat('n', copyIndex())]");
    many["copy"] = json!({"name": "l", "count": 799});
    let within = template(&json!([many, waits]));
    let flaws = super::flaws(template(&json!([deployment("m", "outer", &json!({"template": within}))])));
    assert_eq!(flaws[0].1, code::LIMIT);
}
