//! The access log: one JSON object per request and per ended tunnel, written by a thread of its own.
//!
//! Each data thread collects lines in its own buffer, and passes the buffer to the writer thread when it is full or
//! 50 ms old. If the writer cannot keep up, lines are dropped and counted: a log must never delay traffic.

mod file;
mod line;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::config::{AccessLog, Rotation};
use crate::side_thread::SideThread;
use file::LogFile;
pub(crate) use line::{Line, Properties, version};

/// The size in bytes from which a buffer is passed to the writer at once.
const FULL: usize = 32 * 1024;
/// The age at which a buffer is passed to the writer.
const AGE: Duration = Duration::from_millis(50);
/// The largest write to a pipe that the kernel does not mix with those of others (POSIX `PIPE_BUF`; this is Linux's
/// value).
const PIPE_BUF: usize = 4096;
/// The time limit for the writer to finish at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);
/// The number of buffers that may wait for the writer.
const WAITING: usize = 64;

/// The writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<(SyncSender<Vec<u8>>, SideThread)>,
    /// The number of lines dropped so far.
    pub(crate) dropped: Arc<AtomicU64>,
    instance: Instance,
}

/// The worker's `instanceId` in its access lines; empty until it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance(Arc<ArcSwap<String>>);

impl Instance {
    pub(crate) fn set(&self, name: String) {
        self.0.store(Arc::new(name));
    }
}

impl Writer {
    /// Opens the log and starts the writer thread.
    pub(crate) fn start(target: &AccessLog, rotation: Rotation, instance: Instance) -> io::Result<Writer> {
        let dropped = Arc::new(AtomicU64::new(0));
        let out = match target {
            AccessLog::Off => return Ok(Writer { queue: None, dropped, instance }),
            AccessLog::Stdout => Out::Stdout,
            AccessLog::File(path) => Out::File(LogFile::open(path, rotation)?),
        };
        let (sender, receiver) = sync_channel(WAITING);
        let lost = dropped.clone();
        let thread = SideThread::start("access-log", move || write_all(&receiver, out, &lost))?;
        Ok(Writer { queue: Some((sender, thread)), dropped, instance })
    }

    /// Returns a handle for a data thread.
    pub(crate) fn handle(&self) -> Handle {
        Handle {
            queue: self.queue.as_ref().map(|(sender, _)| sender.clone()),
            dropped: self.dropped.clone(),
            instance: self.instance.clone(),
        }
    }

    /// Waits until all passed lines are written, for 2 s at most. All handles must have been dropped.
    pub(crate) fn finish(self) {
        if let Some((sender, thread)) = self.queue {
            drop(sender);
            thread.finish(FINISH_TIMEOUT);
        }
    }
}

/// The destination of the lines.
enum Out {
    Stdout,
    File(LogFile),
}

impl Out {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Out::Stdout => write_whole_lines(&mut io::stdout(), lines).and_then(|()| io::stdout().flush()),
            Out::File(file) => file.append(lines),
        }
    }
}

fn write_all(queue: &Receiver<Vec<u8>>, mut out: Out, dropped: &AtomicU64) {
    let (mut failing, mut reported) = (false, 0);
    for lines in queue {
        let written = out.write(&lines);
        if let Err(error) = &written {
            dropped.fetch_add(count(&lines), Ordering::Relaxed);
            if !failing {
                tracing::error!(%error, "the access log cannot be written");
            }
        }
        failing = written.is_err();
        let lost = dropped.load(Ordering::Relaxed);
        if lost > reported {
            tracing::warn!(lines = lost - reported, "access lines were dropped");
            reported = lost;
        }
    }
}

/// Counts the lines.
fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

/// Writes the lines in pieces of whole lines, each small enough for one atomic write to a pipe, which several
/// workers may share.
fn write_whole_lines(out: &mut impl Write, mut lines: &[u8]) -> io::Result<()> {
    while !lines.is_empty() {
        let fitting = &lines[..lines.len().min(PIPE_BUF)];
        let ends = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let first = || lines.iter().position(|byte| *byte == b'\n');
        let end = ends(fitting).or_else(first).map_or(lines.len(), |at| at + 1);
        let (piece, rest) = lines.split_at(end);
        out.write_all(piece)?;
        lines = rest;
    }
    Ok(())
}

/// A data thread's connection to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    queue: Option<SyncSender<Vec<u8>>>,
    dropped: Arc<AtomicU64>,
    instance: Instance,
}

/// The access log of one data thread.
#[derive(Debug)]
pub(crate) struct Logger {
    handle: Handle,
    buffer: RefCell<Vec<u8>>,
    waiting: Cell<bool>,
    wake: Notify,
}

impl Logger {
    pub(crate) fn new(handle: Handle) -> Rc<Logger> {
        let buffer = RefCell::new(Vec::new());
        Rc::new(Logger { handle, buffer, waiting: Cell::new(false), wake: Notify::new() })
    }

    /// Returns true if the log is enabled. Values that only the log needs are not collected otherwise.
    pub(crate) fn is_on(&self) -> bool {
        self.handle.queue.is_some()
    }

    /// Adds a line to the buffer, with the worker's `instanceId`.
    pub(crate) fn write(&self, line: Line<'_>) {
        let instance = self.handle.instance.0.load();
        let mut line = line;
        line.properties.instance_id = &instance;
        let mut buffer = self.buffer.borrow_mut();
        serde_json::to_writer(&mut *buffer, &line).expect("a line is plain data");
        buffer.push(b'\n');
        if buffer.len() >= FULL {
            self.hand_over(&mut buffer);
        } else if !self.waiting.replace(true) {
            self.wake.notify_one();
        }
    }

    /// Passes buffers to the writer when they are old enough; runs for the life of the thread.
    pub(crate) async fn run(&self) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(AGE).await;
            self.flush();
        }
    }

    /// Passes the buffer to the writer now.
    pub(crate) fn flush(&self) {
        self.waiting.set(false);
        self.hand_over(&mut self.buffer.borrow_mut());
    }

    fn hand_over(&self, buffer: &mut Vec<u8>) {
        let Some(queue) = &self.handle.queue else { return };
        if buffer.is_empty() {
            return;
        }
        let lines = std::mem::replace(buffer, Vec::with_capacity(FULL + 1024));
        if let Err(TrySendError::Full(lines) | TrySendError::Disconnected(lines)) = queue.try_send(lines) {
            self.handle.dropped.fetch_add(count(&lines), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records the boundaries of writes.
    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_counted_and_hold_nobody_up() {
        let (sender, receiver) = sync_channel(1);
        let (dropped, instance) = (Arc::new(AtomicU64::new(0)), Instance::default());
        let logger = Logger::new(Handle { queue: Some(sender), dropped: dropped.clone(), instance });
        for _ in 0..3 {
            logger.write(Line::default());
            logger.write(Line::default());
            logger.flush();
        }
        drop(logger);
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        assert_eq!(receiver.iter().map(|lines| count(&lines)).sum::<u64>(), 2);
    }

    #[test]
    fn no_write_divides_a_line() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        for lengths in [&[10][..], &[3000, 3000, 10], &[4096, 1], &[9000, 5], &[]] {
            let lines: Vec<u8> = lengths.iter().flat_map(|length| line(*length)).collect();
            let mut pieces = Pieces::default();
            write_whole_lines(&mut pieces, &lines).unwrap();
            assert_eq!(pieces.0.concat(), lines);
            assert!(pieces.0.iter().all(|piece| piece.ends_with(b"\n")), "{lengths:?}");
            let long = pieces.0.iter().filter(|piece| piece.len() > PIPE_BUF).count();
            assert_eq!(long, lengths.iter().filter(|length| **length > PIPE_BUF).count(), "{lengths:?}");
        }
    }
}
