"""The table of `azurerm_web_application_firewall_policy`, after its schema and its functions."""

from network import LOCATION, TAGS
from schema import FLAG, NUMBER, TEXT, Attribute, Block, Reference, Texts, Translated, read_list

SEGMENT = "applicationGatewayWebApplicationFirewallPolicies"


class PolicyReference(Reference):
    """The ID of a policy. Its type is read in any case, because Azure begins it with a capital letter."""

    def read(self, json, context):
        *begin, type, name = super().read(json, context).split("/") if json else ["", ""]
        return "/".join([*begin, SEGMENT if type.lower() == SEGMENT.lower() else type, name]) if name else ""


def state(name: str, path: str = "state", **more) -> Attribute:
    """A flag that is sent as a word."""
    codec = Translated(lambda on: "Enabled" if on else "Disabled", lambda json: json == "Enabled", False)
    return Attribute(name, path, codec, always=True, **more)


def text(name: str, path: str, **more) -> Attribute:
    return Attribute(name, path, TEXT, **more)


CONDITIONS = Block(
    Attribute("match_values", "matchValues", Texts(), always=True),
    Attribute("match_variables", "matchVariables", Block(
        text("variable_name", "variableName"),
        text("selector", "selector", always=True),
    )),
    text("operator", "operator"),
    Attribute("negation_condition", "negationConditon", FLAG, always=True),
    # Without a transformation, the provider sends null.
    Attribute("transforms", "transforms", Translated(lambda them: them or None, read_list, []), always=True),
)  # fmt: skip

GROUP_BY = Translated(
    lambda name: [{"groupByVariables": [{"variableName": name}]}],
    lambda json: json[0]["groupByVariables"][0]["variableName"] if json else "",
    "",
)

RULES = Block(
    text("name", "name", always=True),
    text("action", "action"),
    state("enabled", default=True),
    Attribute("match_conditions", "matchConditions", CONDITIONS, always=True),
    Attribute("priority", "priority", NUMBER, always=True),
    text("rule_type", "ruleType"),
    text("rate_limit_duration", "rateLimitDuration"),
    Attribute("rate_limit_threshold", "rateLimitThreshold", NUMBER),
    Attribute("group_rate_limit_by", "groupByUserSession", GROUP_BY),
)

SCRUBBING = Block(
    state("enabled", default=True),
    Attribute("rule", "scrubbingRules", Block(
        state("enabled", default=True),
        text("match_variable", "matchVariable"),
        text("selector_match_operator", "selectorMatchOperator", default="Equals"),
        text("selector", "selector", always=True),
    )),
    many=False,
)  # fmt: skip

SETTINGS = Block(
    state("enabled", default=True),
    text("mode", "mode", default="Prevention"),
    Attribute("request_body_check", "requestBodyCheck", FLAG, default=True, always=True),
    Attribute("request_body_enforcement", "requestBodyEnforcement", FLAG, default=True, always=True),
    Attribute("file_upload_enforcement", "fileUploadEnforcement", FLAG, always=True, computed=True),
    Attribute("max_request_body_size_in_kb", "maxRequestBodySizeInKb", NUMBER, default=128),
    Attribute("file_upload_limit_in_mb", "fileUploadLimitInMb", NUMBER, default=100),
    Attribute("log_scrubbing", "logScrubbing", SCRUBBING),
    Attribute("request_body_inspect_limit_in_kb", "requestBodyInspectLimitInKB", NUMBER, default=128),
    Attribute("js_challenge_cookie_expiration_in_minutes", "jsChallengeCookieExpirationInMins",
              Translated(int, lambda json: json or 30, 0), default=30),
    many=False,
)  # fmt: skip

EXCLUSIONS = Block(
    text("match_variable", "matchVariable"),
    text("selector", "selector"),
    text("selector_match_operator", "selectorMatchOperator"),
    Attribute("excluded_rule_set", "exclusionManagedRuleSets", Block(
        text("type", "ruleSetType", default="OWASP"),
        text("version", "ruleSetVersion", default="3.2"),
        Attribute("rule_group", "ruleGroups", Block(
            text("rule_group_name", "ruleGroupName"),
            Attribute("excluded_rules", "rules", Translated(
                lambda them: [{"ruleId": one} for one in them],
                lambda json: [one["ruleId"] for one in read_list(json)],
                [],
            )),
        ), always=True),
    ), always=True),
)  # fmt: skip

OVERRIDES = Block(
    text("rule_group_name", "ruleGroupName"),
    Attribute("rule", "rules", Block(
        text("id", "ruleId"),
        state("enabled"),
        text("action", "action"),
    )),
)  # fmt: skip

RULE_SETS = Block(
    text("type", "ruleSetType", default="OWASP"),
    text("version", "ruleSetVersion"),
    Attribute("rule_group_override", "ruleGroupOverrides", OVERRIDES, always=True),
)

POLICY = (
    LOCATION,
    TAGS,
    Attribute("custom_rules", "properties.customRules", RULES, always=True),
    Attribute("policy_settings", "properties.policySettings", SETTINGS),
    Attribute("managed_rules", "properties.managedRules", Block(
        Attribute("exclusion", "exclusions", EXCLUSIONS, always=True),
        Attribute("managed_rule_set", "managedRuleSets", RULE_SETS, always=True),
        many=False,
    )),
)  # fmt: skip
