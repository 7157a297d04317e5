//! A Tidegate with one applied gateway, which most tests start from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::access_log::AccessLog;
use crate::address::{HTTP_PORT, HTTPS_PORT, loopback};
use crate::document::GatewayDocument;
use crate::http_client::{Answer, HttpClient};
use crate::management::Management;
use crate::peer::Peer;
use crate::tidegate::{Tidegate, TidegateBuilder};
use crate::websocket::WebSocket;

/// The host of requests unless a test sets another.
pub const HOST: &str = "gateway.test";

/// A running Tidegate with an applied gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The processes.
    pub tidegate: Tidegate,
    /// The document that was applied last.
    pub document: GatewayDocument,
    address: Ipv4Addr,
}

impl Gateway {
    /// Starts it with the usual document for these members (see [`GatewayDocument::forwarding`]).
    pub async fn start(tidegate: TidegateBuilder, members: &[IpAddr]) -> Gateway {
        Gateway::start_with(tidegate, members, |document| document).await
    }

    /// Starts it with the usual document after a change.
    pub async fn start_with(
        tidegate: TidegateBuilder,
        members: &[IpAddr],
        change: impl FnOnce(GatewayDocument) -> GatewayDocument,
    ) -> Gateway {
        let tidegate = tidegate.start().await;
        // An operation only waits for the workers that are connected.
        tidegate.all_connected().await;
        let address = loopback();
        let document = change(GatewayDocument::forwarding("gateway", address, members));
        let mut gateway = Gateway { tidegate, document: document.clone(), address };
        gateway.apply(document).await;
        gateway
    }

    /// Applies another document, and waits for the operation. Returns the resource that `GET` returns then.
    pub async fn apply(&mut self, document: GatewayDocument) -> Value {
        let answer = self.management().apply_gateway(&document).await;
        self.document = document;
        answer
    }

    /// Returns a client of the management API.
    pub fn management(&self) -> Management {
        self.tidegate.management()
    }

    /// The gateway's resource ID.
    pub fn id(&self) -> &str {
        self.document.id()
    }

    /// The address of the frontend.
    pub fn ip(&self) -> Ipv4Addr {
        self.address
    }

    /// The address of the usual HTTP listener.
    pub fn http(&self) -> SocketAddr {
        (self.address, HTTP_PORT).into()
    }

    /// The address of the usual HTTPS listener.
    pub fn https(&self) -> SocketAddr {
        (self.address, HTTPS_PORT).into()
    }

    /// Opens an HTTP connection.
    pub async fn client(&self) -> HttpClient {
        HttpClient::connect(self.http(), HOST).await
    }

    /// Opens a connection for raw bytes.
    pub async fn peer(&self) -> Peer {
        Peer::connect(self.http()).await
    }

    /// Sends one request on a new connection.
    pub async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    /// Opens a WebSocket over the usual HTTP listener.
    pub async fn websocket(&self, path: &str) -> WebSocket {
        WebSocket::connect(self.http(), HOST, path).await
    }

    /// Returns the status with which a handshake is refused.
    pub async fn refused_websocket(&self, path: &str) -> u16 {
        let attempt = WebSocket::try_connect(self.http(), HOST, path, &[]).await;
        attempt.expect_err("the handshake is refused")
    }

    /// Returns the workers' access log.
    pub fn access_log(&self) -> AccessLog {
        self.tidegate.access_log()
    }
}
