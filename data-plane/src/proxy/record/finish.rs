//! The end of a request: its metrics, its access log line and its span.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{ABANDONED, Details, Record};
use crate::access_log::{Line, Properties, version};
use crate::error_info::ErrorInfo;
use crate::metrics::cell::REQUEST;
use crate::metrics::series::RuleSeries;
use crate::runtime::{Action, RouteEntry, Rule};
use crate::trace::{self, Span, SpanContent};

impl Drop for Record {
    fn drop(&mut self) {
        let now = Instant::now();
        let time = now.duration_since(self.started);
        if let (Some(details), Some(fault)) = (&mut self.details, self.connection.http1.fault())
            && details.reason == ABANDONED
        {
            details.reason = fault.to_string().into();
        }
        match &self.route {
            Some(route) => self.count(&route.series, now, time),
            // The listener is unknown, but the gateway is known.
            None => self.count(&self.connection.current.load().series.unrouted, now, time),
        }
        if let Some(details) = self.details.take() {
            self.log(&details, time);
            self.export(*details, time);
        }
    }
}

impl Record {
    fn received(&self) -> u64 {
        self.upload.as_ref().map_or(0, |upload| upload.bytes.get())
    }

    fn count(&self, series: &RuleSeries, now: Instant, time: Duration) {
        let thread = self.connection.thread.number;
        let requests = series.requests.of(thread);
        requests.statuses.add(self.status);
        requests.time.observe(REQUEST, time);
        requests.received.add(self.received());
        requests.sent.add(self.sent);
        if let Some(number) = self.error.number() {
            requests.failures[number].add(1);
        }
        if self.error != ErrorInfo::NoError {
            return;
        }
        if self.switched {
            series.tunnels.of(thread).handshake.observe(REQUEST, time);
        } else if let (Some(backend), Some(asked), Some(_)) = (&self.backend, self.asked, self.latency) {
            let whole = self.received_at.unwrap_or(now) - asked;
            backend.series.exchanges.of(thread).last_byte.observe(REQUEST, whole);
        }
    }

    fn log(&self, details: &Details, time: Duration) {
        let log = &self.connection.thread.log;
        if !log.is_on() {
            return;
        }
        let (backend, id) = (self.backend.as_ref().map(|backend| backend.address()), details.id.digits());
        let (pool, settings) = self.pool_and_settings();
        let runtime = self.connection.current.load();
        let (host, asked) =
            details.sent.as_ref().map_or((&details.host, &details.target), |(host, target)| (host, target));
        let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
        log.write(Line {
            time_stamp: Timestamp::try_from(details.time).unwrap_or_default(),
            resource_id: self.route.as_ref().map_or(&*runtime.name, |route| &route.gateway),
            listener_name: self.route.as_ref().map_or("", |route| &route.listener),
            rule_name: self.entry().and(self.rule()).map_or("", |rule| &rule.name),
            backend_pool_name: pool,
            backend_setting_name: settings,
            properties: Properties {
                http_method: details.method.as_str(),
                original_request_uri_with_args: &details.target,
                request_uri: path,
                request_query: query,
                user_agent: text(&details.user_agent),
                http_status: self.status,
                http_version: version(details.version),
                received_bytes: self.received(),
                sent_bytes: self.sent,
                client_response_time: details.first.unwrap_or(time),
                time_taken: time,
                transaction_id: id.as_str(),
                server_routed: backend.as_deref().unwrap_or(""),
                server_status: details.server_status,
                server_response_latency: self.latency,
                upstream_source_port: details.source_port,
                original_host: &details.host,
                host: if host.is_empty() { &details.host } else { host },
                error_info: self.error.as_str(),
                content_type: text(&details.content_type),
                event: "request",
                path_rule: self.entry().map_or("", |entry| &entry.path_rule),
                dropped_headers: details.dropped.names(),
                reason: &details.reason,
                ..Properties::of(self.connection.client, self.connection.tls.as_deref())
            },
            ..Line::default()
        });
    }

    fn rule(&self) -> Option<&Rule> {
        self.route.as_ref()?.rule.as_ref()
    }

    fn entry(&self) -> Option<&RouteEntry> {
        Some(&self.rule()?.entries[self.entry?])
    }

    /// Returns the names of pool and settings: those of the backend that was tried or, if none was, those of the entry.
    fn pool_and_settings(&self) -> (&str, &str) {
        match (&self.backend, self.entry().map(|entry| &entry.action)) {
            (Some(backend), _) => (&backend.key.pool, &backend.key.settings),
            (None, Some(Action::Forward(set))) => (&set.pool, &set.settings),
            _ => ("", ""),
        }
    }

    fn export(&self, details: Details, time: Duration) {
        let Some(context) = details.context else { return };
        self.connection.thread.spans.send(Span {
            context,
            start: details.time,
            time,
            content: SpanContent::Request(trace::RequestSpan::new(
                details.method,
                &details.target,
                details.version,
                self.status,
                details.user_agent.as_deref(),
            )),
            client: self.connection.client,
            local: self.connection.address,
            secure: self.connection.secure,
            host: details.host,
            route: self.route.clone(),
            backend: self.backend.clone(),
            reason: details.reason,
        });
    }
}

fn text(value: &Option<Box<str>>) -> &str {
    value.as_deref().unwrap_or("")
}
