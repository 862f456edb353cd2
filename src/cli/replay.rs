//! `slotwise replay`: the plan of a recording, made again.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::validate::{ListFormat, Shown};
use crate::files;
use crate::record::{RecordingError, Replay};
use crate::render::replay::{ReplayDocument, Tally, replay, replay_line, replays_json, tally};

/// More than a recording of 100 000 destinations.
const SIZE_MAX: u64 = 1 << 30;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Files that `run --record` wrote, or directories of them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot read it")]
    Read(#[source] io::Error),
    #[error("it is larger than any recording")]
    TooLarge,
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

impl FileError {
    fn fix(&self) -> &'static str {
        match self {
            Self::Read(_) | Self::TooLarge => RecordingError::NoRecording.fix(),
            Self::Recording(error) => error.fix(),
        }
    }
}

/// Plans again what was recorded, and compares.
pub(super) fn run(args: &ReplayArgs, output: &Output) -> CommandResult {
    let is_one = matches!(args.files.as_slice(), [file] if !file.is_dir());
    let mut sum = Tally::default();
    let mut documents = Vec::new();
    for file in recordings(&args.files)? {
        let again = read(&file).map(|recorded| (recorded.run(), recorded));
        match (&again, args.shown.output) {
            (Ok((replayed, recorded)), ListFormat::Json) => {
                documents.push(ReplayDocument::of(&file, recorded, replayed, is_one));
            }
            (Ok((replayed, recorded)), ListFormat::Text) if is_one => {
                output.print(&replay(recorded, replayed, output.style()));
            }
            (Ok((replayed, recorded)), ListFormat::Text) => {
                output.print(&replay_line(&file, recorded, replayed, output.style()));
            }
            (Err(error), ListFormat::Json) => {
                documents.push(ReplayDocument::unreadable(&file, crate::error_chain(error)));
            }
            (Err(_), ListFormat::Text) => {}
        }
        match again {
            Ok((replayed, _)) if replayed.is_same() => sum.same += 1,
            Ok(_) => sum.different += 1,
            Err(error) => {
                sum.unreadable += 1;
                output.error(&failure(&file, &error));
            }
        }
        if output.is_closed() || output.is_lost() {
            break;
        }
    }
    match args.shown.output {
        ListFormat::Json => output.print(&replays_json(&documents, sum)),
        ListFormat::Text if is_one => {}
        ListFormat::Text => output.print(&tally(sum, output.style())),
    }
    Ok(match sum {
        Tally { unreadable: 1.., .. } => ExitCode::Error,
        Tally { different: 1.., .. } => ExitCode::StalePlan,
        Tally { .. } => ExitCode::Success,
    })
}

fn failure(file: &Path, error: &FileError) -> Failure {
    Failure::at(format_args!("cannot replay {}", file.display()), error).next(error.fix())
}

/// Every file that is named, and those of every directory by name.
fn recordings(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: &io::Error| Failure::at(format_args!("cannot list {}", path.display()), error);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|error| failed(&error))? {
            let path = entry.map_err(|error| failed(&error))?.path();
            let is_hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
        if found.is_empty() {
            let message = format!("there is no recording in {}", path.display());
            return Err(Failure::new(ExitCode::Error, message).next(RecordingError::NoRecording.fix()));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn read(file: &Path) -> Result<Replay, FileError> {
    let bytes = files::read(file, SIZE_MAX).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => FileError::TooLarge,
        _ => FileError::Read(error),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| RecordingError::NoRecording)?;
    Ok(Replay::read(&text)?)
}
