//! The one binary of Tidegate: reads its arguments, starts what they name, and turns the outcome into an exit code.
//!
//! Everything it starts lives in the two planes' libraries; here are only the processes around them. Nothing in this
//! package serves an API or carries traffic of its own, but for the demonstration, which plays the client and the
//! backend.

mod authority;
mod claim;
mod cli;
mod client;
mod control_plane;
mod demo;
mod hygiene;
mod logging;
mod stop;
mod supervisor;
mod up;
mod worker;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::{AuthorityCommand, Cli, Command, WorkerCommand};
use crate::stop::Stop;

/// An idle tunnel should hold nothing but its sockets. What hyper frees when a connection becomes a tunnel must
/// therefore be of use to the next connection. mimalloc keeps freed blocks by size class and hands them out again;
/// glibc's allocator split and pinned them, which kept about 10 KB for each idle tunnel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ends. These errors go to a person and to nobody else, so their types are of no further use.
type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    match hygiene::apply().map_err(Into::into).and_then(|()| dispatch(Cli::read())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`: a standard error that nobody reads any more must not turn into a panic.
            let _ = writeln!(std::io::stderr(), "tidegate: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// The message and those of its causes that it does not repeat itself.
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

fn dispatch(cli: Cli) -> Outcome {
    let command = cli.command.unwrap_or(Command::Up(cli.up));
    match command {
        Command::Demo(options) => {
            on_two_threads(false, async |stop| demo::run(&options, &cli.log, &stop).await)
        }
        Command::Worker { command: WorkerCommand::Token(options) } => {
            on_two_threads(false, async |_| control_plane::print_join_token(&options).await)
        }
        Command::Authority { command: AuthorityCommand::Rotate(options) } => {
            on_two_threads(false, async |_| authority::rotate(&options).await)
        }
        Command::Client { command } => on_two_threads(false, async |_| client::run(&command).await),
        Command::Echo(options) => on_two_threads(false, async |stop| demo::echo(&options, &stop).await),
        Command::Up(options) => {
            logging::init(&cli.log)?;
            on_two_threads(true, async |stop| up::run(&options, &cli.log, &stop).await)
        }
        Command::ControlPlane(options) => {
            logging::init(&cli.log)?;
            on_two_threads(true, async |stop| control_plane::run(&options, &stop).await)
        }
        Command::DataPlane(options) => {
            logging::init(&cli.log)?;
            worker::run(options)
        }
    }
}

/// Runs a command on a runtime of two threads, which is what a control plane needs: one that may be busy compiling
/// a document while the other answers and keeps the heartbeats. `has_successors`: SIGUSR2 starts one.
fn on_two_threads(has_successors: bool, command: impl AsyncFnOnce(Stop) -> Outcome) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let stop = Stop::new();
        let signals = stop::Signals::register(has_successors)?;
        tokio::select! {
            outcome = command(stop.clone()) => outcome,
            never = signals.drive(&stop) => match never {},
        }
    });
    // What must end in order has ended. Work on threads for blocking work cannot be interrupted, and nobody waits for
    // what comes of it any more.
    runtime.shutdown_background();
    outcome
}
