//! The loop and the lease: it begins steps while it leads, withdraws them when it no longer does, and reports changes.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::lease::{How, Lease, LeaseError, LeaseState, Note, Role};
use super::{Controller, Event, LeaseNews};
use crate::status::{ConditionStatus, Leader, Status};
use crate::store::Source;

/// The lease, and what was reported of it.
#[derive(Debug)]
pub struct Leadership {
    pub(super) lease: Lease,
    reported: Option<LeaseState>,
    /// What was left to a successor last.
    noted: String,
}

impl Leadership {
    pub(super) fn of(lease: Lease) -> Self {
        Self {
            lease,
            reported: None,
            noted: String::new(),
        }
    }

    /// Whether this process is the one to act.
    pub(super) fn is_leading(&self) -> bool {
        self.lease.is_leading()
    }

    /// Whether the task that keeps the lease is gone.
    pub(super) fn has_ended(&self) -> bool {
        self.lease.state().is_some_and(|state| state.role == Role::Ended)
    }

    /// The holder of the lease, for a command that does not wait for it; or a lasting error of the table.
    pub(super) fn why_not(&self) -> LeaseError {
        let state = self.lease.state();
        let trouble = state.as_ref().and_then(|state| state.trouble.clone());
        match state.map(|state| state.role) {
            Some(Role::Standby {
                holder: Some((holder, epoch)),
                ..
            }) => LeaseError::HeldBy { holder, epoch },
            _ => trouble.map_or(LeaseError::Undecided, LeaseError::Table),
        }
    }

    /// An error of the table that stays until an operator acts.
    pub(super) fn lasting_trouble(&self) -> Option<LeaseError> {
        let trouble = self.lease.state()?.trouble?;
        trouble.kind.is_lasting().then_some(LeaseError::Table(trouble))
    }

    /// A note that leaves `text` to a successor, unless that is what it has already.
    pub(super) fn leave(&mut self, text: String) -> Option<Note> {
        if text == self.noted {
            return None;
        }
        self.noted.clone_from(&text);
        Some(self.lease.note(text))
    }

    /// What is news since it was last asked.
    fn news(&mut self) -> Vec<LeaseNews> {
        let Some(now) = self.lease.state() else {
            return Vec::new();
        };
        let before = self.reported.replace(now.clone());
        let mut news = Vec::new();
        let (was, had) = before.map_or((None, None), |before| (Some(before.role), before.trouble));
        match (&had, &now.trouble) {
            (None, Some(trouble)) => news.push(LeaseNews::Trouble(trouble.clone())),
            (Some(had), Some(trouble)) if had.kind != trouble.kind => {
                news.push(LeaseNews::Trouble(trouble.clone()));
            }
            (Some(_), None) => news.push(LeaseNews::TroubleOver),
            _ => {}
        }
        news.extend(of_roles(was.as_ref(), &now.role));
        news
    }
}

fn of_roles(was: Option<&Role>, now: &Role) -> Vec<LeaseNews> {
    let mut news = Vec::new();
    let led = |role: Option<&Role>| match role {
        Some(Role::Leading { epoch, .. }) => Some(*epoch),
        _ => None,
    };
    match now {
        Role::Leading { epoch, how, .. } if led(was) != Some(*epoch) => news.push(LeaseNews::Taken {
            epoch: *epoch,
            how: how.clone(),
        }),
        Role::Standby {
            holder,
            is_vacant,
            lost,
            ..
        } => {
            if let (Some(_), Some(why)) = (led(was), lost) {
                news.push(LeaseNews::Lost { why: Arc::clone(why) });
            }
            let (had, waited) = match was {
                Some(Role::Standby {
                    holder, is_vacant, ..
                }) => (holder.as_ref(), *is_vacant),
                _ => (None, None),
            };
            match holder {
                Some((holder, epoch)) if had != Some(&(Arc::clone(holder), *epoch)) => {
                    news.push(LeaseNews::Standby {
                        holder: Arc::clone(holder),
                        epoch: *epoch,
                    });
                }
                None if waited.is_none() => news.extend(is_vacant.map(|wait| LeaseNews::Vacant { wait })),
                _ => {}
            }
        }
        Role::Released if was != Some(&Role::Released) && led(was).is_some() => {
            news.push(LeaseNews::Released);
        }
        Role::Ended if was != Some(&Role::Ended) => news.push(LeaseNews::Lost {
            why: LeaseError::Ended.to_string().into(),
        }),
        Role::Leading { .. } | Role::Released | Role::Ended => {}
    }
    news
}

impl<S: Source> Controller<S> {
    /// Waits until this process may write; fails as soon as it is known that another one does.
    pub async fn win_lease(&mut self, asked: &CancellationToken) -> Result<(), LeaseError> {
        self.note_lease();
        let won = tokio::select! {
            biased;
            () = asked.cancelled() => Ok(()),
            won = self.leadership.lease.win() => won,
        };
        self.note_lease();
        won
    }

    /// Gives the lease back. No step may be under way.
    pub async fn release_lease(&mut self) {
        self.leadership.lease.release().await;
        self.note_lease();
    }

    /// Takes note of this process's lease: withdraws the steps that it may no longer take, and reports. Whether it has just
    /// got the lease.
    pub(super) fn note_lease(&mut self) -> bool {
        let news = self.leadership.news();
        let has_lost = news.iter().any(|news| matches!(news, LeaseNews::Lost { .. }));
        let has_got = news.iter().any(|news| matches!(news, LeaseNews::Taken { .. }));
        if has_lost {
            self.busy.withdraw_all();
            self.memory.forget_expected();
        }
        for one in news {
            self.publisher.emit(Event::Lease(one));
        }
        if self.leadership.is_leading()
            && let Some(left) = self.leadership.lease.take_note()
        {
            self.memory.inherit(&left);
            self.leadership.noted = left;
        }
        has_got
    }

    /// Locks a file again that was lost, after what was begun under the old lock is withdrawn. `None` where none was lost.
    pub(super) fn lock_again(&mut self) -> Option<Result<(), LeaseError>> {
        let why = self.leadership.lease.file_lost()?;
        self.busy.withdraw_all();
        self.memory.forget_expected();
        self.publisher.emit(Event::Lease(LeaseNews::Lost { why }));
        Some(self.leadership.lease.lock_again().map(|path| {
            let path = path.into();
            self.publisher.emit(Event::Lease(LeaseNews::LockedAgain { path }));
        }))
    }

    /// Puts the writer into `status`, unless this is a controller that only looks.
    pub(super) fn mark_leader(&self, status: &mut Status, now: Timestamp) {
        let lease = &self.leadership.lease;
        if !lease.is_never() {
            let leader = lease.state().map_or_else(alone, |state| leader(&state));
            status.set_leader(leader, &self.publisher.status().conditions, now);
        }
    }
}

fn alone() -> Leader {
    Leader {
        status: ConditionStatus::True,
        reason: "OnlyOne",
        message: "no other process shares its lease".into(),
    }
}

fn leader(state: &LeaseState) -> Leader {
    let trouble = state.trouble.as_ref().map(ToString::to_string);
    let (status, reason, message) = match &state.role {
        Role::Leading { epoch, how, .. } => {
            let how = match how {
                How::Free => String::new(),
                How::Silence { of, .. } => format!(", taken over from {of}"),
                How::Again => ", once more".to_owned(),
            };
            (
                ConditionStatus::True,
                "Leading",
                format!("holds the lease, epoch {epoch}{how}"),
            )
        }
        Role::Standby {
            holder: Some((holder, epoch)),
            ..
        } => (
            ConditionStatus::False,
            "Standby",
            format!("{holder} holds the lease (epoch {epoch})"),
        ),
        Role::Standby { lost: Some(why), .. } => {
            (ConditionStatus::False, "Lost", format!("lost the lease: {why}"))
        }
        Role::Standby { .. } => (
            ConditionStatus::Unknown,
            "Undecided",
            "no holder of the lease is known".to_owned(),
        ),
        Role::Released => (
            ConditionStatus::False,
            "Released",
            "gave the lease back".to_owned(),
        ),
        Role::Ended => (ConditionStatus::False, "Ended", LeaseError::Ended.to_string()),
    };
    let message = trouble.map_or(message.clone(), |trouble| format!("{message}; {trouble}"));
    Leader {
        status,
        reason,
        message: message.into(),
    }
}
