//! Errors that name the holder of a port, an address or a subnet. A client whose scopes do not include the
//! holder learns only that there is one.

use super::{NetworkUseError, ResourceGroupError, ServiceError};
use crate::identity::access::Client;

/// The text in place of a holder that the client may not see.
const HIDDEN: &str = "a resource outside of your scopes";

impl ServiceError {
    /// Returns true if the message names resources that the request did not name.
    pub(crate) fn names_holders(&self) -> bool {
        matches!(
            self,
            ServiceError::PortTaken { .. }
                | ServiceError::ResourceGroup(ResourceGroupError::GroupInUse { .. })
                | ServiceError::NetworkUse(_)
        )
    }

    /// Returns the error as this client may see it, with holders outside of its scopes hidden; `None` if it can
    /// be shown unchanged.
    pub(crate) fn seen_by(&self, client: &Client) -> Option<ServiceError> {
        use NetworkUseError as N;
        let one = |id: &String| if client.sees(id) { id.clone() } else { HIDDEN.to_owned() };
        Some(match self {
            ServiceError::PortTaken { address, port, holder } => {
                ServiceError::PortTaken { address: address.clone(), port: *port, holder: one(holder) }
            }
            ServiceError::ResourceGroup(ResourceGroupError::GroupInUse { group, users }) => {
                ResourceGroupError::GroupInUse { group: group.clone(), users: seen(users, one) }.into()
            }
            ServiceError::NetworkUse(N::SubnetInUse { subnet, users }) => {
                let users = users.split(", ").map(str::to_owned).collect::<Vec<_>>();
                N::SubnetInUse { subnet: subnet.clone(), users: seen(&users, one).join(", ") }.into()
            }
            ServiceError::NetworkUse(N::PolicyInUse { policy, users }) => {
                let users = users.split(", ").map(str::to_owned).collect::<Vec<_>>();
                N::PolicyInUse { policy: policy.clone(), users: seen(&users, one).join(", ") }.into()
            }
            ServiceError::NetworkUse(N::AddressInUse { address, user }) => {
                N::AddressInUse { address: address.clone(), user: one(user) }.into()
            }
            ServiceError::NetworkUse(N::AddressSettled { address, user }) => {
                N::AddressSettled { address: address.clone(), user: one(user) }.into()
            }
            ServiceError::NetworkUse(N::AddressHeld { address, child, holder }) => {
                N::AddressHeld { address: address.clone(), child: child.clone(), holder: one(holder) }.into()
            }
            ServiceError::NetworkUse(N::AddressAllocated { address, holder }) => {
                N::AddressAllocated { address: *address, holder: one(holder) }.into()
            }
            _ => return None,
        })
    }
}

/// Returns the visible users, and one text for all others.
fn seen(users: &[String], one: impl Fn(&String) -> String) -> Vec<String> {
    let mut seen: Vec<String> = users.iter().map(one).collect();
    seen.sort_by_key(|user| user == HIDDEN);
    seen.dedup();
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::role::Role;
    use uuid::Uuid;

    #[test]
    fn a_holder_has_a_name_within_the_scopes_alone() {
        let scopes = vec!["/subscriptions/s/resourceGroups/mine".parse().unwrap()];
        let client = Client { app_id: Uuid::nil(), role: Role::Contributor, scopes };
        let gateway = |group: &str| {
            format!(
                "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/applicationGateways/gw"
            )
        };
        let (mine, other) = (gateway("mine"), gateway("first"));
        let errors = |holder: &str| -> Vec<ServiceError> {
            let (holder, own) = (holder.to_owned(), "own".to_owned());
            let users = vec![mine.clone(), holder.clone(), holder.clone()];
            vec![
                ServiceError::PortTaken { address: "public".into(), port: 80, holder: holder.clone() },
                ResourceGroupError::GroupInUse { group: own.clone(), users: users.clone() }.into(),
                NetworkUseError::SubnetInUse { subnet: own.clone(), users: users.join(", ") }.into(),
                NetworkUseError::PolicyInUse { policy: own.clone(), users: users.join(", ") }.into(),
                NetworkUseError::AddressInUse { address: own.clone(), user: holder.clone() }.into(),
                NetworkUseError::AddressSettled { address: own.clone(), user: holder.clone() }.into(),
                NetworkUseError::AddressHeld { address: own.clone(), child: own, holder }.into(),
            ]
        };
        for (seen, unseen) in errors(&mine).into_iter().zip(errors(&other)) {
            assert!(seen.names_holders() && unseen.to_string().contains("/first/"));
            let text = unseen.seen_by(&client).unwrap().to_string();
            assert!(text.contains(HIDDEN) && !text.contains("/first/"), "{text}");
            let text = seen.seen_by(&client).unwrap().to_string();
            assert!(text.contains(&mine) && !text.contains(HIDDEN), "{text}");
        }
        assert!(ServiceError::PreconditionFailed.seen_by(&client).is_none());
    }
}
