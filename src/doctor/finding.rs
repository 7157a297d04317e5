//! What a check has found, and what to do about it. Pure.

use serde_json::{Value, json};

use crate::output::{Cell, Table, Tone};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Good,
    /// It works, and may not for long or not for everything.
    Warning,
    /// It does not work.
    Problem,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was checked, such as `open files`.
    pub(super) check: &'static str,
    /// What was found.
    pub(super) found: String,
    /// What to do; empty if nothing has to be done.
    pub(super) action: String,
}

/// All results, in the order of the checks.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// Adds that something is as it should be.
    pub(super) fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(Level::Good, check, found, "");
    }

    /// Adds what works, with what to do about it.
    pub(super) fn warn(&mut self, check: &'static str, found: impl Into<String>, action: impl Into<String>) {
        self.add(Level::Warning, check, found, action);
    }

    /// Adds what does not work, with what to do about it.
    pub(super) fn problem(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        action: impl Into<String>,
    ) {
        self.add(Level::Problem, check, found, action);
    }

    fn add(
        &mut self,
        level: Level,
        check: &'static str,
        found: impl Into<String>,
        action: impl Into<String>,
    ) {
        self.0.push(Finding { level, check, found: found.into(), action: action.into() });
    }

    /// Returns them for people.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&["CHECK", "RESULT", "FOUND", "WHAT TO DO"]);
        for Finding { level, check, found, action } in &self.0 {
            let (word, tone) = level.shown();
            table.row([
                (*check).into(),
                Cell::new(word, tone),
                found.as_str().into(),
                action.as_str().into(),
            ]);
        }
        table
    }
}

impl Finding {
    /// Returns it for programs.
    pub(super) fn to_json(&self) -> Value {
        let Finding { level, check, found, action } = self;
        json!({"name": check, "result": level.shown().0, "found": found, "action": action})
    }
}

impl Level {
    fn shown(self) -> (&'static str, Tone) {
        match self {
            Level::Good => ("ok", Tone::Good),
            Level::Warning => ("warning", Tone::Warning),
            Level::Problem => ("problem", Tone::Bad),
        }
    }
}
