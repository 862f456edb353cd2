//! The only place that writes to standard output and standard error.
//!
//! Colours appear on a terminal, unless `NO_COLOR` is set, and elsewhere only with `CLICOLOR_FORCE`. When the reader
//! of standard output is gone (`slotwise plan | head`) nothing more is written, without an error: a command that
//! shows something has nothing left to do, and one that changes something continues. Any other error of standard
//! output, a full disk above all, is reported on standard error, and the command ends with 1.
//!
//! Nothing is buffered here, so nothing is lost at the end. The streams of the standard library are not used: they take a
//! descriptor that cannot be written to for one that takes everything.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Read};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio;

use crate::render::Style;
use crate::render::style::Tone;

/// Empties the screen and puts the cursor into its first corner.
const CLEAR_SCREEN: &str = "\u{1b}[2J\u{1b}[H";

/// Narrower than this no sentence reads well, so it is wrapped to this width even on a narrower terminal.
const MIN_WIDTH: usize = 40;

/// Bytes of an answer that are read at most; `yes` has three.
const ANSWER_MAX: u64 = 1024;

/// This program as it was called, so that a command that is printed can be repeated in the same shell.
pub(super) fn program() -> String {
    let called = std::env::args_os()
        .next()
        .and_then(|name| name.into_string().ok());
    quoted(
        called
            .filter(|name| !name.is_empty())
            .as_deref()
            .unwrap_or("slotwise"),
    )
}

/// `word` as a shell takes it for one word, and nothing else.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Both streams. Clones write to the same ones.
#[derive(Debug, Clone)]
pub struct Output {
    out: Style,
    err: Style,
    fate: Arc<Fate>,
}

/// The state of standard output.
#[derive(Debug, Default)]
struct Fate {
    /// Its reader is gone.
    closed: AtomicBool,
    /// Something that was asked for was not written.
    lost: AtomicBool,
    /// The last write failed, which was said.
    failing: AtomicBool,
}

impl Output {
    /// The streams of this process.
    pub fn of_process() -> Self {
        Self {
            out: style(AutoStream::choice(&io::stdout()), io::stdout().is_terminal()),
            err: style(AutoStream::choice(&io::stderr()), io::stderr().is_terminal()),
            fate: Arc::default(),
        }
    }

    /// How text for [`Output::print`] may look.
    pub fn style(&self) -> Style {
        self.out
    }

    /// How text for [`Output::note`] may look.
    pub fn note_style(&self) -> Style {
        self.err
    }

    /// Writes `text`, which is what was asked for, to standard output.
    pub fn print(&self, text: &str) {
        if self.is_closed() {
            return;
        }
        // Lines of several threads stay whole.
        let guard = io::stdout().lock();
        let written = write_all(stdio::stdout(), text.as_bytes());
        drop(guard);
        match written {
            Ok(()) => self.fate.failing.store(false, Ordering::Relaxed),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.fate.closed.store(true, Ordering::Relaxed);
            }
            Err(error) => self.lose(&error),
        }
    }

    /// Said once for each time that it begins: a daemon may write to a disk that is full for a while.
    fn lose(&self, error: &io::Error) {
        self.fate.lost.store(true, Ordering::Relaxed);
        if !self.fate.failing.swap(true, Ordering::Relaxed) {
            self.error(&format_args!("cannot write to standard output: {error}"));
        }
    }

    /// Writes `text`, which is about what was asked for, to standard error.
    #[expect(clippy::unused_self, reason = "only who was given the output may write to it")]
    pub fn note(&self, text: &str) {
        let guard = io::stderr().lock();
        // When this fails, no place is left to report it.
        write_all(stdio::stderr(), text.as_bytes()).ok();
        drop(guard);
    }

    /// Writes an error.
    pub fn error(&self, message: &dyn fmt::Display) {
        self.note(&format!("{}: {message}\n", self.err.paint(Tone::Bad, "error")));
    }

    /// Writes a warning.
    pub fn warning(&self, message: &dyn fmt::Display) {
        self.note(&format!(
            "{}: {message}\n",
            self.err.paint(Tone::Waits, "warning")
        ));
    }

    /// Empties the screen, where standard output is one.
    pub fn clear(&self) {
        if io::stdout().is_terminal() {
            self.print(CLEAR_SCREEN);
        }
    }

    /// Whether the reader of standard output is gone.
    pub fn is_closed(&self) -> bool {
        self.fate.closed.load(Ordering::Relaxed)
    }

    /// Whether something that was asked for could not be written, for another reason than a reader that is gone.
    pub fn is_lost(&self) -> bool {
        self.fate.lost.load(Ordering::Relaxed)
    }
}

/// Standard error for a log: what cannot be written is lost, and there is no place to report it.
impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let guard = io::stderr().lock();
        write_all(stdio::stderr(), bytes).ok();
        drop(guard);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of `bytes`. A pipe that others have set not to wait is waited for, as one that waits by itself.
fn write_all(stream: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stream, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&stream, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a user at standard input can answer.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// One line from standard input without its line feed; empty at its end.
pub fn read_answer() -> io::Result<String> {
    let mut answer = String::new();
    io::stdin().lock().take(ANSWER_MAX).read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

fn style(choice: ColorChoice, is_terminal: bool) -> Style {
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style {
        color: choice != ColorChoice::Never,
        width: columns
            .filter(|_| is_terminal)
            .unwrap_or(Style::DEFAULT_WIDTH)
            .max(MIN_WIDTH),
    }
}
