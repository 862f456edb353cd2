//! Rules for router outputs: whose each is, what may be done with it, and that no step takes off air what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::declared::Push;
use super::reading::World;
use super::violation::{About, Rule, Violation};
use crate::model::{
    Cause, ChannelState, Destination, DestinationName, Endpoint, Identity, InputState, OutputState,
    RouteState, RouterArn, RouterOutput, RouterPool, Stream, StreamKey, TargetDigest, Trust,
};
use crate::plan::{OutputAction, OutputPlan, OutputReason, Plan};

/// Every rule for the router outputs of the plan.
pub(super) fn check(plan: &Plan, world: &World<'_>, now: Timestamp, found: &mut Vec<Violation>) {
    let names = plan.routers.iter().map(|pool| &pool.name);
    if !names.eq(world.desired.routers.keys()) {
        let what = "it does not have one entry for each RouterPool, by name";
        found.push(Violation::new(Rule::Incomplete, About::Everything, what));
        return;
    }
    let outputs = Outputs::read(world, now);
    let mut seen = BTreeSet::new();
    let mut started: BTreeMap<(Stream, bool), &OutputPlan> = BTreeMap::new();
    let mut made: BTreeSet<String> = BTreeSet::new();
    for (said, pool) in plan.routers.iter().zip(world.desired.routers.values()) {
        for output in &said.outputs {
            let case = Case {
                outputs: &outputs,
                pool,
                said: output,
            };
            if let Some(arn) = &output.arn
                && !seen.insert(arn)
            {
                found.push(case.broken(Rule::WrittenTwice, "has two entries"));
            }
            found.extend(case.misread());
            if output.steps.is_empty() {
                continue;
            }
            found.extend(case.untouchable());
            found.extend(case.wrong_order());
            found.extend(case.unfounded());
            found.extend(case.takes_off_air());
            found.extend(case.published_elsewhere(plan));
            if output.arn.is_none() && !made.insert(output.carries.to_string()) {
                found.push(case.broken(Rule::WrittenTwice, "is made twice"));
            }
            if let Some(push) = case.starts() {
                let stream = (push.stream.clone(), push.form.is_backup_ingest());
                if started.insert(stream, output).is_some() {
                    found.push(case.broken(Rule::TargetTwice, "starts a stream that another output starts"));
                }
            }
        }
    }
    found.extend(outputs.too_many(plan));
    found.extend(silent(plan, world));
}

/// Wanted, not on air, and neither a step nor a word about it.
fn silent(plan: &Plan, world: &World<'_>) -> Vec<Violation> {
    let outputs = || plan.routers.iter().flat_map(|pool| &pool.outputs);
    let of = |name: &DestinationName| {
        let text = name.to_string();
        outputs().find(|output| output.carries.destination() == Some(name) && !text.is_empty())
    };
    let is_silent = |name: &DestinationName| {
        let is_said = of(name)
            .is_some_and(|output| output.on_air || !output.steps.is_empty() || output.waiting.is_some());
        !is_said
    };
    let silent = plan.destinations.iter().filter(|one| {
        let is_of_router = world.desired.routers.contains_key(&one.pool);
        is_of_router && one.wanted && one.waiting.is_none() && is_silent(&one.name)
    });
    let what = "is not where it is wanted, and the plan does not say why";
    silent
        .map(|one| {
            Violation::new(
                Rule::SilentDestination,
                About::Destination(one.name.clone()),
                what,
            )
        })
        .collect()
}

/// Router outputs as observed, by this reading.
struct Outputs<'a> {
    world: &'a World<'a>,
    now: Timestamp,
    holders: BTreeMap<&'a RouterArn, Holder<'a>>,
}

/// Whose an output is.
#[derive(Clone, Copy)]
enum Holder<'a> {
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
    fn read(world: &'a World<'a>, now: Timestamp) -> Self {
        let mut outputs = Self {
            world,
            now,
            holders: BTreeMap::new(),
        };
        for (arn, output) in &world.observed.routers.outputs {
            let holder = outputs.holder(output);
            outputs.holders.insert(arn, holder);
        }
        outputs
    }

    fn holder(&self, output: &'a RouterOutput) -> Holder<'a> {
        let desired = self.world.desired;
        if output.owner.as_ref() != Some(&desired.owner) {
            return Holder::Foreign;
        }
        let Some(target) = &output.target else {
            return Holder::Undeclared;
        };
        let fits = |record: &&crate::model::OutputRecord| {
            let digest = TargetDigest::of_output(&desired.owner, &record.pool, &record.identity, target);
            digest == record.digest
        };
        let record = output.record.as_ref().filter(fits);
        let stream = target.stream();
        let declared = desired.destinations.values().map(|one| &**one);
        let same: Vec<&Destination> = declared
            .filter(|one| endpoint(one).is_some_and(|own| own.stream() == stream))
            .collect();
        let kept = |one: &&Destination| one.is_wanted(self.now) || one.pause_at(self.now).is_some();
        let named = |one: &&Destination| record.is_some_and(|record| record.identity == one.identity);
        if let Some(one) = same.iter().copied().find(named) {
            return Holder::Of(one);
        }
        // Another one's, by what is recorded: it is taken over only where it was renamed while it pushes.
        let pushes = !matches!(
            output.state,
            OutputState::Standby | OutputState::Creating | OutputState::Deleting
        );
        let may_be_renamed =
            record.is_none_or(|record| pushes && self.of_identity(&record.identity).is_none());
        if let Some(one) = same.iter().copied().find(kept).filter(|_| may_be_renamed) {
            return Holder::Of(one);
        }
        let Some(record) = record else {
            return same.first().map_or(Holder::Undeclared, |one| Holder::Of(one));
        };
        match self.of_identity(&record.identity) {
            Some(one) => Holder::Of(one),
            None => Holder::Vanished {
                may_end: record.released
                    || desired.trust == Trust::Whole && !desired.set_aside.contains(&record.identity),
            },
        }
    }

    fn of_identity(&self, identity: &Identity) -> Option<&'a Destination> {
        let mut all = self.world.desired.destinations.values();
        all.find(|one| one.identity == *identity).map(|one| &**one)
    }

    fn seen(&self, arn: &RouterArn) -> Option<&'a RouterOutput> {
        self.world.observed.routers.outputs.get(arn)
    }

    /// Whether an output brings a pool's programme to its target.
    fn is_on_air(&self, output: &RouterOutput, pool: &RouterPool) -> bool {
        output.state == OutputState::Active && takes(output, pool) && self.is_fed(pool)
    }

    fn is_fed(&self, pool: &RouterPool) -> bool {
        let input = self.world.observed.routers.inputs.get(&pool.input);
        let runs = pool.source.as_ref().is_none_or(|id| {
            let seen = self.world.observed.channels.get(id).and_then(|one| one.seen());
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
        for (said, pool) in plan.routers.iter().zip(self.world.desired.routers.values()) {
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

/// Whether an output takes a pool's input.
fn takes(output: &RouterOutput, pool: &RouterPool) -> bool {
    output.route == RouteState::Routed && output.input.as_ref() == Some(&pool.input)
}

/// Where a destination is pushed to.
fn endpoint(one: &Destination) -> Option<Endpoint> {
    match &one.key {
        StreamKey::Known(key) => Some(Endpoint::new(one.url.clone(), key.clone())),
        StreamKey::Unavailable { .. } => None,
    }
}

/// What is planned for one output.
struct Case<'a> {
    outputs: &'a Outputs<'a>,
    pool: &'a RouterPool,
    said: &'a OutputPlan,
}

impl<'a> Case<'a> {
    fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        let about = match self.said.carries.destination() {
            Some(name) if self.said.arn.is_none() => About::Destination(name.clone()),
            _ => About::Output(self.pool.name.clone(), self.said.carries.to_string()),
        };
        Violation::new(rule, about, what)
    }

    fn seen(&self) -> Option<&'a RouterOutput> {
        self.outputs.seen(self.said.arn.as_ref()?)
    }

    fn holder(&self) -> Option<Holder<'a>> {
        self.outputs.holders.get(self.said.arn.as_ref()?).copied()
    }

    /// The destination that a step is for: the holder of the output, or the one that it is made for.
    fn destination(&self) -> Option<&'a Destination> {
        match (self.said.arn.is_some(), self.holder()) {
            (true, Some(Holder::Of(one))) => Some(one),
            (true, _) => None,
            (false, _) => {
                let name = self.said.carries.destination()?;
                self.outputs
                    .world
                    .desired
                    .destinations
                    .get(name)
                    .map(|one| &**one)
            }
        }
    }

    fn is_wanted(&self, one: &Destination) -> bool {
        one.pool == self.pool.name && one.is_wanted(self.outputs.now)
    }

    fn actions(&self) -> impl Iterator<Item = &'a OutputAction> {
        self.said.steps.iter().map(|step| &step.action)
    }

    /// The plan must state the output as it was observed.
    fn misread(&self) -> Option<Violation> {
        let seen = self.seen();
        let state = seen.map(|seen| seen.state);
        let is_on_air = seen.is_some_and(|seen| self.outputs.is_on_air(seen, self.pool));
        let is_right = self.said.arn.is_some() == seen.is_some()
            && self.said.state == state
            && self.said.on_air == is_on_air;
        (!is_right).then(|| self.broken(Rule::Misstated, "is not as it was observed"))
    }

    fn untouchable(&self) -> Option<Violation> {
        let now = self.outputs.now;
        let mut why = self.pool.pause_at(now).map(|_| "its pool is paused");
        let is_unreadable = self.outputs.world.observed.routers.unreadable.is_some();
        why = why.or(is_unreadable.then_some("router outputs cannot be looked at"));
        if let Some(seen) = self.seen() {
            let is_held = |one: &Destination| one.pause_at(now).is_some();
            let is_settled = matches!(
                seen.state,
                OutputState::Standby | OutputState::Active | OutputState::Error
            );
            why = why.or(match self.holder() {
                None | Some(Holder::Foreign) => Some("it belongs to another owner"),
                Some(Holder::Undeclared) => Some("no Destination explains it"),
                Some(Holder::Of(one)) if is_held(one) => Some("its destination is paused"),
                Some(_) if !is_settled || seen.route == RouteState::Routing => {
                    Some("MediaConnect works on it")
                }
                Some(_) => None,
            });
            let waits = seen
                .trouble
                .as_ref()
                .is_some_and(|trouble| now < trouble.retry_at);
            why = why.or(waits.then_some("it failed, and is not to be tried yet"));
        }
        why.map(|why| self.broken(Rule::Untouchable, format!("has steps although {why}")))
    }

    /// Steps that the state does not allow.
    fn wrong_order(&self) -> Option<Violation> {
        let seen = self.seen();
        let mut state = seen.map(|seen| seen.state);
        let mut takes_input = seen.is_some_and(|seen| takes(seen, self.pool));
        for action in self.actions() {
            let is_possible = match (action, state) {
                (OutputAction::Create(_), None)
                | (OutputAction::Route, Some(OutputState::Standby | OutputState::Active))
                | (OutputAction::Stop, Some(OutputState::Active | OutputState::Error))
                | (OutputAction::Restart, Some(OutputState::Error))
                | (OutputAction::Update(_) | OutputAction::Delete, Some(OutputState::Standby))
                | (OutputAction::Release | OutputAction::Keep | OutputAction::Record, Some(_)) => true,
                (OutputAction::Start, Some(OutputState::Standby)) => takes_input,
                _ => false,
            };
            if !is_possible {
                let what = format!("cannot {} in the state it is in by then", action.name());
                return Some(self.broken(Rule::StepOrder, what));
            }
            match action {
                OutputAction::Create(_) | OutputAction::Stop => state = Some(OutputState::Standby),
                OutputAction::Start => state = Some(OutputState::Active),
                OutputAction::Delete => state = None,
                OutputAction::Route => takes_input = true,
                _ => {}
            }
        }
        None
    }

    /// Steps that nothing asks for: an output for one that is not wanted, another target than declared, a second output.
    fn unfounded(&self) -> Option<Violation> {
        let one = self.destination();
        let own = one.and_then(endpoint);
        let is_wanted = one.is_some_and(|one| self.is_wanted(one));
        for action in self.actions() {
            let is_founded = match action {
                OutputAction::Create(target) => {
                    let is_new = one.is_some_and(|one| !self.has_output(one));
                    is_wanted
                        && is_new
                        && self.is_own(target)
                        && self.outputs.world.observed.routers.is_complete
                }
                OutputAction::Update(target) => is_wanted && self.is_own(target),
                OutputAction::Start | OutputAction::Restart => is_wanted && self.may_start(own.as_ref()),
                OutputAction::Route => is_wanted,
                OutputAction::Stop => true,
                OutputAction::Release => matches!(self.holder(), Some(Holder::Vanished { may_end: true })),
                OutputAction::Keep => matches!(self.holder(), Some(Holder::Vanished { may_end: false })),
                OutputAction::Record => one.is_some(),
                OutputAction::Delete => self.may_delete(),
            };
            if !is_founded {
                let what = format!("nothing asks for its {}", action.name());
                return Some(self.broken(Rule::WrongGoal, what));
            }
        }
        None
    }

    fn is_own(&self, target: &Endpoint) -> bool {
        let own = self.destination().and_then(endpoint);
        own.is_some_and(|own| own.canonical() == target.canonical())
    }

    /// Whether an output of this pool is that of a destination.
    fn has_output(&self, one: &Destination) -> bool {
        let mut holders = self.outputs.holders.iter();
        holders.any(|(arn, holder)| {
            let is_its = matches!(holder, Holder::Of(other) if other.name == one.name);
            let output = self.outputs.seen(arn);
            let record = output.and_then(|output| output.record.as_ref());
            is_its && record.is_none_or(|record| record.pool == self.pool.name)
        })
    }

    /// Whether what it would push is the destination's target, or the previous one of a destination that comes back.
    fn may_start(&self, own: Option<&Endpoint>) -> bool {
        let written = self.actions().filter_map(OutputAction::target).last();
        let there = self.seen().and_then(|seen| seen.target.as_ref());
        let target = written.or(there);
        match (target, own) {
            (Some(target), Some(own)) => {
                let refused = &self.outputs.world.observed.refused;
                let comes_back = self
                    .destination()
                    .is_some_and(|one| refused.contains_key(&one.name));
                target.canonical() == own.canonical() || self.restarts() || comes_back
            }
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn restarts(&self) -> bool {
        self.actions().any(|action| *action == OutputAction::Restart)
    }

    fn may_delete(&self) -> bool {
        let of_another = |name: &DestinationName| {
            let declared = self.outputs.world.desired.destinations.get(name);
            declared.is_some_and(|one| one.is_wanted(self.outputs.now))
        };
        let is_needed = self.destination().is_some_and(|one| {
            let is_kept = self.is_wanted(one) || one.pause_at(self.outputs.now).is_some();
            is_kept && !self.has_another(one)
        });
        let is_free = match self.holder() {
            Some(Holder::Of(_)) => !is_needed,
            Some(Holder::Vanished { may_end }) => may_end,
            Some(Holder::Foreign | Holder::Undeclared) | None => false,
        };
        is_free
            && self.said.steps.iter().all(|step| match &step.reason {
                OutputReason::PlaceNeeded(name) => of_another(name),
                OutputReason::KeptLongEnough => self.was_kept(),
                OutputReason::Surplus => self.destination().is_some_and(|one| self.has_another(one)),
                _ => step.action != OutputAction::Delete,
            })
    }

    fn was_kept(&self) -> bool {
        let record = self.seen().and_then(|seen| seen.record.as_ref());
        let since = record.and_then(|record| record.off_since);
        self.pool.keep.zip(since).is_some_and(|(keep, since)| {
            let off = self.outputs.now.duration_since(since);
            std::time::Duration::try_from(off).is_ok_and(|off| off >= keep)
        })
    }

    /// Whether a destination has another output than this one.
    fn has_another(&self, one: &Destination) -> bool {
        let mut holders = self.outputs.holders.iter();
        holders.any(|(arn, holder)| {
            let is_its = matches!(holder, Holder::Of(other) if other.name == one.name);
            is_its && Some(*arn) != self.said.arn.as_ref()
        })
    }

    /// A wanted destination goes off air without a grant, or does not come back; or one that vanished and may be declared.
    fn takes_off_air(&self) -> Option<Violation> {
        let seen = self.seen()?;
        let stops = self.actions().any(|action| *action == OutputAction::Stop);
        let is_taken_by_hand = seen.state == OutputState::Active
            && seen.route == RouteState::Routed
            && seen.input.as_ref() != Some(&self.pool.input);
        let retakes = is_taken_by_hand && self.actions().any(|action| *action == OutputAction::Route);
        if !stops && !retakes {
            return None;
        }
        let may_publish = !matches!(seen.state, OutputState::Standby | OutputState::Error);
        let one = match self.holder()? {
            Holder::Of(one) if one.is_wanted(self.outputs.now) => one,
            Holder::Vanished { may_end: false } => {
                let what = "ends although its destination may be declared";
                return Some(self.broken(Rule::ForbiddenStop, what));
            }
            _ => return None,
        };
        let is_moved = one.pool != self.pool.name;
        let is_served = self.is_served_elsewhere(one);
        if is_served && !is_moved || !may_publish {
            return None;
        }
        let brings_something = takes(seen, self.pool) && self.outputs.is_fed(self.pool);
        if !(retakes || is_moved || brings_something) {
            // It stops and is pointed at its target while it brings nothing.
            return None;
        }
        if !self.is_granted(one) {
            return Some(self.broken(Rule::Ungranted, format!("takes {} off air", one.name)));
        }
        let ends = self.actions().last();
        let comes_back = retakes || is_moved || ends == Some(&OutputAction::Start);
        (!comes_back).then(|| self.broken(Rule::NotBroughtBack, format!("leaves {} off air", one.name)))
    }

    fn is_granted(&self, one: &Destination) -> bool {
        let disruption = &self.pool.disruption;
        let by_policy = disruption.is_open(self.outputs.now) && disruption.causes.contains(&Cause::Retarget);
        let is_named = self.outputs.world.desired.grants.contains(&one.name);
        one.interruptible && (by_policy || is_named)
    }

    /// Whether another output of a destination brings its programme.
    fn is_served_elsewhere(&self, one: &Destination) -> bool {
        let Some(pool) = self.outputs.world.desired.routers.get(&one.pool) else {
            return false;
        };
        let mut holders = self.outputs.holders.iter();
        holders.any(|(arn, holder)| {
            let is_its = matches!(holder, Holder::Of(other) if other.name == one.name);
            let output = self
                .outputs
                .seen(arn)
                .filter(|_| Some(*arn) != self.said.arn.as_ref());
            is_its && output.is_some_and(|output| self.outputs.is_on_air(output, pool))
        })
    }

    /// What the steps start to push.
    fn starts(&self) -> Option<Push> {
        let starts = |action: &OutputAction| matches!(action, OutputAction::Start | OutputAction::Restart);
        if !self.actions().any(starts) {
            return None;
        }
        let written = self.actions().filter_map(OutputAction::target).last();
        let there = self.seen().and_then(|seen| seen.target.as_ref());
        written.or(there).map(Push::of)
    }

    /// A stream that is started while something else may publish it, or is about to.
    fn published_elsewhere(&self, plan: &Plan) -> Option<Violation> {
        let push = self.starts()?;
        let world = self.outputs.world;
        let is_same = |endpoint: &Endpoint| {
            endpoint.stream() == push.stream && endpoint.is_backup_ingest() == push.form.is_backup_ingest()
        };
        let in_outputs = world.observed.routers.outputs.iter().any(|(arn, output)| {
            let may_publish = !matches!(
                output.state,
                OutputState::Standby | OutputState::Creating | OutputState::Deleting
            );
            let is_other = Some(arn) != self.said.arn.as_ref();
            is_other && may_publish && output.target.as_ref().is_some_and(is_same)
        });
        let on_channels = world.air.may_be_published(&push);
        let is_given = plan.destinations.iter().any(|one| {
            let declared = world.desired.destinations.get(&one.name);
            one.assignment.is_some()
                && declared
                    .and_then(|one| endpoint(one))
                    .is_some_and(|own| is_same(&own))
        });
        (in_outputs || on_channels || is_given).then(|| {
            self.broken(
                Rule::TargetTwice,
                "starts a stream that is, or may be, on air elsewhere",
            )
        })
    }
}
