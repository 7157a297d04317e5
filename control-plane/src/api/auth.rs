//! The admin token: who may use the management API.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidegate_shared::private_file;

use crate::digest::{hex, random_secret, sha256_hex};

use super::App;
use super::error::ApiError;

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
        match private_file::read(&path) {
            Ok(text) if text.expose().trim_ascii().is_empty() => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty", path.display())))
            }
            Ok(text) => Ok(AdminToken(sha256_hex(text.expose().trim_ascii()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let text = hex(&random_secret());
                private_file::write(&path, text.as_bytes())?;
                Ok(AdminToken(sha256_hex(text.as_bytes())))
            }
            Err(e) => Err(e),
        }
    }

    /// Whether an `Authorization` header shows it.
    fn admits(&self, header: &[u8]) -> bool {
        let Some((scheme, token)) = header.split_at_checked(b"Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && sha256_hex(token.trim_ascii()) == self.0
    }
}

/// Lets through who shows the token. Whether the process is up and ready is no secret.
pub(super) async fn authorise(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let free = matches!(request.uri().path(), "/healthz" | "/readyz");
    let admitted = app.token.as_ref().is_none_or(|token| {
        request.headers().get(AUTHORIZATION).is_some_and(|value| token.admits(value.as_bytes()))
    });
    if free || admitted { next.run(request).await } else { ApiError::Unauthenticated.into_response() }
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
}
