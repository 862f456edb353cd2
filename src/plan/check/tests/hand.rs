//! Small worlds and plans made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, ChannelTags, Desired,
    Destination, Endpoint, Interrupt, NoSlot, Observed, ObservedChannel, ObservedGroup, OwnerId, Pause, Pin,
    Placement, PoolChannel, PoolName, Recorded, Secret, SlotId, SlotTag, StreamKey, Target, TargetDigest,
    Trust, WantedState, samples,
};
use crate::plan::check::goals::content;
use crate::plan::check::reading::World;
use crate::plan::{
    Action, Adoption, ChannelPlan, Content, DestinationPlan, Interruptions, Optimality, Plan, PoolPlan,
    Reason, Seen, SlotPlan, SlotRecord, SlotWrite, Step, Violation, Waiting, check,
};

/// Slots of every channel.
pub(super) const SLOTS: [&str; 3] = ["s1", "s2", "s3"];

/// What every slot holds, as it is read here, for tests that compare this with the planner's reading.
pub(in crate::plan) fn occupants(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
) -> BTreeMap<SlotId, Content> {
    let world = World::new(desired, observed, now);
    let mut all = BTreeMap::new();
    for channel in &world.channels {
        for slot in &channel.slots {
            all.insert(slot.id.clone(), content(&world, slot));
        }
        let groups = channel.seen.into_iter().flat_map(|seen| seen.groups.iter());
        for group in groups.filter(|group| channel.matches(group)) {
            if let Err(why) = &group.target {
                let why = why.to_string();
                let slot = channel.slot_id(&group.name);
                all.entry(slot).or_insert(Content::Unusable { why });
            }
        }
    }
    all
}

/// One pool `main`, what was seen of it, and a plan that a test puts together step by step.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) plan: Plan,
}

impl Hand {
    pub(super) fn new() -> Self {
        let hand = Self {
            desired: Desired::empty(OwnerId::new("us")),
            observed: Observed::default(),
            plan: Plan {
                routers: Vec::new(),
                feeds: Vec::new(),
                pools: Vec::new(),
                destinations: Vec::new(),
                channels: Vec::new(),
            },
        };
        hand.pool_called("main")
    }

    /// A further pool without channels.
    pub(super) fn pool_called(mut self, name: &str) -> Self {
        let mut pool = samples::pool(&[], "s*");
        pool.name = name.into();
        pool.slots.parking_url = "rtmp://parked.example/p".into();
        self.desired.pools.insert(name.into(), pool);
        self.plan.pools.push(PoolPlan {
            name: name.into(),
            placement: Placement::Spread,
            interrupt: Interrupt::Never,
            channels: 0,
            slots: 0,
            interruptions: Interruptions::default(),
            optimality: Optimality::Optimal,
            no_slot: None,
        });
        self
    }

    pub(super) fn pool(&mut self) -> &mut ChannelPool {
        self.desired.pools.get_mut("main").unwrap()
    }

    pub(super) fn anytime(mut self) -> Self {
        self.pool().disruption.interrupt = Interrupt::Anytime;
        self
    }

    /// `+a` wanted, `-a` not wanted.
    pub(super) fn destinations(mut self, names: &[&str]) -> Self {
        for text in names {
            let (sign, name) = text.split_at(1);
            let state = match sign {
                "+" => WantedState::Streaming,
                _ => WantedState::Ready,
            };
            let destination = Destination {
                state,
                key: StreamKey::Known(Secret::new(format!("key-{name}"))),
                ..samples::destination(name)
            };
            self.desired
                .destinations
                .insert(name.into(), Arc::new(destination));
        }
        self
    }

    pub(super) fn with(mut self, name: &str, change: impl FnOnce(&mut Destination)) -> Self {
        change(self.desired.destination_mut(name).unwrap());
        self
    }

    /// An owned channel in pool `main`.
    pub(super) fn channel(self, id: &str, state: ChannelState, holds: [&str; 3]) -> Self {
        self.channel_of(Some("main"), id, state, holds)
    }

    /// An owned channel. A slot holds
    ///
    /// - `a`, a declared destination, without a tag; with `a!` it is recorded, too
    /// - `~a`, its previous target, recorded
    /// - `%a`, what is recorded of `a`, which is not declared
    /// - `#`, what cannot be a slot
    /// - nothing if it is empty, and anything else is taken for a host that is not declared.
    pub(super) fn channel_of(
        mut self,
        pool: Option<&str>,
        id: &str,
        state: ChannelState,
        holds: [&str; 3],
    ) -> Self {
        if let Some(pool) = pool {
            let pool = self.desired.pools.get_mut(pool).unwrap();
            pool.channels.push(PoolChannel {
                id: id.into(),
                takeover: false,
            });
        }
        let group = |(group, holds): (&&str, &str)| ObservedGroup {
            name: (**group).into(),
            target: match holds {
                "#" => Err(NoSlot::Outputs(2)),
                holds => Ok(self.target(id, group, holds)),
            },
        };
        let channel = ObservedChannel {
            id: id.into(),
            arn: format!("arn:{id}").into(),
            name: id.into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: Some(OwnerId::new("us")),
            groups: Arc::new(SLOTS.iter().zip(holds).map(group).collect()),
            tags: Arc::new(ChannelTags {
                count: 1,
                ..ChannelTags::default()
            }),
            others: Arc::default(),
            stray_endpoints: Arc::default(),
            trouble: None,
        };
        let observation = ChannelObservation::Seen(Box::new(channel));
        self.observed.channels.insert(id.into(), observation);
        for (group, holds) in SLOTS.iter().zip(holds) {
            let name = holds.trim_matches(['~', '%', '!']);
            if name != holds {
                self = self.tag(id, group, Recorded::destination(name.into()));
            }
        }
        self
    }

    /// Gives a slot a tag that fits.
    pub(super) fn tag(mut self, id: &str, group: &str, occupant: Recorded) -> Self {
        let seen = self.seen(id);
        let target = seen.groups.iter().find(|one| one.name == group).unwrap();
        let target = target.target.clone().unwrap();
        let record = record(id, group, occupant, &target);
        seen.tags_mut().set(&record.output_group, &record.tag);
        self
    }

    pub(super) fn seen(&mut self, id: &str) -> &mut ObservedChannel {
        match self.observed.channels.get_mut(id).unwrap() {
            ChannelObservation::Seen(channel) => channel,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn channel_plan(&mut self, id: &str) -> &mut ChannelPlan {
        self.plan
            .channels
            .iter_mut()
            .find(|c| c.id.as_str() == id)
            .unwrap()
    }

    pub(super) fn destination_plan(&mut self, name: &str) -> &mut DestinationPlan {
        self.plan
            .destinations
            .iter_mut()
            .find(|d| d.name.as_str() == name)
            .unwrap()
    }

    pub(super) fn parking(&self, id: &str, group: &str) -> Target {
        let slots = &self.desired.pools["main"].slots;
        slots.parking(&SlotId::new(id, group), ChannelClass::SinglePipeline)
    }

    fn target(&self, id: &str, group: &str, holds: &str) -> Target {
        let parking = self.parking(id, group);
        let one = |url: String, key: String| Target::from(vec![Endpoint::new(url, Secret::new(key))]);
        let name = holds.trim_matches(['~', '%', '!']);
        match self.desired.destinations.get(name) {
            _ if holds.is_empty() => parking,
            _ if holds.starts_with('~') => one(format!("rtmp://{name}.example/live"), format!("old-{name}")),
            Some(destination) => destination
                .target(ChannelClass::SinglePipeline, &parking)
                .unwrap(),
            None => one(format!("rtmp://{name}/live"), "unknown".to_owned()),
        }
    }

    /// The honest plan that does nothing: every destination stays where it is, and what is not where it is wanted waits.
    pub(super) fn quiet(mut self) -> Self {
        let contents = occupants(&self.desired, &self.observed, NOW);
        let in_pools = self.desired.pools.values().flat_map(|pool| {
            let channels = pool.channels.iter();
            channels.map(|channel| (channel.id.clone(), Some(pool.name.clone())))
        });
        let mut pools: BTreeMap<ChannelId, Option<PoolName>> = in_pools.collect();
        for id in self.observed.channels.keys() {
            pools.entry(id.clone()).or_insert(None);
        }
        for (id, pool) in pools {
            if let ChannelObservation::Seen(seen) = &self.observed.channels[&id] {
                let plan = quiet_channel(seen, pool, &contents);
                self.plan.channels.push(plan);
            }
        }
        let declared = self.desired.destinations.values();
        let destinations = declared.map(|one| self.quiet_destination(one)).collect();
        self.plan.destinations = destinations;
        self
    }

    fn quiet_destination(&self, destination: &Destination) -> DestinationPlan {
        let name = &destination.name;
        let slots = self.plan.channels.iter().flat_map(|channel| {
            let state = channel.seen.as_ref().unwrap().state;
            let slots = channel.slots.iter();
            let is_away = channel.pool.as_ref() != Some(&destination.pool);
            slots.map(move |slot| {
                let id = SlotId::new(channel.id.clone(), slot.output_group.clone());
                (id, state, is_away, &slot.now)
            })
        });
        let own = slots.filter_map(|(id, state, is_away, now)| match now {
            Content::Destination(one) if one == name => Some((id, state, is_away, false)),
            Content::Previous(one) if one == name => Some((id, state, is_away, true)),
            _ => None,
        });
        let own = own.max_by_key(|(_, state, ..)| state.is_running());
        let running = own.as_ref().is_some_and(|(_, state, ..)| state.is_running());
        let is_away = own.as_ref().is_some_and(|(_, _, is_away, _)| *is_away);
        let streaming = destination.state == WantedState::Streaming;
        let wanted = streaming && destination.paused.is_none();
        let is_previous = own.as_ref().is_some_and(|(.., is_previous)| *is_previous);
        let pool = destination.pool.clone();
        let held = own.as_ref().map(|(id, ..)| id.clone());
        DestinationPlan {
            output: None,
            name: name.clone(),
            pool: pool.clone(),
            state: destination.state,
            wanted,
            group: None,
            on_air: own.is_some_and(|(_, state, ..)| state == ChannelState::Running),
            is_previous,
            assignment: held.clone().filter(|_| running && wanted),
            held,
            reason: None,
            waiting: (running != streaming || is_previous || is_away).then_some(Waiting::NoFreeSlot {
                pool,
                outranked_by: None,
            }),
            off_air: None,
            also_on_air: None,
        }
    }

    /// Gives a channel steps and brings the rest of the plan in line: goals, assignments, counts.
    pub(super) fn steps(mut self, id: &str, steps: Vec<Step>) -> Self {
        let channel = self.channel_plan(id);
        for step in &steps {
            match &step.action {
                Action::Stop => channel.runs = false,
                Action::Start => channel.runs = true,
                Action::Update { writes, .. } => {
                    for write in writes {
                        let mut slots = channel.slots.iter_mut();
                        let slot = slots.find(|slot| slot.output_group == write.output_group);
                        if let Some(slot) = slot {
                            slot.then = write.content.clone();
                        }
                    }
                }
                Action::Wait | Action::Adopt { .. } | Action::Record { .. } => {}
            }
        }
        channel.steps = steps;
        let runs = channel.runs;
        let goals: Vec<(SlotId, Content)> = channel
            .slots
            .iter()
            .map(|slot| (SlotId::new(id, slot.output_group.clone()), slot.then.clone()))
            .collect();
        for (slot, content) in goals {
            if let Content::Destination(name) = content {
                let planned = self.destination_plan(name.as_str());
                if runs || !planned.wanted {
                    planned.waiting = None;
                }
                if runs && planned.wanted {
                    planned.assignment = Some(slot);
                }
            }
        }
        self.recount();
        self
    }

    fn recount(&mut self) {
        for pool in &mut self.plan.pools {
            let own = self
                .plan
                .channels
                .iter()
                .filter(|one| one.pool.as_ref() == Some(&pool.name));
            let steps = own.flat_map(|channel| &channel.steps);
            let planned = steps.map(|step| step.interrupts.len()).sum();
            pool.interruptions = Interruptions {
                planned,
                lower_bound: planned,
            };
        }
    }

    /// A write of a destination, or of none (`""`), to a slot of a channel.
    pub(super) fn write(&self, id: &str, group: &str, holds: &str) -> SlotWrite {
        SlotWrite {
            output_group: group.into(),
            target: self.target(id, group, holds),
            content: match holds {
                "" => Content::Parked,
                name => Content::Destination(name.into()),
            },
        }
    }

    /// An update of a channel, from pairs of slot and new occupant, with its tags.
    pub(super) fn update(&self, id: &str, writes: &[(&str, &str)]) -> Step {
        let tag = |(group, holds): &(&str, &str)| {
            let occupant = match self.desired.destinations.get(*holds) {
                Some(destination) => Recorded::destination(destination.identity.clone()),
                None => Recorded::Parked,
            };
            record(id, group, occupant, &self.target(id, group, holds))
        };
        let write = |(group, holds): &(&str, &str)| self.write(id, group, holds);
        step(Action::Update {
            writes: writes.iter().map(write).collect(),
            tags: writes.iter().map(tag).collect(),
            adopts: false,
        })
    }

    /// A tag for what a slot points at.
    pub(super) fn record(&mut self, id: &str, group: &str, occupant: Recorded) -> SlotRecord {
        let groups = Arc::clone(&self.seen(id).groups);
        let target = groups.iter().find(|one| one.name == group).unwrap();
        record(id, group, occupant, target.target.as_ref().unwrap())
    }

    /// What the checker finds.
    pub(super) fn found(&self) -> Vec<Violation> {
        check(&self.plan, &self.desired, &self.observed, NOW)
    }

    /// The codes of what the checker finds, each once.
    pub(super) fn codes(&self) -> BTreeSet<String> {
        self.found().iter().map(Violation::code).collect()
    }

    /// The checker finds nothing.
    #[track_caller]
    pub(super) fn passes(&self) {
        let found = self.found();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// The checker finds exactly these.
    #[track_caller]
    pub(super) fn fails(&self, codes: &[&str]) {
        let expected: BTreeSet<String> = codes.iter().map(ToString::to_string).collect();
        assert_eq!(self.codes(), expected);
    }

    /// The checker finds this, and perhaps what follows from it.
    #[track_caller]
    pub(super) fn fails_with(&self, code: &str) {
        assert!(self.codes().contains(code), "{:?}", self.codes());
    }
}

fn quiet_channel(
    seen: &ObservedChannel,
    pool: Option<PoolName>,
    contents: &BTreeMap<SlotId, Content>,
) -> ChannelPlan {
    let slot = |group: &ObservedGroup| {
        let now = contents.get(&seen.slot(&group.name))?.clone();
        Some(SlotPlan {
            output_group: group.name.clone(),
            target: group.target.clone().ok(),
            then: now.clone(),
            now,
            reason: None,
        })
    };
    ChannelPlan {
        id: seen.id.clone(),
        pool,
        seen: Some(Seen {
            arn: seen.arn.clone(),
            name: seen.name.clone(),
            class: seen.class,
            state: seen.state,
            owner: seen.owner.clone(),
            tags: seen.tags.clone(),
        }),
        adoption: match seen.owner {
            Some(_) => Adoption::Owned,
            None => Adoption::Adopt,
        },
        slots: seen.groups.iter().filter_map(slot).collect(),
        others: Arc::clone(&seen.others),
        steps: Vec::new(),
        follows: None,
        runs: seen.state.is_running(),
        waiting: None,
    }
}

/// The tag of a slot that names its occupant, with the digest of a target.
pub(super) fn record(id: &str, group: &str, occupant: Recorded, target: &Target) -> SlotRecord {
    let digest = TargetDigest::of(&OwnerId::new("us"), &SlotId::new(id, group), target);
    SlotRecord {
        output_group: group.into(),
        tag: SlotTag { occupant, digest },
    }
}

/// The present.
pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn step(action: Action) -> Step {
    Step {
        action,
        reason: Reason::UpdateSlots,
        interrupts: Vec::new(),
        expected: Duration::from_mins(1),
    }
}

/// A stop that names which destinations it interrupts.
pub(super) fn stop(interrupts: &[&str]) -> Step {
    Step {
        interrupts: interrupts.iter().map(|name| (*name).into()).collect(),
        ..step(Action::Stop)
    }
}

pub(super) fn start() -> Step {
    step(Action::Start)
}

pub(super) fn adopt() -> Step {
    step(Action::Adopt {
        tags: Vec::new(),
        takeover: None,
    })
}

/// An update that writes the owner tag, too.
pub(super) fn adopting(mut update: Step) -> Step {
    if let Action::Update { adopts, .. } = &mut update.action {
        *adopts = true;
    }
    update
}

pub(super) fn doubted() -> Trust {
    Trust::Doubted {
        why: "a file is missing".to_owned(),
    }
}

pub(super) fn unknown_key() -> StreamKey {
    StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "it is not set".to_owned(),
    }
}

pub(super) fn pause() -> Pause {
    Pause {
        until: None,
        by: None,
        why: None,
    }
}

pub(super) fn pin(channel: &str, output_group: &str) -> Pin {
    Pin {
        channel: channel.into(),
        output_group: output_group.into(),
    }
}

/// `a` on air on c1, `b` wanted; c2 is stopped and empty.
pub(super) fn one_on_air() -> Hand {
    Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", ChannelState::Running, ["a", "", ""])
        .channel("c2", ChannelState::Idle, ["", "", ""])
}

/// `b` joins `a` on c1, which is interrupted for it.
pub(super) fn joins(hand: Hand) -> Hand {
    let hand = hand.quiet();
    let update = hand.update("c1", &[("s2", "b")]);
    hand.steps("c1", vec![stop(&["a"]), update, start()])
}

/// `b` goes to c2, which is stopped.
pub(super) fn goes_to_c2(hand: Hand) -> Hand {
    let hand = hand.quiet();
    let update = hand.update("c2", &[("s1", "b")]);
    hand.steps("c2", vec![update, start()])
}
