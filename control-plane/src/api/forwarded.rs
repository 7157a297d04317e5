//! The origin of a request according to trusted proxies. Pure.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName};

use crate::proxies::Proxies;

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The scheme that the client used, and that URLs in the response must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as in URLs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// The host and port that the client used, as an extension of a request from a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForwardedHost(pub(super) Authority);

/// The origin of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) client: IpAddr,
    /// The client's scheme.
    pub(super) scheme: Scheme,
    /// The host that the client used, if a proxy reports it.
    pub(super) host: Option<ForwardedHost>,
}

impl Origin {
    /// Determines the origin: from the headers if the peer is one of `proxies`, otherwise from the connection
    /// itself.
    ///
    /// The first proxy wrote the first scheme and host of their lists. Addresses at the left of the list may be
    /// forged by the client: the client is the rightmost address that is not a proxy's.
    pub(super) fn of(proxies: &Proxies, peer: IpAddr, scheme: Scheme, headers: &HeaderMap) -> Origin {
        if !proxies.contain(peer) {
            return Origin { client: peer, scheme, host: None };
        }
        let scheme = match list(headers, &PROTO).first() {
            Some(text) if text.eq_ignore_ascii_case("https") => Scheme::Https,
            Some(text) if text.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => scheme,
        };
        let host = list(headers, &HOST).first().and_then(|text| text.parse::<Authority>().ok());
        let host = host.filter(|host| !host.as_str().contains('@')).map(ForwardedHost);
        let mut client = peer;
        for text in list(headers, &FOR).iter().rev() {
            if !proxies.contain(client) {
                break;
            }
            let Some(address) = address(text) else { break };
            client = address;
        }
        Origin { client, scheme, host }
    }
}

/// Returns the items of a list, which may be spread over several lines.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// Parses an address with or without a port; IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    bare(text).or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, headers: &[(&HeaderName, &str)]) -> Origin {
        let proxies = ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Origin::of(&proxies, peer.parse().unwrap(), Scheme::Http, &map)
    }

    #[test]
    fn only_proxies_that_were_named_are_believed() {
        let headers = [(&PROTO, "https"), (&HOST, "api.example:8443"), (&FOR, "192.0.2.1")];
        let told = origin("10.0.0.1", &headers);
        let host = Some(ForwardedHost("api.example:8443".parse().unwrap()));
        assert_eq!(told, Origin { client: "192.0.2.1".parse().unwrap(), scheme: Scheme::Https, host });
        let unknown = origin("192.0.2.9", &headers);
        let shown = Origin { client: "192.0.2.9".parse().unwrap(), scheme: Scheme::Http, host: None };
        assert_eq!(unknown, shown);
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        let cases: &[(&[(&HeaderName, &str)], Scheme, Option<&str>)] = &[
            (&[], Scheme::Http, None),
            (&[(&PROTO, "HTTPS, http"), (&HOST, "a, b")], Scheme::Https, Some("a")),
            (&[(&PROTO, "gopher"), (&HOST, "user@evil")], Scheme::Http, None),
            (&[(&PROTO, ""), (&HOST, "no host")], Scheme::Http, None),
        ];
        for (headers, scheme, host) in cases {
            let told = origin("10.0.0.1", headers);
            assert_eq!(told.scheme, *scheme, "{headers:?}");
            assert_eq!(told.host.map(|host| host.0.to_string()).as_deref(), *host, "{headers:?}");
        }
    }

    #[test]
    fn the_client_is_the_rightmost_that_is_no_proxy() {
        let cases: &[(&[&str], &str)] = &[
            (&["192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.66, 192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.66, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
            (&["192.0.2.66", "192.0.2.1"], "192.0.2.1"),
            (&["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["192.0.2.66, unknown, 10.9.9.9"], "10.9.9.9"),
            (&[""], "10.0.0.1"),
        ];
        let name = FOR;
        for (lines, client) in cases {
            let headers: Vec<_> = lines.iter().map(|line| (&name, *line)).collect();
            assert_eq!(origin("10.0.0.1", &headers).client, client.parse::<IpAddr>().unwrap(), "{lines:?}");
        }
    }
}
