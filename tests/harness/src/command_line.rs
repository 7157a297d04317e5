//! The command line as a person uses it: commands with a configuration directory of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::clear_options;
use crate::terminal::Terminal;
use crate::tidegate::Tidegate;
use crate::wait::within_deadline;

/// A user of the command line. The contexts are in a directory that is removed on drop.
#[derive(Debug)]
pub struct CommandLine {
    binary: PathBuf,
    home: TempDir,
    data_dir: Option<PathBuf>,
}

/// The outcome of a command.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; none if a signal has ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl CommandLine {
    /// A user who has no context and no data directory.
    pub fn new(binary: impl Into<PathBuf>) -> CommandLine {
        let home = tempfile::tempdir().expect("a temporary directory");
        CommandLine { binary: binary.into(), home, data_dir: None }
    }

    /// A user on the machine of this Tidegate: commands use its data directory.
    pub fn of(tidegate: &Tidegate) -> CommandLine {
        CommandLine { data_dir: Some(tidegate.data_dir()), ..CommandLine::new(tidegate.binary()) }
    }

    /// The home directory, for files.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file in the home directory, and returns its path as text.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.home().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![("HOME".to_owned(), self.home().display().to_string())];
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            environment.push((name.to_owned(), self.home().join(name).display().to_string()));
        }
        let data_dir = self.data_dir.as_ref().map(|dir| dir.display().to_string());
        environment.extend(data_dir.map(|dir| ("TIDEGATE_DATA_DIR".to_owned(), dir)));
        environment
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[], "").await
    }

    /// Runs a command with further variables and an input to its end.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Outcome {
        let mut command = Command::new(&self.binary);
        clear_options(&mut command);
        command
            .args(arguments)
            .current_dir(self.home())
            .envs(self.environment())
            .envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let input = input.to_owned();
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let ended = tokio::task::spawn_blocking(move || {
            // A command that needs no input may have ended.
            let _ = stdin.write_all(input.as_bytes());
            drop(stdin);
            child.wait_with_output()
        });
        let output = within_deadline(&format!("the end of {arguments:?}"), ended).await;
        let output = output.expect("no panic").expect("the command can be waited for");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("commands print UTF-8");
        let outcome =
            Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!outcome.stderr.contains("panicked"), "{arguments:?}: {}", outcome.stderr);
        outcome
    }

    /// Starts a command in a terminal of this size.
    pub fn terminal(&self, arguments: &[&str], (rows, columns): (u16, u16)) -> Terminal {
        Terminal::start(&self.binary, arguments, &self.environment(), (rows, columns))
    }
}

impl Outcome {
    /// Checks the exit code, and returns standard output.
    pub fn expect(&self, code: i32) -> &str {
        assert_eq!(
            self.code,
            Some(code),
            "standard output:\n{}\nstandard error:\n{}",
            self.stdout,
            self.stderr
        );
        &self.stdout
    }

    /// Returns standard output as JSON, after a success.
    pub fn json(&self) -> Value {
        let text = self.expect(0);
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}
