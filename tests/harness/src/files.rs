//! Lists the files of a directory, for tests of what is left there.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns every file below a directory; none if the directory is absent.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
