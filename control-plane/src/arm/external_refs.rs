//! What a gateway's document refers to outside of itself, as far as it is known here.

use super::network::PublicAddresses;
use super::page::Pages;

/// The public IP addresses and pages that a document may refer to. It may refer to others: those are not examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalRefs {
    /// The stored public IP addresses.
    pub addresses: PublicAddresses,
    /// The error pages that were fetched, now or for an earlier write.
    pub pages: Pages,
}

impl ExternalRefs {
    /// The same, with what came of pages since.
    #[must_use]
    pub fn with(&self, pages: &Pages) -> ExternalRefs {
        ExternalRefs { addresses: self.addresses.clone(), pages: self.pages.with(pages) }
    }
}
