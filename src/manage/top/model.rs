//! What `tidegate tunnel top` knows: two looks at the tunnels, and what is shown of them. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

/// One tunnel at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tunnel {
    /// The resource ID.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) gateway: String,
    pub(super) listener: String,
    pub(super) rule: String,
    pub(super) pool: String,
    pub(super) member: String,
    pub(super) client: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) state: String,
    /// Seconds since its begin, and since a byte last moved.
    pub(super) age: i64,
    pub(super) idle: i64,
    /// Messages and bytes of both directions since its begin.
    messages: u64,
    bytes: u64,
}

impl Tunnel {
    /// Reads a tunnel as the list shows it.
    pub(super) fn read(document: &Value, gateway: &str, now: Timestamp) -> Tunnel {
        let properties = &document["properties"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |name: &str| properties[name].as_u64().unwrap_or(0);
        let opened = properties["openedAt"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        Tunnel {
            id: text(&document["id"]),
            name: text(&document["name"]),
            gateway: gateway.to_owned(),
            listener: text(&properties["listener"]),
            rule: text(&properties["rule"]),
            pool: text(&properties["pool"]),
            member: text(&properties["member"]),
            client: text(&properties["clientAddress"]),
            host: text(&properties["host"]),
            path: text(&properties["path"]),
            state: text(&properties["state"]),
            age: opened.map_or(0, |opened| now.duration_since(opened).as_secs().max(0)),
            idle: properties["idleForInSec"].as_i64().unwrap_or(0),
            messages: number("messagesFromClient") + number("messagesFromBackend"),
            bytes: number("bytesFromClient") + number("bytesFromBackend"),
        }
    }

    fn contains(&self, text: &str) -> bool {
        let texts = [
            &self.name,
            &self.gateway,
            &self.listener,
            &self.rule,
            &self.pool,
            &self.member,
            &self.client,
            &self.host,
            &self.path,
            &self.state,
        ];
        texts.iter().any(|one| one.to_lowercase().contains(text))
    }
}

/// All tunnels at one time.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) tunnels: Vec<Tunnel>,
    /// The number of tunnels that meet the condition, of which `tunnels` may be a part.
    pub(super) count: u64,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grouping {
    /// All tunnels of one rule to one pool.
    #[default]
    Routes,
    /// One tunnel.
    Tunnels,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Messages,
    Bytes,
    Age,
    Idle,
    Number,
    Name,
}

impl Order {
    const ALL: [Order; 6] =
        [Order::Messages, Order::Bytes, Order::Age, Order::Idle, Order::Number, Order::Name];

    /// The order that is `steps` after this one.
    pub(super) fn step(self, steps: isize) -> Order {
        let position = Order::ALL.iter().position(|order| *order == self).unwrap_or(0);
        let all = Order::ALL.len();
        Order::ALL[(position + all).wrapping_add_signed(steps) % all]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Order::Messages => "messages/s",
            Order::Bytes => "bytes/s",
            Order::Age => "oldest",
            Order::Idle => "idlest",
            Order::Number => "number",
            Order::Name => "name",
        }
    }
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    /// What is shown at the left: gateway, listener, rule and pool, or client, host and path.
    pub(super) texts: [String; 4],
    pub(super) number: usize,
    pub(super) messages_per_second: f64,
    pub(super) bytes_per_second: f64,
    /// Seconds since the begin of the oldest.
    pub(super) age: i64,
    /// Seconds since a byte last moved in the idlest.
    pub(super) idle: i64,
    pub(super) state: String,
    /// What a closing of the row closes.
    pub(super) target: Target,
}

/// What a closing closes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Target {
    #[default]
    Nothing,
    /// The tunnel of this ID.
    Tunnel { id: String },
    /// The tunnels of a gateway that meet a condition.
    Route { gateway: String, filter: String },
}

/// Returns the rows of two looks, in order. `text` is what a row must contain.
pub(super) fn rows(
    before: Option<&Look>,
    now: &Look,
    grouping: Grouping,
    order: Order,
    text: &str,
) -> Vec<Row> {
    let old: HashMap<&str, &Tunnel> = before
        .into_iter()
        .flat_map(|look| look.tunnels.iter().map(|tunnel| (tunnel.id.as_str(), tunnel)))
        .collect();
    let elapsed =
        before.map_or(Duration::ZERO, |before| now.at.saturating_duration_since(before.at)).as_secs_f64();
    let rate =
        |now: u64, before: u64| if elapsed > 0.0 { now.saturating_sub(before) as f64 / elapsed } else { 0.0 };
    let text = text.to_lowercase();
    let mut rows: Vec<Row> = Vec::new();
    let mut routes: HashMap<[&str; 4], usize> = HashMap::new();
    for tunnel in now.tunnels.iter().filter(|tunnel| tunnel.contains(&text)) {
        // A tunnel that was opened since the last look has moved everything since then; one that was not looked at
        // before has no rate yet.
        let unseen = if (tunnel.age as f64) <= elapsed { (0, 0) } else { (tunnel.messages, tunnel.bytes) };
        let (messages, bytes) = old.get(tunnel.id.as_str()).map_or(unseen, |old| (old.messages, old.bytes));
        let key = [tunnel.gateway.as_str(), &tunnel.listener, &tunnel.rule, &tunnel.pool];
        let position = match grouping {
            Grouping::Tunnels => None,
            Grouping::Routes => routes.get(&key).copied(),
        };
        let position = position.unwrap_or_else(|| {
            rows.push(row_of(tunnel, grouping));
            routes.insert(key, rows.len() - 1);
            rows.len() - 1
        });
        let row = &mut rows[position];
        row.number += 1;
        row.messages_per_second += rate(tunnel.messages, messages);
        row.bytes_per_second += rate(tunnel.bytes, bytes);
        row.age = row.age.max(tunnel.age);
        row.idle = row.idle.max(tunnel.idle);
    }
    rows.sort_by(|a, b| a.texts.cmp(&b.texts));
    match order {
        Order::Messages => rows.sort_by(|a, b| b.messages_per_second.total_cmp(&a.messages_per_second)),
        Order::Bytes => rows.sort_by(|a, b| b.bytes_per_second.total_cmp(&a.bytes_per_second)),
        Order::Age => rows.sort_by_key(|row| Reverse(row.age)),
        Order::Idle => rows.sort_by_key(|row| Reverse(row.idle)),
        Order::Number => rows.sort_by_key(|row| Reverse(row.number)),
        Order::Name => {}
    }
    rows
}

fn row_of(tunnel: &Tunnel, grouping: Grouping) -> Row {
    let (texts, target, state) = match grouping {
        Grouping::Routes => {
            let Tunnel { gateway, listener, rule, pool, .. } = tunnel;
            let quoted = |text: &str| text.replace('\'', "''");
            let filter = format!(
                "listener eq '{}' and rule eq '{}' and pool eq '{}'",
                quoted(listener),
                quoted(rule),
                quoted(pool)
            );
            let owner = tunnel.id.split("/providers/Tidegate.Network/").next().unwrap_or_default().to_owned();
            let texts = [gateway, listener, rule, pool].map(Clone::clone);
            (texts, Target::Route { gateway: owner, filter }, String::new())
        }
        Grouping::Tunnels => {
            let texts =
                [&tunnel.name, &tunnel.client, &format!("{}{}", tunnel.host, tunnel.path), &tunnel.member]
                    .map(Clone::clone);
            (texts, Target::Tunnel { id: tunnel.id.clone() }, tunnel.state.clone())
        }
    };
    Row { texts, target, state, ..Row::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(at: Instant, tunnels: &[(&str, &str, u64, i64)]) -> Look {
        let now = Timestamp::from_second(1_000).unwrap();
        let tunnels = tunnels.iter().map(|(name, pool, messages, idle)| {
            let opened = if *name == "new" { "1970-01-01T00:16:39Z" } else { "1970-01-01T00:10:00Z" };
            let document = json!({"id": format!("/gw/providers/Tidegate.Network/tunnels/{name}"), "name": name, "properties": {
                "listener": "web", "rule": "all", "pool": pool, "clientAddress": "10.0.0.1", "state": "open",
                "openedAt": opened, "idleForInSec": idle,
                "messagesFromClient": messages, "messagesFromBackend": 0, "bytesFromClient": messages * 10, "bytesFromBackend": messages * 10,
            }});
            Tunnel::read(&document, "edge", now)
        });
        let tunnels: Vec<Tunnel> = tunnels.collect();
        Look { at, count: tunnels.len() as u64, tunnels }
    }

    #[test]
    fn two_looks_make_rates_by_route_and_by_tunnel() {
        let start = Instant::now();
        let before = look(start, &[("a", "app", 10, 0), ("b", "app", 0, 5), ("gone", "app", 99, 0)]);
        let now = look(
            start + Duration::from_secs(2),
            &[("a", "app", 30, 0), ("b", "app", 0, 7), ("new", "spare", 2, 1)],
        );
        let routes = rows(Some(&before), &now, Grouping::Routes, Order::Messages, "");
        let seen: Vec<_> = routes
            .iter()
            .map(|row| {
                (
                    row.texts[3].as_str(),
                    row.number,
                    row.messages_per_second,
                    row.bytes_per_second,
                    row.idle,
                    row.age,
                )
            })
            .collect();
        assert_eq!(seen, [("app", 2, 10.0, 200.0, 7, 400), ("spare", 1, 1.0, 20.0, 1, 1)]);
        let expected = Target::Route {
            gateway: "/gw".into(),
            filter: "listener eq 'web' and rule eq 'all' and pool eq 'app'".into(),
        };
        assert_eq!(routes[0].target, expected);

        let names = |order, text| -> Vec<String> {
            rows(Some(&before), &now, Grouping::Tunnels, order, text)
                .into_iter()
                .map(|row| row.texts[0].clone())
                .collect()
        };
        assert_eq!(names(Order::Messages, ""), ["a", "new", "b"]);
        assert_eq!(names(Order::Idle, ""), ["b", "new", "a"]);
        assert_eq!(names(Order::Name, "APP"), ["a", "b"]);
        assert!(
            rows(None, &now, Grouping::Tunnels, Order::Name, "")
                .iter()
                .all(|row| row.messages_per_second == 0.0)
        );
    }

    #[test]
    fn orders_are_a_circle() {
        let mut order = Order::default();
        for _ in 0..Order::ALL.len() {
            order = order.step(1);
        }
        assert_eq!(order, Order::default());
        assert_eq!(Order::Messages.step(-1), Order::Name);
    }
}
