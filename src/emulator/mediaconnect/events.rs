//! What befalls a running output or input without a call: by faults ([`crate::emulator::faults`]).

use std::time::Duration;

use super::operation::Kind;
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
            None => one.kind() == Kind::Output,
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
    let at = now.elapsed;
    let mut pass_through = |one: &mut Resource, state, seconds: &Option<f64>| {
        let drawn = dice.router_start();
        let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        one.begin(at, state, &[(wanted.unwrap_or(drawn), State::Active)]);
        true
    };
    let fail = |one: &mut Resource, message: Message| {
        one.begin(at, State::Error, &[]);
        one.say(message);
        true
    };
    match kind {
        FaultKind::RouterRecovering { seconds } => pass_through(one, State::Recovering, seconds),
        FaultKind::RouterMigrating { seconds } => pass_through(one, State::Migrating, seconds),
        FaultKind::RouterError { code, message } => fail(one, Message::new(code, message)),
        FaultKind::RouterMessage { code, message } => one.say_at(at, Message::new(code, message)),
        FaultKind::StreamRefused => {
            let message = Message::new("CONNECTION_REFUSED", "The destination refused the stream.");
            match switches.refused_stream {
                RefusedStream::Error => fail(one, message),
                RefusedStream::Recovering => {
                    let is_new = pass_through(one, State::Recovering, &None);
                    one.say(message);
                    is_new
                }
                RefusedStream::Active => one.say_at(at, message),
            }
        }
        _ => false,
    }
}
