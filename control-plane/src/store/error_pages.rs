//! The fetched error pages of gateways. A page is fetched again only when the gateway is written.

use tidegate_shared::id::GatewayId;

use crate::arm::page::Pages;

use super::database::Connection;
use super::{StoreError, rows};

/// Stores exactly these pages. Writes only differences.
pub(super) async fn replace_error_pages(
    connection: &mut Connection,
    gateway: GatewayId,
    pages: &Pages,
) -> Result<(), StoreError> {
    let stored = rows::error_pages::list(connection, gateway).await?;
    for (url, _) in stored.found().filter(|(url, _)| pages.get(url).is_none()) {
        rows::error_pages::delete(connection, gateway, url).await?;
    }
    for (url, page) in pages.found().filter(|(url, _)| stored.get(url) != pages.get(url)) {
        rows::error_pages::upsert(connection, gateway, url, page).await?;
    }
    Ok(())
}
