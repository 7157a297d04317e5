//! Version 2.0 of the language: symbolic names, existing resources, types, and what Bicep emits.

use super::*;

/// A template of version 2.0 with these resources.
fn symbolic(resources: &Value) -> Value {
    let mut json = template(resources);
    json["languageVersion"] = json!("2.0");
    json
}

fn address(name: &str) -> Value {
    json!({"type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2023-09-01", "name": name})
}

fn later(rest: &str) -> String {
    id(rest).to_ascii_lowercase()
}

#[test]
fn loops_are_known_by_their_symbol_and_their_elements() {
    let mut ips = address("[format('ip{0}', copyIndex())]");
    ips["copy"] = json!({"name": "ips", "count": 3});
    ips["condition"] = json!("[not(equals(copyIndex(), 1))]");
    let mut none = address("none");
    none["copy"] = json!({"name": "none", "count": 0});
    let mut all = network("all");
    all["dependsOn"] = json!(["ips", "none"]);
    let mut one = network("one");
    one["dependsOn"] = json!(["[format('ips[{0}]', 2)]"]);
    let mut json = symbolic(&json!({"all": all, "one": one, "ips": ips, "none": none}));
    json["outputs"] = json!({
        "all": {"type": "array", "value": "[map(references('ips'), lambda('ip', lambdaVariables('ip').ipAddress))]"},
        "full": {"type": "string", "value": "[references('ips', 'full')[1].name]"},
        "none": {"type": "array", "value": "[references('none')]"},
        "one": {"type": "string", "value": "[reference('ips[2]').ipAddress]"},
    });
    let plan = plan(json.clone()).unwrap();
    let expected =
        ["publicIPAddresses/ip0", "publicIPAddresses/ip2", "virtualNetworks/all", "virtualNetworks/one"];
    assert_eq!(names(&plan), expected);
    assert_eq!((&plan.resources[2].depends_on, &plan.resources[3].depends_on), (&vec![0, 1], &vec![1]));
    assert!(plan.foreign.is_empty());
    let shown = |name: &str| {
        (
            later(&format!("publicIPAddresses/{name}")),
            json!({"name": name, "properties": {"ipAddress": name}}),
        )
    };
    let Ready::Now(Outputs { shown: outputs, .. }) =
        plan.outputs(&References::from([shown("ip0"), shown("ip2")])).unwrap()
    else {
        panic!()
    };
    assert_eq!(outputs["all"]["value"], json!(["ip0", "ip2"]));
    assert_eq!((&outputs["full"]["value"], &outputs["one"]["value"]), (&json!("ip2"), &json!("ip2")));
    assert_eq!(outputs["none"]["value"], json!([]));

    for (wrong, expected) in [
        ("[reference('ips').a]", "'ips' is a loop: use references('ips'), or an element such as 'ips[0]'"),
        ("[references('all')[0]]", "'all' is not one"),
        ("[reference('ips[3]').a]", "'ips[3]' is not defined"),
    ] {
        json["outputs"] = json!({"o": {"type": "string", "value": wrong}});
        let found = flaws(json.clone());
        assert!(found[0].2.contains(expected), "{wrong}: {found:?}");
    }
}

#[test]
fn existing_resources_are_looked_up_where_they_are_and_when_they_can_be() {
    let subnet = |more: Value| {
        let mut subnet = json!({
            "existing": true, "type": "Microsoft.Network/virtualNetworks/subnets", "apiVersion": "2023-09-01",
            "name": "v/s",
        });
        subnet.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        subnet
    };
    let gateway = |symbol: &str| {
        json!({
            "type": "Microsoft.Network/applicationGateways", "apiVersion": "2023-09-01", "name": symbol,
            "tags": {"prefix": format!("[reference('{symbol}').addressPrefix]")},
        })
    };
    let mut waits = gateway("later");
    waits["name"] = json!("waits");
    let mut child = gateway("child");
    child["tags"] =
        json!({"p": "[reference(resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 't')).x]"});
    let json = symbolic(&json!({
        "far": subnet(json!({"subscriptionId": "S2", "resourceGroup": "G2"})),
        "near": subnet(json!({"name": "other/s"})),
        "later": subnet(json!({"dependsOn": ["net"]})),
        "group": {
            "existing": true, "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01",
            "name": "G3", "subscriptionId": "S3",
        },
        "vault": {
            "existing": true, "type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01", "name": "k",
            "scope": "[format('/subscriptions/{0}/resourceGroups/{1}', 'S3', 'G3')]",
        },
        "lock": {
            "existing": true, "type": "Microsoft.Authorization/locks", "apiVersion": "2020-05-01", "name": "l",
            "scope": "[format('Microsoft.Network/virtualNetworks/{0}', 'v')]",
        },
        "gateFar": gateway("far"), "gateNear": gateway("near"), "gateWaits": waits, "gateChild": child,
        "gateVault": {
            "type": "Microsoft.Network/applicationGateways", "apiVersion": "2023-09-01", "name": "vault",
            "tags": {"v": "[reference('vault').vaultUri]", "l": "[reference('lock').level]"},
        },
        "net": network("v"),
    }));
    let plan = plan(json).unwrap();
    let vault = "/subscriptions/s3/resourcegroups/g3/providers/microsoft.keyvault/vaults/k";
    let far = "/subscriptions/s2/resourcegroups/g2/providers/microsoft.network/virtualnetworks/v/subnets/s";
    // The lock is on the network, and so comes after it; the subnets of the network do too.
    let foreign =
        BTreeSet::from([vault.to_owned(), far.to_owned(), later("virtualNetworks/other/subnets/s")]);
    assert_eq!(plan.foreign, foreign);
    let place = |name: &str| names(&plan).iter().position(|own| own.ends_with(name)).unwrap();
    let net = place("virtualNetworks/v");
    for name in ["waits", "child", "vault"] {
        assert_eq!(plan.resources[place(&format!("applicationGateways/{name}"))].depends_on, [net], "{name}");
    }
    assert_eq!(plan.resources.len(), 6);
}

#[test]
fn a_resource_may_be_declared_as_existing_and_deployed_elsewhere() {
    let mut existing = network("v");
    existing["existing"] = json!(true);
    let mut first = network("w");
    first["condition"] = json!(false);
    let plan =
        plan(symbolic(&json!({"old": existing, "new": network("v"), "no": first, "yes": network("w")})))
            .unwrap();
    assert_eq!(names(&plan), ["virtualNetworks/v", "virtualNetworks/w"]);
}

#[test]
fn what_is_not_deployed_may_be_of_any_type_at_any_place() {
    let json = symbolic(&json!({
        "module": {
            "type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "m", "condition": false,
            "resourceGroup": "elsewhere", "properties": {"mode": "Incremental"},
        },
        "lock": {
            "type": "Microsoft.Authorization/locks", "apiVersion": "2020-05-01", "name": "l", "condition": false,
            "scope": "Microsoft.Network/virtualNetworks/v",
        },
        "net": network("v"),
    }));
    let plan = plan(json).unwrap();
    assert_eq!(names(&plan), ["virtualNetworks/v"]);
}

#[test]
fn what_is_not_served_of_resources_is_refused_by_name() {
    let with = |name: &str, value: Value| {
        let mut network = network("v");
        network[name] = value;
        symbolic(&json!({"net": network}))
    };
    let cases = [
        ("scope", json!("/subscriptions/S2"), "into the scope of its deployment"),
        ("subscriptionId", json!("S2"), "into the scope of its deployment"),
        ("extension", json!("kubernetes"), "extensions are not served"),
        ("import", json!("kubernetes"), "extensions are not served"),
        ("@options", json!({"onlyIfNotExists": true}), "option 'onlyIfNotExists'"),
    ];
    for (name, value, expected) in cases {
        let found = flaws(with(name, value));
        assert_eq!(found[0].0, format!("properties.template.resources.net.{name}"));
        assert!(found[0].2.contains(expected), "{name}: {found:?}");
    }
    plan(with("resourceGroup", json!("[resourceGroup().name]"))).unwrap();
    plan(with("@options", json!({}))).unwrap();
}

#[test]
fn versions_and_parts_are_taken_or_refused_by_name() {
    let with = |name: &str, value: Value| {
        let mut json = template(&json!({}));
        json[name] = value;
        json
    };
    for version in
        ["1.0", "2.0", "1.9-experimental", "1.10-experimental", "2.1-experimental", "2.2-experimental"]
    {
        plan(with("languageVersion", json!(version))).unwrap();
    }
    for (name, value) in [("imports", json!({})), ("extensions", json!([])), ("asserts", json!(null))] {
        plan(with(name, value)).unwrap();
    }
    let cases = [
        ("languageVersion", json!("3.0"), "The language version \"3.0\" is not known"),
        ("languageVersion", json!("2.0-beta"), "is not known"),
        ("languageVersion", json!(2), "The language version 2 is not known"),
        ("extensions", json!({"k8s": {"name": "Kubernetes"}}), "Extensions of templates are not served"),
        ("imports", json!({"k8s": {}}), "Extensions of templates are not served"),
        ("resourcess", json!([]), "The part 'resourcess' of a template is not supported. The parts are"),
    ];
    for (name, value, expected) in cases {
        let found = flaws(with(name, value));
        assert_eq!(found[0].0, format!("properties.template.{name}"));
        assert!(found[0].2.contains(expected), "{name}: {found:?}");
    }
}

#[test]
fn assertions_are_checked() {
    let mut json = symbolic(&json!({}));
    json["variables"] = json!({"port": 80});
    json["asserts"] = json!({
        "good": "[less(variables('port'), 100)]", "bad": "[greater(variables('port'), 100)]", "odd": "yes",
        "wrong": "[variables('none')]",
    });
    let found: Vec<(String, String)> =
        flaws(json).into_iter().map(|(target, _, said)| (target, said)).collect();
    let at = |name: &str| format!("properties.template.asserts.{name}");
    let targets: Vec<&String> = found.iter().map(|(target, _)| target).collect();
    assert_eq!(targets, [&at("bad"), &at("odd"), &at("wrong")]);
    assert_eq!(found[0].1, "The assertion 'bad' is not true.");
}

#[test]
fn parameters_and_outputs_have_defined_types() {
    let mut json = symbolic(&json!({}));
    json["definitions"] = json!({
        "lock": {"type": "object", "properties": {
            "kind": {"type": "string", "allowedValues": ["None", "ReadOnly"], "nullable": true},
            "name": {"type": "string", "nullable": true},
        }, "additionalProperties": false},
        "port": {"type": "int", "minValue": 1, "maxValue": 65535},
        "login": {"type": "object", "properties": {"pass": {"type": "securestring"}}},
    });
    json["parameters"] = json!({
        "lock": {"$ref": "#/definitions/lock", "nullable": true},
        "ports": {"type": "array", "items": {"$ref": "#/definitions/port"}, "defaultValue": [80]},
        "login": {"$ref": "#/definitions/login", "nullable": true},
    });
    json["outputs"] = json!({
        "kind": {"type": "string", "value": "[coalesce(tryGet(parameters('lock'), 'kind'), 'none')]"},
        "first": {"$ref": "#/definitions/port", "value": "[first(parameters('ports'))]"},
        "nothing": {"type": "string", "nullable": true, "value": "[tryGet(parameters('lock'), 'name')]"},
        "user": {"type": "string", "value": "[coalesce(tryGet(parameters('login'), 'pass'), '')]"},
    });
    let given = |name: &str, value: Value| json!({name: {"value": value}});
    let outputs = |parameters: Value| {
        let plan = plan_with(json.clone(), parameters).unwrap();
        let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new()).unwrap() else {
            panic!()
        };
        Value::Object(outputs)
    };
    let absent = outputs(json!({}));
    assert_eq!(
        (&absent["kind"]["value"], &absent["first"]),
        (&json!("none"), &json!({"type": "Int", "value": 80}))
    );
    // Null stands for no value.
    assert_eq!(outputs(given("ports", json!(null)))["first"]["value"], json!(80));
    assert_eq!(outputs(given("lock", json!({"kind": "None"})))["kind"]["value"], json!("None"));
    // A parameter with a secret inside is a secret as a whole.
    assert_eq!(outputs(given("login", json!({"pass": "hunter2"})))["user"], json!({"type": "String"}));

    let cases = [
        (
            given("lock", json!({"kind": "Some"})),
            "lock",
            "wrong value at 'kind': it is not one of its allowed values",
        ),
        (
            given("lock", json!({"kin": 1})),
            "lock",
            "at 'kin': it is not a property of its type, which has kind, name",
        ),
        (given("ports", json!([80, 0])), "ports", "wrong value at '[1]': it has a value below 1"),
        (given("login", json!({"user": "x"})), "login", "'login' lacks the property 'pass'"),
    ];
    for (parameters, name, expected) in cases {
        let flaws = plan_with(json.clone(), parameters).unwrap_err();
        assert_eq!(flaws.0[0].target, format!("properties.parameters.{name}"));
        assert!(flaws.0[0].message.contains(expected), "{flaws}");
    }
    json["outputs"]["first"]["value"] = json!(0);
    let found = flaws(json);
    assert!(found[0].2.contains("The output 'first' has a value below 1"), "{found:?}");
}

#[test]
fn functions_of_bicep_call_each_other() {
    let mut json = symbolic(&json!({}));
    let text = |name: &str| json!([{"type": "string", "name": name}]);
    json["functions"] = json!([{"namespace": "__bicep", "members": {
        "_1.greet": {"parameters": text("who"), "output": {"type": "string", "value": "[concat('hi ', parameters('who'))]"}},
        "twice": {
            "parameters": text("who"),
            "output": {"type": "string", "value": "[concat(__bicep._1.greet(parameters('who')), __bicep._1.greet('you'))]"},
        },
        "endless": {"parameters": text("x"), "output": {"type": "string", "value": "[__bicep.endless(parameters('x'))]"}},
    }}]);
    json["outputs"] = json!({"o": {"type": "string", "value": "[__bicep.twice('me')]"}});
    let plan = plan(json.clone()).unwrap();
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::new()).unwrap() else {
        panic!()
    };
    assert_eq!(outputs["o"]["value"], "hi mehi you");
    json["outputs"]["o"]["value"] = json!("[__bicep.endless('me')]");
    assert_eq!(flaws(json)[0].1, code::LIMIT);
}

#[test]
fn a_deployment_of_inner_scope_keeps_its_template_as_it_is() {
    let inner = json!({"outputs": {"o": {"value": "[ours.greet(parameters('inner'))]"}}, "[(]": 1});
    let resource = json!({
        "type": "microsoft.resources/deployments", "apiVersion": "2025-04-01", "name": "m", "condition": false,
        "Properties": {
            "expressionEvaluationOptions": {"scope": "Inner"}, "Template": inner,
            "parameters": {"inner": {"value": "[nothing()]"}},
        },
    });
    let found = flaws(symbolic(&json!({"m": resource})));
    let targets: Vec<&str> = found.iter().map(|(target, _, _)| target.as_str()).collect();
    assert_eq!(targets, ["properties.template.resources.m.Properties.parameters.inner.value"]);

    let mut body = resource.as_object().unwrap().clone();
    assert!(nested::has_own_template(&body));
    body["Properties"]["expressionEvaluationOptions"]["scope"] = json!("outer");
    assert!(!nested::has_own_template(&body));
}

#[test]
fn extensions_have_their_own_type_in_each_way_of_writing_them() {
    let by_child = json!({
        "type": "Microsoft.Network/virtualNetworks/subnets/providers/roleAssignments", "apiVersion": "2017-05-01",
        "name": "v/s/Microsoft.Authorization/r", "condition": false,
    });
    let mut nested = network("v");
    nested["condition"] = json!(false);
    nested["resources"] = json!([{
        "type": "providers/diagnosticSettings", "apiVersion": "2017-05-01-preview", "name": "Microsoft.Insights/d",
    }]);
    let by_scope = json!({
        "type": "Microsoft.Insights/diagnosticSettings", "apiVersion": "2021-05-01-preview", "name": "d",
        "scope": "Microsoft.Network/virtualNetworks/v", "condition": false,
    });
    let plan = plan(template(&json!([by_child, nested, by_scope]))).unwrap();
    let shown = |at: usize| {
        (plan.declared[at].kind.as_str(), plan.declared[at].name.join("/"), plan.declared[at].id.clone())
    };
    let insights = "Microsoft.Insights/diagnosticSettings";
    let on_network = id("virtualNetworks/v/providers/Microsoft.Insights/diagnosticSettings/d");
    assert_eq!(shown(2), (insights, "d".to_owned(), on_network.clone()));
    assert_eq!(shown(3), (insights, "d".to_owned(), on_network));
    let role = id("virtualNetworks/v/subnets/s/providers/Microsoft.Authorization/roleAssignments/r");
    assert_eq!(shown(0), ("Microsoft.Authorization/roleAssignments", "r".to_owned(), role));
}
