//! What is remembered of a channel, so that a list tells the rest of it.
//!
//! Not the document: what a list shows is compared by its fingerprint, and what the planner sees was read from it once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::medialive::{ChannelDocument, Summary};
use crate::model::{
    ChannelClass, ChannelId, ChannelState, Endpoint, ObservedChannel, ObservedGroup, OwnerId,
};

/// How long a list may still show what a channel was before. Whether lists are consistent right after a change is
/// not known (facts, unconfirmed 5).
const LIST_LAG_MAX: Duration = Duration::from_mins(1);

/// How many former looks of one channel are remembered: more changes than that do not fit into [`LIST_LAG_MAX`].
const FORMER_MAX: usize = 16;

/// A channel as it was last known, and how it was shortly before.
#[derive(Debug)]
pub(super) struct Known {
    now: Look,
    /// What a list that lags behind may still show, each until when.
    former: VecDeque<(Look, Instant)>,
}

/// How a channel was at one moment.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) state: ChannelState,
    owner: Option<OwnerId>,
    configuration: Arc<Configuration>,
}

/// What of a channel changes only while it is stopped.
#[derive(Debug, PartialEq, Eq)]
struct Configuration {
    /// [`Summary::fingerprint`].
    fingerprint: u64,
    arn: Arc<str>,
    name: Arc<str>,
    class: ChannelClass,
    groups: Arc<Vec<ObservedGroup>>,
    /// What its destinations point at that are none of the groups'.
    others: Vec<Endpoint>,
}

impl Known {
    /// A channel that was never seen before.
    pub(super) fn new(document: &ChannelDocument) -> Self {
        Self {
            now: Look::new(document),
            former: VecDeque::new(),
        }
    }

    /// Takes `document` for the newest there is.
    pub(super) fn accept(&mut self, document: &ChannelDocument) -> &Self {
        let mut look = Look::new(document);
        if look.configuration == self.now.configuration {
            look.configuration = Arc::clone(&self.now.configuration);
        }
        self.replace(look);
        self
    }

    /// The channel as `listed` shows it; `None` where only Describe can tell.
    pub(super) fn as_listed(&mut self, listed: &Summary) -> Option<ObservedChannel> {
        let fingerprint = listed.fingerprint();
        let shows = |look: &Look| look.is(listed.state, listed.owner.as_ref(), fingerprint);
        let now = Instant::now();
        let may_be_old = || {
            self.former
                .iter()
                .any(|(look, until)| now < *until && look.may_show(listed.state, fingerprint))
        };
        if !shows(&self.now) && may_be_old() || self.now.configuration.fingerprint != fingerprint {
            return None;
        }
        self.replace(Look {
            state: listed.state,
            owner: listed.owner.clone(),
            configuration: Arc::clone(&self.now.configuration),
        });
        Some(self.observed(&listed.id))
    }

    /// The channel as the planner sees it.
    pub(super) fn observed(&self, id: &ChannelId) -> ObservedChannel {
        let Look {
            state,
            owner,
            configuration,
        } = &self.now;
        ObservedChannel {
            id: id.clone(),
            arn: Arc::clone(&configuration.arn),
            name: Arc::clone(&configuration.name),
            class: configuration.class,
            state: *state,
            owner: owner.clone(),
            tags: Arc::default(),
            groups: Arc::clone(&configuration.groups),
            others: Arc::default(),
            stray_endpoints: Arc::default(),
            trouble: None,
        }
    }

    /// How it is, and how a list that lags behind may still show it.
    pub(super) fn looks(&self, now: Instant) -> impl Iterator<Item = &Look> {
        let former = self.former.iter().filter(move |(_, until)| now < *until);
        std::iter::once(&self.now).chain(former.map(|(look, _)| look))
    }

    fn replace(&mut self, look: Look) {
        let now = Instant::now();
        self.former.retain(|(_, until)| now < *until);
        let before = std::mem::replace(&mut self.now, look);
        let (owner, fingerprint) = (before.owner.as_ref(), before.configuration.fingerprint);
        if self.now.is(before.state, owner, fingerprint) {
            return;
        }
        let between = self.now.missed_since(&before);
        for look in [Some(before), between].into_iter().flatten() {
            if self.former.len() == FORMER_MAX {
                self.former.pop_front();
            }
            self.former.push_back((look, now + LIST_LAG_MAX));
        }
    }
}

impl Look {
    fn new(document: &ChannelDocument) -> Self {
        let summary = &document.summary;
        let ObservedChannel {
            arn,
            name,
            class,
            state,
            owner,
            groups,
            ..
        } = document.observed();
        let mut others = summary.endpoints();
        others.retain(|endpoint| !endpoints(&groups).any(|known| known == endpoint));
        others.shrink_to_fit();
        let configuration = Configuration {
            fingerprint: summary.fingerprint(),
            arn,
            name,
            class,
            groups,
            others,
        };
        Self {
            state,
            owner,
            configuration: Arc::new(configuration),
        }
    }

    fn is(&self, state: ChannelState, owner: Option<&OwnerId>, fingerprint: u64) -> bool {
        self.state == state && self.owner.as_ref() == owner && self.configuration.fingerprint == fingerprint
    }

    /// Whether a list that lags behind may show this. Tags are kept apart from the channel, and may be of another time.
    fn may_show(&self, state: ChannelState, fingerprint: u64) -> bool {
        self.state == state && self.configuration.fingerprint == fingerprint
    }

    /// How it was for a while that nobody saw, if it has changed in both ways since it was as `before`: in the state of
    /// then, with the configuration of now. An update begins with `UPDATING`, so that a new one shows nowhere before.
    fn missed_since(&self, before: &Self) -> Option<Self> {
        let fingerprint = before.configuration.fingerprint;
        let changed_both = self.state != before.state && self.configuration.fingerprint != fingerprint;
        (changed_both && self.state != ChannelState::Updating).then(|| Self {
            state: before.state,
            ..self.clone()
        })
    }

    /// Everything that any of its destinations points at, slot or not.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        endpoints(&self.configuration.groups).chain(&self.configuration.others)
    }
}

fn endpoints(groups: &[ObservedGroup]) -> impl Iterator<Item = &Endpoint> {
    let targets = groups.iter().filter_map(|group| group.target.as_ref().ok());
    targets.flat_map(|target| target.0.iter())
}
