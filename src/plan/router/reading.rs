//! Whose each output is, and which one is a destination's own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Elsewhere, OutputWaiting};
use crate::model::{
    ChannelId, ChannelState, Desired, Destination, DestinationName, Endpoint, InputState, ObservedRouters,
    OutputRecord, OutputState, PoolName, RouteState, RouterArn, RouterOutput, RouterPool, SourceObservation,
    Stream, TargetDigest,
};

/// Whose an output of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant<'a> {
    /// A declared destination's, by its target or by what is recorded.
    Destination(&'a Destination, Fit),
    /// That of one which is declared no longer.
    Vanished(&'a OutputRecord),
    /// No Destination explains it.
    Undeclared,
}

/// How a destination is known to have an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The output has its stream.
    Exact,
    /// The output has another one, by its record that of the destination before.
    Previous,
}

/// What may push a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pusher<'a> {
    /// A MediaLive channel.
    Channel,
    /// This router output.
    Output(&'a RouterArn),
}

/// What was declared and seen, put together.
pub(super) struct Reading<'a> {
    pub(super) pools: BTreeMap<&'a PoolName, &'a RouterPool>,
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a ObservedRouters,
    pub(super) elsewhere: &'a Elsewhere,
    pub(super) now: Timestamp,
    /// Outputs of ours.
    pub(super) occupants: BTreeMap<&'a RouterArn, Occupant<'a>>,
    /// The declared pool that each of these belongs to.
    pub(super) homes: BTreeMap<&'a RouterArn, &'a PoolName>,
    /// The destinations of each pool, by name.
    members: BTreeMap<&'a PoolName, Vec<&'a Destination>>,
    /// Each destination's own output in its pool.
    own: BTreeMap<&'a DestinationName, &'a RouterArn>,
    /// Outputs of ours that are no destination's own, by the pool that they belong to.
    others: BTreeMap<Option<&'a PoolName>, Vec<(&'a RouterArn, Occupant<'a>)>>,
    /// Of wanted destinations of one stream the one that comes first. The two ingests of a platform are two.
    first: BTreeMap<(Stream, bool), &'a DestinationName>,
    /// What MediaLive channels and router outputs may push.
    pushing: BTreeMap<Stream, Vec<(Endpoint, Pusher<'a>)>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        pools: &[&'a RouterPool],
        desired: &'a Desired,
        observed: &'a ObservedRouters,
        elsewhere: &'a Elsewhere,
        now: Timestamp,
    ) -> Self {
        let mut reading = Self {
            pools: pools.iter().map(|pool| (&pool.name, *pool)).collect(),
            desired,
            observed,
            elsewhere,
            now,
            occupants: BTreeMap::new(),
            homes: BTreeMap::new(),
            members: members(desired),
            own: BTreeMap::new(),
            others: BTreeMap::new(),
            first: BTreeMap::new(),
            pushing: pushing(observed, elsewhere),
        };
        reading.find_occupants();
        reading.find_homes();
        reading.find_own();
        reading.find_others();
        reading.find_first();
        reading
    }

    /// Outputs of this owner, each with its occupant: exact before recorded. Of several destinations of one stream one that stays on
    /// air, rather the recorded one. What is recorded of another destination is taken by its stream alone only where it pushes, that
    /// one is declared no longer, and the taker stays on air: it was renamed.
    fn find_occupants(&mut self) {
        let mut by_stream: BTreeMap<Stream, Vec<&Destination>> = BTreeMap::new();
        let mut by_identity = BTreeMap::new();
        for one in self.desired.destinations.values() {
            by_identity.insert(&one.identity, &**one);
            if let Some(endpoint) = one.endpoint() {
                by_stream.entry(endpoint.stream()).or_default().push(one);
            }
        }
        for (arn, output) in &self.observed.outputs {
            if output.owner.as_ref() != Some(&self.desired.owner) {
                continue;
            }
            let record = output.record.as_ref().filter(|record| {
                let named = by_identity.get(&record.identity).copied();
                self.proves(record, output, named)
            });
            let exact = output
                .target
                .as_ref()
                .and_then(|target| by_stream.get(&target.stream()));
            let is_recorded =
                |one: &Destination| record.is_some_and(|record| record.identity == one.identity);
            let rank = |one: &&&Destination| (!self.stays(one), !is_recorded(one));
            let exact = exact.into_iter().flatten().min_by_key(rank).copied();
            let may_claim = |one: &&Destination| {
                let another = record.filter(|record| record.identity != one.identity);
                another.is_none_or(|record| {
                    let is_gone = !by_identity.contains_key(&record.identity);
                    is_gone && output.state.may_publish() && self.stays(one)
                })
            };
            let occupant = match (exact.filter(may_claim), record) {
                (Some(one), _) => Occupant::Destination(one, Fit::Exact),
                (None, Some(record)) => match by_identity.get(&record.identity) {
                    Some(one) => Occupant::Destination(one, Fit::Previous),
                    None => Occupant::Vanished(record),
                },
                (None, None) => Occupant::Undeclared,
            };
            self.occupants.insert(arn, occupant);
        }
    }

    /// Whether what is recorded of an output is so: of its target, or of the one that it is about to be given. The tag is written before
    /// the update, which may fail: the output is stopped then, and still its destination's.
    fn proves(&self, record: &OutputRecord, output: &RouterOutput, named: Option<&Destination>) -> bool {
        let is_of = |target: &Endpoint| {
            TargetDigest::of_output(&self.desired.owner, &record.pool, &record.identity, target)
                == record.digest
        };
        let Some(now) = &output.target else {
            return false;
        };
        let is_pending = || {
            named
                .and_then(Destination::endpoint)
                .is_some_and(|target| is_of(&target))
        };
        is_of(now) || output.state == OutputState::Standby && is_pending()
    }

    /// Whether a destination stays on air: it is wanted, or paused.
    pub(super) fn stays(&self, one: &Destination) -> bool {
        one.is_wanted(self.now) || one.pause_at(self.now).is_some()
    }

    /// Of several outputs of a destination one is its own: pushing before stopped, then with its target before another one.
    fn find_own(&mut self) {
        let mut ranked: BTreeMap<&DestinationName, (Reverse<bool>, Fit, &RouterArn)> = BTreeMap::new();
        for (arn, occupant) in &self.occupants {
            let Occupant::Destination(one, fit) = occupant else {
                continue;
            };
            if self.homes.get(arn) != Some(&&one.pool) {
                continue;
            }
            let rank = (Reverse(self.output(arn).state.may_publish()), *fit, *arn);
            let best = ranked.entry(&one.name).or_insert(rank);
            *best = rank.min(*best);
        }
        self.own = ranked
            .into_iter()
            .map(|(name, (_, _, arn))| (name, arn))
            .collect();
    }

    fn find_others(&mut self) {
        let own: BTreeSet<&RouterArn> = self.own.values().copied().collect();
        for (arn, occupant) in self.occupants.iter().filter(|(arn, _)| !own.contains(*arn)) {
            let home = self.homes.get(arn).copied();
            self.others.entry(home).or_default().push((arn, *occupant));
        }
    }

    /// Of several wanted destinations of one stream the one comes first whose output may push already, then one that has an output,
    /// then by name.
    fn find_first(&mut self) {
        let all = self.desired.destinations.values().map(|one| &**one);
        let wanted = all.filter(|one| {
            let pool = self.pools.get(&one.pool);
            pool.is_some_and(|pool| self.is_wanted(one, pool))
        });
        let mut ranked: Vec<_> = wanted
            .filter_map(|one| {
                let endpoint = one.endpoint()?;
                let own = self.own(one).map(|(_, output, _)| output.state.may_publish());
                Some((own != Some(true), own.is_none(), &one.name, endpoint))
            })
            .collect();
        ranked.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
        for (_, _, name, endpoint) in ranked {
            let stream = (endpoint.stream(), endpoint.is_backup_ingest());
            self.first.entry(stream).or_insert(name);
        }
    }

    /// Another wanted destination of the same stream, which goes on air rather than this one.
    pub(super) fn comes_before(&self, one: &Destination, endpoint: &Endpoint) -> Option<&'a DestinationName> {
        let first = self.first.get(&(endpoint.stream(), endpoint.is_backup_ingest()));
        first.copied().filter(|first| **first != one.name)
    }

    /// Why nothing is done about any output: they cannot be looked at.
    pub(super) fn unreadable(&self) -> Option<OutputWaiting> {
        let unreadable = self.observed.unreadable.as_ref()?;
        Some(OutputWaiting::OutputsUnreadable {
            why: unreadable.why.clone(),
            denied: unreadable.denied.clone(),
        })
    }

    /// Whether it is not known what outputs there are.
    pub(super) fn is_unseen(&self) -> bool {
        self.observed.unreadable.is_some() && !self.observed.is_complete
    }

    pub(super) fn output(&self, arn: &RouterArn) -> &'a RouterOutput {
        &self.observed.outputs[arn]
    }

    /// A destination's own output, and whether it has its target.
    pub(super) fn own(&self, one: &Destination) -> Option<(&'a RouterArn, &'a RouterOutput, Fit)> {
        let arn = *self.own.get(&one.name)?;
        match self.occupants[arn] {
            Occupant::Destination(_, fit) => Some((arn, self.output(arn), fit)),
            Occupant::Vanished(_) | Occupant::Undeclared => None,
        }
    }

    /// Whether an output takes the pool's input.
    pub(super) fn is_routed(output: &RouterOutput, pool: &RouterPool) -> bool {
        output.route == RouteState::Routed && output.input.as_ref() == Some(&pool.input)
    }

    /// Whether an output brings the pool's programme to its target.
    pub(super) fn is_on_air(&self, output: &RouterOutput, pool: &RouterPool) -> bool {
        output.state == OutputState::Active && Self::is_routed(output, pool) && self.may_be_fed(pool)
    }

    /// The same, where everything that feeds it was seen to run: enough for another copy to end.
    pub(super) fn is_seen_on_air(&self, output: &RouterOutput, pool: &RouterPool) -> bool {
        self.is_on_air(output, pool) && self.is_source_ready(pool)
    }

    /// Whether the pool's input brings a programme, as far as that can be seen. A source that the input does not take says nothing
    /// against it, whatever was written by mistake, and neither does what could not be looked at.
    fn may_be_fed(&self, pool: &RouterPool) -> bool {
        let Some(input) = self.observed.inputs.get(&pool.input) else {
            return true;
        };
        let runs = |source: &ChannelId| match self.observed.sources.get(source) {
            Some(SourceObservation::Seen(channel)) => {
                let takes_other = input.channel.as_ref().is_some_and(|takes| takes != source);
                takes_other || channel.state == ChannelState::Running
            }
            Some(SourceObservation::Missing) => input.channel.as_ref() != Some(source),
            Some(SourceObservation::Unreadable { .. }) | None => true,
        };
        input.state == InputState::Active && pool.source.as_ref().is_none_or(runs)
    }

    /// Whether the input receives, and the channel in front runs: both were seen to.
    pub(super) fn is_source_ready(&self, pool: &RouterPool) -> bool {
        let input = self.observed.inputs.get(&pool.input);
        let runs = |channel| {
            let seen = self.observed.sources.get(channel);
            seen.is_some_and(SourceObservation::is_running)
        };
        input.is_some_and(|input| input.state == InputState::Active) && pool.source.as_ref().is_none_or(runs)
    }

    /// What else may push the stream of `endpoint`, beside the output `own`. The two ingests of a platform may both be used.
    pub(super) fn duplicate(&self, endpoint: &Endpoint, own: Option<&RouterArn>) -> Option<Pusher<'a>> {
        let pushing = self.pushing.get(&endpoint.stream())?;
        let is_backup = endpoint.is_backup_ingest();
        let is_own = |pusher: &Pusher<'_>| own.is_some_and(|own| *pusher == Pusher::Output(own));
        let other = pushing
            .iter()
            .find(|(other, pusher)| !is_own(pusher) && other.is_backup_ingest() == is_backup);
        other.map(|(_, pusher)| *pusher)
    }

    /// Destinations of a pool, by name.
    pub(super) fn destinations_of(&self, pool: &'a RouterPool) -> impl Iterator<Item = &'a Destination> {
        self.members.get(&pool.name).into_iter().flatten().copied()
    }

    /// Whether a destination is to be on air and may be touched.
    pub(super) fn is_wanted(&self, one: &Destination, pool: &RouterPool) -> bool {
        one.is_wanted(self.now) && pool.pause_at(self.now).is_none()
    }

    /// Outputs of ours that belong to a pool, or to none that is declared, and are no destination's own.
    pub(super) fn others_of(&self, pool: Option<&'a PoolName>) -> &[(&'a RouterArn, Occupant<'a>)] {
        self.others.get(&pool).map_or(&[], Vec::as_slice)
    }
}

fn members(desired: &Desired) -> BTreeMap<&PoolName, Vec<&Destination>> {
    let mut members: BTreeMap<&PoolName, Vec<&Destination>> = BTreeMap::new();
    for one in desired.destinations.values().map(|one| &**one) {
        members.entry(&one.pool).or_default().push(one);
    }
    members
}

/// Whether an output pushes what its destination is declared to be, as far as that is known: another destination of the same stream
/// may come first.
pub(super) fn has_its_stream(one: &Destination, output: &RouterOutput) -> bool {
    let now = output.target.as_ref().map(Endpoint::stream);
    one.endpoint().is_none_or(|target| now == Some(target.stream()))
}

fn pushing<'a>(
    observed: &'a ObservedRouters,
    elsewhere: &Elsewhere,
) -> BTreeMap<Stream, Vec<(Endpoint, Pusher<'a>)>> {
    let mut pushing: BTreeMap<Stream, Vec<_>> = BTreeMap::new();
    let of_channels = elsewhere
        .endpoints
        .iter()
        .map(|endpoint| (endpoint, Pusher::Channel));
    let of_outputs = observed.outputs.iter().filter_map(|(arn, output)| {
        let target = output.target.as_ref().filter(|_| output.state.may_publish());
        target.map(|target| (target, Pusher::Output(arn)))
    });
    for (endpoint, at) in of_channels.chain(of_outputs) {
        pushing
            .entry(endpoint.stream())
            .or_default()
            .push((endpoint.clone(), at));
    }
    pushing
}
