//! References to secrets in vaults: `keyVaultSecretId` of certificates. Pure; `service::vaults` fetches them.
//!
//! Two forms are known: that of Azure Key Vault, `https://VAULT/secrets/NAME[/VERSION]`, and that of the engine KV
//! version 2 of OpenBao and HashiCorp Vault, `https://SERVER/v1/MOUNT/data/PATH[?version=N]`.

use http::Uri;
use http::uri::Authority;
use thiserror::Error;

/// The maximum length of a reference, in bytes.
const MAX_LENGTH: usize = 2048;

/// A reference to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretReference {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The host of the vault, in lower case, with its port if that is not the default.
    pub(crate) host: String,
    /// The place of the secret in the vault.
    pub(crate) place: SecretPlace,
}

/// The place of a secret in a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretPlace {
    /// A secret of Azure Key Vault.
    KeyVault {
        name: String,
        /// The newest version if `None`.
        version: Option<String>,
    },
    /// A secret of the engine KV, version 2.
    Kv {
        /// The path of the API without `/v1/`, such as `secret/data/tls/site`.
        path: String,
        /// The newest version if `None`.
        version: Option<u64>,
    },
}

/// The reason why a text is no reference to a secret.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ReferenceError {
    #[error(
        "it must be 'https://VAULT/secrets/NAME', with '/VERSION' for a fixed version, or, for the engine KV version 2 \
         of OpenBao or Vault, 'https://SERVER/v1/MOUNT/data/PATH', with '?version=N' for a fixed version"
    )]
    Form,
    #[error("it is longer than {MAX_LENGTH} characters")]
    TooLong,
    #[error("it must be an https URL: plain http is for servers on loopback addresses only")]
    Plain,
    #[error("it must not contain a user name or password")]
    UserInfo,
}

impl SecretReference {
    /// Reads a reference.
    ///
    /// # Errors
    /// The reason why the text is none.
    pub(crate) fn parse(text: &str) -> Result<SecretReference, ReferenceError> {
        if text.len() > MAX_LENGTH {
            return Err(ReferenceError::TooLong);
        }
        let uri: Uri = text.parse().map_err(|_| ReferenceError::Form)?;
        let authority = uri.authority().ok_or(ReferenceError::Form)?;
        if authority.as_str().contains('@') {
            return Err(ReferenceError::UserInfo);
        }
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") if is_loopback(authority.host()) => "http",
            Some("http") => return Err(ReferenceError::Plain),
            _ => return Err(ReferenceError::Form),
        };
        let host = host_of(authority, scheme);
        let place = place(uri.path(), uri.query()).ok_or(ReferenceError::Form)?;
        Ok(SecretReference { scheme, host, place })
    }

    /// Returns whether the reference is to one version of the secret, which never changes.
    pub(crate) fn is_versioned(&self) -> bool {
        match &self.place {
            SecretPlace::KeyVault { version, .. } => version.is_some(),
            SecretPlace::Kv { version, .. } => version.is_some(),
        }
    }
}

/// Returns whether a host is this machine, by its address or as `localhost`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn host_of(authority: &Authority, scheme: &str) -> String {
    let usual = if scheme == "https" { 443 } else { 80 };
    let host = authority.host().to_ascii_lowercase();
    match authority.port_u16() {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host,
    }
}

fn place(path: &str, query: Option<&str>) -> Option<SecretPlace> {
    let segments: Vec<&str> = path.strip_prefix('/')?.trim_end_matches('/').split('/').collect();
    let is_name = |text: &&str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_segment = |text: &&str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !text.is_empty() && *text != "." && *text != ".." && text.bytes().all(known)
    };
    match segments[..] {
        [secrets, ref rest @ ..] if secrets.eq_ignore_ascii_case("secrets") => {
            let (name, version) = match rest {
                [name] => (name, None),
                [name, version] => (name, Some(version)),
                _ => return None,
            };
            let is_good = query.is_none() && is_name(name) && version.as_ref().is_none_or(|one| is_name(one));
            is_good.then(|| SecretPlace::KeyVault {
                name: (*name).to_owned(),
                version: version.map(|version| (*version).to_owned()),
            })
        }
        ["v1", ref rest @ ..] => {
            let data = rest.iter().position(|segment| *segment == "data")?;
            let version = match query {
                None => None,
                Some(query) => Some(query.strip_prefix("version=")?.parse().ok()?),
            };
            let is_good = data > 0 && data + 1 < rest.len() && rest.iter().all(is_segment);
            is_good.then(|| SecretPlace::Kv { path: rest.join("/"), version })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let key_vault = |name: &str, version: Option<&str>| SecretPlace::KeyVault {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        };
        let kv = |path: &str, version| SecretPlace::Kv { path: path.to_owned(), version };
        for (text, scheme, host, place) in [
            ("https://V.vault.azure.net/secrets/Site", "https", "v.vault.azure.net", key_vault("Site", None)),
            ("https://v.test:443/secrets/a/", "https", "v.test", key_vault("a", None)),
            ("https://v.test:8443/secrets/a/0f1e", "https", "v.test:8443", key_vault("a", Some("0f1e"))),
            ("http://127.0.0.1:9/secrets/a", "http", "127.0.0.1:9", key_vault("a", None)),
            ("http://[::1]:9/secrets/a", "http", "[::1]:9", key_vault("a", None)),
            (
                "https://bao:8200/v1/secret/data/tls/site",
                "https",
                "bao:8200",
                kv("secret/data/tls/site", None),
            ),
            ("https://bao/v1/a/b/data/c?version=3", "https", "bao", kv("a/b/data/c", Some(3))),
        ] {
            let read = SecretReference::parse(text).unwrap();
            assert_eq!((read.scheme, read.host.as_str(), &read.place), (scheme, host, &place), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        let long = format!("https://v/secrets/{}", "a".repeat(MAX_LENGTH));
        for (text, error) in [
            ("", ReferenceError::Form),
            ("https://kv", ReferenceError::Form),
            ("https://kv/secret", ReferenceError::Form),
            ("https://kv/certificates/a", ReferenceError::Form),
            ("https://kv/secrets", ReferenceError::Form),
            ("https://kv/secrets/a_b", ReferenceError::Form),
            ("https://kv/secrets/a/b/c", ReferenceError::Form),
            ("https://kv/secrets/a?x", ReferenceError::Form),
            ("https://kv/secrets/..", ReferenceError::Form),
            ("/secrets/a", ReferenceError::Form),
            ("ftp://kv/secrets/a", ReferenceError::Form),
            ("https://bao/v1/data/a", ReferenceError::Form),
            ("https://bao/v1/secret/data", ReferenceError::Form),
            ("https://bao/v1/secret/data/../x", ReferenceError::Form),
            ("https://bao/v1/secret/data/%2e", ReferenceError::Form),
            ("https://bao/v1/secret/data/a?version=x", ReferenceError::Form),
            ("http://v.test/secrets/a", ReferenceError::Plain),
            ("https://a:b@kv/secrets/a", ReferenceError::UserInfo),
            (long.as_str(), ReferenceError::TooLong),
        ] {
            assert_eq!(SecretReference::parse(text), Err(error), "{text}");
        }
    }
}
