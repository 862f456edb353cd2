//! Liveness: once life and faults have ended, every destination is where it is wanted or has a reason, and nothing changes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use slotwise::testing::controller::View;
use slotwise::testing::emulator::{Call, World};
use slotwise::testing::model::Desired;
use slotwise::testing::plan::{Plan, Waiting};

use super::oracle::{refute, refute_channel};

/// How long after the end of life and faults everything must be at rest: up to four channels that are interrupted
/// one after the other, each with a stop (90 s), an update (1 min) and a start (10 min), after the longest backoff.
pub(super) const WITHIN: Duration = Duration::from_hours(1);

/// How long rest is watched.
pub(super) const WATCHED: Duration = Duration::from_hours(1);

/// Whatever is wanted is on air, whatever is not is off air, and what is neither says why.
pub(super) fn check_settled(view: &View, declared: &Desired) -> Result<(), String> {
    let plan = &view.plan;
    if plan.destinations.len() != declared.destinations.len() {
        return Err(format!(
            "{} of {} destinations are planned",
            plan.destinations.len(),
            declared.destinations.len()
        ));
    }
    for planned in &plan.destinations {
        let name = &planned.name;
        if planned.waiting.as_ref().is_some_and(Waiting::ends_by_itself) {
            return Err(format!(
                "{name} still waits for what should have ended: {:?}",
                planned.waiting
            ));
        }
        if !declared.destinations.contains_key(name) {
            return Err(format!("{name} is planned, and not declared"));
        }
    }
    match plan.channels.iter().find(|channel| !channel.steps.is_empty()) {
        Some(channel) => {
            let steps: Vec<&str> = channel.steps.iter().map(|step| step.action.name()).collect();
            Err(format!(
                "channel {} still has steps to take: {steps:?}",
                channel.id
            ))
        }
        None => Ok(()),
    }
}

/// What `plan` says of a destination or a channel and is not true.
pub(super) fn untrue(world: &World, declared: &Desired, wall: Timestamp, plan: &Plan) -> Option<String> {
    let of_one = plan
        .destinations
        .iter()
        .find_map(|one| refute(world, declared, wall, plan, one));
    let of_channel = || {
        plan.channels
            .iter()
            .find_map(|one| refute_channel(world, declared, wall, plan, one))
    };
    of_one.or_else(of_channel)
}

/// Whether a target that MediaLive refuses is tried again every now and then, in case it takes it by now.
pub(super) fn tries_again(plan: &Plan) -> bool {
    let mut all = plan.destinations.iter();
    all.any(|one| matches!(one.waiting, Some(Waiting::TargetRefused { .. })))
}

/// Whether a call is made for such a try: it starts and stops nothing.
pub(super) fn is_of_a_try(operation: &str) -> bool {
    matches!(operation, "DescribeChannel" | "CreateTags" | "UpdateChannel")
}

/// Nothing changes, and only the list is asked for, by `processes` that look every `interval`.
pub(super) fn check_calls(calls: &[Call], processes: usize, interval: Duration) -> Result<(), String> {
    if let Some(call) = calls.iter().find(|call| call.operation != "ListChannels") {
        return Err(format!(
            "at rest, {} {:?} is called",
            call.operation, call.channel
        ));
    }
    // Give or take a tenth, and one at each end; a list of few has several pages where pages are small.
    let looks = WATCHED.as_secs_f64() / (0.9 * interval.as_secs_f64()) + 2.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count"
    )]
    let most = PAGES_MAX * processes * looks.ceil() as usize;
    if calls.len() > most {
        return Err(format!(
            "at rest, {} lists in an hour, and {most} are enough",
            calls.len()
        ));
    }
    Ok(())
}

/// Nothing is written to a table, and it is looked at no more often than its declaration says, by `processes`.
pub(super) fn check_table_calls(
    before: &BTreeMap<String, usize>,
    after: &BTreeMap<String, usize>,
    processes: usize,
    poll: Duration,
) -> Result<(), String> {
    let made = |operation: &str| {
        let count = |calls: &BTreeMap<String, usize>| calls.get(operation).copied().unwrap_or_default();
        count(after) - count(before)
    };
    let writes = made("UpdateItem");
    if writes > 0 {
        return Err(format!("at rest, {writes} statuses are written"));
    }
    let looks = usize::try_from(WATCHED.as_secs() / poll.as_secs()).unwrap_or_default() + 2;
    let (scans, most) = (made("Scan"), SCAN_PAGES_MAX * processes * looks);
    if scans > most {
        return Err(format!(
            "at rest, {scans} pages of the table are read in an hour, and {most} are enough"
        ));
    }
    Ok(())
}

/// Pages of a table: sixteen destinations, three on a page, and one that is empty.
const SCAN_PAGES_MAX: usize = 7;

/// Pages of a list: five channels, two on a page.
const PAGES_MAX: usize = 3;
