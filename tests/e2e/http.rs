//! HTTP between a client and a backend: forwarding, framing, limits, and the replies of the gateway itself.

mod buffering;
mod error_pages;
mod forwarding;
mod framing;
mod header_options;
mod interim;
mod limits;
mod local_replies;
mod proxy_protocol;
mod request_limits;
mod slow_clients;
mod smuggling;
mod streaming;
