//! Azure Key Vault: secrets by its REST API, with a token that the authority of the vault's challenge grants to the
//! operator's client.

use std::sync::Arc;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::http::{Answer, Http, fault, host};
use super::{Session, VaultSecret};
use crate::arm::certificate::FetchFault;
use crate::arm::secret_reference::{SecretPlace, SecretReference};
use crate::fetch_policy::FetchDeny;

/// The version of the REST API.
const API_VERSION: &str = "7.4";

/// The content types of secrets that are certificates: a PFX without a password in base64, and PEM.
const TYPES: [&str; 2] = ["application/x-pkcs12", "application/x-pem-file"];

#[derive(Deserialize)]
struct SecretBundle {
    value: Zeroizing<String>,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: ErrorCode,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorCode {
    code: String,
    innererror: Option<Box<ErrorCode>>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

#[derive(Deserialize)]
struct TokenGrant {
    access_token: Zeroizing<String>,
}

/// Fetches a secret.
pub(super) async fn fetch(
    session: &mut Session,
    reference: &SecretReference,
    deny: &Arc<FetchDeny>,
) -> Result<VaultSecret, FetchFault> {
    let vault = &reference.host;
    let mut answer = session.http.send(get(reference, session.token.as_ref())?).await?;
    if answer.status == StatusCode::UNAUTHORIZED && session.token.is_none() {
        let challenge = challenge::read(&answer.headers, vault).ok_or_else(|| {
            FetchFault::Refused(format!("{vault} does not name an authority of its own, as a Key Vault does"))
        })?;
        session.token = Some(token(session, vault, &challenge, deny).await?);
        answer = session.http.send(get(reference, session.token.as_ref())?).await?;
    }
    read(vault, &answer)
}

fn get(
    reference: &SecretReference,
    token: Option<&Zeroizing<String>>,
) -> Result<Request<Full<Bytes>>, FetchFault> {
    let SecretReference { scheme, host, place } = reference;
    let SecretPlace::KeyVault { name, version } = place else {
        return Err(FetchFault::Refused("it is no secret of a Key Vault".to_owned()));
    };
    let version = version.as_ref().map(|version| format!("/{version}")).unwrap_or_default();
    let mut request =
        Request::get(format!("{scheme}://{host}/secrets/{name}{version}?api-version={API_VERSION}"));
    if let Some(token) = token {
        request =
            request.header(AUTHORIZATION, Zeroizing::new(format!("Bearer {}", token.as_str())).as_str());
    }
    request
        .body(Full::default())
        .map_err(|_| FetchFault::Refused(format!("the token of {host} is malformed")))
}

fn read(vault: &str, answer: &Answer) -> Result<VaultSecret, FetchFault> {
    if answer.status != StatusCode::OK {
        let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
        let inner = body.error.innererror.map(|inner| inner.code).filter(|code| !code.is_empty());
        return Err(fault(vault, answer.status, Some(&inner.unwrap_or(body.error.code))));
    }
    let bundle: SecretBundle = serde_json::from_slice(&answer.body)
        .map_err(|_| FetchFault::Refused(format!("the response of {vault} is no secret of a Key Vault")))?;
    let kind = bundle.content_type.as_deref().unwrap_or_default();
    // Azure expects authorities without a type, too.
    let is_certificate = TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known));
    if !is_certificate && !kind.is_empty() && !kind.eq_ignore_ascii_case("text/plain") {
        let reason = format!("its content type is no certificate's: it must be {}", TYPES.join(" or "));
        return Err(FetchFault::Refused(reason));
    }
    Ok(VaultSecret::of_text(&bundle.value))
}

/// Requests a token for the vault.
async fn token(
    session: &Session,
    vault: &str,
    challenge: &Challenge,
    deny: &Arc<FetchDeny>,
) -> Result<Zeroizing<String>, FetchFault> {
    let credentials = &session.credentials;
    let (Some(id), Some(secret)) = (&credentials.client_id, &credentials.client_secret) else {
        let reason = format!(
            "the credentials for {vault} have no 'clientId' and 'clientSecret', as a Key Vault needs"
        );
        return Err(FetchFault::Refused(reason));
    };
    let authority = credentials.authority.as_ref().unwrap_or(&challenge.authority);
    let url = format!("{}/oauth2/v2.0/token", authority.trim_end_matches('/'));
    let uri: Uri = url.parse().ok().filter(challenge::is_safe).ok_or_else(|| {
        FetchFault::Refused(format!("the authority of {vault} is no https URL, so it gets no credentials"))
    })?;
    let request = Request::post(&uri).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request
        .body(Full::from(grant_request(id, secret, &challenge.scope)))
        .expect("a URI that was parsed makes a request");
    let own = uri.host().is_some_and(|host| host.eq_ignore_ascii_case(challenge::without_port(vault)));
    let answer = match credentials.authority.is_some() || own {
        true => session.http.send(request).await?,
        false => Http::send_within(deny, request).await?,
    };
    let authority = host(&uri);
    if answer.status != StatusCode::OK {
        let code = serde_json::from_slice::<TokenError>(&answer.body).ok().map(|body| body.error);
        return Err(match fault(&authority, answer.status, code.as_deref()) {
            FetchFault::Refused(_) => {
                let code =
                    code.filter(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                FetchFault::Refused(format!(
                    "{authority} grants no token for {vault} to these credentials{code}"
                ))
            }
            transient => transient,
        });
    }
    let grant: TokenGrant = serde_json::from_slice(&answer.body)
        .map_err(|_| FetchFault::Refused(format!("the response of {authority} is no token")))?;
    Ok(grant.access_token)
}

/// Returns the form that requests a token (RFC 6749, section 4.4.2).
fn grant_request(id: &str, secret: &str, scope: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials").append_pair("client_id", id);
    form.append_pair("client_secret", secret).append_pair("scope", scope);
    form.finish()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn what_a_vault_says_becomes_a_secret_or_a_reason() {
        let read = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let body = Bytes::copy_from_slice(body.as_bytes());
            read("v.test", &Answer { status, headers: HeaderMap::new(), body })
        };
        for (status, body, expected) in [
            (200, r#"{"value":"x","contentType":"application/x-pkcs12"}"#, None),
            (200, r#"{"value":"x","contentType":"application/x-pem-file"}"#, None),
            (200, r#"{"value":"x"}"#, None),
            (200, r#"{"value":"x","contentType":"application/json"}"#, Some((true, "content type"))),
            (200, "[]", Some((true, "no secret of a Key Vault"))),
            (401, "", Some((true, "refuses access"))),
            (
                403,
                r#"{"error":{"code":"Forbidden","innererror":{"code":"SecretDisabled"}}}"#,
                Some((true, "SecretDisabled")),
            ),
            (403, r#"{"error":{"code":"<script>"}}"#, Some((true, "(status 403)"))),
            (404, r#"{"error":{"code":"SecretNotFound","message":"m"}}"#, Some((true, "SecretNotFound"))),
            (302, "", Some((true, "status 302"))),
            (429, "", Some((false, "status 429"))),
            (503, "", Some((false, "status 503"))),
        ] {
            let outcome = read(status, body).err();
            let found =
                outcome.as_ref().map(|fault| (matches!(fault, FetchFault::Refused(_)), fault.reason()));
            match (found, expected) {
                (None, None) => {}
                (Some((refused, reason)), Some((is_refused, part))) => {
                    assert_eq!(refused, is_refused, "{status} {body}");
                    assert!(reason.contains(part), "{reason}");
                }
                other => panic!("{status} {body}: {other:?}"),
            }
        }
    }
}
