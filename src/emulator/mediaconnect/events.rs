//! What befalls a running output or input without a call: by faults ([`crate::emulator::faults`]).

use std::time::Duration;

use super::operation::ResourceKind;
use super::resource::{Message, Resource};
use super::{Router, State};
use crate::emulator::dice::Dice;
use crate::emulator::faults::FaultKind;
use crate::emulator::request::Now;
use crate::emulator::switches::{RefusedStream, Switches};

impl Router {
    /// Lets an event befall the ACTIVE resource with this ARN or id, or every ACTIVE output; false if there is none that it changes
    pub(in crate::emulator) fn befall(
        &mut self,
        kind: &FaultKind,
        named: Option<&str>,
        now: Now,
        switches: &Switches,
    ) -> bool {
        let is_meant = |one: &Resource| match named {
            Some(name) => one.arn() == name || one.text("id") == name,
            None => one.kind() == ResourceKind::Output,
        };
        let meant = self
            .resources
            .values_mut()
            .filter(|one| one.state() == State::Active && is_meant(one));
        let mut has_struck = false;
        for one in meant {
            has_struck |= strike(one, kind, now, switches, &mut self.dice);
        }
        has_struck
    }
}

fn strike(one: &mut Resource, kind: &FaultKind, now: Now, switches: &Switches, dice: &mut Dice) -> bool {
    let refused = || Message::new("CONNECTION_REFUSED", "The destination refused the stream.");
    let mut pass = |one: &mut Resource, state, seconds: Option<f64>, message| {
        let drawn = dice.router_start();
        let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let takes = wanted.unwrap_or(drawn);
        enter(one, now, state, &[(takes, State::Active)], message)
    };
    match kind {
        FaultKind::RouterRecovering { seconds } => {
            let message = Message::new("RECOVERING", "The resource failed and is started again.");
            pass(one, State::Recovering, *seconds, message)
        }
        FaultKind::RouterMigrating { seconds } => {
            let message = Message::new("MIGRATING", "The resource is moved.");
            pass(one, State::Migrating, *seconds, message)
        }
        FaultKind::RouterError { code, message } => {
            enter(one, now, State::Error, &[], Message::new(code, message))
        }
        FaultKind::RouterMessage { code, message } => one.say_at(now.elapsed, Message::new(code, message)),
        FaultKind::StreamRefused => match switches.refused_stream {
            RefusedStream::Error => enter(one, now, State::Error, &[], refused()),
            RefusedStream::Recovering => pass(one, State::Recovering, None, refused()),
            RefusedStream::Active => one.say_at(now.elapsed, refused()),
        },
        _ => false,
    }
}

/// Enters a state, and says why
fn enter(one: &mut Resource, now: Now, state: State, then: &[(Duration, State)], message: Message) -> bool {
    one.begin(now.elapsed, state, then);
    one.say(message);
    true
}
