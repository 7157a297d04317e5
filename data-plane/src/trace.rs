//! The gateway's part in distributed traces: handing the context on, and exporting a span for each request and each
//! tunnel where a collector is named.

mod context;
mod export;
mod span;

pub(crate) use context::{Context, Part, TRACEPARENT, TRACESTATE, write_hex};
pub(crate) use export::{Exporter, Handle};
pub(crate) use span::{Kind, Request, Span};
