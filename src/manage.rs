//! The commands for people: nouns and verbs over the REST API.
//!
//! Everything here goes through the client of the REST API, so it works on any machine. Results are printed on
//! standard output, and questions, progress and errors on standard error.

mod apply;
mod certificate;
mod confirm;
mod context_commands;
mod events;
mod export;
mod gateways;
mod health;
mod import;
mod login;
mod progress;
mod resources;
mod revisions;
mod session;
mod status;
mod top;
mod tunnels;
mod view;
mod workers;

use std::io;

use crate::cli::{Command, TunnelCommand, WorkerCommand};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::stop::Stop;

pub(crate) use self::certificate::{CERTIFICATES, validity};
pub(crate) use self::session::Session;

/// Runs a command until it ends, or until a signal stops it. What was sent stays sent.
///
/// # Errors
/// The command's.
pub(crate) async fn run(command: &Command, stop: &Stop) -> CommandResult {
    let outcome = tokio::select! {
        outcome = dispatch(command) => outcome,
        () = stop.asked.cancelled() => Err(Failure::new(Exit::Interrupted, "interrupted").into()),
    };
    match outcome {
        // `tidegate … | head` has what it wanted.
        Err(error) if is_closed_pipe(error.as_ref()) => Ok(()),
        outcome => outcome,
    }
}

async fn dispatch(command: &Command) -> CommandResult {
    match command {
        Command::Status(options) => status::run(options).await,
        Command::Health(options) => health::run(options).await,
        Command::Apply(options) => apply::run(options).await,
        Command::Import(options) => import::run(options).await,
        Command::Export(options) => export::run(options).await,
        Command::Gateway { command } => gateways::run(command).await,
        Command::Events(options) => events::run(options).await,
        Command::Revision { command } => revisions::run(command).await,
        Command::Rollback(options) => revisions::rollback(options).await,
        Command::Tunnel { command: TunnelCommand::List(options) } => tunnels::list(options).await,
        Command::Tunnel { command: TunnelCommand::Show(options) } => tunnels::show(options).await,
        Command::Tunnel { command: TunnelCommand::Close(options) } => tunnels::close(options).await,
        Command::Tunnel { command: TunnelCommand::Top(options) } => top::run(options).await,
        Command::Resource(command) => resources::run(command).await,
        Command::Login(options) => login::run(options).await,
        Command::Context { command } => context_commands::run(command),
        Command::Worker { command: WorkerCommand::List(options) } => workers::list(options).await,
        Command::Worker { command: WorkerCommand::Show(options) } => workers::show(options).await,
        Command::Worker { command: WorkerCommand::Drain(options) } => workers::drain(options).await,
        Command::Worker { command: WorkerCommand::Resume(options) } => workers::resume(options).await,
        Command::Worker { command: WorkerCommand::Delete(options) } => workers::delete(options).await,
        other => unreachable!("{other:?} does not go over the REST API"),
    }
}

fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
