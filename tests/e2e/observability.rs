//! The records of requests and tunnels: access log, metrics and traces.

mod access_log;
mod metrics;
mod traces;
