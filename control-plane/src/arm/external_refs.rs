//! Resources outside a gateway's document to which the document refers.

use super::network::{FirewallPolicies, PublicAddresses, SubnetGroups};
use super::page::Pages;
use super::private_addresses::PrivateAddresses;

/// The known public IP addresses, firewall policies, security groups of subnets, and error pages. What references to
/// vaults stand for is stored with the document itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExternalRefs {
    /// The stored public IP addresses.
    pub(crate) addresses: PublicAddresses,
    /// The stored firewall policies.
    pub(crate) policies: FirewallPolicies,
    /// The network security groups of the stored subnets.
    pub(crate) subnet_groups: SubnetGroups,
    /// What is bound in place of private addresses.
    pub(crate) private: PrivateAddresses,
    /// The error pages that were fetched, now or for an earlier write.
    pub(crate) pages: Pages,
}

impl ExternalRefs {
    /// Adds the results of `pages`; newer results replace older ones.
    #[must_use]
    pub(crate) fn with(&self, pages: &Pages) -> ExternalRefs {
        ExternalRefs { pages: self.pages.with(pages), ..self.clone() }
    }
}
