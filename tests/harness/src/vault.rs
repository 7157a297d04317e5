//! A vault with the REST API of Azure Key Vault, the authority that grants its tokens, and the engine KV of OpenBao.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

/// The token that the authority grants, and that the engine KV accepts.
const TOKEN: &str = "a-token-of-the-vault";

/// Answers for the secrets that it was given. Each connection carries one request.
#[derive(Debug)]
pub struct Vault {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    credentials: TempDir,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The bodies of responses by path.
    secrets: HashMap<String, Value>,
    /// The status of all responses for secrets, if they fail.
    failure: Option<u16>,
    requests: Vec<String>,
}

impl Vault {
    /// The secret of the client that may read secrets.
    pub const CLIENT_SECRET: &'static str = "the secret of the client";

    /// Starts without secrets, and writes credentials of a client.
    pub async fn start() -> Vault {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::<Mutex<State>>::default();
        let (mut tasks, shared) = (JoinSet::new(), state.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, address, shared.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        let credentials = tempfile::tempdir().expect("there is room for a directory");
        let vault = Vault { address, state, credentials, _tasks: tasks };
        vault.write_credentials(&json!({"clientId": CLIENT, "clientSecret": Vault::CLIENT_SECRET}));
        vault
    }

    /// The directory with the credentials, for `--key-vault-credentials`.
    pub fn credentials(&self) -> &Path {
        self.credentials.path()
    }

    /// Replaces the credentials by a token of the engine KV.
    pub fn use_token(&self) {
        self.write_credentials(&json!({"token": TOKEN}));
    }

    fn write_credentials(&self, credentials: &Value) {
        let file = self.credentials().join(format!("{}.json", self.address));
        fs::write(&file, credentials.to_string()).expect("the directory can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    }

    /// The ID of a secret of Key Vault: its URL without a version.
    pub fn secret_id(&self, name: &str) -> String {
        format!("http://{}/secrets/{name}", self.address)
    }

    /// The URL of a secret of the engine KV, without a version.
    pub fn kv_id(&self, path: &str) -> String {
        format!("http://{}/v1/secret/data/{path}", self.address)
    }

    /// Gives a secret of Key Vault a new version.
    pub fn put(&self, name: &str, content_type: &str, value: &str) {
        let id = format!("{}/0f", self.secret_id(name));
        let body =
            json!({"value": value, "contentType": content_type, "id": id, "attributes": {"enabled": true}});
        self.state().secrets.insert(format!("/secrets/{name}"), body);
    }

    /// Gives a secret of the engine KV a new version.
    pub fn put_kv(&self, path: &str, fields: &Value) {
        let body = json!({"data": {"data": fields, "metadata": {"version": 1}}});
        self.state().secrets.insert(format!("/v1/secret/data/{path}"), body);
    }

    /// Deletes all secrets.
    pub fn clear(&self) {
        self.state().secrets.clear();
    }

    /// Answers for secrets with this status, until it is `None` again.
    pub fn fail(&self, status: Option<u16>) {
        self.state().failure = status;
    }

    /// The first lines of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task panics with the lock")
    }
}

async fn answer(mut stream: TcpStream, address: SocketAddr, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    let (status, challenge, body) = {
        let mut state = state.lock().expect("no task panics with the lock");
        state.requests.push(line.clone());
        respond(&line, &path, &String::from_utf8_lossy(&body), &field, address, &state)
    };
    let body = body.to_string();
    let challenge = challenge.map(|text| format!("WWW-Authenticate: {text}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\n{challenge}Content-Type: application/json\r\nContent-Length: {length}"
    );
    // The client may have left.
    let _ = stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).await;
}

/// Returns the status, the challenge and the body of the response.
fn respond(
    line: &str,
    path: &str,
    body: &str,
    field: &dyn Fn(&str) -> Option<String>,
    address: SocketAddr,
    state: &State,
) -> (u16, Option<String>, Value) {
    if path == "/tenant/oauth2/v2.0/token" {
        let secret = Vault::CLIENT_SECRET.replace(' ', "+");
        let expected = [
            "grant_type=client_credentials",
            &format!("client_id={CLIENT}"),
            &format!("client_secret={secret}"),
        ];
        return match expected.iter().all(|pair| body.split('&').any(|sent| sent == *pair)) {
            true => (200, None, json!({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})),
            false => (401, None, json!({"error": "invalid_client"})),
        };
    }
    let is_kv = path.starts_with("/v1/");
    let is_known = match is_kv {
        true => field("x-vault-token").is_some_and(|token| token == TOKEN),
        false => field("authorization").is_some_and(|token| token == format!("Bearer {TOKEN}")),
    };
    match state.secrets.get(path) {
        _ if !is_known && is_kv => (403, None, json!({"errors": ["permission denied"]})),
        _ if !is_known => {
            let challenge =
                format!("Bearer authorization=\"http://{address}/tenant\", resource=\"http://{address}\"");
            (401, Some(challenge), json!({"error": {"code": "Unauthorized"}}))
        }
        _ if state.failure.is_some() => {
            (state.failure.unwrap_or_default(), None, json!({"error": {"code": "Failing"}}))
        }
        _ if !is_kv && !line.contains("?api-version=7.4 ") => {
            (400, None, json!({"error": {"code": "BadParameter"}}))
        }
        Some(secret) => (200, None, secret.clone()),
        None => (404, None, json!({"error": {"code": "SecretNotFound"}})),
    }
}
