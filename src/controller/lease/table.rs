//! The protocol, as one candidate sees it. It has no clock and sends nothing: it says when to ask what, and takes the
//! answers.
//!
//! ```text
//!                     ┌─ there is no row ──► Create ──► Read
//!   Read, every sixth ┼─ the row is as seen for as long as it states, or was given back ──► Acquire ─┐
//!   of the lease      │                                                                   done │ refused
//!                     └─ the row is its own (a reply was lost) ► Renew ◄─ every sixth ── Leading ◄┘   └──► Read
//!                                                                └── refused, or not done in time ──► Read
//! ```

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// A lease is renewed, and looked at by others, this many times while it lasts: five renewals in a row may fail.
pub const ASKS_PER_LEASE: u32 = 6;

/// The largest epoch, and the largest number of renewals, that is continued from. Counting never reaches it: a larger one
/// was written by hand, and counting on from there would end at zero, so that calls would be stamped with an epoch that
/// another process had before.
pub const COUNT_MAX: u64 = u64::MAX / 2;

/// The row as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The holder of the lease; `None` after it was given back.
    pub holder: Option<Arc<str>>,
    /// Grows with every holder, and never goes back.
    pub epoch: u64,
    /// Grows with every renewal.
    pub renewal: u64,
    /// How long the holder may go without renewing it.
    pub duration: Duration,
}

/// Prefix of the holder's name in a row that was made because there was none: a process may still hold the lease by an
/// earlier row. A stored format.
pub const VACANT: &str = "nobody/";

impl Row {
    /// What is wrong with its numbers, if anything.
    pub fn fault(&self) -> Option<String> {
        let counts = [("epoch", self.epoch), ("renewal", self.renewal)];
        let (name, count) = counts.into_iter().find(|(_, count)| *count > COUNT_MAX)?;
        Some(format!(
            "{name} is {count}, so there is no next one; it was changed by hand"
        ))
    }

    /// Whether it was made because there was none, and no process has taken it since.
    pub fn is_vacant(&self) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|holder| holder.starts_with(VACANT))
    }
}

/// What to ask the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The row, as it is now.
    Read,
    /// Make a row without a holder, if there is still none, with this epoch.
    Create {
        /// The largest epoch known.
        epoch: u64,
    },
    /// Make me its holder, if it is still just so.
    Acquire {
        /// The row as it was seen.
        seen: Row,
        /// The new epoch.
        epoch: u64,
    },
    /// Count one renewal more, if I hold it in this epoch.
    Renew {
        /// The epoch.
        epoch: u64,
    },
    /// Remove the holder, if it is this candidate.
    Release,
}

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The row; `None` where there is none.
    Row(Option<Row>),
    /// It is done.
    Done,
    /// The condition does not hold; nothing was changed.
    Refused,
}

/// A table that holds the row. Each call has a limit of its own.
pub trait Table: fmt::Debug + Send + Sync + 'static {
    /// Its name, for display.
    fn name(&self) -> Arc<str>;

    /// Asks on behalf of `me`, a candidate for a lease of `duration`.
    fn ask(
        &self,
        me: &str,
        duration: Duration,
        ask: &Ask,
    ) -> impl Future<Output = Result<Answer, LeaseTableError>> + Send;
}

/// The table could not be asked, or its answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{operation} on table {table}: {kind}{}{}",
    after(": ", message),
    after("; ", fix)
)]
pub struct LeaseTableError {
    /// What was asked: `UpdateItem`.
    pub operation: &'static str,
    /// Which table.
    pub table: Arc<str>,
    /// What went wrong.
    pub kind: LeaseTableErrorKind,
    /// What the table or the network said. May be empty.
    pub message: String,
    /// What to do about it. Empty where there is nothing but to wait.
    pub fix: String,
}

fn after(mark: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{mark}{text}")
    }
}

/// What went wrong, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseTableErrorKind {
    /// There is no such table.
    #[error("there is no such table")]
    Missing,
    /// It has another key.
    #[error("the table does not take the request")]
    Unfit,
    /// The credentials lack a permission.
    #[error("access denied")]
    Denied,
    /// There are no credentials, or they are not valid.
    #[error("no usable AWS credentials")]
    Credentials,
    /// The row is not slotwise's, or was damaged.
    #[error("the row cannot be understood")]
    BadRow,
    /// More requests than the table takes.
    #[error("too many requests")]
    Throttled,
    /// No answer in time. The request may have had its effect.
    #[error("no answer in time")]
    TimedOut,
    /// Nothing answered.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// It failed. The request may have had its effect.
    #[error("DynamoDB failed")]
    Server,
}

impl LeaseTableErrorKind {
    /// Whether it stays until an operator acts.
    pub fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::Missing | Self::Unfit | Self::Denied | Self::Credentials | Self::BadRow
        )
    }
}

/// The lease state of a candidate, for other parts of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// Holder or not.
    pub role: Role,
    /// What is wrong with the table, once it is more than a single failure.
    pub trouble: Option<LeaseTableError>,
}

/// Holder or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It writes.
    Leading {
        /// In this epoch.
        epoch: u64,
        /// Until then, unless renewed.
        until: Instant,
        /// How it came to that.
        how: How,
    },
    /// It looks on.
    Standby {
        /// The holder of the lease and its epoch, as far as known.
        holder: Option<(Arc<str>, u64)>,
        /// Whether the holder was seen renewing it.
        is_alive: bool,
        /// How long to wait for a row without a holder that was made because there was none.
        is_vacant: Option<Duration>,
        /// Why it no longer leads, where it did.
        lost: Option<Arc<str>>,
    },
    /// It gave the lease back and contends no more.
    Released,
    /// The task that kept the lease is gone.
    Ended,
}

/// How a candidate came to lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// No process held the lease.
    Free,
    /// The holder did not renew for so long.
    Silence {
        /// The previous holder.
        of: Arc<str>,
        /// How long.
        after: Duration,
    },
    /// The row was still its own.
    Again,
}

impl LeaseState {
    /// Whether the difference is no news, such as a renewal.
    pub fn is_as(&self, other: &Self) -> bool {
        let same_role = match (&self.role, &other.role) {
            (Role::Leading { epoch, how, .. }, Role::Leading { epoch: e, how: h, .. }) => {
                (epoch, how) == (e, h)
            }
            (mine, its) => mine == its,
        };
        same_role && self.trouble == other.trouble
    }
}

/// What was seen of the row.
#[derive(Debug)]
struct Seen {
    row: Option<Row>,
    /// Since when it is known to be so, by this candidate's clock, read after the answer came.
    since: Instant,
    /// Whether the holder renewed it while this candidate looked on.
    is_alive: bool,
}

#[derive(Debug)]
struct Held {
    epoch: u64,
    /// By this candidate's clock, read before the request was sent.
    until: Instant,
    how: How,
}

/// One process that wants to hold the lease.
#[derive(Debug)]
pub struct Candidate {
    me: Arc<str>,
    duration: Duration,
    held: Option<Held>,
    seen: Option<Seen>,
    /// Whether the row has to be read first: a reply was lost, or a condition did not hold.
    must_read: bool,
    /// The largest epoch met with.
    epoch_max: u64,
    ask_at: Instant,
    lost: Option<Arc<str>>,
    failures: u32,
    trouble: Option<LeaseTableError>,
}

impl Candidate {
    /// A candidate with a unique name, which asks from `now` on.
    pub fn new(me: impl Into<Arc<str>>, duration: Duration, now: Instant) -> Self {
        Self {
            me: me.into(),
            duration,
            held: None,
            seen: None,
            must_read: true,
            epoch_max: 0,
            ask_at: now,
            lost: None,
            failures: 0,
            trouble: None,
        }
    }

    /// Its name.
    pub fn me(&self) -> &Arc<str> {
        &self.me
    }

    /// For how long it wants to hold the lease.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Time from one request to the next, and the limit of each.
    pub fn interval(&self) -> Duration {
        self.duration / ASKS_PER_LEASE
    }

    /// When the lease ends that it holds, unless renewed.
    pub fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.until)
    }

    /// What to ask next, and when.
    pub fn next(&self) -> (Instant, Ask) {
        if let Some(held) = &self.held {
            return (self.ask_at, Ask::Renew { epoch: held.epoch });
        }
        match &self.seen {
            Some(seen) if !self.must_read => self.next_by(seen),
            _ => (self.ask_at, Ask::Read),
        }
    }

    fn next_by(&self, seen: &Seen) -> (Instant, Ask) {
        let Some(row) = &seen.row else {
            // Made first and waited for then, not the other way round: the holder of a deleted row cannot have renewed it
            // after this one was made. And two deleted rows do not look the same.
            return (
                self.ask_at,
                Ask::Create {
                    epoch: self.epoch_max,
                },
            );
        };
        if self.is_mine(row) {
            return (self.ask_at, Ask::Renew { epoch: row.epoch });
        }
        let wait = row.holder.as_ref().map_or(Duration::ZERO, |_| row.duration);
        let free = seen.since + wait;
        // At the very moment when it is free, not with the look after that. The keeper makes an error of a row without a
        // next epoch; it is not to be taken in any case.
        if free <= self.ask_at && self.epoch_max <= COUNT_MAX {
            let acquire = Ask::Acquire {
                seen: row.clone(),
                epoch: self.epoch_max + 1,
            };
            (free, acquire)
        } else {
            (self.ask_at, Ask::Read)
        }
    }

    /// Takes note of what came of `ask`, which was sent at `sent` at the earliest; the answer is here `now`.
    pub fn answered(
        &mut self,
        sent: Instant,
        now: Instant,
        ask: &Ask,
        result: Result<Answer, LeaseTableError>,
    ) {
        self.ask_at = now.max(sent + self.interval());
        match result {
            Err(error) => {
                // It may have been carried out all the same: the row shows it.
                self.must_read |= matches!(ask, Ask::Acquire { .. } | Ask::Create { .. });
                self.failures += 1;
                let is_first_answer = self.seen.is_none() && self.held.is_none();
                if self.failures > 1 || error.kind.is_lasting() || is_first_answer {
                    self.trouble = Some(error);
                }
            }
            Ok(answer) => {
                self.failures = 0;
                self.trouble = None;
                match (ask, answer) {
                    (_, Answer::Row(row)) => self.see(row, now),
                    (Ask::Acquire { epoch, .. }, Answer::Done) => {
                        self.hold(*epoch, sent, self.succession(now));
                    }
                    (Ask::Renew { epoch }, Answer::Done) => {
                        let how = self.held.take().map_or(How::Again, |held| held.how);
                        self.hold(*epoch, sent, how);
                    }
                    (_, Answer::Refused) => self.refused(now),
                    (Ask::Create { .. }, Answer::Done) => {
                        self.must_read = true;
                        self.ask_at = now;
                    }
                    (Ask::Read | Ask::Release, Answer::Done) => {}
                }
            }
        }
        self.expire(now);
    }

    /// Notices that the time of a lease is up.
    pub fn expire(&mut self, now: Instant) {
        if self.held.as_ref().is_some_and(|held| held.until <= now) {
            let seconds = self.duration.as_secs_f64();
            let cause = self.trouble.as_ref().map(ToString::to_string).unwrap_or_default();
            self.lose(format!("not renewed within {seconds} s{}", after(": ", &cause)));
        }
    }

    /// Gives the lease up.
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Its lease state.
    pub fn state(&self) -> LeaseState {
        let role = match &self.held {
            Some(held) => Role::Leading {
                epoch: held.epoch,
                until: held.until,
                how: held.how.clone(),
            },
            None => self.standby(),
        };
        LeaseState {
            role,
            trouble: self.trouble.clone(),
        }
    }

    fn standby(&self) -> Role {
        let row = self.seen.as_ref().and_then(|seen| seen.row.as_ref());
        let others = row.filter(|row| !row.is_vacant());
        let others = others.and_then(|row| Some((row.holder.clone()?, row.epoch)));
        Role::Standby {
            holder: others.filter(|(holder, _)| *holder != self.me),
            is_vacant: row.filter(|row| row.is_vacant()).map(|row| row.duration),
            is_alive: self.seen.as_ref().is_some_and(|seen| seen.is_alive),
            lost: self.lost.clone(),
        }
    }

    fn see(&mut self, row: Option<Row>, now: Instant) {
        self.must_read = false;
        self.epoch_max = self.epoch_max.max(row.as_ref().map_or(0, |row| row.epoch));
        if row.as_ref().is_some_and(|row| self.is_mine(row)) {
            // Its own, by a reply that was lost or from before the table was out of reach: a renewal shows it.
            self.ask_at = now;
        }
        let before = self.seen.take();
        let same_holder = |before: &Seen| match (&before.row, &row) {
            (Some(before), Some(now)) => (&before.holder, before.epoch) == (&now.holder, now.epoch),
            (None, None) => true,
            _ => false,
        };
        self.seen = Some(match before {
            Some(before) if before.row == row => before,
            before => Seen {
                is_alive: row.is_some() && before.is_some_and(|before| same_holder(&before)),
                since: now,
                row,
            },
        });
    }

    /// Whether a renewal is enough. An epoch that was set back by hand is not continued.
    fn is_mine(&self, row: &Row) -> bool {
        row.holder.as_ref() == Some(&self.me) && row.epoch >= self.epoch_max
    }

    /// How this candidate takes the lease, by what it saw last.
    fn succession(&self, now: Instant) -> How {
        let seen = self.seen.as_ref();
        let holder = seen.and_then(|seen| {
            let row = seen.row.as_ref().filter(|row| !row.is_vacant())?;
            Some((row.holder.clone()?, seen.since))
        });
        holder.map_or(How::Free, |(of, since)| How::Silence {
            of,
            after: now.saturating_duration_since(since),
        })
    }

    fn hold(&mut self, epoch: u64, sent: Instant, how: How) {
        self.epoch_max = self.epoch_max.max(epoch);
        self.seen = None;
        self.must_read = false;
        self.lost = None;
        self.held = Some(Held {
            epoch,
            until: sent + self.duration,
            how,
        });
    }

    /// The row is not as expected: another candidate was faster, or it was changed or deleted by hand.
    fn refused(&mut self, now: Instant) {
        self.must_read = true;
        self.ask_at = now;
        if self.held.is_some() {
            self.lose("the row in the table was taken over, changed or deleted".to_owned());
        }
    }

    fn lose(&mut self, why: String) {
        self.held = None;
        self.seen = None;
        self.must_read = true;
        self.lost = Some(why.into());
    }
}
