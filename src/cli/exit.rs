//! Exit codes, and what they mean.

use crate::controller::lease::LeaseError;
use crate::controller::{Ended, is_refusal};
use crate::plan::{DestinationPlan, Plan, Waiting};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Converged, nothing to do, or success.
    Success = 0,
    /// Something failed.
    Error = 1,
    /// `plan --detailed-exitcode`: there are changes to make, as with Terraform.
    ChangesPending = 2,
    /// The channels are not as they were when the saved plan was reviewed; or a recording gives another plan.
    StalePlan = 3,
    /// A policy, a window, another owner or an untrusted source forbids what is left to do.
    Refused = 4,
    /// Some are where they are wanted, some failed or wait.
    Partial = 5,
    /// Declared state with mistakes.
    InvalidState = 6,
    /// Another process holds the lease, or it was lost.
    LeaseLost = 7,
    /// The command line itself is wrong.
    Usage = 64,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl ExitCode {
    /// Every code, in order.
    pub const ALL: [Self; 11] = [
        Self::Success,
        Self::Error,
        Self::ChangesPending,
        Self::StalePlan,
        Self::Refused,
        Self::Partial,
        Self::InvalidState,
        Self::LeaseLost,
        Self::Usage,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for help and the README.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "every wanted destination is on air and nothing is left to do, or success",
            Self::Error => "something failed; the message says what, and what to do",
            Self::ChangesPending => {
                "`plan --detailed-exitcode`: changes are pending, also where 5 would be given without them"
            }
            Self::StalePlan => {
                "the saved plan is stale, or a recording is: planning again gives another plan"
            }
            Self::Refused => {
                "refused: a policy, a window, another owner or an untrusted source forbids all that is left, nothing was \
                 changed, and no wanted destination is off air because of it (otherwise 5)"
            }
            Self::Partial => {
                "partial: a wanted destination cannot go on air (`plan`, `apply`, `run --once`), the router outputs could not be looked \
                 at (`status` and `explain`, too), or something else failed or waits"
            }
            Self::InvalidState => "the declared state has mistakes",
            Self::LeaseLost => "another slotwise holds the lease",
            Self::Usage => "the command line is wrong",
            Self::Interrupted => "SIGINT, after an orderly end; at once on the second",
            Self::Terminated => "SIGTERM, after an orderly end; at once on the second",
        }
    }

    /// The code of a run that ended by itself, from how it ended and what its last plan says.
    ///
    /// `None` for one that was asked to end: the signal decides.
    pub fn of_run(ended: &Ended, plan: Option<&Plan>, changed: bool) -> Option<Self> {
        let on_air = plan.is_some_and(|plan| plan.destinations.iter().any(|one| one.wanted && one.on_air));
        match ended {
            Ended::Drained => None,
            Ended::Converged => Some(plan.map_or(Self::Success, |plan| Self::of_converged(plan, changed))),
            Ended::Blocked | Ended::TimedOut if on_air || changed => Some(Self::Partial),
            Ended::Blocked | Ended::TimedOut | Ended::Failed(_) => Some(Self::Error),
            Ended::NoLease(error) => Some(Self::of_lease(error)),
            Ended::LeaseLost => Some(Self::LeaseLost),
        }
    }

    /// The code, which is no success while an object is set aside because of mistakes in it: no plan says so.
    #[must_use]
    pub fn while_set_aside(self, set_aside: bool) -> Self {
        match self {
            Self::Success if set_aside => Self::Partial,
            code => code,
        }
    }

    /// The code of a plan that is only shown. With `detailed`, pending changes take precedence over what waits, which `apply`
    /// reports.
    pub fn of_plan(plan: &Plan, detailed: bool) -> Self {
        if detailed && !plan.is_empty() {
            Self::ChangesPending
        } else if plan.destinations.iter().any(cannot_go_on_air) || is_in_part(plan) {
            Self::Partial
        } else {
            Self::Success
        }
    }

    /// The code of a command that was not given the lease.
    pub fn of_lease(error: &LeaseError) -> Self {
        match error {
            LeaseError::Held { .. }
            | LeaseError::HeldBy { .. }
            | LeaseError::Undecided
            | LeaseError::Ended => Self::LeaseLost,
            LeaseError::File { .. }
            | LeaseError::NotAFile(_)
            | LeaseError::PrivateTmp(_)
            | LeaseError::Table(_) => Self::Error,
        }
    }

    /// The code of a plan without a step left.
    fn of_converged(plan: &Plan, changed: bool) -> Self {
        if plan.destinations.iter().any(cannot_go_on_air) || is_in_part(plan) {
            return Self::Partial;
        }
        let of_destinations = plan.destinations.iter().filter_map(|one| one.waiting.as_ref());
        let of_channels = plan.channels.iter().filter_map(|one| one.waiting.as_ref());
        let mut waiting = of_destinations
            .chain(of_channels)
            .filter(|waiting| !is_wished(waiting))
            .peekable();
        if waiting.peek().is_none() {
            Self::Success
        } else if !changed && waiting.all(is_refusal) {
            Self::Refused
        } else {
            Self::Partial
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

/// Whether it is wanted, is off air, and stays so until an operator acts.
fn cannot_go_on_air(one: &DestinationPlan) -> bool {
    let waits = |waiting: &Waiting| !waiting.ends_by_itself() && !is_wished(waiting);
    one.wanted && !one.on_air && one.waiting.as_ref().is_some_and(waits)
}

/// Whether it is a plan without the router outputs, which could not be looked at.
fn is_in_part(plan: &Plan) -> bool {
    plan.routers.iter().any(|pool| pool.unseen)
}

/// The declaration asks for exactly this.
fn is_wished(waiting: &Waiting) -> bool {
    waiting.is_pause() || matches!(waiting, Waiting::PinnedElsewhere { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Pause, WantedState};

    fn plan(waiting: Vec<Option<Waiting>>) -> Plan {
        let destination = |(number, waiting): (usize, Option<Waiting>)| DestinationPlan {
            output: None,
            name: format!("d-{number}").as_str().into(),
            pool: "main".into(),
            state: WantedState::Streaming,
            wanted: true,
            group: None,
            held: None,
            on_air: waiting.is_none(),
            is_previous: false,
            assignment: None,
            reason: None,
            waiting,
            off_air: None,
            also_on_air: None,
        };
        Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
            pools: Vec::new(),
            destinations: waiting.into_iter().enumerate().map(destination).collect(),
            channels: Vec::new(),
        }
    }

    fn no_slot() -> Waiting {
        Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        }
    }

    fn foreign() -> Waiting {
        Waiting::OwnedByAnother {
            channel: "1".into(),
            owner: "b".into(),
        }
    }

    fn paused() -> Waiting {
        Waiting::Paused {
            pool: None,
            pause: Pause {
                until: None,
                by: None,
                why: None,
            },
        }
    }

    #[test]
    fn a_converged_run_succeeds_only_when_no_wanted_destination_waits() {
        for (waiting, changed, code) in [
            (vec![None], true, ExitCode::Success),
            (vec![None, Some(paused())], true, ExitCode::Success),
            (vec![None, Some(no_slot())], true, ExitCode::Partial),
            (vec![None, Some(no_slot())], false, ExitCode::Partial),
            (vec![None, Some(foreign())], true, ExitCode::Partial),
            (vec![None, Some(foreign())], false, ExitCode::Partial),
            (vec![Some(foreign()), Some(no_slot())], false, ExitCode::Partial),
        ] {
            let plan = plan(waiting.clone());
            let got = ExitCode::of_run(&Ended::Converged, Some(&plan), changed);
            assert_eq!(got, Some(code), "{waiting:?} {changed}");
        }
    }

    #[test]
    fn what_a_rule_forbids_to_an_unwanted_destination_is_refused() {
        let mut plan = plan(vec![None, Some(foreign())]);
        plan.destinations[1].wanted = false;
        plan.destinations[1].on_air = true;
        for (changed, code) in [(false, ExitCode::Refused), (true, ExitCode::Partial)] {
            let got = ExitCode::of_run(&Ended::Converged, Some(&plan), changed);
            assert_eq!(got, Some(code));
        }
    }

    #[test]
    fn pending_changes_have_their_code_only_where_it_is_asked_for() {
        let waits = plan(vec![None, Some(no_slot())]);
        assert_eq!(ExitCode::of_plan(&waits, false), ExitCode::Partial);
        assert_eq!(ExitCode::of_plan(&waits, true), ExitCode::Partial);
        for waiting in [None, Some(paused())] {
            let served = plan(vec![None, waiting]);
            assert_eq!(ExitCode::of_plan(&served, true), ExitCode::Success);
        }
    }

    #[test]
    fn a_run_that_gave_up_is_partial_only_after_a_change() {
        let (some, waiting) = (plan(vec![None]), plan(vec![Some(no_slot())]));
        for (ended, plan, changed, code) in [
            (Ended::Blocked, &waiting, false, Some(ExitCode::Error)),
            (Ended::Blocked, &some, false, Some(ExitCode::Partial)),
            (Ended::TimedOut, &waiting, true, Some(ExitCode::Partial)),
            (Ended::LeaseLost, &some, true, Some(ExitCode::LeaseLost)),
            (Ended::Drained, &some, true, None),
        ] {
            assert_eq!(ExitCode::of_run(&ended, Some(plan), changed), code, "{ended:?}");
        }
    }
}
