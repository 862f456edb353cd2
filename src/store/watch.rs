//! Whether files may have changed: the system tells, and where it cannot, they are looked at.
//!
//! ```text
//!   fingerprint  what all files look like: a `stat` each
//!   places       the directory entries that decide what a path leads to
//!   notices      what the system tells, by `notify`: one mark, whatever happens and how often
//! ```
//!
//! What the system tells is a hint to look soon and never believed by itself; what it does not tell is found by a look at
//! all files every 10 to 30 seconds. So a lost notice, a directory in the place of another or a file that is mounted from
//! elsewhere costs seconds and no more. Before steps are planned the files are looked at in any case.

mod fingerprint;
mod notices;
mod places;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::tree::Tree;
use notices::{Notices, Told, Unwatched};
use places::places;

pub use fingerprint::Fingerprint;

/// How often all files are looked at although nothing was told, where that is quick.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// But this often, however long it takes: what a file system does not tell is noticed that late.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(30);

/// Looks take at most this part of the time: one at 10 000 files takes 10 to 70 ms.
const LOOK_SHARE: u32 = 400;

/// Longest time that beginning to watch may take. On a network mount that hangs it takes as long as that hangs.
const SET_UP_LIMIT: Duration = Duration::from_secs(5);

/// Whether a look at the files may find anything new.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether the system is asked to tell; otherwise each question is answered by a look.
    is_on: bool,
    /// `None` where the system cannot tell.
    notices: Option<Notices>,
    /// What the files looked like that are watched.
    followed: Option<Fingerprint>,
    /// Watching that took too long to begin, and still holds a thread.
    hanging: Option<JoinHandle<Result<Notices, Unwatched>>>,
    /// When the files are looked at next although nothing was told.
    due: Option<Instant>,
    /// What is to be told.
    warning: Option<String>,
    /// Whether it was told that the system cannot tell.
    has_warned: bool,
}

impl Watch {
    /// One that the system tells of changes.
    pub(super) fn with_notices() -> Self {
        Self {
            is_on: true,
            ..Self::default()
        }
    }

    /// Whether the files should be looked at.
    pub(super) fn asks_for_look(&mut self, now: Instant) -> bool {
        let Some(notices) = &self.notices else { return true };
        let told = notices.take();
        if told == Told::Names {
            // What is to be watched may be something else although the files are the same: a directory that a link will lead to.
            self.followed = None;
        }
        let is_due = self.due.is_none_or(|due| now >= due);
        told != Told::Nothing || is_due
    }

    /// Notes that the files were looked at, from `begun` to `ended`.
    pub(super) fn looked(&mut self, begun: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(begun);
        let interval = (took * LOOK_SHARE).clamp(LOOK_INTERVAL, LOOK_INTERVAL_MAX);
        self.due = Some(begun + interval);
    }

    /// Watches what is below `roots`, which looks as `seen`, and `key_files`. Where that cannot be had, each question is
    /// answered by a look until the files are others.
    pub(super) async fn follow(
        &mut self,
        roots: Arc<[PathBuf]>,
        key_files: Arc<BTreeSet<PathBuf>>,
        seen: Fingerprint,
    ) {
        // A thread that hangs is waited for, so that there is never more than one.
        let hangs = self.hanging.as_ref().is_some_and(|thread| !thread.is_finished());
        if !self.is_on || self.followed == Some(seen) || hangs {
            return;
        }
        self.followed = Some(seen);
        self.notices = None;
        let mut thread =
            tokio::task::spawn_blocking(move || Notices::of(places(&Tree::find(&roots), &roots, &key_files)));
        let set_up = match tokio::time::timeout(SET_UP_LIMIT, &mut thread).await {
            Ok(Ok(set_up)) => set_up,
            Ok(Err(_)) => Err(Unwatched::Fault),
            Err(_) => {
                self.hanging = Some(thread);
                Err(Unwatched::Hangs)
            }
        };
        match set_up {
            Ok(notices) => self.notices = Some(notices),
            Err(why) => self.warn(&why),
        }
    }

    fn warn(&mut self, why: &Unwatched) {
        if !self.has_warned {
            self.has_warned = true;
            self.warning = Some(format!(
                "the files are not watched, and looked at several times a second instead: {}; {}",
                crate::error_chain(why),
                why.fix()
            ));
        }
    }

    /// What was met with since it was last asked.
    pub(super) fn warning(&mut self) -> Option<String> {
        self.warning.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_looks_take_the_fewer_there_are() {
        let begun = Instant::now();
        let after = |took| {
            let mut watch = Watch::default();
            watch.looked(begun, begun + took);
            watch.due.unwrap() - begun
        };
        assert_eq!(after(Duration::from_millis(1)), LOOK_INTERVAL);
        assert_eq!(after(Duration::from_millis(50)), Duration::from_secs(20));
        assert_eq!(after(Duration::from_secs(2)), LOOK_INTERVAL_MAX);
    }

    #[test]
    fn that_no_watch_can_be_had_is_said_once_with_what_to_do() {
        let mut watch = Watch::with_notices();
        let limit = || Unwatched::Refused(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        watch.warn(&limit());
        let warning = watch.warning().unwrap();
        assert!(
            warning.contains("OS file watch limit reached")
                && warning.contains("fs.inotify.max_user_watches"),
            "{warning}"
        );
        watch.warn(&limit());
        assert_eq!(watch.warning(), None);
    }
}
