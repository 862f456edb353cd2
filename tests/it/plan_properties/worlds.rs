//! Worlds larger and odder than real ones, and how to shrink them.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use slotwise::testing::model::{
    Cause, ChannelClass, ChannelId, ChannelObservation, ChannelState, Desired, DestinationName, Interrupt,
    Observed, OwnerId, Pin, Placement, SlotId, Trouble, Trust, WantedState, Window,
};

use crate::plan_support as support;

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) pools: Vec<PoolSpec>,
    pub(super) doubted: bool,
    /// One-off grants, by pool and destination.
    pub(super) grants: BTreeSet<(usize, usize)>,
}

#[derive(Debug, Clone)]
pub(super) struct PoolSpec {
    pub(super) placement: Placement,
    pub(super) interrupt: Policy,
    pub(super) causes: Vec<Cause>,
    pub(super) max_concurrent: u32,
    pub(super) paused: bool,
    pub(super) channels: Vec<ChannelSpec>,
    /// The channel that the pool names first; the others follow by number, and those before it after them.
    pub(super) first: usize,
    pub(super) destinations: Vec<DestinationSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Never,
    Closed,
    Open,
    Anytime,
}

#[derive(Debug, Clone)]
pub(super) struct ChannelSpec {
    pub(super) sight: Sight,
    pub(super) state: ChannelState,
    pub(super) class: ChannelClass,
    pub(super) owner: Owner,
    pub(super) takeover: bool,
    pub(super) failures: u32,
    pub(super) slots: Vec<SlotSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Seen,
    Missing,
    Unreadable,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Owner {
    Us,
    Unowned,
    Them,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotSpec {
    Parked,
    Holds(usize),
    Previous(usize),
    /// The target of a destination of the pool before this one: it was moved there while it was on air.
    Moved(usize),
    /// The target of a destination, but for the backup of the second pipeline.
    OtherBackup(usize),
    Undeclared,
    Unusable,
    /// An output group that is no slot.
    NoSlot,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct DestinationSpec {
    pub(super) streaming: bool,
    pub(super) paused: bool,
    pub(super) key_known: bool,
    pub(super) backup: bool,
    pub(super) priority: i32,
    pub(super) group: Option<u8>,
    pub(super) interruptible: bool,
    pub(super) pin: Option<(usize, usize)>,
    pub(super) returning: bool,
}

/// Which worlds to make.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) channels: usize,
    pub(super) slots: usize,
    pub(super) destinations: usize,
    /// Nothing is in transition, doubted, copied, or a previous target: what is planned is reached by its steps
    /// alone.
    pub(super) settled: bool,
}

pub(super) fn world(bounds: Bounds) -> impl Strategy<Value = World> {
    let pools = if bounds.settled { 1..=1 } else { 1..=3_usize };
    (
        vec(pool(bounds), pools),
        prop::bool::weighted(if bounds.settled { 0.0 } else { 0.1 }),
        prop::collection::btree_set((0..2_usize, 0..bounds.destinations), 0..2),
    )
        .prop_map(|(pools, doubted, grants)| World {
            pools,
            doubted,
            grants,
        })
}

pub(super) fn pool(bounds: Bounds) -> impl Strategy<Value = PoolSpec> {
    let causes = prop::sample::subsequence(vec![Cause::Start, Cause::Stop, Cause::Retarget], 1..=3);
    (
        select(vec![Placement::Spread, Placement::Pack]),
        select(vec![Policy::Never, Policy::Closed, Policy::Open, Policy::Anytime]),
        causes,
        1..=3_u32,
        prop::bool::weighted(if bounds.settled { 0.0 } else { 0.05 }),
        vec(channel(bounds), 1..=bounds.channels),
        0..bounds.channels,
        vec(destination(bounds), 0..=bounds.destinations),
    )
        .prop_map(
            move |(placement, interrupt, causes, max_concurrent, paused, channels, first, destinations)| {
                let mut spec = PoolSpec {
                    placement,
                    interrupt,
                    causes,
                    max_concurrent,
                    paused,
                    channels,
                    first,
                    destinations,
                };
                if bounds.settled {
                    spec.settle();
                }
                spec
            },
        )
}

pub(super) fn channel(bounds: Bounds) -> impl Strategy<Value = ChannelSpec> {
    let states = if bounds.settled {
        vec![
            ChannelState::Idle,
            ChannelState::Running,
            ChannelState::UpdateFailed,
        ]
    } else {
        let mut states = ChannelState::ALL.to_vec();
        states.extend([ChannelState::Idle, ChannelState::Running].repeat(6));
        states
    };
    let rare = |weight: u32| if bounds.settled { 0 } else { weight };
    (
        prop_oneof![40 => Just(Sight::Seen), rare(1) => Just(Sight::Missing), rare(1) => Just(Sight::Unreadable)],
        select(states),
        prop_oneof![3 => Just(ChannelClass::SinglePipeline), 1 => Just(ChannelClass::Standard)],
        prop_oneof![8 => Just(Owner::Us), 2 => Just(Owner::Unowned), 1 => Just(Owner::Them)],
        prop::bool::weighted(0.2),
        prop_oneof![8 => Just(0_u32), 1 => Just(1_u32), 1 => Just(3_u32)],
        vec(slot(bounds), 0..=bounds.slots),
    )
        .prop_map(|(sight, state, class, owner, takeover, failures, slots)| ChannelSpec {
            sight,
            state,
            class,
            owner,
            takeover,
            failures,
            slots,
        })
}

pub(super) fn slot(bounds: Bounds) -> impl Strategy<Value = SlotSpec> {
    let any = 0..bounds.destinations;
    prop_oneof![
        8 => Just(SlotSpec::Parked),
        8 => any.clone().prop_map(SlotSpec::Holds),
        if bounds.settled { 0 } else { 2 } => any.clone().prop_map(SlotSpec::Previous),
        u32::from(!bounds.settled) => any.clone().prop_map(SlotSpec::Moved),
        u32::from(!bounds.settled) => any.prop_map(SlotSpec::OtherBackup),
        1 => Just(SlotSpec::Undeclared),
        1 => Just(SlotSpec::Unusable),
        1 => Just(SlotSpec::NoSlot),
    ]
}

pub(super) fn destination(bounds: Bounds) -> impl Strategy<Value = DestinationSpec> {
    (
        prop::bool::weighted(0.75),
        prop::bool::weighted(if bounds.settled { 0.0 } else { 0.07 }),
        prop::bool::weighted(if bounds.settled { 1.0 } else { 0.92 }),
        any::<bool>(),
        select(vec![0, 0, 0, 100, -5]),
        select(vec![None, None, Some(0), Some(1), Some(2)]),
        prop::bool::weighted(0.85),
        prop::option::weighted(0.1, (0..bounds.channels, 0..bounds.slots)),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(streaming, paused, key_known, backup, priority, group, interruptible, pin, returning)| {
                DestinationSpec {
                    streaming,
                    paused,
                    key_known,
                    backup,
                    priority,
                    group,
                    interruptible,
                    pin,
                    returning,
                }
            },
        )
}

impl PoolSpec {
    /// Keeps the first slot of each destination, no previous target, and every key known.
    fn settle(&mut self) {
        // A weight of 1 or 0 does not keep a generator from shrinking to what it never makes.
        for destination in &mut self.destinations {
            destination.key_known = true;
        }
        let mut seen = BTreeSet::new();
        for slot in self.channels.iter_mut().flat_map(|channel| &mut channel.slots) {
            match *slot {
                SlotSpec::Holds(d) if !seen.insert(d) => *slot = SlotSpec::Parked,
                SlotSpec::Previous(_) => *slot = SlotSpec::Undeclared,
                _ => {}
            }
        }
    }
}

impl World {
    pub(super) fn build(&self) -> (Desired, Observed) {
        let mut desired = Desired::empty(support::owner());
        let mut observed = Observed::default();
        if self.doubted {
            desired.trust = Trust::Doubted {
                why: "a file is missing".to_owned(),
            };
        }
        for (p, spec) in self.pools.iter().enumerate() {
            build_pool(p, spec, &mut desired, &mut observed);
        }
        let granted = self
            .grants
            .iter()
            .map(|(p, d)| DestinationName::new(name(*p, *d)));
        desired.grants = granted.collect();
        (desired, observed)
    }
}

pub(super) fn name(pool: usize, destination: usize) -> String {
    format!("p{pool}-d{destination}")
}

pub(super) fn build_pool(p: usize, spec: &PoolSpec, desired: &mut Desired, observed: &mut Observed) {
    let pool_name = format!("p{p}");
    let mut pool = support::pool(&pool_name);
    pool.placement = spec.placement;
    pool.disruption.causes = spec.causes.iter().copied().collect();
    pool.disruption.max_concurrent = spec.max_concurrent;
    pool.paused = spec.paused.then(support::pause);
    pool.disruption.interrupt = match spec.interrupt {
        Policy::Never => Interrupt::Never,
        Policy::Closed | Policy::Open => Interrupt::Window,
        Policy::Anytime => Interrupt::Anytime,
    };
    let opens = if spec.interrupt == Policy::Open {
        "0 9 * * *"
    } else {
        "0 4 * * *"
    };
    pool.disruption.windows.push(Window {
        cron: opens.parse().unwrap(),
        duration: std::time::Duration::from_mins(30),
        time_zone: jiff::tz::TimeZone::UTC,
    });
    desired.pools.insert(pool.name.clone(), pool);
    for (d, declared) in spec.destinations.iter().enumerate() {
        let mut destination = support::destination(&name(p, d), &pool_name);
        destination.state = if declared.streaming {
            WantedState::Streaming
        } else {
            WantedState::Ready
        };
        destination.paused = declared.paused.then(support::pause);
        if !declared.key_known {
            destination.key = support::unknown_key();
        }
        destination.backup_url = declared
            .backup
            .then(|| format!("{}-backup", destination.url).into());
        destination.priority = declared.priority;
        destination.group = declared.group.map(|group| format!("g{group}").as_str().into());
        destination.interruptible = declared.interruptible;
        destination.pin = declared.pin.map(|(c, s)| Pin {
            channel: ChannelId::new(format!("p{p}-c{c}")),
            output_group: format!("s{s}").into(),
        });
        support::declare(desired, destination);
    }
    for (c, channel) in spec.channels.iter().enumerate() {
        build_channel(p, c, channel, spec, desired, observed);
    }
    let channels = &mut desired.pools.get_mut(pool_name.as_str()).unwrap().channels;
    let first = spec.first % channels.len();
    channels.rotate_left(first);
}

pub(super) fn build_channel(
    p: usize,
    c: usize,
    spec: &ChannelSpec,
    pool: &PoolSpec,
    desired: &mut Desired,
    observed: &mut Observed,
) {
    let id = format!("p{p}-c{c}");
    let pool_name = format!("p{p}");
    let mut channel = support::channel(&id, spec.state);
    channel.class = spec.class;
    channel.owner = match spec.owner {
        Owner::Us => Some(support::owner()),
        Owner::Unowned => None,
        Owner::Them => Some(OwnerId::new("theirs")),
    };
    channel.trouble = (spec.failures > 0).then(|| Trouble {
        failures: spec.failures,
        attempts: spec.failures,
        retry_at: support::now(),
        what: "it fell back to IDLE".to_owned(),
    });
    for (s, held) in spec.slots.iter().enumerate() {
        let group = format!("s{s}");
        let parking = support::parking(&desired.pools[pool_name.as_str()], &id, &group, spec.class);
        let declared = |d: usize| desired.destinations.get(name(p, d).as_str());
        let target = match *held {
            SlotSpec::Holds(d) => declared(d).map(|d| support::carried(d, spec.class, &parking)),
            SlotSpec::Previous(d) => declared(d).map(|d| support::other_target(&d.url, spec.class)),
            SlotSpec::Moved(d) => {
                let before = p
                    .checked_sub(1)
                    .and_then(|p| desired.destinations.get(name(p, d).as_str()));
                before.map(|d| support::carried(d, spec.class, &parking))
            }
            SlotSpec::OtherBackup(d) => declared(d).map(|d| {
                let first = support::carried(d, spec.class, &parking).0[0].clone();
                vec![first; spec.class.pipelines()].into()
            }),
            SlotSpec::Undeclared => Some(support::other_target(
                "rtmp://undeclared.example/live",
                spec.class,
            )),
            SlotSpec::Parked | SlotSpec::Unusable | SlotSpec::NoSlot => None,
        };
        if let SlotSpec::Holds(d) = *held
            && pool
                .destinations
                .get(d)
                .is_some_and(|d| d.returning && d.streaming)
            && !spec.state.is_running()
        {
            let slot = SlotId::new(id.as_str(), group.as_str());
            observed.returning.insert(name(p, d).as_str().into(), slot);
        }
        match *held {
            SlotSpec::NoSlot => support::slot(&mut channel, &format!("MediaPackage-{s}"), parking),
            SlotSpec::Unusable => channel
                .groups_mut()
                .push(slotwise::testing::model::ObservedGroup {
                    name: group.into(),
                    target: Err(slotwise::testing::model::NoSlot::Outputs(2)),
                }),
            _ => support::slot(&mut channel, &group, target.unwrap_or(parking)),
        }
        // What slotwise has pointed is recorded; so is every previous target. The rest was found so.
        let recorded = match *held {
            SlotSpec::Previous(d) => declared(d),
            SlotSpec::Holds(d) if s % 2 == 0 && matches!(spec.owner, Owner::Us) => declared(d),
            _ => None,
        };
        if let Some(destination) = recorded {
            support::record(&mut channel, destination.identity.as_str());
        }
    }
    support::place(desired, observed, &pool_name, channel);
    let pool = desired.pools.get_mut(pool_name.as_str()).unwrap();
    pool.channels[c].takeover = spec.takeover;
    let sight = match spec.sight {
        Sight::Seen => return,
        Sight::Missing => ChannelObservation::Missing,
        Sight::Unreadable => ChannelObservation::Unreadable {
            why: "access denied".to_owned(),
        },
    };
    observed.channels.insert(ChannelId::new(id), sight);
}
