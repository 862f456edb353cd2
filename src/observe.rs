//! Observation: one List, and a Describe where the list is not enough.
//!
//! A list shows states, tags and targets of all channels, but not which output group uses which destination. That
//! wiring can only change while a channel is stopped, so it is asked for once per channel and again when the list
//! shows another configuration. A steady look therefore costs one List per page and nothing else. Where many channels are
//! new, most are `assumed` to be wired like others that look the same.
//!
//! | channel | is looked at | is part of |
//! |---|---|---|
//! | a pool names it | whole | [`AccountView::channels`] |
//! | owned by its tag, in no pool, may be on air | whole | [`AccountView::channels`] |
//! | any other that may publish | as the list shows it | [`AccountView::elsewhere`] |
//! | cannot be read, and may publish as far as known | – | both |
//!
//! While a few channels are on their way, a look at each by itself may cost less than a list of many pages
//! ([`Observer::glance`]). What the last list showed of the others is good for another plan while it is fresh
//! ([`Observer::view_again`]).
//!
//! A list may lag behind. What it shows of a channel counts as new unless the channel is known to have been just so within
//! the last minute: then only Describe shows whether it is so again or still.

mod assumed;
mod known;
mod progress;
mod routers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use self::assumed::Layouts;
use self::known::{Known, LIST_LAG_MAX, Look, may_be_on_air};
pub use self::progress::Progress;
pub use self::routers::RouterObserver;
use crate::medialive::{CallError, CallErrorKind, ChannelDocument, MediaLive, Summary};
use crate::model::{ChannelId, ChannelObservation, ChannelState, Endpoint, ObservedChannel, OwnerId};

/// From so many unknown channels on, their wiring is assumed where the list shows enough (`assumed`). Fewer are looked at in
/// some seconds, without assumptions.
pub const ASSUMES_FROM: usize = 41;

/// Assumed channels that may be on air: so many are described in each look.
const CONFIRMED_MAX: usize = 40;

/// What a list showed.
#[derive(Debug)]
pub struct Listing {
    channels: BTreeMap<ChannelId, Summary>,
    /// When it was asked for.
    asked: Instant,
}

/// What was seen of the account.
#[derive(Debug, Default)]
pub struct AccountView {
    /// The requested channels, and every other owned one that may be on air.
    pub channels: BTreeMap<ChannelId, ChannelObservation>,
    /// What any other channel may be on air with, and those that could not be read.
    pub elsewhere: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
}

/// How long what a list showed of channels that are at rest is good for another plan. Right before a step its channel is
/// looked at in any case.
const LIST_GOOD_FOR: Duration = Duration::from_secs(10);

/// The last list, as far as it is not remembered of each channel.
#[derive(Debug)]
struct LastList {
    asked: Instant,
    elsewhere: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
}

/// Looks, and remembers what need not be asked again.
#[derive(Debug)]
pub struct Observer {
    client: MediaLive,
    concurrency: usize,
    owner: OwnerId,
    known: BTreeMap<ChannelId, Known>,
    /// Channels for which the list is not trusted: a call to them may or may not have had its effect. With the targets that
    /// the call was to write.
    distrusted: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
    /// Channels that Describe said do not exist. Until a list shows one it is not asked for again.
    missing: BTreeSet<ChannelId>,
    /// How channels are wired that are made alike.
    layouts: Layouts,
    /// From how many channels of which nothing is known the list is taken at its word.
    assumes_from: usize,
    /// How many pages the last list had.
    pages: usize,
    progress: Progress,
    /// What channels that are not owned may be on air with, and when a list showed them last: one may leave them out.
    beside: BTreeMap<ChannelId, (BTreeSet<Endpoint>, Instant)>,
    /// The last list, if every channel of it could be read.
    last: Option<LastList>,
}

impl Observer {
    /// An observer for `owner` with at most `concurrency` Describes under way at once.
    pub fn new(client: MediaLive, concurrency: usize, owner: OwnerId) -> Self {
        Self {
            client,
            concurrency: concurrency.max(1),
            owner,
            known: BTreeMap::new(),
            distrusted: BTreeMap::new(),
            missing: BTreeSet::new(),
            layouts: Layouts::default(),
            assumes_from: usize::MAX,
            pages: 0,
            progress: Progress::default(),
            beside: BTreeMap::new(),
            last: None,
        }
    }

    /// The same that takes the list at its word from so many channels on of which nothing is known.
    #[must_use]
    pub fn assuming_from(self, channels: usize) -> Self {
        let assumes_from = channels;
        Self { assumes_from, ..self }
    }

    /// Looks at the channels `wanted`, and what else may be on air. Fails only where the list fails; what goes wrong with a
    /// single channel is part of the answer.
    pub async fn look<'ids>(
        &mut self,
        wanted: impl Iterator<Item = &'ids ChannelId>,
    ) -> Result<AccountView, CallError> {
        let listing = self.list().await?;
        Ok(self.view(&listing, wanted, &BTreeSet::new()).await)
    }

    /// The first half of [`Self::look`].
    pub async fn list(&mut self) -> Result<Listing, CallError> {
        self.progress.begin();
        let asked = Instant::now();
        let (channels, pages) = self.client.list_by_page().await?;
        self.pages = pages;
        let channels = channels.into_iter();
        let channels = channels.map(|summary| (summary.id.clone(), summary)).collect();
        Ok(Listing { channels, asked })
    }

    /// The second half of [`Self::look`]. For channels with a step `under_way` the list may show the effect before the answer
    /// of the step: those are as they were, until the answer says more.
    pub async fn view<'ids>(
        &mut self,
        listing: &Listing,
        wanted: impl Iterator<Item = &'ids ChannelId>,
        under_way: &BTreeSet<ChannelId>,
    ) -> AccountView {
        let Listing {
            channels: listed,
            asked,
        } = listing;
        let wanted: BTreeSet<&ChannelId> = wanted.collect();
        let ours = self.ours_beside(&wanted, listed);
        let mut view = AccountView::default();
        let mut to_describe = Vec::new();
        for id in wanted.into_iter().chain(&ours) {
            let seen = self.as_listed(id, listed.get(id), *asked);
            let seen = seen.or_else(|| self.as_before(id).filter(|_| under_way.contains(id)));
            match seen {
                Some(observation) => {
                    view.channels.insert(id.clone(), observation);
                }
                None => to_describe.push(id.clone()),
            }
        }
        let rest = self.assume(to_describe, listed, &mut view.channels).await;
        self.describe_all(rest, &mut view.channels).await;
        self.sort_out(&ours, &mut view);
        self.note_beside(listed, &mut view);
        self.note_unseen(listed, &mut view);
        let seen = &view.channels;
        self.known.retain(|id, _| seen.contains_key(id));
        self.distrusted.retain(|id, _| seen.contains_key(id));
        self.missing.retain(|id| seen.contains_key(id));
        self.layouts.retain(listed.values());
        let mut observations = view.channels.values();
        let is_whole = !observations.any(|one| matches!(one, ChannelObservation::Unreadable { .. }));
        self.last = is_whole.then(|| LastList {
            asked: *asked,
            elsewhere: view.elsewhere.clone(),
        });
        view
    }

    /// Looks at the channels `ids` by themselves. Whether one is in another state than before, or cannot be read: then
    /// all that follows is for a plan to say.
    pub async fn glance(&mut self, ids: &[ChannelId]) -> bool {
        self.progress.begin();
        let asked = Instant::now();
        let before: Vec<_> = ids.iter().map(|id| self.state(id)).collect();
        let mut seen = BTreeMap::new();
        self.describe_all(ids.to_vec(), &mut seen).await;
        for (id, before) in ids.iter().zip(&before) {
            if let Some(known) = self.known.get_mut(id)
                && (*before, known.now().state) == (Some(ChannelState::Updating), ChannelState::Idle)
            {
                known.settle(asked);
            }
        }
        let mut all = ids.iter().zip(before);
        all.any(|(id, before)| !matches!(seen[id], ChannelObservation::Seen(_)) || self.state(id) != before)
    }

    fn state(&self, id: &ChannelId) -> Option<ChannelState> {
        self.known.get(id).map(|known| known.now().state)
    }

    /// What the last [`Self::look`] showed, with what was seen of channels by themselves since, and when its list was asked for;
    /// `None` where that is too old or leaves a doubt.
    pub fn view_again<'ids>(
        &self,
        wanted: impl Iterator<Item = &'ids ChannelId>,
    ) -> Option<(AccountView, Instant)> {
        let last = self.last.as_ref()?;
        if last.asked.elapsed() >= LIST_GOOD_FOR || !self.distrusted.is_empty() {
            return None;
        }
        let wanted: BTreeSet<&ChannelId> = wanted.collect();
        let mut channels = BTreeMap::new();
        for id in &wanted {
            let missing = || self.missing.contains(*id).then_some(ChannelObservation::Missing);
            channels.insert((*id).clone(), self.as_before(id).or_else(missing)?);
        }
        for (id, known) in self.known.iter().filter(|(id, _)| !wanted.contains(id)) {
            // What else is on it by now only a list tells.
            if !known.is_of_interest_to(&self.owner) {
                return None;
            }
            channels.insert(id.clone(), ChannelObservation::Seen(Box::new(known.observed(id))));
        }
        let elsewhere = last.elsewhere.clone();
        Some((AccountView { channels, elsewhere }, last.asked))
    }

    /// A channel as it was known before this look, unless that is distrusted.
    fn as_before(&self, id: &ChannelId) -> Option<ChannelObservation> {
        let known = self.known.get(id).filter(|_| !self.distrusted.contains_key(id))?;
        Some(ChannelObservation::Seen(Box::new(known.observed(id))))
    }

    /// How far the look has come that is under way.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many pages the last list had: as many calls it costs.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// What is assumed of a channel that was never looked at by itself; `None` where it was.
    pub fn assumed(&self, id: &ChannelId) -> Option<ObservedChannel> {
        let known = self.known.get(id).filter(|known| known.is_assumed())?;
        Some(known.observed(id))
    }

    /// A channel as it was last seen.
    pub fn seen(&self, id: &ChannelId) -> Option<ObservedChannel> {
        Some(self.known.get(id)?.observed(id))
    }

    /// When a channel was first seen stopped after an update by slotwise, if that is the last that is known of it.
    pub fn settled(&self, id: &ChannelId) -> Option<Instant> {
        self.known.get(id)?.settled()
    }

    /// Adds what the list shows of the channels `new`, where there are many, and those that are described for that. The rest
    /// has to be described.
    async fn assume(
        &mut self,
        new: Vec<ChannelId>,
        listed: &BTreeMap<ChannelId, Summary>,
        seen: &mut BTreeMap<ChannelId, ChannelObservation>,
    ) -> Vec<ChannelId> {
        let is_new = |id: &ChannelId| !self.known.contains_key(id);
        let mut rest = new;
        if rest.iter().filter(|id| is_new(id)).count() >= self.assumes_from {
            let samples = self.samples(&rest, listed);
            rest.retain(|id| !samples.contains(id));
            self.describe_all(samples, seen).await;
            rest.retain(|id| match self.as_assumed(id, listed.get(id)) {
                Some(channel) => {
                    seen.insert(id.clone(), ChannelObservation::Seen(Box::new(channel)));
                    false
                }
                None => true,
            });
        }
        let on_air = |known: &Known| known.is_assumed() && may_be_on_air(known.now().state);
        let unsure = self.known.iter().filter(|(_, known)| on_air(known));
        rest.extend(unsure.map(|(id, _)| id.clone()).take(CONFIRMED_MAX));
        rest
    }

    /// One channel of each making that is not known yet.
    fn samples(&self, ids: &[ChannelId], listed: &BTreeMap<ChannelId, Summary>) -> Vec<ChannelId> {
        let mut shapes = BTreeSet::new();
        let is_first = |id: &&ChannelId| {
            let listed = listed.get(*id).filter(|listed| !self.layouts.has(listed));
            listed.is_some_and(|listed| shapes.insert(listed.shape()))
        };
        ids.iter().filter(is_first).cloned().collect()
    }

    fn as_assumed(&mut self, id: &ChannelId, listed: Option<&Summary>) -> Option<ObservedChannel> {
        if self.known.contains_key(id) || self.distrusted.contains_key(id) {
            return None;
        }
        let listed = listed?;
        let channel = self.layouts.assume(listed, &self.owner)?;
        let known = Known::assumed(channel.clone(), listed);
        self.known.insert(id.clone(), known);
        Some(channel)
    }

    /// Takes note of the answer of a call by slotwise, or of the look before it.
    pub fn remember(&mut self, after: &ChannelDocument) {
        let id = after.summary.id.clone();
        self.distrusted.remove(&id);
        self.keep(&id, after);
    }

    /// Makes the next look ask for this channel itself: a call may or may not have had its effect, which was to
    /// point slots at `endpoints`.
    pub fn distrust(&mut self, id: &ChannelId, endpoints: impl IntoIterator<Item = Endpoint>) {
        self.distrusted.entry(id.clone()).or_default().extend(endpoints);
    }

    /// Channels that are not `wanted` and may be ours and on air, by the list or by what is known better.
    fn ours_beside(
        &self,
        wanted: &BTreeSet<&ChannelId>,
        listed: &BTreeMap<ChannelId, Summary>,
    ) -> BTreeSet<ChannelId> {
        let is_ours = |one: &Summary| one.owner.as_ref() == Some(&self.owner) && may_be_on_air(one.state);
        let by_list = listed.iter().filter(|(_, one)| is_ours(one)).map(|(id, _)| id);
        let known = self.known.iter();
        let by_memory = known.filter(|(_, known)| known.is_of_interest_to(&self.owner));
        let all = by_list.chain(by_memory.map(|(id, _)| id));
        let all = all.chain(self.distrusted.keys());
        all.filter(|id| !wanted.contains(id)).cloned().collect()
    }

    /// Of `ours`, which were not requested, keeps those in the view that are owned and may be on air after all.
    fn sort_out(&self, ours: &BTreeSet<ChannelId>, view: &mut AccountView) {
        for id in ours {
            let is_of_interest = match view.channels.get(id) {
                Some(ChannelObservation::Seen(one)) => {
                    one.owner.as_ref() == Some(&self.owner) && may_be_on_air(one.state)
                }
                Some(ChannelObservation::Unreadable { .. }) => true,
                Some(ChannelObservation::Missing) | None => false,
            };
            if is_of_interest {
                continue;
            }
            if let Some(ChannelObservation::Seen(one)) = view.channels.remove(id)
                && one.state.may_publish()
                && let Some(known) = self.known.get(id)
            {
                let endpoints = known.now().endpoints().cloned().collect();
                view.elsewhere.insert(id.clone(), endpoints);
            }
        }
    }

    /// Adds what all channels may be on air with that are not in the view.
    fn note_beside(&mut self, listed: &BTreeMap<ChannelId, Summary>, view: &mut AccountView) {
        let now = Instant::now();
        self.beside
            .retain(|id, (_, at)| !listed.contains_key(id) && now < *at + LIST_LAG_MAX);
        for (id, one) in listed.iter().filter(|(_, one)| one.state.may_publish()) {
            if !view.channels.contains_key(id) && !view.elsewhere.contains_key(id) {
                let endpoints: BTreeSet<Endpoint> = one.rtmp_endpoints().collect();
                if !endpoints.is_empty() {
                    self.beside.insert(id.clone(), (endpoints, now));
                }
            }
        }
        for (id, (endpoints, _)) in &self.beside {
            if !view.channels.contains_key(id) {
                let all = view.elsewhere.entry(id.clone()).or_default();
                all.extend(endpoints.iter().cloned());
            }
        }
    }

    /// What the list alone shows of a channel; `None` where a Describe is needed.
    fn as_listed(
        &mut self,
        id: &ChannelId,
        listed: Option<&Summary>,
        asked: Instant,
    ) -> Option<ChannelObservation> {
        let Some(listed) = listed else {
            // Not listed: a list may lag behind, so missing is said by Describe alone, once.
            return self.missing.contains(id).then_some(ChannelObservation::Missing);
        };
        self.missing.remove(id);
        if self.distrusted.contains_key(id) {
            return None;
        }
        if listed.state == ChannelState::Deleted {
            return Some(ChannelObservation::Missing);
        }
        let channel = self.known.get_mut(id)?.as_listed(listed, asked)?;
        Some(ChannelObservation::Seen(Box::new(channel)))
    }

    /// Adds what may be on air on unseen channels: all that is known of such a channel, unless it is stopped as far as known.
    fn note_unseen(&self, listed: &BTreeMap<ChannelId, Summary>, view: &mut AccountView) {
        let now = Instant::now();
        for (id, observation) in &view.channels {
            if !matches!(observation, ChannelObservation::Unreadable { .. }) {
                continue;
            }
            let (listed, in_doubt) = (listed.get(id), self.distrusted.get(id));
            let known: Vec<&Look> = match self.known.get(id) {
                Some(known) => known.looks(now).collect(),
                None => Vec::new(),
            };
            let mut states = listed
                .map(|look| look.state)
                .into_iter()
                .chain(known.iter().map(|look| look.state));
            if in_doubt.is_some() || states.any(|state| !state.is_stopped()) {
                let all = view.elsewhere.entry(id.clone()).or_default();
                all.extend(listed.into_iter().flat_map(Summary::rtmp_endpoints));
                all.extend(known.iter().flat_map(|look| look.endpoints()).cloned());
                all.extend(in_doubt.into_iter().flatten().cloned());
            }
        }
    }

    async fn describe_all(
        &mut self,
        ids: Vec<ChannelId>,
        seen: &mut BTreeMap<ChannelId, ChannelObservation>,
    ) {
        // Overwritten by the answer; stays where the task that asks for it does not come back.
        let no_answer = || ChannelObservation::Unreadable {
            why: "the look at it was cut off".to_owned(),
        };
        seen.extend(ids.iter().map(|id| (id.clone(), no_answer())));
        self.progress.expect(ids.len());
        let mut waiting = ids.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < self.concurrency
                && let Some(id) = waiting.next()
            {
                let client = self.client.clone();
                under_way.spawn(async move {
                    let answer = client.describe(&id).await;
                    (id, answer)
                });
            }
            let Some(joined) = under_way.join_next().await else {
                break;
            };
            self.progress.one_is_done();
            let Ok((id, answer)) = joined else { continue };
            let observation = self.record(&id, answer);
            seen.insert(id, observation);
        }
    }

    fn record(&mut self, id: &ChannelId, answer: Result<ChannelDocument, CallError>) -> ChannelObservation {
        let gone = match &answer {
            Ok(document) => document.summary.state == ChannelState::Deleted,
            Err(error) => error.kind == CallErrorKind::NotFound,
        };
        if gone {
            self.distrusted.remove(id);
            self.known.remove(id);
            self.missing.insert(id.clone());
            return ChannelObservation::Missing;
        }
        match answer {
            Ok(document) => {
                self.distrusted.remove(id);
                ChannelObservation::Seen(Box::new(self.keep(id, &document)))
            }
            Err(error) => ChannelObservation::Unreadable {
                why: error.to_string(),
            },
        }
    }

    fn keep(&mut self, id: &ChannelId, document: &ChannelDocument) -> ObservedChannel {
        self.layouts.learn(document);
        match self.known.get_mut(id) {
            Some(known) => known.accept(document),
            None => self
                .known
                .entry(id.clone())
                .or_insert_with(|| Known::new(document)),
        }
        .observed(id)
    }
}
