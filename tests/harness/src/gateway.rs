//! A Tidegate with one gateway in force: where most stories begin.

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

/// The host that clients ask for unless a test says otherwise.
pub const HOST: &str = "gateway.test";

/// A gateway that carries traffic.
#[derive(Debug)]
pub struct Gateway {
    /// The processes.
    pub tidegate: Tidegate,
    /// What it was configured with last.
    pub document: GatewayDocument,
    address: Ipv4Addr,
}

impl Gateway {
    /// Starts it with the usual document for these members (see [`GatewayDocument::forwarding`]).
    pub async fn start(tidegate: TidegateBuilder, members: &[IpAddr]) -> Gateway {
        Gateway::start_with(tidegate, members, |document| document).await
    }

    /// Starts it with that document, changed.
    pub async fn start_with(
        tidegate: TidegateBuilder,
        members: &[IpAddr],
        change: impl FnOnce(GatewayDocument) -> GatewayDocument,
    ) -> Gateway {
        let tidegate = tidegate.start().await;
        // Only those that are connected are waited for when a configuration goes into force.
        tidegate.all_connected().await;
        let address = loopback();
        let document = change(GatewayDocument::forwarding("gateway", address, members));
        let mut gateway = Gateway { tidegate, document: document.clone(), address };
        gateway.apply(document).await;
        gateway
    }

    /// Configures it anew and waits until that is in force. Returns what `GET` then says.
    pub async fn apply(&mut self, document: GatewayDocument) -> Value {
        let answer = self.management().apply_gateway(&document).await;
        self.document = document;
        answer
    }

    /// A client of the management API.
    pub fn management(&self) -> Management {
        self.tidegate.management()
    }

    /// The gateway's resource ID.
    pub fn id(&self) -> &str {
        self.document.id()
    }

    /// Where the frontend is.
    pub fn ip(&self) -> Ipv4Addr {
        self.address
    }

    /// The usual HTTP listener.
    pub fn http(&self) -> SocketAddr {
        (self.address, HTTP_PORT).into()
    }

    /// The usual HTTPS listener.
    pub fn https(&self) -> SocketAddr {
        (self.address, HTTPS_PORT).into()
    }

    /// A client on a connection of its own.
    pub async fn client(&self) -> HttpClient {
        HttpClient::connect(self.http(), HOST).await
    }

    /// A connection of its own, byte by byte.
    pub async fn peer(&self) -> Peer {
        Peer::connect(self.http()).await
    }

    /// One request on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    /// A WebSocket over the usual HTTP listener.
    pub async fn websocket(&self, path: &str) -> WebSocket {
        WebSocket::connect(self.http(), HOST, path).await
    }

    /// The status that a handshake is refused with.
    pub async fn refused_websocket(&self, path: &str) -> u16 {
        let attempt = WebSocket::try_connect(self.http(), HOST, path, &[]).await;
        attempt.expect_err("the handshake is refused")
    }

    /// The workers' access lines.
    pub fn access_log(&self) -> AccessLog {
        self.tidegate.access_log()
    }
}
