//! Judges a life: what changed within a second, and what is left when trouble has ended.

use slotwise::testing::controller::Event;
use slotwise::testing::model::{Destination, PoolName};

use super::shown::Shown;
use super::{
    BTreeMap, BTreeSet, CALM, DISTURBED, Desired, Duration, Instant, Interrupt, Life, Phase, Stage,
    StreamKey, WantedState,
};

type Outputs = BTreeMap<String, Shown>;

/// Why a wanted destination may be off air in the end.
const SAYS_WHY: [&str; 11] = [
    "TargetRefused",
    "InterruptionForbidden",
    "QuotaReached",
    "SameTarget",
    "SourceUntrusted",
    "OnAirElsewhere",
    "PoolGone",
    "Moves",
    "OtherInput",
    "NoFreeSlot",
    "Uninterruptible",
];

/// With these reasons a destination may be on air where it was, with its previous target.
const UNSURE: [&str; 6] = [
    "TargetRefused",
    "SameTarget",
    "OtherInput",
    "Moves",
    "QuotaReached",
    "OnAirElsewhere",
];

impl Shown {
    /// Whether it carries what `one` declares now.
    fn is_of(&self, one: &Destination) -> bool {
        matches!(&one.key, StreamKey::Known(key) if key.reveal() == self.key)
    }

    fn is_on_air(&self) -> bool {
        self.ours && self.state == "ACTIVE"
    }

    fn may_push(&self) -> bool {
        !matches!(self.state.as_str(), "STANDBY" | "CREATING" | "DELETING")
    }

    fn has_stream_of(&self, other: &Self) -> bool {
        (&self.url, &self.key) == (&other.url, &other.key)
    }
}

fn is_recent(at: Option<&Instant>, long: Duration) -> bool {
    at.is_some_and(|at| at.elapsed() < long)
}

fn is_calm(at: Instant) -> bool {
    at.elapsed() >= CALM
}

impl Life {
    /// Compares what is there with a second ago.
    pub(super) fn judge(&mut self) {
        let outputs = self.outputs();
        let desired = self.script.desired();
        let wrong = self
            .before
            .iter()
            .filter_map(|(arn, before)| self.wrongly_changed(&desired, &outputs, arn, before));
        let twice = outputs
            .iter()
            .filter_map(|(arn, shown)| self.pushed_twice(&outputs, arn, shown));
        let made_twice = outputs
            .iter()
            .filter_map(|(arn, shown)| self.made_twice(&outputs, arn, shown));
        let stopped = self.stopped_for_target(&desired, &outputs);
        let again = stopped.iter().filter_map(|(arn, before, changed)| {
            let is_again = self.retargeted.get(*arn).is_some_and(|at| at > changed);
            is_again.then(|| format!("again: {arn} is interrupted a second time for one change: {before:?}"))
        });
        let found: Vec<String> = wrong.chain(twice).chain(made_twice).chain(again).collect();
        assert!(found.is_empty(), "{}\n{}", found.join("; "), self.tail());
        let stopped = stopped.into_iter().map(|(arn, ..)| (arn.clone(), Instant::now()));
        let stopped: Vec<(String, Instant)> = stopped.collect();
        self.retargeted.extend(stopped);
        for (arn, shown) in &outputs {
            if matches!(shown.state.as_str(), "ERROR" | "RECOVERING" | "MIGRATING") {
                self.disturbed.insert(arn.clone(), Instant::now());
            }
        }
        self.judge_front();
        self.before = outputs;
    }

    /// What is wrong with what became of `before`.
    fn wrongly_changed(
        &self,
        desired: &Desired,
        outputs: &Outputs,
        arn: &str,
        before: &Shown,
    ) -> Option<String> {
        if is_recent(self.disturbed.get(arn), DISTURBED) {
            return None;
        }
        let after = outputs.get(arn);
        if !before.ours {
            let is_changed = before.state == "ACTIVE" && after != Some(before);
            return is_changed.then(|| format!("foreign: of another owner, changed: {before:?} {after:?}"));
        }
        let state = after.map_or("gone", |after| after.state.as_str());
        let is_left = matches!(state, "STOPPING" | "STANDBY" | "UPDATING" | "DELETING" | "gone");
        if !before.is_on_air() || !is_left {
            return None;
        }
        let name = before.named.as_ref().or_else(|| self.keys_of.get(&before.key))?;
        let Some(one) = desired.destinations.get(name.as_str()) else {
            // Whose stream it is now decides: exact comes before recorded.
            let is_passed_on = desired.destinations.values().any(|one| before.is_of(one));
            let is_kept = self.kept.contains(name) && !is_passed_on;
            return is_kept.then(|| format!("vanished: {name} vanished with too many and went {state}"));
        };
        let is_wrong = !Self::is_served(outputs, arn, before, one)
            && self.has_to_stay(desired, outputs, arn, before, one);
        is_wrong.then(|| format!("off air: {name} is wanted and went {state}"))
    }

    /// Router outputs on air with a previous target, of destinations that are wanted, that stop: each with since when it is declared as
    /// it is, for this process.
    fn stopped_for_target<'a>(
        &'a self,
        desired: &Desired,
        outputs: &Outputs,
    ) -> Vec<(&'a String, &'a Shown, Instant)> {
        let stopped = self.before.iter().filter_map(|(arn, before)| {
            let stops = outputs.get(arn).is_some_and(|after| after.state == "STOPPING");
            let one = desired.destinations.get(before.named.as_ref()?.as_str())?;
            let is_previous = !before.is_of(one) && one.state == WantedState::Streaming;
            let is_disturbed = is_recent(self.disturbed.get(arn), DISTURBED);
            // What brings no programme is no interruption.
            let is_fed = before.pool == "other" || before.pool != "slots" && self.is_fed();
            let since = self.since[one.name.as_str()];
            let parts = [
                since.state,
                since.key,
                since.pause,
                since.pool,
                self.policy,
                self.begun,
            ];
            let changed = parts.into_iter().max()?;
            let is_it = is_fed && before.is_on_air() && stops && is_previous && !is_disturbed;
            is_it.then_some((arn, before, changed))
        });
        stopped.collect()
    }

    /// Whether the stream of `before`, or what `one` declares, is on air elsewhere.
    fn is_served(outputs: &Outputs, arn: &str, before: &Shown, one: &Destination) -> bool {
        let mut others = outputs.iter().filter(|(other, _)| *other != arn);
        others.any(|(_, shown)| shown.is_on_air() && (shown.has_stream_of(before) || shown.is_of(one)))
    }

    /// Whether no rule takes `one` off air in `arn`, where it was `before`.
    fn has_to_stay(
        &self,
        desired: &Desired,
        outputs: &Outputs,
        arn: &str,
        before: &Shown,
        one: &Destination,
    ) -> bool {
        let since = self.since[one.name.as_str()];
        let pool = PoolName::new(before.pool.as_str());
        let router = desired.routers.get(&pool).map(|pool| pool.disruption.interrupt);
        let slots = desired.pools.get(&pool).map(|pool| pool.disruption.interrupt);
        // A slot whose stream is another one's by now, which is off, is that one's: exact comes before recorded.
        let mut rest = desired
            .destinations
            .values()
            .filter(|other| other.name != one.name);
        let is_passed_on =
            slots.is_some() && rest.any(|other| before.is_of(other) && other.state == WantedState::Ready);
        if one.paused.is_some() && is_calm(since.pause) {
            return !is_passed_on;
        }
        if one.state != WantedState::Streaming || !is_calm(since.state) || !is_calm(since.pause) {
            return false;
        }
        // What has another target now may be stopped for it, where the pool says so. On a channel the change of one interrupts others.
        let is_moved = one.pool != pool || !is_calm(since.pool);
        if before.is_of(one) && is_calm(since.key) && !is_moved && slots.is_none() {
            return true;
        }
        // What nobody declares grants nothing.
        let interrupt = router.or(slots).unwrap_or(Interrupt::Never);
        // What brings no programme is stopped for its own change without a grant.
        let is_fed = ["other", "slots"].contains(&before.pool.as_str()) || self.is_fed();
        let is_never = interrupt == Interrupt::Never && is_calm(self.policy) && is_fed;
        // A copy with its previous target ends once it is on air with its own.
        let mut others = outputs.iter().filter(|(other, _)| *other != arn);
        let has_own =
            others.any(|(_, other)| other.is_of(one) && other.state == "ACTIVE" && other.key != before.key);
        is_never && !has_own && !is_passed_on
    }

    /// What is wrong with `shown`, which was made beside another one of its destination and pool. A creation that is repeated since its
    /// reply was lost makes nothing, and while a list shows a part only none is begun.
    fn made_twice(&self, outputs: &Outputs, arn: &str, shown: &Shown) -> Option<String> {
        let is_new = shown.ours && shown.named.is_some() && !self.before.contains_key(arn);
        // One that was started by hand with another target than its tag says is nobody's.
        let mut others = outputs
            .iter()
            .filter(|(other, _)| *other != arn && !is_recent(self.disturbed.get(*other), DISTURBED));
        let is_twice =
            others.any(|(_, other)| other.ours && (&other.named, &other.pool) == (&shown.named, &shown.pool));
        (is_new && shown.pool != "slots" && is_twice).then(|| {
            format!(
                "made twice: an output for {:?} in {}: {arn}",
                shown.named, shown.pool
            )
        })
    }

    /// What is wrong with `shown`, which began beside another that pushes the same stream.
    fn pushed_twice(&self, outputs: &Outputs, arn: &str, shown: &Shown) -> Option<String> {
        // An update of what is stopped pushes nothing.
        let is_updated = shown.state == "UPDATING";
        let began = shown.may_push() && !is_updated && !self.before.get(arn).is_some_and(Shown::may_push);
        let mut others = outputs.iter().filter(|(other, _)| *other != arn);
        let is_twice = others.any(|(_, other)| other.may_push() && other.has_stream_of(shown));
        let is_wrong = began && is_twice && !is_recent(self.disturbed.get(arn), DISTURBED);
        is_wrong.then(|| format!("twice: {} is pushed twice: {arn} {shown:?}", shown.url))
    }

    /// Notes what slotwise says, and fails where its second author refused a plan.
    pub(super) fn hear(&mut self, events: &[(Instant, Event)], begun: Instant) {
        for (at, event) in events {
            if let Event::PlanRefused { what } = event {
                panic!("refused: {what}\n{}", self.tail());
            }
            if !matches!(
                event,
                Event::Planned(_) | Event::CycleEnded { .. } | Event::SourceRead { .. }
            ) {
                self.log.push(format!("{:?} {event:?}", *at - begun));
            }
        }
    }

    /// Trouble has ended: all are where they are wanted, or say why not.
    pub(super) fn assert_settled(&self, stage: &Stage) {
        let desired = self.script.desired();
        // What another slotwise may have, as its pool is declared no longer, stays and is named.
        let Some(plan) = stage.controller.plan() else {
            panic!("not at rest: no cycle has come to a plan\n{}", self.tail());
        };
        let planned = plan.outputs();
        let named = planned.filter(|output| {
            output
                .waiting
                .as_ref()
                .is_some_and(|why| why.code() == "OfAnother")
        });
        let may_be_anothers: BTreeSet<String> = named
            .filter_map(|output| Some(output.arn.as_ref()?.to_string()))
            .collect();
        let outputs = self.outputs().into_iter();
        let outputs: Vec<Shown> = outputs
            .filter(|(arn, _)| !may_be_anothers.contains(arn))
            .map(|(_, shown)| shown)
            .collect();
        for one in desired.destinations.values().filter(|one| one.paused.is_none()) {
            let status = stage.destination(one.name.as_str());
            let is_settled = match one.state {
                WantedState::Streaming => {
                    status.phase == Phase::Streaming || SAYS_WHY.contains(&status.reason)
                }
                WantedState::Ready => status.phase == Phase::Ready,
            };
            assert!(is_settled, "not settled: {status:?}\n{}", self.tail());
            // Of several of one stream any may carry it.
            let same = desired.destinations.values().filter(|other| other.key == one.key);
            if !self.kept.is_empty() || same.count() > 1 || UNSURE.contains(&status.reason) {
                continue;
            }
            let carried = outputs
                .iter()
                .filter(|shown| shown.is_on_air() && shown.is_of(one));
            let is_on_air = status.phase == Phase::Streaming && status.reason != "InterruptionForbidden";
            assert_eq!(
                carried.count(),
                usize::from(is_on_air),
                "not settled: {status:?}\n{}",
                self.tail()
            );
        }
    }
}
