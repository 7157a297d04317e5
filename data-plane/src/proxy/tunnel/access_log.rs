//! The end of a tunnel: its metrics, its access log line and its span.

use std::io;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;
use tidegate_shared::tunnel::{self, ClosedBy};
use tokio::time::Instant;

use super::{CloseReason, TunnelContext, TunnelOutcome};
use crate::access_log::{Line, Properties, version};
use crate::live_tunnel::{Details, LiveTunnel};
use crate::metrics::cell::TUNNEL;
use crate::metrics::series::{TunnelEnd, Tunnels};
use crate::pump::{self, Peer, Side, Traffic};
use crate::registry::Registration;
use crate::short_time::ShortInstant;
use crate::stream::is_vanished;
use crate::thread::Thread;
use crate::trace::{Context, Span, SpanContent};
use crate::tunnel_history::EndedTunnel;
use crate::websocket::Frames;

impl TunnelOutcome {
    /// Returns the metric of the end, the side that ended the tunnel, and the reason.
    fn describe(&self) -> (TunnelEnd, ClosedBy, String) {
        match self {
            TunnelOutcome::Traffic(pump::End::Closed(Side::Client)) => {
                (TunnelEnd::ClientClosed, ClosedBy::Client, "closed".to_owned())
            }
            TunnelOutcome::Traffic(pump::End::Closed(Side::Backend)) => {
                (TunnelEnd::BackendClosed, ClosedBy::Backend, "closed".to_owned())
            }
            TunnelOutcome::Traffic(pump::End::Failed(Side::Client, error)) => {
                (TunnelEnd::ClientFailed, ClosedBy::Client, failure(error))
            }
            TunnelOutcome::Traffic(pump::End::Failed(Side::Backend, error)) => {
                (TunnelEnd::BackendFailed, ClosedBy::Backend, failure(error))
            }
            TunnelOutcome::Traffic(pump::End::Idle(limit)) => {
                (TunnelEnd::Idle, ClosedBy::Gateway, format!("idle timeout after {} s", limit.as_secs()))
            }
            TunnelOutcome::Drained(why) => {
                let counted = match why {
                    CloseReason::BackendRemoved => TunnelEnd::BackendRemoved,
                    CloseReason::BackendDown => TunnelEnd::BackendDown,
                    CloseReason::Stopping | CloseReason::Draining => TunnelEnd::Stopping,
                    CloseReason::GatewayRemoved => TunnelEnd::GatewayRemoved,
                    CloseReason::Requested => TunnelEnd::Requested,
                    CloseReason::ListenerRemoved => TunnelEnd::ListenerRemoved,
                    CloseReason::PolicyTightened => TunnelEnd::PolicyTightened,
                    CloseReason::RouteChanged => TunnelEnd::RouteChanged,
                    CloseReason::Lifetime => TunnelEnd::Lifetime,
                };
                (counted, ClosedBy::Gateway, why.reason().to_owned())
            }
        }
    }
}

/// Describes the failure of a connection.
fn failure(error: &io::Error) -> String {
    if is_vanished(error) { "peer vanished".to_owned() } else { format!("connection failed: {error}") }
}

impl TunnelContext {
    /// Returns the metrics of this tunnel.
    pub(super) fn counts<'a>(&self, live: &'a LiveTunnel) -> &'a Tunnels {
        live.route.series.tunnels.of(self.thread().number)
    }

    /// Adds the bytes that a tunnel has moved since these were `before`.
    pub(super) fn count(&self, live: &LiveTunnel, before: (u64, u64)) {
        let counts = self.counts(live);
        counts.received.add(live.counts.received() - before.0);
        counts.sent.add(live.counts.sent() - before.1);
    }

    pub(super) fn thread(&self) -> &Thread {
        self.admission.thread()
    }

    /// Updates the metrics, writes the span and the access log line, and adds the tunnel to those that have ended.
    pub(super) fn record(&self, live: &Registration<LiveTunnel>, last: Last) {
        let counts = self.counts(live);
        counts.closed(last.counted).add(1);
        counts.time.observe(TUNNEL, last.time);
        if let Some(details) = &live.details {
            if let Some(context) = details.context {
                self.export(context, details, live, &last);
            }
            if self.thread().log.is_on() {
                self.log(details, live, &last);
            }
        }
        let end = tunnel::TunnelEnd {
            at: Timestamp::now().as_millisecond(),
            by: last.closed_by,
            reason: last.reason,
            close_code: last.close_code,
        };
        self.thread().history.borrow_mut().add(|| EndedTunnel::new(live.number(), live, &end));
    }

    fn export(&self, context: Context, details: &Details, live: &LiveTunnel, last: &Last) {
        self.thread().spans.send(Span {
            context,
            start: live.since().into(),
            time: last.time,
            content: SpanContent::Tunnel {
                received: live.counts.received(),
                sent: live.counts.sent(),
                closed_by: last.closed_by.as_str(),
            },
            client: live.client(),
            local: details.local(),
            secure: details.secure,
            host: live.head.host().into(),
            route: Some(live.route.clone()),
            backend: Some(live.backend.clone()),
            reason: if last.is_failure { last.reason.clone().into() } else { "".into() },
        });
    }

    fn log(&self, details: &Details, live: &LiveTunnel, last: &Last) {
        let (backend, id, head) = (live.backend.address(), details.id.digits(), &live.head);
        let (path, query) = head.target().split_once('?').unwrap_or((head.target(), ""));
        let route = &live.route;
        self.thread().log.write(Line {
            time_stamp: live.since(),
            resource_id: &route.gateway,
            listener_name: &route.listener,
            rule_name: route.rule.as_ref().map_or("", |rule| &rule.name),
            backend_pool_name: &live.backend.key.pool,
            backend_setting_name: &live.backend.key.settings,
            properties: Properties {
                http_method: "GET",
                original_request_uri_with_args: head.target(),
                request_uri: path,
                request_query: query,
                // HTTP/2 has no 101 (RFC 8441, section 5).
                http_status: if details.is_over_http2 { 200 } else { 101 },
                http_version: version(if details.is_over_http2 { Version::HTTP_2 } else { Version::HTTP_11 }),
                received_bytes: live.counts.received(),
                sent_bytes: live.counts.sent(),
                time_taken: last.time,
                transaction_id: id.as_str(),
                server_routed: &backend,
                server_status: 101,
                upstream_source_port: details.source_port,
                original_host: head.host(),
                host: head.host(),
                event: "tunnel",
                path_rule: &details.selection.entry().path_rule,
                reason: &last.reason,
                closed_by: last.closed_by.as_str(),
                close_code: last.close_code,
                ..Properties::of(live.client(), details.tls.as_deref())
            },
            ..Line::default()
        });
    }
}

/// The values for the metrics, the log line and the span at the end.
#[derive(Debug)]
pub(super) struct Last {
    counted: TunnelEnd,
    is_failure: bool,
    closed_by: ClosedBy,
    reason: String,
    time: Duration,
    close_code: Option<u16>,
}

impl Last {
    /// Describes the end of a tunnel, into which the gateway has sent a Close frame with this code.
    pub(super) fn of<C: Peer, B: Peer>(
        end: &TunnelOutcome,
        started: ShortInstant,
        traffic: &Traffic<C, B, Frames>,
        sent_code: Option<u16>,
    ) -> Last {
        let (counted, closed_by, reason) = end.describe();
        // The side that closed first gave the reason; the other one only echoed it.
        let (first, second) = match end {
            TunnelOutcome::Traffic(pump::End::Closed(Side::Backend)) => (Side::Backend, Side::Client),
            _ => (Side::Client, Side::Backend),
        };
        Last {
            counted,
            is_failure: matches!(end, TunnelOutcome::Traffic(pump::End::Failed(..))),
            closed_by,
            reason,
            time: ShortInstant::from(Instant::now()).since(started),
            close_code: sent_code
                .or_else(|| traffic.tap(first).close_code())
                .or_else(|| traffic.tap(second).close_code()),
        }
    }
}
