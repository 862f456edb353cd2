//! What is remembered of a channel, so that a list shows the rest.
//!
//! Not the document: what a list shows is compared by its fingerprint, and what the planner sees was read from it once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::medialive::{ChannelDocument, Summary};
use crate::model::{
    ChannelClass, ChannelId, ChannelState, ChannelTags, Endpoint, ObservedChannel, ObservedGroup, OtherGroup,
    OwnerId,
};

/// How long a list may still show what a channel was before. Whether lists are consistent right after a change is
/// not known (facts, unconfirmed 5).
pub(super) const LIST_LAG_MAX: Duration = Duration::from_mins(1);

/// How many previous looks of one channel are remembered: more changes than that do not fit into [`LIST_LAG_MAX`].
const PREVIOUS_MAX: usize = 16;

/// A channel as it was last known, and how it was shortly before.
#[derive(Debug)]
pub(super) struct Known {
    now: Look,
    /// What a list that lags behind may still show, each until when.
    previous: VecDeque<(Look, Instant)>,
    /// It was never looked at by itself: how it is wired is assumed.
    is_assumed: bool,
    /// When it was last looked at by itself.
    accepted: Option<Instant>,
    /// When the look was begun that showed the end of an update first.
    settled: Option<Instant>,
}

/// How a channel was at one moment.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) state: ChannelState,
    tags: Tags,
    configuration: Arc<Configuration>,
}

/// What of a channel may change in any state, and is kept apart from it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tags {
    owner: Option<OwnerId>,
    slots: Arc<ChannelTags>,
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
    others: Arc<[OtherGroup]>,
    stray_endpoints: Arc<[Endpoint]>,
}

impl Known {
    /// A channel that was never seen before.
    pub(super) fn new(document: &ChannelDocument) -> Self {
        Self {
            now: Look::new(document),
            previous: VecDeque::new(),
            is_assumed: false,
            accepted: Some(Instant::now()),
            settled: None,
        }
    }

    /// A channel that is `channel` by a list and by others like it.
    pub(super) fn assumed(channel: ObservedChannel, listed: &Summary) -> Self {
        Self {
            now: Look::of(channel, listed),
            previous: VecDeque::new(),
            is_assumed: true,
            accepted: None,
            settled: None,
        }
    }

    /// When the look was begun that showed the end of an update, if nothing newer is known. A list that shows it is no older
    /// than the update, however far lists lag behind.
    pub(super) fn settled(&self) -> Option<Instant> {
        self.settled
    }

    /// Whether how it is wired is assumed only.
    pub(super) fn is_assumed(&self) -> bool {
        self.is_assumed
    }

    /// Takes `document` for the newest there is.
    pub(super) fn accept(&mut self, document: &ChannelDocument) -> &Self {
        (self.is_assumed, self.settled) = (false, None);
        self.accepted = Some(Instant::now());
        let mut look = Look::new(document);
        if look.configuration == self.now.configuration {
            look.configuration = Arc::clone(&self.now.configuration);
        }
        if look.tags == self.now.tags {
            look.tags = self.now.tags.clone();
        }
        self.replace(look);
        self
    }

    /// Takes note that the look which began at `asked`, and was accepted, showed the end of an update first.
    pub(super) fn settle(&mut self, asked: Instant) {
        self.settled = Some(asked);
    }

    /// The channel as a list shows it that was asked for at `asked`; `None` where a Describe is needed.
    pub(super) fn as_listed(&mut self, listed: &Summary, asked: Instant) -> Option<ObservedChannel> {
        // It was looked at by itself since.
        if self.accepted.is_some_and(|at| at > asked) {
            return Some(self.observed(&listed.id));
        }
        let fingerprint = listed.fingerprint();
        let has_tags = |look: &Look| look.tags.are_of(listed);
        let is_now = self.now.may_show(listed.state, fingerprint) && has_tags(&self.now);
        let now = Instant::now();
        let may_be_old = || {
            // Tags may be of another time than the rest.
            let has_old_tags = !has_tags(&self.now);
            let previous = self.previous.iter().filter(|(_, until)| now < *until);
            let mut previous = previous.map(|(look, _)| look);
            previous.any(|look| {
                look.may_show(listed.state, fingerprint) || has_old_tags && look.tags.are_of(listed)
            })
        };
        if self.now.configuration.fingerprint != fingerprint || !is_now && may_be_old() {
            return None;
        }
        let tags = if has_tags(&self.now) {
            self.now.tags.clone()
        } else {
            Tags::of(listed)
        };
        if self.now.state != listed.state {
            let was_updated = self.now.state == ChannelState::Updating && listed.state == ChannelState::Idle;
            self.settled = was_updated.then_some(asked);
        }
        self.replace(Look {
            state: listed.state,
            tags,
            configuration: Arc::clone(&self.now.configuration),
        });
        Some(self.observed(&listed.id))
    }

    /// The channel as the planner sees it.
    pub(super) fn observed(&self, id: &ChannelId) -> ObservedChannel {
        let Look {
            state,
            tags,
            configuration,
        } = &self.now;
        ObservedChannel {
            id: id.clone(),
            arn: Arc::clone(&configuration.arn),
            name: Arc::clone(&configuration.name),
            class: configuration.class,
            state: *state,
            owner: tags.owner.clone(),
            tags: Arc::clone(&tags.slots),
            groups: Arc::clone(&configuration.groups),
            others: Arc::clone(&configuration.others),
            stray_endpoints: Arc::clone(&configuration.stray_endpoints),
            trouble: None,
        }
    }

    /// Whether it belongs to `owner` and may publish, or is on its way to another state.
    pub(super) fn is_of_interest_to(&self, owner: &OwnerId) -> bool {
        self.now.tags.owner.as_ref() == Some(owner) && may_be_on_air(self.now.state)
    }

    /// How it is, as far as is known.
    pub(super) fn now(&self) -> &Look {
        &self.now
    }

    /// How it is, and how a list that lags behind may still show it.
    pub(super) fn looks(&self, now: Instant) -> impl Iterator<Item = &Look> {
        let previous = self.previous.iter().filter(move |(_, until)| now < *until);
        std::iter::once(&self.now).chain(previous.map(|(look, _)| look))
    }

    fn replace(&mut self, look: Look) {
        let now = Instant::now();
        self.previous.retain(|(_, until)| now < *until);
        let before = std::mem::replace(&mut self.now, look);
        if self.now.may_show(before.state, before.configuration.fingerprint) && self.now.tags == before.tags {
            return;
        }
        let between = self.now.missed_since(&before);
        for look in [Some(before), between].into_iter().flatten() {
            if self.previous.len() == PREVIOUS_MAX {
                self.previous.pop_front();
            }
            self.previous.push_back((look, now + LIST_LAG_MAX));
        }
    }
}

impl Look {
    fn new(document: &ChannelDocument) -> Self {
        Self::of(document.observed(), &document.summary)
    }

    fn of(channel: ObservedChannel, summary: &Summary) -> Self {
        let ObservedChannel {
            arn,
            name,
            class,
            state,
            groups,
            others,
            stray_endpoints,
            ..
        } = channel;
        let configuration = Configuration {
            fingerprint: summary.fingerprint(),
            arn,
            name,
            class,
            groups,
            others,
            stray_endpoints,
        };
        Self {
            state,
            tags: Tags::of(summary),
            configuration: Arc::new(configuration),
        }
    }

    /// Whether a list that lags behind may show this, whatever the tags.
    fn may_show(&self, state: ChannelState, fingerprint: u64) -> bool {
        self.state == state && self.configuration.fingerprint == fingerprint
    }

    /// An unseen state in between, if both state and configuration have changed since `before`: the old state with the new
    /// configuration. An update begins with `UPDATING`, so that a new configuration shows nowhere before.
    fn missed_since(&self, before: &Self) -> Option<Self> {
        let fingerprint = before.configuration.fingerprint;
        let changed_both = self.state != before.state && self.configuration.fingerprint != fingerprint;
        (changed_both && self.state != ChannelState::Updating).then(|| Self {
            state: before.state,
            ..self.clone()
        })
    }

    /// Everything that any of its destinations pushes to, slot or not.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let groups = self.configuration.groups.iter();
        let targets = groups.filter_map(|group| group.target.as_ref().ok());
        let slots = targets.flat_map(|target| target.0.iter());
        slots.chain(self.configuration.stray_endpoints.iter())
    }
}

impl Tags {
    fn of(summary: &Summary) -> Self {
        Self {
            owner: summary.owner.clone(),
            slots: Arc::clone(&summary.tags),
        }
    }

    fn are_of(&self, summary: &Summary) -> bool {
        self.owner == summary.owner && self.slots == summary.tags
    }
}

/// Whether a channel in this state is, or may soon be, on air.
pub(super) fn may_be_on_air(state: ChannelState) -> bool {
    state.may_publish() || matches!(state, ChannelState::Creating | ChannelState::Updating)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(state: &str, tags: &str) -> String {
        let destinations = r#"[{"id":"d","settings":[{"url":"rtmp://a/b","streamName":"k"}]}]"#;
        format!(
            r#"{{"id":"1","arn":"arn","state":"{state}","tags":{{{tags}}},"destinations":{destinations}}}"#
        )
    }

    fn described(state: &str, tags: &str) -> ChannelDocument {
        ChannelDocument::parse(channel(state, tags).as_bytes()).unwrap()
    }

    fn listed(state: &str, tags: &str) -> Summary {
        let page = format!(r#"{{"channels":[{}]}}"#, channel(state, tags));
        Summary::parse_page(page.as_bytes()).unwrap().0.remove(0)
    }

    const OURS: &str = r#""slotwise.dev/owner":"us","slotwise.dev/slot/s":"a 1234""#;

    /// Found without tags, then adopted and started by us.
    fn adopted_and_started() -> Known {
        let mut known = Known::new(&described("IDLE", ""));
        known.accept(&described("IDLE", OURS));
        known.accept(&described("STARTING", OURS));
        known
    }

    #[tokio::test(start_paused = true)]
    async fn tags_of_before_are_not_believed_beside_a_state_of_now() {
        let mut known = adopted_and_started();
        assert_eq!(known.as_listed(&listed("STARTING", ""), Instant::now()), None);
        assert_eq!(known.as_listed(&listed("RUNNING", ""), Instant::now()), None);
        let running = known.as_listed(&listed("RUNNING", OURS), Instant::now()).unwrap();
        assert_eq!((running.owner, running.tags.count), (Some("us".into()), 2));
        tokio::time::advance(LIST_LAG_MAX).await;
        let bare = known.as_listed(&listed("RUNNING", ""), Instant::now()).unwrap();
        assert_eq!((bare.owner, bare.tags.count), (None, 0), "they were removed");
    }

    #[tokio::test(start_paused = true)]
    async fn tags_that_never_were_before_are_new() {
        let mut known = adopted_and_started();
        let other = r#""slotwise.dev/owner":"us","slotwise.dev/slot/s":"b 5678""#;
        let seen = known
            .as_listed(&listed("STARTING", other), Instant::now())
            .unwrap();
        assert_eq!(seen.tags.of(&"s".into()).unwrap().to_string(), "b 5678");
    }
}
