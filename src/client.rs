//! `tidegate client`: manages the API clients of a data directory, and prints JSON for programs and people alike.

use std::io::{self, Write};

use serde_json::{Value, json};
use tidegate_control_plane::Scope;
use tidegate_control_plane::clients::{self, Credentials};

use crate::cli::ClientCommand;
use crate::control_plane::has_been_started;
use crate::outcome::CommandResult;

/// Runs a subcommand and prints its result. A secret is printed only here, once.
///
/// # Errors
/// No control plane was ever started in the directory; the name is taken or unknown.
pub(crate) async fn run(command: &ClientCommand) -> CommandResult {
    let data_dir = match command {
        ClientCommand::Create { place, .. }
        | ClientCommand::List { place }
        | ClientCommand::Revoke { place, .. }
        | ClientCommand::Reset { place, .. } => &place.data_dir,
    };
    has_been_started(data_dir)?;
    match command {
        ClientCommand::Create { name, role, scope, .. } => {
            let scopes = if scope.is_empty() { vec![Scope::everything()] } else { scope.clone() };
            print(&shown(&clients::create(data_dir, name.clone(), *role, scopes).await?)?)
        }
        ClientCommand::List { .. } => {
            let clients = clients::list(data_dir).await?;
            let shown = clients.iter().map(|client| {
                json!({
                    "appId": client.app_id.to_string(),
                    "displayName": client.name,
                    "role": client.role.as_str(),
                    "scopes": texts(&client.scopes),
                    "createdDateTime": client.created_at.to_string(),
                })
            });
            print(&shown.collect())
        }
        ClientCommand::Revoke { name, .. } => Ok(clients::revoke(data_dir, name).await?),
        ClientCommand::Reset { name, .. } => print(&shown(&clients::reset(data_dir, name).await?)?),
    }
}

/// Returns the members that `az ad sp create-for-rbac` prints, and the client's role and scopes.
fn shown(credentials: &Credentials) -> Result<Value, std::str::Utf8Error> {
    Ok(json!({
        "appId": credentials.app_id.to_string(),
        "displayName": credentials.name,
        "password": std::str::from_utf8(credentials.secret.expose())?,
        "tenant": credentials.tenant.to_string(),
        "role": credentials.role.as_str(),
        "scopes": texts(&credentials.scopes),
    }))
}

fn texts(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(Scope::to_string).collect()
}

fn print(value: &Value) -> CommandResult {
    Ok(writeln!(io::stdout(), "{value:#}")?)
}
