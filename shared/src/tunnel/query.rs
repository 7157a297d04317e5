//! The question for a page of tunnels, and its answer.
//!
//! A page begins after the position of the last row before it. Positions are values of the properties that the list is
//! ordered by, then the worker and the number of the tunnel, so no two rows have the same one.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Filter, Properties, Property, Tunnel, TunnelKey, Value};
use crate::id::GatewayId;

/// The question for a page of a gateway's tunnels in one worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelQuery {
    /// The gateway.
    pub gateway: GatewayId,
    /// The name of the worker that is asked: the value of [`Property::Worker`] of its tunnels.
    pub worker: String,
    /// The condition that the tunnels meet. Tunnels that have ended are listed only if it names [`Property::State`].
    pub filter: Filter,
    /// The order of the rows.
    pub order: Vec<OrderBy>,
    /// The position after which the page begins; `None` for the first page.
    pub after: Option<Position>,
    /// The maximum number of rows; may be 0.
    pub limit: usize,
    /// The time since the first page was asked for. [`Property::IdleFor`] is that of then, so that the order does not
    /// change from page to page.
    pub age: Duration,
}

/// One level of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBy {
    /// The property to compare.
    pub property: Property,
    /// True if the greatest value comes first.
    pub descending: bool,
}

/// The position of a row in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The values of the properties that the list is ordered by.
    pub values: Vec<Value<'static>>,
    /// The name of the worker.
    pub worker: String,
    /// The number in the worker.
    pub key: TunnelKey,
}

/// A page of one worker's tunnels, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelPage {
    /// The rows.
    pub rows: Vec<Tunnel>,
    /// True if other rows follow them.
    pub has_more: bool,
    /// The number of all tunnels that meet the condition, on this and all other pages.
    pub count: u64,
}

impl Position {
    /// Returns the position of a tunnel.
    pub fn of(order: &[OrderBy], worker: &str, key: TunnelKey, tunnel: &impl Properties) -> Position {
        let values = order.iter().map(|by| tunnel.value(by.property).into_owned()).collect();
        Position { values, worker: worker.to_owned(), key }
    }

    /// Compares the position of a tunnel with this one, without making a position of it.
    pub fn compare(
        &self,
        order: &[OrderBy],
        worker: &str,
        key: TunnelKey,
        tunnel: &impl Properties,
    ) -> Ordering {
        let levels = order.iter().zip(&self.values).map(|(by, own)| {
            let ordering = by.property.compare(&tunnel.value(by.property), own);
            if by.descending { ordering.reverse() } else { ordering }
        });
        let mut levels = levels.filter(|ordering| ordering.is_ne());
        levels.next().unwrap_or_else(|| (worker, key).cmp(&(&self.worker, self.key)))
    }

    /// Compares two positions.
    pub fn cmp_by(&self, order: &[OrderBy], other: &Position) -> Ordering {
        let levels = order.iter().zip(self.values.iter().zip(&other.values)).map(|(by, (own, other))| {
            let ordering = by.property.compare(own, other);
            if by.descending { ordering.reverse() } else { ordering }
        });
        let mut levels = levels.filter(|ordering| ordering.is_ne());
        levels.next().unwrap_or_else(|| (&self.worker, self.key).cmp(&(&other.worker, other.key)))
    }
}

/// Merges pages of several threads or workers, each with the name of its worker, to one of at most `limit` rows.
pub fn merge<'a>(
    order: &[OrderBy],
    limit: usize,
    pages: impl IntoIterator<Item = (&'a str, TunnelPage)>,
) -> (Vec<(&'a str, Tunnel)>, TunnelPage) {
    let mut all = TunnelPage::default();
    let mut rows = Vec::new();
    for (worker, page) in pages {
        all.count += page.count;
        all.has_more |= page.has_more;
        rows.extend(page.rows.into_iter().map(|tunnel| {
            let position = Position::of(order, worker, tunnel.key, &(worker, &tunnel));
            (position, worker, tunnel)
        }));
    }
    rows.sort_by(|(a, ..), (b, ..)| a.cmp_by(order, b));
    all.has_more |= rows.len() > limit;
    rows.truncate(limit);
    (rows.into_iter().map(|(_, worker, tunnel)| (worker, tunnel)).collect(), all)
}
