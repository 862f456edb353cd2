//! Wanted destinations that went off air: every one counts, whatever took it.
//!
//! Those that a stop of this controller interrupts are counted when MediaLive accepts the stop. The others are seen
//! afterwards: a channel that MediaLive repairs, or that was stopped by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::Event;
use crate::model::{ChannelId, ChannelState, DestinationName};
use crate::plan::{DestinationPlan, Plan};

/// The wanted destinations that were seen on air and where, and how many went off air.
#[derive(Debug, Default)]
pub(super) struct Losses {
    on_air: BTreeMap<DestinationName, ChannelId>,
    /// Destinations that a stop of this controller takes off air: counted, until they are on air again.
    stopped: BTreeSet<DestinationName>,
    counted: usize,
}

impl Losses {
    /// Takes note of what is on air by `plan`: an event for each wanted destination that no longer is, unless a stop of this
    /// controller took it off.
    pub(super) fn note(&mut self, plan: &Plan) -> Vec<Event> {
        let before = std::mem::take(&mut self.on_air);
        let mut events = Vec::new();
        for one in plan.destinations.iter().filter(|one| one.wanted) {
            let was_on = before.get(&one.name);
            if let Some(channel) = channel_on_air(one) {
                self.on_air.insert(one.name.clone(), channel.clone());
                self.stopped.remove(&one.name);
            } else if let Some(channel) = was_on {
                match what_became_of(plan, channel) {
                    // The channel was not seen, which takes nothing off air.
                    None => {
                        self.on_air.insert(one.name.clone(), channel.clone());
                    }
                    Some(reason) if !self.stopped.contains(&one.name) => {
                        self.counted += 1;
                        events.push(Event::WentOffAir {
                            destination: one.name.clone(),
                            reason,
                        });
                    }
                    Some(_) => {}
                }
            }
        }
        let is_wanted = |name: &DestinationName| {
            let at = plan.destinations.binary_search_by(|one| one.name.cmp(name));
            at.is_ok_and(|at| plan.destinations[at].wanted)
        };
        self.stopped.retain(is_wanted);
        events
    }

    /// Takes note of a stop that MediaLive accepted.
    pub(super) fn stopped(&mut self, interrupts: &[DestinationName]) {
        self.counted += interrupts.len();
        self.stopped.extend(interrupts.iter().cloned());
    }

    /// How many went off air since this was asked last.
    pub(super) fn take_count(&mut self) -> usize {
        std::mem::take(&mut self.counted)
    }
}

fn channel_on_air(one: &DestinationPlan) -> Option<&ChannelId> {
    let slot = one.held.as_ref().filter(|_| one.on_air)?;
    Some(&slot.channel)
}

/// Why a destination is no longer on air on `channel`; `None` where the channel was not seen.
fn what_became_of(plan: &Plan, channel: &ChannelId) -> Option<&'static str> {
    let planned = plan.channels.iter().find(|one| one.id == *channel)?;
    Some(match planned.seen.as_ref()?.state {
        ChannelState::Recovering => "ChannelRecovering",
        ChannelState::Running => "TargetGone",
        _ => "ChannelStopped",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelClass, SlotId, WantedState};
    use crate::plan::{Adoption, ChannelPlan, Seen};

    fn plan(state: Option<ChannelState>, wanted: bool) -> Plan {
        let seen = state.map(|state| Seen {
            arn: "arn".into(),
            name: "live".into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: None,
            tags: std::sync::Arc::default(),
        });
        Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
            pools: Vec::new(),
            destinations: vec![DestinationPlan {
                output: None,
                name: "a".into(),
                pool: "main".into(),
                state: WantedState::Streaming,
                wanted,
                group: None,
                held: Some(SlotId::new("1", "slot-1")),
                on_air: state == Some(ChannelState::Running),
                is_previous: false,
                assignment: None,
                reason: None,
                waiting: None,
                off_air: None,
                also_on_air: None,
            }],
            channels: vec![ChannelPlan {
                id: "1".into(),
                pool: Some("main".into()),
                others: std::sync::Arc::default(),
                seen,
                adoption: Adoption::Owned,
                slots: Vec::new(),
                steps: Vec::new(),
                waiting: None,
                runs: true,
            }],
        }
    }

    fn reasons(events: &[Event]) -> Vec<&'static str> {
        let reason = |event: &Event| match event {
            Event::WentOffAir { reason, .. } => *reason,
            other => panic!("{other:?}"),
        };
        events.iter().map(reason).collect()
    }

    #[test]
    fn an_unplanned_loss_is_counted_once() {
        let (running, idle) = (Some(ChannelState::Running), Some(ChannelState::Idle));
        let mut losses = Losses::default();
        assert!(losses.note(&plan(idle, true)).is_empty(), "it never was on air");
        losses.note(&plan(running, true));
        assert!(
            losses.note(&plan(None, true)).is_empty(),
            "the channel was not seen"
        );
        let recovering = Some(ChannelState::Recovering);
        assert_eq!(
            reasons(&losses.note(&plan(recovering, true))),
            ["ChannelRecovering"]
        );
        assert!(losses.note(&plan(idle, true)).is_empty(), "counted already");
        losses.note(&plan(running, true));
        assert_eq!(reasons(&losses.note(&plan(idle, true))), ["ChannelStopped"]);
        assert_eq!(losses.take_count(), 2);
    }

    #[test]
    fn an_unwanted_or_interrupted_destination_is_not_counted_again() {
        let (running, idle) = (Some(ChannelState::Running), Some(ChannelState::Idle));
        let mut losses = Losses::default();
        losses.note(&plan(running, true));
        losses.stopped(&["a".into()]);
        assert!(losses.note(&plan(idle, true)).is_empty());
        losses.note(&plan(running, true));
        assert!(losses.note(&plan(idle, false)).is_empty());
        assert_eq!(losses.take_count(), 1);
    }
}
