//! The fetched error pages of gateways. A page is fetched again only when the gateway is written.

use bytes::Bytes;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::GatewayId;

use crate::arm::page::{Page, Pages};

use super::StoreError;

/// Returns the stored pages of a gateway.
pub(super) async fn error_pages(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
) -> Result<Pages, StoreError> {
    let rows = sqlx::query("SELECT url, content_type, body FROM error_pages WHERE gateway = ?")
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

/// Stores exactly these pages. Writes only differences.
pub(super) async fn replace_error_pages(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
    pages: &Pages,
) -> Result<(), StoreError> {
    let stored = error_pages(connection, gateway).await?;
    for (url, _) in stored.found().filter(|(url, _)| pages.get(url).is_none()) {
        sqlx::query("DELETE FROM error_pages WHERE gateway = ? AND url = ?")
            .bind(gateway.to_string())
            .bind(url)
            .execute(&mut *connection)
            .await?;
    }
    for (url, page) in pages.found() {
        if stored.get(url) == pages.get(url) {
            continue;
        }
        sqlx::query(
            "INSERT INTO error_pages (gateway, url, content_type, body) VALUES (?, ?, ?, ?) ON CONFLICT (gateway, url) \
             DO UPDATE SET content_type = excluded.content_type, body = excluded.body",
        )
        .bind(gateway.to_string())
        .bind(url)
        .bind(&page.content_type)
        .bind(&page.body[..])
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
