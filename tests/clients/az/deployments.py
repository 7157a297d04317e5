"""Deployments with azure-cli: to a group and to a subscription, nested as Bicep compiles modules, and an export."""

import json
import pathlib
import tempfile

from az import az, refused

GROUP = "az-deployments"
ZONE = "az-zone"
SCHEMA = "https://schema.management.azure.com/schemas/{}#"


def template(resources: list, kind: str = "2019-04-01/deploymentTemplate.json", **parts) -> dict:
    return {"$schema": SCHEMA.format(kind), "contentVersion": "1.0.0.0", "resources": resources, **parts}


def address(name: str) -> dict:
    return {
        "type": "Microsoft.Network/publicIPAddresses",
        "apiVersion": "2023-09-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": {"publicIPAllocationMethod": "Static"},
    }


def module(name: str, inner: dict, **place) -> dict:
    properties = {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": inner}
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": name,
        "properties": properties,
        **place,
    }


def named_address() -> dict:
    """A module with an address that it names in an output."""
    value = "[resourceId('Microsoft.Network/publicIPAddresses', 'inner')]"
    return template([address("inner")], outputs={"id": {"type": "string", "value": value}})


def to_a_group(directory: pathlib.Path):
    az(f"group create --name {GROUP} --location local")
    output = {"type": "string", "value": "[reference('module').outputs.id.value]"}
    file = directory / "group.json"
    file.write_text(json.dumps(template([module("module", named_address())], outputs={"id": output})))
    arguments = f"--resource-group {GROUP} --name main --template-file {file}"
    assert az(f"deployment group validate {arguments}")["properties"]["provisioningState"] == "Succeeded"
    foreseen = az(f"deployment group what-if {arguments} --no-pretty-print")
    assert [change["changeType"] for change in foreseen["changes"]] == ["Create"], foreseen
    made = az(f"deployment group create {arguments}")["properties"]
    assert made["provisioningState"] == "Succeeded" and made["outputs"]["id"]["value"].endswith("/inner"), made
    names = {deployment["name"] for deployment in az(f"deployment group list --resource-group {GROUP}")}
    assert names == {"main", "module"}, names
    operations = az(f"deployment operation group list --resource-group {GROUP} --name main")
    assert operations[0]["properties"]["targetResource"]["resourceName"] == "module", operations
    # The address is in the group, but no more in the template.
    file.write_text(json.dumps(template([address("outer")])))
    foreseen = az(f"deployment group what-if {arguments} --mode Complete --no-pretty-print")
    changes = {change["resourceId"].rsplit("/", 1)[1]: change["changeType"] for change in foreseen["changes"]}
    assert changes == {"inner": "Delete", "outer": "Create"}, changes
    az(f"deployment group create {arguments} --mode Complete")
    left = [resource["name"] for resource in az(f"resource list --resource-group {GROUP}")]
    assert left == ["outer"], left


def to_a_subscription(directory: pathlib.Path):
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2022-09-01",
        "name": ZONE,
        "location": "[deployment().location]",
    }
    depends_on = [f"[subscriptionResourceId('Microsoft.Resources/resourceGroups', '{ZONE}')]"]
    resources = [group, module("inside", named_address(), resourceGroup=ZONE, dependsOn=depends_on)]
    file = directory / "subscription.json"
    file.write_text(json.dumps(template(resources, "2018-05-01/subscriptionDeploymentTemplate.json")))
    arguments = f"--location local --name zone --template-file {file}"
    assert az(f"deployment sub validate {arguments}")["properties"]["provisioningState"] == "Succeeded"
    foreseen = az(f"deployment sub what-if {arguments} --no-pretty-print")
    assert [change["changeType"] for change in foreseen["changes"]] == ["Create", "Create"], foreseen
    made = az(f"deployment sub create {arguments}")
    assert made["properties"]["provisioningState"] == "Succeeded" and made["location"] == "local", made
    assert az("deployment sub show --name zone")["name"] == "zone"
    assert az(f"network public-ip show --resource-group {ZONE} --name inner")["name"] == "inner"
    az("deployment sub delete --name zone")


def export(directory: pathlib.Path):
    exported = az(f"group export --name {GROUP} --include-parameter-default-value")
    file = directory / "exported.json"
    file.write_text(json.dumps(exported))
    made = az(f"deployment group create --resource-group {ZONE} --name again --template-file {file}")
    assert made["properties"]["provisioningState"] == "Succeeded", made
    assert az(f"network public-ip show --resource-group {ZONE} --name outer")["name"] == "outer"


def deploy():
    """Deploys to groups of their own, and deletes them."""
    with tempfile.TemporaryDirectory() as directory:
        for step in (to_a_group, to_a_subscription, export):
            step(pathlib.Path(directory))
    for group in (GROUP, ZONE):
        az(f"group delete --name {group} --yes")
        refused(lambda group=group: az(f"group show --name {group}"))
