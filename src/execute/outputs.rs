//! Taking one step on a router output: a fresh look, a permit, one call.

use std::sync::Arc;

use jiff::Timestamp;

use super::StepError;
use super::gate::{Gate, StepPermit};
use crate::mediaconnect::{MediaConnect, NewOutput, OutputDocument, client_token, output_name};
use crate::model::tag::{DESTINATION_TAG, off_since_tag};
use crate::model::{
    Destination, Endpoint, InputState, OutputRecord, OutputState, OwnerId, RouterArn, RouterOutput,
    RouterPool, TargetDigest,
};
use crate::plan::{OutputAction, OutputStep};
use crate::service::{CallErrorKind, Permit};
use crate::write_lease::WriteLease;

/// Takes steps on router outputs.
#[derive(Debug, Clone)]
pub struct OutputExecutor {
    client: MediaConnect,
    gate: Gate,
    owner: OwnerId,
}

/// A step with all that it is about.
#[derive(Debug, Clone)]
pub struct OutputTask {
    /// The pool; `None` for an output in no declared one, which is neither made, pointed nor routed.
    pub pool: Option<RouterPool>,
    /// The output and how the plan saw it; `None` for one that is to be made.
    pub output: Option<(RouterArn, RouterOutput)>,
    /// The destination that it is for; `None` for one that is declared no longer.
    pub destination: Option<Arc<Destination>>,
    /// The step.
    pub step: OutputStep,
    /// How many outputs that were made for the destination were not found afterwards.
    pub creation: u32,
    /// What time it is.
    pub now: Timestamp,
}

/// What came of a step on a router output.
#[derive(Debug)]
pub enum OutputOutcome {
    /// MediaConnect accepted it.
    Accepted {
        /// The output: that of the step, or the one that was made.
        arn: RouterArn,
    },
    /// The output is not as the plan saw it: plan again.
    Stale {
        /// What differs.
        why: String,
    },
}

impl OutputExecutor {
    /// An executor that writes only while `lease` is held.
    pub fn new(client: MediaConnect, lease: Arc<dyn WriteLease>, owner: OwnerId) -> Self {
        Self {
            gate: Gate::new(lease, client.attempt_timeout()),
            client,
            owner,
        }
    }

    /// Whether the lease allows a step that begins now.
    pub fn may_write(&self) -> bool {
        self.gate.is_open()
    }

    /// Takes the step of `task`, unless `step_permit` ends before the call is made.
    pub async fn take(
        &self,
        task: &OutputTask,
        step_permit: &StepPermit,
    ) -> Result<OutputOutcome, StepError> {
        // One that has grown old, or may not write, has no use for a look.
        drop(self.permit(step_permit)?);
        let Some((arn, planned)) = &task.output else {
            return self.create(task, step_permit).await;
        };
        let fresh = self.client.get_output_document(arn).await;
        let Some(fresh) = fresh.map_err(StepError::Look)? else {
            let why = "it does not exist any more".to_owned();
            return Ok(OutputOutcome::Stale { why });
        };
        if let Some(why) = difference(planned, &fresh.output) {
            return Ok(OutputOutcome::Stale { why });
        }
        if task.step.action == OutputAction::Start
            && let Some(pool) = &task.pool
            && let Some(why) = self.not_fed(pool).await?
        {
            return Ok(OutputOutcome::Stale { why });
        }
        self.act(task, &fresh, step_permit).await?;
        Ok(OutputOutcome::Accepted { arn: arn.clone() })
    }

    /// Why an output would start without a programme. An active input is looked at seldom, and where it is started and stopped, it
    /// may be on its way by now.
    async fn not_fed(&self, pool: &RouterPool) -> Result<Option<String>, StepError> {
        if pool.source.is_none() {
            return Ok(None);
        }
        let input = self.client.get_input(&pool.input, &self.owner).await;
        let state = input.map_err(StepError::Look)?.map(|input| input.state);
        Ok(match state {
            Some(InputState::Active) => None,
            Some(state) => Some(format!("its input is {state} by now")),
            None => Some("its input does not exist any more".to_owned()),
        })
    }

    /// Makes an output for a destination. The token is the same for a creation that is repeated after its reply was lost, so
    /// that it makes no second one.
    async fn create(&self, task: &OutputTask, step_permit: &StepPermit) -> Result<OutputOutcome, StepError> {
        let (OutputAction::Create(target), Some(one), Some(pool)) =
            (&task.step.action, &task.destination, &task.pool)
        else {
            let why = "there is nothing to be made".to_owned();
            return Ok(OutputOutcome::Stale { why });
        };
        let record = self.record(pool, one, target);
        let name = output_name(&self.owner, &pool.name, &one.name, &one.identity);
        let region = self.client.region().to_owned();
        let token = client_token(
            &self.owner,
            &region,
            &pool.name,
            &one.identity,
            record.digest,
            task.creation,
        );
        let new = NewOutput {
            name: &name,
            region: &region,
            interface: &pool.network_interface,
            settings: &pool.settings,
            target,
            tags: &record.tags(&self.owner),
            client_token: &token,
        };
        let created = self.client.create_output(self.permit(step_permit)?, &new).await;
        let created = created.map_err(refused_or_failed)?;
        Ok(OutputOutcome::Accepted { arn: created.arn })
    }

    /// What the tags of an output say that points at `target`.
    fn record(&self, pool: &RouterPool, one: &Destination, target: &Endpoint) -> OutputRecord {
        OutputRecord {
            pool: pool.name.clone(),
            identity: one.identity.clone(),
            digest: TargetDigest::of_output(&self.owner, &pool.name, &one.identity, target),
            released: false,
            kept: false,
            off_since: None,
        }
    }

    async fn act(
        &self,
        task: &OutputTask,
        fresh: &OutputDocument,
        step_permit: &StepPermit,
    ) -> Result<(), StepError> {
        let arn = &fresh.arn;
        let permit = self.permit(step_permit)?;
        match &task.step.action {
            OutputAction::Create(_) => Ok(()),
            OutputAction::Route => {
                let Some(pool) = &task.pool else { return Ok(()) };
                let taken = self.client.take_input(permit, arn, &pool.input).await;
                taken.map(drop).map_err(StepError::Act)
            }
            OutputAction::Start => done(self.client.start_output(permit, arn).await),
            OutputAction::Restart => done(self.client.restart_output(permit, arn).await),
            OutputAction::Delete => done(self.client.delete_output(permit, arn).await),
            OutputAction::Stop => {
                let tag = off_since_tag(task.now);
                self.tag(permit, arn, tag).await?;
                done(self.client.stop_output(self.permit(step_permit)?, arn).await)
            }
            OutputAction::Update(target) => {
                drop(permit);
                self.update(task, fresh, target, step_permit).await
            }
            OutputAction::Record => {
                let (Some(pool), Some(one), Some(target)) =
                    (&task.pool, &task.destination, &fresh.output.target)
                else {
                    return Ok(());
                };
                let tags = self.record(pool, one, target).tags(&self.owner);
                self.client.tag(permit, arn, &tags).await.map_err(StepError::Act)
            }
            OutputAction::Release | OutputAction::Keep => {
                let Some(record) = &fresh.output.record else {
                    return Ok(());
                };
                let marked = OutputRecord {
                    released: task.step.action == OutputAction::Release,
                    kept: task.step.action == OutputAction::Keep,
                    ..record.clone()
                };
                let tag = (DESTINATION_TAG.to_owned(), marked.destination_tag());
                let tagged = self.client.tag(permit, arn, &[tag]).await;
                tagged.map_err(StepError::Act)
            }
        }
    }

    /// Points an output at another target. What is recorded of it is written first, so that it is known as the destination's
    /// afterwards; where MediaConnect does not do it, as it was before.
    async fn update(
        &self,
        task: &OutputTask,
        fresh: &OutputDocument,
        target: &Endpoint,
        step_permit: &StepPermit,
    ) -> Result<(), StepError> {
        let (Some(one), Some(pool)) = (&task.destination, &task.pool) else {
            return Ok(());
        };
        let record = self.record(pool, one, target);
        let tag = |record: &OutputRecord| (DESTINATION_TAG.to_owned(), record.destination_tag());
        self.tag(self.permit(step_permit)?, &fresh.arn, tag(&record))
            .await?;
        let permit = self.permit(step_permit)?;
        let updated = self
            .client
            .update_output(permit, fresh, target, &pool.settings)
            .await;
        let is_not_done = updated.as_ref().is_err_and(|error| !error.kind.is_ambiguous());
        let updated = updated.map_err(|error| match error.kind {
            // As it was before, it may start: nobody stays off air for a missing permission.
            CallErrorKind::Denied => StepError::Refused(error),
            _ => refused_or_failed(error),
        });
        if let Some(before) = fresh.output.record.as_ref().filter(|_| is_not_done)
            && let Ok(permit) = self.permit(step_permit)
        {
            // What is told is why it was not done; whether this worked shows in the next look.
            drop(self.client.tag(permit, &fresh.arn, &[tag(before)]).await);
        }
        updated.map(drop)
    }

    /// Writes a tag. Where tags are denied the step goes on without.
    async fn tag(&self, permit: Permit<'_>, arn: &RouterArn, tag: (String, String)) -> Result<(), StepError> {
        match self.client.tag(permit, arn, &[tag]).await {
            Err(error) if error.kind != CallErrorKind::Denied => Err(StepError::Act(error)),
            _ => Ok(()),
        }
    }

    fn permit(&self, step_permit: &StepPermit) -> Result<Permit<'_>, StepError> {
        self.gate.permit(step_permit).map_err(StepError::Gate)
    }
}

fn done(answer: Result<OutputState, crate::service::CallError>) -> Result<(), StepError> {
    answer.map(drop).map_err(StepError::Act)
}

fn refused_or_failed(error: crate::service::CallError) -> StepError {
    match error.kind {
        CallErrorKind::Invalid => StepError::Refused(error),
        _ => StepError::Act(error),
    }
}

/// What is not as the plan saw it, of all that a step relies on.
fn difference(planned: &RouterOutput, fresh: &RouterOutput) -> Option<String> {
    if planned.state != fresh.state {
        return Some(format!("it is {} by now, not {}", fresh.state, planned.state));
    }
    let what = if planned.owner != fresh.owner || planned.record != fresh.record {
        "its tags"
    } else if planned.target != fresh.target {
        "its target"
    } else if (planned.route, &planned.input) != (fresh.route, &fresh.input) {
        "its route"
    } else {
        return None;
    };
    Some(format!("{what} changed since it was planned"))
}
