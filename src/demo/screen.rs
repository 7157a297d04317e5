//! The output of the demo, all of it through [`say`].

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use super::gateway;

/// Prints a line. A closed standard output is no error.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The values in the commands to paste.
pub(super) struct Hints<'a> {
    pub(super) management: SocketAddr,
    pub(super) token_file: &'a Path,
    pub(super) certificate: &'a Path,
    pub(super) access_log: &'a Path,
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
}

/// Prints commands with which the user can continue by hand.
pub(super) fn show_hints(hints: &Hints<'_>) {
    let Hints { management, http, .. } = hints;
    let (token, certificate) = (hints.token_file.display(), hints.certificate.display());
    let (path, host, port) = (gateway::PATH, gateway::HOST, hints.https.port());
    let health = path.replacen('?', "/backendhealth?", 1);
    say("Try it yourself, in another terminal:");
    for (what, command) in [
        (
            "the gateway as the REST API returns it",
            format!("curl -s {} 'http://{management}{path}'", bearer(&token)),
        ),
        (
            "the health of its backends: follow the Location of the response",
            format!("curl -si -X POST {} 'http://{management}{health}'", bearer(&token)),
        ),
        ("HTTP through the gateway, to one backend after the other", format!("curl -s http://{http}/")),
        ("HTTPS through the gateway", format!("curl -s --cacert '{certificate}' https://{host}:{port}/")),
        ("a WebSocket, with a message each second", websocket(&format!("http://{http}/clock"))),
        ("the same over TLS", websocket(&format!("--cacert '{certificate}' https://{host}:{port}/clock"))),
        ("what the gateway has logged", format!("tail -f '{}'", hints.access_log.display())),
    ] {
        say(&format!("\n# {what}\n{command}"));
    }
    say("");
    say("Ctrl-C ends the demo and removes everything that it has created.");
}

fn bearer(token_file: &impl std::fmt::Display) -> String {
    format!(r#"-H "Authorization: Bearer $(cat '{token_file}')""#)
}

/// Returns a curl command that opens a WebSocket; curl cannot send messages, but prints those it receives.
fn websocket(target: &str) -> String {
    format!(
        "curl -sN --http1.1 --output - -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
         -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' {target}"
    )
}

/// Prints the last lines of a log.
pub(super) fn show_end_of(log: &Path, lines: usize) {
    let text = fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    say(&format!("\nThe end of {}:", log.display()));
    all[all.len().saturating_sub(lines)..].iter().for_each(|line| say(line));
}
