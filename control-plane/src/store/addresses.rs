//! Which address belongs to which public IP address and to which gateway. An address of a pool is given out in the
//! transaction of the write that needs it, and stays until its owner is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tidegate_shared::id::GatewayId;

use crate::addresses::{AddressPlan, Family};
use crate::arm::network::{NetworkKind, NetworkPath, PublicAddress};
use crate::arm::page::Pages;
use crate::arm::private_addresses::PrivateAddresses;

use super::database::Connection;
use super::{NetworkResource, Store, StoreError, StoredRefs, rows};

impl Store {
    /// Sets the decisions of the operator about addresses.
    pub(crate) fn with_addresses(self, addresses: AddressPlan) -> Store {
        Store { addresses, ..self }
    }

    /// The decisions of the operator about addresses.
    pub(crate) fn address_plan(&self) -> &AddressPlan {
        &self.addresses
    }

    /// Returns what is needed to compile a gateway with these network resources and error pages.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn refs_with(
        &self,
        resources: Vec<NetworkResource>,
        pages: Pages,
        gateway: Option<GatewayId>,
    ) -> Result<StoredRefs, StoreError> {
        let mut view = self.database.view().await?;
        let private = self.private_addresses(&mut view, gateway).await?;
        Ok(StoredRefs { resources, pages, private })
    }

    /// Returns the address that a new public IP address would get now, if no other one is created before. `others` are
    /// addresses that others would get before.
    ///
    /// # Errors
    /// [`StoreError::PoolExhausted`], or if the database fails.
    pub(crate) async fn next_public_address(
        &self,
        family: Family,
        others: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Option<IpAddr>, StoreError> {
        if !self.addresses.public_pool.serves(family) {
            return Ok(None);
        }
        let mut taken = taken_addresses(&mut *self.database.reader().await?).await?;
        taken.extend(others);
        self.free_public_address(family, &taken).map(Some)
    }

    /// Gives the stored public IP addresses without an address one of the pool, except for those that a gateway uses:
    /// their frontends would move. Returns the paths of all that have an address of another pool.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn allocate_missing_addresses(&self) -> Result<Vec<(NetworkPath, IpAddr)>, StoreError> {
        let pool = &self.addresses.public_pool;
        let mut foreign = Vec::new();
        if pool.is_empty() {
            return Ok(foreign);
        }
        let mut transaction = self.begin().await?;
        for path in rows::network_resources::paths(&mut transaction, NetworkKind::PublicAddress).await? {
            let found = rows::network_resources::find(&mut transaction, &path).await;
            let mut resource = match found {
                Ok(Some(resource)) => resource,
                // A request for the address itself returns the error.
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return transaction.undo(Err(error)).await,
            };
            if let Some(address) = resource.allocated {
                if !pool.contains(address) {
                    foreign.push((path, address));
                }
                continue;
            }
            let (address, family) = PublicAddress::with_family(&resource.body);
            let users = rows::network_references::list_users(&mut transaction, &path).await?;
            if address.is_some() || !users.is_empty() || !pool.serves(family) {
                continue;
            }
            let taken = taken_addresses(&mut transaction).await?;
            let Some(free) = pool.free(family, &taken) else { continue };
            resource.allocated = Some(free);
            rows::network_resources::update_addresses(&mut transaction, &resource, None).await?;
        }
        transaction.commit().await?;
        Ok(foreign)
    }

    /// Returns what is bound in place of the private addresses of a stored gateway.
    pub(super) async fn bound_addresses(
        &self,
        connection: &mut Connection,
        gateway: GatewayId,
    ) -> Result<PrivateAddresses, StoreError> {
        let held = rows::private_addresses::list(connection, gateway).await?.into_iter().collect();
        Ok(PrivateAddresses { map: self.addresses.map.clone(), held, ..PrivateAddresses::default() })
    }

    /// Returns the same for a gateway that may be new, with the next free addresses of the pool.
    pub(super) async fn private_addresses(
        &self,
        connection: &mut Connection,
        gateway: Option<GatewayId>,
    ) -> Result<PrivateAddresses, StoreError> {
        let bound = match gateway {
            Some(gateway) => self.bound_addresses(connection, gateway).await?,
            None => PrivateAddresses { map: self.addresses.map.clone(), ..PrivateAddresses::default() },
        };
        let pool = &self.addresses.private_pool;
        if pool.is_empty() {
            return Ok(bound);
        }
        // A valid gateway has at most one private frontend of each family.
        let taken = taken_addresses(connection).await?;
        let families = [Family::V4, Family::V6];
        let free = families.into_iter().filter_map(|family| pool.free(family, &taken)).collect();
        Ok(PrivateAddresses { free, pools: families.map(|family| pool.serves(family)), ..bound })
    }

    /// Decides about the addresses of a public IP address within a write: that of its document, and that of the pool. `wish` is the
    /// family of which it is to have one of the pool.
    pub(super) async fn addresses_of(
        &self,
        connection: &mut Connection,
        resource: &NetworkResource,
        stored: Option<&NetworkResource>,
        wish: Option<Family>,
    ) -> Result<(Option<IpAddr>, Option<IpAddr>), StoreError> {
        if resource.path.kind != NetworkKind::PublicAddress {
            return Ok((None, None));
        }
        if let Some(given) = PublicAddress::of(&resource.body, None).address {
            let holder = rows::network_resources::find_holder(connection, given).await?;
            let other = holder.filter(|holder| !holder.eq_ignore_ascii_case(&resource.path.to_string()));
            return match other {
                Some(holder) => Err(StoreError::AddressAllocated { address: given, holder }),
                None => Ok((Some(given), None)),
            };
        }
        let held = stored.and_then(|stored| stored.allocated);
        match wish {
            Some(family) if held.is_none_or(|held| Family::of(held) != family) => {
                if !self.addresses.public_pool.serves(family) {
                    return Ok((None, None));
                }
                let taken = taken_addresses(connection).await?;
                Ok((None, Some(self.free_public_address(family, &taken)?)))
            }
            _ => Ok((None, held)),
        }
    }

    fn free_public_address(&self, family: Family, taken: &BTreeSet<IpAddr>) -> Result<IpAddr, StoreError> {
        let pool = &self.addresses.public_pool;
        pool.free(family, taken).ok_or_else(|| StoreError::PoolExhausted {
            pool: pool.to_string(),
            taken: taken.iter().filter(|address| pool.contains(**address)).count(),
        })
    }
}

/// Returns every address that belongs to a public IP address or a gateway.
async fn taken_addresses(connection: &mut Connection) -> Result<BTreeSet<IpAddr>, StoreError> {
    let texts = rows::network_resources::taken_addresses(connection).await?;
    // A claim may be of the workers' own address, which is not an IP address.
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// Replaces the addresses of the private pool that a gateway has.
pub(super) async fn replace_private_addresses(
    connection: &mut Connection,
    gateway: GatewayId,
    held: &BTreeMap<IpAddr, IpAddr>,
) -> Result<(), StoreError> {
    rows::private_addresses::delete_all(connection, gateway).await?;
    for (from, bound) in held {
        rows::private_addresses::insert(connection, gateway, (*from, *bound)).await?;
    }
    Ok(())
}
