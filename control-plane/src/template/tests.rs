//! Planning of templates: resources, order, late values and violations.

use serde_json::json;

use super::evaluate::{Frame, Phase};
use super::fault::EvalResult;
use super::*;

mod hostile;
mod language2;
mod module;
mod nesting;
mod parameters;
mod place;

/// A template with these resources and nothing else.
pub(super) fn template(resources: &Value) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "variables": {},
        "resources": resources,
    })
}

pub(super) fn context() -> Context {
    Context {
        subscription: "Sub".into(),
        tenant: "Tenant".into(),
        group: Some("Group".into()),
        location: "westeurope".into(),
        tags: Map::from_iter([("team".to_owned(), json!("net"))]),
        deployment: "d".into(),
        chance: uuid::Uuid::nil(),
        now: 1_700_000_000_000,
        management: "https://tidegate.example".into(),
        deployer: uuid::Uuid::nil(),
        mode: crate::arm::deployment::DeploymentMode::Incremental,
        template_link: None,
        key_seed: "seed".into(),
    }
}

fn plan_with(template: Value, parameters: Value) -> Result<Plan, Violations> {
    let request = Request { template, parameters, context: context(), inherited: Inherited::default() };
    Plan::make(request, Allowance::new())
}

pub(super) fn plan(template: Value) -> Result<Plan, Violations> {
    plan_with(template, json!({}))
}

/// Returns the targets, codes and messages of a template's violations.
pub(super) fn flaws(template: Value) -> Vec<(String, &'static str, String)> {
    let flaws = plan(template).unwrap_err();
    flaws.0.into_iter().map(|flaw| (flaw.target, flaw.code, flaw.message)).collect()
}

/// Evaluates an expression in an empty template.
pub(super) fn evaluate(expression: &str) -> EvalResult {
    let plan = plan(template(&json!([]))).unwrap();
    let references = References::new();
    let mut evaluator = plan.evaluator(&references, &plan.names);
    evaluator.text(&format!("[{expression}]"), &Frame::new(Phase::Planning))
}

fn now(ready: Ready<FilledBody>) -> Value {
    match ready {
        Ready::Now(body) => body.value,
        Ready::After(ids) => panic!("waits for {ids:?}"),
    }
}

fn id(rest: &str) -> String {
    format!("/subscriptions/Sub/resourceGroups/Group/providers/Microsoft.Network/{rest}")
}

fn network(name: &str) -> Value {
    json!({"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": name, "properties": {}})
}

/// Returns the ends of the IDs of a plan's resources, in its order.
fn names(plan: &Plan) -> Vec<&str> {
    plan.resources.iter().map(|resource| resource.id.split("Microsoft.Network/").last().unwrap()).collect()
}

#[test]
fn resources_come_in_the_order_of_their_dependencies() {
    let with = |name: &str, depends_on: Value| {
        let mut resource = network(name);
        resource["dependsOn"] = depends_on;
        resource
    };
    let plan = plan(template(&json!([
        with("by-id", json!(["[resourceId('Microsoft.Network/virtualNetworks', 'by-name')]"])),
        with("by-name", json!(["BY-TYPE"])),
        with("by-type", json!(["Microsoft.Network/virtualNetworks/by-loop"])),
        with("by-loop", json!(["turns"])),
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "properties": {},
            "name": "[concat('turn', copyIndex(1))]", "copy": {"name": "turns", "count": 2},
        },
        {
            "type": "Microsoft.Network/virtualNetworks/subnets", "apiVersion": "2023-09-01",
            "name": "parent/child", "properties": {},
        },
        network("parent"),
        with("unwanted-is-no-obstacle", json!(["unwanted"])),
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "unwanted",
            "condition": "[equals(1, 2)]", "properties": {},
        },
    ])))
    .unwrap();
    let expected = [
        "virtualNetworks/turn1",
        "virtualNetworks/turn2",
        "virtualNetworks/by-loop",
        "virtualNetworks/by-type",
        "virtualNetworks/by-name",
        "virtualNetworks/by-id",
        "virtualNetworks/parent",
        "virtualNetworks/parent/subnets/child",
        "virtualNetworks/unwanted-is-no-obstacle",
    ];
    assert_eq!(names(&plan), expected);
    assert_eq!(plan.resources[2].depends_on, [0, 1]);
    assert_eq!(plan.resources[7].depends_on, [6]);
    assert_eq!(plan.resources[0].target, "properties.template.resources[4]");
}

#[test]
fn nested_resources_are_part_of_the_one_around_them() {
    let plan = plan(template(&json!([{
        "type": "Microsoft.Network/applicationGateways", "apiVersion": "2023-09-01", "name": "gw",
        "resources": [
            {"type": "backendaddresspools", "apiVersion": "2023-09-01", "name": "p", "properties": {"a": 1}},
            {
                "type": "Microsoft.Network/applicationGateways/probes", "apiVersion": "2023-09-01", "name": "gw/x",
                "dependsOn": ["p2"], "properties": {},
            },
        ],
    }, network("p2")])))
    .unwrap();
    let expected = [
        "applicationGateways/gw",
        "applicationGateways/gw/backendAddressPools/p",
        "virtualNetworks/p2",
        "applicationGateways/gw/probes/x",
    ];
    assert_eq!(names(&plan), expected);
    assert_eq!(plan.resources[1].kind, "Microsoft.Network/applicationGateways/backendAddressPools");
    assert_eq!(plan.resources[1].target, "properties.template.resources[0].resources[0]");
    assert_eq!(
        now(plan.body(&plan.resources[1], &References::new()).unwrap()),
        json!({"properties": {"a": 1}})
    );
}

#[test]
fn symbols_name_resources_too() {
    let mut json = template(&json!({
        "net": network("v"),
        "old": {
            "existing": true, "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2023-09-01", "name": "ip",
        },
        "gate": {
            "type": "Microsoft.Network/applicationGateways", "apiVersion": "2023-09-01", "name": "gw",
            "dependsOn": ["net"], "tags": {"address": "[reference('old').ipAddress]"},
        },
    }));
    json["languageVersion"] = json!("2.0");
    let plan = plan(json).unwrap();
    assert_eq!(names(&plan), ["virtualNetworks/v", "applicationGateways/gw"]);
    let ip = id("publicIPAddresses/ip").to_ascii_lowercase();
    assert_eq!(plan.foreign, BTreeSet::from([ip.clone()]));
    let references = References::from([(ip, json!({"properties": {"ipAddress": "10.0.0.1"}}))]);
    let body = now(plan.body(&plan.resources[1], &references).unwrap());
    assert_eq!(body, json!({"tags": {"address": "10.0.0.1"}}));
}

#[test]
fn what_is_referred_to_comes_first_and_is_filled_in_later() {
    let mut user = network("user");
    user["properties"] = json!({
        "plain": "[if(true(), 'known', reference('nothing'))]",
        "both": "[concat(reference('One').guid, reference(resourceId('Microsoft.Network/virtualNetworks', 'two'), '2023-09-01', 'Full').etag)]",
        "either": "[if(equals(reference('one').guid, 'g'), reference('three').guid, 'no')]",
        "copy": [{"name": "list", "count": 2, "input": {"n": "[concat(reference('one').guid, copyIndex('list'))]"}}],
    });
    let mut json = template(&json!([user, network("one"), network("two"), network("three")]));
    json["outputs"] = json!({"o": {"type": "object", "value": "[reference('user')]"}});
    let plan = plan(json).unwrap();
    assert_eq!(
        names(&plan),
        ["virtualNetworks/one", "virtualNetworks/two", "virtualNetworks/three", "virtualNetworks/user"]
    );
    assert!(plan.foreign.is_empty());
    let user = &plan.resources[3];
    let mut references = References::new();
    let Ready::After(missing) = plan.body(user, &references).unwrap() else { panic!("too early") };
    assert_eq!(missing.len(), 3);
    for name in ["one", "two", "three"] {
        let key = id(&format!("virtualNetworks/{name}")).to_ascii_lowercase();
        references.insert(key, json!({"etag": "e", "properties": {"guid": "g"}}));
    }
    let expected = json!({"properties": {
        "plain": "known", "both": "ge", "either": "g", "list": [{"n": "g0"}, {"n": "g1"}],
    }});
    assert_eq!(now(plan.body(user, &references).unwrap()), expected);
    assert!(matches!(plan.outputs(&references), Ok(Ready::After(_))));
    references.insert(id("virtualNetworks/user").to_ascii_lowercase(), json!({"properties": {"x": 1}}));
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&references).unwrap() else {
        panic!("not yet")
    };
    assert_eq!(Value::Object(outputs), json!({"o": {"type": "Object", "value": {"x": 1}}}));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let mut json = template(&json!([
        {"type": "Microsoft.Network/virtualNetwork", "apiVersion": "2023-09-01", "name": "vm"},
        {"type": "Microsoft.Network/virtualNetworks", "name": "v"},
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "[concat('a', '/', 'b')]",
        },
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "w",
            "dependsOn": ["nowhere"], "resourceGroup": "other",
            "tags": {"a": "[variables('none')]", "b": ["[1]", "[substring('a', 5)]"]},
        },
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "loop",
            "copy": {"name": "l", "count": 801},
        },
        {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "w"},
        {
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "x",
            "condition": "yes", "tags": {},
        },
        {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "w"},
    ]));
    json["outputs"] = json!({
        "o": {"type": "string", "value": "[reference('nowhere').x]"},
        "p": {"type": "int", "value": "text"},
    });
    let found: Vec<(String, &str)> =
        flaws(json).into_iter().map(|(target, code, _)| (target, code)).collect();
    let at = |rest: &str| format!("properties.template.{rest}");
    let expected = [
        (at("resources[0].type"), code::RESOURCE_TYPE),
        (at("resources[1].apiVersion"), code::RESOURCE),
        (at("resources[2].name"), code::RESOURCE),
        (at("resources[3].resourceGroup"), code::RESOURCE),
        (at("resources[4].copy.count"), code::LIMIT),
        (at("resources[6].condition"), code::RESOURCE),
        (at("resources[7].name"), code::RESOURCE),
        (at("resources[3].dependsOn[0]"), code::DEPENDENCY),
        (at("resources[3].tags.a"), code::EXPRESSION),
        (at("resources[3].tags.b[1]"), code::EXPRESSION),
        (at("outputs.o.value"), code::DEPENDENCY),
        (at("outputs.p"), code::EXPRESSION),
    ];
    assert_eq!(found, expected);
}

#[test]
fn functions_are_checked_also_where_nothing_is_evaluated() {
    let mut unwanted = network("v");
    unwanted["condition"] = json!(false);
    unwanted["properties"] = json!({"a": ["[nothing()]", "[if(true(), 1, alsoNothing(1, not()))]", "[f(]"]});
    let found = flaws(template(&json!([unwanted])));
    let places: Vec<&str> = found.iter().map(|(target, _, _)| target.as_str()).collect();
    let place = |i: u8| format!("properties.template.resources[0].properties.a[{i}]");
    assert_eq!(places, [place(0), place(1), place(1), place(2)]);
    assert_eq!(found[0].2, "The function 'nothing' does not exist. Expression: [nothing()]");
}

#[test]
fn what_is_no_template_is_refused() {
    let cases = [
        (json!([]), "A template must be an object"),
        (json!({}), "have a contentVersion"),
        (json!({"contentVersion": "1", "resources": 7}), "A list of resources"),
        (json!({"contentVersion": "1", "resources": [7]}), "A resource must be an object"),
        (json!({"contentVersion": "1", "variables": []}), "An object is expected"),
        (json!({"contentVersion": "1", "definition": {}}), "'definition' of a template is not supported"),
        (json!({"contentVersion": "1", "outputs": {"a": 1}}), "must be an object"),
        (json!({"contentVersion": "1", "outputs": {"a": {"type": "x", "value": 1}}}), "'x' is not a type"),
        (json!({"contentVersion": "1", "functions": [{}]}), "have a namespace"),
    ];
    for (template, expected) in cases {
        let found = flaws(template.clone());
        assert!(found[0].2.contains(expected), "{template}: {found:?}");
    }
    let mut a = network("a");
    a["dependsOn"] = json!(["b"]);
    let mut b = network("b");
    b["tags"] = json!({"x": "[reference('a').y]"});
    let found = flaws(template(&json!([a, b])));
    assert_eq!(found[0].1, code::DEPENDENCY);
    assert!(found[0].2.contains("depend on each other"), "{found:?}");
}
