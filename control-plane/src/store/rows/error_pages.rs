//! The table `error_pages`: the fetched error pages of gateways.

use bytes::Bytes;
use tidegate_shared::id::GatewayId;

use crate::arm::page::{Page, Pages};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn};

/// Returns the pages of a gateway.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Pages, StoreError> {
    let rows = sqlx::query("SELECT url, content_type, body FROM error_pages WHERE gateway = $1")
        .bind(gateway.to_string())
        .fetch_all(connection)
        .await?;
    let mut pages = Pages::default();
    for row in &rows {
        let body: Vec<u8> = row.try_get("body")?;
        let page = Page { content_type: row.try_get("content_type")?, body: Bytes::from(body) };
        pages.insert(row.try_get::<String, _>("url")?, Ok(page));
    }
    Ok(pages)
}

/// Inserts a page of a gateway, or replaces the one with its URL.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    gateway: GatewayId,
    url: &str,
    page: &Page,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO error_pages (gateway, url, content_type, body) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (gateway, url) DO UPDATE SET content_type = excluded.content_type, body = excluded.body",
    )
    .bind(gateway.to_string())
    .bind(url)
    .bind(&page.content_type)
    .bind(&page.body[..])
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a page of a gateway.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    gateway: GatewayId,
    url: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM error_pages WHERE gateway = $1 AND url = $2")
        .bind(gateway.to_string())
        .bind(url)
        .execute(connection)
        .await?;
    Ok(())
}
