//! Whether the source is trusted: one event for each change.

use super::{Controller, Event};
use crate::manifest::{Problem, Severity};
use crate::model::Trust;
use crate::store::{Loaded, Source};

/// Why the source is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It could not be read whole, and says why.
    OfSource(String),
    /// Too many vanished from it. How many still do changes while they leave, which is no news.
    OfVanished,
}

impl<S: Source> Controller<S> {
    /// Reports that the source could not be read whole, unless that was reported.
    pub(super) fn tell_source_doubted(&mut self, why: String) {
        let doubt = Doubt::OfSource(why.clone());
        if self.doubt.as_ref() != Some(&doubt) {
            self.doubt = Some(doubt);
            self.emit(Event::SourceDoubted { why });
        }
    }

    /// Reports the finding of a cycle: that too many `vanished`, or that the source is trusted again, which it is not while
    /// anything else is wrong with it.
    pub(super) fn tell_trust(&mut self, trust: &Trust, vanished: Option<&str>) {
        match (trust, vanished) {
            (Trust::Doubted { why }, _) => self.tell_source_doubted(why.clone()),
            (Trust::Whole, Some(why)) => {
                if self.doubt.replace(Doubt::OfVanished) != Some(Doubt::OfVanished) {
                    self.emit(Event::SourceDoubted { why: why.to_owned() });
                }
            }
            (Trust::Whole, None) => {
                let is_sound = self.loaded.as_ref().is_none_or(is_sound);
                if is_sound && self.doubt.take().is_some() {
                    self.emit(Event::SourceTrusted);
                }
            }
        }
    }
}

/// Whether nothing is wrong with what was read.
fn is_sound(loaded: &Loaded) -> bool {
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    loaded.unsure.is_none() && !loaded.problems.iter().any(is_error)
}
