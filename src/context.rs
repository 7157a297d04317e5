//! Contexts: which control plane a command talks to, with which credentials, and what it knows beside.
//!
//! The context `local` is the control plane of a data directory and is stored nowhere. Others are made by
//! `tidegate login` and are stored in one file, because their secrets need one place to protect. No function here
//! sends a request.

mod file;
mod local;

use std::path::PathBuf;
use std::time::Duration;

use tidegate_shared::secret::Secret;

use crate::api_client::{ApiClient, ClientCredential, Credential, Endpoint};
use crate::cli::ConnectionOptions;
use crate::outcome::{Exit, Failure};

pub(crate) use self::file::{ContextFile, StoredContext, StoredCredential, forget_token};
pub(crate) use self::local::{DEFAULT_DIR, LOCAL};

/// A control plane, the credentials for it, and the defaults of commands.
#[derive(Debug)]
pub(crate) struct Context {
    /// The name.
    pub(crate) name: String,
    /// The client of the REST API.
    pub(crate) api: ApiClient,
    /// The subscription in which gateways are looked for; all if there is none.
    pub(crate) subscription: Option<String>,
    /// The resource group in which gateways are looked for; all if there is none.
    pub(crate) resource_group: Option<String>,
    /// The gateway that commands are about if none is given.
    pub(crate) gateway: Option<String>,
}

impl Context {
    /// Selects the context of a command: `--context`, else `--data-dir`, else the one in use, else `local`.
    ///
    /// # Errors
    /// The context does not exist, or its file cannot be read or is readable for others.
    pub(crate) fn select(options: &ConnectionOptions) -> Result<Context, Failure> {
        let mut context = Context::named(options)?;
        let chosen = |option: &Option<String>, default: &mut Option<String>| {
            if option.is_some() {
                default.clone_from(option);
            }
            *default = default.take().filter(|value| !value.is_empty());
        };
        chosen(&options.subscription, &mut context.subscription);
        chosen(&options.resource_group, &mut context.resource_group);
        Ok(context)
    }

    fn named(options: &ConnectionOptions) -> Result<Context, Failure> {
        if let Some(directory) = &options.data_dir {
            return local::context(directory, options.timeout);
        }
        let directory = PathBuf::from(DEFAULT_DIR);
        if options.context.as_deref() == Some(LOCAL) {
            return local::context(&directory, options.timeout);
        }
        // Without a home directory there is no file, and a control plane on this machine needs none.
        let file = match ContextFile::load() {
            Err(_) if options.context.is_none() && ContextFile::path().is_err() => ContextFile::default(),
            loaded => loaded?,
        };
        match options.context.as_deref().or(file.current.as_deref()).filter(|name| *name != LOCAL) {
            Some(name) => file.get(name)?.open(name, options.timeout),
            None => local::context(&directory, options.timeout),
        }
    }
}

impl StoredContext {
    /// Makes a client for this context.
    ///
    /// # Errors
    /// Its certificate authority cannot be read.
    pub(crate) fn open(&self, name: &str, timeout: Duration) -> Result<Context, Failure> {
        let unreadable =
            |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("context {name}: {e}"));
        let endpoint: Endpoint = self.url.parse().map_err(|e: String| unreadable(&e))?;
        let credential = match &self.credential {
            StoredCredential::None => Credential::None,
            StoredCredential::Token(token) => Credential::Token(token.clone()),
            StoredCredential::Client { id, secret, tenant } => Credential::Client(ClientCredential::new(
                id.clone(),
                secret.clone(),
                tenant.clone(),
                file::token_cache(name),
            )),
        };
        let authority = self.authority.as_deref().map(str::as_bytes);
        let api = ApiClient::new(endpoint, authority, credential, timeout).map_err(|e| unreadable(&e))?;
        Ok(Context {
            name: name.to_owned(),
            api,
            subscription: self.subscription.clone(),
            resource_group: self.resource_group.clone(),
            gateway: self.gateway.clone(),
        })
    }
}

/// Reads a token from the bytes of a file: one line.
pub(crate) fn token(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim_ascii().to_vec())
}
