//! Writes [recordings](crate::record) into a directory: off the loop, bounded, and never in its way.
//!
//! The loop hands over each [`Case`] and continues; a thread takes the secrets out of it and writes a file, if anything
//! differs from the one before. What cannot be written is lost, with one warning, and one more when it works again. The thread
//! holds no more than a few cases, the directory no more than [`Limits`] allow: the oldest files make room.

mod files;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use self::files::Files;
use crate::controller::Witness;
use crate::record::{Case, Recording, StandIns};

pub use files::{Limits, RecorderError};

/// Cases that wait for the thread. Each may hold a plan of its own, so few: a disk that is slower than the cycles stays so.
const QUEUE: usize = 4;

/// How long the end of the program waits for what was recorded last.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// A thread that writes recordings until its [`Witness`] is dropped.
#[derive(Debug)]
pub struct Recorder {
    ended: oneshot::Receiver<()>,
}

impl Recorder {
    /// Begins to record into `directory`, which is made if it is missing, whatever the witness is shown.
    pub fn start(directory: &Path, limits: Limits) -> Result<(Self, Witness), RecorderError> {
        let files = Files::open(directory, limits)?;
        let (sender, cases) = sync_channel(QUEUE);
        let left_out = Arc::new(AtomicU64::new(0));
        let (end, ended) = oneshot::channel();
        let work = Work {
            files,
            stand_ins: StandIns::default(),
            last: None,
            left_out: Arc::clone(&left_out),
            reported: Reported::default(),
        };
        std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                work.run(&cases);
                // There is no receiver where the program ends without waiting.
                end.send(()).ok();
            })
            .map_err(RecorderError::Thread)?;
        let mut gone = false;
        let witness = move |case| match sender.try_send(case) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                left_out.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) if gone => {}
            Err(TrySendError::Disconnected(_)) => {
                gone = true;
                tracing::error!("a fault of slotwise: recording has ended; please report it");
            }
        };
        Ok((Self { ended }, Box::new(witness)))
    }

    /// Waits, for a while, until all is written. The witness must be gone by then.
    pub async fn finish(self) {
        if timeout(FINISH_WITHIN, self.ended).await.is_err() {
            tracing::warn!("what was recorded last is not written: the disk does not answer");
        }
    }
}

/// What the thread has.
struct Work {
    files: Files,
    stand_ins: StandIns,
    /// Fingerprint of what was written last.
    last: Option<u64>,
    /// Cases that the queue had no room for, since the thread last looked.
    left_out: Arc<AtomicU64>,
    reported: Reported,
}

/// What was reported, so that it is reported once.
#[derive(Debug, Default)]
struct Reported {
    /// Files that could not be written in a row.
    failed: u64,
    /// Cycles left out in a row because writing is too slow.
    left_out: u64,
}

impl Work {
    fn run(mut self, cases: &Receiver<Case>) {
        while let Ok(case) = cases.recv() {
            let left_out = self.left_out.swap(0, Ordering::Relaxed);
            self.reported.note_left_out(left_out);
            self.record(&case);
        }
    }

    fn record(&mut self, case: &Case) {
        let recording = Recording::of(case, &mut self.stand_ins);
        let fingerprint = recording.fingerprint();
        if self.last == Some(fingerprint) {
            return;
        }
        let written = self.files.write(case.at, &recording.text());
        if written.is_ok() {
            self.last = Some(fingerprint);
        }
        self.reported.note_written(written, &self.files);
    }
}

impl Reported {
    fn note_written(&mut self, written: std::io::Result<()>, files: &Files) {
        let directory = files.directory().display();
        match written {
            Ok(()) if self.failed > 0 => {
                tracing::warn!(
                    "cycles are recorded in {directory} again; {} were not",
                    self.failed
                );
                self.failed = 0;
            }
            Ok(()) => {}
            Err(error) => {
                self.failed += 1;
                if self.failed == 1 {
                    tracing::warn!(
                        "cannot record in {directory}: {error}; everything else continues, and recording resumes as soon as \
                         that is repaired"
                    );
                }
            }
        }
    }

    fn note_left_out(&mut self, now: u64) {
        match (self.left_out, now) {
            (0, 0) => {}
            (0, _) => {
                tracing::warn!("recording is slower than the cycles: some are left out");
                self.left_out = now;
            }
            (sum, 0) => {
                tracing::warn!("recording keeps up with the cycles again; {sum} were left out");
                self.left_out = 0;
            }
            (_, _) => self.left_out += now,
        }
    }
}
