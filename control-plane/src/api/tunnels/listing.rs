//! The parameters of a list of tunnels, and its pages.
//!
//! The URL of the next page has a sealed token: the position of the last row, the conditions of the first page and its
//! time, because the order by idle time is that of then.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;
use tidegate_shared::tunnel::Position;

use super::{filter, show};
use crate::api::App;
use crate::api::error::ApiError;
use crate::api::extract::{ApiVersionParam, BaseUrl};
use crate::api::paging::{Paging, Parameters};
use crate::service::ResourceGroupError;
use crate::store::Gateway;
use crate::tunnels::{TunnelList, TunnelListPage};

/// A page of a list of tunnels.
#[derive(Debug)]
pub(in crate::api) struct Listing {
    pub(super) wanted: TunnelList,
    /// True if the tunnels of all pages are counted.
    counts: bool,
    /// The conditions as sent, and the time of the first page in milliseconds since 1970.
    filter: String,
    order: String,
    first_at: i64,
    paging: Paging,
}

impl FromRequestParts<Arc<App>> for Listing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Listing, ApiError> {
        let parameters = Parameters::from_request_parts(parts, app).await?;
        Listing::read(&parameters, Paging::read_with_none(&parameters, &app.page_tokens)?)
    }
}

impl Listing {
    fn read(parameters: &Parameters, paging: Paging) -> Result<Listing, ApiError> {
        let now = Timestamp::now().as_millisecond();
        let text = |name| parameters.get(name).unwrap_or_default().to_owned();
        let foreign = || ApiError::BadRequest("$skipToken belongs to another list.".to_owned());
        let (after, filter, order, counts, first_at) = match paging.key::<5>()? {
            Some([position, filter, order, counts, first_at]) => {
                let position: Position = serde_json::from_str(&position).map_err(|_| foreign())?;
                let first_at = first_at.parse().map_err(|_| foreign())?;
                (Some(position), filter, order, counts == "true", first_at)
            }
            None => {
                let counts = match parameters.get("$count") {
                    None | Some("false") => false,
                    Some("true") => true,
                    Some(_) => return Err(ApiError::BadRequest("$count must be true or false.".to_owned())),
                };
                (None, text("$filter"), text("$orderby"), counts, now)
            }
        };
        if paging.rows == 0 && !counts {
            let message = "$top must be an integer from 1 to 1000, or 0 with $count=true.";
            return Err(ApiError::BadRequest(message.to_owned()));
        }
        let bad_order = |why| ApiError::BadRequest(format!("$orderby cannot be read: {why}"));
        let wanted = TunnelList {
            filter: filter::read(&filter).map_err(ResourceGroupError::BadFilter)?,
            order: filter::read_order(&order).map_err(bad_order)?,
            after,
            limit: paging.rows,
            age: Duration::from_millis(u64::try_from(now - first_at).unwrap_or_default()),
        };
        Ok(Listing { wanted, counts, filter, order, first_at, paging })
    }

    /// Returns the response with a page. `path` is that of the list.
    pub(super) fn answer(
        &self,
        origin: (&BaseUrl, &ApiVersionParam),
        path: &str,
        gateway: &Gateway,
        page: TunnelListPage,
    ) -> Value {
        let rows = page.rows.iter().map(|(worker, tunnel)| show::tunnel(gateway, *worker, tunnel)).collect();
        // A position consists of texts and numbers, so it can be written.
        let last = page.last.and_then(|last| serde_json::to_string(&last).ok());
        let (counts, first_at) = (self.counts.to_string(), self.first_at.to_string());
        let key = last.as_ref().map(|last| [last.as_str(), &self.filter, &self.order, &counts, &first_at]);
        let mut answer = self.paging.answer(origin, path, rows, key.as_ref().map(<[&str; 5]>::as_slice));
        if self.counts {
            answer["count"] = page.count.into();
        }
        answer["missingWorkers"] = page.missing.iter().map(ToString::to_string).collect();
        answer
    }
}
