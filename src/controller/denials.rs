//! What of the tags MediaLive has refused, and until when it is not tried again.
//!
//! Without this each cycle would ask for what was denied a moment ago.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{ChannelObservation, Observed, Recording};

/// How long what was denied is not tried again: long enough to cost next to nothing, and short enough that a policy that
/// was changed need not be told of.
const TRIED_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// What was denied, each until when.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// Writing tags of slots, with what MediaLive said.
    slots: Option<(String, Instant)>,
    /// Removing tags that have no slot.
    leftovers: Option<Instant>,
}

impl Denials {
    /// Takes note of what came of a step.
    pub(super) fn note(&mut self, recording: Recording, keeps_leftovers: bool) {
        let until = Instant::now() + TRIED_AGAIN_AFTER;
        if let Recording::Denied { why } = recording {
            self.slots = Some((why, until));
        }
        if keeps_leftovers {
            self.leftovers = Some(until);
        }
    }

    /// Whether tags of slots are written now.
    pub(super) fn recording(&self) -> Recording {
        match &self.slots {
            Some((why, until)) if Instant::now() < *until => Recording::Denied { why: why.clone() },
            _ => Recording::Allowed,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tag::slot_tag_key;
    use crate::model::{ChannelClass, ChannelState, ChannelTags, ObservedChannel, ObservedGroup, Target};

    #[tokio::test(start_paused = true)]
    async fn what_was_denied_is_tried_again_after_a_while() {
        let mut denials = Denials::default();
        let why = "no".to_owned();
        denials.note(Recording::Denied { why: why.clone() }, false);
        denials.note(Recording::Allowed, false);
        assert_eq!(denials.recording(), Recording::Denied { why });
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert_eq!(denials.recording(), Recording::Allowed);
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
        denials.note(Recording::Allowed, true);
        assert_eq!(shown(&denials), (1, 2), "it still takes its room");
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert_eq!(shown(&denials), (2, 2));
    }
}
