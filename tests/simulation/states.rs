//! A process tells the states of a channel in the order in which the channel was in them.
//!
//! It may miss some, and hear of one late. It never goes back to one that it has told: then it has taken an old list for
//! how the channel is now. Only of what it missed it cannot know that it is over.

use std::collections::BTreeMap;
use std::time::Duration;

use slotwise::controller::Event;
use slotwise::emulator::World;
use slotwise::model::ChannelId;

/// What states the channels were in, and how far each process has told them.
#[derive(Default)]
pub(super) struct States {
    /// By channel, from the first on.
    passed: BTreeMap<String, Vec<&'static str>>,
    /// When they were looked up last, in the emulator's time.
    until: Duration,
    told: BTreeMap<(String, ChannelId), Told>,
}

/// Where in what a channel has passed a process is, at least.
#[derive(Default)]
struct Told {
    last: usize,
    /// Where it was before.
    before: usize,
}

impl States {
    /// Takes note of the states up to `now`.
    pub(super) fn follow(&mut self, world: &World, now: Duration) {
        for (id, channel) in world.channels() {
            let passed = self.passed.entry(id.clone()).or_default();
            for state in channel.states_since(self.until) {
                if passed.last() != Some(&state.name()) {
                    passed.push(state.name());
                }
            }
        }
        self.until = now;
    }

    /// What is wrong with what `process` tells.
    pub(super) fn hear(&mut self, process: &str, event: &Event) -> Option<String> {
        let Event::StateChanged { channel, to, .. } = event else {
            return None;
        };
        let passed = self.passed.get(channel.as_str()).map_or(&[][..], Vec::as_slice);
        let told = self
            .told
            .entry((process.to_owned(), channel.clone()))
            .or_default();
        let is_it = |state: &&str| *state == to.as_str();
        if let Some(further) = passed.iter().skip(told.last).position(&is_it) {
            if further > 0 {
                told.before = told.last;
                told.last += further;
            }
            return None;
        }
        let missed = passed.get(told.before + 1..told.last).unwrap_or_default();
        let is_new = missed.iter().any(is_it);
        (!is_new)
            .then(|| format!("{process} tells that channel {channel} is {to}, which it was before, if ever"))
    }
}
