//! What must never happen, checked at every call, and nothing of it learned from the planner.
//!
//! A controller knows the world as of its last look and the declaration as of its last read. What it does is
//! therefore judged by everything that was true in the last seconds: a stop is ungranted if no moment of them
//! granted it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::emulator::{Call, World};
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::tag::{SLOT_TAG_PREFIX, TAKEOVER_TAG, slot_tag_key};
use slotwise::testing::model::{Desired, DestinationName, WantedState};
use tokio::time::Instant;

use super::ground::{Ground, Occupant, Slot, is_called};
use super::leases::SharedRow;
use super::process::Sign;
use super::reading::{
    Endpoint, carries, endpoints, is_parking, is_running, owner, pool_of, rtmp_groups, skeleton, tag_of,
    takeover_of, wiring, without,
};
use super::starts::Start;
use super::states::States;
use super::stops::Stop;
use super::table::Table;
use super::tenures::Tenures;
use super::timeline::brief;
use super::verdict::{Broken, Tally};
use super::views::{View, Views};
use super::wire::letter;
use super::world::{FOREIGN, OWNER};

/// How old the state of a channel may be that was changed from outside: the same, on a list that lags behind.
const SEEN_MAX: Duration = Duration::from_mins(1);

/// For how long a process that was denied to write tags of slots need not try again.
const DENIED_MAX: Duration = Duration::from_mins(11);

/// More calls of a process than this in a minute are a loop that has gone wild; the client itself lets 600 through.
const CALLS_MAX: usize = 150;

/// More updates of a channel than this within an hour are a loop as well: each takes a stop and a start, or was in vain.
const UPDATES_MAX: usize = 30;

/// The judge.
pub(super) struct Judge {
    pub(super) views: Views,
    calls: VecDeque<Instant>,
    /// When each channel was updated within the last hour.
    updates: BTreeMap<String, VecDeque<Instant>>,
    /// When a start of slotwise was accepted, in the emulator's time.
    started: BTreeMap<String, Duration>,
    /// Destinations that this controller has taken off air, by channel, until they are back.
    interrupted: BTreeMap<String, BTreeSet<DestinationName>>,
    /// Destinations that a granted stop took off air on one channel while they were still on air on another, and when.
    released: BTreeMap<DestinationName, Instant>,
    /// Which of several processes wrote when; `None` where there is one without a lease.
    tenures: Option<Tenures>,
    /// When so few with a missing declaration were on air that they may have been removed on purpose.
    few_missing: Option<Instant>,
    /// What states the channels were in, and which of them were reported.
    states: States,
    /// The table that some destinations live in, if not in files.
    pub(super) table: Option<Table>,
    /// How many processes there are at most.
    processes: usize,
    /// When the last tag was denied.
    denied: Option<Instant>,
    /// Whether tags of slots can be written once everything that went wrong is right again.
    pub(super) may_record: bool,
    /// What happened, for a failure's report.
    pub(super) timeline: Vec<(Instant, String)>,
    pub(super) tally: Tally,
    /// The first rule that was broken.
    pub(super) broken: Option<Broken>,
}

impl Judge {
    /// For a life with `processes` that look at their files every `source_interval` and share `row`.
    pub(super) fn new(
        desired: Desired,
        wall: Timestamp,
        processes: usize,
        source_interval: Duration,
        row: Option<SharedRow>,
    ) -> Self {
        Self {
            views: Views::new(desired, wall, source_interval),
            calls: VecDeque::new(),
            updates: BTreeMap::new(),
            started: BTreeMap::new(),
            interrupted: BTreeMap::new(),
            released: BTreeMap::new(),
            tenures: row.map(Tenures::new),
            few_missing: None,
            states: States::default(),
            table: None,
            processes,
            denied: None,
            may_record: true,
            tally: Tally::default(),
            timeline: Vec::new(),
            broken: None,
        }
    }

    /// The controller is another one now, which cannot know what the one before took off air.
    pub(super) fn restarted(&mut self) {
        self.interrupted.clear();
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.timeline.push((Instant::now(), what.into()));
    }

    /// What a process reported or did at `when`.
    pub(super) fn hear(&mut self, name: &str, when: Instant, sign: &Sign) {
        let what = match sign {
            Sign::Reported(event) => brief(name, event),
            Sign::Planned(_) => String::new(),
        };
        if !what.is_empty() {
            self.timeline.push((when, what));
        }
        if let Some(what) = self.states.hear(name, when, sign) {
            self.fail("an old state", what);
        }
    }

    /// Takes note of a process that is no more, and of what was heard of it before.
    pub(super) fn bury(&mut self, name: &str, how: &str, signs: &[(Instant, Sign)]) {
        for (when, sign) in signs {
            self.hear(name, *when, sign);
        }
        self.note(format!("{name} {how}"));
        self.restarted();
    }

    /// Takes note of a rule that was broken.
    pub(super) fn fail(&mut self, check: &'static str, what: String) {
        self.note(format!("BROKEN: {check}: {what}"));
        self.broken.get_or_insert(Broken { check, what });
    }

    /// Judges one call.
    pub(super) fn call(&mut self, before: &World, after: &World, call: &Call) {
        self.count(call);
        self.note_tags(call);
        self.settle_interrupted(before);
        self.count_missing(before);
        self.states.follow(before, call.at);
        self.states.follow(after, call.at);
        if is_look(call) {
            return;
        }
        self.check_lease(call);
        let touched = touched(before, after, call);
        for id in &touched {
            self.check_touch(before, id, call);
        }
        self.check_running_stay_as_they_are(before, after);
        let (true, Some(id)) = (call.applied, touched.first()) else {
            return;
        };
        let (Some(was), Some(is)) = (before.channel(id), after.channel(id)) else {
            return;
        };
        match call.operation.as_str() {
            "UpdateChannel" => {
                self.check_update(id, was.document(), is.document());
                self.check_recorded(before, after, id);
                self.count_update(id);
            }
            "StartChannel" => {
                self.check_start(after, id, call);
                self.started.insert(id.clone(), call.at);
            }
            "StopChannel" => self.check_stop(before, id),
            "CreateTags" | "DeleteTags" => self.check_tags(id, was, is),
            other => self.fail(
                "outside the slots",
                format!("{other} is nothing that a controller calls"),
            ),
        }
    }

    fn count(&mut self, call: &Call) {
        let now = Instant::now();
        self.tally.calls += 1;
        self.tally.looks += usize::from(is_look(call));
        let answer = call
            .error
            .clone()
            .or(call.status.map(|status| status.to_string()));
        let channel = call
            .channel
            .as_ref()
            .map_or_else(String::new, |id| format!(" {id}"));
        let answer = answer.unwrap_or_else(|| "no answer".to_owned());
        let effect = if call.applied { "" } else { " (no effect)" };
        // A look that went well is too common to show.
        if call.operation != "ListChannels" || answer != "200" {
            self.note(format!("call {}{channel} -> {answer}{effect}", call.operation));
        }
        self.calls.push_back(now);
        while self
            .calls
            .front()
            .is_some_and(|at| now - *at > Duration::from_mins(1))
        {
            self.calls.pop_front();
        }
        if self.calls.len() > CALLS_MAX * self.processes {
            self.fail("wild loop", format!("{} calls within a minute", self.calls.len()));
        }
    }

    fn note_tags(&mut self, call: &Call) {
        let is_denied = call
            .error
            .as_deref()
            .is_some_and(|error| error.contains("AccessDenied"));
        if call.operation == "CreateTags" && (is_denied || call.status == Some(403)) {
            self.denied = Some(Instant::now());
            self.tally.meet("tags denied");
        }
    }

    /// Updates that come again and again change nothing, or change it back and forth.
    fn count_update(&mut self, id: &str) {
        let now = Instant::now();
        let updates = self.updates.entry(id.to_owned()).or_default();
        updates.push_back(now);
        updates.retain(|at| now - *at < Duration::from_hours(1));
        if updates.len() > UPDATES_MAX {
            self.fail("wild loop", format!("channel {id} is updated again and again"));
        }
    }

    /// Of several processes, only the one that holds the lease writes, and says so.
    fn check_lease(&mut self, call: &Call) {
        let Some(mut tenures) = self.tenures.take() else {
            return;
        };
        if tenures.change_with(call) {
            // It cannot know what the one before took off air.
            self.restarted();
        }
        if let Err(what) = tenures.check(call) {
            self.fail("lease", what);
        }
        self.tenures = Some(tenures);
    }

    /// Only adopted channels of our pools are touched; adopting touches nothing but the tag.
    fn check_touch(&mut self, before: &World, id: &str, call: &Call) {
        if id == FOREIGN {
            return self.fail(
                "foreign channel",
                format!("{} touches a channel that no pool names", call.operation),
            );
        }
        let Some(channel) = before.channel(id) else { return };
        let owner = owner(channel);
        if call.operation != "CreateTags" {
            if owner != Some(OWNER) {
                self.fail(
                    "foreign channel",
                    format!(
                        "{} touches channel {id}, whose owner is {owner:?}",
                        call.operation
                    ),
                );
            }
            return;
        }
        if owner.is_some_and(|owner| owner != OWNER) {
            self.fail(
                "foreign channel",
                format!("the tag of channel {id}, which is {owner:?}'s, is overwritten"),
            );
        }
        let refused = |(view, wall): (Cow<'_, View>, Timestamp)| {
            let ground = Ground::read(before, &view.desired, wall);
            ground.place(id).is_none_or(|place| ground.is_refused(place))
        };
        if owner.is_none() && self.recent().all(refused) {
            self.fail(
                "adoption",
                format!("channel {id} is adopted while it runs with what would end by it"),
            );
        }
        if owner.is_none() && call.applied && is_running(channel) {
            self.tally.meet("a running channel adopted");
        }
    }

    /// Of tags only the owner's, that of a takeover and those of slots change; those of slots only while the channel is stopped, once they are
    /// there, but for the name of who holds it, and that it was released.
    fn check_tags(&mut self, id: &str, was: &Channel, is: &Channel) {
        let empty = Map::new();
        let of = |channel: &Channel| channel.document()["tags"].as_object().cloned();
        let (old, new) = (of(was).unwrap_or_default(), of(is).unwrap_or(empty));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let groups: BTreeSet<String> = wiring(is.document())
            .into_keys()
            .map(|group| slot_tag_key(&group.as_str().into()))
            .collect();
        for key in keys.into_iter().filter(|key| old.get(*key) != new.get(*key)) {
            if key == TAKEOVER_TAG {
                self.check_takeover(id, takeover_of(was), takeover_of(is));
                continue;
            }
            let is_slots = key.starts_with(SLOT_TAG_PREFIX);
            if !is_slots && (key != OWNER_TAG || old.contains_key(key)) {
                self.fail("tags", format!("the tag {key} of channel {id} is changed"));
            }
            let (Some(old), new) = (old.get(key).and_then(Value::as_str), new.get(key)) else {
                continue;
            };
            // Who holds it, or that it was released; never of what target.
            let digest = |tag: &str| tag.split(' ').nth(1).map(str::to_owned);
            let is_release = new
                .and_then(Value::as_str)
                .is_some_and(|new| digest(new) == digest(old));
            let is_leftover = new.is_none() && !groups.contains(key);
            if is_slots && is_running(was) && owner(was).is_some() && !is_release && !is_leftover {
                self.fail(
                    "tags",
                    format!("the tag {key} of channel {id} is changed while it runs: {old} -> {new:?}"),
                );
            }
        }
    }

    /// A takeover begins and ends once, and does so again only after it was set to false.
    fn check_takeover(&mut self, id: &str, was: Option<&str>, is: Option<&str>) {
        let is_set = |(view, _): (Cow<'_, View>, Timestamp)| {
            let mut named = view.desired.pools.values().flat_map(|pool| &pool.channels);
            named.find(|one| one.id.as_str() == id).map(|one| one.takeover)
        };
        let mut sets = self.recent().map(is_set);
        let is_right = match (was, is) {
            (None, Some("begun")) | (None | Some("begun"), Some("done")) => sets.any(|one| one == Some(true)),
            (Some(_), None) => sets.any(|one| one == Some(false)),
            _ => false,
        };
        drop(sets);
        if !is_right {
            let what = format!("the takeover of channel {id} was {was:?} and is {is:?}");
            self.fail("takeover", what);
        }
    }

    /// Whatever a slot is pointed at was recorded before, unless that was denied a moment ago.
    fn check_recorded(&mut self, before: &World, after: &World, id: &str) {
        if self.denied.is_some_and(|at| at.elapsed() < DENIED_MAX) {
            return;
        }
        let View { desired, .. } = self.views.last();
        let desired = desired.clone();
        let wall = Timestamp::UNIX_EPOCH;
        let (was, is) = (
            Ground::read(before, &desired, wall),
            Ground::read(after, &desired, wall),
        );
        let (Some(was), Some(is)) = (was.place(id), is.place(id)) else {
            return;
        };
        let written = is.slots.iter().filter(|slot| {
            was.slot(&slot.group)
                .is_none_or(|before| before.endpoints != slot.endpoints)
        });
        // Where there is no room for more tags, a destination leaves without one.
        let leaves = |slot: &Slot<'_>| is.is_full() && slot.is == Occupant::Parked;
        let unrecorded = written.clone().find(|slot| !slot.is_recorded() && !leaves(slot));
        if let Some(group) = unrecorded.map(|slot| slot.group.clone()) {
            let tag = after
                .channel(id)
                .and_then(|channel| tag_of(channel, &group.as_str().into()));
            self.fail(
                "tags",
                format!(
                    "channel {id} is updated, and what {group} points at was not recorded before: {tag:?}"
                ),
            );
        }
    }

    fn check_running_stay_as_they_are(&mut self, before: &World, after: &World) {
        for (id, was) in before
            .channels()
            .iter()
            .filter(|(_, channel)| is_running(channel))
        {
            let same = after
                .channel(id)
                .is_some_and(|is| without(was.document(), &["tags"]) == without(is.document(), &["tags"]));
            if !same {
                self.fail(
                    "running channel changed",
                    format!(
                        "the configuration of channel {id} changed while it was {:?}",
                        was.state()
                    ),
                );
            }
        }
    }

    /// Of a channel that is updated only `url` and `streamName` of slots change, to something declared or parked.
    fn check_update(&mut self, id: &str, was: &Map<String, Value>, is: &Map<String, Value>) {
        if without(was, &["destinations"]) != without(is, &["destinations"]) {
            let differs: Vec<&String> = is.keys().filter(|key| was.get(*key) != is.get(*key)).collect();
            self.fail(
                "outside the slots",
                format!("an update of channel {id} changed {differs:?}"),
            );
        }
        let wiring = wiring(was);
        let empty = Vec::new();
        let old = was["destinations"].as_array().unwrap_or(&empty);
        let new = is["destinations"].as_array().unwrap_or(&empty);
        if old.len() != new.len() {
            return self.fail(
                "outside the slots",
                format!("an update of channel {id} changed how many destinations there are"),
            );
        }
        let new_targets: Vec<Endpoint> = new
            .iter()
            .filter_map(|entry| endpoints(entry).into_iter().next())
            .collect();
        for (old, new) in old.iter().zip(new) {
            let is_slot = wiring.values().any(|slot| old["id"] == *slot);
            let (was, is) = if is_slot {
                (skeleton(old), skeleton(new))
            } else {
                (old.clone(), new.clone())
            };
            // As text, so that the order of fields counts too.
            let (was, is) = (was.to_string(), is.to_string());
            if was != is {
                self.fail(
                    "outside the slots",
                    format!(
                        "an update of channel {id} changed more of {} than where it points",
                        old["id"]
                    ),
                );
            }
            let twice = |endpoint: &Endpoint| {
                !is_parking(endpoint) && new_targets.iter().filter(|other| *other == endpoint).count() > 1
            };
            if is_slot && endpoints(new).iter().take(1).any(twice) {
                self.fail(
                    "one target twice",
                    format!("an update of channel {id} gives two slots one target"),
                );
            }
            for endpoint in endpoints(new)
                .into_iter()
                .filter(|one| !endpoints(old).contains(one))
            {
                if is_slot && !self.recent().any(|(view, _)| view.declares(&endpoint)) {
                    self.fail(
                        "undeclared target",
                        format!("an update of channel {id} points a slot at an undeclared target"),
                    );
                }
            }
        }
    }

    /// Nothing goes on air from two channels at once, and nothing that is not wanted.
    fn check_start(&mut self, after: &World, id: &str, call: &Call) {
        let start = Start::new(after, id);
        let is_news = |other: &str, channel: &Channel| {
            let since = channel.life().since();
            channel.state() == State::Starting
                && self.started.get(other) != Some(&since)
                && call.at.saturating_sub(since) < SEEN_MAX
        };
        if let Some(other) = start.twice(is_news) {
            self.fail(
                "one target twice",
                format!("channel {id} starts with a target that is on air on channel {other}"),
            );
        }
        // Of a torn file a part may be known as it is now, and the rest as it was.
        let mut unwanted: Option<BTreeSet<String>> = None;
        for (view, wall) in self.recent() {
            let here: BTreeSet<String> = start.unwanted(&view.desired, wall).into_iter().collect();
            let so_far = unwanted.take();
            let both = so_far.map_or(here.clone(), |so_far| &so_far & &here);
            let is_enough = both.is_empty();
            unwanted = Some(both);
            if is_enough {
                break;
            }
        }
        let pushed = after.channel(id).map(rtmp_groups).unwrap_or_default();
        let may_be_renamed = |group: &String| {
            let mut named = pushed.iter().filter(|(name, _)| name == group);
            named.any(|(_, endpoints)| {
                let mut endpoints = endpoints.iter();
                endpoints.any(|one| {
                    let endpoint = (one.url.to_string(), one.stream_name.reveal().to_owned());
                    self.views.may_be_renamed(&endpoint)
                })
            })
        };
        let unwanted = unwanted.map(|mut unwanted| {
            unwanted.retain(|group| !may_be_renamed(group));
            unwanted
        });
        if let Some(group) = unwanted.and_then(|unwanted| unwanted.into_iter().next()) {
            self.fail(
                "undeclared target",
                format!("channel {id} starts with a target in {group} that is not wanted on air"),
            );
        }
    }

    /// A stop takes no wanted destination off air, unless the pool grants it.
    fn check_stop(&mut self, before: &World, id: &str) {
        let verdicts: Vec<Result<BTreeSet<DestinationName>, String>> = self
            .believed()
            .map(|(desired, wall)| Stop::new(before, id, &desired, wall)?.judge(&self.released))
            .collect();
        // A process that did not know yet that a destination is wanted again has not interrupted it.
        let granted = verdicts.iter().filter_map(|verdict| verdict.as_ref().ok());
        let Some(lost) = granted.min_by_key(|lost| lost.len()) else {
            let why = verdicts.into_iter().find_map(Result::err).unwrap_or_default();
            return self.fail("interruption", format!("channel {id} is stopped: {why}"));
        };
        let lost = lost.clone();
        self.note_released(before, id);
        if !lost.is_empty() {
            self.tally.interruptions += lost.len();
            self.interrupted.insert(id.to_owned(), lost);
            self.check_concurrent(id);
        }
    }

    /// Of two channels that carry the same, one may be stopped for a reason that grants it, and the other as superfluous.
    fn note_released(&mut self, before: &World, id: &str) {
        self.released.retain(|_, at| at.elapsed() < SEEN_MAX);
        let here = |(view, wall): (Cow<'_, View>, Timestamp)| {
            let stop = Stop::new(before, id, &view.desired, wall).ok()?;
            stop.with_copies().judge(&BTreeMap::new()).ok()
        };
        let released: Vec<BTreeSet<DestinationName>> = self.recent().filter_map(here).collect();
        let now = Instant::now();
        self.released
            .extend(released.into_iter().flatten().map(|name| (name, now)));
    }

    /// Whether destinations with a missing declaration may have been removed on purpose: one of those on air, or no more
    /// than three in ten.
    fn count_missing(&mut self, world: &World) {
        let View { desired, left, .. } = self.views.last();
        let Some(left) = left else { return };
        let ground = Ground::read(world, left, Timestamp::UNIX_EPOCH);
        let ours = ground
            .places
            .iter()
            .filter(|place| place.runs() && !place.is_unowned() && ground.other_owner(place).is_none());
        let on_air: Vec<&Occupant<'_>> = ours
            .flat_map(|place| &place.slots)
            .map(|slot| &slot.is)
            .filter(|is| matches!(is, Occupant::Of(..) | Occupant::Vanished { .. }))
            .collect();
        let missing = on_air.iter().filter(|is| match is {
            Occupant::Vanished { identity, released } => {
                !released && desired.destinations.values().any(|one| is_called(one, identity))
            }
            _ => false,
        });
        let interrupted: BTreeSet<&DestinationName> = self.interrupted.values().flatten().collect();
        let coming_back = interrupted
            .iter()
            .filter(|name| !left.destinations.contains_key(**name));
        let (missing, coming_back) = (missing.count(), coming_back.count());
        let are_few = |missing: usize, of: usize| missing <= 1 || missing * 10 <= of * 3;
        // A process that does not know the interrupted destinations counts those on air alone.
        if are_few(missing, on_air.len()) || are_few(missing + coming_back, on_air.len() + interrupted.len())
        {
            self.few_missing = Some(Instant::now());
        }
    }

    /// A destination that is back on air, or no longer wanted, is no longer interrupted.
    fn settle_interrupted(&mut self, world: &World) {
        let desired = &self.views.last().desired;
        let on_air = |name: &DestinationName| {
            let one = &desired.destinations[name];
            let carried = |channel: &Channel| is_running(channel) && carries(channel, one);
            one.state != WantedState::Streaming
                || one.paused.is_some()
                || world.channels().values().any(carried)
        };
        self.interrupted.retain(|id, names| {
            let running = world
                .channel(id)
                .is_none_or(|channel| channel.state() == State::Running);
            !running
                && names
                    .iter()
                    .any(|name| desired.destinations.contains_key(name) && !on_air(name))
        });
    }

    fn check_concurrent(&mut self, id: &str) {
        let desired = &self.views.last().desired;
        let Some(pool) = pool_of(desired, id) else { return };
        let most = self
            .recent()
            .filter_map(|(view, _)| Some(pool_of(&view.desired, id)?.disruption.max_concurrent))
            .max();
        let mine = |other: &str| pool.channels.iter().any(|channel| channel.id == other);
        // A destination that was removed on purpose, for all that a writer knows, does not come back.
        let is_awaited = |desired: &Desired, names: &BTreeSet<DestinationName>| {
            names.iter().any(|name| desired.destinations.contains_key(name))
        };
        let interrupted = |desired: &Desired| {
            let mine = self.interrupted.iter().filter(|(other, _)| mine(other));
            mine.filter(|(_, names)| is_awaited(desired, names)).count()
        };
        let now = self.believed().map(|(desired, _)| interrupted(&desired)).min();
        let (now, name) = (now.unwrap_or_default(), pool.name.clone());
        if now > most.unwrap_or(1) as usize {
            self.fail(
                "maxConcurrent",
                format!("{now} channels of pool {name} are interrupted at once"),
            );
        }
    }

    /// Every declaration that a writer may act upon: also what is left in a file that lost few.
    fn believed(&self) -> impl Iterator<Item = (Desired, Timestamp)> {
        let few = self
            .few_missing
            .is_some_and(|at| at.elapsed() < self.views.declared_max + SEEN_MAX);
        self.recent().flat_map(move |(view, wall)| {
            let left = view.left.clone().filter(|_| few);
            let declared = std::iter::once(view.desired.clone()).chain(left);
            declared.map(move |desired| (desired, wall))
        })
    }

    /// Every declaration that a writer may know.
    fn recent(&self) -> impl Iterator<Item = (Cow<'_, View>, Timestamp)> {
        let seat = self.tenures.as_ref().and_then(Tenures::last).map(letter);
        self.views.recent(self.table.as_ref().map(|table| (table, seat)))
    }
}

fn is_look(call: &Call) -> bool {
    matches!(call.operation.as_str(), "ListChannels" | "DescribeChannel")
}

/// The channels that a call is about: the one in its path, and those whose tags it changes.
fn touched(before: &World, after: &World, call: &Call) -> Vec<String> {
    let named = call.channel.iter().cloned();
    let tagged = after.channels().iter().filter(|(id, is)| {
        before
            .channel(id)
            .is_none_or(|was| was.document().get("tags") != is.document().get("tags"))
    });
    named.chain(tagged.map(|(id, _)| id.clone())).collect()
}
