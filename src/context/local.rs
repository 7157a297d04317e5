//! The context `local`: the control plane that runs on this machine in a data directory.
//!
//! Requests go to its HTTPS address and trust the authority of the directory alone: another process at the port of a
//! control plane that was killed cannot get the token.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::private_file;

use crate::api_client::{ApiClient, Credential};
use crate::outcome::{Exit, Failure};

use super::{Context, token};

/// The name of the context.
pub(crate) const LOCAL: &str = "local";

/// The data directory of `tidegate up` if none is given.
pub(crate) const DEFAULT_DIR: &str = "./tidegate-data";

/// The files of a data directory that are needed here.
const ENDPOINTS: &str = "endpoints.json";
const AUTHORITY: &str = "ca.pem";
const TOKEN: &str = "admin-token";

/// Makes the context of a data directory. A directory without a token is that of a control plane without
/// authentication.
///
/// # Errors
/// No control plane runs there, or its files cannot be read.
pub(super) fn context(directory: &Path, timeout: Duration) -> Result<Context, Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, e.to_string());
    let endpoints = private_file::read(&directory.join(ENDPOINTS)).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::new(
            Exit::Failed,
            format!(
                "no control plane runs in {}: give its directory with --data-dir, or log in to one with `tidegate \
                 login URL`",
                directory.display()
            ),
        ),
        _ => failed(e),
    })?;
    let endpoints: Value = serde_json::from_slice(endpoints.expose()).unwrap_or(Value::Null);
    let url = endpoints["managementTls"].as_str().and_then(reachable).ok_or_else(|| {
        Failure::new(Exit::Failed, format!("{} has no address", directory.join(ENDPOINTS).display()))
    })?;
    let authority = private_file::read(&directory.join(AUTHORITY)).map_err(failed)?;
    let credential = match private_file::read_key(&directory.join(TOKEN)) {
        Ok(admin) => Credential::Token(token(&admin)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Credential::None,
        Err(e) => return Err(Failure::new(Exit::Refused, e.to_string())),
    };
    let endpoint = url.parse().map_err(|e: String| Failure::new(Exit::Failed, e))?;
    let api = ApiClient::new(endpoint, Some(authority.expose()), credential, timeout)
        .map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    let name = LOCAL.to_owned();
    Ok(Context { name, api, subscription: None, resource_group: None, gateway: None })
}

/// Returns the URL at which this machine reaches an address that may stand for every address.
fn reachable(url: &str) -> Option<String> {
    let mut address: SocketAddr = url.strip_prefix("https://")?.parse().ok()?;
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(format!("https://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_every_interface_is_reached_on_loopback() {
        for (url, expected) in [
            ("https://127.0.0.1:9443", Some("https://127.0.0.1:9443")),
            ("https://0.0.0.0:9443", Some("https://127.0.0.1:9443")),
            ("https://[::]:9443", Some("https://[::1]:9443")),
            ("http://127.0.0.1:9080", None),
            ("", None),
        ] {
            assert_eq!(reachable(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn without_a_control_plane_the_message_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let message = context(directory.path(), Duration::from_secs(1)).unwrap_err().message;
        assert!(message.contains("--data-dir") && message.contains("tidegate login"), "{message}");
    }
}
