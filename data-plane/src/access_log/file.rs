//! An access log file: lines are appended, the file is opened again when somebody moves it, and it is rotated at a
//! size.
//!
//! Several workers may share one file. Each line is written whole. The worker that finds the file full moves it
//! while it holds a lock on it, so that two workers do not rotate it twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::Rotation;

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// True if the last rotation failed, which is logged once.
    stuck: bool,
    /// True if the last write ended within a line.
    torn: bool,
}

impl LogFile {
    /// Opens the file for appending, and creates it if it is absent.
    pub(super) fn open(path: &Path, rotation: Rotation) -> io::Result<LogFile> {
        Ok(LogFile { path: path.to_owned(), rotation, file: append_to(path)?, stuck: false, torn: false })
    }

    /// Appends lines to the file that the path names now.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if !self.is_in_place()? {
            self.file = append_to(&self.path)?;
            self.torn = false;
        }
        write_lines(&mut self.file, lines, &mut self.torn)?;
        if self.file.metadata()?.len() >= self.rotation.max_size {
            let rotated = self.rotate();
            if let (Err(error), false) = (&rotated, self.stuck) {
                tracing::error!(%error, "the access log cannot be rotated: it keeps growing");
            }
            self.stuck = rotated.is_err();
        }
        Ok(())
    }

    /// Returns true if the path still names the open file: another worker, or logrotate, may have moved it.
    fn is_in_place(&self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.lock()?;
        // The worker that held the lock before may already have rotated the file.
        if self.is_in_place()? {
            let aside = |number: u32| PathBuf::from(format!("{}.{number}", self.path.display()));
            for number in (1..self.rotation.keep).rev() {
                ignore_missing(fs::rename(aside(number), aside(number + 1)))?;
            }
            match self.rotation.keep {
                0 => ignore_missing(fs::remove_file(&self.path))?,
                _ => ignore_missing(fs::rename(&self.path, aside(1)))?,
            }
        }
        // The old file is closed here, which releases the lock.
        self.file = append_to(&self.path)?;
        Ok(())
    }
}

/// Writes lines. If the write before was `torn`, a line end comes first. A failed write may tear another line.
fn write_lines(out: &mut impl Write, lines: &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        out.write_all(b"\n")?;
        *torn = false;
    }
    let mut at = 0;
    while at < lines.len() {
        match out.write(&lines[at..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                at += count;
                *torn = lines[at - 1] != b'\n';
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn append_to(path: &Path) -> io::Result<File> {
    let open = OpenOptions::new().create(true).append(true).open(path);
    open.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(directory: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn names(directory: &Path) -> Vec<String> {
        contents(directory).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_full_file_is_moved_aside_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, Rotation { max_size: 4, keep: 2 }).unwrap();
        for number in 1..=4 {
            log.append(format!("{number}{number}{number}\n").as_bytes()).unwrap();
        }
        log.append(b"5\n").unwrap();
        let expected = [("log", "5\n"), ("log.1", "444\n"), ("log.2", "333\n")];
        assert_eq!(contents(directory.path()), expected.map(|(n, c)| (n.to_owned(), c.to_owned())));
    }

    #[test]
    fn with_none_to_keep_a_full_file_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, Rotation { max_size: 4, keep: 0 }).unwrap();
        log.append(b"full\n").unwrap();
        log.append(b"5\n").unwrap();
        assert_eq!(contents(directory.path()), [("log".to_owned(), "5\n".to_owned())]);
    }

    #[test]
    fn two_that_share_a_file_rotate_it_once_and_follow_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let rotation = Rotation { max_size: 8, keep: 9 };
        let [mut one, mut other] = [(); 2].map(|()| LogFile::open(&path, rotation).unwrap());
        one.append(b"one\n").unwrap();
        other.append(b"other\n").unwrap();
        assert_eq!(names(directory.path()), ["log", "log.1"]);
        one.append(b"1\n").unwrap();
        other.append(b"2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n");
    }

    /// A disk that is full after so many bytes.
    struct Disk {
        written: Vec<u8>,
        space: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.space);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.space -= count;
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn after_half_a_line_the_next_begins_anew() {
        for (space, expected) in
            [(0, "next\n"), (2, "li\nnext\n"), (5, "line\nnext\n"), (7, "line\nan\nnext\n")]
        {
            let (mut disk, mut torn) = (Disk { written: Vec::new(), space }, false);
            assert!(write_lines(&mut disk, b"line\nanother\n", &mut torn).is_err());
            // The disk is still full: the line stays torn.
            assert!(write_lines(&mut disk, b"lost\n", &mut torn).is_err());
            disk.space = 100;
            write_lines(&mut disk, b"next\n", &mut torn).unwrap();
            assert_eq!(String::from_utf8(disk.written).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_that_somebody_moved_away_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, Rotation { max_size: 100, keep: 1 }).unwrap();
        log.append(b"1\n").unwrap();
        fs::rename(&path, directory.path().join("away")).unwrap();
        log.append(b"2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
    }
}
