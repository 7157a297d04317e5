//! `tidegate data-plane`: a worker in this process.

use std::error::Error;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use tidegate_data_plane::{Config, Rotation};
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use tidegate_shared::token::{InvalidToken, JoinToken};
use tracing::warn;

use crate::cli::DataPlaneOptions;
use crate::outcome::CommandResult;
use crate::stop::{Signals, Stop};

/// The largest token that is read, in bytes; a real one has about 1,500.
const MAX_TOKEN: u64 = 64 * 1024;

/// Runs until asked to stop, and drains. A successor is started from `executable`. The calling thread becomes
/// the worker's main thread.
pub(crate) fn run(options: DataPlaneOptions, executable: PathBuf) -> CommandResult {
    let token = token(options.token_file.as_deref(), options.token)?;
    let stop = Stop::new();
    listen_for_signals(stop.clone(), executable)?;
    let threads = options.worker.threads.map_or_else(std::thread::available_parallelism, Ok);
    let config = Config {
        control_plane: options.control_plane,
        data_dir: options.data_dir,
        token,
        public_address: options.worker.public_address,
        port_offset: options.worker.port_offset,
        dns_servers: options.worker.dns_server,
        threads: threads.unwrap_or(NonZeroUsize::MIN),
        drain_timeout: options.worker.drain_timeout,
        buffer_space: options.worker.buffer_space,
        tunnel_buffer: options.worker.tunnel_buffer,
        tunnel_history: options.worker.tunnel_history,
        access_log: options.worker.access_log,
        access_log_rotation: Rotation {
            max_size: options.worker.access_log_max_size,
            keep: options.worker.access_log_keep,
        },
        metrics: options.worker.metrics,
        otlp_endpoint: options.worker.otlp_endpoint,
        timeouts: options.worker.downstream.timeouts(),
        max_request_body: options.worker.downstream.max_request_body,
        connections_per_address: options.worker.downstream.connections_per_address,
    };
    Ok(tidegate_data_plane::run(config, &stop.asked)?)
}

/// Returns the given token, if any. An absent or empty file counts as no token: the worker may have joined before,
/// and reports by itself if it has not.
fn token(file: Option<&Path>, value: Option<Secret>) -> Result<Option<JoinToken>, Box<dyn Error>> {
    let text = match file {
        Some(path) if path == Path::new("-") => Some(from_standard_input()?),
        Some(path) => match private_file::read(path) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                warn!("there is no token: {e}");
                None
            }
            Err(e) => return Err(e.into()),
        },
        None => value,
    };
    let Some(text) = text else { return Ok(None) };
    if text.expose().trim_ascii().is_empty() {
        warn!("the token that was given is empty");
        return Ok(None);
    }
    let text = std::str::from_utf8(text.expose()).map_err(|_| InvalidToken)?;
    Ok(Some(text.parse()?))
}

fn from_standard_input() -> io::Result<Secret> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_TOKEN).read_to_end(&mut bytes)?;
    Ok(Secret::new(bytes))
}

/// Installs the signal handlers, and runs them on a thread of their own, because the worker's threads are busy with
/// traffic. A hurried stop exits the process at once.
fn listen_for_signals(stop: Stop, executable: PathBuf) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _inside = runtime.enter();
        Signals::register(Some(executable))?
    };
    let listen = async move {
        tokio::select! {
            never = signals.drive(&stop) => match never {},
            () = stop.hurried.cancelled() => std::process::exit(1),
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_from_the_file_before_the_value() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let of = |n: u8| JoinToken { authority: "a".into(), secret: Secret::new(vec![n; 32]) };
        let text = |n: u8| Secret::new(of(n).encode().into_bytes());
        private_file::write(&path, format!("{}\n", of(1).encode()).as_bytes()).unwrap();
        assert_eq!(token(None, None).unwrap(), None);
        assert_eq!(token(None, Some(text(2))).unwrap(), Some(of(2)));
        assert_eq!(token(Some(&path), Some(text(2))).unwrap(), Some(of(1)));
    }

    #[test]
    fn a_token_that_is_not_there_is_none_and_one_that_is_wrong_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let secret = |text: &[u8]| Some(Secret::new(text.to_vec()));
        assert_eq!(token(Some(&dir.path().join("absent")), None).unwrap(), None);
        for empty in ["", " \n"] {
            let path = dir.path().join("token");
            std::fs::write(&path, empty).unwrap();
            assert_eq!(token(Some(&path), None).unwrap(), None);
            assert_eq!(token(None, secret(empty.as_bytes())).unwrap(), None);
        }
        assert!(token(None, secret(&[0xff])).is_err());
        assert!(token(None, secret(b"no token")).is_err());
        assert!(token(Some(dir.path()), None).is_err());
    }
}
