//! API clients: created and revoked on the command line, authenticated by tokens, authorized by role and scopes,
//! and recorded in the audit log.

mod audit;
mod authentication;
mod clients;
mod matrix;
mod scopes;
mod tokens;

use serde_json::Value;
use tidegate_harness::{Answer, GROUP, Management, SUBSCRIPTION, Tidegate, run};

use crate::BINARY;

/// The output of `client create`.
#[derive(Debug)]
pub(crate) struct Credentials {
    id: String,
    secret: String,
    tenant: String,
}

impl Credentials {
    fn read(printed: &Value) -> Credentials {
        let text =
            |name: &str| printed[name].as_str().unwrap_or_else(|| panic!("no {name}: {printed}")).to_owned();
        Credentials { id: text("appId"), secret: text("password"), tenant: text("tenant") }
    }

    /// Returns the form of a token request, with another secret if one is given.
    fn form(&self, secret: Option<&str>) -> String {
        let secret = secret.unwrap_or(&self.secret);
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={secret}&scope=x%2F.default",
            self.id
        )
    }

    /// Sends a token request.
    async fn ask(&self, management: &Management, secret: Option<&str>) -> Answer {
        let path = format!("/{}/oauth2/v2.0/token", self.tenant);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        management.with_token(None).send("POST", &path, &headers, self.form(secret)).await
    }

    /// Gets a token, and returns this client's management API.
    pub(crate) async fn login(&self, management: &Management) -> Management {
        let answer = self.ask(management, None).await.expect(200).json();
        management.with_token(Some(answer["access_token"].as_str().expect("a token is text")))
    }
}

/// Runs `tidegate client …` on the data directory of a running control plane. Returns true if it succeeded, and its
/// output.
async fn command(tidegate: &Tidegate, arguments: &[&str]) -> (bool, Value) {
    let data_dir = tidegate.data_dir().display().to_string();
    let all = [&["client"], arguments, &["--data-dir", &data_dir]].concat();
    let output = run(BINARY, &all, &[]).await;
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

pub(crate) async fn create(tidegate: &Tidegate, arguments: &[&str]) -> Credentials {
    let (made, printed) = command(tidegate, &[&["create"], arguments].concat()).await;
    assert!(made, "{arguments:?}: {printed}");
    Credentials::read(&printed)
}

/// The ID of a resource group.
fn group(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

/// The ID of a gateway in a group.
fn gateway_in(group_name: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Network/applicationGateways/{name}", group(group_name))
}

/// The path of the list of all gateways.
fn all_gateways() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways")
}

/// The ID of the gateway in the usual group.
fn usual_gateway() -> String {
    gateway_in(GROUP, "gateway")
}
