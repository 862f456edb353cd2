//! A pool in a few small integers, and the world it stands for.

use std::collections::BTreeSet;

use slotwise::testing::model::{
    Cause, ChannelClass, ChannelState, Desired, Interrupt, Observed, OwnerId, Pin, Placement, SlotId,
    Trouble, Trust, WantedState,
};

use crate::plan_support as support;

/// What a slot points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// No destination.
    Parked,
    /// This destination.
    Dest(usize),
    /// This destination's URL with a previous key. Where the destination is not wanted or holds a slot, this is a
    /// undeclared target.
    Previous(usize),
    /// An undeclared target.
    Undeclared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Us,
    Unowned,
    Them,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chan {
    pub(super) state: ChannelState,
    pub(super) owner: Owner,
    pub(super) failures: u32,
    pub(super) slots: Vec<Hold>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Dest {
    pub(super) streaming: bool,
    pub(super) paused: bool,
    pub(super) key_known: bool,
    pub(super) priority: i32,
    pub(super) group: Option<u8>,
    pub(super) interruptible: bool,
    pub(super) pin: Option<(usize, usize)>,
    /// Interrupted by us a moment ago, so that it comes back to the slot it holds.
    pub(super) returning: bool,
}

impl Dest {
    pub(super) fn wanted(&self) -> bool {
        self.streaming && !self.paused
    }
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) chans: Vec<Chan>,
    pub(super) dests: Vec<Dest>,
    pub(super) placement: Placement,
    pub(super) interrupt: Interrupt,
    pub(super) causes: BTreeSet<Cause>,
    pub(super) grants: BTreeSet<usize>,
    pub(super) doubted: bool,
    pub(super) max_concurrent: u32,
}

pub(super) const ALL_CAUSES: [Cause; 3] = [Cause::Start, Cause::Stop, Cause::Retarget];

pub(super) fn dest() -> Dest {
    Dest {
        streaming: true,
        paused: false,
        key_known: true,
        priority: 0,
        group: None,
        interruptible: true,
        pin: None,
        returning: false,
    }
}

impl Case {
    pub(super) fn new(chans: Vec<Chan>, dests: Vec<Dest>) -> Self {
        Self {
            chans,
            dests,
            placement: Placement::Spread,
            interrupt: Interrupt::Never,
            causes: BTreeSet::from(ALL_CAUSES),
            grants: BTreeSet::new(),
            doubted: false,
            max_concurrent: 1,
        }
    }

    pub(super) fn world(&self) -> (Desired, Observed) {
        let mut desired = Desired::empty(support::owner());
        let mut observed = Observed::default();
        if self.doubted {
            desired.trust = Trust::Doubted {
                why: "a file is missing".to_owned(),
            };
        }
        let mut pool = support::pool("p");
        pool.placement = self.placement;
        pool.disruption.interrupt = self.interrupt;
        pool.disruption.causes.clone_from(&self.causes);
        pool.disruption.max_concurrent = self.max_concurrent;
        desired.pools.insert("p".into(), pool);
        for (index, dest) in self.dests.iter().enumerate() {
            let mut declared = support::destination(&dest_name(index), "p");
            declared.state = if dest.streaming {
                WantedState::Streaming
            } else {
                WantedState::Ready
            };
            declared.paused = dest.paused.then(support::pause);
            if !dest.key_known {
                declared.key = support::unknown_key();
            }
            declared.priority = dest.priority;
            declared.group = dest.group.map(|group| format!("g{group}").as_str().into());
            declared.interruptible = dest.interruptible;
            declared.pin = dest.pin.map(|(channel, group)| Pin {
                channel: chan_id(channel).as_str().into(),
                output_group: slot_name(group).into(),
            });
            support::declare(&mut desired, declared);
        }
        desired.grants = self
            .grants
            .iter()
            .map(|d| dest_name(*d).as_str().into())
            .collect();
        for (index, chan) in self.chans.iter().enumerate() {
            self.observe(index, chan, &mut desired, &mut observed);
        }
        (desired, observed)
    }

    pub(super) fn observe(&self, index: usize, chan: &Chan, desired: &mut Desired, observed: &mut Observed) {
        let id = chan_id(index);
        let mut channel = support::channel(&id, chan.state);
        channel.owner = match chan.owner {
            Owner::Us => Some(support::owner()),
            Owner::Unowned => None,
            Owner::Them => Some(OwnerId::new("theirs")),
        };
        channel.trouble = (chan.failures > 0).then(|| Trouble {
            failures: chan.failures,
            attempts: chan.failures,
            retry_at: support::now(),
            what: "it fell back to IDLE".to_owned(),
        });
        let class = ChannelClass::SinglePipeline;
        for (group, hold) in chan.slots.iter().enumerate() {
            let parking = support::parking(&desired.pools["p"], &id, &slot_name(group), class);
            let target = match hold {
                Hold::Parked => parking,
                Hold::Dest(d) => {
                    let declared = &desired.destinations[dest_name(*d).as_str()];
                    if self.dests[*d].returning {
                        let slot = SlotId::new(id.as_str(), slot_name(group));
                        observed.returning.insert(declared.name.clone(), slot);
                    }
                    support::carried(declared, class, &parking)
                }
                Hold::Previous(d) => {
                    support::other_target(&desired.destinations[dest_name(*d).as_str()].url, class)
                }
                Hold::Undeclared => {
                    support::other_target(&format!("rtmp://undeclared-{id}-{group}.example/live"), class)
                }
            };
            support::slot(&mut channel, &slot_name(group), target);
        }
        support::place(desired, observed, "p", channel);
    }
}

pub(super) fn dest_name(index: usize) -> String {
    format!("d{index}")
}

pub(super) fn chan_id(index: usize) -> String {
    format!("c{index}")
}

pub(super) fn slot_name(index: usize) -> String {
    format!("s{index}")
}

/// The case in a few lines, to be read and to be written down as a test.
pub(super) fn describe(case: &Case) -> String {
    let policy = format!(
        "{:?} {:?} for {:?}, grants {:?}, doubted {}",
        case.placement, case.interrupt, case.causes, case.grants, case.doubted
    );
    let chans = case.chans.iter().enumerate().map(|(c, chan)| {
        format!(
            "  c{c} {} {:?} failures {}: {:?}",
            chan.state, chan.owner, chan.failures, chan.slots
        )
    });
    let dests = case.dests.iter().enumerate();
    let dests = dests.map(|(d, dest)| format!("  d{d} {dest:?}"));
    let lines: Vec<String> = [policy].into_iter().chain(chans).chain(dests).collect();
    lines.join("\n")
}
