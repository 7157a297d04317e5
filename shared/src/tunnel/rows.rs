//! The first rows of a list, found in one pass over what is not in order.

use std::cmp::Ordering;

use super::{OrderBy, Position, Properties, TunnelKey, TunnelQuery};

/// Collects the first rows of a page. It keeps at most twice as many as the page has.
#[derive(Debug)]
pub struct FirstRows<'a, T> {
    query: &'a TunnelQuery,
    rows: Vec<(Position, T)>,
    /// The last of the rows that were found to be the first ones: whatever follows it is not on the page.
    worst: Option<Position>,
    has_more: bool,
    count: u64,
}

impl<'a, T> FirstRows<'a, T> {
    /// Creates the collection for a page.
    pub fn of(query: &'a TunnelQuery) -> FirstRows<'a, T> {
        FirstRows { query, rows: Vec::new(), worst: None, has_more: false, count: 0 }
    }

    /// Adds a tunnel if it meets the condition and may be on the page.
    pub fn offer(&mut self, key: TunnelKey, tunnel: &impl Properties, row: impl FnOnce() -> T) {
        let TunnelQuery { filter, order, after, limit, worker, .. } = self.query;
        if !filter.admits(tunnel) {
            return;
        }
        self.count += 1;
        let compare = |position: &Position| position.compare(order, worker, key, tunnel);
        if after.as_ref().is_some_and(|after| compare(after) != Ordering::Greater) {
            return;
        }
        if *limit == 0 || self.worst.as_ref().is_some_and(|worst| compare(worst) == Ordering::Greater) {
            self.has_more = true;
            return;
        }
        self.rows.push((Position::of(order, worker, key, tunnel), row()));
        if self.rows.len() >= 2 * *limit {
            self.keep_first();
        }
    }

    /// Drops the rows that cannot be on the page.
    fn keep_first(&mut self) {
        let TunnelQuery { order, limit, .. } = self.query;
        if *limit > 0 && self.rows.len() > *limit {
            let by = |(a, _): &(Position, T), (b, _): &(Position, T)| compare(order, a, b);
            self.rows.select_nth_unstable_by(*limit - 1, by);
            self.rows.truncate(*limit);
            self.worst = self.rows.last().map(|(position, _)| position.clone());
            self.has_more = true;
        }
    }

    /// Returns the rows in order, whether others follow them, and the number of tunnels that meet the condition.
    pub fn finish(mut self) -> (Vec<T>, bool, u64) {
        self.keep_first();
        let order = &self.query.order;
        self.rows.sort_by(|(a, _), (b, _)| compare(order, a, b));
        (self.rows.into_iter().map(|(_, row)| row).collect(), self.has_more, self.count)
    }
}

fn compare(order: &[OrderBy], a: &Position, b: &Position) -> Ordering {
    a.cmp_by(order, b)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::GatewayId;
    use crate::tunnel::{Filter, Operator, Property, Value};
    use uuid::Uuid;

    /// A tunnel of which only a number is known.
    struct Numbered(i64);

    impl Properties for Numbered {
        fn value(&self, property: Property) -> Value<'_> {
            match property {
                Property::IdleFor => Value::Integer(self.0),
                _ => Value::Null,
            }
        }
    }

    fn key(number: u64) -> TunnelKey {
        TunnelKey { process: 1, thread: 0, number }
    }

    fn query(limit: usize, descending: bool) -> TunnelQuery {
        TunnelQuery {
            gateway: GatewayId(Uuid::nil()),
            worker: "w".into(),
            filter: Filter::Compare(Property::IdleFor, Operator::Less, Value::Integer(50)),
            order: vec![OrderBy { property: Property::IdleFor, descending }],
            after: None,
            limit,
            age: Duration::ZERO,
        }
    }

    /// Reads all pages of the tunnels with the numbers 0 to 98, in a mixed order, of which each three are equal.
    fn pages(mut query: TunnelQuery) -> Vec<(i64, u64)> {
        let mut all = Vec::new();
        loop {
            let mut first = FirstRows::of(&query);
            for number in (0..99).map(|i| i * 37 % 99) {
                let tunnel = Numbered(number / 3 * 3);
                first.offer(key(number as u64), &tunnel, || (tunnel.0, number as u64));
            }
            let (rows, has_more, count) = first.finish();
            assert_eq!(count, 51);
            assert!(rows.len() == query.limit || !has_more, "{rows:?}");
            all.extend(&rows);
            let (Some((value, number)), true) = (rows.last(), has_more) else { return all };
            query.after = Some(Position::of(&query.order, "w", key(*number), &Numbered(*value)));
        }
    }

    #[test]
    fn pages_have_every_row_once_and_in_order() {
        let mut expected: Vec<(i64, u64)> = (0..51).map(|number| (number / 3 * 3, number as u64)).collect();
        for limit in [1, 2, 7, 50, 51, 1000] {
            assert_eq!(pages(query(limit, false)), expected, "{limit}");
        }
        expected.sort_by_key(|(value, number)| (-value, *number));
        for limit in [1, 7, 50] {
            assert_eq!(pages(query(limit, true)), expected, "{limit}");
        }
    }

    #[test]
    fn a_page_without_rows_counts() {
        let query = query(0, false);
        let mut first = FirstRows::of(&query);
        for number in 0..99 {
            first.offer(key(number), &Numbered(number as i64), || ());
        }
        assert_eq!(first.finish(), (vec![], true, 50));
    }
}
