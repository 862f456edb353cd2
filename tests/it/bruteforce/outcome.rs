//! What may become of a pool: every outcome that the rules allow.

use slotwise::testing::model::{Cause, ChannelState, Interrupt};

use super::case::{Case, Hold, Owner};

/// What becomes of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// As it is: running or not, its content untouched.
    Left,
    /// It stops.
    Stopped,
    /// It stops if it runs, gets its new content and starts.
    Started,
}

#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// Where each destination is wanted, on air and carried in the end.
    pub(super) places: Vec<Option<(usize, usize)>>,
    pub(super) fates: Vec<Fate>,
}

/// Every outcome that the rules allow.
pub(super) fn outcomes(case: &Case, mut each: impl FnMut(&Outcome)) {
    let mut outcome = Outcome {
        places: vec![None; case.dests.len()],
        fates: vec![Fate::Left; case.chans.len()],
    };
    place_next(case, 0, &mut outcome, &mut each);
}

pub(super) fn place_next(case: &Case, d: usize, outcome: &mut Outcome, each: &mut impl FnMut(&Outcome)) {
    if d == case.dests.len() {
        decide_next(case, 0, outcome, each);
        return;
    }
    for place in choices(case, d, outcome) {
        outcome.places[d] = place;
        place_next(case, d + 1, outcome, each);
    }
    outcome.places[d] = None;
}

/// Where destination `d` may end up, given where those before it do.
pub(super) fn choices(case: &Case, d: usize, outcome: &Outcome) -> Vec<Option<(usize, usize)>> {
    let dest = &case.dests[d];
    if !dest.wanted() {
        return vec![None];
    }
    let held = held(case, d);
    if let Some((c, _)) = held
        && case.chans[c].state.is_running()
    {
        return vec![held]; // Never moves, never evicted.
    }
    let mut choices = vec![None];
    let returning = dest.returning && held.is_some_and(|(c, _)| usable(case, c));
    if !dest.key_known || returning {
        // A destination that comes back is bound to its slot; an unknown key can be written to none.
        choices.extend(held.filter(|_| returning).map(Some));
        return choices;
    }
    for c in (0..case.chans.len()).filter(|c| usable(case, *c)) {
        let mut parked_before = false;
        for s in 0..case.chans[c].slots.len() {
            let taken = outcome.places[..d].contains(&Some((c, s))) || reserved(case, c, s);
            let pinned_elsewhere = dest.pin.is_some_and(|pin| pin != (c, s));
            if taken || pinned_elsewhere {
                continue;
            }
            // Parked slots of a channel without pins are all alike: the first free one represents all.
            let pinned = case.dests.iter().any(|other| other.pin == Some((c, s)));
            if case.chans[c].slots[s] == Hold::Parked && !pinned {
                if parked_before {
                    continue;
                }
                parked_before = true;
            }
            choices.push(Some((c, s)));
        }
    }
    choices
}

/// Whether slot `s` of channel `c` is bound: protected on air, recorded as held, or come back to.
pub(super) fn reserved(case: &Case, c: usize, s: usize) -> bool {
    let hold = case.chans[c].slots[s];
    let on_air = case.chans[c].state.is_running() && protection(case, c, hold).0;
    let bound = matches!(hold, Hold::Dest(d) if case.dests[d].wanted() && case.dests[d].returning);
    on_air || bound
}

pub(super) fn decide_next(case: &Case, c: usize, outcome: &mut Outcome, each: &mut impl FnMut(&Outcome)) {
    if c == case.chans.len() {
        each(outcome);
        return;
    }
    let chan = &case.chans[c];
    let newcomers = (0..case.dests.len()).any(|d| new_on(case, outcome, d) == Some(c));
    let running = chan.state.is_running();
    let protected = protected(case, c);
    let fates: &[Fate] = match (usable(case, c), running, protected, newcomers) {
        (false, ..) | (true, false, _, false) => &[Fate::Left],
        (true, true, false, false) => &[Fate::Left, Fate::Stopped],
        (true, true, true, false) => &[Fate::Left, Fate::Started],
        (true, _, _, true) => &[Fate::Started],
    };
    for fate in fates {
        outcome.fates[c] = *fate;
        if *fate != Fate::Started || !running || !protected || granted(case, outcome, c) {
            decide_next(case, c + 1, outcome, each);
        }
    }
    outcome.fates[c] = Fate::Left;
}

/// The slot that carries destination `d` now.
pub(super) fn held(case: &Case, d: usize) -> Option<(usize, usize)> {
    (0..case.chans.len())
        .flat_map(|c| (0..case.chans[c].slots.len()).map(move |s| (c, s)))
        .find(|(c, s)| case.chans[*c].slots[*s] == Hold::Dest(d))
}

/// Whether a previous target of `d` on channel `c` is one that `d` has outgrown, and not just undeclared.
pub(super) fn outdated(case: &Case, c: usize, d: usize) -> bool {
    let dest = &case.dests[d];
    let chan = &case.chans[c];
    let ours = chan.owner == Owner::Us || !chan.state.is_running();
    ours && !case.doubted && (dest.wanted() || dest.paused) && dest.key_known && held(case, d).is_none()
}

/// Whether what a slot of the running channel `c` holds may not be taken off air without a grant, and whether by
/// no grant at all.
pub(super) fn protection(case: &Case, c: usize, hold: Hold) -> (bool, bool) {
    match hold {
        Hold::Parked => (false, false),
        Hold::Dest(d) => {
            let dest = &case.dests[d];
            let paused = dest.paused;
            // By its URL alone it may be that of a destination whose declaration is missing.
            let guessed = case.doubted && !dest.streaming && !dest.key_known;
            (
                paused || dest.streaming || guessed,
                paused || guessed || (dest.streaming && !dest.interruptible),
            )
        }
        Hold::Previous(d) if outdated(case, c, d) => (case.dests[d].paused, case.dests[d].paused),
        // Nothing is stopped because it was not recognised.
        Hold::Previous(_) | Hold::Undeclared => (true, true),
    }
}

/// Whether the channel's slots may be changed at all.
pub(super) fn usable(case: &Case, c: usize) -> bool {
    let chan = &case.chans[c];
    let undeclared = |hold: &Hold| match hold {
        Hold::Undeclared | Hold::Previous(_) => true,
        Hold::Dest(d) => !case.dests[*d].key_known,
        Hold::Parked => false,
    };
    match chan.owner {
        Owner::Us => true,
        Owner::Unowned => !(chan.state.may_publish() && chan.slots.iter().any(undeclared)),
        Owner::Them => false,
    }
}

/// Whether stopping the channel needs a grant.
pub(super) fn protected(case: &Case, c: usize) -> bool {
    let chan = &case.chans[c];
    chan.state.is_running() && chan.slots.iter().any(|hold| protection(case, c, *hold).0)
}

/// The channel that destination `d` newly goes to: not one it is on air on already.
pub(super) fn new_on(case: &Case, outcome: &Outcome, d: usize) -> Option<usize> {
    let (c, _) = outcome.places[d]?;
    let on_air = held(case, d) == outcome.places[d] && case.chans[c].state.is_running();
    (!on_air).then_some(c)
}

/// Whether interrupting those on channel `c` for what `outcome` changes there is granted.
pub(super) fn granted(case: &Case, outcome: &Outcome, c: usize) -> bool {
    let chan = &case.chans[c];
    let untouchable = chan.slots.iter().any(|hold| protection(case, c, *hold).1);
    if untouchable || chan.state == ChannelState::Recovering {
        return false;
    }
    let mut causes: Vec<(Cause, Option<usize>)> = Vec::new();
    for d in 0..case.dests.len() {
        if new_on(case, outcome, d) == Some(c) {
            let previous_here = chan.slots.contains(&Hold::Previous(d)) && outdated(case, c, d);
            causes.push((
                if previous_here {
                    Cause::Retarget
                } else {
                    Cause::Start
                },
                Some(d),
            ));
        }
    }
    for hold in &chan.slots {
        match hold {
            Hold::Dest(d) if !case.dests[*d].streaming => causes.push((Cause::Stop, Some(*d))),
            Hold::Previous(d) if !outdated(case, c, *d) => causes.push((Cause::Stop, None)),
            // Where its destination stays off air, a previous target is a matter of Retarget alone.
            Hold::Previous(d) if new_on(case, outcome, *d).is_some_and(|on| on != c) => {
                causes.push((Cause::Stop, Some(*d)));
            }
            Hold::Undeclared => causes.push((Cause::Stop, None)),
            Hold::Parked | Hold::Dest(_) | Hold::Previous(_) => {}
        }
    }
    let by_policy =
        case.interrupt == Interrupt::Anytime && causes.iter().any(|(cause, _)| case.causes.contains(cause));
    let one_off = causes
        .iter()
        .any(|(_, d)| d.is_some_and(|d| case.grants.contains(&d)));
    by_policy || one_off
}
