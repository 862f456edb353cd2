//! What of the tags MediaLive has refused, and until when it is not tried again.
//!
//! Without this each cycle would ask for what was denied a moment ago.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{ChannelObservation, Observed, Recording};
use crate::plan::Action;

/// How long a denied call is not tried again: long enough to cost next to nothing, and short enough that a changed policy
/// is noticed without a restart.
const TRIED_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// What was denied, each until when.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// Writing tags of slots, with what MediaLive said, until such a tag is written.
    slots: Option<(String, Instant)>,
    /// Writing or removing the tag of a takeover, with what MediaLive said, until one is written.
    takeovers: Option<(String, Instant)>,
    /// Removing tags that have no slot.
    leftovers: Option<Instant>,
}

impl Denials {
    /// Takes note of what came of `action`, which was accepted. Returns what is denied, as far as that is news.
    pub(super) fn note(
        &mut self,
        action: &Action,
        recording: Recording,
        takeovers: Recording,
        keeps_leftovers: bool,
    ) -> Vec<String> {
        let until = Instant::now() + TRIED_AGAIN_AFTER;
        if keeps_leftovers {
            self.leftovers = Some(until);
        }
        let mut news = Vec::new();
        if let Recording::Denied { why } = takeovers {
            if self.takeovers.is_none() {
                news.push(format!(
                    "{why}; takeover: true waits until medialive:CreateTags and medialive:DeleteTags are allowed for it, as \
                     manifests/iam-policy.json does"
                ));
            }
            self.takeovers = Some((why, until));
            // Nothing else was written.
            return news;
        }
        if action.takeover().is_some() {
            self.takeovers = None;
        }
        match recording {
            Recording::Denied { why } => {
                if self.slots.is_none() {
                    news.push(why.clone());
                }
                self.slots = Some((why, until));
            }
            Recording::Allowed if !action.tags().is_empty() => self.slots = None,
            Recording::Allowed => {}
        }
        news
    }

    /// Whether tags of takeovers are written and removed now.
    pub(super) fn takeovers(&self) -> Recording {
        now(self.takeovers.as_ref())
    }

    /// Why slots are not recorded, from the first refusal until a tag could be written.
    pub(super) fn denied(&self) -> Option<&str> {
        self.slots.as_ref().map(|(why, _)| why.as_str())
    }

    /// Whether tags of slots are written now.
    pub(super) fn recording(&self) -> Recording {
        now(self.slots.as_ref())
    }

    /// Shows no tag without a slot while none can be removed: they count for nothing but their number.
    pub(super) fn hide_leftovers(&self, observed: &mut Observed) {
        if self.leftovers.is_none_or(|until| Instant::now() >= until) {
            return;
        }
        for observation in observed.channels.values_mut() {
            let ChannelObservation::Seen(channel) = observation else {
                continue;
            };
            let keys = channel.tags_without_group();
            if !keys.is_empty() {
                let tags = channel.tags_mut();
                tags.slots.retain(|key, _| !keys.contains(key));
            }
        }
    }
}

/// Whether what was denied is tried now.
fn now(denied: Option<&(String, Instant)>) -> Recording {
    match denied {
        Some((why, until)) if Instant::now() < *until => Recording::Denied { why: why.clone() },
        _ => Recording::Allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SlotTag;
    use crate::model::tag::{TakeoverTag, slot_tag_key};
    use crate::model::{ChannelClass, ChannelState, ChannelTags, ObservedChannel, ObservedGroup, Target};
    use crate::plan::SlotRecord;

    #[tokio::test(start_paused = true)]
    async fn what_was_denied_is_tried_again_after_a_while() {
        let mut denials = Denials::default();
        let why = "no".to_owned();
        let denied = || Recording::Denied { why: why.clone() };
        let writes = Action::Adopt {
            tags: vec![SlotRecord {
                output_group: "slot-1".into(),
                tag: SlotTag::parse("- 0000").unwrap(),
            }],
            takeover: None,
        };
        let mut note =
            |action: &Action, recording| denials.note(action, recording, Recording::Allowed, false);
        assert_eq!(note(&writes, denied()), ["no"]);
        assert!(note(&writes, denied()).is_empty(), "reported once");
        note(&Action::Start, Recording::Allowed);
        assert_eq!(denials.recording(), denied());
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert_eq!(denials.recording(), Recording::Allowed);
        assert_eq!(denials.denied(), Some("no"), "until a tag was written");
        denials.note(&writes, Recording::Allowed, Recording::Allowed, false);
        assert_eq!(denials.denied(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_takeover_that_cannot_be_recorded_is_tried_again_after_a_while() {
        let mut denials = Denials::default();
        let begins = Action::Record {
            tags: Vec::new(),
            remove: Vec::new(),
            takeover: Some(TakeoverTag::Begun),
        };
        let why = "no".to_owned();
        let denied = || Recording::Denied { why: why.clone() };
        let news = denials.note(&begins, Recording::Allowed, denied(), false);
        assert!(news[0].starts_with("no; takeover: true waits until"), "{news:?}");
        assert!(
            denials
                .note(&begins, Recording::Allowed, denied(), false)
                .is_empty()
        );
        assert_eq!(
            (denials.takeovers(), denials.recording()),
            (denied(), Recording::Allowed)
        );
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert_eq!(denials.takeovers(), Recording::Allowed);
        denials.note(&begins, Recording::Allowed, Recording::Allowed, false);
        assert_eq!(
            denials.note(&begins, Recording::Allowed, denied(), false).len(),
            1
        );
    }

    #[tokio::test(start_paused = true)]
    async fn tags_without_a_slot_are_not_shown_while_none_can_be_removed() {
        let keys = ["slot-1", "gone"].map(|group| slot_tag_key(&group.into()));
        let group = ObservedGroup {
            name: "slot-1".into(),
            target: Ok(Target::from(Vec::new())),
        };
        let channel = ObservedChannel {
            id: "1".into(),
            arn: "arn".into(),
            name: "one".into(),
            class: ChannelClass::SinglePipeline,
            state: ChannelState::Idle,
            owner: None,
            tags: ChannelTags::of_all(keys.iter().map(|key| (key.as_str(), "- 0000"))).into(),
            groups: vec![group].into(),
            others: Vec::new().into(),
            stray_endpoints: Vec::new().into(),
            trouble: None,
        };
        let shown = |denials: &Denials| {
            let mut observed = Observed::default();
            let seen = ChannelObservation::Seen(Box::new(channel.clone()));
            observed.channels.insert(channel.id.clone(), seen);
            denials.hide_leftovers(&mut observed);
            let tags = &observed.channels["1"].seen().unwrap().tags;
            (tags.slots.len(), tags.count)
        };
        let mut denials = Denials::default();
        assert_eq!(shown(&denials), (2, 2));
        denials.note(&Action::Stop, Recording::Allowed, Recording::Allowed, true);
        assert_eq!(shown(&denials), (1, 2), "it still takes its room");
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert_eq!(shown(&denials), (2, 2));
    }
}
