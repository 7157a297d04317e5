//! Reads the access log of workers from a file.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wait::wait_for;

/// The access log in a file. Lines that are not JSON are skipped.
#[derive(Clone, Debug)]
pub struct AccessLog {
    path: PathBuf,
}

impl AccessLog {
    pub(crate) fn in_directory(directory: &Path) -> AccessLog {
        AccessLog { path: directory.join("stdout.log") }
    }

    /// Returns every line so far.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line that contains all of these texts, and returns the first one.
    pub async fn line_with(&self, texts: &[&str]) -> Value {
        wait_for(&format!("an access line with {texts:?}"), async || {
            self.lines().into_iter().find(|line| {
                let line = line.to_string();
                texts.iter().all(|text| line.contains(text))
            })
        })
        .await
    }

    /// Counts the lines that contain all of these texts.
    pub fn count_with(&self, texts: &[&str]) -> usize {
        let lines = self.lines().into_iter().map(|line| line.to_string());
        lines.filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}
