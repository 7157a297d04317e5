//! A program in a terminal: a pseudoterminal with a screen that shows what a person would see.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use vt100::Parser;

use crate::process::clear_options;
use crate::wait::wait_for;

/// A running program and its screen. It is killed on drop.
pub struct Terminal {
    child: Child,
    terminal: File,
    screen: Arc<Mutex<Parser>>,
}

impl Terminal {
    /// Starts a program with a terminal of this size as its controlling terminal.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
        (rows, columns): (u16, u16),
    ) -> Terminal {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pseudoterminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("the other end of it");
        let name = ptsname(&terminal, Vec::new()).expect("its name");
        let end = || {
            let end = open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
            Stdio::from(end.expect("the end of the program"))
        };
        resize(&terminal, (rows, columns));
        // A session of its own gets the signals of the terminal: Ctrl-C, and that of a new size.
        let mut command = Command::new("setsid");
        clear_options(&mut command);
        command.arg("--ctty").arg(program).args(arguments).envs(environment.iter().cloned());
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("setsid of util-linux can be started");
        let terminal = File::from(terminal);
        let screen = Arc::new(Mutex::new(parser((rows, columns))));
        let (mut output, shown) = (terminal.try_clone().expect("a second descriptor"), screen.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails once no process has the other end.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..length]);
            }
        });
        Terminal { child, terminal, screen }
    }

    /// Returns the text on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Returns true if the program shows the alternate screen, as full-screen programs do.
    pub fn is_full_screen(&self) -> bool {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().alternate_screen()
    }

    /// Waits until the screen has all of these texts.
    pub async fn shows(&self, texts: &[&str]) -> String {
        wait_for(&format!("{texts:?} on the screen"), async || {
            let screen = self.screen();
            texts.iter().all(|text| screen.contains(text)).then_some(screen)
        })
        .await
    }

    /// Waits until the screen does not have this text.
    pub async fn hides(&self, text: &str) -> String {
        wait_for(&format!("{text:?} to leave the screen"), async || {
            let screen = self.screen();
            (!screen.contains(text)).then_some(screen)
        })
        .await
    }

    /// Types keys, as the bytes that a terminal sends for them.
    pub fn type_keys(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).expect("the program reads its terminal");
    }

    /// Changes the size. The program gets SIGWINCH.
    pub fn resize(&self, size: (u16, u16)) {
        let (rows, columns) = cells(size);
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen_mut().set_size(rows, columns);
        resize(&self.terminal, size);
    }

    /// Waits until the program has ended.
    pub async fn exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the end of a program in a terminal", async || {
            child.try_wait().expect("a child can be asked")
        })
        .await
    }
}

fn parser(size: (u16, u16)) -> Parser {
    let (rows, columns) = cells(size);
    Parser::new(rows, columns, 0)
}

fn cells((rows, columns): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let cells = |number| NonZeroU16::new(number).expect("a terminal has rows and columns");
    (cells(rows), cells(columns))
}

fn resize(terminal: &impl std::os::fd::AsFd, (rows, columns): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a terminal has a size");
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("screen", &self.screen()).finish_non_exhaustive()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the screen was:\n{}", self.screen());
        }
    }
}
