//! The metrics page: adds up the counts of all threads when Prometheus asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tidegate_shared::metrics::{Encoder, Family, HistogramValue, Samples, Source};
use tidegate_shared::protocol::HealthState;

use super::cell::{Bounds, Counter, Histogram, REQUEST, Shards, TUNNEL, total};
use super::families::{
    BACKENDS, BUILD, CONNECT, CONNECTIONS, CONNECTIONS_AVAILABLE, CONNECTIONS_MAX, CONNECTIONS_OPENED,
    FAILURES, FIRST_BYTE, FLOODS, HANDSHAKE_FAILURES, HANDSHAKE_TIME, HANDSHAKES, HEADERS_DROPPED, LAST_BYTE,
    LIMITED, LINES_DROPPED, MALFORMED, PROXY_PROTOCOL_ERRORS, RECEIVED, REJECTED, REQUEST_TIME, REQUESTS,
    RESPONSES, SEARCHES_EXCEEDED, SENT, SLOW, SPANS_DROPPED, TUNNEL_HANDSHAKE, TUNNEL_RECEIVED, TUNNEL_SENT,
    TUNNEL_TIME, TUNNELS, TUNNELS_CLOSED, TUNNELS_OPENED, TUNNELS_REJECTED, UNREACHABLE, UNSAVED,
};
use super::series::{
    CODE_CLASSES, Connections, DIRECTIONS, PoolSeries, REJECTIONS, RuleSeries, TLS_VERSIONS, TUNNEL_ENDS,
    TUNNEL_LIMITS,
};
use crate::error_info::ErrorInfo;

/// The health states of backends, with their labels.
const STATES: [(HealthState, &str); 3] =
    [(HealthState::Up, "healthy"), (HealthState::Down, "unhealthy"), (HealthState::Unknown, "unknown")];

/// A gateway of which metrics are shown.
pub(crate) trait Scrape: fmt::Debug + Send + Sync {
    /// Returns its metrics as they are now.
    fn scrape(&self) -> GatewayMetrics;
}

/// The metrics of one gateway at one moment.
#[derive(Debug)]
pub(crate) struct GatewayMetrics {
    pub(crate) name: Arc<str>,
    pub(crate) connections: Arc<Shards<Connections>>,
    pub(crate) rules: Vec<Arc<RuleSeries>>,
    pub(crate) pools: Vec<Arc<PoolSeries>>,
    /// The state of each backend, with the series of its pool and settings.
    pub(crate) backends: Vec<(Arc<PoolSeries>, HealthState)>,
}

/// The sources of one page.
#[derive(Debug)]
pub(crate) struct ScrapeSources {
    pub(crate) gateways: Vec<GatewayMetrics>,
    pub(crate) process: ProcessMetrics,
}

/// The metrics of the process as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessMetrics {
    pub(crate) connections_max: usize,
    pub(crate) connections_available: usize,
    pub(crate) limited: u64,
    pub(crate) lines_dropped: u64,
    pub(crate) spans_dropped: u64,
    pub(crate) unsaved: usize,
}

impl Source for ScrapeSources {
    fn encode(&self, mut encoder: Encoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.requests(encoder)?;
        self.tunnels(encoder)?;
        self.exchanges(encoder)?;
        self.backends(encoder)?;
        self.connections(encoder)?;
        self.process(encoder)
    }
}

impl ScrapeSources {
    fn requests(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules().filter(|(_, rule)| rule.requests.iter().next().is_some()).collect();
        REQUESTS.write(encoder, |samples| {
            for (gateway, rule) in &rules {
                for (class, name) in CODE_CLASSES.iter().enumerate() {
                    let count = rule.requests.sum(|requests| requests.statuses.of(class));
                    samples.count(&[gateway, &rule.listener, &rule.rule, name], count)?;
                }
            }
            Ok(())
        })?;
        FAILURES.write(encoder, |samples| {
            for (gateway, rule) in &rules {
                for (number, failure) in ErrorInfo::FAILURES.into_iter().enumerate() {
                    let count = rule.requests.sum(|requests| &requests.failures[number]);
                    // Most failures never happen; a sample of zero for each would be most of the page.
                    if count > 0 {
                        samples.count(&[gateway, &rule.listener, &rule.rule, failure.as_str()], count)?;
                    }
                }
            }
            Ok(())
        })?;
        of_rules(&REQUEST_TIME, encoder, &rules, |rule| Value::times(REQUEST, &rule.requests, |r| &r.time))?;
        of_rules(&RECEIVED, encoder, &rules, |rule| Value::count(&rule.requests, |r| &r.received))?;
        of_rules(&SENT, encoder, &rules, |rule| Value::count(&rule.requests, |r| &r.sent))
    }

    fn tunnels(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules().filter(|(_, rule)| rule.tunnels.iter().next().is_some()).collect();
        let opened = |rule: &RuleSeries| rule.tunnels.sum(|tunnels| &tunnels.opened);
        of_rules(&TUNNELS_OPENED, encoder, &rules, |rule| Value::Count(opened(rule)))?;
        of_rules(&TUNNELS, encoder, &rules, |rule| {
            let closed: u64 =
                TUNNEL_ENDS.iter().map(|(end, _)| rule.tunnels.sum(|tunnels| tunnels.closed(*end))).sum();
            Value::Level(opened(rule).saturating_sub(closed))
        })?;
        TUNNELS_CLOSED.write(encoder, |samples| {
            for (gateway, rule) in &rules {
                for (end, name) in TUNNEL_ENDS {
                    let count = rule.tunnels.sum(|tunnels| tunnels.closed(end));
                    samples.count(&[gateway, &rule.listener, &rule.rule, name], count)?;
                }
            }
            Ok(())
        })?;
        TUNNELS_REJECTED.write(encoder, |samples| {
            for (gateway, rule) in &rules {
                for (limit, name) in TUNNEL_LIMITS {
                    let count = rule.tunnels.sum(|tunnels| tunnels.rejected(limit));
                    samples.count(&[gateway, &rule.listener, &rule.rule, name], count)?;
                }
            }
            Ok(())
        })?;
        of_rules(&TUNNEL_TIME, encoder, &rules, |rule| Value::times(TUNNEL, &rule.tunnels, |t| &t.time))?;
        of_rules(&TUNNEL_HANDSHAKE, encoder, &rules, |rule| {
            Value::times(REQUEST, &rule.tunnels, |t| &t.handshake)
        })?;
        of_rules(&TUNNEL_RECEIVED, encoder, &rules, |rule| Value::count(&rule.tunnels, |t| &t.received))?;
        of_rules(&TUNNEL_SENT, encoder, &rules, |rule| Value::count(&rule.tunnels, |t| &t.sent))
    }

    fn exchanges(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let pools: Vec<_> = self.pools().filter(|(_, pool)| pool.exchanges.iter().next().is_some()).collect();
        RESPONSES.write(encoder, |samples| {
            for (gateway, pool) in &pools {
                for (class, name) in CODE_CLASSES.iter().enumerate() {
                    let count = pool.exchanges.sum(|exchanges| exchanges.statuses.of(class));
                    samples.count(&[gateway, &pool.pool, &pool.settings, name], count)?;
                }
            }
            Ok(())
        })?;
        let mut write = |family: &Family, value: &dyn Fn(&PoolSeries) -> Value| {
            family.write(encoder, |samples| {
                for (gateway, pool) in &pools {
                    value(pool).write(samples, &[gateway, &pool.pool, &pool.settings])?;
                }
                Ok(())
            })
        };
        write(&UNREACHABLE, &|pool| Value::count(&pool.exchanges, |e| &e.unreachable))?;
        write(&CONNECT, &|pool| Value::times(REQUEST, &pool.exchanges, |e| &e.connect))?;
        write(&FIRST_BYTE, &|pool| Value::times(REQUEST, &pool.exchanges, |e| &e.first_byte))?;
        write(&LAST_BYTE, &|pool| Value::times(REQUEST, &pool.exchanges, |e| &e.last_byte))
    }

    fn backends(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        BACKENDS.write(encoder, |samples| {
            for gateway in &self.gateways {
                let mut states: HashMap<(&str, &str), [u32; STATES.len()]> = HashMap::new();
                for (pool, health) in &gateway.backends {
                    let state = STATES.iter().position(|(state, _)| state == health);
                    let counts = states.entry((&*pool.pool, &*pool.settings)).or_default();
                    counts[state.expect("every state is listed")] += 1;
                }
                for pool in &gateway.pools {
                    let counts = states.get(&(&*pool.pool, &*pool.settings)).copied().unwrap_or_default();
                    for ((_, name), count) in STATES.iter().zip(counts) {
                        let labels = [&*gateway.name, &pool.pool, &pool.settings, name];
                        samples.gauge(&labels, count.into())?;
                    }
                }
            }
            Ok(())
        })
    }

    fn connections(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        HANDSHAKES.write(encoder, |samples| {
            for gateway in &self.gateways {
                for (version, name) in TLS_VERSIONS.iter().enumerate() {
                    let count = gateway.connections.sum(|c| &c.handshakes[version]);
                    samples.count(&[&gateway.name, name], count)?;
                }
            }
            Ok(())
        })?;
        let mut write = |family: &Family, value: &dyn Fn(&Shards<Connections>) -> Value| {
            family.write(encoder, |samples| {
                for gateway in &self.gateways {
                    value(&gateway.connections).write(samples, &[&gateway.name])?;
                }
                Ok(())
            })
        };
        write(&CONNECTIONS_OPENED, &|shards| Value::count(shards, |c| &c.opened))?;
        write(&CONNECTIONS, &|shards| {
            Value::Level(shards.sum(|c| &c.opened).saturating_sub(shards.sum(|c| &c.closed)))
        })?;
        write(&HANDSHAKE_FAILURES, &|shards| Value::count(shards, |c| &c.handshake_failures))?;
        write(&HANDSHAKE_TIME, &|shards| Value::times(REQUEST, shards, |c| &c.handshake))?;
        write(&PROXY_PROTOCOL_ERRORS, &|shards| Value::count(shards, |c| &c.proxy_protocol_errors))?;
        write(&MALFORMED, &|shards| Value::count(shards, |c| &c.malformed))?;
        write(&HEADERS_DROPPED, &|shards| Value::count(shards, |c| &c.headers_dropped))?;
        write(&SEARCHES_EXCEEDED, &|shards| Value::count(shards, |c| &c.searches_exceeded))?;
        REJECTED.write(encoder, |samples| {
            for gateway in &self.gateways {
                for (number, (_, name)) in REJECTIONS.iter().enumerate() {
                    let count = gateway.connections.sum(|c| &c.rejected[number]);
                    samples.count(&[&gateway.name, name], count)?;
                }
            }
            Ok(())
        })?;
        self.of_connections(&FLOODS, encoder, |c| &c.floods)?;
        SLOW.write(encoder, |samples| {
            for gateway in &self.gateways {
                for (number, name) in DIRECTIONS.iter().enumerate() {
                    let count = gateway.connections.sum(|c| &c.slow[number]);
                    samples.count(&[&gateway.name, name], count)?;
                }
            }
            Ok(())
        })
    }

    fn of_connections(
        &self,
        family: &Family,
        encoder: &mut Encoder<'_>,
        number: impl Fn(&Connections) -> &Counter,
    ) -> fmt::Result {
        family.write(encoder, |samples| {
            for gateway in &self.gateways {
                samples.count(&[&gateway.name], gateway.connections.sum(&number))?;
            }
            Ok(())
        })
    }

    fn process(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let ProcessMetrics {
            connections_max,
            connections_available,
            limited,
            lines_dropped,
            spans_dropped,
            unsaved,
        } = self.process;
        CONNECTIONS_MAX.write(encoder, |samples| samples.gauge(&[], connections_max as f64))?;
        CONNECTIONS_AVAILABLE.write(encoder, |samples| samples.gauge(&[], connections_available as f64))?;
        LIMITED.write(encoder, |samples| samples.count(&[], limited))?;
        LINES_DROPPED.write(encoder, |samples| samples.count(&[], lines_dropped))?;
        SPANS_DROPPED.write(encoder, |samples| samples.count(&[], spans_dropped))?;
        UNSAVED.write(encoder, |samples| samples.gauge(&[], unsaved as f64))?;
        BUILD.write(encoder, |samples| samples.gauge(&[env!("CARGO_PKG_VERSION")], 1.0))
    }

    /// Returns every gateway's name with each of its rules.
    fn rules(&self) -> impl Iterator<Item = (&str, &RuleSeries)> {
        self.gateways.iter().flat_map(|gateway| gateway.rules.iter().map(|rule| (&*gateway.name, &**rule)))
    }

    /// Returns every gateway's name with each of its pools.
    fn pools(&self) -> impl Iterator<Item = (&str, &PoolSeries)> {
        self.gateways.iter().flat_map(|gateway| gateway.pools.iter().map(|pool| (&*gateway.name, &**pool)))
    }
}

/// The value of one sample.
enum Value {
    Count(u64),
    Level(u64),
    Histogram(HistogramValue),
}

impl Value {
    fn count<T: Default>(shards: &Shards<T>, number: impl Fn(&T) -> &Counter) -> Value {
        Value::Count(shards.sum(number))
    }

    fn times<T: Default>(bounds: Bounds, shards: &Shards<T>, times: impl Fn(&T) -> &Histogram) -> Value {
        Value::Histogram(total(bounds, shards.iter().map(times)))
    }

    fn write(&self, samples: &mut Samples<'_>, labels: &[&str]) -> fmt::Result {
        match self {
            Value::Count(count) => samples.count(labels, *count),
            Value::Level(level) => samples.gauge(labels, *level as f64),
            Value::Histogram(times) => samples.times(labels, times),
        }
    }
}

fn of_rules(
    family: &Family,
    encoder: &mut Encoder<'_>,
    rules: &[(&str, &RuleSeries)],
    value: impl Fn(&RuleSeries) -> Value,
) -> fmt::Result {
    family.write(encoder, |samples| {
        for (gateway, rule) in rules {
            value(rule).write(samples, &[gateway, &rule.listener, &rule.rule])?;
        }
        Ok(())
    })
}
