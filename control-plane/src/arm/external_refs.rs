//! Resources outside a gateway's document to which the document refers.

use super::network::PublicAddresses;
use super::page::Pages;

/// The known public IP addresses and error pages. Other references (subnets, Key Vault secrets) are not
/// resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExternalRefs {
    /// The stored public IP addresses.
    pub(crate) addresses: PublicAddresses,
    /// The error pages that were fetched, now or for an earlier write.
    pub(crate) pages: Pages,
}

impl ExternalRefs {
    /// Adds the results of `pages`; newer results replace older ones.
    #[must_use]
    pub(crate) fn with(&self, pages: &Pages) -> ExternalRefs {
        ExternalRefs { addresses: self.addresses.clone(), pages: self.pages.with(pages) }
    }
}
