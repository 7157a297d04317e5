//! `tidegate doctor`: checks of a data directory and of the machine, each with what to do.
//!
//! Nothing is changed. Checks of what runs ask the control plane of the directory, as any client does.

mod data_dir;
mod finding;
mod machine;
mod running;

use serde_json::Value;

use crate::cli::{DoctorOptions, Format};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Output, Table};

use self::finding::{Findings, Level};

/// Runs all checks, and prints what they have found.
///
/// # Errors
/// Something is a problem.
pub(crate) async fn run(options: &DoctorOptions) -> CommandResult {
    let directory = &options.place.data_dir;
    let mut findings = Findings::default();
    data_dir::check(directory, &mut findings).await;
    machine::check(directory, &mut findings);
    running::check(directory, &mut findings).await;
    let output = Output::new(&options.output);
    match output.format {
        Format::Table => output.table(&findings.table())?,
        _ => output.list(
            &findings.0.iter().map(finding::Finding::to_json).collect::<Vec<Value>>(),
            Table::default,
        )?,
    }
    match findings.0.iter().filter(|finding| finding.level == Level::Problem).count() {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "1 problem").into()),
        several => Err(Failure::new(Exit::Failed, format!("{several} problems")).into()),
    }
}
