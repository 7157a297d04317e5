//! The admin token: who may use the management API.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::audit::Author;
use crate::digest::{hex, random_secret, sha256_hex};

use super::App;
use super::error::ApiError;
use super::extract::authority;
use super::layers::RequestId;
use super::server::Peer;

/// Who shows the admin token, or is let in without one, in the audit log.
const ADMIN: &str = "admin";

/// The token by its hash, so that neither a log line nor the time of a comparison gives it away.
pub struct AdminToken(String);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

impl AdminToken {
    /// Reads `admin-token` from the data directory, or makes one at the first start.
    ///
    /// # Errors
    /// A file that cannot be read or written, or is empty: an empty token would let everybody in.
    pub fn load_or_create(data_dir: &Path) -> io::Result<AdminToken> {
        let path = data_dir.join("admin-token");
        let text =
            private_file::read_or_create(&path, || Ok(Secret::new(hex(&random_secret()).into_bytes())))?;
        let text = text.expose().trim_ascii();
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty", path.display())));
        }
        Ok(AdminToken(sha256_hex(text)))
    }

    /// Whether an `Authorization` header shows it.
    fn admits(&self, header: &[u8]) -> bool {
        let Some((scheme, token)) = header.split_at_checked(b"Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && sha256_hex(token.trim_ascii()) == self.0
    }
}

/// Lets through who shows the token, and says from then on who it is. Whether the process is up and ready is no secret.
pub(super) async fn authorise(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let free = matches!(request.uri().path(), "/healthz" | "/readyz");
    match check(&app, &request) {
        Ok(name) => {
            let author = Author { name, address: peer(&request), request: request_id(&request) };
            request.extensions_mut().insert(author);
        }
        Err(error) if !free => return error.into_response(),
        Err(_) => {}
    }
    next.run(request).await
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0)
}

fn request_id(request: &Request) -> Option<Uuid> {
    request.extensions().get::<RequestId>().map(|id| id.0)
}

/// Who asks. Without a token, what protects is that only this machine can reach the endpoint. A page in a browser on it can do
/// so too, under a name of its own that leads here; such a name is refused.
fn check(app: &App, request: &Request) -> Result<String, ApiError> {
    let host = authority(request.uri(), request.headers())?;
    let Some(token) = &app.token else {
        return if is_local(host.host()) { Ok(ADMIN.to_owned()) } else { Err(ApiError::ForeignHost(host.to_string())) };
    };
    match request.headers().get(AUTHORIZATION) {
        Some(value) if token.admits(value.as_bytes()) => Ok(ADMIN.to_owned()),
        _ => Err(ApiError::Unauthenticated),
    }
}

/// Whether a host, as URLs have it, can only be this machine.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_token_is_made_once_kept_private_and_needed_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin-token");
        let token = AdminToken::load_or_create(dir.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AdminToken::load_or_create(dir.path()).unwrap().0, token.0);
        let cases = [
            (format!("Bearer {text}"), true),
            (format!("bearer  {text}"), true),
            (text.clone(), false),
            (format!("Basic {text}"), false),
            (format!("Bearer {}", &text[1..]), false),
            ("Bearer ".to_owned(), false),
            (String::new(), false),
        ];
        for (header, admitted) in cases {
            assert_eq!(token.admits(header.as_bytes()), admitted, "{header}");
        }
        std::fs::write(&path, "\n").unwrap();
        AdminToken::load_or_create(dir.path()).unwrap_err();
    }

    #[test]
    fn only_this_machine_is_local() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "[::1]"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::]"]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
