//! The task that keeps the lease, beside the loop: a cycle that takes long holds up no renewal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::LeaseError;
use super::table::{Answer, Ask, Candidate, LeaseState, LeaseTableError, LeaseTableErrorKind, Role, Table};
use crate::write_lease::{Holding, WriteLease};

/// After how many lease durations a wait for the lease ends: one for a holder that is gone, one more for a faster
/// candidate that is gone as well.
const WAIT_LEASES: u32 = 3;

/// Owns the task. Dropped, the task ends, and with it the right to write.
pub(super) struct Keeper {
    task: JoinSet<()>,
    state: watch::Receiver<LeaseState>,
    /// Asks the task to give the lease back.
    asked: CancellationToken,
    me: Arc<str>,
    duration: Duration,
    /// Whether [`Self::changed`] has reported that the task is gone.
    is_end_reported: bool,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// Begins to contend.
    pub(super) fn begin<T: Table>(table: T, candidate: Candidate) -> Self {
        let (tell, state) = watch::channel(candidate.state());
        let asked = CancellationToken::new();
        let (me, duration) = (Arc::clone(candidate.me()), candidate.duration());
        let mut task = JoinSet::new();
        task.spawn(keep(table, candidate, tell, asked.clone()));
        Self {
            task,
            state,
            asked,
            me,
            duration,
            is_end_reported: false,
        }
    }

    pub(super) fn me(&self) -> &str {
        &self.me
    }

    pub(super) fn gate(&self) -> Arc<dyn WriteLease> {
        Arc::new(TableGate {
            state: self.state.clone(),
            me: Arc::clone(&self.me),
        })
    }

    pub(super) fn state(&self) -> LeaseState {
        let state = self.state.borrow().clone();
        if is_kept(&self.state) || state.role == Role::Released {
            return state;
        }
        LeaseState {
            role: Role::Ended,
            ..state
        }
    }

    pub(super) async fn changed(&mut self) {
        if self.state.changed().await.is_ok() {
            return;
        }
        if std::mem::replace(&mut self.is_end_reported, true) {
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn win(&mut self) -> Result<(), LeaseError> {
        let limit = self.duration * WAIT_LEASES;
        timeout(limit, self.decided())
            .await
            .unwrap_or(Err(LeaseError::Undecided))
    }

    async fn decided(&mut self) -> Result<(), LeaseError> {
        loop {
            let state = self.state();
            if let Some(error) = state.trouble.filter(|error| error.kind.is_lasting()) {
                return Err(LeaseError::Table(error));
            }
            match state.role {
                Role::Leading { .. } => return Ok(()),
                Role::Released | Role::Ended => return Err(LeaseError::Ended),
                Role::Standby {
                    holder: Some((holder, epoch)),
                    is_alive: true,
                    ..
                } => return Err(LeaseError::HeldBy { holder, epoch }),
                Role::Standby { .. } => self.changed().await,
            }
        }
    }

    /// Each request has a limit, so this has one too: one under way, and the release itself.
    pub(super) async fn release(&mut self) {
        self.asked.cancel();
        while self.task.join_next().await.is_some() {}
    }
}

/// Whether the task lives. A watch channel is closed once its sender is gone.
fn is_kept(state: &watch::Receiver<LeaseState>) -> bool {
    state.has_changed().is_ok()
}

async fn keep<T: Table>(
    table: T,
    mut candidate: Candidate,
    tell: watch::Sender<LeaseState>,
    asked: CancellationToken,
) {
    while !asked.is_cancelled() {
        let (at, ask) = candidate.next();
        let at = candidate.deadline().map_or(at, |deadline| at.min(deadline));
        tokio::select! {
            biased;
            () = asked.cancelled() => break,
            () = sleep_until(at) => {}
        }
        candidate.expire(Instant::now());
        publish(&tell, candidate.state());
        // By then the request may be another one: the lease ran out.
        let (due, ask) = match candidate.next() {
            (due, now) if now == ask => (due, ask),
            other => other,
        };
        if due <= Instant::now() {
            exchange(&table, &mut candidate, &tell, &ask).await;
        }
    }
    let state = LeaseState {
        role: Role::Released,
        ..candidate.state()
    };
    // Before the request: a candidate that sees the row given back begins at once.
    publish(&tell, state);
    candidate.let_go();
    exchange(&table, &mut candidate, &tell, &Ask::Release).await;
}

/// One request and its answer. A lease that runs out meanwhile is reported at that moment.
async fn exchange<T: Table>(
    table: &T,
    candidate: &mut Candidate,
    tell: &watch::Sender<LeaseState>,
    ask: &Ask,
) {
    let (me, duration) = (Arc::clone(candidate.me()), candidate.duration());
    // Before the request is sent: its time counts against the lease.
    let sent = Instant::now();
    // The table's own limit is a bit shorter and knows more.
    let limit = sent + candidate.interval().mul_f64(1.2);
    let mut call = std::pin::pin!(table.ask(&me, duration, ask));
    let result = loop {
        let end = candidate.deadline();
        tokio::select! {
            biased;
            result = &mut call => break result,
            () = sleep_until(limit) => break Err(no_answer(table.name(), ask)),
            () = sleep_until(end.unwrap_or(limit)), if end.is_some() => {
                candidate.expire(Instant::now());
                publish(tell, candidate.state());
            }
        }
    };
    let result = result.and_then(|answer| without_fault(answer, table.name()));
    candidate.answered(sent, Instant::now(), ask, result);
    if *ask != Ask::Release {
        publish(tell, candidate.state());
    }
}

/// An error for a row that cannot be continued from.
fn without_fault(answer: Answer, table: Arc<str>) -> Result<Answer, LeaseTableError> {
    let fault = match &answer {
        Answer::Row(Some(row)) => row.fault(),
        Answer::Row(None) | Answer::Done | Answer::Refused => None,
    };
    match fault {
        None => Ok(answer),
        Some(message) => Err(LeaseTableError {
            operation: "GetItem",
            table,
            kind: LeaseTableErrorKind::BadRow,
            message,
            fix: "stop every slotwise that shares the row, and delete it from the table".to_owned(),
        }),
    }
}

fn no_answer(table: Arc<str>, ask: &Ask) -> LeaseTableError {
    LeaseTableError {
        operation: match ask {
            Ask::Read => "GetItem",
            Ask::Create { .. } | Ask::Acquire { .. } | Ask::Renew { .. } | Ask::Release => "UpdateItem",
        },
        table,
        kind: LeaseTableErrorKind::TimedOut,
        message: String::new(),
        fix: String::new(),
    }
}

/// A renewal is no news, but how long the lease lasts is there to be read.
fn publish(tell: &watch::Sender<LeaseState>, state: LeaseState) {
    tell.send_if_modified(|last| {
        let is_news = !last.is_as(&state);
        *last = state;
        is_news
    });
}

/// What the gate asks: whether the lease is held now, not whether it was held at the last report.
#[derive(Debug)]
struct TableGate {
    state: watch::Receiver<LeaseState>,
    me: Arc<str>,
}

impl WriteLease for TableGate {
    fn held_for(&self) -> Option<Holding> {
        match &self.state.borrow().role {
            Role::Leading { epoch, until, .. } if is_kept(&self.state) && Instant::now() < *until => {
                Some(Holding {
                    until: Some(*until),
                    stamp: Some(format!("{}.{epoch}", self.me).into()),
                    epoch: *epoch,
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::super::table::How;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_gate_asks_the_time_and_the_keeper_not_the_last_report() {
        let until = Instant::now() + Duration::from_secs(3);
        let leading = LeaseState {
            role: Role::Leading {
                epoch: 7,
                until,
                how: How::Free,
            },
            trouble: None,
        };
        let (tell, state) = watch::channel(leading);
        let gate = TableGate {
            state,
            me: "me".into(),
        };
        let holding = gate.held_for().unwrap();
        assert_eq!(
            (holding.until, holding.stamp.as_deref(), holding.epoch),
            (Some(until), Some("me.7"), 7)
        );
        sleep(Duration::from_secs(3)).await;
        assert!(
            gate.held_for().is_none(),
            "its time is up, and no report says so yet"
        );

        publish(
            &tell,
            LeaseState {
                role: Role::Leading {
                    epoch: 7,
                    until: until + Duration::from_secs(3),
                    how: How::Free,
                },
                trouble: None,
            },
        );
        assert!(gate.held_for().is_some(), "a renewal counts at once");
        drop(tell);
        assert!(gate.held_for().is_none(), "no task keeps it");
    }
}
