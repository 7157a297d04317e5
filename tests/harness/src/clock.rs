//! A time of day of a test's own, which processes under test see in the place of the machine's.
//!
//! It is that of libfaketime (the package `faketime` of Debian), which is loaded into them. Monotonic clocks stay the
//! machine's, so that timers run as ever.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::process::is_alive;

/// Where distributions install the library.
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
    /// One that shows the machine's time. None, with a word about it, where the library is not installed.
    ///
    /// # Panics
    /// Where the library is not installed and the variable `CI` is set: there it must be.
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

    /// Moves it so far from the machine's time, at once: `+3y`, `-2d`, `+1h`, `+0`.
    pub fn set(&self, offset: &str) {
        let (file, new) = (self.file(), self.directory.path().join("new"));
        // As a whole: a process that reads half of it would see another time.
        std::fs::write(&new, offset).expect("a test can write to its directory");
        std::fs::rename(new, file).expect("a test can write to its directory");
    }

    /// What a process is started with that is to see this clock.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variables = [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            // The file is read at each look at the clock.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // The name that older versions know, and the one of newer ones.
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            // Times of files are left as they are.
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("offset")
    }
}

impl Drop for Clock {
    /// Removes the shared memory that the library leaves behind where a process was killed: it would keep a later process
    /// of the same number from starting.
    fn drop(&mut self) {
        for file in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = file.file_name();
            let pid = ["faketime_shm_", "sem.faketime_sem_"]
                .into_iter()
                .find_map(|prefix| name.to_str()?.strip_prefix(prefix)?.parse().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) {
                // Another test may have removed it.
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}
