//! Who is protected on a running channel, and which changes are worth an interruption.
//!
//! On a channel that runs (STARTING, RUNNING, RECOVERING) these are *protected*: they never move, are never evicted,
//! and the channel is never stopped under them without a grant.
//!
//! | slot held by | protected | may be interrupted |
//! |---|---|---|
//! | a destination that is wanted, known or presumed | yes | unless `interruptible: false` |
//! | a paused destination, whatever its state; its former target, too | yes | never: hands off |
//! | nobody who is declared, while the declaration is doubted | yes | never: we do not know whom we would stop |
//! | a target with the URL of one of those whose key cannot be read, if it may be its | yes | never, for the same reason |
//! | the same, where it is presumed to be that of another one whose key cannot be read | yes | unless one of them may not be |
//! | a destination with `state: Ready`, a copy, a former target, nobody who is declared | no | |
//!
//! A channel with nobody protected needs no grant: it stops. One with somebody protected is stopped when everyone
//! protected may be interrupted and the *changes* on it grant it. A change grants it when its cause is in
//! `disruption.for` and the policy is open now, or when it belongs to a destination with a one-off grant. One such
//! change is enough; all others on the channel ride along.
//!
//! | change | cause | belongs to |
//! |---|---|---|
//! | a destination joins whose former target is not there | `Start` | it |
//! | the same, but a former target of its URL is there, read as another's | both `Start` and `Retarget` | it |
//! | anybody else on air who is not protected leaves | `Stop` | the destination, if any |
//! | a former target is rewritten for its destination, which gets a slot of the channel | `Retarget` | it |
//! | a former target leaves because its destination goes to another channel, as do all to whom it may belong | `Stop` | it |
//! | a former target leaves whose destination waits | none | |
//!
//! A STARTING channel is waited for and then stopped; a RECOVERING one is left alone until MediaLive has repaired it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::survey::{Doubt, Holder, Stance, Survey};
use crate::model::{Cause, ChannelState, DestinationName, Disruption};

/// What a pool grants now.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    /// Whether the time allows an interruption.
    pub(super) open: bool,
    /// The pool's policy.
    pub(super) disruption: &'a Disruption,
    /// One-off grants.
    pub(super) grants: &'a BTreeSet<DestinationName>,
}

impl<'a> Policy<'a> {
    /// The policy of a pool at `now`.
    pub(super) fn new(
        disruption: &'a Disruption,
        grants: &'a BTreeSet<DestinationName>,
        now: Timestamp,
    ) -> Self {
        Self {
            open: disruption.is_open(now),
            disruption,
            grants,
        }
    }

    /// Whether a change of this cause grants an interruption, whoever it belongs to.
    pub(super) fn allows(&self, cause: Cause) -> bool {
        self.open && self.disruption.causes.contains(&cause)
    }

    /// Whether `change` grants an interruption.
    pub(super) fn grants(&self, survey: &Survey<'_>, change: Change) -> bool {
        let named = |dest: usize| self.grants.contains(&survey.dests[dest].decl.name);
        self.allows(change.cause) || change.owner.is_some_and(named)
    }
}

/// One change on a channel that has to stop for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// What kind.
    pub(super) cause: Cause,
    /// Whose change it is, by index in [`Survey::dests`].
    pub(super) owner: Option<usize>,
}

/// How a usable channel stands before anything is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stopped, or stopped soon.
    Stopped,
    /// Running with nobody protected: it stops, whatever is decided.
    Vacant,
    /// Running with somebody protected.
    Kept(Crew),
}

/// Who is on a running channel with somebody protected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Crew {
    /// Wanted destinations on air: what an interruption costs.
    pub(super) on_air: Vec<usize>,
    /// Destinations that must not be interrupted.
    pub(super) firm: Vec<usize>,
    /// Why a target that nobody is known to want is presumed wanted, if one is.
    pub(super) doubt: Option<Doubt>,
    /// Slots whose targets are on air and are to be let go.
    pub(super) leaving: Vec<usize>,
}

impl Crew {
    /// Whether the protected leave room for a grant at all.
    pub(super) fn is_interruptible(&self) -> bool {
        self.firm.is_empty() && self.doubt.is_none()
    }
}

/// How a usable channel stands.
pub(super) fn kind(survey: &Survey<'_>, channel: usize) -> Kind {
    let channel = &survey.channels[channel];
    if !channel.is_running() {
        return Kind::Stopped;
    }
    let mut crew = Crew::default();
    for at in channel.slots.clone() {
        let doubt = survey.doubt_of(at);
        crew.doubt = crew.doubt.or(doubt);
        match survey.slots[at].holder {
            Holder::Held(dest) if survey.dests[dest].stance != Stance::Off => {
                if survey.dests[dest].stance == Stance::Wanted {
                    crew.on_air.push(dest);
                }
                if survey.dests[dest].is_firm() {
                    crew.firm.push(dest);
                }
            }
            Holder::Outdated(dest) if survey.dests[dest].stance == Stance::Paused => crew.firm.push(dest),
            Holder::Unusable | Holder::Parked => {}
            _ if doubt.is_some() => {}
            _ => crew.leaving.push(at),
        }
    }
    if crew.on_air.is_empty() && crew.is_interruptible() {
        Kind::Vacant
    } else {
        crew.on_air.sort_unstable();
        crew.firm.sort_unstable();
        Kind::Kept(crew)
    }
}

/// Whether a running channel with somebody protected could be stopped for a change, if one grants it.
pub(super) fn is_stoppable(state: ChannelState, crew: &Crew) -> bool {
    crew.is_interruptible() && matches!(state, ChannelState::Running | ChannelState::Starting)
}

/// The change that it is when `dest` joins a running channel. A former target of its URL there may be its own, even where
/// it was read as another's: then it takes both causes, so the one is told that is missing.
pub(super) fn join(survey: &Survey<'_>, disruption: &Disruption, dest: usize, channel: usize) -> Change {
    let retargets = disruption.causes.contains(&Cause::Retarget);
    let is_former = |slot: usize| survey.slots[slot].channel == channel;
    let cause = if survey.dests[dest].outdated.is_some_and(is_former)
        || !retargets && survey.has_former_like(dest, channel)
    {
        Cause::Retarget
    } else {
        Cause::Start
    };
    Change {
        cause,
        owner: Some(dest),
    }
}

/// The change that it is when a leaving slot is parked; for a former target, when its destination goes to another
/// channel.
pub(super) fn leave(survey: &Survey<'_>, slot: usize) -> Change {
    let owner = match survey.slots[slot].holder {
        Holder::Held(dest) | Holder::Outdated(dest) => Some(dest),
        _ => None,
    };
    Change {
        cause: Cause::Stop,
        owner,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;
    use crate::model::Destination;

    #[test]
    fn what_may_be_somebody_s_does_not_leave() {
        let leaving = |world: &World| {
            let (desired, pool) = (&world.desired, &world.desired.pools["main"]);
            let dests: Vec<&Destination> = desired.destinations.values().map(AsRef::as_ref).collect();
            match kind(&Survey::new(desired, &world.observed, world.now, pool, &dests), 0) {
                Kind::Kept(crew) => crew.leaving.len(),
                other => panic!("{other:?}"),
            }
        };
        let world = World::new()
            .channel("1", ChannelState::Running, &["a", "?x"])
            .wanted("a");
        assert_eq!(leaving(&world), 1);
        assert_eq!(leaving(&world.doubted()), 0);
    }
}
