"""Web application firewall policies with azure-cli, and a gateway that relies on one."""

import json

from az import GROUP, NOT_FOUND, ag, az, child, refused

POLICY = "policy"
NOT_ENFORCED = "ApplicationGatewayProtectionNotEnforced"
DETECTION = "--enabled true --firewall-mode Detection --rule-set-version 3.2"


def policy(verb: str, arguments: str = ""):
    """Runs a command on the policy."""
    return az(f"network application-gateway waf-policy {verb} --resource-group {GROUP} --name {POLICY} {arguments}")


def part(kind: str, arguments: str = ""):
    """Runs a command on a part of the policy."""
    names = f"--resource-group {GROUP} --policy-name {POLICY}"
    return az(f"network application-gateway waf-policy {kind} {names} {arguments}")


def write_a_policy():
    made = policy("create", "--type OWASP --version 3.2")
    assert made["provisioningState"] == "Succeeded", made
    assert made["policySettings"]["state"] == "Disabled", made

    rule = "--name rule --priority 10 --rule-type MatchRule --action Block"
    part("custom-rule create", rule)
    condition = "--match-variables RequestHeaders.User-Agent --operator Contains --values bot --transforms Lowercase"
    part("custom-rule match-condition add", f"--name rule {condition}")
    shown = part("custom-rule show", "--name rule")
    assert shown["matchConditions"][0]["matchVariables"][0]["selector"] == "User-Agent", shown
    part("custom-rule update", "--name rule --priority 20")
    assert [rule["priority"] for rule in part("custom-rule list")] == [20]

    part("managed-rule rule-set add", "--type Microsoft_BotManagerRuleSet --version 1.1")
    override = "--group-name REQUEST-921-PROTOCOL-ATTACK --rule rule-id=921120 --rule rule-id=921110"
    part("managed-rule rule-set update", f"--type OWASP --version 3.2 {override}")
    rules = part("managed-rule rule-set list")["managedRuleSets"]
    assert [one["ruleSetType"] for one in rules] == ["OWASP", "Microsoft_BotManagerRuleSet"], rules
    assert len(rules[0]["ruleGroupOverrides"][0]["rules"]) == 2, rules
    exclusion = "--match-variable RequestHeaderNames --selector-match-operator StartsWith --selector x-"
    part("managed-rule exclusion add", exclusion)
    assert len(part("managed-rule exclusion list")["exclusions"]) == 1

    part("policy-setting update", "--state Enabled --mode Detection --max-request-body-size-in-kb 256")
    settings = part("policy-setting list")
    assert (settings["mode"], settings["maxRequestBodySizeInKb"]) == ("Detection", 256), settings
    listed = az(f"network application-gateway waf-policy list --resource-group {GROUP}")
    assert [one["name"] for one in listed] == [POLICY], listed
    refusal = refused(lambda: part("custom-rule update", "--name rule --priority 2000"))
    assert "Supported range is [1, 100]" in refusal.error, refusal


def list_rule_sets():
    sets = az("network application-gateway waf-config list-rule-sets --type OWASP --version 3.2 --group '*'")
    assert "942100" in json.dumps(sets), sets


def rely_on_a_firewall():
    """Checks that protection in Prevention mode is refused with the option that would accept it."""
    refusal = refused(lambda: child("waf-config", "set", DETECTION))
    assert "ApplicationGatewayFirewallCannotBeEnabledForSelectedSku" in refusal.error, refusal
    ag("update --set sku.name=WAF_v2 sku.tier=WAF_v2")
    child("waf-config", "set", f"{DETECTION} --disabled-rules 942100")
    shown = child("waf-config", "show")
    assert shown["disabledRuleGroups"][0]["rules"] == [942100], shown
    refusal = refused(lambda: child("waf-config", "set", DETECTION.replace("Detection", "Prevention")))
    assert NOT_ENFORCED in refusal.error and "--unserved-protection warn" in refusal.error, refusal

    policy_id = policy("show")["id"]
    ag(f"update --set firewallPolicy.id={policy_id}")
    assert policy("show")["applicationGateways"][0]["id"] == ag("show")["id"]
    refusal = refused(lambda: policy("delete"))
    assert "InUseCannotBeDeleted" in refusal.error, refusal
    refusal = refused(lambda: part("policy-setting update", "--mode Prevention"))
    assert NOT_ENFORCED in refusal.error, refusal

    ag("update --remove firewallPolicy --remove webApplicationFirewallConfiguration"
       " --set sku.name=Standard_v2 sku.tier=Standard_v2")
    policy("delete")
    assert refused(lambda: policy("show")).code == NOT_FOUND
