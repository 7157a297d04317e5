//! The command line of the demo and of its backend.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use tidegate_control_plane::{UnknownProperties, UnservedProtection};

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoOptions {
    /// End after the messages: with exit code 0 if all of them came back, else with 1.
    #[arg(long, env = "TIDEGATE_ONCE", value_parser = BoolishValueParser::new())]
    pub(crate) once: bool,

    /// Sets whether unknown properties of documents are stored: `warn` or `refuse`, as with `tidegate up`.
    #[arg(long, env = "TIDEGATE_UNKNOWN_PROPERTIES", default_value_t, value_name = "warn|refuse")]
    pub(crate) unknown_properties: UnknownProperties,

    /// Sets whether gateways are accepted that rely on protection that Tidegate does not provide: `refuse` or `warn`, as
    /// with `tidegate up`.
    #[arg(long, env = "TIDEGATE_UNSERVED_PROTECTION", default_value_t, value_name = "refuse|warn")]
    pub(crate) unserved_protection: UnservedProtection,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EchoOptions {
    /// The address to listen at; port 0 for any free port.
    #[arg(long, env = "TIDEGATE_LISTEN", default_value = "127.0.0.1:9100", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
}
