//! `tidegate data-plane`: a worker in this process.

use std::error::Error;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;

use tidegate_data_plane::Config;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use tidegate_shared::token::{InvalidToken, JoinToken};

use crate::Outcome;
use crate::cli::DataPlaneOptions;
use crate::stop::{Signals, Stop};

/// The longest token that is read, in bytes; a real one takes about 1,500.
const MAX_TOKEN: u64 = 64 * 1024;

/// Runs until asked to stop, and drains. The calling thread becomes the worker's own.
pub(crate) fn run(options: DataPlaneOptions) -> Outcome {
    let token = token(options.token_file.as_deref(), options.token)?;
    let stop = Stop::new();
    listen_for_signals(stop.clone())?;
    let threads = options.worker.threads.map_or_else(std::thread::available_parallelism, Ok);
    let config = Config {
        control_plane: options.control_plane,
        data_dir: options.data_dir,
        token,
        public_address: options.worker.public_address,
        port_offset: options.worker.port_offset,
        threads: threads.unwrap_or(NonZeroUsize::MIN),
        drain_timeout: options.worker.drain_timeout,
        access_log: options.worker.access_log,
    };
    Ok(tidegate_data_plane::run(config, &stop.asked)?)
}

fn token(file: Option<&Path>, value: Option<Secret>) -> Result<Option<JoinToken>, Box<dyn Error>> {
    let text = match file {
        Some(path) if path == Path::new("-") => Some(from_standard_input()?),
        Some(path) => Some(private_file::read(path)?),
        None => value,
    };
    let parse = |text: Secret| std::str::from_utf8(text.expose()).map_err(|_| InvalidToken)?.parse();
    text.map(parse).transpose().map_err(Into::into)
}

fn from_standard_input() -> io::Result<Secret> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_TOKEN).read_to_end(&mut bytes)?;
    Ok(Secret::new(bytes))
}

/// Catches signals from now on, on a thread of their own: the worker's threads are busy with traffic. A hurried stop
/// ends the process on the spot.
fn listen_for_signals(stop: Stop) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _inside = runtime.enter();
        Signals::register()?
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
        assert!(token(None, Some(Secret::new(vec![0xff]))).is_err());
        assert!(token(Some(&dir.path().join("absent")), None).is_err());
    }
}
