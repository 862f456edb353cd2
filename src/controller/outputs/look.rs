//! Looks at router outputs: how often, and what a look that fails means.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Outputs, Routers};
use crate::controller::{Controller, Event};
use crate::model::{Desired, ObservedRouters, OwnerId, RouterArn, Unreadable};
use crate::service::{CallError, CallErrorKind};
use crate::store::Source;

/// How often the first look is tried: until there was one it is not known which stream an output pushes already.
const FIRST_TRIES: u32 = 3;

/// How long after a try of the first look that failed the next one follows.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How often outputs that an earlier process left on air are searched where no RouterPool is declared, until there is an answer.
const SEARCHES_MAX: u32 = 3;

/// Limit of such a search. Not every network reaches MediaConnect, and channels do not wait for what most people do not use.
const SEARCH_LIMIT: Duration = Duration::from_secs(3);

/// Searches of outputs where no RouterPool is declared.
#[derive(Debug, Default)]
pub(super) struct Searches {
    begun: u32,
    is_answered: bool,
}

impl Searches {
    fn are_over(&self) -> bool {
        self.is_answered || self.begun >= SEARCHES_MAX
    }
}

impl Outputs {
    /// Whether outputs of ours were seen: they are looked at even if no RouterPool is declared any more.
    fn has_any_of(&self, owner: &OwnerId) -> bool {
        let mut outputs = self.seen.outputs.values();
        outputs.any(|output| output.owner.as_ref() == Some(owner))
    }

    /// No RouterPool is declared, so that nothing is looked at.
    fn forget_looks(&mut self) {
        self.seen = ObservedRouters::default();
        self.blind = None;
    }

    /// Nothing could be seen: what is known stays known, and nothing is done about it. Whether that is news.
    fn note_blind(&mut self, unreadable: Unreadable) -> bool {
        let why = unreadable.why.clone();
        self.seen.unreadable = Some(unreadable);
        let times = self.blind.as_ref().map_or(0, |(_, times)| *times);
        let is_news = self.blind.as_ref().is_none_or(|(before, _)| *before != why);
        self.blind = Some((why, times + 1));
        is_news
    }
}

impl<S: Source> Controller<S> {
    /// Looks at the router outputs, if there are pools of them or an earlier process may have left any. What goes wrong there
    /// concerns no channel.
    pub(in crate::controller) async fn look_at_outputs(&mut self, desired: &Desired) {
        if self.routers.is_none() {
            return;
        }
        if desired.routers.is_empty() && !self.outputs.has_any_of(&desired.owner) {
            self.outputs.forget_looks();
            self.search_outputs(desired).await;
            return;
        }
        let looked = if self.outputs.were_seen {
            self.look_once(desired).await
        } else {
            self.first_look(desired).await
        };
        match looked {
            Ok(seen) => self.note_outputs(seen),
            Err(error) => {
                if self.outputs.note_blind(unreadable(&error)) {
                    let what = format!("cannot look at the router outputs, which stay as they are: {error}");
                    self.publisher.emit(Event::Warned { what });
                }
            }
        }
    }

    async fn look_once(&mut self, desired: &Desired) -> Result<ObservedRouters, CallError> {
        let Some(Routers { observer, .. }) = &mut self.routers else {
            return Ok(ObservedRouters::default());
        };
        let inputs = desired.routers.values().map(|pool| &pool.input);
        let has_source = desired.routers.values().any(|pool| pool.source.is_some());
        observer.look(inputs, has_source).await
    }

    /// A look that is repeated where it did not show everything for a reason that passes by itself.
    async fn first_look(&mut self, desired: &Desired) -> Result<ObservedRouters, CallError> {
        let mut looked = self.look_once(desired).await;
        for _ in 1..FIRST_TRIES {
            let passes = match &looked {
                Ok(seen) => !seen.is_complete,
                // What did not answer at all is not waited for three times over.
                Err(error) => is_passing(error) && error.kind != CallErrorKind::TimedOut,
            };
            if !passes {
                break;
            }
            sleep(FIRST_RETRY).await;
            looked = self.look_once(desired).await;
        }
        looked
    }

    fn note_outputs(&mut self, seen: ObservedRouters) {
        let not_found = self
            .routers
            .as_mut()
            .map(|routers| routers.observer.take_not_found());
        self.outputs.blind = None;
        self.outputs.were_seen |= seen.is_complete;
        for (arn, from, to, after) in self.outputs.note_look(seen, not_found.unwrap_or_default()) {
            let name = self.name_of_output(&arn);
            self.publisher.emit(Event::OutputChanged {
                name,
                from,
                to,
                after,
            });
        }
    }

    /// As events call a router output: by the destination that is recorded for it, which may have another name by now.
    fn name_of_output(&self, arn: &RouterArn) -> String {
        let Some(output) = self.outputs.seen.outputs.get(arn) else {
            return arn.to_string();
        };
        let Some(record) = &output.record else {
            return output.name.to_string();
        };
        let declared = self.loaded.as_ref().map(|loaded| &loaded.desired.destinations);
        let mut all = declared.into_iter().flat_map(|declared| declared.values());
        let of_it = all.find(|one| one.identity == record.identity);
        of_it.map_or_else(|| record.identity.to_string(), |one| one.name.to_string())
    }

    /// Looks once whether outputs of ours are there though no RouterPool is declared: the pool may have been taken out of the
    /// sources since the last process ended, and its outputs go on pushing.
    ///
    /// Who uses channels only needs neither the permission nor the service, so an answer that there is none is an answer.
    async fn search_outputs(&mut self, desired: &Desired) {
        if self.outputs.searches.are_over() {
            return;
        }
        self.outputs.searches.begun += 1;
        let looked = timeout(SEARCH_LIMIT, self.first_look(desired)).await;
        match looked {
            Ok(Ok(seen)) => {
                self.outputs.searches.is_answered = seen.is_complete;
                self.note_outputs(seen);
                if !self.outputs.has_any_of(&desired.owner) {
                    self.outputs.forget_looks();
                }
            }
            Ok(Err(error)) => {
                self.outputs.searches.is_answered = !is_passing(&error);
                tracing::debug!(%error, "no RouterPool is declared, and router outputs cannot be looked at");
            }
            Err(_) => tracing::debug!("no RouterPool is declared, and MediaConnect does not answer"),
        }
    }
}

/// Whether another look may be answered otherwise, though nobody changes anything.
fn is_passing(error: &CallError) -> bool {
    matches!(
        error.kind,
        CallErrorKind::Throttled | CallErrorKind::Server | CallErrorKind::TimedOut
    )
}

/// Why outputs could not be looked at, and which permission is missing where it is for that.
fn unreadable(error: &CallError) -> Unreadable {
    let is_denied = error.kind == CallErrorKind::Denied;
    // A batch needs the permission of the single call: there is none of its own.
    let action = error.operation.trim_start_matches("Batch");
    Unreadable {
        why: if is_denied {
            error.said()
        } else {
            error.to_string()
        },
        denied: is_denied.then(|| format!("mediaconnect:{action}")),
    }
}
