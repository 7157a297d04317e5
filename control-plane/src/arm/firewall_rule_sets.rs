//! The rule sets of Azure's web application firewall, with their groups and rules: a table that clients list
//! and to which policies refer. No worker executes the rules yet.

use std::fmt;
use std::sync::LazyLock;

/// The table; its head describes the lines.
static TABLE: &str = include_str!("firewall_rule_sets.txt");

/// All rule sets, each type from its oldest version to its newest.
pub(crate) static RULE_SETS: LazyLock<Vec<RuleSet>> = LazyLock::new(read);

/// The type and version of the rule set that Azure proposes for new policies.
pub(crate) const DEFAULT_RULE_SET: (&str, &str) = ("OWASP", "3.2");

/// A version of a rule set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleSet {
    /// The type, such as `OWASP`.
    pub(crate) kind: &'static str,
    /// The version, such as `3.2`.
    pub(crate) version: &'static str,
    /// The tiers of gateways that support it.
    pub(crate) tiers: Vec<&'static str>,
    /// `Preview`, `GA`, `Supported` or `Deprecated`.
    pub(crate) status: &'static str,
    /// The groups.
    pub(crate) groups: Vec<RuleGroup>,
    /// The names of groups that Azure accepts beside the listed ones.
    also: Vec<&'static str>,
}

/// A group of a rule set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleGroup {
    /// The name.
    pub(crate) name: &'static str,
    /// The action of its rules, as ARM names it; `None` if Azure does not say.
    pub(crate) action: Option<&'static str>,
    /// The rules.
    pub(crate) rules: Vec<Rule>,
}

/// A rule of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    /// The number.
    pub(crate) id: u32,
    /// True if the rule is on by default.
    pub(crate) enabled: bool,
}

impl RuleSet {
    /// Returns whether policies with the rule set have the settings that came with OWASP 3.2.
    pub(crate) fn is_modern(&self) -> bool {
        match self.kind {
            "OWASP" => self.version == "3.2",
            kind => kind == "Microsoft_DefaultRuleSet",
        }
    }
}

impl fmt::Display for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.version)
    }
}

/// Finds a rule set by type, ignoring case, and version.
pub(crate) fn find(kind: &str, version: &str) -> Option<&'static RuleSet> {
    RULE_SETS.iter().find(|set| set.kind.eq_ignore_ascii_case(kind) && set.version == version)
}

/// Returns whether some rule set has a group of that name, ignoring case. The names of groups differ between
/// Azure's documents, so a policy may name the group of another version.
pub(crate) fn is_group(name: &str) -> bool {
    let names =
        |set: &'static RuleSet| set.groups.iter().map(|group| group.name).chain(set.also.iter().copied());
    RULE_SETS.iter().flat_map(names).any(|known| known.eq_ignore_ascii_case(name))
}

fn read() -> Vec<RuleSet> {
    let mut sets: Vec<RuleSet> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match (&words[..], sets.last_mut()) {
            (["set", kind, version, tiers, status], _) => sets.push(RuleSet {
                kind,
                version,
                tiers: tiers.split(',').collect(),
                status,
                groups: Vec::new(),
                also: Vec::new(),
            }),
            (["also", names @ ..], Some(set)) => set.also.extend_from_slice(names),
            ([name, action, rules @ ..], Some(set)) => set.groups.push(RuleGroup {
                name,
                action: action_name(action),
                rules: rules.iter().filter_map(|rule| read_rule(rule)).collect(),
            }),
            _ => {}
        }
    }
    sets
}

fn action_name(word: &str) -> Option<&'static str> {
    match word {
        "score" => Some("AnomalyScoring"),
        "block" => Some("Block"),
        "allow" => Some("Allow"),
        "log" => Some("Log"),
        _ => None,
    }
}

fn read_rule(word: &str) -> Option<Rule> {
    let id = word.trim_start_matches('-').parse().ok()?;
    Some(Rule { id, enabled: !word.starts_with('-') })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_read_as_a_whole() {
        let sets: Vec<String> = RULE_SETS.iter().map(RuleSet::to_string).collect();
        assert_eq!(
            sets,
            [
                "OWASP 2.2.9",
                "OWASP 3.0",
                "OWASP 3.1",
                "OWASP 3.2",
                "Microsoft_DefaultRuleSet 2.1",
                "Microsoft_DefaultRuleSet 2.2",
                "Microsoft_BotManagerRuleSet 0.1",
                "Microsoft_BotManagerRuleSet 1.0",
                "Microsoft_BotManagerRuleSet 1.1",
                "Microsoft_HTTPDDoSRuleSet 1.0",
            ]
        );
        let other = ["#", "set ", "also "];
        let groups = TABLE.lines().filter(|line| !other.iter().any(|start| line.starts_with(start)));
        let numbers = groups.flat_map(|line| line.split_whitespace().skip(2));
        let rules = || RULE_SETS.iter().flat_map(|set| &set.groups).flat_map(|group| &group.rules);
        assert_eq!(numbers.count(), rules().count());
        for set in RULE_SETS.iter() {
            let ids: Vec<u32> =
                set.groups.iter().flat_map(|group| &group.rules).map(|rule| rule.id).collect();
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{set} has a rule twice");
            assert!(["Preview", "GA", "Supported", "Deprecated"].contains(&set.status), "{set}");
        }
        // In the newest default rule set, the rules of the second paranoia level are off.
        let off =
            |set: &RuleSet| set.groups.iter().flat_map(|g| &g.rules).filter(|rule| !rule.enabled).count();
        for set in RULE_SETS.iter() {
            let expected = match (set.kind, set.version) {
                ("Microsoft_DefaultRuleSet", "2.1") => 5,
                ("Microsoft_DefaultRuleSet", "2.2") => 83,
                _ => 0,
            };
            assert_eq!(off(set), expected, "{set}");
        }
    }

    #[test]
    fn sets_and_groups_are_found_ignoring_case() {
        let (kind, version) = DEFAULT_RULE_SET;
        assert!(find(&kind.to_lowercase(), version).is_some_and(RuleSet::is_modern));
        assert!(!find("OWASP", "3.1").is_some_and(RuleSet::is_modern));
        assert!(find("owasp", "4.0").is_none() && find("other", "3.2").is_none());
        assert!(is_group("known-cves") && is_group("APPLICATION-ATTACK-XSS") && !is_group("REQUEST-999"));
    }
}
