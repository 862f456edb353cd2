//! What grants an interruption: the only place that decides it, for the search, for goals and for messages.
//!
//! A change on a channel with a protected destination needs a grant. One granted change is enough for all others.
//!
//! | change | cause | belongs to |
//! |---|---|---|
//! | a destination joins | `Start` | it |
//! | a destination on air and not wanted leaves, or a second copy, or what is taken over | `Stop` | the destination, if any |
//! | a destination on air has a new URL or key | `Retarget` | it |
//! | a destination on air was moved to another pool, where a slot is reserved for it | `Retarget` | it |

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::{Cause, DestinationName, Disruption, Interrupt};

/// What a pool grants now.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    /// Whether the time allows an interruption.
    open: bool,
    /// The pool's policy; `None` where there is no pool, and nothing is granted.
    disruption: Option<&'a Disruption>,
    /// One-off grants.
    grants: &'a BTreeSet<DestinationName>,
}

/// Whether a change is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// It may interrupt others.
    Granted,
    /// The pool grants it in its windows, and none is open; the next opens then.
    OutsideWindow(Option<Timestamp>),
    /// The pool interrupts, but not for this cause.
    NotFor(Cause),
    /// The pool never interrupts.
    Never,
}

impl<'a> Policy<'a> {
    /// The policy of a pool at `now`.
    pub(super) fn new(
        disruption: Option<&'a Disruption>,
        grants: &'a BTreeSet<DestinationName>,
        now: Timestamp,
    ) -> Self {
        Self {
            open: disruption.is_some_and(|disruption| disruption.is_open(now)),
            disruption,
            grants,
        }
    }

    /// Whether a change of this cause, which belongs to `owner`, may interrupt others now.
    pub(super) fn grant(&self, cause: Cause, owner: Option<&DestinationName>, now: Timestamp) -> Grant {
        let one_off = owner.is_some_and(|owner| self.grants.contains(owner));
        let Some(disruption) = self.disruption else {
            return Grant::Never;
        };
        let allows_cause = disruption.causes.contains(&cause);
        if one_off || self.open && allows_cause {
            Grant::Granted
        } else if disruption.interrupt == Interrupt::Never {
            Grant::Never
        } else if !allows_cause {
            Grant::NotFor(cause)
        } else {
            Grant::OutsideWindow(disruption.next_opening(now))
        }
    }

    /// Whether it is granted.
    pub(super) fn allows(&self, cause: Cause, owner: Option<&DestinationName>) -> bool {
        let one_off = owner.is_some_and(|owner| self.grants.contains(owner));
        self.disruption
            .is_some_and(|disruption| one_off || self.open && disruption.causes.contains(&cause))
    }

    /// Channels that may be interrupted at once.
    pub(super) fn max_concurrent(&self) -> u32 {
        self.disruption.map_or(0, |disruption| disruption.max_concurrent)
    }
}
