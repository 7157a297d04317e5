//! OpenBao and HashiCorp Vault: secrets of the engine KV, version 2, with a token or by the auth method AppRole.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::json;
use tidegate_shared::secret::Secret;
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::http::{Answer, fault};
use super::{Session, VaultSecret};
use crate::arm::certificate::FetchFault;
use crate::arm::secret_reference::SecretReference;

/// The header with the token.
const TOKEN: &str = "x-vault-token";

/// The header with the namespace.
const NAMESPACE: &str = "x-vault-namespace";

#[derive(Deserialize)]
struct Read {
    data: ReadData,
}

#[derive(Deserialize)]
struct ReadData {
    /// Absent for a deleted version.
    data: Option<Fields>,
}

/// The fields of a secret that are used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    /// A chain with its key: PEM, or base64 of a PFX.
    value: Option<Zeroizing<String>>,
    /// Base64 of a PFX, and its password.
    pfx: Option<Zeroizing<String>>,
    password: Option<Zeroizing<String>>,
    /// PEM, as the engine PKI names what it issues.
    certificate: Option<String>,
    private_key: Option<Zeroizing<String>>,
    ca_chain: Option<Chain>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chain {
    Text(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
struct Login {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Zeroizing<String>,
}

/// Fetches a secret, by its path and version.
pub(super) async fn fetch(
    session: &mut Session,
    reference: &SecretReference,
    (path, version): (&str, Option<u64>),
) -> Result<VaultSecret, FetchFault> {
    let SecretReference { scheme, host, .. } = reference;
    let server = format!("{scheme}://{host}");
    if session.token.is_none() {
        session.token = Some(token(session, &server, host).await?);
    }
    let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
    let request = Request::get(format!("{server}/v1/{path}{query}"));
    let token = session.token.as_ref().map(|token| token.as_str()).unwrap_or_default();
    let request = with_namespace(request.header(TOKEN, token), &session.credentials).body(Full::default());
    let request = request.map_err(|_| FetchFault::Refused(format!("the token for {host} is malformed")))?;
    read(host, &session.http.send(request).await?)
}

fn with_namespace(request: http::request::Builder, credentials: &Credentials) -> http::request::Builder {
    match &credentials.namespace {
        Some(namespace) => request.header(NAMESPACE, namespace),
        None => request,
    }
}

/// Returns the token of the credentials, or one for their role.
async fn token(session: &Session, server: &str, host: &str) -> Result<Zeroizing<String>, FetchFault> {
    let credentials = &session.credentials;
    if let Some(token) = &credentials.token {
        return Ok(token.clone());
    }
    let (Some(role), Some(secret)) = (&credentials.role_id, &credentials.secret_id) else {
        let reason = format!(
            "the credentials for {host} have no 'token', and no 'roleId' and 'secretId', as OpenBao needs"
        );
        return Err(FetchFault::Refused(reason));
    };
    let mount = credentials.role_mount.as_deref().unwrap_or("approle");
    let body = json!({"role_id": role, "secret_id": secret.as_str()}).to_string();
    let request =
        Request::post(format!("{server}/v1/auth/{mount}/login")).header(CONTENT_TYPE, "application/json");
    let request = with_namespace(request, credentials).body(Full::from(Bytes::from(body)));
    let malformed = |_| FetchFault::Refused(format!("the credentials for {host} are malformed"));
    let answer = session.http.send(request.map_err(malformed)?).await?;
    if answer.status != StatusCode::OK {
        return Err(match fault(host, answer.status, None) {
            FetchFault::Refused(_) => {
                FetchFault::Refused(format!("{host} refuses the role of the credentials"))
            }
            transient => transient,
        });
    }
    let login: Login = serde_json::from_slice(&answer.body)
        .map_err(|_| FetchFault::Refused(format!("the response of {host} to the login is no token")))?;
    Ok(login.auth.client_token)
}

fn read(host: &str, answer: &Answer) -> Result<VaultSecret, FetchFault> {
    if answer.status != StatusCode::OK {
        return Err(fault(host, answer.status, None));
    }
    let read: Read = serde_json::from_slice(&answer.body).map_err(|_| {
        FetchFault::Refused(format!("the response of {host} is no secret of the engine KV, version 2"))
    })?;
    let fields = read.data.data.ok_or_else(|| fault(host, StatusCode::NOT_FOUND, None))?;
    if let Some(value) = &fields.value {
        return Ok(VaultSecret::of_text(value));
    }
    if let Some(pfx) = &fields.pfx {
        let password = fields.password.as_ref().map_or("", |password| password.as_str());
        let password = Secret::new(password.as_bytes().to_vec());
        return Ok(VaultSecret { password, ..VaultSecret::of_text(pfx) });
    }
    let Some(certificate) = &fields.certificate else {
        let reason = "it has neither 'certificate' with 'private_key', nor 'value', nor 'pfx'";
        return Err(FetchFault::Refused(reason.to_owned()));
    };
    let mut certificates = certificate.trim().to_owned() + "\n";
    match &fields.ca_chain {
        Some(Chain::Text(text)) => certificates += text,
        Some(Chain::List(list)) => certificates += &list.join("\n"),
        None => {}
    }
    let key = fields.private_key.as_ref().map_or("", |key| key.as_str());
    let server = Zeroizing::new(format!("{}\n{key}\n", certificates.trim_end()));
    Ok(VaultSecret {
        server: Secret::new(server.as_bytes().to_vec()),
        password: Secret::new(Vec::new()),
        authorities: Secret::new(certificates.into_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_fields_of_a_secret_become_a_certificate() {
        let read = |status: u16, body: serde_json::Value| {
            let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_string()));
            read("bao", &Answer { status, headers: HeaderMap::new(), body })
        };
        let of = |fields: serde_json::Value| json!({"data": {"data": fields, "metadata": {"version": 1}}});
        for (fields, server, authorities) in [
            (json!({"value": "v"}), "v", "v"),
            (json!({"pfx": "p", "password": "w"}), "p", "p"),
            (json!({"certificate": "c\n", "private_key": "k"}), "c\nk\n", "c\n"),
            (
                json!({"certificate": "c", "private_key": "k", "ca_chain": ["a", "b"]}),
                "c\na\nb\nk\n",
                "c\na\nb",
            ),
            (json!({"certificate": "c", "ca_chain": "a"}), "c\na\n\n", "c\na"),
        ] {
            let secret = read(200, of(fields.clone())).unwrap();
            assert_eq!(secret.server.expose(), server.as_bytes(), "{fields}");
            assert_eq!(secret.authorities.expose(), authorities.as_bytes(), "{fields}");
        }
        for (status, body, refused) in [
            (200, of(json!({"other": "x"})), true),
            (200, of(json!(null)), true),
            (200, json!({"value": "x"}), true),
            (403, json!({"errors": ["permission denied"]}), true),
            (404, json!({"errors": []}), true),
            (503, json!({"errors": ["sealed"]}), false),
        ] {
            let fault = read(status, body.clone()).unwrap_err();
            assert_eq!(matches!(fault, FetchFault::Refused(_)), refused, "{body}");
        }
    }
}
