//! Looking at the world: one List, and a Describe where the list cannot tell.
//!
//! A list shows states, tags and targets of all channels, but not which output group uses which destination. That
//! wiring can only change while a channel is stopped, so it is asked for once per channel and again when the list
//! shows another configuration. A steady look therefore costs one List per page and nothing else.
//!
//! A list may lag behind. What it shows of a channel is taken for new unless the channel is known to have been just so
//! within the last minute: then only Describe can tell whether it is so again or still.

mod known;

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;
use tokio::time::Instant;

use self::known::{Known, Look};
use crate::medialive::{CallError, ChannelDocument, Kind, MediaLive, Summary};
use crate::model::{ChannelId, ChannelObservation, ChannelState, Endpoint, ObservedChannel};

/// Looks, and remembers what need not be asked again.
#[derive(Debug)]
pub struct Observer {
    client: MediaLive,
    concurrency: usize,
    known: BTreeMap<ChannelId, Known>,
    /// Channels that the list is not trusted about: a call of ours may or may not have had its effect. With what the
    /// call was to point their slots at.
    distrusted: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
    /// Channels that Describe said do not exist. Until a list shows one it is not asked for again.
    missing: BTreeSet<ChannelId>,
    /// What may be on air on channels that the last look could not see whole.
    unseen: BTreeSet<Endpoint>,
}

impl Observer {
    /// An observer with at most `concurrency` Describes under way at once.
    pub fn new(client: MediaLive, concurrency: usize) -> Self {
        Self {
            client,
            concurrency: concurrency.max(1),
            known: BTreeMap::new(),
            distrusted: BTreeMap::new(),
            missing: BTreeSet::new(),
            unseen: BTreeSet::new(),
        }
    }

    /// Looks at the channels `wanted`. Fails only where the list fails; what goes wrong with a single channel is
    /// part of the answer.
    pub async fn look<'ids>(
        &mut self,
        wanted: impl Iterator<Item = &'ids ChannelId>,
    ) -> Result<BTreeMap<ChannelId, ChannelObservation>, CallError> {
        let listed: BTreeMap<ChannelId, Summary> = self
            .client
            .list()
            .await?
            .into_iter()
            .map(|summary| (summary.id.clone(), summary))
            .collect();
        let mut seen = BTreeMap::new();
        let mut to_describe = Vec::new();
        for id in wanted {
            match self.as_listed(id, listed.get(id)) {
                Some(observation) => {
                    seen.insert(id.clone(), observation);
                }
                None => to_describe.push(id.clone()),
            }
        }
        self.describe_all(to_describe, &mut seen).await;
        self.known.retain(|id, _| seen.contains_key(id));
        self.distrusted.retain(|id, _| seen.contains_key(id));
        self.missing.retain(|id| seen.contains_key(id));
        self.note_unseen(&seen, &listed);
        Ok(seen)
    }

    /// Takes note of what a call of ours, or the look before it, answered.
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

    /// Whether one of `endpoints` may be on air on a channel that the last look could not see whole.
    ///
    /// The planner knows nothing of what such a channel carries. Starting another channel with one of its targets
    /// would publish one key twice, so whoever takes steps has to ask.
    pub fn may_be_on_air_unseen(&self, endpoints: &BTreeSet<Endpoint>) -> bool {
        !self.unseen.is_disjoint(endpoints)
    }

    /// What the list alone tells of a channel; `None` where only Describe can.
    fn as_listed(&mut self, id: &ChannelId, listed: Option<&Summary>) -> Option<ChannelObservation> {
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
        let channel = self.known.get_mut(id)?.as_listed(listed)?;
        Some(ChannelObservation::Seen(Box::new(channel)))
    }

    /// Takes note of what may be on air where nobody could look: all that is known of such a channel, unless it is
    /// stopped for all that is known.
    fn note_unseen(
        &mut self,
        seen: &BTreeMap<ChannelId, ChannelObservation>,
        listed: &BTreeMap<ChannelId, Summary>,
    ) {
        self.unseen.clear();
        let now = Instant::now();
        for (id, observation) in seen {
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
                self.unseen
                    .extend(listed.into_iter().flat_map(Summary::endpoints));
                self.unseen
                    .extend(known.iter().flat_map(|look| look.endpoints()).cloned());
                self.unseen.extend(in_doubt.into_iter().flatten().cloned());
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
            let Ok((id, answer)) = joined else { continue };
            let observation = self.record(&id, answer);
            seen.insert(id, observation);
        }
    }

    fn record(&mut self, id: &ChannelId, answer: Result<ChannelDocument, CallError>) -> ChannelObservation {
        let gone = match &answer {
            Ok(document) => document.summary.state == ChannelState::Deleted,
            Err(error) => error.kind == Kind::NotFound,
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
