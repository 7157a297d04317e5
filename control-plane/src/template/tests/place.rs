//! The deployment as templates see it: its scope, its link, and the functions of resources that are not
//! ours.

use super::*;

fn with(context: Context, outputs: &Value) -> Result<Plan, Violations> {
    let mut json = template(&json!([]));
    json["outputs"] = outputs.clone();
    let inherited = Inherited::default();
    Plan::make(Request { template: json, parameters: json!({}), context, inherited }, Allowance::new())
}

fn value(context: Context, expression: &str) -> Result<Value, Violations> {
    let kind = if expression.contains('{') { "object" } else { "string" };
    let plan = with(context, &json!({"o": {"type": kind, "value": format!("[{expression}]")}}))?;
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new())? else {
        panic!("{expression} waits")
    };
    Ok(outputs["o"]["value"].clone())
}

#[test]
fn a_deployment_to_a_subscription_has_no_group() {
    let at_subscription = || Context { group: None, ..context() };
    let cases = [
        ("resourceId('A.B/c', 'd')", "/subscriptions/Sub/providers/A.B/c/d"),
        ("resourceId('Other', 'A.B/c', 'd')", "/subscriptions/Sub/resourceGroups/Other/providers/A.B/c/d"),
        (
            "resourceId('00000000-0000-0000-0000-000000000001', 'A.B/c', 'd')",
            "/subscriptions/00000000-0000-0000-0000-000000000001/providers/A.B/c/d",
        ),
        ("resourceId('S2', 'G2', 'A.B/c', 'd')", "/subscriptions/S2/resourceGroups/G2/providers/A.B/c/d"),
        ("deployment().location", "westeurope"),
        ("subscription().subscriptionId", "Sub"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(at_subscription(), expression), Ok(json!(expected)), "{expression}");
    }
    let flaws = value(at_subscription(), "resourceGroup().name").unwrap_err();
    assert!(flaws.0[0].message.contains("use subscription()"), "{flaws}");
}

#[test]
fn a_request_of_an_older_version_is_read() {
    let mut old = serde_json::to_value(context()).unwrap();
    for new in ["management", "deployer", "template_link"] {
        old.as_object_mut().unwrap().remove(new);
    }
    let read: Context = serde_json::from_value(old).unwrap();
    assert_eq!((read.group.as_deref(), read.template_link), (Some("Group"), None));
}

#[test]
fn the_link_of_a_template_is_needed_only_by_who_uses_it() {
    let mut json = template(&json!([]));
    json["parameters"] = json!({
        "_artifactsLocation": {"type": "string", "defaultValue": "[deployment().properties.templateLink.uri]"},
        "script": {"type": "string", "defaultValue": "[uri(parameters('_artifactsLocation'), 'a.sh')]"},
        "other": {"type": "string", "defaultValue": "x"},
    });
    json["outputs"] = json!({"other": {"type": "string", "value": "[parameters('other')]"}});
    let make = |json: &Value, parameters: Value, context: Context| {
        let inherited = Inherited::default();
        Plan::make(Request { template: json.clone(), parameters, context, inherited }, Allowance::new())
    };
    // Nobody needs the parameter.
    let plan = make(&json, json!({}), context()).unwrap();
    assert_eq!(plan.parameters_shown["_artifactsLocation"], json!({"type": "String"}));
    json["outputs"]["script"] = json!({"type": "string", "value": "[parameters('script')]"});
    let flaws = make(&json, json!({}), context()).unwrap_err();
    let said = &flaws.0[0];
    assert_eq!(
        (said.target.as_str(), said.code),
        ("properties.template.outputs.script.value", code::LINK_MISSING)
    );
    for word in ["default of the parameter 'script'", "'_artifactsLocation'", "templateLink"] {
        assert!(said.message.contains(word), "{flaws}");
    }
    // Given, or linked.
    let given = make(&json, json!({"_artifactsLocation": {"value": "https://h/t/"}}), context()).unwrap();
    let link = Some(json!({"uri": "https://h/t/main.json"}));
    let linked = make(&json, json!({}), Context { template_link: link, ..context() }).unwrap();
    for plan in [given, linked] {
        let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new()).unwrap() else {
            panic!()
        };
        assert_eq!(outputs["script"]["value"], "https://h/t/a.sh");
    }
}

#[test]
fn what_a_resource_lists_is_refused_by_name_only_where_it_is_needed() {
    let list = |expression: &str| with(context(), &json!({"o": {"type": "object", "value": expression}}));
    let storage = "resourceId('Microsoft.Storage/storageAccounts', 's')";
    let gateway = "resourceId('Microsoft.Network/applicationGateways', 'g')";
    let cases = [
        (
            "resourceId('Microsoft.Web/sites', 's')",
            "'listSecrets' of Microsoft.Web/sites would need a running service",
        ),
        (gateway, "resources of this type have nothing to list"),
        ("'nothing'", "The resource 'nothing' is not defined"),
    ];
    for (id, expected) in cases {
        let flaws = list(&format!("[listSecrets({id}, '2021-09-01')]")).unwrap_err();
        assert!(flaws.0[0].message.contains(expected), "{id}: {flaws}");
    }
    list(&format!("[if(true(), createObject(), listSecrets({storage}, '2021-09-01'))]")).unwrap();

    // The keys of a resource without effect are made when it exists.
    let plan = list(&format!("[listKeys({storage}, '2021-09-01').keys[0]]")).unwrap();
    assert!(matches!(plan.outputs(&References::new()).unwrap(), Ready::After(_)));
    let id =
        "/subscriptions/sub/resourcegroups/group/providers/microsoft.storage/storageaccounts/s".to_owned();
    let Ready::Now(Outputs { shown: outputs, .. }) =
        plan.outputs(&References::from([(id, json!({}))])).unwrap()
    else {
        panic!()
    };
    assert_eq!(outputs["o"]["value"]["keyName"], "key1");
}

#[test]
fn providers_have_versions() {
    let cases = [
        ("providers('Microsoft.Network', 'applicationGateways').apiVersions[0]", "2025-05-01"),
        ("providers('Microsoft.Compute', 'virtualMachines').resourceType", "virtualMachines"),
        ("providers('microsoft.network').resourceTypes[0].locations[0]", "westeurope"),
        ("string(length(providers('Microsoft.Compute').resourceTypes))", "0"),
        (
            "managementGroupResourceId('m', 'A.B/c', 'd')",
            "/providers/Microsoft.Management/managementGroups/m/providers/A.B/c/d",
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(context(), expression), Ok(json!(expected)), "{expression}");
    }
    let flaws = value(context(), "managementGroupResourceId('A.B/c', 'd')").unwrap_err();
    assert!(flaws.0[0].message.contains("needs the name of the management group"), "{flaws}");
}

#[test]
fn a_full_reference_says_where_the_resource_is() {
    let id = id("virtualNetworks/v");
    let references =
        References::from([(id.to_ascii_lowercase(), json!({"location": "here", "properties": {"a": 1}}))]);
    let full = "reference(resourceId('Microsoft.Network/virtualNetworks', 'v'), '2023-09-01', 'FULL')";
    let plan = with(context(), &json!({"o": {"type": "object", "value": format!("[{full}]")}})).unwrap();
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&references).unwrap() else { panic!() };
    let expected = json!({
        "subscriptionId": "Sub", "resourceGroupName": "Group", "resourceId": "Microsoft.Network/virtualNetworks/v",
        "apiVersion": "2023-09-01", "condition": true, "isConditionTrue": true, "isAction": false,
        "location": "here", "properties": {"a": 1},
    });
    assert_eq!(outputs["o"]["value"], expected);
}

#[test]
fn a_reference_may_be_the_end_of_an_id() {
    let mut json = template(&json!([network("v")]));
    json["outputs"] = json!({
        "own": {"type": "object", "value": "[reference(concat('Microsoft.Network/virtualNetworks/', 'v'))]"},
        "other": {"type": "object", "value": "[reference('Microsoft.Network/virtualNetworks/w/subnets/s')]"},
    });
    let plan = plan(json.clone()).unwrap();
    assert_eq!(plan.foreign, BTreeSet::from([id("virtualNetworks/w/subnets/s").to_ascii_lowercase()]));
    for wrong in ["Microsoft.Network/virtualNetworks", "none/virtualNetworks/v", "w"] {
        json["outputs"]["other"]["value"] = format!("[reference('{wrong}')]").into();
        assert_eq!(flaws(json.clone())[0].1, code::DEPENDENCY, "{wrong}");
    }
}

#[test]
fn an_error_repeats_the_innermost_expression_up_to_a_length() {
    let mut json = template(&json!([]));
    let long = "a".repeat(300);
    json["variables"] = json!({"v": "[div(1, 0)]", "long": format!("[concat('{long}', add('x', 1))]")});
    json["outputs"] = json!({
        "o": {"type": "string", "value": "[string(variables('v'))]"},
        "p": {"type": "string", "value": "[string(variables('long'))]"},
        "q": {"type": "string", "value": "[concat(]"},
    });
    let last = json["outputs"].as_object_mut().unwrap().remove("q").unwrap();
    let said: Vec<String> = flaws(json.clone()).into_iter().map(|(_, _, said)| said).collect();
    assert_eq!(
        said[0],
        "The function 'div' failed: the result is not a 64-bit integer. Expression: [div(1, 0)]"
    );
    assert!(said[1].ends_with(&format!("Expression: [concat('{}…]", "a".repeat(152))), "{}", said[1]);
    json["outputs"] = json!({"q": last});
    assert_eq!(flaws(json)[0].2, "The expression ends unexpectedly. Expression: [concat(]");
}
