//! The exported template of resources as GET shows them.

use super::*;

const GROUP: &str = "/subscriptions/s/resourceGroups/g";

fn id(rest: &str) -> String {
    format!("{GROUP}/providers/{rest}")
}

fn exported(rest: &str, body: &Value) -> Exported {
    Exported::new(&id(rest), body.as_object().unwrap().clone())
}

/// A gateway that refers to an address and to itself, an extension of it, and two resources that refer to
/// each other.
fn group() -> Vec<Exported> {
    let address = id("Microsoft.Network/publicIPAddresses/ip");
    let gateway = id("Microsoft.Network/applicationGateways/gw");
    vec![
        exported(
            "Microsoft.Network/applicationGateways/gw",
            &json!({"location": "local", "properties": {
                "a": {"id": address.to_ascii_uppercase().replacen("/SUBSCRIPTIONS/", "/subscriptions/", 1)},
                "b": {"id": format!("{gateway}/frontendPorts/it's")},
                "elsewhere": "/subscriptions/s/resourceGroups/other/providers/A.B/c/d",
                "text": "[looks like an expression]",
            }}),
        ),
        exported(
            "Microsoft.Network/applicationGateways/gw/providers/Microsoft.Insights/diagnosticSettings/d",
            &json!({}),
        ),
        exported(
            "Microsoft.Network/nsgs/n",
            &json!({"properties": {"x": id("Microsoft.Network/nsgs/n/rules/r")}}),
        ),
        exported("Microsoft.Network/nsgs/n/rules/r", &json!({"properties": {}})),
        exported("Microsoft.Network/publicIPAddresses/ip", &json!({"tags": {"a": "b"}})),
    ]
}

#[test]
fn names_are_parameters_and_ids_are_expressions() {
    let mut options = Options::default();
    assert!(
        options.set("includeParameterDefaultValue")
            && options.set("IncludeComments")
            && !options.set("Other")
    );
    let made = template(&group(), options);
    let gateway =
        "resourceId('Microsoft.Network/applicationGateways', parameters('applicationGateways_gw_name'))";
    let address =
        "[resourceId('Microsoft.Network/publicIPAddresses', parameters('publicIPAddresses_ip_name'))]";
    let first = &made["resources"][0];
    assert_eq!(first["name"], "[parameters('applicationGateways_gw_name')]");
    assert_eq!(first["dependsOn"], json!([address]));
    assert_eq!(first["properties"]["a"]["id"], address);
    assert_eq!(first["properties"]["b"]["id"], format!("[concat({gateway}, '/frontendPorts/it''s')]"));
    assert_eq!(first["properties"]["text"], "[[looks like an expression]");
    assert!(first["properties"]["elsewhere"].as_str().unwrap().starts_with("/subscriptions/"));
    assert_eq!(
        made["parameters"]["publicIPAddresses_ip_name"],
        json!({"type": "String", "defaultValue": "ip"})
    );
    let extension = &made["resources"][1];
    assert_eq!(extension["type"], "Microsoft.Insights/diagnosticSettings");
    assert_eq!(
        (&extension["scope"], &extension["dependsOn"][0]),
        (&json!(format!("[{gateway}]")), &json!(format!("[{gateway}]")))
    );
    let rule = &made["resources"][3];
    assert_eq!(rule["name"], "[concat(parameters('nsgs_n_name'), '/', 'r')]");
}

#[test]
fn without_parameters_names_are_written() {
    let mut options = Options::default();
    options.set("SkipAllParameterization");
    let made = template(&group(), options);
    assert_eq!(made["parameters"], json!({}));
    assert_eq!((&made["resources"][0]["name"], &made["resources"][3]["name"]), (&json!("gw"), &json!("n/r")));
    let address = "[resourceId('Microsoft.Network/publicIPAddresses', 'ip')]";
    assert_eq!(made["resources"][0]["dependsOn"], json!([address]));
}

#[test]
fn resources_that_refer_to_each_other_do_not_wait_for_each_other() {
    let made = template(&group(), Options::default());
    let waits = |at: usize| made["resources"][at]["dependsOn"].as_array().unwrap().len();
    assert_eq!((waits(2), waits(3)), (0, 1), "{made}");
}
