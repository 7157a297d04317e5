//! The end of a tunnel: its metrics, its access log line and its span.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::{CloseReason, Details, TunnelContext, TunnelOutcome};
use crate::access_log::{Line, Properties, version};
use crate::live_tunnel::LiveTunnel;
use crate::metrics::cell::TUNNEL;
use crate::metrics::series::{TunnelEnd, Tunnels};
use crate::pump::{self, Peer, Side, Traffic};
use crate::short_time::ShortInstant;
use crate::stream::is_vanished;
use crate::thread::Thread;
use crate::trace::{Context, Span, SpanContent};
use crate::websocket::Frames;

impl TunnelOutcome {
    /// Returns the metric of the end, the side that ended the tunnel, and the reason.
    fn describe(&self) -> (TunnelEnd, &'static str, String) {
        match self {
            TunnelOutcome::Traffic(pump::End::Closed(Side::Client)) => {
                (TunnelEnd::ClientClosed, "client", "closed".to_owned())
            }
            TunnelOutcome::Traffic(pump::End::Closed(Side::Backend)) => {
                (TunnelEnd::BackendClosed, "backend", "closed".to_owned())
            }
            TunnelOutcome::Traffic(pump::End::Failed(Side::Client, error)) => {
                (TunnelEnd::ClientFailed, "client", failure(error))
            }
            TunnelOutcome::Traffic(pump::End::Failed(Side::Backend, error)) => {
                (TunnelEnd::BackendFailed, "backend", failure(error))
            }
            TunnelOutcome::Traffic(pump::End::Idle(limit)) => {
                (TunnelEnd::Idle, "gateway", format!("idle timeout after {} s", limit.as_secs()))
            }
            TunnelOutcome::Drained(why) => {
                let counted = match why {
                    CloseReason::BackendRemoved => TunnelEnd::BackendRemoved,
                    CloseReason::BackendDown => TunnelEnd::BackendDown,
                    CloseReason::Stopping => TunnelEnd::Stopping,
                    CloseReason::GatewayRemoved => TunnelEnd::GatewayRemoved,
                };
                (counted, "gateway", why.reason().to_owned())
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
    pub(super) fn counts(&self) -> &Tunnels {
        self.route.series.tunnels.of(self.thread().number)
    }

    /// Adds the bytes that a tunnel has moved since these were `before`.
    pub(super) fn count(&self, live: &LiveTunnel, before: (u64, u64)) {
        let counts = self.counts();
        counts.received.add(live.bytes.received() - before.0);
        counts.sent.add(live.bytes.sent() - before.1);
    }

    pub(super) fn thread(&self) -> &Thread {
        self.admission.thread()
    }

    /// Updates the metrics, and writes the span and the access log line.
    pub(super) fn record(&self, live: &LiveTunnel, last: &Last) {
        self.counts().closed(last.counted).add(1);
        self.counts().time.observe(TUNNEL, last.time);
        let Some(details) = &self.details else { return };
        if let Some(context) = details.context {
            self.export(context, details, live, last);
        }
        if self.thread().log.is_on() {
            self.log(details, live, last);
        }
    }

    fn export(&self, context: Context, details: &Details, live: &LiveTunnel, last: &Last) {
        self.thread().spans.send(Span {
            context,
            start: live.since().into(),
            time: last.time,
            content: SpanContent::Tunnel {
                received: live.bytes.received(),
                sent: live.bytes.sent(),
                closed_by: last.closed_by,
            },
            client: live.client(),
            local: details.local,
            secure: details.secure,
            host: details.head.host().into(),
            route: Some(self.route.clone()),
            backend: Some(live.backend.clone()),
            reason: if last.is_failure { last.reason.clone().into() } else { "".into() },
        });
    }

    fn log(&self, details: &Details, live: &LiveTunnel, last: &Last) {
        let (backend, id, head) = (live.backend.address(), details.id.digits(), &details.head);
        let (path, query) = head.uri().split_once('?').unwrap_or((head.uri(), ""));
        let route = &self.route;
        self.thread().log.write(Line {
            time_stamp: live.since(),
            resource_id: &route.gateway,
            listener_name: &route.listener,
            rule_name: route.rule.as_ref().map_or("", |rule| &rule.name),
            backend_pool_name: &live.backend.key.pool,
            backend_setting_name: &live.backend.key.settings,
            properties: Properties {
                http_method: "GET",
                original_request_uri_with_args: head.uri(),
                request_uri: path,
                request_query: query,
                // HTTP/2 has no 101 (RFC 8441, section 5).
                http_status: if head.version == http::Version::HTTP_2 { 200 } else { 101 },
                http_version: version(head.version),
                received_bytes: live.bytes.received(),
                sent_bytes: live.bytes.sent(),
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
                closed_by: last.closed_by,
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
    closed_by: &'static str,
    reason: String,
    time: Duration,
    close_code: Option<u16>,
}

impl Last {
    /// Describes the end of a tunnel.
    pub(super) fn of<C: Peer, B: Peer>(
        end: &TunnelOutcome,
        started: ShortInstant,
        traffic: &Traffic<C, B, Frames>,
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
            close_code: traffic.tap(first).close_code().or(traffic.tap(second).close_code()),
        }
    }
}
