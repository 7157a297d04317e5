//! The options of a control plane, for `up` and `control-plane`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use tidegate_control_plane::{
    AddressPool, FetchDeny, Limit, MappedAddress, Proxy, UnknownProperties, UnservedProtection, UnservedTypes,
};

use super::value;

#[derive(Clone, Debug, Args)]
pub(crate) struct ControlPlaneOptions {
    /// The directory for the database, the keys and the tokens. It belongs to one control plane at a time.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// The address of the management API over plain HTTP. Loopback only; port 0 for any free port.
    #[arg(long, env = "TIDEGATE_MANAGEMENT", default_value = "127.0.0.1:9080", value_name = "ADDRESS:PORT")]
    pub(crate) management: SocketAddr,

    /// The address of the management API over HTTPS; port 0 for any free port.
    #[arg(
        long,
        env = "TIDEGATE_MANAGEMENT_TLS",
        default_value = "127.0.0.1:9443",
        value_name = "ADDRESS:PORT"
    )]
    pub(crate) management_tls: SocketAddr,

    /// The certificate chain for HTTPS, a PEM file. By default the authority at `<data-dir>/ca.pem` issues one.
    #[arg(long, env = "TIDEGATE_MANAGEMENT_CERT", requires = "management_key", value_name = "FILE")]
    pub(crate) management_cert: Option<PathBuf>,

    /// The private key for HTTPS, a PEM file.
    #[arg(long, env = "TIDEGATE_MANAGEMENT_KEY", requires = "management_cert", value_name = "FILE")]
    pub(crate) management_key: Option<PathBuf>,

    /// The lifetime of the certificates that the authority at `<data-dir>/ca.pem` issues for HTTPS, the channel and
    /// workers. Each is replaced without a restart after two thirds of it. At least `3s`.
    #[arg(long, env = "TIDEGATE_CERTIFICATE_LIFETIME", default_value = "19680h", value_name = "DURATION",
          value_parser = value::certificate_lifetime)]
    pub(crate) certificate_lifetime: Duration,

    /// The address of the channel, where workers connect; port 0 for any free port.
    #[arg(long, env = "TIDEGATE_CHANNEL", default_value = "127.0.0.1:9444", value_name = "ADDRESS:PORT")]
    pub(crate) channel: SocketAddr,

    /// The time after which an operation fails if no worker is connected, or not every connected worker has applied
    /// the change, such as `60s`.
    #[arg(long, env = "TIDEGATE_ROLLOUT_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) rollout_timeout: Duration,

    /// The number of some items that a gateway may have, such as `httpListeners=500`. The name is that of a
    /// collection, or `hostNames` of a listener, `backendAddresses` of a pool, `pathRules` of a path map.
    /// Repeatable; separated by commas in the environment.
    #[arg(long, env = "TIDEGATE_LIMIT", value_name = "NAME=N", value_delimiter = ',')]
    pub(crate) limit: Vec<Limit>,

    /// The largest document of a gateway, in bytes or with a unit such as `64MiB`. At most two documents above 4
    /// MiB are read at the same time, one for each client; every other body may have 4 MiB.
    #[arg(long, env = "TIDEGATE_MAX_BODY", default_value = "64MiB", value_name = "SIZE", value_parser = value::size)]
    pub(crate) max_body: u64,

    /// Addresses or networks of trusted proxies in front of the management API, such as `10.0.0.0/8`. Only their
    /// X-Forwarded headers are used for the client's scheme, host and address.
    #[arg(long, env = "TIDEGATE_TRUSTED_PROXIES", value_name = "ADDRESS|CIDR,...", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<Proxy>,

    /// Addresses or networks that nothing is fetched from, or `none`: no error page (`customErrorPageUrl`), template
    /// (`templateLink`) or file of parameters (`parametersLink`). The default is this host, loopback and link-local
    /// addresses, and the metadata services of clouds; a given list replaces it.
    #[arg(long, env = "TIDEGATE_FETCH_DENY", default_value = FetchDeny::DEFAULT, value_name = "ADDRESS|CIDR,...")]
    pub(crate) fetch_deny: FetchDeny,

    /// The directory below which certificates are read from PEM files that documents `certificateSources` name. Without it no
    /// file is read.
    #[arg(long, env = "TIDEGATE_CERTIFICATE_FILES", value_name = "DIR")]
    pub(crate) certificate_files: Option<PathBuf>,

    /// The directory with a file `HOST.json` for each vault, with the credentials to fetch certificates from it
    /// (`keyVaultSecretId`): `clientId` and `clientSecret` for Azure Key Vault; `token`, or `roleId` and `secretId`, for
    /// OpenBao. Other vaults are not asked.
    #[arg(long, env = "TIDEGATE_KEY_VAULT_CREDENTIALS", value_name = "DIR")]
    pub(crate) key_vault_credentials: Option<PathBuf>,

    /// The interval at which certificates without a fixed version are fetched from vaults again, a tenth more or less.
    #[arg(long, env = "TIDEGATE_KEY_VAULT_INTERVAL", default_value = "4h", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) key_vault_interval: Duration,

    /// Sets whether resources of types that Tidegate does not serve, such as network security groups, are stored:
    /// `store` stores and returns them without effect, `refuse` refuses them.
    #[arg(long, env = "TIDEGATE_UNSERVED_TYPES", default_value_t, value_name = "store|refuse")]
    pub(crate) unserved_types: UnservedTypes,

    /// Sets whether unknown properties of documents are stored: `warn` stores and returns them without effect, and says
    /// so in the response; `refuse` refuses the document. Probable mistakes are always refused.
    #[arg(long, env = "TIDEGATE_UNKNOWN_PROPERTIES", default_value_t, value_name = "warn|refuse")]
    pub(crate) unknown_properties: UnknownProperties,

    /// Sets whether gateways are accepted that rely on protection that Tidegate does not provide: a web application
    /// firewall in Prevention mode, or a network security group of the gateway's subnet. `refuse` refuses them; `warn`
    /// accepts them without the protection, and says so in the response and in the log.
    #[arg(long, env = "TIDEGATE_UNSERVED_PROTECTION", default_value_t, value_name = "refuse|warn")]
    pub(crate) unserved_protection: UnservedProtection,

    /// Networks of which each public IP address without `ipAddress` gets an address of its own, or `none`: then all such
    /// addresses share the workers' `--public-address`. The default is `none`, and `127.80.0.0/16` for `up` with a
    /// loopback address as `--public-address`.
    #[arg(long, env = "TIDEGATE_PUBLIC_POOL", value_name = "CIDR,...|none")]
    pub(crate) public_pool: Option<AddressPool>,

    /// Networks of which each private address of a gateway that this machine lacks gets one to stand for it, such as
    /// `127.90.0.0/16`, or `none`. Without it, `up` refuses a gateway with such an address.
    #[arg(long, env = "TIDEGATE_PRIVATE_POOL", default_value_t, value_name = "CIDR,...|none")]
    pub(crate) private_pool: AddressPool,

    /// An address of documents and the one that is bound in its place, such as `10.0.0.4=127.0.0.4`. Repeatable;
    /// separated by commas in the environment.
    #[arg(long, env = "TIDEGATE_MAP_ADDRESS", value_name = "FROM=TO", value_delimiter = ',')]
    pub(crate) map_address: Vec<MappedAddress>,

    /// Refuse to create resources in a resource group that does not exist.
    #[arg(long, env = "TIDEGATE_STRICT_RESOURCE_GROUPS", value_parser = BoolishValueParser::new())]
    pub(crate) strict_resource_groups: bool,

    /// The number of generations of a gateway whose content is kept, to compare with and to go back to: 1 to 10000.
    /// Those older than 90 days are deleted too, except for the current one.
    #[arg(long, env = "TIDEGATE_REVISIONS", default_value_t = 100, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) revisions: u32,

    /// Require no bearer token. Refused unless both management addresses are loopback.
    #[arg(long, env = "TIDEGATE_NO_AUTH", value_parser = BoolishValueParser::new())]
    pub(crate) no_auth: bool,
}
