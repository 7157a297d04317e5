//! What lies in a directory, for tests that ask what is left there for others to read.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a directory; none where there is no directory.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
