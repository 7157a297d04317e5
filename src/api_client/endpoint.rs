//! The address of a control plane. Pure.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;

use super::ApiError;

/// The scheme, host and port of a control plane. Plain HTTP is for this machine only, because requests have tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Endpoint, String> {
        let example = "such as `https://control.example:9443`";
        let uri: Uri = text.parse().map_err(|e| format!("`{text}` is not a URL ({e}), {example}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("`{text}` has no scheme or no host; expected a URL {example}"));
        };
        if authority.as_str().contains('@') {
            return Err("a URL must not contain credentials".to_owned());
        }
        if !["", "/"].contains(&uri.path()) || uri.query().is_some() {
            return Err(format!(
                "`{text}` has a path or a query; expected only scheme, host and port, {example}"
            ));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(authority.host()) => {}
            "http" => {
                return Err(
                    "http:// is for this machine only, because requests have tokens: use https://".to_owned()
                );
            }
            other => return Err(format!("the scheme is `{other}`; expected `https`, {example}")),
        }
        Ok(Endpoint(format!("{scheme}://{authority}")))
    }
}

impl Endpoint {
    /// Returns path and query of a link that a control plane has sent. The host in it may be the name under which
    /// a proxy knows the control plane; requests go to the configured one, so that no link can lead a token away.
    pub(super) fn path_of(link: &str) -> Result<String, ApiError> {
        let uri: Uri = link.parse().map_err(|_| ApiError::NotUnderstood(format!("`{link}` is not a URL")))?;
        match uri.path_and_query() {
            Some(path) if path.as_str().starts_with('/') => Ok(path.as_str().to_owned()),
            _ => Err(ApiError::NotUnderstood(format!("`{link}` has no path"))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leaves_this_machine_only_encrypted() {
        for (text, expected) in [
            ("https://control.example:9443", Some("https://control.example:9443")),
            ("https://control.example:9443/", Some("https://control.example:9443")),
            ("http://127.0.0.1:9080", Some("http://127.0.0.1:9080")),
            ("http://[::1]:9080", Some("http://[::1]:9080")),
            ("http://localhost:1", Some("http://localhost:1")),
            ("http://control.example:9080", None),
            ("https://user@control.example", None),
            ("https://control.example/api", None),
            ("ftp://control.example", None),
            ("control.example:9443", None),
            ("", None),
        ] {
            let read = text.parse::<Endpoint>();
            assert_eq!(read.as_ref().ok().map(|endpoint| endpoint.0.as_str()), expected, "{text}: {read:?}");
        }
    }

    #[test]
    fn a_link_never_changes_the_host() {
        assert_eq!(Endpoint::path_of("https://evil.example/x?y=1").unwrap(), "/x?y=1");
        assert_eq!(Endpoint::path_of("/x?$skipToken=a").unwrap(), "/x?$skipToken=a");
    }
}
