//! What feeds the outputs of pools with a source: the channel in front, and the input. They run while a destination is wanted.
//!
//! Two pools may share an input, and two inputs a channel, so that each is planned once, for all pools that it feeds.
//!
//! | it is | a destination is wanted | none is, of any pool that it feeds |
//! |---|---|---|
//! | stopped | Start: the channel, then the input | Forget that slotwise started it |
//! | running | nothing | Stop, if slotwise started it and it feeds nothing: the input, then the channel |
//! | in any other state | nothing | nothing |
//!
//! An output that is not ours holds a stop like one of ours; so does one that takes an input of which is not known where it
//! gets its programme from.

use std::collections::BTreeSet;

use super::feed::{Feed, FeedAction, FeedPlan, FeedStep, FeedWaiting, NotReady};
use super::reading::{Occupant, Reading};
use super::{OutputReason, OutputWaiting};
use crate::model::{
    ChannelId, ChannelState, InputState, OutputState, RouteState, RouterArn, RouterInput, RouterOutput,
    RouterPool, SourceChannel, SourceObservation, Trouble, Trust, WantedState,
};

/// Whether a feed is to run.
#[derive(Debug)]
enum Need {
    /// A pool with a source has a wanted destination.
    Wanted,
    /// Only pools have one that leave it alone.
    Kept,
    /// None is wanted, and one that is paused may be on air, or come back.
    Held(FeedWaiting),
    None,
}

/// A goal, the next call, and why it is not made.
type Outcome = (Option<bool>, Option<FeedStep>, Option<FeedWaiting>);

impl<'a> Reading<'a> {
    /// What becomes of the feeds of pools with a source: channels, then inputs, by name.
    pub(super) fn feeds(&self) -> Vec<FeedPlan> {
        let with_source = || self.pools.values().filter(|pool| pool.source.is_some());
        let channels: BTreeSet<&ChannelId> = with_source().filter_map(|pool| pool.source.as_ref()).collect();
        let inputs: BTreeSet<&RouterArn> = with_source().map(|pool| &pool.input).collect();
        let channels = channels.into_iter().map(|id| self.channel_plan(id));
        let inputs = inputs.into_iter().map(|arn| self.input_plan(arn));
        channels.chain(inputs).collect()
    }

    /// Why the outputs of a pool are not started: what feeds them is not ready.
    pub(super) fn source_not_ready(&self, pool: &RouterPool) -> OutputWaiting {
        let not_ready = |feed, state, why| OutputWaiting::not_ready(&pool.name, feed, state, why);
        let Some(channel) = &pool.source else {
            let state = self.observed.inputs.get(&pool.input);
            let state = state.map(|input| input.state.as_str());
            return not_ready(Feed::Input(pool.input.clone()), state, NotReady::LeftAlone);
        };
        let runs = self.observed.sources.get(channel);
        let plan = if runs.is_some_and(SourceObservation::is_running) {
            self.input_plan(&pool.input)
        } else {
            self.channel_plan(channel)
        };
        let is_starting = plan.is_starting();
        let why = match plan.waiting {
            Some(waiting @ FeedWaiting::BackingOff { .. }) => NotReady::Waits(Box::new(waiting)),
            _ if is_starting => NotReady::Starts,
            Some(waiting) => NotReady::Waits(Box::new(waiting)),
            None => NotReady::LeftAlone,
        };
        not_ready(plan.feed, plan.state, why)
    }

    fn channel_plan(&self, id: &ChannelId) -> FeedPlan {
        let seen = self.observed.sources.get(id);
        let pools = self.pools_behind(id);
        let (runs, step, waiting) = match seen {
            Some(SourceObservation::Seen(channel)) => self.channel_outcome(id, channel, &pools),
            Some(SourceObservation::Missing) => (None, None, Some(FeedWaiting::SourceMissing)),
            Some(SourceObservation::Unreadable { why }) => (None, None, Some(unreadable(why))),
            None => (None, None, Some(unreadable("it was not looked at"))),
        };
        let state = seen.and_then(SourceObservation::seen);
        FeedPlan {
            feed: Feed::Channel(id.clone()),
            pools: pools.iter().map(|pool| pool.name.clone()).collect(),
            state: state.map(|channel| channel.state.as_str()),
            runs,
            step,
            waiting,
        }
    }

    fn channel_outcome(&self, id: &ChannelId, channel: &SourceChannel, pools: &[&'a RouterPool]) -> Outcome {
        let starts =
            |pool: &RouterPool| pool.source.as_ref() == Some(id) && self.other_channel(pool).is_none();
        let need = self.need(pools, starts);
        let owner = channel
            .owner
            .as_ref()
            .filter(|owner| **owner != self.desired.owner);
        let is_ours = channel.owner.as_ref() == Some(&self.desired.owner)
            && channel.started_by.as_ref() == Some(&self.desired.owner);
        let state = channel.state.as_str();
        match (channel.state, need) {
            (ChannelState::Running, need @ (Need::Held(_) | Need::None)) => {
                match self.holds_channel(id, channel, need, is_ours) {
                    Some(waiting) => (ends_by_itself(&waiting).then_some(false), None, Some(waiting)),
                    None => self.unless_in_trouble(channel.trouble.as_ref(), false, stop()),
                }
            }
            (ChannelState::Idle, Need::Wanted) => {
                if let Some(owner) = owner.cloned() {
                    return (None, None, Some(FeedWaiting::SourceNotOwned { owner }));
                }
                let start = start(channel.owner.is_none());
                self.unless_in_trouble(channel.trouble.as_ref(), true, start)
            }
            (ChannelState::Idle | ChannelState::UpdateFailed, Need::None)
                if is_ours && self.observed.unreadable.is_none() =>
            {
                let (_, step, waiting) = self.unless_in_trouble(channel.trouble.as_ref(), false, forget());
                (None, step, waiting)
            }
            (ChannelState::Idle, Need::Kept) => (None, None, self.not_started(id, pools)),
            (at, need) if at.is_transition() || at == ChannelState::Recovering => {
                in_transition(state, &need, is_ours)
            }
            (ChannelState::Running, Need::Wanted)
            | (ChannelState::Idle, _)
            | (_, Need::Kept | Need::Held(_) | Need::None) => (None, None, None),
            (_, Need::Wanted) => (None, None, Some(FeedWaiting::SourceFailed { state })),
        }
    }

    /// Why a channel is not started for a wanted destination of a pool that names it.
    fn not_started(&self, id: &ChannelId, pools: &[&RouterPool]) -> Option<FeedWaiting> {
        if let Some(cause) = &self.observed.unreadable {
            return Some(unreadable(&cause.why));
        }
        let mut naming = pools.iter().filter(|pool| pool.source.as_ref() == Some(id));
        naming.find_map(|pool| self.takes_other(pool))
    }

    fn takes_other(&self, pool: &RouterPool) -> Option<FeedWaiting> {
        let takes = self.other_channel(pool)?;
        let pool = pool.name.clone();
        Some(FeedWaiting::InputTakesOther { takes, pool })
    }

    fn input_plan(&self, arn: &RouterArn) -> FeedPlan {
        let seen = self.observed.inputs.get(arn);
        let pools: Vec<&RouterPool> = self.pools_of(|pool| pool.input == *arn);
        let (runs, step, waiting) = match (&self.observed.unreadable, seen) {
            (Some(cause), _) => (None, None, Some(unreadable(&cause.why))),
            (None, None) => (None, None, Some(FeedWaiting::SourceMissing)),
            (None, Some(input)) => self.input_outcome(arn, input, &pools),
        };
        FeedPlan {
            feed: Feed::Input(arn.clone()),
            pools: pools.iter().map(|pool| pool.name.clone()).collect(),
            state: seen.map(|input| input.state.as_str()),
            runs,
            step,
            waiting,
        }
    }

    fn input_outcome(&self, arn: &RouterArn, input: &RouterInput, pools: &[&'a RouterPool]) -> Outcome {
        let need = self.need(pools, |pool| pool.source.is_some());
        let state = input.state.as_str();
        match (input.state, need) {
            (InputState::Active | InputState::Error, need @ (Need::Held(_) | Need::None)) => {
                match self.holds_input(arn, need, input.is_ours_to_stop) {
                    Some(waiting) => (ends_by_itself(&waiting).then_some(false), None, Some(waiting)),
                    None => self.unless_in_trouble(input.trouble.as_ref(), false, stop()),
                }
            }
            (InputState::Standby, Need::Wanted) => match self.before_the_input(pools) {
                Some(waiting) => {
                    let comes = matches!(&waiting, FeedWaiting::AfterChannel { channel }
                        if self.channel_plan(channel).is_starting());
                    (comes.then_some(true), None, Some(waiting))
                }
                None => self.unless_in_trouble(input.trouble.as_ref(), true, start(false)),
            },
            (InputState::Standby, Need::None) if input.is_ours_to_stop => {
                let (_, step, waiting) = self.unless_in_trouble(input.trouble.as_ref(), false, forget());
                (None, step, waiting)
            }
            (at, need) if at.is_transition() => in_transition(state, &need, input.is_ours_to_stop),
            (InputState::Active, Need::Wanted)
            | (InputState::Standby, _)
            | (_, Need::Kept | Need::Held(_) | Need::None) => (None, None, None),
            (_, Need::Wanted) => (None, None, Some(FeedWaiting::SourceFailed { state })),
        }
    }

    /// What has to come before the start of an input of these pools.
    fn before_the_input(&self, pools: &[&RouterPool]) -> Option<FeedWaiting> {
        let wanting = pools.iter().copied().find(|pool| {
            let mut all = self.destinations_of(pool);
            pool.source.is_some() && all.any(|one| self.is_wanted(one, pool))
        });
        let (pool, channel) = wanting.and_then(|pool| Some((pool, pool.source.as_ref()?)))?;
        if let Some(waiting) = self.takes_other(pool) {
            return Some(waiting);
        }
        let seen = self.observed.sources.get(channel);
        let runs = seen.is_some_and(SourceObservation::is_running);
        let channel = channel.clone();
        (!runs).then_some(FeedWaiting::AfterChannel { channel })
    }

    /// The channel that the input of a pool takes, where that is not the pool's source.
    fn other_channel(&self, pool: &RouterPool) -> Option<ChannelId> {
        let takes = self.observed.inputs.get(&pool.input)?.channel.as_ref()?;
        (pool.source.as_ref() != Some(takes)).then(|| takes.clone())
    }

    fn pools_of(&self, is_one: impl Fn(&RouterPool) -> bool) -> Vec<&'a RouterPool> {
        let all = self.pools.values().copied();
        all.filter(|pool| is_one(pool)).collect()
    }

    /// The pools whose programme comes from a channel, whether they name it or not.
    fn pools_behind(&self, id: &ChannelId) -> Vec<&'a RouterPool> {
        let inputs = self.inputs_behind(id);
        self.pools_of(|pool| pool.source.as_ref() == Some(id) || inputs.contains(&pool.input))
    }

    /// The inputs that get their programme from a channel, by the pools and by what the inputs say.
    fn inputs_behind(&self, id: &ChannelId) -> BTreeSet<&'a RouterArn> {
        let of_pools = self.pools.values().copied();
        let of_pools = of_pools.filter(|pool| pool.source.as_ref() == Some(id));
        let taking = self.observed.inputs.iter();
        let taking = taking.filter(|(_, input)| input.channel.as_ref() == Some(id));
        let taking = taking.map(|(arn, _)| arn);
        of_pools.map(|pool| &pool.input).chain(taking).collect()
    }

    fn need(&self, pools: &[&'a RouterPool], starts: impl Fn(&RouterPool) -> bool) -> Need {
        let wants = |pool: &RouterPool| {
            let mut all = self.desired.destinations.values();
            all.any(|one| one.pool == pool.name && self.is_wanted(one, pool))
        };
        if self.observed.unreadable.is_none() && pools.iter().any(|pool| wants(pool) && starts(pool)) {
            return Need::Wanted;
        }
        if pools.iter().any(|pool| wants(pool)) {
            return Need::Kept;
        }
        let of_pool = pools.iter().find_map(|pool| {
            let pause = pool.pause_at(self.now)?.clone();
            Some((Some(pool.name.clone()), pause))
        });
        // One that is on air holds by its output, whatever is declared.
        let of_one = || {
            let all = pools.iter().copied().flat_map(|pool| self.destinations_of(pool));
            let mut streaming = all.filter(|one| one.state == WantedState::Streaming);
            streaming.find_map(|one| Some((None, one.pause_at(self.now)?.clone())))
        };
        match of_pool.or_else(of_one) {
            Some((pool, pause)) => Need::Held(FeedWaiting::Paused { pool, pause }),
            None => Need::None,
        }
    }

    fn holds_channel(
        &self,
        id: &ChannelId,
        channel: &SourceChannel,
        need: Need,
        is_ours: bool,
    ) -> Option<FeedWaiting> {
        let inputs = self.inputs_behind(id);
        let running_input = || {
            let ours = inputs.iter().find(|arn| {
                let input = self.observed.inputs.get(**arn);
                input.is_some_and(|input| input.is_ours_to_stop && input.state != InputState::Standby)
            });
            ours.map(|arn| FeedWaiting::AfterInput {
                input: (*arn).clone(),
            })
        };
        let beside = || {
            let groups = channel.beside.clone();
            (!groups.is_empty()).then_some(FeedWaiting::OtherGroupsRun { groups })
        };
        self.holds(need, is_ours)
            .or_else(|| self.in_use(&inputs, true))
            .or_else(beside)
            .or_else(running_input)
    }

    fn holds_input(&self, arn: &'a RouterArn, need: Need, is_ours: bool) -> Option<FeedWaiting> {
        self.holds(need, is_ours)
            .or_else(|| self.in_use(&BTreeSet::from([arn]), false))
    }

    /// What holds any stop.
    fn holds(&self, need: Need, is_ours: bool) -> Option<FeedWaiting> {
        if !is_ours {
            return Some(FeedWaiting::NotStartedHere);
        }
        if let Need::Held(waiting) = need {
            return Some(waiting);
        }
        if let Some(cause) = &self.observed.unreadable {
            return Some(unreadable(&cause.why));
        }
        if !self.observed.is_complete {
            return Some(unreadable("not all router outputs could be listed"));
        }
        (self.desired.trust != Trust::Whole).then_some(FeedWaiting::SourceUntrusted)
    }

    /// A router output that takes one of these inputs, or one of which is not known what it takes, and is not stopped.
    fn in_use(&self, inputs: &BTreeSet<&RouterArn>, or_unknown: bool) -> Option<FeedWaiting> {
        let takes = |output: &RouterOutput| match &output.input {
            Some(input) => inputs.contains(input) || or_unknown && !self.observed.inputs.contains_key(input),
            None => output.route == RouteState::Routing,
        };
        let is_routed = |output: &&RouterOutput| output.route != RouteState::Unrouted && takes(output);
        let running = self
            .observed
            .outputs
            .iter()
            .find(|(_, output)| output.state != OutputState::Standby && is_routed(output));
        if let Some((arn, output)) = running {
            let ends = match self.occupants.get(arn) {
                Some(Occupant::Destination(one, _)) => !self.stays(one),
                Some(Occupant::Vanished(record)) => {
                    let is_ours = self.home(arn).is_some() || self.is_known_as_ours(record);
                    let is_released = self.elsewhere.released.contains(&record.identity);
                    is_ours && (record.released || is_released)
                }
                Some(Occupant::Undeclared) | None => false,
            };
            let output = Some(output.name.to_string());
            return Some(FeedWaiting::SourceInUse { output, ends });
        }
        let is_short = inputs.iter().any(|arn| {
            let listed = self.observed.outputs.values();
            let listed = listed
                .filter(|output| output.route != RouteState::Unrouted && output.input.as_ref() == Some(*arn));
            let input = self.observed.inputs.get(*arn);
            input.is_some_and(|input| listed.count() < input.routed_outputs)
        });
        let elsewhere = FeedWaiting::SourceInUse {
            output: None,
            ends: false,
        };
        is_short.then_some(elsewhere)
    }

    fn unless_in_trouble(&self, trouble: Option<&Trouble>, runs: bool, step: FeedStep) -> Outcome {
        match trouble.filter(|trouble| self.now < trouble.retry_at) {
            Some(trouble) => {
                let waiting = FeedWaiting::BackingOff {
                    failures: trouble.failures,
                    until: trouble.retry_at,
                    what: trouble.what.clone(),
                };
                (Some(runs), Some(step), Some(waiting))
            }
            None => (Some(runs), Some(step), None),
        }
    }
}

impl FeedPlan {
    /// Whether it is started, or will be without anybody's doing.
    fn is_starting(&self) -> bool {
        self.step.is_some() || self.runs == Some(true) && self.is_on_its_way()
    }
}

fn in_transition(state: &'static str, need: &Need, is_ours: bool) -> Outcome {
    let runs = match need {
        Need::Wanted => Some(true),
        Need::None if is_ours => Some(false),
        _ => None,
    };
    (runs, None, Some(FeedWaiting::SourceInTransition { state }))
}

fn ends_by_itself(waiting: &FeedWaiting) -> bool {
    matches!(
        waiting,
        FeedWaiting::AfterInput { .. } | FeedWaiting::SourceInUse { ends: true, .. }
    )
}

fn unreadable(why: &str) -> FeedWaiting {
    FeedWaiting::SourceUnreadable { why: why.to_owned() }
}

fn start(adopts: bool) -> FeedStep {
    FeedStep {
        action: FeedAction::Start { adopts },
        reason: OutputReason::Wanted,
    }
}

fn stop() -> FeedStep {
    FeedStep {
        action: FeedAction::Stop,
        reason: OutputReason::NotWanted,
    }
}

fn forget() -> FeedStep {
    FeedStep {
        action: FeedAction::Forget,
        reason: OutputReason::Stopped,
    }
}
