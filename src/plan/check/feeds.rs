//! Rules for what feeds router outputs: a channel in front, and a router input.
//!
//! Both stop only if slotwise started them, no pool wants them, and no routed output, ours or not, is outside STANDBY. The order
//! is channel, input, outputs; stopping in reverse.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::reading::World;
use super::violation::{About, Rule, Violation};
use crate::model::{
    ChannelId, ChannelState, InputState, OutputState, RouteState, RouterArn, RouterInput, RouterPool,
    SourceChannel, SourceObservation, Trust, WantedState,
};
use crate::plan::{Feed, FeedAction, FeedPlan, Plan};

/// Every rule for the feeds of the plan.
pub(super) fn check(plan: &Plan, world: &World<'_>, now: Timestamp, found: &mut Vec<Violation>) {
    let routers = world.desired.routers.values();
    let mut named: BTreeSet<Feed> = BTreeSet::new();
    for pool in routers {
        if let Some(channel) = &pool.source {
            named.insert(Feed::Channel(channel.clone()));
            named.insert(Feed::Input(pool.input.clone()));
        }
    }
    if !plan.feeds.iter().map(|one| &one.feed).eq(&named) {
        let what = "it does not have one entry for each source and its input, by name";
        found.push(Violation::new(Rule::Incomplete, About::Everything, what));
        return;
    }
    for said in &plan.feeds {
        let case = Case::new(world, said, now);
        let wrong = case.misstated().or_else(|| case.forbidden());
        if let Some((rule, what)) = wrong.or_else(|| case.silent()) {
            // Each of them is held then, as one that is left could take the same step.
            for pool in &case.pools {
                let what = format!("{}: {what}", said.feed);
                found.push(Violation::new(rule, About::Pool(pool.name.clone()), what));
            }
        }
    }
}

/// What is planned for one feed.
struct Case<'a> {
    world: &'a World<'a>,
    said: &'a FeedPlan,
    now: Timestamp,
    /// The inputs that get their programme from it.
    inputs: BTreeSet<&'a RouterArn>,
    /// The pools of these.
    pools: Vec<&'a RouterPool>,
}

type Wrong = Option<(Rule, &'static str)>;

impl<'a> Case<'a> {
    fn new(world: &'a World<'a>, said: &'a FeedPlan, now: Timestamp) -> Self {
        let declared = || world.desired.routers.values();
        let inputs: BTreeSet<&RouterArn> = match &said.feed {
            Feed::Input(arn) => BTreeSet::from([arn]),
            Feed::Channel(id) => {
                let takes = |input: &RouterInput| input.channel.as_ref() == Some(id);
                let seen = world.observed.routers.inputs.iter();
                let seen = seen.filter(|(_, input)| takes(input)).map(|(arn, _)| arn);
                let named = declared().filter(|pool| pool.source.as_ref() == Some(id));
                seen.chain(named.map(|pool| &pool.input)).collect()
            }
        };
        let pools = declared().filter(|pool| inputs.contains(&pool.input)).collect();
        Self {
            world,
            said,
            now,
            inputs,
            pools,
        }
    }

    fn channel(&self, id: &ChannelId) -> Option<&'a SourceChannel> {
        let seen = self.world.observed.routers.sources.get(id)?;
        match seen {
            SourceObservation::Seen(channel) => Some(channel),
            _ => None,
        }
    }

    fn input(&self, arn: &RouterArn) -> Option<&'a RouterInput> {
        self.world.observed.routers.inputs.get(arn)
    }

    fn state(&self) -> Option<&'static str> {
        match &self.said.feed {
            Feed::Channel(id) => self.channel(id).map(|one| one.state.as_str()),
            Feed::Input(arn) => self.input(arn).map(|one| one.state.as_str()),
        }
    }

    fn misstated(&self) -> Wrong {
        let is_right = self.said.state == self.state();
        (!is_right).then_some((Rule::Misstated, "is not as it was observed"))
    }

    /// Whether a pool wants one of its destinations on air.
    fn wants(&self, pool: &RouterPool) -> bool {
        let mut all = self.world.desired.destinations.values();
        let is_open = pool.pause_at(self.now).is_none();
        is_open && all.any(|one| one.pool == pool.name && one.is_wanted(self.now))
    }

    /// Whether anything of a pool is paused that may be on air, or is to come back.
    fn is_paused(&self, pool: &RouterPool) -> bool {
        let mut all = self.world.desired.destinations.values();
        let is_held = pool.pause_at(self.now).is_some();
        is_held
            || all.any(|one| {
                let streams = one.state == WantedState::Streaming;
                one.pool == pool.name && streams && one.pause_at(self.now).is_some()
            })
    }

    /// A step that must not be taken.
    fn forbidden(&self) -> Wrong {
        let step = self.said.step.as_ref()?;
        let observed = &self.world.observed.routers;
        if observed.unreadable.is_some() {
            return Some((
                Rule::Untouchable,
                "has a step although router outputs cannot be looked at",
            ));
        }
        match step.action {
            FeedAction::Start { adopts } => self.wrong_start(adopts),
            FeedAction::Stop => self.wrong_stop(),
            FeedAction::Forget => self.wrong_forget(),
        }
    }

    fn wrong_start(&self, adopts: bool) -> Wrong {
        let names_it = |pool: &RouterPool| match &self.said.feed {
            Feed::Channel(id) => pool.source.as_ref() == Some(id),
            Feed::Input(_) => pool.source.is_some(),
        };
        if !self.pools.iter().any(|pool| names_it(pool) && self.wants(pool)) {
            return Some((Rule::StartedForNobody, "is started, and no destination is wanted"));
        }
        match &self.said.feed {
            Feed::Channel(id) => {
                let channel = self.channel(id)?;
                if channel.state != ChannelState::Idle {
                    return Some((Rule::WrongState, "is started and not IDLE"));
                }
                let owner = channel.owner.as_ref();
                let is_right = if adopts {
                    owner.is_none()
                } else {
                    owner == Some(&self.world.desired.owner)
                };
                (!is_right).then_some((Rule::Adoption, "is started and belongs to another owner"))
            }
            Feed::Input(arn) => {
                if self.input(arn)?.state != InputState::Standby {
                    return Some((Rule::WrongState, "is started and not in STANDBY"));
                }
                let runs = |pool: &&RouterPool| {
                    let channel = pool.source.as_ref().and_then(|id| self.channel(id));
                    channel.is_some_and(|channel| channel.state == ChannelState::Running)
                };
                let mut wanting = self.pools.iter().copied().filter(|pool| self.wants(pool));
                (!wanting.any(|pool| runs(&pool)))
                    .then_some((Rule::StepOrder, "is started before its channel runs"))
            }
        }
    }

    fn wrong_stop(&self) -> Wrong {
        let observed = &self.world.observed.routers;
        if self.pools.iter().any(|pool| self.wants(pool)) {
            return Some((Rule::ForbiddenStop, "is stopped under a wanted destination"));
        }
        if self.pools.iter().any(|pool| self.is_paused(pool)) {
            return Some((Rule::ForbiddenStop, "is stopped under what is paused"));
        }
        if self.world.desired.trust != Trust::Whole || !observed.is_complete {
            return Some((
                Rule::ForbiddenStop,
                "is stopped, and what is wanted or takes it is not known",
            ));
        }
        if self.is_taken() {
            return Some((Rule::ForbiddenStop, "is stopped under a router output"));
        }
        let us = Some(&self.world.desired.owner);
        match &self.said.feed {
            Feed::Channel(id) => {
                let channel = self.channel(id)?;
                if channel.state != ChannelState::Running {
                    return Some((Rule::WrongState, "is stopped and not RUNNING"));
                }
                if channel.owner.as_ref() != us || channel.started_by.as_ref() != us {
                    return Some((Rule::ForbiddenStop, "is stopped, and slotwise did not start it"));
                }
                if !channel.beside.is_empty() {
                    return Some((Rule::ForbiddenStop, "is stopped with other output groups"));
                }
                let mut inputs = self.inputs.iter().filter_map(|arn| self.input(arn));
                let is_early =
                    inputs.any(|input| input.is_ours_to_stop && input.state != InputState::Standby);
                is_early.then_some((Rule::StepOrder, "is stopped before its input"))
            }
            Feed::Input(arn) => {
                let input = self.input(arn)?;
                if !matches!(input.state, InputState::Active | InputState::Error) {
                    return Some((Rule::WrongState, "is stopped and not ACTIVE"));
                }
                let is_ours = input.is_ours_to_stop;
                (!is_ours).then_some((Rule::ForbiddenStop, "is stopped, and slotwise did not start it"))
            }
        }
    }

    /// Whether an output takes it that is not stopped, or may, or one that is not listed.
    fn is_taken(&self) -> bool {
        let observed = &self.world.observed.routers;
        let is_channel = matches!(self.said.feed, Feed::Channel(_));
        let mut outputs = observed.outputs.values();
        let by_one = outputs.any(|output| {
            let takes = match &output.input {
                None => output.route == RouteState::Routing,
                Some(arn) => self.inputs.contains(arn) || is_channel && self.input(arn).is_none(),
            };
            takes && output.route != RouteState::Unrouted && output.state != OutputState::Standby
        });
        by_one
            || self.inputs.iter().any(|arn| {
                let routed = observed.outputs.values();
                let routed = routed.filter(|output| {
                    output.input.as_ref() == Some(*arn) && output.route != RouteState::Unrouted
                });
                self.input(arn)
                    .is_some_and(|input| input.routed_outputs > routed.count())
            })
    }

    fn wrong_forget(&self) -> Wrong {
        if self.pools.iter().any(|pool| self.wants(pool)) {
            return Some((Rule::WrongGoal, "is forgotten while a destination is wanted"));
        }
        let us = Some(&self.world.desired.owner);
        let is_right = match &self.said.feed {
            Feed::Channel(id) => {
                let channel = self.channel(id)?;
                let is_stopped = matches!(channel.state, ChannelState::Idle | ChannelState::UpdateFailed);
                is_stopped && channel.owner.as_ref() == us && channel.started_by.as_ref() == us
            }
            Feed::Input(arn) => {
                let input = self.input(arn)?;
                input.state == InputState::Standby && input.is_ours_to_stop
            }
        };
        (!is_right).then_some((Rule::WrongState, "is forgotten and not stopped"))
    }

    /// Wanted, not running, and neither a step nor a word about it.
    fn silent(&self) -> Wrong {
        let runs = matches!(self.state(), Some("RUNNING" | "ACTIVE"));
        let names_it = |pool: &&&RouterPool| pool.source.is_some();
        let is_wanted = self.pools.iter().filter(names_it).any(|pool| self.wants(pool));
        let is_said = self.said.step.is_some() || self.said.waiting.is_some();
        (is_wanted && !runs && !is_said).then_some((
            Rule::SilentChannel,
            "does not run where it is wanted, and the plan does not say why",
        ))
    }
}
