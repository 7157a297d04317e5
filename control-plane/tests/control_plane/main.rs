//! A whole control plane in this process, a client over HTTP and workers of our own over the real channel.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, also in its helpers")]

mod api;
mod certificates;
mod client;
#[path = "../../src/testing/document.rs"]
mod document;
mod groups;
mod lifecycle;
mod lists;
mod on_demand;
mod rollout;
mod worker;

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_control_plane::{
    AddressPool, Config, ControlPlane, FetchDeny, Limits, Listeners, LocalWorkers, Proxies,
    UnknownProperties, UnservedProtection, UnservedTypes,
};
use tokio::time::{Instant, interval};

use crate::client::Client;
use crate::worker::FakeWorker;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// Looks until there is something to see, and returns it; `what` was waited for if there is nothing by the [`DEADLINE`].
async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = interval(Duration::from_millis(20));
    let deadline = Instant::now() + DEADLINE;
    loop {
        ticks.tick().await;
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} in vain for: {what}");
    }
}

/// The path of a gateway.
fn gateway_path(name: &str) -> String {
    format!(
        "/subscriptions/aaaaaaaa-0000-0000-0000-00000000000a/resourceGroups/group/providers/Microsoft.Network/applicationGateways/{name}"
    )
}

/// The document of a gateway of that name, at that address and port.
fn gateway_body(name: &str, address: &str, port: u16) -> Value {
    document::gateway(&gateway_path(name), address, port)
}

/// A control plane on ports of its own, in a directory of its own.
struct Running {
    plane: ControlPlane,
    dir: TempDir,
}

impl Running {
    async fn start(rollout_timeout: Duration) -> Running {
        Running::start_in(tempfile::tempdir().unwrap(), rollout_timeout).await
    }

    async fn start_in(dir: TempDir, rollout_timeout: Duration) -> Running {
        Running::start_with(dir, rollout_timeout, false).await
    }

    async fn start_with(dir: TempDir, rollout_timeout: Duration, no_auth: bool) -> Running {
        Running::start_configured(dir, |config| Config { rollout_timeout, no_auth, ..config }).await
    }

    async fn start_configured(dir: TempDir, change: impl FnOnce(Config) -> Config) -> Running {
        let any = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            data_dir: dir.path().to_owned(),
            management: any,
            management_tls: any,
            management_certificate: None,
            certificate_lifetime: Duration::from_secs(24 * 60 * 60),
            channel: any,
            limits: Limits::default(),
            max_body: 64 << 20,
            unknown_properties: UnknownProperties::default(),
            unserved_protection: UnservedProtection::default(),
            strict_resource_groups: false,
            revisions: 100,
            rollout_timeout: Duration::from_secs(60),
            trusted_proxies: Proxies::default(),
            fetch_deny: FetchDeny::default(),
            key_vault_credentials: None,
            key_vault_interval: Duration::from_secs(4 * 60 * 60),
            certificate_files: None,
            unserved_types: UnservedTypes::default(),
            public_pool: None,
            private_pool: AddressPool::default(),
            mapped_addresses: Vec::new(),
            local_workers: LocalWorkers::None,
            no_auth: false,
        };
        let config = change(config);
        let listeners = Listeners::bind(&config, None).await.unwrap();
        Running { plane: ControlPlane::start(config, listeners).await.unwrap(), dir }
    }

    fn client(&self) -> Client {
        let token = std::fs::read_to_string(self.dir.path().join("admin-token")).unwrap();
        Client::new(self.plane.addresses().management, token)
    }

    async fn join(&self) -> worker::Identity {
        let token = self.plane.tokens().issue().await.unwrap();
        worker::join(self.plane.addresses().channel, &token).await.unwrap()
    }

    /// A new worker, connected, running nothing.
    async fn worker(&self) -> FakeWorker {
        let identity = self.join().await;
        FakeWorker::connect(self.plane.addresses().channel, &identity, vec![]).await
    }

    async fn stop(self) -> TempDir {
        self.plane.stop().await;
        self.dir
    }
}
