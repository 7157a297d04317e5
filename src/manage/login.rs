//! `tidegate login`: credentials that are checked before they are stored.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use serde_json::Value;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use zeroize::Zeroizing;

use crate::api_client::{ApiRequest, Endpoint};
use crate::cli::{ContextDefaults, LoginOptions};
use crate::context::{self, ContextFile, LOCAL, StoredContext, StoredCredential};
use crate::outcome::{CommandResult, Failure};
use crate::output::message;

/// The tenant of a client that does not name one: any.
const ANY_TENANT: &str = "common";

/// Runs the command.
///
/// # Errors
/// The control plane cannot be reached or does not accept the credentials; nothing is stored then.
pub(super) async fn run(options: &LoginOptions) -> CommandResult {
    let endpoint: Endpoint = options.url.parse().map_err(Failure::usage)?;
    let name = options.name.clone().unwrap_or_else(|| host(&options.url));
    if name == LOCAL || name.is_empty() {
        return Err(Failure::usage(
            "the context `local` is that of the data directory; choose another name with --name",
        )
        .into());
    }
    let authority = match &options.ca_file {
        Some(file) => {
            let pem = private_file::read(file).map_err(|e| Failure::usage(e.to_string()))?;
            Some(
                String::from_utf8(pem.expose().to_vec())
                    .map_err(|_| Failure::usage(format!("{} is not PEM", file.display())))?,
            )
        }
        None => None,
    };
    let mut stored = StoredContext {
        url: endpoint.to_string(),
        authority,
        credential: credential(options).await?,
        subscription: None,
        resource_group: None,
        gateway: None,
    };
    set(&mut stored, &options.defaults);
    // A token that an earlier login has kept says nothing about these credentials.
    context::forget_token(&name);
    let opened = stored.open(&name, options.timeout)?;
    let subscriptions = opened.api.list(&ApiRequest::get("/subscriptions")).await?;
    let mut file = ContextFile::load()?;
    file.contexts.insert(name.clone(), stored);
    file.current = Some(name.clone());
    file.save()?;
    let seen = subscriptions.iter().filter_map(|one| one["subscriptionId"].as_str());
    message(&format!(
        "logged in to {endpoint}; the context is `{name}`, with the subscriptions {}",
        seen.collect::<Vec<_>>().join(", ")
    ));
    Ok(())
}

/// Sets the given defaults; an empty text removes one.
pub(super) fn set(context: &mut StoredContext, defaults: &ContextDefaults) {
    let ContextDefaults { subscription, resource_group, gateway } = defaults;
    for (value, place) in [
        (subscription, &mut context.subscription),
        (resource_group, &mut context.resource_group),
        (gateway, &mut context.gateway),
    ] {
        if let Some(value) = value {
            *place = Some(value.clone()).filter(|value| !value.is_empty());
        }
    }
}

/// Reads the credentials from where the options say; from the terminal if they say nothing.
async fn credential(options: &LoginOptions) -> Result<StoredCredential, Box<dyn Error>> {
    if let Some(file) = &options.token_file {
        return Ok(StoredCredential::Token(context::token(&read(file)?)));
    }
    if let Some(file) = &options.client_file {
        let content = read(file)?;
        let client: Value = serde_json::from_slice(content.expose()).unwrap_or(Value::Null);
        let text = |name: &str| client[name].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(secret)) = (text("appId"), text("password")) else {
            let message = format!(
                "{} is not a client as `tidegate client create` prints it: it has no `appId` or no `password`",
                file.display()
            );
            return Err(Failure::usage(message).into());
        };
        let tenant = text("tenant").unwrap_or(ANY_TENANT).to_owned();
        return Ok(StoredCredential::Client {
            id: id.to_owned(),
            secret: Secret::new(secret.into()),
            tenant,
        });
    }
    if options.secret_file.is_none() && !io::stdin().is_terminal() {
        let message =
            "there are no credentials: give --client-file, --token-file, or --client-id with --secret-file";
        return Err(Failure::usage(message).into());
    }
    let id = match &options.client_id {
        Some(id) => id.clone(),
        None => blocking(|| prompt("Client ID: ")).await?,
    };
    let secret = match &options.secret_file {
        Some(file) => context::token(&read(file)?),
        None => {
            blocking(|| rpassword::prompt_password("Secret: ").map(|text| Secret::new(text.into_bytes())))
                .await?
        }
    };
    Ok(StoredCredential::Client { id, secret, tenant: ANY_TENANT.to_owned() })
}

/// Reads from the terminal on a thread of its own, so that a signal still ends the command.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Box<dyn Error>> {
    Ok(tokio::task::spawn_blocking(read).await??)
}

fn prompt(text: &str) -> io::Result<String> {
    write!(io::stderr(), "{text}")?;
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn read(file: &Path) -> Result<Secret, Failure> {
    let read = || match file == Path::new("-") {
        true => {
            let mut bytes = Zeroizing::new(Vec::new());
            io::Read::read_to_end(&mut io::stdin(), &mut bytes)?;
            Ok(Secret::new(bytes.to_vec()))
        }
        false => private_file::read(file),
    };
    read().map_err(|e: io::Error| Failure::usage(e.to_string()))
}

/// The name of a context whose user gives none: the host of its URL.
fn host(url: &str) -> String {
    let uri: Option<hyper::Uri> = url.parse().ok();
    uri.and_then(|uri| uri.host().map(|host| host.trim_matches(['[', ']']).to_owned())).unwrap_or_default()
}
