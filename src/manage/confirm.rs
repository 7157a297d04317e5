//! The question before a write.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::outcome::{Exit, Failure};

/// Asks whether to do it, on a terminal. `yes` answers in advance.
///
/// # Errors
/// The answer is no, or there is nobody to ask.
pub(super) async fn ask(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let message = "nobody can be asked, because standard input is not a terminal: give --yes, or --dry-run to only look";
        return Err(Failure::usage(message));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let _ = io::stderr().flush();
    // A thread of its own, so that a signal ends the command while it waits for an answer.
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "nothing was changed")),
    }
}
