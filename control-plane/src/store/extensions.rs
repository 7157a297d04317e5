//! The extension documents of gateways, which change with a write of the gateway.

use tidegate_shared::id::GatewayId;

use crate::arm::document::Document;
use crate::arm::extension::Extension;
use crate::etag::Etag;

use super::database::Connection;
use super::{StoreError, rows};

/// Updates the rows of extension documents to the document of their gateway, and returns their etags. An unchanged
/// document keeps its etag.
pub(super) async fn replace_extensions(
    connection: &mut Connection,
    gateway: GatewayId,
    before: &[(Extension, Etag)],
    document: &Document,
) -> Result<Vec<Etag>, StoreError> {
    let is_gone = |old: &Extension| document.extension(old.kind, &old.name).is_none();
    for (gone, _) in before.iter().filter(|(old, _)| is_gone(old)) {
        rows::extensions::delete(connection, &document.extension_id(gone)).await?;
    }
    let mut etags = Vec::with_capacity(document.extensions.len());
    for extension in &document.extensions {
        let etag = match before.iter().find(|(old, _)| old == extension) {
            Some((_, etag)) => etag.clone(),
            None => {
                let (resource_id, etag) = (document.extension_id(extension), Etag::fresh());
                rows::extensions::upsert(connection, gateway, (&resource_id, extension), &etag).await?;
                etag
            }
        };
        etags.push(etag);
    }
    Ok(etags)
}
