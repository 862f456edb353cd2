//! One cycle.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::publisher::list;
use super::{Controller, Event, Look};
use crate::medialive::CallError;
use crate::model::{ChannelId, Desired, Observed, Trust};
use crate::observe::AccountView;
use crate::plan::check::Violation;
use crate::plan::{Checked, Plan, Reading, checked, plan};
use crate::record::{Case, CaseOutcome};
use crate::status::{Status, status};
use crate::store::{Loaded, Source};

/// Why a whole cycle made no plan. Nothing on air is touched by that.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The source could not be read, and never was before.
    #[error("cannot read the desired state")]
    Load(#[source] Box<dyn Error + Send + Sync>),
    /// The list of channels could not be read.
    #[error("cannot look at the channels")]
    Observe(#[source] CallError),
    /// The plan breaks a rule. That is a defect of slotwise, and nothing is carried out.
    #[error("the plan breaks {} of slotwise's own rules and is not carried out; please report this: {}", .0.len(), list(.0))]
    Check(Vec<Violation>),
}

/// How long after it was read a declaration is planned with, without asking whether it has changed: less than a step permit
/// is good for, which counts from then, by as long as an attempt may take.
const READ_GOOD_FOR: Duration = Duration::from_secs(3);

/// What a look without acting shows.
#[derive(Debug, Clone)]
pub struct View {
    /// What is declared.
    pub loaded: Loaded,
    /// What was seen.
    pub observed: Observed,
    /// What would be done.
    pub plan: Arc<Plan>,
    /// What is true.
    pub status: Arc<Status>,
    /// When.
    pub at: Timestamp,
}

impl View {
    /// What the plan was made from, to be recorded. Pools that are held are paused in it.
    pub fn case(&self) -> Case {
        Case {
            desired: Arc::clone(&self.loaded.desired),
            observed: self.observed.clone(),
            at: self.at,
            outcome: CaseOutcome {
                plan: Some(Arc::clone(&self.plan)),
                refused: Vec::new(),
            },
        }
    }
}

/// A look, and what it takes to act on it.
struct Looked {
    view: View,
    /// What is wrong in pools that are held for it.
    refused: Vec<Violation>,
    /// When the declaration was read, or found not to have changed.
    read: Instant,
}

/// Every channel that a pool names, as one of its own or as its source.
fn channels(desired: &Desired) -> impl Iterator<Item = &ChannelId> {
    let pools = desired.pools.values();
    let of_pools = pools.flat_map(|pool| pool.channels.iter().map(|channel| &channel.id));
    of_pools.chain(desired.routers.values().filter_map(|pool| pool.source.as_ref()))
}

impl<S: Source> Controller<S> {
    /// Loads, observes and plans; changes nothing, ever.
    pub async fn look(&mut self) -> Result<View, CycleError> {
        let Looked { view, refused, .. } = self.look_further(Look::Everywhere).await?;
        if refused.is_empty() {
            Ok(view)
        } else {
            Err(CycleError::Check(refused))
        }
    }

    /// The same, with what is wrong in pools that are held for it.
    async fn look_further(&mut self, look: Look) -> Result<Looked, CycleError> {
        let (loaded, mut observed, read) = self.load_and_observe(look).await?;
        let at = self.clock.now();
        self.follow_renamed(&loaded.desired, &mut observed, at);
        let Checked {
            plan,
            desired,
            refused,
        } = self.make_plan(&loaded.desired, &observed, at)?;
        let mut status = status(&desired, &loaded.rejected, &plan, self.publisher.status(), at);
        status.set_unrecorded(
            self.memory.denials.denied(),
            &self.publisher.status().conditions,
            at,
        );
        self.mark_leader(&mut status, at);
        let view = View {
            loaded: Loaded { desired, ..loaded },
            observed,
            plan,
            status: Arc::new(status),
            at,
        };
        Ok(Looked { view, refused, read })
    }

    /// What is declared, what was seen, and when the declaration was read.
    ///
    /// A look may take long, and a machine may be suspended in the middle of it: the declaration is read again then, so that
    /// nothing is done by an outdated one.
    async fn load_and_observe(&mut self, look: Look) -> Result<(Loaded, Observed, Instant), CycleError> {
        let read = Instant::now();
        let loaded = self.load().await?;
        if look == Look::Glanced
            && let Some((view, listed)) = self.view_again(&loaded.desired)
        {
            self.look_at_outputs(&loaded.desired).await;
            let observed = self.observed(view, &loaded.desired);
            return Ok((loaded, observed, read.min(listed)));
        }
        let observed = self.observe(&loaded.desired).await?;
        if read.elapsed() < READ_GOOD_FOR {
            return Ok((loaded, observed, read));
        }
        let read = Instant::now();
        let now = self.load().await?;
        let same_channels = channels(&loaded.desired).eq(channels(&now.desired));
        let observed = if same_channels {
            observed
        } else {
            self.observe(&now.desired).await?
        };
        Ok((now, observed, read))
    }

    /// One whole cycle. Steps that it begins run as tasks of this controller.
    pub(super) async fn cycle(&mut self, look: Look) -> Result<(), CycleError> {
        let begun = Instant::now();
        let result = self.look_and_begin_steps(look).await;
        self.publisher.cycle_ended(result.is_ok(), begun.elapsed());
        result
    }

    async fn look_and_begin_steps(&mut self, look: Look) -> Result<(), CycleError> {
        // What the last plan left over is planned again, also where this look fails.
        self.busy.forget_queued();
        self.outputs.forget_queued();
        self.take_grants();
        let Looked { view, refused, read } = self.look_further(look).await?;
        self.pace.follow(&view.plan);
        self.publisher.tell_refused(&refused);
        self.publish(&view);
        self.begin_steps(&view.plan, read);
        if self.leadership.is_leading()
            && let Some(note) = self.leadership.leave(self.memory.unfinished())
        {
            note.write().await;
        }
        self.end_grants(&view.loaded.desired, &view.plan);
        self.publisher.view(view);
        Ok(())
    }

    /// Reads the source, unless it was read and has not changed since.
    async fn load(&mut self) -> Result<Loaded, CycleError> {
        if self.loaded.is_none() || self.source.changed().await {
            self.reload().await?;
        }
        let mut loaded = self
            .loaded
            .clone()
            .ok_or_else(|| CycleError::Load("nothing was loaded".into()))?;
        let handed = self.granted.names(&loaded.desired).cloned();
        let grants = self.settings.grants.iter().cloned().chain(handed).collect();
        if loaded.desired.grants != grants {
            Arc::make_mut(&mut loaded.desired).grants = grants;
        }
        self.memory.note_wanted(&loaded.desired, self.clock.now());
        self.outputs.forgive_changed(&loaded.desired);
        Ok(loaded)
    }

    /// Reads the source and reports what changed.
    pub(super) async fn reload(&mut self) -> Result<(), CycleError> {
        let mut loaded = match self.source.load().await {
            Ok(loaded) => loaded,
            // The source keeps its last good state by itself; this is for one that cannot even say that.
            Err(error) => match &self.loaded {
                None => {
                    self.publisher.emit(Event::SourceRead { trusted: false });
                    return Err(CycleError::Load(Box::new(error)));
                }
                Some(last) => {
                    let mut last = last.clone();
                    Arc::make_mut(&mut last.desired).trust = Trust::Doubted {
                        why: error.to_string(),
                    };
                    last
                }
            },
        };
        let before = self.loaded.as_ref().map(|before| &*before.desired);
        self.guard.note_load(before, &mut loaded.desired);
        self.busy.withdraw_all();
        self.outputs.withdraw_all();
        self.feeds.withdraw_all();
        self.publisher.emit(Event::SourceRead {
            trusted: loaded.desired.trust == Trust::Whole,
        });
        self.publisher.tell_loaded(self.loaded.as_ref(), &loaded);
        while let Some(what) = self.source.warning() {
            self.publisher.emit(Event::Warned { what });
        }
        self.loaded = Some(loaded);
        Ok(())
    }

    async fn observe(&mut self, desired: &Desired) -> Result<Observed, CycleError> {
        let listing = self.observer.list().await.map_err(CycleError::Observe)?;
        // What steps were answered meanwhile is newer than the list, and saves a look where the two differ.
        self.end_steps();
        let mut under_way = self.busy.channels();
        under_way.extend(self.feeds.channels().cloned());
        let view = self.observer.view(&listing, channels(desired), &under_way).await;
        self.look_at_outputs(desired).await;
        self.pace.looked_everywhere();
        Ok(self.observed(view, desired))
    }

    /// The last look at all channels with what was seen of single ones since, and when the list of it was asked for: a plan made
    /// from it is as old as that.
    fn view_again(&mut self, desired: &Desired) -> Option<(AccountView, Instant)> {
        self.end_steps();
        self.observer.view_again(channels(desired))
    }

    /// Takes note of the steps that have ended by now.
    fn end_steps(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.end_step(ended);
        }
    }

    /// What was seen, with what is remembered.
    fn observed(&mut self, mut view: AccountView, desired: &Desired) -> Observed {
        let mut routers = self.outputs.observed(self.clock.now());
        self.observe_feeds(&mut routers, &mut view, desired);
        let AccountView { channels, elsewhere } = view;
        let mut observed = Observed {
            channels,
            elsewhere,
            recording: self.memory.denials.recording(),
            takeovers: self.memory.denials.takeovers(),
            returning: self.memory.returning.clone(),
            interrupted: self.memory.interrupted(),
            restarting: self.memory.restarting.clone(),
            refused: self.memory.refusals.for_plan(&desired.grants, Instant::now()),
            routers,
        };
        for event in self
            .memory
            .note_states(&observed, Instant::now(), &mut self.random)
        {
            self.publisher.emit(event);
        }
        self.memory
            .mark_trouble(&mut observed, Instant::now(), self.clock.now());
        self.memory.denials.hide_leftovers(&mut observed);
        observed
    }

    /// One that was interrupted comes back by the name that it has now.
    fn follow_renamed(&mut self, desired: &Desired, observed: &mut Observed, now: Timestamp) {
        if observed.returning.is_empty() {
            return;
        }
        let renamed = Reading::new(desired, observed, now).renamed();
        self.memory.rename(&renamed);
        observed.returning.clone_from(&self.memory.returning);
    }

    /// The checked plan, and the desired state as far as it was trusted for it.
    fn make_plan(
        &mut self,
        desired: &Arc<Desired>,
        observed: &Observed,
        now: Timestamp,
    ) -> Result<Checked, CycleError> {
        let mut desired = Arc::clone(desired);
        if desired.trust != Trust::Whole {
            self.memory.fill_in_lost(&mut desired);
        }
        if let Some(before) = self.plan.take() {
            self.publisher.plan_is_over(&before);
        }
        let reading = Reading::new(&desired, observed, now);
        let unsure = self.loaded.as_ref().and_then(|loaded| loaded.unsure.as_deref());
        let doubt = match desired.trust {
            Trust::Whole => self
                .guard
                .doubt(&reading.on_air(), self.settings.max_vanish, unsure),
            Trust::Doubted { .. } => None,
        };
        let source = desired.trust.clone();
        let made = match doubt {
            None => reading.plan(),
            Some(why) => {
                drop(reading);
                let doubted = Arc::make_mut(&mut desired);
                doubted.trust = Trust::Doubted { why };
                doubted.kept = self.guard.kept_slots();
                doubted.kept_outputs = self.guard.kept_outputs();
                self.memory.fill_in_lost(&mut desired);
                plan(&desired, observed, now)
            }
        };
        let vanished = match (&source, &desired.trust) {
            (Trust::Whole, Trust::Doubted { why }) => Some(why.clone()),
            _ => None,
        };
        self.publisher
            .tell_trust(&source, vanished.as_deref(), self.loaded.as_ref());
        if desired.trust == Trust::Whole {
            self.memory.forget_undeclared(&desired);
        }
        self.memory.note_planned(&desired);
        let trusted = Arc::clone(&desired);
        let checked = checked(made, desired, observed, now);
        self.publisher.tell_case(&checked, |outcome| Case {
            desired: trusted,
            observed: observed.clone(),
            at: now,
            outcome,
        });
        checked.map_err(CycleError::Check)
    }

    /// Tells what changed, and hands the statuses to the source.
    fn publish(&mut self, view: &View) {
        let memory = &mut self.memory;
        self.publisher.tell_view(view, |name| memory.went_on_air(name));
        memory.note_on_air(&view.plan, self.busy.leaving());
        self.source.publish(&view.status);
        self.plan = Some(Arc::clone(&view.plan));
    }
}
