//! Why one destination is where it is, slot by slot.

use jiff::Timestamp;

use super::goals::{Decision, Ready, decide};
use super::placement::Cost;
use super::planner::declared_order;
use super::protection::ChannelKind;
use super::reading::{Intent, Reading};
use super::reason::Names;
use super::steps::destination_plan;
use super::wait::{joining, obstacle, taken_by};
use super::{DestinationPlan, FeedPlan, OutputPlan, Reason, Waiting};
use crate::model::{Desired, DestinationName, Observed, SlotId};

/// Answer to "why is it there, why not elsewhere, and what would change that".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the plan says of it.
    pub destination: DestinationPlan,
    /// Every slot of its pool, in the pool's order; of a RouterPool none.
    pub candidates: Vec<Candidate>,
    /// What becomes of its router output, or of the one that is to be made; `None` for one of a ChannelPool, and for one that needs
    /// none.
    pub output: Option<OutputPlan>,
    /// What becomes of the channel in front and of the input, where its pool has a source.
    pub feeds: Vec<FeedPlan>,
}

/// One slot that could have carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The slot.
    pub slot: SlotId,
    /// Taken or not, and why.
    pub verdict: Verdict,
}

/// Why a slot was chosen or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It carries the destination, or will.
    Chosen(Reason),
    /// It cannot, for this reason.
    Blocked(Waiting),
    /// It is held by another destination, wanted there.
    Taken {
        /// Its occupant: a name, or the host of an undeclared target.
        by: String,
    },
    /// It could, but the chosen slot is better.
    Worse {
        /// In what: a short phrase such as `shares the channel with corp-cdn, another group`.
        why: String,
    },
    /// The destination is not wanted, so no slot is looked for.
    NotWanted,
}

/// Why the destination `name` is where it is; `None` if it is not declared.
///
/// The plan is made once more with the destination in each slot it could have had, so a `Worse` names the first of
/// the planner's criteria in which that slot loses.
pub fn explain(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
    name: &DestinationName,
) -> Option<Explanation> {
    let destination = desired.destinations.get(name)?;
    let Some(pool) = desired.pools.get(&destination.pool) else {
        let mut plan = super::plan(desired, observed, now);
        let at = plan.destinations.iter().position(|one| one.name == *name)?;
        let own = plan
            .outputs()
            .find(|output| output.carries.destination() == Some(name));
        let output = own.cloned();
        let destination = plan.destinations.swap_remove(at);
        let feeds = plan.feeds.into_iter();
        let feeds = feeds
            .filter(|feed| feed.pools.contains(&destination.pool))
            .collect();
        return Some(Explanation {
            destination,
            candidates: Vec::new(),
            output,
            feeds,
        });
    };
    let reading = Reading::new(desired, observed, now);
    let decisions = decide(&reading, Ready::Seen);
    let decision = decisions
        .iter()
        .find(|one| reading.pools[one.pool].name() == Some(&pool.name))?;
    let mut dests = reading.pools[decision.pool].dests.clone();
    let dest = dests.find(|dest| reading.dests[*dest].decl.name == *name)?;
    let verdicts = Verdicts {
        decision,
        dest,
        planned: destination_plan(&decisions, dest, now),
    };
    let mut candidates = Vec::new();
    for at in declared_order(pool) {
        let channel = &reading.channels[reading.pools[decision.pool].channels.start + at];
        for slot in channel.slots.clone() {
            let verdict = verdicts.of(slot);
            candidates.push(Candidate {
                slot: reading.slot_id(slot),
                verdict,
            });
        }
    }
    Some(Explanation {
        destination: verdicts.planned,
        candidates,
        output: None,
        feeds: Vec::new(),
    })
}

struct Verdicts<'d, 'r, 'a> {
    decision: &'d Decision<'r, 'a>,
    dest: usize,
    planned: DestinationPlan,
}

impl Verdicts<'_, '_, '_> {
    fn of(&self, slot: usize) -> Verdict {
        let reading = self.decision.reading;
        let one = &reading.dests[self.dest];
        if let Some(reason) = self
            .planned
            .reason
            .as_ref()
            .filter(|_| self.carried() == Some(slot))
        {
            return Verdict::Chosen(reason.clone());
        }
        if one.intent != Intent::Wanted {
            return Verdict::NotWanted;
        }
        if let Some(waiting) = self.blocked(slot) {
            return Verdict::Blocked(waiting);
        }
        if let Some(by) = taken_by(self.decision, slot, self.dest) {
            return Verdict::Taken { by };
        }
        let id = reading.slot_id(slot);
        let pin = one.decl.pin.as_ref();
        if let Some(pin) = pin.filter(|pin| pin.channel != id.channel || pin.output_group != id.output_group)
        {
            let why = format!("it is pinned to {}/{}", pin.channel, pin.output_group);
            return Verdict::Worse { why };
        }
        if let Some(carried) = self.carried().filter(|carried| one.on_air == Some(*carried)) {
            let carried = reading.slot_id(carried);
            let why = format!("it is on air in {carried}, and what is on air is never moved");
            return Verdict::Worse { why };
        }
        self.not_granted(slot).unwrap_or_else(|| Verdict::Worse {
            why: self.why_worse(slot),
        })
    }

    fn carried(&self) -> Option<usize> {
        self.decision.carried(self.dest)
    }

    /// What keeps it from this slot, apart from other destinations.
    fn blocked(&self, slot: usize) -> Option<Waiting> {
        let reading = self.decision.reading;
        let channel = reading.channel_of(slot);
        if let Some(unusable) = &channel.unusable {
            return Some(unusable.clone());
        }
        if let Err(why) = &reading.slots[slot].group.target {
            return Some(Waiting::SlotIncompatible {
                slot: reading.slot_id(slot),
                why: why.to_string(),
            });
        }
        let waiting = self
            .planned
            .waiting
            .as_ref()
            .filter(|_| self.carried().is_none())?;
        let everywhere = matches!(
            waiting,
            Waiting::SameTarget { .. }
                | Waiting::OnAirElsewhere { .. }
                | Waiting::OnAirInOutput { .. }
                | Waiting::SecretUnavailable { .. }
                | Waiting::TargetRefused { .. }
                | Waiting::Paused { .. }
        );
        everywhere.then(|| waiting.clone())
    }

    /// What keeps it from a slot of a channel that keeps running unchanged.
    fn not_granted(&self, slot: usize) -> Option<Verdict> {
        let channel = self.decision.reading.slots[slot].channel;
        let (_, change) = joining(self.decision, channel, self.dest)?;
        let (_, _, waiting) = obstacle(self.decision, slot, change)?;
        Some(Verdict::Blocked(waiting))
    }

    /// The first criterion in which this slot loses.
    fn why_worse(&self, slot: usize) -> String {
        let problem = &self.decision.problem;
        let channel = self.decision.reading.slots[slot].channel;
        let item = self.decision.items.iter().position(|dest| *dest == self.dest);
        let (Some(item), Some(bin)) = (item, self.decision.bin(channel)) else {
            return "its slot is given already".to_owned();
        };
        let chosen = &self.decision.placed;
        if chosen[item] == Some(bin) {
            return "another slot of the same channel serves as well".to_owned();
        }
        let mut other = chosen.clone();
        other[item] = Some(bin);
        let (cost, than) = (problem.cost(&other), problem.cost(chosen));
        self.criterion(&cost, &than, channel, bin)
    }

    fn criterion(&self, cost: &Cost, than: &Cost, channel: usize, bin: usize) -> String {
        let problem = &self.decision.problem;
        let id = self.decision.reading.channels[channel].id;
        let (pairs, running) = if problem.pack { (1, 0) } else { (0, 1) };
        let sharing = [0, 1]
            .into_iter()
            .find(|at| cost.sharing[*at] != than.sharing[*at]);
        if cost.lost > than.lost {
            "fewer destinations would be where they are wanted".to_owned()
        } else if cost.interruptions > than.interruptions {
            match self.decision.kind(channel) {
                Some(ChannelKind::Kept(kept)) => {
                    let names = self.decision.names(kept.on_air.iter().copied());
                    format!("it would interrupt {}", Names(&names))
                }
                _ => "more destinations would be interrupted".to_owned(),
            }
        } else if cost.troubled > than.troubled && problem.bins[bin].troubled {
            format!("the last steps on {id} failed")
        } else if sharing == Some(pairs) && cost.sharing > than.sharing {
            format!(
                "shares the channel with {}, another group",
                self.others_on(channel)
            )
        } else if sharing == Some(running) && cost.sharing > than.sharing {
            "one more channel would run".to_owned()
        } else if cost.stops > than.stops {
            format!("{id} has to stop first")
        } else if cost.updates > than.updates {
            format!("{id} needs an update first")
        } else if cost.displaced > than.displaced {
            "another destination's slot would be rewritten".to_owned()
        } else if cost.writes > than.writes {
            "more slots would have to be rewritten".to_owned()
        } else {
            "as good, but later in the order".to_owned()
        }
    }

    /// Those of other groups on a channel.
    fn others_on(&self, channel: usize) -> String {
        let dests = &self.decision.reading.dests;
        let group = &dests[self.dest].decl.group;
        let wanted = self.decision.wanted_on(channel).into_iter();
        let others = wanted
            .filter(|other| *other != self.dest && (group.is_none() || dests[*other].decl.group != *group));
        let names = self.decision.names(others);
        if names.is_empty() {
            "others".to_owned()
        } else {
            Names(&names).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, pin};
    use super::*;
    use crate::model::ChannelState::{Idle, Running};
    use crate::model::{Cause, Interrupt};

    fn verdicts(world: &World, name: &str) -> Vec<(String, Verdict)> {
        let explanation = explain(&world.desired, &world.observed, world.now, &name.into()).unwrap();
        let pair = |one: Candidate| (one.slot.to_string(), one.verdict);
        explanation.candidates.into_iter().map(pair).collect()
    }

    #[test]
    fn every_slot_of_the_pool_has_a_verdict() {
        let world = World::new()
            .channel("1", Running, &["a", "-"])
            .channel("2", Idle, &["-", "-"])
            .channel("3", Idle, &["-"])
            .channel("4", Idle, &["!"])
            .wanted("a")
            .wanted("b")
            .wanted("c");
        let verdicts = verdicts(&world, "c");
        let texts: Vec<String> = verdicts
            .iter()
            .map(|(slot, verdict)| match verdict {
                Verdict::Chosen(reason) => format!("{slot} chosen: {}", reason.code()),
                Verdict::Blocked(waiting) => format!("{slot} blocked: {}", waiting.code()),
                Verdict::Taken { by } => format!("{slot} taken by {by}"),
                Verdict::Worse { why } => format!("{slot} worse: {why}"),
                Verdict::NotWanted => format!("{slot} not wanted"),
            })
            .collect();
        assert_eq!(
            texts,
            [
                "1/slot-1 taken by a",
                "1/slot-2 blocked: InterruptionForbidden",
                "2/slot-1 taken by b",
                "2/slot-2 worse: shares the channel with b, another group",
                "3/slot-1 chosen: AssignNew",
                "4/slot-1 blocked: SlotIncompatible",
            ]
        );
    }

    #[test]
    fn no_slot_is_looked_for_while_it_is_not_wanted() {
        let world = World::new().channel("1", Idle, &["-"]).ready("a");
        assert_eq!(
            verdicts(&world, "a"),
            [("1/slot-1".to_owned(), Verdict::NotWanted)]
        );
    }

    #[test]
    fn an_undeclared_destination_has_no_explanation() {
        let world = World::new();
        assert_eq!(
            explain(&world.desired, &world.observed, world.now, &"a".into()),
            None
        );
    }

    /// Why the slots of a channel are worse for `z` than its own.
    fn worse(world: &World, channel: &str) -> String {
        let verdicts = verdicts(world, "z");
        let is_chosen = |(_, verdict): &(String, Verdict)| matches!(verdict, Verdict::Chosen(_));
        assert!(verdicts.iter().any(is_chosen), "{verdicts:?}");
        let of_channel = verdicts.into_iter().filter(|(slot, _)| slot.starts_with(channel));
        let mut worse = of_channel.filter_map(|(_, verdict)| match verdict {
            Verdict::Worse { why } => Some(why),
            _ => None,
        });
        worse.next().unwrap()
    }

    #[test]
    fn a_slot_is_worse_where_fewer_are_where_they_are_wanted() {
        let world = World::new()
            .channel("1", Running, &["a", "off"])
            .channel("2", Idle, &["-"])
            .wanted("a")
            .ready("off")
            .wanted("z")
            .policy(Interrupt::Anytime, &[Cause::Start]);
        assert_eq!(
            worse(&world, "2"),
            "fewer destinations would be where they are wanted"
        );
    }

    #[test]
    fn a_slot_is_worse_where_it_would_interrupt() {
        let world = World::new()
            .channel("1", Running, &["a", "-"])
            .channel("2", Idle, &["-"])
            .wanted("a")
            .wanted("z")
            .anytime();
        assert_eq!(worse(&world, "1"), "it would interrupt a");
    }

    #[test]
    fn a_slot_on_a_failed_channel_is_worse() {
        let world = World::new()
            .channel("1", Idle, &["-"])
            .channel("2", Idle, &["-"])
            .wanted("z")
            .trouble("1", 2, "2026-04-01T11:00:00Z");
        assert_eq!(worse(&world, "1"), "the last steps on 1 failed");
        let both = world.trouble("2", 2, "2026-04-01T11:00:00Z");
        assert_eq!(worse(&both, "2"), "as good, but later in the order");
    }

    #[test]
    fn a_slot_is_worse_where_one_more_channel_would_run() {
        let world = World::new()
            .channel("1", Idle, &["-", "-"])
            .channel("2", Idle, &["-"])
            .member("a", "x")
            .member("z", "x");
        assert_eq!(worse(&world, "2"), "one more channel would run");
        let alone = World::new()
            .channel("1", Idle, &["-", "-"])
            .channel("2", Idle, &["-"])
            .wanted("a")
            .wanted("z")
            .pack();
        assert_eq!(worse(&alone, "2"), "one more channel would run");
    }

    #[test]
    fn only_other_groups_share() {
        let world = World::new()
            .channel("1", Idle, &["-", "-", "-"])
            .channel("2", Idle, &["-"])
            .member("z", "x")
            .with("mate", |one| {
                one.group = Some("x".into());
                one.pin = Some(pin("1", "slot-1"));
            })
            .with("other", |one| {
                one.group = Some("y".into());
                one.pin = Some(pin("1", "slot-2"));
            });
        assert_eq!(worse(&world, "1"), "shares the channel with other, another group");
    }

    #[test]
    fn a_slot_that_needs_more_steps_is_worse() {
        let world = |first: &[&str], second: &[&str]| {
            World::new()
                .channel("1", Idle, first)
                .channel("2", Idle, second)
                .wanted("z")
        };
        let running = World::new()
            .channel("1", Running, &["off", "-"])
            .channel("2", Idle, &["-"])
            .ready("off")
            .wanted("z");
        assert_eq!(worse(&running, "1"), "1 has to stop first");
        assert_eq!(worse(&world(&["-"], &["z"]), "1"), "1 needs an update first");
        assert_eq!(
            worse(&world(&["?x", "?y"], &["-"]), "1"),
            "more slots would have to be rewritten"
        );
        assert_eq!(
            worse(&world(&["-"], &["-"]), "2"),
            "as good, but later in the order"
        );
    }

    #[test]
    fn a_pin_rules_out_every_other_slot() {
        let world = World::new()
            .channel("1", Idle, &["-", "-"])
            .channel("2", Idle, &["-", "-"])
            .with("z", |one| one.pin = Some(pin("1", "slot-2")));
        let why = || "it is pinned to 1/slot-2".to_owned();
        let verdicts: Vec<Verdict> = verdicts(&world, "z").into_iter().map(|(_, one)| one).collect();
        assert_eq!(
            verdicts,
            [
                Verdict::Worse { why: why() },
                Verdict::Chosen(Reason::AssignPinned),
                Verdict::Worse { why: why() },
                Verdict::Worse { why: why() },
            ]
        );
    }

    #[test]
    fn whose_pool_is_not_declared_has_no_slot_to_choose() {
        let world = World::new()
            .with("a", |one| one.pool = "gone".into())
            .with("b", |one| one.pool = "gone".into());
        let explanation = explain(&world.desired, &world.observed, world.now, &"b".into()).unwrap();
        assert_eq!(explanation.destination.name.as_str(), "b");
        assert!(explanation.candidates.is_empty());
    }
}
