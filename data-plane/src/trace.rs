//! Distributed tracing: propagates the trace context, and exports a span for each request and each tunnel if a
//! collector is configured.

mod context;
mod export;
mod span;

pub(crate) use context::{Context, Part, write_hex};
pub(crate) use export::{Exporter, Handle};
pub(crate) use span::{RequestSpan, Span, SpanContent};
