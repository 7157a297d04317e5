//! A wall clock that a test can set for the processes under test.
//!
//! The clock is implemented by libfaketime (the Debian package `faketime`), which is preloaded into the processes.
//! Monotonic clocks are unaffected, so that timers work as usual.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::process::is_alive;

/// The directories where distributions install the library.
const DIRECTORIES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib64/faketime",
    "/usr/lib/faketime",
    "/usr/local/lib/faketime",
];

/// A clock that can be set.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    directory: TempDir,
}

impl Clock {
    /// Creates a clock that shows the machine's time. Returns `None`, with a message, if the library is not
    /// installed.
    ///
    /// # Panics
    /// The library is not installed although the variable `CI` is set.
    pub fn start() -> Option<Clock> {
        let paths = DIRECTORIES.map(|directory| PathBuf::from(directory).join("libfaketimeMT.so.1"));
        let Some(library) = paths.into_iter().find(|path| path.exists()) else {
            assert!(std::env::var_os("CI").is_none(), "libfaketime is needed: install the package faketime");
            println!("skipped: this takes libfaketime, the package faketime, which is not installed");
            return None;
        };
        let directory = TempDir::with_prefix("tidegate-clock-").expect("a test can have a directory");
        let clock = Clock { library, directory };
        clock.set("+0");
        Some(clock)
    }

    /// Sets its offset from the machine's time: `+3y`, `-2d`, `+1h`, `+0`.
    pub fn set(&self, offset: &str) {
        let (file, new) = (self.file(), self.directory.path().join("new"));
        // Replaced atomically: a process that reads a partial offset would see another time.
        std::fs::write(&new, offset).expect("a test can write to its directory");
        std::fs::rename(new, file).expect("a test can write to its directory");
    }

    /// Returns the environment variables for a process that must see this clock.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            // The library then reads the file on each call.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Older versions of the library know the first name, newer ones the second.
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            // Modification times of files are unaffected.
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

impl Drop for Clock {
    /// Removes the shared memory that the library leaves behind in a killed process: it would keep a later process
    /// with the same ID from starting.
    fn drop(&mut self) {
        for file in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = file.file_name();
            let pid = ["faketime_shm_", "sem.faketime_sem_"]
                .into_iter()
                .find_map(|prefix| name.to_str()?.strip_prefix(prefix)?.parse().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) {
                // Another test may have removed the file.
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}
