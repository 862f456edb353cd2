//! Small worlds and plans made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination, Endpoint,
    Interrupt, Observed, ObservedChannel, ObservedGroup, OwnerId, Pause, Pin, Placement, PoolChannel, Secret,
    SlotId, StreamKey, Target, Trust, WantedState, samples,
};
use crate::plan::{
    Action, Adoption, ChannelPlan, Content, DestinationPlan, Interruptions, Optimality, Plan, PoolPlan,
    Reason, Seen, SlotPlan, SlotWrite, Step, Violation, Waiting, check,
};

/// Slots of every channel.
pub(super) const SLOTS: [&str; 3] = ["s1", "s2", "s3"];

/// One pool `main`, what was seen of it, and a plan that a test puts together step by step.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) plan: Plan,
}

impl Hand {
    pub(super) fn new() -> Self {
        let mut desired = Desired::empty(OwnerId::new("us"));
        let mut pool = samples::pool(&[], "s*");
        pool.slots.parking_url = "rtmp://parked.example/p".into();
        let plan = Plan {
            pools: vec![PoolPlan {
                name: "main".into(),
                placement: Placement::Spread,
                idle: crate::model::Idle::Stop,
                interrupt: Interrupt::Never,
                channels: 0,
                slots: 0,
                interruptions: Interruptions::default(),
                optimality: Optimality::Optimal,
            }],
            destinations: Vec::new(),
            channels: Vec::new(),
        };
        desired.pools.insert("main".into(), pool);
        Self {
            desired,
            observed: Observed::default(),
            plan,
        }
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

    /// A channel of ours; each slot holds a declared destination, nobody (`""`), or something else, taken for a
    /// host.
    pub(super) fn channel(mut self, id: &str, state: ChannelState, holds: [&str; 3]) -> Self {
        self.pool().channels.push(PoolChannel {
            id: id.into(),
            takeover: false,
        });
        let groups = SLOTS.iter().zip(holds).map(|(group, holds)| ObservedGroup {
            name: (*group).into(),
            target: Ok(self.target(id, group, holds)),
        });
        let channel = ObservedChannel {
            id: id.into(),
            arn: format!("arn:{id}").into(),
            name: id.into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: Some(OwnerId::new("us")),
            groups: Arc::new(groups.collect()),
            tags: std::sync::Arc::default(),
            others: std::sync::Arc::default(),
            stray_endpoints: std::sync::Arc::default(),
            trouble: None,
        };
        let observation = ChannelObservation::Seen(Box::new(channel));
        self.observed.channels.insert(id.into(), observation);
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
        match self.desired.destinations.get(holds) {
            _ if holds.is_empty() => parking,
            Some(destination) => destination
                .target(ChannelClass::SinglePipeline, &parking)
                .unwrap(),
            None => Target::from(vec![Endpoint::new(
                format!("rtmp://{holds}/live"),
                Secret::new("former"),
            )]),
        }
    }

    /// The honest plan that does nothing: everybody stays where they are, and whoever is not where they are wanted
    /// waits.
    pub(super) fn quiet(mut self) -> Self {
        let pool = &self.desired.pools["main"];
        for channel in &pool.channels {
            let plan = self.quiet_channel(&channel.id);
            self.plan.channels.push(plan);
        }
        let destinations: Vec<_> = self
            .desired
            .destinations
            .values()
            .map(|d| self.quiet_destination(d))
            .collect();
        self.plan.destinations = destinations;
        self
    }

    fn quiet_channel(&self, id: &ChannelId) -> ChannelPlan {
        let ChannelObservation::Seen(seen) = &self.observed.channels[id] else {
            panic!("hand-made channels are seen");
        };
        let slot = |group: &ObservedGroup| {
            let target = group.target.clone().unwrap();
            let holder = self.desired.destinations.values().find(|d| {
                d.is_carried_by(
                    &target,
                    seen.class,
                    &self.parking(id.as_str(), group.name.as_str()),
                )
            });
            let now = match holder {
                _ if target == self.parking(id.as_str(), group.name.as_str()) => Content::Parked,
                Some(destination) => Content::Destination(destination.name.clone()),
                None => Content::Undeclared {
                    host: target.hosts()[0].to_owned(),
                },
            };
            SlotPlan {
                output_group: group.name.clone(),
                target: Some(target),
                then: now.clone(),
                now,
                reason: None,
            }
        };
        ChannelPlan {
            id: id.clone(),
            pool: "main".into(),
            seen: Some(Seen {
                arn: seen.arn.clone(),
                name: seen.name.clone(),
                class: seen.class,
                state: seen.state,
                owner: seen.owner.clone(),
            }),
            adoption: Adoption::Owned,
            slots: seen.groups.iter().map(slot).collect(),
            steps: Vec::new(),
            runs: seen.state.is_running(),
            waiting: None,
        }
    }

    fn quiet_destination(&self, destination: &Destination) -> DestinationPlan {
        let holding = |channel: &&ChannelPlan| {
            let is_own = |slot: &&SlotPlan| slot.now == Content::Destination(destination.name.clone());
            channel.slots.iter().find(is_own).map(|slot| {
                let id = SlotId::new(channel.id.clone(), slot.output_group.clone());
                (id, channel.seen.as_ref().unwrap().state)
            })
        };
        let held = self.plan.channels.iter().find_map(|channel| holding(&channel));
        let running = held.as_ref().is_some_and(|(_, state)| state.is_running());
        let streaming = destination.state == WantedState::Streaming;
        let wanted = streaming && destination.paused.is_none();
        DestinationPlan {
            name: destination.name.clone(),
            pool: "main".into(),
            state: destination.state,
            wanted,
            group: None,
            on_air: held
                .as_ref()
                .is_some_and(|(_, state)| *state == ChannelState::Running),
            assignment: held
                .as_ref()
                .filter(|_| running && wanted)
                .map(|(slot, _)| slot.clone()),
            held: held.map(|(slot, _)| slot),
            reason: None,
            waiting: (running != streaming).then(|| Waiting::NoFreeSlot { pool: "main".into() }),
            off_air: None,
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
                        let slot = channel
                            .slots
                            .iter_mut()
                            .find(|slot| slot.output_group == write.output_group);
                        if let Some(slot) = slot {
                            slot.then = write.content.clone();
                        }
                    }
                }
                Action::Wait | Action::Adopt { .. } => {}
            }
        }
        channel.steps = steps;
        let runs = channel.runs;
        let goals: BTreeMap<SlotId, Content> = channel
            .slots
            .iter()
            .map(|slot| (SlotId::new(id, slot.output_group.clone()), slot.then.clone()))
            .collect();
        for (slot, content) in goals {
            if let Content::Destination(name) = content {
                let planned = self.destination_plan(name.as_str());
                planned.waiting = None;
                if runs && planned.wanted {
                    planned.assignment = Some(slot);
                }
            }
        }
        let interrupted = self.plan.steps().map(|(_, step)| step.interrupts.len()).sum();
        self.plan.pools[0].interruptions = Interruptions {
            planned: interrupted,
            lower_bound: interrupted,
        };
        self
    }

    /// A write of a destination, or of nobody (`""`), to a slot of a channel.
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

    /// An update of a channel, from pairs of slot and who goes there.
    pub(super) fn update(&self, id: &str, writes: &[(&str, &str)]) -> Step {
        step(Action::Update {
            writes: writes
                .iter()
                .map(|(group, holds)| self.write(id, group, holds))
                .collect(),
        })
    }

    /// What the checker finds.
    pub(super) fn found(&self) -> Vec<Violation> {
        check(&self.plan, &self.desired, &self.observed, NOW)
    }

    /// The codes of what the checker finds, each once.
    pub(super) fn codes(&self) -> BTreeSet<&'static str> {
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
    pub(super) fn fails(&self, codes: &[&'static str]) {
        assert_eq!(self.codes(), codes.iter().copied().collect::<BTreeSet<_>>());
    }
}

/// The present.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn step(action: Action) -> Step {
    Step {
        action,
        reason: Reason::UpdateSlots,
        interrupts: Vec::new(),
        expected: Duration::from_mins(1),
    }
}

/// A stop that names whom it interrupts.
pub(super) fn stop(interrupts: &[&str]) -> Step {
    Step {
        interrupts: interrupts.iter().map(|name| (*name).into()).collect(),
        ..step(Action::Stop)
    }
}

pub(super) fn start() -> Step {
    step(Action::Start)
}

pub(super) fn doubted() -> Trust {
    Trust::Doubted {
        why: "a file is missing".to_owned(),
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
