//! Checks HTTP requests that only this machine may send: those to the management API without authentication, and
//! those to a worker's metrics page on loopback.
//!
//! A web page in a browser on this machine can send requests to loopback in two ways. With DNS rebinding, the name
//! of the page's site resolves to loopback, and `Host` is that name. A cross-site request is marked by the browser
//! in `Origin` and `Sec-Fetch-Site` (Fetch Metadata). Other programs send neither header. The module is pure and
//! must not look at paths: every route is checked alike.

use std::net::IpAddr;

use thiserror::Error;

/// The reason why a request is rejected as not local.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotLocal {
    /// `Host` is not a name or address of this machine.
    #[error("only localhost and loopback addresses are served, not '{0}'")]
    Host(String),
    /// A page of another origin or site sent the request.
    #[error("requests from pages of other sites are rejected; this one comes from '{0}'")]
    Origin(String),
}

/// Rejects a request that a page of another site may have sent. `authority` is the host of the request with its
/// port, as in `Host`; `origins` and `sites` are the values of all `Origin` and `Sec-Fetch-Site` headers.
///
/// # Errors
/// The host is not this machine, or a page of another origin sent the request.
pub fn check<'a>(
    authority: &str,
    origins: impl IntoIterator<Item = &'a [u8]>,
    sites: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), NotLocal> {
    if !is_local(authority) {
        return Err(NotLocal::Host(authority.to_owned()));
    }
    let is_own = |origin: &[u8]| {
        let own = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        own.is_some_and(|own| own.eq_ignore_ascii_case(authority.as_bytes()))
    };
    let mut origins = origins.into_iter().filter(|origin| !is_own(origin));
    let mut sites = sites.into_iter().filter(|site| !matches!(*site, b"same-origin" | b"none"));
    match origins.next().or_else(|| sites.next()) {
        Some(foreign) => Err(NotLocal::Origin(String::from_utf8_lossy(foreign).into_owned())),
        None => Ok(()),
    }
}

/// Returns true for a host, with or without a port, that can only be this machine.
fn is_local(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').unwrap_or_default(),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port_is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let is_loopback =
        |address: IpAddr| address.is_loopback() && address.is_ipv6() == authority.starts_with('[');
    port_is_good && (host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "[::1]"] {
            for port in ["", ":", ":9190"] {
                assert!(is_local(&format!("{host}{port}")), "{host}{port}");
            }
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::]",
            "[::1",
            "::1",
            "[127.0.0.1]",
            "[::1]evil.example",
            "user@localhost",
            "localhost:x@evil.example",
            "localhost:80:80",
            " localhost",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let cases: [(&[&str], &[&str], bool); 11] = [
            (&[], &[], true),
            (&["http://localhost:9080"], &[], true),
            (&["http://LOCALHOST:9080"], &["same-origin"], true),
            (&[], &["none"], true),
            (&["http://localhost:3000"], &[], false),
            (&["http://localhost"], &[], false),
            (&["https://evil.example"], &[], false),
            (&["null"], &[], false),
            (&["http://localhost:9080", "https://evil.example"], &[], false),
            (&["http://localhost:9080"], &["cross-site"], false),
            (&["http://localhost:9080"], &["same-site"], false),
        ];
        for (origins, sites, good) in cases {
            let origin_values = origins.iter().map(|text| text.as_bytes());
            let checked = check("localhost:9080", origin_values, sites.iter().map(|text| text.as_bytes()));
            assert_eq!(checked.is_ok(), good, "{origins:?} {sites:?}");
        }
    }
}
