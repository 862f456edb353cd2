//! The only place that writes to standard output and standard error.
//!
//! Colours appear on a terminal, unless `NO_COLOR` is set, and elsewhere only with `CLICOLOR_FORCE`. When the reader
//! of standard output is gone (`slotwise plan | head`) nothing more is written and nothing is said: a command that
//! shows something has nothing left to do, and one that changes something goes on with it.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};

use crate::render::Style;
use crate::render::style::Tone;

/// Empties the screen and puts the cursor into its first corner.
const CLEAR_SCREEN: &str = "\u{1b}[2J\u{1b}[H";

/// Narrower than this no sentence reads well, so it is wrapped to this width even on a narrower terminal.
const MIN_WIDTH: usize = 40;

/// Both streams. Clones write to the same ones.
#[derive(Debug, Clone)]
pub struct Output {
    out: Style,
    err: Style,
    closed: Arc<AtomicBool>,
}

impl Output {
    /// The streams of this process.
    pub fn of_process() -> Self {
        Self {
            out: style(AutoStream::choice(&io::stdout()), io::stdout().is_terminal()),
            err: style(AutoStream::choice(&io::stderr()), io::stderr().is_terminal()),
            closed: Arc::default(),
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
        let mut stream = io::stdout().lock();
        let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        if written.is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// Writes `text`, which is about what was asked for, to standard error.
    pub fn note(&self, text: &str) {
        let mut stream = io::stderr().lock();
        // When this fails there is no one left to tell.
        stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
            .ok();
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
        self.closed.load(Ordering::Relaxed)
    }
}

/// Whether somebody sits at standard input who can answer.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// One line from standard input without its line feed; empty at its end.
pub fn read_answer() -> io::Result<String> {
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
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
