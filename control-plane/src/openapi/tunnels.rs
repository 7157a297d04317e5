//! Tunnels, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

/// A page of tunnels.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct TunnelList {
    /// The tunnels.
    value: Vec<Tunnel>,
    /// The URL of the next page; absent on the last page.
    next_link: Option<String>,
    /// The number of tunnels on all pages, with `$count=true`.
    count: Option<i64>,
    /// The workers whose tunnels are not in the list: they are not connected, or did not answer in time.
    missing_workers: Vec<String>,
}

/// A tunnel.
#[derive(JsonSchema)]
pub(crate) struct Tunnel {
    /// The resource ID.
    id: String,
    /// The name, which is the same for as long as the tunnel is known.
    name: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// What is known of it.
    properties: TunnelProperties,
}

/// What is known of a tunnel.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct TunnelProperties {
    /// Whether it is open.
    state: TunnelState,
    /// The latest time of its end, if it is draining.
    #[schemars(extend("format" = "date-time"))]
    drains_until: Option<String>,
    /// The reason why it is draining or closing, or has ended.
    reason: Option<String>,
    /// The time of its end.
    #[schemars(extend("format" = "date-time"))]
    closed_at: Option<String>,
    /// The side that ended it.
    closed_by: Option<TunnelClosedBy>,
    /// The code of the Close frame that one side sent.
    close_code: Option<i32>,
    /// The time from its begin to its end, in seconds.
    duration_in_sec: Option<i64>,
    /// The listener.
    listener: String,
    /// The routing rule.
    rule: String,
    /// The backend pool.
    pool: String,
    /// The backend settings.
    settings: String,
    /// The address or name of the pool member.
    member: String,
    /// The IP address of the client.
    client_address: String,
    /// The port of the client.
    client_port: i32,
    /// The host of the handshake.
    host: String,
    /// The path of the handshake as sent, without the query.
    path: String,
    /// The subprotocol that the backend selected.
    subprotocol: Option<String>,
    /// The worker.
    worker: String,
    /// The time of its begin.
    #[schemars(extend("format" = "date-time"))]
    opened_at: String,
    /// The seconds since a byte last moved; for a tunnel that has ended, until its end.
    idle_for_in_sec: i64,
    /// The idle timeout of its settings, in seconds.
    request_timeout_in_sec: i64,
    /// The bytes from the client.
    bytes_from_client: i64,
    /// The bytes from the backend.
    bytes_from_backend: i64,
    /// The WebSocket messages from the client, at most 4294967295.
    messages_from_client: i64,
    /// The WebSocket messages from the backend, at most 4294967295.
    messages_from_backend: i64,
}

/// The state of a tunnel.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum TunnelState {
    /// Nothing is going to end it.
    Open,
    /// It is ended at `drainsUntil` at the latest.
    Draining,
    /// It is being ended.
    Closing,
    /// It has ended.
    Closed,
}

/// The side that ended a tunnel.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum TunnelClosedBy {
    /// The client.
    Client,
    /// The backend.
    Backend,
    /// The gateway.
    Gateway,
}

/// The result of closing tunnels.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct TunnelsClosed {
    /// The number of tunnels that met the condition at the begin.
    chosen: i64,
    /// The number of those that were closed.
    closed: i64,
    /// The number of those that had ended by themselves before.
    ended: i64,
    /// The number of those that are left.
    left: i64,
    /// The workers that did not answer: their tunnels were not chosen, or are left.
    missing_workers: Vec<String>,
}
