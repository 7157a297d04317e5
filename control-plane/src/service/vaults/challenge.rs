//! The challenge with which a Key Vault names the authority that grants its tokens. Pure.

use http::HeaderMap;
use http::Uri;
use http::header::WWW_AUTHENTICATE;

use crate::arm::secret_reference::is_loopback;

/// A challenge of a vault.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The URL of the authority, which includes the tenant.
    pub(super) authority: String,
    /// The scope of a token for the vault.
    pub(super) scope: String,
}

/// Reads the challenge `Bearer authorization="…", resource="…"` of a vault. `None` if there is none, or if its resource is
/// not the vault's: a token for another service is not requested.
pub(super) fn read(headers: &HeaderMap, vault: &str) -> Option<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let bearer = |text: &'_ str| {
        let (scheme, rest) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.to_owned())
    };
    let rest = values.filter_map(bearer).next()?;
    let parameters: Vec<(String, String)> = rest.split(',').filter_map(parameter).collect();
    let get = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let authority = get("authorization").or_else(|| get("authorization_uri"))?;
    let resource = get("resource");
    let scope = get("scope").or_else(|| resource.as_ref().map(|resource| format!("{resource}/.default")))?;
    let of_scope = scope.strip_suffix("/.default").unwrap_or(&scope).to_owned();
    is_of(&resource.unwrap_or(of_scope), vault).then_some(Challenge { authority, scope })
}

fn parameter(text: &str) -> Option<(String, String)> {
    let (name, value) = text.trim().split_once('=')?;
    Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()))
}

/// Returns whether a resource is that of the vault: the vault's own host, or a domain that contains it.
fn is_of(resource: &str, vault: &str) -> bool {
    let Some(resource) = resource.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase))
    else {
        return false;
    };
    let vault = without_port(vault);
    vault == resource || vault.strip_suffix(&resource).is_some_and(|rest| rest.ends_with('.'))
}

/// Returns the host without its port.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns whether credentials may be sent to that authority: by HTTPS, or within this machine.
pub(super) fn is_safe(authority: &Uri) -> bool {
    let is_local = || authority.host().is_some_and(is_loopback);
    match authority.scheme_str() {
        Some("https") => authority.host().is_some(),
        Some("http") => is_local(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_if_it_is_of_the_vault() {
        let azure = "Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://vault.azure.net\"";
        for (header, vault, scope) in [
            (azure, "v.vault.azure.net", Some("https://vault.azure.net/.default")),
            (azure, "v.vault.azure.net:8443", Some("https://vault.azure.net/.default")),
            (azure, "vault.azure.net", Some("https://vault.azure.net/.default")),
            (azure, "evilvault.azure.net", None),
            (azure, "other.test", None),
            (
                "bearer AUTHORIZATION=https://a/t,scope=https://v.test/.default",
                "v.test",
                Some("https://v.test/.default"),
            ),
            (
                "Bearer authorization_uri=\"https://a/t\" , resource=\"https://[::1]\"",
                "[::1]:9",
                Some("https://[::1]/.default"),
            ),
            ("Bearer authorization=\"https://a/t\"", "v.test", None),
            ("Bearer resource=\"https://v.test\"", "v.test", None),
            ("Basic realm=\"x\"", "v.test", None),
            ("", "v.test", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(WWW_AUTHENTICATE, header.parse().unwrap());
            let read = read(&headers, vault);
            assert_eq!(read.as_ref().map(|read| read.scope.as_str()), scope, "{header} {vault}");
        }
    }

    #[test]
    fn credentials_do_not_leave_the_machine_in_the_clear() {
        for (authority, safe) in [
            ("https://login.test/t", true),
            ("http://127.0.0.1:9/t", true),
            ("http://[::1]/t", true),
            ("http://login.test/t", false),
            ("/t", false),
        ] {
            assert_eq!(is_safe(&authority.parse().unwrap()), safe, "{authority}");
        }
    }
}
