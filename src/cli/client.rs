//! The command line of `tidegate client`.

use clap::Subcommand;
use tidegate_control_plane::identity::name::ClientName;
use tidegate_control_plane::identity::role::Role;
use tidegate_control_plane::identity::scope::Scope;

use super::TokenOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Make a client, and print its ID and its secret.
    ///
    /// The output is JSON, with the members that `az ad sp create-for-rbac` prints. The secret is shown this once; what
    /// is kept is a hash of it.
    Create {
        /// What to call it in lists and in the audit log: letters, digits, `.`, `_` and `-`.
        name: ClientName,

        /// What it may do: `reader` looks at everything, `contributor` also changes everything but who may connect.
        #[arg(long, env = "TIDEGATE_ROLE", value_name = "reader|contributor")]
        role: Role,

        /// Where: the ID of a subscription, a resource group or a resource, or `/` for everywhere, the default.
        /// Repeatable; separated by commas in the environment.
        #[arg(long, env = "TIDEGATE_SCOPE", value_name = "SCOPE", value_delimiter = ',')]
        scope: Vec<Scope>,

        #[command(flatten)]
        place: TokenOptions,
    },

    /// List the clients, as JSON.
    List {
        #[command(flatten)]
        place: TokenOptions,
    },

    /// Shut a client out at once: its secret and its tokens are good for nothing any more.
    Revoke {
        /// Which.
        name: String,

        #[command(flatten)]
        place: TokenOptions,
    },

    /// Give a client a new secret, and print it; the old one and its tokens are good for nothing any more.
    Reset {
        /// Which.
        name: String,

        #[command(flatten)]
        place: TokenOptions,
    },
}
