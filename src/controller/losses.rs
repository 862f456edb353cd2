//! Wanted destinations that went off air: every one counts, whatever took it.
//!
//! Those that a stop of this controller interrupts are counted when MediaLive accepts the stop. The others are seen
//! afterwards: a channel or a router output that the service repairs, or that was stopped by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::Event;
use crate::model::{ChannelId, ChannelState, DestinationName, OutputState, RouterArn};
use crate::plan::router::OutputWaiting;
use crate::plan::{DestinationPlan, Plan, Waiting};

/// The wanted destinations that were seen on air and where, and how many went off air.
#[derive(Debug, Default)]
pub(super) struct Losses {
    on_air: BTreeMap<DestinationName, Outlet>,
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
            if let Some(outlet) = Outlet::of(one) {
                self.on_air.insert(one.name.clone(), outlet);
                self.stopped.remove(&one.name);
            } else if let Some(outlet) = was_on {
                match outlet.what_became_of_it(plan, one) {
                    // It was not seen, which takes nothing off air.
                    None => {
                        self.on_air.insert(one.name.clone(), outlet.clone());
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

/// What a destination is on air with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outlet {
    Channel(ChannelId),
    Output(RouterArn),
}

impl Outlet {
    fn of(one: &DestinationPlan) -> Option<Self> {
        if !one.on_air {
            return None;
        }
        let channel = one.slot().map(|slot| Self::Channel(slot.channel.clone()));
        let output = one.output.as_ref().and_then(|output| output.arn.clone());
        channel.or_else(|| output.map(Self::Output))
    }

    /// Why `one` is no longer on air with it; `None` where it was not seen.
    fn what_became_of_it(&self, plan: &Plan, one: &DestinationPlan) -> Option<&'static str> {
        match self {
            Self::Channel(channel) => {
                let planned = plan.channels.iter().find(|one| one.id == *channel)?;
                Some(match planned.seen.as_ref()?.state {
                    ChannelState::Recovering => "ChannelRecovering",
                    ChannelState::Running => "TargetGone",
                    _ => "ChannelStopped",
                })
            }
            Self::Output(arn) => {
                let waiting = match &one.waiting {
                    Some(Waiting::Output(waiting)) => Some(waiting),
                    _ => None,
                };
                let Some(output) = plan.outputs().find(|output| output.arn.as_ref() == Some(arn)) else {
                    let is_unseen = matches!(
                        waiting,
                        Some(OutputWaiting::ListIncomplete | OutputWaiting::OutputsUnreadable { .. })
                    );
                    return (!is_unseen).then_some("OutputGone");
                };
                Some(match output.state? {
                    OutputState::Unknown => return None,
                    OutputState::Error => "OutputFailed",
                    OutputState::Recovering | OutputState::Migrating => "OutputRecovering",
                    // It pushes on: a slate was taken by hand, or the declaration names another input now.
                    OutputState::Active if matches!(waiting, Some(OutputWaiting::OtherInput { .. })) => {
                        return None;
                    }
                    OutputState::Active => "InputStopped",
                    _ => "OutputStopped",
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelClass, Interrupt, SlotId, WantedState};
    use crate::plan::{Adoption, ChannelPlan, OutputContent, OutputPlace, OutputPlan, RouterPoolPlan, Seen};

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
                follows: None,
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

    /// The same, of a RouterPool; `None` without a router output.
    fn in_output(state: Option<OutputState>, waiting: Option<OutputWaiting>) -> Plan {
        let mut plan = plan(None, true);
        plan.channels.clear();
        let output = state.map(|state| OutputPlan {
            arn: Some("arn-a".into()),
            name: Some("live-a".into()),
            state: Some(state),
            carries: OutputContent::Destination("a".into()),
            on_air: state == OutputState::Active && waiting.is_none(),
            steps: Vec::new(),
            waiting: waiting.clone(),
            messages: Vec::new().into(),
            maintenance: None,
        });
        let one = &mut plan.destinations[0];
        one.held = None;
        one.on_air = output.as_ref().is_some_and(|output| output.on_air);
        one.waiting = waiting.map(Waiting::Output);
        one.output = output.as_ref().map(|output| OutputPlace {
            arn: output.arn.clone(),
            name: output.name.clone(),
            state: output.state,
            messages: output.messages.clone(),
            next: None,
            will_be_on_air: true,
        });
        plan.routers.push(RouterPoolPlan {
            name: Some("main".into()),
            interrupt: Interrupt::Never,
            outputs: output.into_iter().collect(),
            unseen: false,
        });
        plan
    }

    #[test]
    fn what_happens_to_a_router_output_counts_as_well() {
        use OutputState::{Active, Error, Migrating, Standby};
        let other = || OutputWaiting::OtherInput {
            input: "arn-slate".into(),
            pool: "main".into(),
        };
        let lost = |state, waiting| {
            let mut losses = Losses::default();
            assert!(
                losses
                    .note(&in_output(Some(OutputState::Active), None))
                    .is_empty()
            );
            let reasons = reasons(&losses.note(&in_output(state, waiting)));
            assert!(
                losses
                    .note(&in_output(Some(OutputState::Active), None))
                    .is_empty()
            );
            reasons
        };
        assert_eq!(lost(Some(Standby), None), ["OutputStopped"]);
        assert_eq!(lost(Some(Error), None), ["OutputFailed"]);
        assert_eq!(lost(Some(Migrating), None), ["OutputRecovering"]);
        assert!(lost(Some(Active), Some(other())).is_empty(), "it pushes on");
        assert_eq!(lost(None, None), ["OutputGone"]);
        assert!(
            lost(None, Some(OutputWaiting::ListIncomplete)).is_empty(),
            "it may be there"
        );
        assert!(lost(Some(Active), None).is_empty());
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
