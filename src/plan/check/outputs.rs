//! Rules for router outputs: whose each is, what may be done with it, and that no step takes off air what is wanted.

mod case;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::case::Case;
use super::reading::World;
use super::violation::{About, Rule, Violation};
use crate::model::{
    ChannelState, Destination, DestinationName, Endpoint, Identity, InputState, OutputState, RouteState,
    RouterArn, RouterOutput, RouterPool, SourceObservation, Stream, TargetDigest, Trust,
};
use crate::plan::{OutputAction, Plan};

/// Every rule for the router outputs of the plan.
pub(super) fn check(plan: &Plan, outputs: &Outputs<'_>, found: &mut Vec<Violation>) {
    let world = outputs.world;
    let names = plan.routers.iter().filter_map(|pool| pool.name.as_ref());
    let in_no_pool = plan.routers.iter().position(|pool| pool.name.is_none());
    let is_last = in_no_pool.is_none_or(|at| at == world.desired.routers.len());
    if !names.eq(world.desired.routers.keys()) || !is_last {
        let what = "it does not have one entry for each RouterPool, by name, and one for no pool after them";
        found.push(Violation::new(Rule::Incomplete, About::Everything, what));
        return;
    }
    let mut seen = BTreeSet::new();
    let given = given_slots(plan, world);
    let mut started = BTreeSet::new();
    let mut made: BTreeSet<String> = BTreeSet::new();
    for said in &plan.routers {
        let pool = said
            .name
            .as_ref()
            .and_then(|name| world.desired.routers.get(name));
        for output in &said.outputs {
            let case = Case {
                outputs,
                pool,
                said: output,
            };
            if let Some(arn) = &output.arn
                && !seen.insert(arn)
            {
                found.push(case.broken(Rule::WrittenTwice, "has two entries"));
            }
            found.extend(case.misread());
            found.extend(case.misplaced());
            if output.steps.is_empty() {
                continue;
            }
            found.extend(case.untouchable());
            found.extend(case.wrong_order());
            found.extend(case.unfounded());
            found.extend(case.takes_off_air());
            found.extend(case.published_elsewhere(&given));
            if output.arn.is_none() && !made.insert(output.carries.to_string()) {
                found.push(case.broken(Rule::WrittenTwice, "is made twice"));
            }
            if case
                .starts()
                .is_some_and(|push| !started.insert(Ingest::of(push)))
            {
                found.push(case.broken(Rule::TargetTwice, "starts a stream that another output starts"));
            }
        }
    }
    found.extend(outputs.too_many(plan));
    found.extend(silent(plan, world));
}

/// A stream, at the primary or at the backup ingest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ingest {
    stream: Stream,
    is_backup: bool,
}

impl Ingest {
    fn of(target: &Endpoint) -> Self {
        Self {
            stream: target.stream(),
            is_backup: target.is_backup_ingest(),
        }
    }
}

/// What is to be pushed from slots.
fn given_slots(plan: &Plan, world: &World<'_>) -> BTreeSet<Ingest> {
    let given = plan.destinations.iter().filter(|one| one.assignment.is_some());
    let declared = given.filter_map(|one| world.desired.destinations.get(&one.name));
    let targets = declared.filter_map(|one| one.endpoint());
    targets.map(|target| Ingest::of(&target)).collect()
}

/// Wanted, not on air, and neither a step nor a word about it.
fn silent(plan: &Plan, world: &World<'_>) -> Vec<Violation> {
    let outputs = plan.routers.iter().flat_map(|pool| &pool.outputs);
    let told = outputs.filter(|output| output.on_air || !output.steps.is_empty() || output.waiting.is_some());
    let told: BTreeSet<&DestinationName> = told.filter_map(|output| output.carries.destination()).collect();
    let silent = plan.destinations.iter().filter(|one| {
        let is_of_router = world.desired.routers.contains_key(&one.pool);
        is_of_router && one.wanted && one.waiting.is_none() && !told.contains(&one.name)
    });
    let what = "is not where it is wanted, and the plan does not say why";
    let broken = |name: &DestinationName| {
        Violation::new(Rule::SilentDestination, About::Destination(name.clone()), what)
    };
    silent.map(|one| broken(&one.name)).collect()
}

/// Router outputs as observed, by this reading.
pub(super) struct Outputs<'a> {
    world: &'a World<'a>,
    now: Timestamp,
    by_stream: BTreeMap<Stream, Vec<&'a Destination>>,
    by_identity: BTreeMap<&'a Identity, &'a Destination>,
    occupants: BTreeMap<&'a RouterArn, Occupant<'a>>,
    /// What each destination holds.
    own: BTreeMap<&'a DestinationName, Vec<(&'a RouterArn, &'a RouterOutput)>>,
    /// Which outputs may publish a stream.
    publishing: BTreeMap<Ingest, Vec<&'a RouterArn>>,
}

/// Whose an output is.
#[derive(Clone, Copy)]
enum Occupant<'a> {
    /// Not of this owner.
    Foreign,
    /// A declared destination's.
    Of(&'a Destination),
    /// That of a destination which is declared no longer, and whether it may end.
    Vanished {
        may_end: bool,
    },
    Undeclared,
}

impl<'a> Outputs<'a> {
    pub(super) fn read(world: &'a World<'a>, now: Timestamp) -> Self {
        let mut outputs = Self {
            world,
            now,
            by_stream: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            occupants: BTreeMap::new(),
            own: BTreeMap::new(),
            publishing: BTreeMap::new(),
        };
        if world.observed.routers.outputs.is_empty() {
            return outputs;
        }
        for one in world.desired.destinations.values().map(|one| &**one) {
            outputs.by_identity.entry(&one.identity).or_insert(one);
            if let Some(own) = one.endpoint() {
                outputs.by_stream.entry(own.stream()).or_default().push(one);
            }
        }
        for (arn, output) in &world.observed.routers.outputs {
            let occupant = outputs.occupant(output);
            outputs.occupants.insert(arn, occupant);
            if let Occupant::Of(one) = occupant {
                outputs.own.entry(&one.name).or_default().push((arn, output));
            }
            if let Some(target) = output.target.as_ref().filter(|_| may_publish(output)) {
                outputs
                    .publishing
                    .entry(Ingest::of(target))
                    .or_default()
                    .push(arn);
            }
        }
        outputs
    }

    fn occupant(&self, output: &'a RouterOutput) -> Occupant<'a> {
        let desired = self.world.desired;
        if output.owner.as_ref() != Some(&desired.owner) {
            return Occupant::Foreign;
        }
        let Some(target) = &output.target else {
            return Occupant::Undeclared;
        };
        let fits = |record: &&crate::model::OutputRecord| {
            let digest =
                |of: &Endpoint| TargetDigest::of_output(&desired.owner, &record.pool, &record.identity, of);
            // Tagged for the target that it was to be given, while it was stopped for that.
            let meant = || self.of_identity(&record.identity).and_then(Destination::endpoint);
            digest(target) == record.digest
                || output.state == OutputState::Standby
                    && meant().is_some_and(|meant| digest(&meant) == record.digest)
        };
        let record = output.record.as_ref().filter(fits);
        let stream = target.stream();
        let same = self.by_stream.get(&stream).map_or(&[][..], Vec::as_slice);
        let kept = |one: &&Destination| one.is_wanted(self.now) || one.pause_at(self.now).is_some();
        let named = |one: &&Destination| record.is_some_and(|record| record.identity == one.identity);
        if let Some(one) = same.iter().copied().find(named) {
            return Occupant::Of(one);
        }
        // Another one's, by what is recorded: it is taken over only where it was renamed while it pushes.
        let may_be_renamed =
            record.is_none_or(|record| may_publish(output) && self.of_identity(&record.identity).is_none());
        if let Some(one) = same.iter().copied().find(kept).filter(|_| may_be_renamed) {
            return Occupant::Of(one);
        }
        let Some(record) = record else {
            return same.first().map_or(Occupant::Undeclared, |one| Occupant::Of(one));
        };
        match self.of_identity(&record.identity) {
            Some(one) => Occupant::Of(one),
            None => Occupant::Vanished {
                may_end: record.released
                    || desired.trust == Trust::Whole && !desired.set_aside.contains(&record.identity),
            },
        }
    }

    /// The declared pool that an output belongs to: that of its tags; another RouterPool that its destination was moved to, if it
    /// takes that pool's input through that pool's interface already; where the pool of its tags is not declared, that of the
    /// destination with its stream. Without tags that of its destination, else the first with its input.
    fn pool_of(&self, arn: &RouterArn) -> Option<&'a RouterPool> {
        let routers = &self.world.desired.routers;
        let output = self.seen(arn)?;
        let one = match self.occupants.get(arn)? {
            Occupant::Of(one) => Some(*one),
            Occupant::Foreign => return None,
            Occupant::Vanished { .. } | Occupant::Undeclared => None,
        };
        let declared = one.and_then(|one| routers.get(&one.pool));
        let Some(record) = &output.record else {
            let fed = |pool: &&RouterPool| output.input.as_ref() == Some(&pool.input);
            return declared.or_else(|| {
                if one.is_some() {
                    None
                } else {
                    routers.values().find(fed)
                }
            });
        };
        let Some(tagged) = routers.get(&record.pool) else {
            let was_ours = self.world.desired.seen_pools.contains(&record.pool);
            let own = one.filter(|one| was_ours || is_exact(output, one));
            return own.and(declared);
        };
        let is_its_now = |pool: &&RouterPool| {
            let is_connected = output.route != RouteState::Unrouted
                && output.input.as_ref() == Some(&pool.input)
                && output.interface.as_ref() == Some(&pool.network_interface);
            is_connected && pool.pause_at(self.now).is_none() && tagged.pause_at(self.now).is_none()
        };
        declared.filter(is_its_now).or(Some(tagged))
    }

    /// Destinations of RouterPools with an output there that only has to be started, or that brings their programme already.
    pub(super) fn prepared(&self) -> BTreeSet<DestinationName> {
        let with_output = self
            .own
            .keys()
            .filter_map(|name| self.world.desired.destinations.get(*name));
        let prepared = with_output.filter(|one| self.is_prepared(one) || self.is_served(one));
        prepared.map(|one| one.name.clone()).collect()
    }

    /// Destinations with an output in whatever pool, and whether one of theirs is ACTIVE.
    pub(super) fn with_output(&self) -> BTreeMap<DestinationName, bool> {
        let own = self.own.iter();
        own.map(|(name, outputs)| {
            let mut states = outputs.iter().map(|(_, output)| output.state);
            ((*name).clone(), states.any(|state| state == OutputState::Active))
        })
        .collect()
    }

    /// Whether a destination of a RouterPool has an output with its target, stopped, that takes the pool's input.
    fn is_prepared(&self, one: &Destination) -> bool {
        let Some(pool) = self.world.desired.routers.get(&one.pool) else {
            return false;
        };
        let own = one.endpoint();
        self.own(one).any(|(_, output)| {
            let there = output.target.as_ref().map(Endpoint::canonical);
            output.state == OutputState::Standby
                && takes(output, pool)
                && self.is_fed(pool)
                && there.is_some()
                && there == own.as_ref().map(Endpoint::canonical)
        })
    }

    /// The outputs that a destination holds.
    fn own(&self, one: &Destination) -> impl Iterator<Item = (&'a RouterArn, &'a RouterOutput)> {
        self.own.get(&one.name).into_iter().flatten().copied()
    }

    /// Whether what an output's tags name may be declared by another slotwise of this owner: neither its pool nor its destination is
    /// declared here, and this process neither released it nor saw either of them declared.
    fn may_be_anothers(&self, output: &RouterOutput) -> bool {
        output.record.as_ref().is_some_and(|record| {
            let desired = self.world.desired;
            let was_ours =
                desired.seen_declared.contains(&record.identity) || desired.seen_pools.contains(&record.pool);
            !record.released && !was_ours
        })
    }

    fn of_identity(&self, identity: &Identity) -> Option<&'a Destination> {
        self.by_identity.get(identity).copied()
    }

    fn seen(&self, arn: &RouterArn) -> Option<&'a RouterOutput> {
        self.world.observed.routers.outputs.get(arn)
    }

    /// Whether an output brings a pool's programme to its target.
    fn is_on_air(&self, output: &RouterOutput, pool: &RouterPool) -> bool {
        output.state == OutputState::Active && takes(output, pool) && self.may_bring(pool)
    }

    /// The same, of which every part was seen.
    fn is_seen_on_air(&self, output: &RouterOutput, pool: &RouterPool) -> bool {
        self.is_on_air(output, pool) && self.is_fed(pool)
    }

    /// Whether an output brings the programme of a destination's pool to its target.
    fn is_served(&self, one: &Destination) -> bool {
        let pool = self.world.desired.routers.get(&one.pool);
        let target = one.endpoint().map(|own| own.stream());
        pool.is_some_and(|pool| {
            self.own(one).any(|(_, output)| {
                let there = output.target.as_ref().map(Endpoint::stream);
                there.is_some() && there == target && self.is_seen_on_air(output, pool)
            })
        })
    }

    /// Whether nothing that was seen says that a pool's input brings no programme.
    fn may_bring(&self, pool: &RouterPool) -> bool {
        let routers = &self.world.observed.routers;
        let input = routers.inputs.get(&pool.input);
        if input.is_some_and(|input| input.state != InputState::Active) {
            return false;
        }
        let (Some(input), Some(named)) = (input, &pool.source) else {
            return true;
        };
        match (routers.sources.get(named), &input.channel) {
            (Some(SourceObservation::Seen(seen)), taken)
                if taken.as_ref().is_none_or(|taken| taken == named) =>
            {
                seen.state == ChannelState::Running
            }
            (Some(SourceObservation::Missing), Some(taken)) => taken != named,
            _ => true,
        }
    }

    fn is_fed(&self, pool: &RouterPool) -> bool {
        let input = self.world.observed.routers.inputs.get(&pool.input);
        let runs = pool.source.as_ref().is_none_or(|id| {
            let seen = self
                .world
                .observed
                .routers
                .sources
                .get(id)
                .and_then(|one| one.seen());
            seen.is_some_and(|seen| seen.state == ChannelState::Running)
        });
        input.is_some_and(|input| input.state == InputState::Active) && runs
    }

    /// More outputs or routes than MediaConnect allows.
    fn too_many(&self, plan: &Plan) -> Vec<Violation> {
        let observed = &self.world.observed.routers;
        let quota = observed.quota;
        let mut found = Vec::new();
        let steps = |name: &'static str| {
            let outputs = plan.routers.iter().flat_map(|pool| &pool.outputs);
            let steps = outputs.flat_map(|output| &output.steps);
            steps.filter(move |step| step.action.name() == name).count()
        };
        let made = steps("create");
        if made > 0 && observed.outputs.len() + made > quota.per_region {
            let what = format!("{made} outputs are made, and there is no room for them");
            found.push(Violation::new(Rule::SlotUnavailable, About::Everything, what));
        }
        for said in &plan.routers {
            let declared = said.name.as_ref();
            let Some(pool) = declared.and_then(|name| self.world.desired.routers.get(name)) else {
                continue;
            };
            let routed = observed.outputs.values();
            let routed = routed.filter(|output| {
                output.route != RouteState::Unrouted && output.input.as_ref() == Some(&pool.input)
            });
            let new = said.outputs.iter().filter(|output| {
                let there = output.arn.as_ref().and_then(|arn| self.seen(arn));
                let has_route = there.is_some_and(|there| takes(there, pool));
                !has_route && output.steps.iter().any(|step| step.action == OutputAction::Route)
            });
            let (there, new) = (routed.count(), new.count());
            if new > 0 && there + new > quota.per_input {
                let what = format!("{new} outputs take its input, and there is no room for them");
                found.push(Violation::new(
                    Rule::SlotUnavailable,
                    About::Pool(pool.name.clone()),
                    what,
                ));
            }
        }
        found
    }
}

/// Whether an output pushes, or may.
fn may_publish(output: &RouterOutput) -> bool {
    !matches!(
        output.state,
        OutputState::Standby | OutputState::Creating | OutputState::Deleting
    )
}

/// Whether an output takes a pool's input.
fn takes(output: &RouterOutput, pool: &RouterPool) -> bool {
    output.route == RouteState::Routed && output.input.as_ref() == Some(&pool.input)
}

/// Whether an output has a destination's stream.
fn is_exact(output: &RouterOutput, one: &Destination) -> bool {
    let there = output.target.as_ref().map(Endpoint::stream);
    there.is_some() && there == one.endpoint().as_ref().map(Endpoint::stream)
}
