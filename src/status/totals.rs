//! All destinations in one line: the end of a run, and the destinations that it could not serve.

use std::fmt::{self, Display, Formatter};

use super::{Phase, Status};
use crate::model::{ChannelId, ChannelState, DestinationName, OutputState, SlotId, WantedState};
use crate::plan::reason::Names;
use crate::plan::{Adoption, Content, DestinationPlan, OutputContent, OutputPlan, Plan, Waiting};

/// More than these in places without a destination are counted instead of named.
const NAMED_MAX: usize = 3;

/// How many destinations are where they are wanted, and all that are not, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Destinations with `state: Streaming`, without those of which it is not known whether they are on air.
    pub wanted: usize,
    /// Those of them that are on air.
    pub on_air: usize,
    /// Wanted and not on air.
    pub waiting: Vec<DestinationName>,
    /// On air with a previous URL or key.
    pub outdated: Vec<DestinationName>,
    /// On air in the pool that they were moved from, and not in their own.
    pub moving: Vec<DestinationName>,
    /// Not wanted and on air all the same.
    pub lingering: Vec<DestinationName>,
    /// Not where they are wanted because they, or their pool, are paused.
    pub paused: Vec<DestinationName>,
    /// Of which it is not known whether they are on air, since the router outputs cannot be looked at.
    pub unknown: Vec<DestinationName>,
    /// With a declaration that is not valid, and none that was before.
    pub invalid: Vec<DestinationName>,
    /// What else is on air in owned slots and router outputs, and where: a second copy, one that is no longer declared, an
    /// undeclared target.
    pub besides: Vec<String>,
    /// Channels that are not as they should be, where that concerns no destination.
    pub channels: Vec<(ChannelId, &'static str)>,
}

impl Totals {
    /// The totals of `plan`, and of those of `status` that it does not know.
    pub fn of(plan: &Plan, status: &Status) -> Self {
        let mut totals = Self::default();
        for one in &plan.destinations {
            totals.add(one);
        }
        let unread = status.destinations.iter().filter(|one| one.wanted.is_none());
        totals.invalid = unread
            .filter(|one| one.phase == Phase::Error)
            .map(|one| one.name.clone())
            .collect();
        totals.besides = in_slots(plan).chain(totals.in_outputs(plan)).collect();
        if totals.is_as_wanted() {
            totals.channels = channels(plan);
        }
        totals
    }

    fn add(&mut self, one: &DestinationPlan) {
        if one.is_unknown() {
            self.unknown.push(one.name.clone());
            return;
        }
        let is_wanted = one.state == WantedState::Streaming;
        self.wanted += usize::from(is_wanted);
        self.on_air += usize::from(is_wanted && one.on_air);
        let list = match (is_wanted, one.on_air) {
            _ if one.waiting.as_ref().is_some_and(Waiting::is_pause) => &mut self.paused,
            (true, false) => &mut self.waiting,
            (true, true) if one.waiting.as_ref().is_some_and(Waiting::is_in_another_pool) => &mut self.moving,
            (true, true) if one.is_previous => &mut self.outdated,
            (false, true) => &mut self.lingering,
            (true, true) | (false, false) => return,
        };
        list.push(one.name.clone());
    }

    /// What router outputs of ours push that are no destination's own, nor the place that it has yet to leave.
    fn in_outputs(&self, plan: &Plan) -> Vec<String> {
        let pushing = plan
            .outputs()
            .filter(|output| output.state == Some(OutputState::Active));
        let is_left = |output: &OutputPlan| match &output.carries {
            OutputContent::Moved(name) => self.moving.contains(name),
            _ => false,
        };
        let others = pushing.filter(|output| is_no_destinations(output) && !is_left(output));
        let others = others.map(|output| {
            let name = output.name.as_deref().unwrap_or_default();
            format!("{} in router output {name}", output.carries)
        });
        others.collect()
    }

    /// Whether every destination is where it is wanted, or where it was paused, and nothing else is on air.
    pub fn is_as_wanted(&self) -> bool {
        let lists = [
            &self.waiting,
            &self.outdated,
            &self.moving,
            &self.lingering,
            &self.unknown,
            &self.invalid,
        ];
        lists.iter().all(|list| list.is_empty()) && self.besides.is_empty() && self.channels.is_empty()
    }
}

/// `3 of 4 on air; waiting: facebook-main`.
impl Display for Totals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.wanted > 0 || self.unknown.is_empty() {
            parts.push(format!("{} of {} on air", self.on_air, self.wanted));
        }
        for (what, names) in [
            ("waiting", &self.waiting),
            ("still with the previous URL or key", &self.outdated),
            ("still in the previous pool", &self.moving),
            ("still on air though off", &self.lingering),
            ("paused", &self.paused),
            ("not known whether on air", &self.unknown),
            ("not valid", &self.invalid),
        ] {
            if !names.is_empty() {
                parts.push(format!("{what}: {}", Names(names)));
            }
        }
        parts.extend(some_of("also on air", self.besides.iter().cloned()));
        let channels = self.channels.iter();
        let channels = channels.map(|(channel, code)| format!("channel {channel} ({code})"));
        parts.extend(some_of("not as it should be", channels));
        f.write_str(&parts.join("; "))
    }
}

/// `also on air: a, b, c and 2 more`; nothing for none.
fn some_of(what: &str, all: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let more = all.len().saturating_sub(NAMED_MAX);
    let named: Vec<String> = all.take(NAMED_MAX).collect();
    if named.is_empty() {
        return None;
    }
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    Some(format!("{what}: {}{more}", named.join(", ")))
}

/// What is on air in slots of owned channels and is no destination's only place.
fn in_slots(plan: &Plan) -> impl Iterator<Item = String> {
    let is_on_air = |state: Option<ChannelState>| state == Some(ChannelState::Running);
    let ours = plan.channels.iter().filter(move |channel| {
        channel.adoption == Adoption::Owned && is_on_air(channel.seen.as_ref().map(|seen| seen.state))
    });
    let slots = ours.flat_map(|channel| channel.slots.iter().map(move |slot| (&channel.id, slot)));
    slots
        .filter(|(_, slot)| {
            matches!(
                slot.now,
                Content::Surplus(_) | Content::Vanished(_) | Content::Undeclared { .. }
            )
        })
        .map(|(channel, slot)| {
            let place = SlotId::new(channel.clone(), slot.output_group.clone());
            format!("{} in {place}", slot.now)
        })
}

fn is_no_destinations(output: &OutputPlan) -> bool {
    match output.carries {
        OutputContent::Destination(_) | OutputContent::Previous(_) => false,
        OutputContent::Surplus(_)
        | OutputContent::Moved(_)
        | OutputContent::Vanished(_)
        | OutputContent::Undeclared => true,
    }
}

fn channels(plan: &Plan) -> Vec<(ChannelId, &'static str)> {
    let waiting = plan
        .channels
        .iter()
        .filter_map(|channel| Some((channel, channel.waiting.as_ref()?)));
    waiting
        .filter(|(_, waiting)| !waiting.is_pause() && !waiting.ends_by_itself())
        .map(|(channel, waiting)| (channel.id.clone(), waiting.code()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(
        name: &str,
        state: WantedState,
        on_air: bool,
        waiting: Option<Waiting>,
    ) -> DestinationPlan {
        DestinationPlan {
            output: None,
            name: name.into(),
            pool: "main".into(),
            state,
            wanted: state == WantedState::Streaming,
            group: None,
            held: None,
            on_air,
            is_previous: false,
            assignment: None,
            reason: None,
            waiting,
            off_air: None,
            also_on_air: None,
        }
    }

    fn totals(destinations: Vec<DestinationPlan>) -> Totals {
        let plan = Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
            pools: Vec::new(),
            destinations,
            channels: Vec::new(),
        };
        Totals::of(&plan, &Status::default())
    }

    fn full() -> Waiting {
        Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        }
    }

    #[test]
    fn waiting_and_lingering_destinations_are_counted_and_named() {
        let (on, off) = (WantedState::Streaming, WantedState::Ready);
        let good = totals(vec![
            destination("a", on, true, None),
            destination("b", off, false, None),
        ]);
        assert_eq!(good.to_string(), "1 of 1 on air");
        assert!(good.is_as_wanted());
        let one_waits = totals(vec![
            destination("a", on, true, None),
            destination("facebook-main", on, false, Some(full())),
        ]);
        assert_eq!(one_waits.to_string(), "1 of 2 on air; waiting: facebook-main");
        assert!(!one_waits.is_as_wanted());
        let mut previous = destination("a", on, true, Some(full()));
        previous.is_previous = true;
        let more = totals(vec![previous, destination("c", off, true, Some(full()))]);
        assert_eq!(
            more.to_string(),
            "1 of 1 on air; still with the previous URL or key: a; still on air though off: c"
        );
    }

    #[test]
    fn what_else_is_on_air_is_said() {
        let slot = |at: usize| SlotId::new("1", format!("slot-{at}"));
        let surplus = |at| format!("{} in {}", Content::Surplus("twitch".into()), slot(at));
        let totals = Totals {
            wanted: 1,
            on_air: 1,
            besides: (1..=4).map(surplus).collect(),
            ..Totals::default()
        };
        assert_eq!(
            totals.to_string(),
            "1 of 1 on air; also on air: twitch, a second time in 1/slot-1, twitch, a second time in 1/slot-2, \
             twitch, a second time in 1/slot-3 and 1 more"
        );
        assert!(!totals.is_as_wanted());
    }
}
