//! A plan for a terminal.
//!
//! Per pool one line about it, then every channel that changes with its steps, then the destinations that wait and their
//! ways out; unchanged channels are folded into one line where there are many. The last line is the summary.

use std::collections::BTreeMap;
use std::time::Duration;

use super::feeds;
use super::routers;
use super::style::{Style, Tone, columns};
use super::summary::{Summary, is_on_its_way};
use super::table::{Cell, Table, cell};
use crate::model::{DestinationName, Interrupt, Placement, PoolName};
use crate::plan::reason::Names;
use crate::plan::router::RouterPoolPlan;
use crate::plan::waiting::Approximately;
use crate::plan::{
    Action, Adoption, ChannelPlan, Content, DestinationPlan, Optimality, OtherPlace, Plan, PoolPlan, Reason,
    SlotPlan, Step, Waiting,
};
use crate::status::{Status, Totals};
use crate::words::counted;

/// More unchanged channels than this in a pool, or more channels than this that wait for one reason, are folded.
const FOLD_ABOVE: usize = 4;

/// Why a channel of ours runs on whatever is declared.
pub(super) const RUNS_WITHOUT_SLOT: &str =
    "none of its output groups is a slot, so slotwise does not stop it";

/// `plan` as text that ends with a line feed.
pub fn plan(plan: &Plan, style: Style) -> String {
    let summary = Summary::of(plan);
    let mut lines = Vec::new();
    if plan.is_empty() {
        lines.push(no_changes(plan, style));
        lines.push(String::new());
    }
    let view = View::new(plan, style);
    for pool in &plan.pools {
        lines.extend(view.pool(pool));
        lines.push(String::new());
    }
    for pool in &plan.routers {
        lines.extend(view.router_pool(pool));
        lines.push(String::new());
    }
    if !view.in_no_pool.is_empty() {
        lines.extend(view.in_no_pool());
        lines.push(String::new());
    }
    if !plan.is_empty() {
        lines.push(style.paint(Tone::Strong, summary));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

/// States a channel passes through: `RUNNING → IDLE → RUNNING`, or `IDLE, stays`.
pub(super) fn course(channel: &ChannelPlan) -> String {
    let Some(seen) = &channel.seen else {
        return "not seen".to_owned();
    };
    let mut states = vec![seen.state.as_str()];
    for step in &channel.steps {
        let next = match step.action {
            Action::Wait if seen.state.is_running() => "RUNNING",
            Action::Wait | Action::Stop => "IDLE",
            Action::Start => "RUNNING",
            Action::Adopt { .. } | Action::Record { .. } | Action::Update { .. } => continue,
        };
        if states.last() != Some(&next) {
            states.push(next);
        }
    }
    match states.as_slice() {
        [only] if is_left_alone(channel) => format!("{only}, left as it is"),
        [only] => format!("{only}, stays"),
        several => several.join(" → "),
    }
}

/// The state of the destination while it waits: `waits`, `stays on air`, `is on air`.
pub(super) fn predicate(destination: &DestinationPlan) -> &'static str {
    if destination.is_unknown() {
        return "may be on air";
    }
    match (destination.on_air, destination.wanted) {
        (true, false) => "stays on air",
        (true, true) => "is on air",
        (false, _) => "waits",
    }
}

/// [`predicate`] of `count` destinations: `waits`, `wait`.
pub(super) fn verb(count: usize, predicate: &'static str) -> &'static str {
    match (count, predicate) {
        (1, verb) => verb,
        (_, "waits") => "wait",
        (_, "stays on air") => "stay on air",
        (_, "is on air") => "are on air",
        (_, "is on air twice") => "are on air twice",
        (_, "is on air elsewhere") => "are on air elsewhere",
        (_, "is off, and on air elsewhere") => "are off, and on air elsewhere",
        (_, other) => other,
    }
}

/// `main: 2 channels, 6 slots, Spread, interrupt: Never`.
pub(super) fn pool_facts(pool: &PoolPlan) -> String {
    let placement = match pool.placement {
        Placement::Spread => "Spread",
        Placement::Pack => "Pack",
    };
    let interrupt = interrupt_name(pool.interrupt);
    format!(
        "{}: {}, {}, {placement}, interrupt: {interrupt}",
        pool.name,
        counted(pool.channels, "channel"),
        counted(pool.slots, "slot"),
    )
}

fn interrupt_name(interrupt: Interrupt) -> &'static str {
    match interrupt {
        Interrupt::Never => "Never",
        Interrupt::Window => "Window",
        Interrupt::Anytime => "Anytime",
    }
}

/// `live: 3 router outputs, interrupt: Never`.
pub(super) fn router_pool_facts(pool: &RouterPoolPlan) -> String {
    let there = pool.outputs.iter().filter(|output| output.arn.is_some());
    let there = if pool.unseen {
        "router outputs not known".to_owned()
    } else {
        counted(there.count(), "router output")
    };
    match &pool.name {
        Some(name) => format!("{name}: {there}, interrupt: {}", interrupt_name(pool.interrupt)),
        None => format!("(none declared): {there}"),
    }
}

/// What is known of a placement that may not be the best one; nothing for one that is.
pub(super) fn gap(pool: &PoolPlan) -> Option<&'static str> {
    (pool.optimality == Optimality::Heuristic)
        .then_some("large pool: not every placement was looked at; priorities come first all the same")
}

/// Why a newcomer to the pool would have no slot, unless one of its `destinations` says so already.
pub(super) fn newcomers_wait<'a>(
    pool: &'a PoolPlan,
    destinations: impl IntoIterator<Item = &'a DestinationPlan>,
) -> Option<&'a Waiting> {
    let no_slot = pool.no_slot.as_ref()?;
    let mut destinations = destinations.into_iter();
    let says_so = |one: &DestinationPlan| one.waiting.as_ref() == Some(no_slot);
    (!destinations.any(says_so)).then_some(no_slot)
}

/// Destinations that wait for the same, so that a hundred of them take no more room than one.
pub(super) fn groups_of_waiting<'a>(
    destinations: impl IntoIterator<Item = &'a DestinationPlan>,
) -> Vec<(Vec<DestinationName>, &'static str, &'a Waiting)> {
    let mut groups: Vec<(Vec<DestinationName>, &'static str, &'a Waiting)> = Vec::new();
    let mut index: BTreeMap<(&'static str, &'static str, String), usize> = BTreeMap::new();
    for destination in destinations.into_iter().filter(|one| !is_on_its_way(one)) {
        let Some(waiting) = &destination.waiting else {
            continue;
        };
        let predicate = predicate(destination);
        let key = (predicate, waiting.code(), waiting.to_string());
        let at = *index.entry(key).or_insert_with(|| {
            groups.push((Vec::new(), predicate, waiting));
            groups.len() - 1
        });
        groups[at].0.push(destination.name.clone());
    }
    groups
}

/// Sum of the expected times of all steps, in words; nothing for none.
pub(super) fn expected(channel: &ChannelPlan) -> Option<String> {
    in_words(channel.steps.iter().map(|step| step.expected))
}

/// Times one after the other, in words; nothing for none.
pub(super) fn in_words(times: impl Iterator<Item = Duration>) -> Option<String> {
    let sum: Duration = times.sum();
    (sum.as_secs() > 0).then(|| format!("about {}", Approximately(sum)))
}

/// The slot of `channel` named `group`.
pub(super) fn slot<'a>(channel: &'a ChannelPlan, group: &str) -> Option<&'a SlotPlan> {
    channel.slots.iter().find(|slot| slot.output_group == group)
}

/// Slots that carry a destination through the steps without being rewritten.
pub(super) fn kept(channel: &ChannelPlan) -> impl Iterator<Item = (&SlotPlan, &DestinationName)> {
    channel.slots.iter().filter_map(|slot| match &slot.then {
        Content::Destination(name) if slot.now == slot.then => Some((slot, name)),
        _ => None,
    })
}

/// Id, and the name where it says more.
pub(super) fn title(channel: &ChannelPlan) -> String {
    match &channel.seen {
        Some(seen) if !seen.name.is_empty() && *seen.name != *channel.id.as_str() => {
            format!("{} ({})", channel.id, seen.name)
        }
        _ => channel.id.to_string(),
    }
}

/// Good news only where every destination is where it is wanted.
fn no_changes(plan: &Plan, style: Style) -> String {
    let totals = Totals::of(plan, &Status::default());
    let tone = if totals.is_as_wanted() {
        Tone::Good
    } else {
        Tone::Waits
    };
    format!("{} {totals}.", style.paint(tone, "No changes."))
}

/// A plan sorted by pool.
struct View<'a> {
    plan: &'a Plan,
    style: Style,
    channels: BTreeMap<&'a PoolName, Vec<&'a ChannelPlan>>,
    in_no_pool: Vec<&'a ChannelPlan>,
    destinations: BTreeMap<&'a PoolName, Vec<&'a DestinationPlan>>,
}

impl<'a> View<'a> {
    fn new(plan: &'a Plan, style: Style) -> Self {
        let mut channels: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut in_no_pool = Vec::new();
        for channel in &plan.channels {
            match &channel.pool {
                Some(pool) => channels.entry(pool).or_default().push(channel),
                None => in_no_pool.push(channel),
            }
        }
        let mut destinations: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for destination in &plan.destinations {
            destinations
                .entry(&destination.pool)
                .or_default()
                .push(destination);
        }
        Self {
            plan,
            style,
            channels,
            in_no_pool,
            destinations,
        }
    }

    /// Owned channels in no pool: nothing starts there, and what runs stays until it is stopped.
    fn in_no_pool(&self) -> Vec<String> {
        let mut lines = vec!["in no pool".to_owned(), String::new()];
        lines.extend(self.channels(&self.in_no_pool));
        lines
    }

    fn pool(&self, pool: &PoolPlan) -> Vec<String> {
        let destinations = self.destinations.get(&pool.name).map_or(&[][..], Vec::as_slice);
        let channels = self.channels.get(&pool.name).map_or(&[][..], Vec::as_slice);
        let wanted = destinations.iter().filter(|one| one.wanted).count();
        let off = destinations.len() - wanted;
        let mut lines = vec![format!(
            "{wanted} wanted, {off} off · pool {}",
            self.style.paint(Tone::Strong, pool_facts(pool))
        )];
        if let Some(gap) = gap(pool) {
            let mut table = Table::default();
            table.row([cell(Tone::Muted, gap)]);
            lines.extend(table.lines(self.style, 2));
        }
        lines.push(String::new());
        lines.extend(self.channels(channels));
        lines.extend(self.waiting(destinations));
        lines.extend(self.also_on_air(destinations));
        if let Some(no_slot) = newcomers_wait(pool, destinations.iter().copied()) {
            lines.push(String::new());
            let code = self.style.paint(Tone::Waits, no_slot.code());
            lines.push(format!("  newcomers would wait: {code}"));
            let mut table = Table::default();
            table.row([cell(Tone::Plain, no_slot)]);
            ways_out_row(&mut table, None, &no_slot.ways_out());
            lines.extend(table.lines(self.style, 4));
        }
        lines
    }

    fn router_pool(&self, pool: &RouterPoolPlan) -> Vec<String> {
        let Some(name) = &pool.name else {
            let mut lines = vec!["router outputs in no pool".to_owned(), String::new()];
            lines.extend(routers::outputs(self.plan, pool, self.style));
            return lines;
        };
        let destinations = self.destinations.get(name).map_or(&[][..], Vec::as_slice);
        let wanted = destinations.iter().filter(|one| one.wanted).count();
        let off = destinations.len() - wanted;
        let mut lines = vec![format!(
            "{wanted} wanted, {off} off · pool {}",
            self.style.paint(Tone::Strong, router_pool_facts(pool))
        )];
        let mut things = feeds::of_pool(&self.plan.feeds, name, self.style);
        things.extend(routers::outputs(self.plan, pool, self.style));
        if !things.is_empty() {
            lines.push(String::new());
            lines.extend(things);
        }
        lines.extend(self.waiting(destinations));
        lines.extend(self.also_on_air(destinations));
        lines
    }

    /// Channels in the pool's order, with quiet ones folded where there are many.
    fn channels(&self, channels: &[&ChannelPlan]) -> Vec<String> {
        let quiet: Vec<&ChannelPlan> = channels.iter().copied().filter(|one| is_quiet(one)).collect();
        let fold_quiet = quiet.len() > FOLD_ABOVE;
        let mut stuck: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut lines = Vec::new();
        for channel in channels {
            if is_quiet(channel) {
                if !fold_quiet {
                    lines.extend(self.channel(channel));
                }
                continue;
            }
            if let (true, Some(waiting)) = (channel.steps.is_empty(), &channel.waiting) {
                let count = stuck.entry(waiting.code()).or_default();
                *count += 1;
                if *count > FOLD_ABOVE {
                    continue;
                }
            }
            lines.extend(self.channel(channel));
        }
        for (code, count) in stuck.into_iter().filter(|(_, count)| *count > FOLD_ABOVE) {
            lines.push(format!(
                "  and {} more: {code}",
                counted(count - FOLD_ABOVE, "channel")
            ));
        }
        if fold_quiet {
            lines.push(self.folded(&quiet));
        }
        lines
    }

    /// `38 channels unchanged: 30 RUNNING with 85 on air, 8 IDLE`.
    fn folded(&self, quiet: &[&ChannelPlan]) -> String {
        let mut states: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for channel in quiet {
            let state = channel
                .seen
                .as_ref()
                .map_or("not seen", |seen| seen.state.as_str());
            let entry = states.entry(state).or_default();
            entry.0 += 1;
            entry.1 += self.on_air(channel).len();
        }
        let parts: Vec<String> = states
            .into_iter()
            .map(|(state, (channels, on_air))| match on_air {
                0 => format!("{channels} {state}"),
                some => format!("{channels} {state} with {some} on air"),
            })
            .collect();
        let text = format!(
            "{} unchanged: {}",
            counted(quiet.len(), "channel"),
            parts.join(", ")
        );
        format!("  {}", self.style.paint(Tone::Muted, text))
    }

    fn channel(&self, channel: &ChannelPlan) -> Vec<String> {
        let mut lines = vec![self.channel_line(channel)];
        let mut table = Table::default();
        for step in &channel.steps {
            self.step(channel, step, &mut table);
        }
        if let Some(stop) = &channel.follows {
            self.follows(stop, &mut table);
        }
        if !channel.steps.is_empty() {
            self.kept(channel, &mut table);
        }
        if let Some(waiting) = &channel.waiting {
            table.row([
                cell(Tone::Waits, "waits"),
                cell(Tone::Plain, format!("{}: {waiting}", waiting.code())),
            ]);
            if channel.steps.is_empty() {
                ways_out_row(&mut table, Some(cell(Tone::Muted, "")), &channel.ways_out());
            }
        } else if runs_without_slot(channel) {
            table.row([cell(Tone::Muted, "runs"), cell(Tone::Plain, RUNS_WITHOUT_SLOT)]);
        }
        lines.extend(table.lines(self.style, 4));
        lines
    }

    /// Id, states, and at the right edge the time it takes or what is on air.
    fn channel_line(&self, channel: &ChannelPlan) -> String {
        let title = title(channel);
        let course = course(channel);
        let right = expected(channel).unwrap_or_else(|| match self.on_air(channel).as_slice() {
            [] => String::new(),
            names => format!("on air: {}", Names(names)),
        });
        let tone = if channel.steps.is_empty() {
            Tone::Muted
        } else {
            Tone::Change
        };
        let edge = self.style.width.min(Style::DEFAULT_WIDTH);
        let used = 2 + columns(&title) + 2 + columns(&course) + columns(&right);
        let gap = " ".repeat(edge.saturating_sub(used).max(2));
        let line = format!(
            "  {}  {}{gap}{}",
            self.style.paint(Tone::Strong, title),
            self.style.paint(tone, course),
            self.style.paint(Tone::Muted, right)
        );
        line.trim_end().to_owned()
    }

    fn step(&self, channel: &ChannelPlan, step: &Step, table: &mut Table) {
        let name = step.action.name();
        match &step.action {
            Action::Update { writes, .. } => {
                for (index, write) in writes.iter().enumerate() {
                    let label = if index == 0 { name } else { "" };
                    let slot = slot(channel, write.output_group.as_str());
                    table.row([
                        cell(Tone::Change, label),
                        cell(Tone::Plain, format!("{} ← {}", write.output_group, write.content)),
                        cell(Tone::Muted, slot.map_or_else(String::new, why_rewritten)),
                    ]);
                }
            }
            Action::Stop => {
                table.row([cell(Tone::Bad, name), cell(Tone::Plain, &step.reason)]);
                let others = channel.ends_with_it();
                if !others.is_empty() {
                    let text = format!("its other output groups end with it: {}", others.join(", "));
                    table.row([cell(Tone::Bad, ""), cell(Tone::Bad, text)]);
                }
                for interrupted in &step.interrupts {
                    table.row([cell(Tone::Bad, ""), self.interruption(interrupted)]);
                }
            }
            Action::Start => table.row([
                cell(Tone::Good, name),
                cell(Tone::Muted, format!("about {}", Approximately(step.expected))),
            ]),
            Action::Adopt { .. } | Action::Record { .. } | Action::Wait => {
                table.row([cell(Tone::Change, name), cell(Tone::Muted, &step.reason)]);
            }
        }
    }

    /// A stop that follows from what is done elsewhere.
    fn follows(&self, stop: &Step, table: &mut Table) {
        table.row([
            cell(Tone::Bad, "stop, later"),
            cell(Tone::Plain, what_follows(stop)),
        ]);
        for interrupted in &stop.interrupts {
            table.row([cell(Tone::Bad, ""), self.interruption(interrupted)]);
        }
    }

    fn interruption(&self, name: &DestinationName) -> Cell {
        let off_air = self.find(name).and_then(|one| one.off_air);
        let text = match off_air {
            Some(time) => format!("interrupts {name}: off air about {}", Approximately(time)),
            None => format!("interrupts {name}"),
        };
        cell(Tone::Bad, text)
    }

    /// Slots that stay as they are while the channel changes.
    fn kept(&self, channel: &ChannelPlan, table: &mut Table) {
        for (slot, name) in kept(channel) {
            let why = slot
                .reason
                .as_ref()
                .or_else(|| self.find(name).and_then(|one| one.reason.as_ref()))
                .map_or_else(String::new, Reason::to_string);
            table.row([
                cell(Tone::Muted, "keep"),
                cell(Tone::Plain, format!("{} = {name}", slot.output_group)),
                cell(Tone::Muted, why),
            ]);
        }
    }

    fn waiting(&self, destinations: &[&DestinationPlan]) -> Vec<String> {
        let mut lines = Vec::new();
        for (names, predicate, waiting) in groups_of_waiting(destinations.iter().copied()) {
            lines.push(String::new());
            lines.push(format!(
                "  {} {}: {}",
                self.style.paint(Tone::Strong, Names(&names)),
                verb(names.len(), predicate),
                self.style.paint(Tone::Waits, waiting.code())
            ));
            let mut table = Table::default();
            table.row([cell(Tone::Plain, waiting)]);
            ways_out_row(&mut table, None, &ways_out(waiting, &names));
            lines.extend(table.lines(self.style, 4));
        }
        lines
    }

    /// Destinations that are on air where nothing is planned.
    fn also_on_air(&self, destinations: &[&DestinationPlan]) -> Vec<String> {
        let mut lines = Vec::new();
        for (names, predicate, place) in groups_on_air_elsewhere(destinations.iter().copied()) {
            lines.push(String::new());
            lines.push(format!(
                "  {} {}",
                self.style.paint(Tone::Strong, Names(&names)),
                self.style.paint(Tone::Waits, verb(names.len(), predicate))
            ));
            let mut table = Table::default();
            table.row([cell(Tone::Plain, other_place(place))]);
            ways_out_row(&mut table, None, &[end_it(place)]);
            lines.extend(table.lines(self.style, 4));
        }
        lines
    }

    /// Destinations on air on `channel`, by slot.
    fn on_air(&self, channel: &ChannelPlan) -> Vec<DestinationName> {
        let holds = |slot: &SlotPlan| match &slot.now {
            Content::Destination(name) | Content::Previous(name)
                if self.find(name).is_some_and(|one| one.on_air) =>
            {
                Some(name.clone())
            }
            _ => None,
        };
        channel.slots.iter().filter_map(holds).collect()
    }

    fn find(&self, name: &DestinationName) -> Option<&'a DestinationPlan> {
        let destinations = &self.plan.destinations;
        let at = destinations.binary_search_by(|one| one.name.cmp(name)).ok()?;
        destinations.get(at)
    }
}

/// When a stop follows that is no step yet, and why.
pub(super) fn what_follows(stop: &Step) -> String {
    format!("once what leaves it has its router output ready: {}", stop.reason)
}

/// Destinations that are on air in one place where nothing is planned, with what that means for them.
pub(super) fn groups_on_air_elsewhere<'a>(
    destinations: impl IntoIterator<Item = &'a DestinationPlan>,
) -> Vec<(Vec<DestinationName>, &'static str, &'a OtherPlace)> {
    let mut groups: Vec<(Vec<DestinationName>, &'static str, &'a OtherPlace)> = Vec::new();
    for one in destinations {
        let Some(place) = &one.also_on_air else { continue };
        let predicate = match (one.on_air, one.wanted) {
            (true, _) => "is on air twice",
            (false, true) => "is on air elsewhere",
            (false, false) => "is off, and on air elsewhere",
        };
        match groups
            .iter_mut()
            .find(|(_, other, there)| (*other, *there) == (predicate, place))
        {
            Some((names, _, _)) => names.push(one.name.clone()),
            None => groups.push((vec![one.name.clone()], predicate, place)),
        }
    }
    groups
}

/// Where that is, in one sentence.
pub(super) fn other_place(place: &OtherPlace) -> String {
    format!("on air on {place} as well, or about to be, in no slot that slotwise holds")
}

/// The way out of it.
pub(super) fn end_it(place: &OtherPlace) -> String {
    format!("end it on channel {} yourself", place.channel)
}

/// Whether it is owned and runs without any slot.
fn runs_without_slot(channel: &ChannelPlan) -> bool {
    let runs = channel.seen.as_ref().is_some_and(|seen| seen.state.is_running());
    let is_slot = |slot: &SlotPlan| !matches!(slot.now, Content::Unusable { .. });
    runs && channel.adoption == Adoption::Owned && !channel.slots.iter().any(is_slot)
}

/// Whether slotwise may not change its slots.
fn is_left_alone(channel: &ChannelPlan) -> bool {
    matches!(
        channel.adoption,
        Adoption::Refused { .. } | Adoption::Foreign { .. }
    )
}

/// Nothing to do on it and nothing to say about it.
fn is_quiet(channel: &ChannelPlan) -> bool {
    channel.steps.is_empty() && channel.waiting.is_none() && channel.follows.is_none()
}

/// Why a slot is rewritten, and its previous occupant.
fn why_rewritten(slot: &SlotPlan) -> String {
    let reason = slot.reason.as_ref().map_or_else(String::new, Reason::to_string);
    match &slot.now {
        Content::Parked => reason,
        // The reason for parking it names the destination that leaves.
        _ if slot.then == Content::Parked && slot.reason.is_some() => reason,
        other => format!("{reason} (was {other})"),
    }
}

/// The ways out of `waiting` for the destinations in it.
pub(super) fn ways_out(waiting: &Waiting, names: &[DestinationName]) -> Vec<String> {
    match names {
        [only] => waiting.ways_out_of(only),
        _ => waiting.ways_out(),
    }
}

/// A row with them; none where time alone helps.
pub(super) fn ways_out_row(table: &mut Table, start: Option<Cell>, ways: &[String]) {
    if !ways.is_empty() {
        let ways = cell(Tone::Muted, format!("ways out: {}", ways.join(" · ")));
        table.row_of(start.into_iter().chain([ways]));
    }
}

#[cfg(test)]
mod tests;
