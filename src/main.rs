//! The binary of Tidegate: parses the arguments, starts the command, and turns its outcome into an exit code.
//!
//! The libraries of the two planes do the work; this package only starts and stops processes. Nothing here serves
//! an API or carries traffic, except for the demo, which plays the client and the backend.

mod api_client;
mod authority;
mod backup;
mod cli;
mod client;
mod context;
mod control_plane;
mod data_dir_lock;
mod demo;
mod doctor;
mod hardening;
mod import;
mod logging;
mod manage;
mod outcome;
mod output;
mod shell;
mod stop;
mod supervisor;
mod up;
mod worker;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::api_client::ApiError;
use crate::cli::{AuthorityCommand, Cli, Command, WorkerCommand};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::stop::Stop;

/// An idle tunnel should hold nothing but its sockets. The memory that hyper frees when a connection becomes a
/// tunnel must therefore be reusable for the next connection. mimalloc keeps freed blocks by size class and reuses
/// them; glibc's allocator split and pinned them, which kept about 10 KB for each idle tunnel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let run = || {
        hardening::apply()?;
        shell::complete();
        dispatch(Cli::read())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `eprintln!` would panic if standard error is closed.
            let _ = writeln!(std::io::stderr(), "tidegate: {}", with_causes(error.as_ref()));
            exit(error.as_ref()).into()
        }
    }
}

/// Returns the exit code of an error.
fn exit(error: &(dyn Error + 'static)) -> Exit {
    let of_failure = error.downcast_ref::<Failure>().map(|failure| failure.exit);
    of_failure.or_else(|| error.downcast_ref::<ApiError>().map(ApiError::exit)).unwrap_or(Exit::Failed)
}

/// Returns the message with its causes, except for those that it already contains.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn dispatch(cli: Cli) -> CommandResult {
    let command = cli.command.unwrap_or_else(|| Command::Up(Box::new(cli.up)));
    // Read once: when the file is replaced later, its path names the new one, but this process is told another path.
    let executable = std::env::current_exe()?;
    match command {
        Command::Demo(options) => {
            on_two_threads(None, async |stop| demo::run(&options, &cli.log, &executable, &stop).await)
        }
        Command::Worker { command: WorkerCommand::Token(options) } => {
            on_two_threads(None, async |_| control_plane::print_join_token(&options).await)
        }
        Command::Authority { command: AuthorityCommand::Rotate(options) } => {
            on_two_threads(None, async |_| authority::rotate(&options).await)
        }
        Command::Backup(options) => on_two_threads(None, async |_| backup::backup(&options).await),
        Command::Restore(options) => on_two_threads(None, async |_| backup::restore(&options).await),
        Command::Doctor(options) => on_two_threads(None, async |_| doctor::run(&options).await),
        Command::Completions(options) => shell::completions(&options),
        Command::Man(options) => shell::man(&options),
        Command::Client { command } => on_two_threads(None, async |_| client::run(&command).await),
        Command::Echo(options) => on_two_threads(None, async |stop| demo::echo(&options, &stop).await),
        Command::Up(options) => {
            logging::init(&cli.log)?;
            let successor = Some(executable.clone());
            on_two_threads(successor, async |stop| up::run(&options, &cli.log, &executable, &stop).await)
        }
        Command::ControlPlane(options) => {
            logging::init(&cli.log)?;
            on_two_threads(Some(executable), async |stop| control_plane::run(&options, &stop).await)
        }
        Command::DataPlane(options) => {
            logging::init(&cli.log)?;
            worker::run(options, executable)
        }
        command @ (Command::Status(_)
        | Command::Health(_)
        | Command::Apply(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Events(_)
        | Command::Gateway { .. }
        | Command::Revision { .. }
        | Command::Rollback(_)
        | Command::Tunnel { .. }
        | Command::Resource(_)
        | Command::Login(_)
        | Command::Context { .. }
        | Command::Worker { .. }) => on_two_threads(None, async |stop| manage::run(&command, &stop).await),
    }
}

/// Runs a command on a runtime of two threads, as a control plane needs: one may be busy compiling a document
/// while the other answers requests and sends heartbeats. SIGUSR2 starts a successor from the executable
/// `successor`, if there is one.
fn on_two_threads(
    successor: Option<PathBuf>,
    command: impl AsyncFnOnce(Stop) -> CommandResult,
) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let stop = Stop::new();
        let signals = stop::Signals::register(successor)?;
        tokio::select! {
            outcome = command(stop.clone()) => outcome,
            never = signals.drive(&stop) => match never {},
        }
    });
    // Everything that must end in order has ended. Blocking threads cannot be interrupted, and nobody needs their
    // results.
    runtime.shutdown_background();
    outcome
}
