//! Web application firewall policies.

use serde_json::Value;

use super::{NetworkError, check_head, settle};
use crate::arm::network::{FirewallPolicy, NetworkKind, NetworkPath};
use crate::compile::check_firewall_policy;
use crate::document_rules::UnknownProperties;
use crate::store::{NetworkDecision, NetworkResource, User};
use crate::violation::{Violations, Warnings};

/// Decides about a PUT.
pub(super) fn put(
    path: &NetworkPath,
    sent: Value,
    unknown: UnknownProperties,
    stored: Option<&NetworkResource>,
) -> Result<(NetworkDecision, Warnings), NetworkError> {
    let mut violations = Violations::default();
    let body = FirewallPolicy::read(sent, &mut violations);
    check_head(path, &body, stored, &mut violations);
    let mut found = Violations::default();
    check_firewall_policy(&body, &mut found);
    violations.absorb(found);
    settle(body, stored, unknown, violations)
}

/// Rejects the deletion of a policy in use.
pub(super) fn check_delete(policy: &NetworkResource, users: &[User]) -> Result<(), NetworkError> {
    if policy.path.kind != NetworkKind::FirewallPolicy || users.is_empty() {
        return Ok(());
    }
    let users: Vec<&str> = users.iter().map(|user| user.source.as_str()).collect();
    Err(NetworkError::PolicyInUse { policy: policy.path.to_string(), users: users.join(", ") })
}
