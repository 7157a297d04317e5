//! The protection on which a document relies and that no worker provides: web application firewalls, and
//! network security groups of the gateway's subnet. Pure.
//!
//! A gateway that silently lacked its protection would be worse than one that is refused. So the operator
//! decides whether such documents are accepted, and whoever writes one is told.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::document::{Document, PolicyReference};
use crate::arm::external_refs::ExternalRefs;
use crate::arm::gateway::{FirewallConfiguration, FirewallMode, Member};
use crate::arm::network::{FirewallPolicy, NetworkKind, NetworkPath, Subnet, SubnetGroups, VirtualNetwork};
use crate::violation::{Violations, code};

/// The collections of the children that name the subnets of a gateway.
const IN_SUBNETS: [&str; 2] = ["gatewayIPConfigurations", "frontendIPConfigurations"];

/// The treatment of a document that relies on protection that no worker provides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnservedProtection {
    /// The document is refused.
    #[default]
    Refuse,
    /// It is accepted, and the response has a warning.
    Warn,
}

/// The text is neither `refuse` nor `warn`.
#[derive(Debug, Error)]
#[error("expected `refuse` or `warn`")]
pub struct UnservedProtectionError;

/// Protection that a document relies on and that no worker provides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The JSON path in the document that was written.
    target: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The configuration of the gateway's own firewall.
    Configuration(FirewallMode),
    /// A policy.
    Policy {
        /// The resource ID.
        policy: String,
        mode: FirewallMode,
    },
    /// A tier with a firewall, without any configuration of it.
    Unconfigured,
    /// The network security group of a subnet.
    SecurityGroup {
        /// The resource ID of the subnet.
        subnet: String,
        /// The resource ID of the group.
        group: String,
    },
}

/// Returns the gaps of a gateway. Targets are paths within its document.
pub(crate) fn of_gateway(document: &Document, refs: &ExternalRefs) -> Vec<Gap> {
    let policies = document.policy_references();
    let mut gaps = of_configuration(document, &policies);
    for PolicyReference { target, policy, .. } in policies {
        if let Some(mode) = refs.policies.get(&policy).and_then(|facts| facts.mode) {
            gaps.push(Gap { target, kind: Kind::Policy { policy, mode } });
        }
    }
    gaps.extend(of_subnets(document, &refs.subnet_groups));
    gaps
}

/// Returns the gaps that a network resource with this canonical body causes for the gateways that refer to
/// it: `sources` are the resource IDs of their referring parts, each with what it refers to. Targets are
/// paths within the body.
pub(crate) fn of_resource<'a>(
    path: &NetworkPath,
    body: &Map<String, Value>,
    sources: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<Gap> {
    match path.kind {
        NetworkKind::PublicAddress => Vec::new(),
        NetworkKind::FirewallPolicy => {
            if sources.count() > 0 {
                of_policy(path, body).into_iter().collect()
            } else {
                Vec::new()
            }
        }
        NetworkKind::VirtualNetwork => {
            let used: Vec<String> = sources.map(|(_, target)| target.to_ascii_lowercase()).collect();
            let subnets = VirtualNetwork::typed(body).properties.subnets.into_iter().enumerate();
            let gap = |(i, subnet): (usize, Member<Subnet>)| {
                let group = subnet.properties.network_security_group?.id.filter(|id| !id.is_empty())?;
                let id = path.subnet_id(&subnet.name);
                let target = format!("properties.subnets[{i}].properties.networkSecurityGroup");
                let kind = Kind::SecurityGroup { subnet: id.clone(), group };
                used.contains(&id.to_ascii_lowercase()).then_some(Gap { target, kind })
            };
            subnets.filter_map(gap).collect()
        }
    }
}

/// Returns the gap that a firewall policy would be for a gateway; `None` if the policy is disabled.
pub(crate) fn of_policy(path: &NetworkPath, body: &Map<String, Value>) -> Option<Gap> {
    let kind = Kind::Policy { policy: path.to_string(), mode: FirewallPolicy::typed(body).mode()? };
    Some(Gap { target: "properties.policySettings.mode".to_owned(), kind })
}

/// The firewall of the gateway itself. A policy has precedence over a configuration.
fn of_configuration(document: &Document, policies: &[PolicyReference]) -> Vec<Gap> {
    let property = |name: &str| document.body.get("properties")?.get(name).cloned();
    let typed = property("webApplicationFirewallConfiguration").map(serde_json::from_value);
    let configuration: Option<FirewallConfiguration> = typed.and_then(Result::ok);
    let own = policies.iter().any(|reference| reference.target == "properties.firewallPolicy");
    let gap = |target: &str, kind| vec![Gap { target: target.to_owned(), kind }];
    match configuration {
        Some(configuration) if !own => configuration.mode().map_or_else(Vec::new, |mode| {
            gap("properties.webApplicationFirewallConfiguration", Kind::Configuration(mode))
        }),
        None if policies.is_empty() => {
            let sku = property("sku").unwrap_or_default();
            let is_firewall = |name: &str| sku[name].as_str().is_some_and(|text| text.starts_with("WAF"));
            if is_firewall("name") || is_firewall("tier") {
                gap("properties.sku", Kind::Unconfigured)
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

fn of_subnets(document: &Document, groups: &SubnetGroups) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for name in IN_SUBNETS {
        let children = document.children.iter().filter(|child| child.collection.name == name);
        for (i, child) in children.enumerate() {
            let subnet = child.properties.get("subnet").and_then(|subnet| subnet["id"].as_str());
            let Some((subnet, group)) = subnet.and_then(|subnet| Some((subnet, groups.get(subnet)?))) else {
                continue;
            };
            let target = format!("properties.{name}[{i}].properties.subnet");
            let kind = Kind::SecurityGroup { subnet: subnet.to_owned(), group: group.to_owned() };
            // The subnet is usually the same for all of them.
            if gaps.iter().all(|gap| gap.kind != kind) {
                gaps.push(Gap { target, kind });
            }
        }
    }
    gaps
}

impl Gap {
    /// Returns whether requests or connections pass that Azure would stop.
    pub(crate) fn lets_pass(&self) -> bool {
        match &self.kind {
            Kind::Configuration(mode) | Kind::Policy { mode, .. } => *mode == FirewallMode::Prevention,
            Kind::Unconfigured => false,
            Kind::SecurityGroup { .. } => true,
        }
    }

    /// Returns whether the gap is in the part of the document at `target`.
    pub(crate) fn is_within(&self, target: &str) -> bool {
        self.target.strip_prefix(target).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The protection that is not enforced, and the consequence.
    pub(crate) fn reason(&self) -> String {
        let inspects = |what: &str, mode: FirewallMode| match mode {
            FirewallMode::Prevention => format!(
                "{what} is in Prevention mode, but Tidegate does not inspect requests: attacks that Azure blocks reach \
                 the backends."
            ),
            FirewallMode::Detection => format!(
                "{what} is in Detection mode, but Tidegate does not inspect requests: attacks are not logged."
            ),
        };
        match &self.kind {
            Kind::Configuration(mode) => inspects("The web application firewall of the gateway", *mode),
            Kind::Policy { policy, mode } => inspects(&format!("The firewall policy {policy}"), *mode),
            Kind::Unconfigured => {
                "The SKU has a web application firewall, which is neither configured nor has a policy: \
                 nothing is inspected, and Azure refuses such a gateway."
                    .to_owned()
            }
            Kind::SecurityGroup { subnet, group } => format!(
                "The network security group {group} of the gateway's subnet {subnet} is not enforced: clients that it \
                 keeps away in Azure reach the gateway."
            ),
        }
    }

    /// The advice after a refusal.
    fn advice(&self) -> &'static str {
        match &self.kind {
            Kind::SecurityGroup { .. } => {
                "Filter connections with the firewall of the workers' machines. Then remove the reference to the group, \
                 or start Tidegate with '--unserved-protection warn' to accept the gateway without this protection."
            }
            _ => {
                "Set the mode to 'Detection' or the state to 'Disabled', or start Tidegate with '--unserved-protection \
                 warn' to accept the gateway without this protection."
            }
        }
    }
}

impl UnservedProtection {
    /// Makes a violation or a warning of each gap.
    pub(crate) fn judge(self, gaps: &[Gap], violations: &mut Violations) {
        for gap in gaps {
            let (reason, target) = (gap.reason(), gap.target.as_str());
            if self == UnservedProtection::Refuse && gap.lets_pass() {
                violations.push(code::PROTECTION, target, format!("{reason} {}", gap.advice()));
            } else {
                violations.warn(code::PROTECTION, target, reason);
            }
        }
    }
}

impl FromStr for UnservedProtection {
    type Err = UnservedProtectionError;

    fn from_str(text: &str) -> Result<UnservedProtection, UnservedProtectionError> {
        match text {
            "refuse" => Ok(UnservedProtection::Refuse),
            "warn" => Ok(UnservedProtection::Warn),
            _ => Err(UnservedProtectionError),
        }
    }
}

impl fmt::Display for UnservedProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnservedProtection::Refuse => "refuse",
            UnservedProtection::Warn => "warn",
        })
    }
}

#[cfg(test)]
mod tests;
