//! A module as Bicep compiles it for a gateway: defined types, nullable parameters, loops over what may be
//! absent, resources on the gateway, modules that are not deployed, and outputs of loops.

use super::*;

/// The parameters: each nullable or with a default, except for the name.
fn parameters() -> Value {
    json!({
        "name": {"type": "string", "maxLength": 80},
        "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        "identities": {"$ref": "#/definitions/identitiesType", "nullable": true},
        "autoscaleMin": {"type": "int", "defaultValue": -1},
        "autoscaleMax": {"type": "int", "defaultValue": -1},
        "probes": {"type": "array", "metadata": {"__bicep_resource_derived_type!": {"source": "x"}}, "defaultValue": []},
        "sku": {"type": "string", "defaultValue": "Standard_v2", "allowedValues": ["Basic", "Standard_v2", "WAF_v2"]},
        "zones": {"type": "array", "items": {"type": "int"}, "defaultValue": [1, 2], "allowedValues": [1, 2, 3]},
        "lock": {"$ref": "#/definitions/lockType", "nullable": true},
        "diagnostics": {"type": "array", "items": {"$ref": "#/definitions/diagnosticType"}, "nullable": true},
        "roles": {"type": "array", "items": {"$ref": "#/definitions/roleType"}, "nullable": true},
        "endpoints": {"type": "array", "items": {"type": "object"}, "nullable": true},
        "tags": {"type": "object", "nullable": true},
        "telemetry": {"type": "bool", "defaultValue": true},
    })
}

fn definitions() -> Value {
    let optional =
        |kind: &str| json!({"type": kind, "nullable": true, "metadata": {"description": "Optional."}});
    json!({
        "lockType": {"type": "object", "properties": {
            "name": optional("string"),
            "kind": {"type": "string", "allowedValues": ["CanNotDelete", "None", "ReadOnly"], "nullable": true},
        }, "metadata": {"__bicep_imported_from!": {"sourceTemplate": "br:x"}}},
        "identitiesType": {"type": "object", "properties": {
            "userAssigned": {"type": "array", "items": {"type": "string"}, "nullable": true},
        }},
        "_1.categoryType": {"type": "object", "properties": {"category": {"type": "string"}, "enabled": optional("bool")}},
        "diagnosticType": {"type": "object", "properties": {
            "name": optional("string"),
            "metrics": {"type": "array", "items": {"$ref": "#/definitions/_1.categoryType"}, "nullable": true},
        }},
        "roleType": {"type": "object", "properties": {"role": {"type": "string"}, "principalId": {"type": "string"}}},
    })
}

fn variables() -> Value {
    json!({
        "copy": [{
            "name": "formattedRoles",
            "count": "[length(coalesce(parameters('roles'), createArray()))]",
            "input": "[union(coalesce(parameters('roles'), createArray())[copyIndex('formattedRoles')], createObject('roleId', coalesce(tryGet(variables('builtIn'), coalesce(parameters('roles'), createArray())[copyIndex('formattedRoles')].role), subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'x'))))]",
        }],
        "formattedIdentities": "[reduce(map(coalesce(tryGet(parameters('identities'), 'userAssigned'), createArray()), lambda('id', createObject(format('{0}', lambdaVariables('id')), createObject()))), createObject(), lambda('cur', 'next', union(lambdaVariables('cur'), lambdaVariables('next'))))]",
        "identity": "[if(not(empty(parameters('identities'))), createObject('type', if(not(empty(coalesce(tryGet(parameters('identities'), 'userAssigned'), createObject()))), 'UserAssigned', 'None'), 'userAssignedIdentities', if(not(empty(variables('formattedIdentities'))), variables('formattedIdentities'), null())), null())]",
        "builtIn": {"Reader": "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')]"},
    })
}

fn resources() -> Value {
    let on_the_gateway = "[format('Microsoft.Network/applicationGateways/{0}', parameters('name'))]";
    let each = |name: &str, count: &str| json!({"name": name, "count": format!("[length(coalesce({count}, createArray()))]")});
    json!({
        "telemetry": {
            "condition": "[parameters('telemetry')]",
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2024-03-01",
            "name": "[format('t.{0}.{1}', replace('1.0', '.', '-'), substring(uniqueString(deployment().name, parameters('location')), 0, 4))]",
            "properties": {"mode": "Incremental", "template": {"contentVersion": "1.0.0.0", "resources": []}},
        },
        "gateway": {
            "type": "Microsoft.Network/applicationGateways",
            "apiVersion": "2025-01-01",
            "name": "[parameters('name')]",
            "location": "[parameters('location')]",
            "tags": "[parameters('tags')]",
            "identity": "[variables('identity')]",
            "properties": "[union(createObject('autoscaleConfiguration', if(and(greater(parameters('autoscaleMax'), 0), greaterOrEquals(parameters('autoscaleMin'), 0)), createObject('maxCapacity', parameters('autoscaleMax'), 'minCapacity', parameters('autoscaleMin')), null()), 'probes', parameters('probes'), 'sku', createObject('name', parameters('sku'), 'tier', parameters('sku'))), if(endsWith(parameters('sku'), 'v2'), createObject('enableHttp2', true()), createObject()))]",
            "zones": "[map(parameters('zones'), lambda('zone', format('{0}', lambdaVariables('zone'))))]",
        },
        "gateway_lock": {
            "condition": "[and(not(empty(coalesce(parameters('lock'), createObject()))), not(equals(tryGet(parameters('lock'), 'kind'), 'None')))]",
            "type": "Microsoft.Authorization/locks",
            "apiVersion": "2020-05-01",
            "scope": on_the_gateway,
            "name": "[coalesce(tryGet(parameters('lock'), 'name'), format('lock-{0}', parameters('name')))]",
            "properties": {"level": "[coalesce(tryGet(parameters('lock'), 'kind'), '')]"},
            "dependsOn": ["gateway"],
        },
        "gateway_diagnostics": {
            "copy": each("gateway_diagnostics", "parameters('diagnostics')"),
            "type": "Microsoft.Insights/diagnosticSettings",
            "apiVersion": "2021-05-01-preview",
            "scope": on_the_gateway,
            "name": "[coalesce(tryGet(coalesce(parameters('diagnostics'), createArray())[copyIndex()], 'name'), 'd')]",
            "properties": {"copy": [{
                "name": "metrics",
                "count": "[length(coalesce(tryGet(parameters('diagnostics')[copyIndex()], 'metrics'), createArray(createObject('category', 'AllMetrics'))))]",
                "input": {"category": "[coalesce(tryGet(parameters('diagnostics')[copyIndex()], 'metrics'), createArray(createObject('category', 'AllMetrics')))[copyIndex('metrics')].category]", "timeGrain": null},
            }]},
            "dependsOn": ["gateway"],
        },
        "gateway_roles": {
            "copy": each("gateway_roles", "variables('formattedRoles')"),
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": "2022-04-01",
            "scope": on_the_gateway,
            "name": "[guid(resourceId('Microsoft.Network/applicationGateways', parameters('name')), variables('formattedRoles')[copyIndex()].principalId, variables('formattedRoles')[copyIndex()].roleId)]",
            "properties": {"roleDefinitionId": "[variables('formattedRoles')[copyIndex()].roleId]"},
            "dependsOn": ["gateway"],
        },
        "gateway_endpoints": {
            "copy": each("gateway_endpoints", "parameters('endpoints')"),
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2025-04-01",
            "name": "[format('{0}-{1}', uniqueString(deployment().name), copyIndex())]",
            "subscriptionId": "[split(coalesce(tryGet(parameters('endpoints')[copyIndex()], 'group'), resourceGroup().id), '/')[2]]",
            "resourceGroup": "[split(coalesce(tryGet(parameters('endpoints')[copyIndex()], 'group'), resourceGroup().id), '/')[4]]",
            "properties": {
                "expressionEvaluationOptions": {"scope": "inner"}, "mode": "Incremental",
                "parameters": {"name": {"value": "[parameters('endpoints')[copyIndex()].name]"}},
                "template": {"contentVersion": "1.0.0.0", "resources": {}, "outputs": {"name": {"type": "string", "value": "[parameters('name')]"}}},
            },
            "dependsOn": ["gateway"],
        },
    })
}

fn module() -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "metadata": {"_generator": {"name": "bicep", "version": "0.39.26.7824", "templateHash": "1"}},
        "definitions": definitions(),
        "parameters": parameters(),
        "variables": variables(),
        "resources": resources(),
        "outputs": {
            "resourceId": {"type": "string", "value": "[resourceId('Microsoft.Network/applicationGateways', parameters('name'))]"},
            "group": {"type": "string", "value": "[resourceGroup().name]"},
            "location": {"type": "string", "value": "[reference('gateway', '2025-01-01', 'full').location]"},
            "endpoints": {
                "type": "array",
                "items": {"type": "object"},
                "copy": {
                    "count": "[length(coalesce(parameters('endpoints'), createArray()))]",
                    "input": {"name": "[reference(format('gateway_endpoints[{0}]', copyIndex())).outputs.name.value]"},
                },
            },
        },
    })
}

/// Plans the module with these parameters beside the required ones.
fn planned(more: &Value) -> Result<Plan, Violations> {
    let mut parameters = json!({"name": {"value": "gw"}, "telemetry": {"value": false}});
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    plan_with(module(), parameters)
}

#[test]
fn a_module_deploys_its_gateway_and_shows_its_outputs() {
    let plan = planned(&json!({
        "identities": {"value": {"userAssigned": ["/id/a", "/id/b"]}},
        "autoscaleMin": {"value": 0}, "autoscaleMax": {"value": 3}, "tags": {"value": null}, "lock": {"value": null},
    }))
    .unwrap();
    assert_eq!(names(&plan), ["applicationGateways/gw"]);
    let body = now(plan.body(&plan.resources[0], &References::new()).unwrap());
    let expected = json!({
        "location": "westeurope",
        "tags": null,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/id/a": {}, "/id/b": {}}},
        "properties": {
            "autoscaleConfiguration": {"maxCapacity": 3, "minCapacity": 0},
            "probes": [],
            "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
            "enableHttp2": true,
        },
        "zones": ["1", "2"],
    });
    assert_eq!(body, expected);
    assert!(plan.foreign.is_empty());
    let gateway =
        (id("applicationGateways/gw").to_ascii_lowercase(), json!({"location": "here", "properties": {}}));
    let Ready::Now(Outputs { shown: outputs, .. }) = plan.outputs(&References::from([gateway])).unwrap()
    else {
        panic!()
    };
    assert_eq!((&outputs["location"]["value"], &outputs["endpoints"]["value"]), (&json!("here"), &json!([])));
}

#[test]
fn what_a_module_puts_on_its_gateway_is_deployed_after_it() {
    let plan = planned(&json!({
        "lock": {"value": {"kind": "ReadOnly"}},
        "diagnostics": {"value": [{}, {"name": "e", "metrics": [{"category": "x"}]}]},
        "roles": {"value": [{"role": "Reader", "principalId": "p"}]},
    }))
    .unwrap();
    let kinds: Vec<&str> = plan.resources.iter().map(|resource| resource.kind.as_str()).collect();
    let at = kinds.iter().position(|kind| *kind == "Microsoft.Network/applicationGateways").unwrap();
    for kind in [
        "Microsoft.Authorization/locks",
        "Microsoft.Insights/diagnosticSettings",
        "Microsoft.Authorization/roleAssignments",
    ] {
        let extension = plan.resources.iter().find(|resource| resource.kind == kind).unwrap();
        assert!(extension.depends_on.contains(&at), "{kind}: {:?}", extension.depends_on);
        assert!(extension.id.contains("/applicationGateways/gw/providers/"), "{}", extension.id);
    }
}
