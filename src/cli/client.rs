//! The command line of `tidegate client`.

use clap::Subcommand;
use tidegate_control_plane::ClientName;
use tidegate_control_plane::Role;
use tidegate_control_plane::Scope;

use super::TokenOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Create an API client, and print its ID and its secret.
    ///
    /// The output is JSON, with the members that `az ad sp create-for-rbac` prints. The secret is shown only once;
    /// only a hash of it is stored.
    Create {
        /// The name in lists and in the audit log: letters, digits, `.`, `_` and `-`.
        name: ClientName,

        /// The role: `reader` reads everything, `contributor` also changes everything except API clients and
        /// workers.
        #[arg(long, env = "TIDEGATE_ROLE", value_name = "reader|contributor")]
        role: Role,

        /// The scope of the role: the ID of a subscription, a resource group or a resource, or `/` for everything
        /// (the default). Repeatable; separated by commas in the environment.
        #[arg(long, env = "TIDEGATE_SCOPE", value_name = "SCOPE", value_delimiter = ',', value_parser = Scope::parse_new)]
        scope: Vec<Scope>,

        #[command(flatten)]
        place: TokenOptions,
    },

    /// List the clients, as JSON.
    List {
        #[command(flatten)]
        place: TokenOptions,
    },

    /// Revoke a client: its secret and its tokens become invalid at once.
    Revoke {
        /// The client's name.
        name: String,

        #[command(flatten)]
        place: TokenOptions,
    },

    /// Give a client a new secret, and print it; the old secret and its tokens become invalid at once.
    Reset {
        /// The client's name.
        name: String,

        #[command(flatten)]
        place: TokenOptions,
    },
}
