use std::time::Duration;

use super::*;
use crate::manifest::{Location, ObjectId, Problem, Rejected, Severity};
use crate::model::{ChannelClass, OwnerId, Pause, SlotId, samples};
use crate::plan::{Adoption, Content, OutputPlace, Reason, Seen, SlotPlan, Step};
use crate::status::Leader;

const EARLIER: Timestamp = Timestamp::UNIX_EPOCH;
const NOW: Timestamp = Timestamp::constant(1000, 0);

fn channel(state: ChannelState) -> ChannelPlan {
    ChannelPlan {
        id: "4000001".into(),
        pool: Some("main".into()),
        others: std::sync::Arc::default(),
        seen: Some(Seen {
            arn: "".into(),
            name: "live".into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: None,
            tags: std::sync::Arc::default(),
        }),
        adoption: Adoption::Owned,
        slots: Vec::new(),
        steps: Vec::new(),
        waiting: None,
        follows: None,
        runs: true,
    }
}

/// Wanted, with a slot on the channel, and not on air.
fn placed() -> DestinationPlan {
    DestinationPlan {
        output: None,
        name: "youtube".into(),
        pool: "main".into(),
        state: WantedState::Streaming,
        wanted: true,
        group: None,
        held: None,
        on_air: false,
        is_previous: false,
        assignment: Some(SlotId::new("4000001", "RTMP-Slot-1")),
        reason: Some(Reason::AssignNew),
        waiting: None,
        off_air: None,
        also_on_air: None,
    }
}

fn before(phase: Phase) -> DestinationStatus {
    DestinationStatus {
        output: None,
        name: "youtube".into(),
        pool: None,
        wanted: None,
        phase,
        reason: "AssignNew",
        message: "".into(),
        ways_out: Vec::new(),
        slot: None,
        since: Timestamp::UNIX_EPOCH,
        observed_generation: 1,
        conditions: Conditions::default(),
    }
}

#[test]
fn what_is_only_planned_is_pending_and_starting_once_its_channel_moves() {
    for (state, phase_then) in [
        (ChannelState::Idle, Phase::Pending),
        (ChannelState::UpdateFailed, Phase::Pending),
        (ChannelState::Running, Phase::Pending),
        (ChannelState::Updating, Phase::Starting),
        (ChannelState::Stopping, Phase::Starting),
        (ChannelState::Starting, Phase::Starting),
        (ChannelState::Recovering, Phase::Starting),
    ] {
        assert_eq!(phase(&placed(), Some(&channel(state))), phase_then, "{state}");
    }
}

#[test]
fn the_moment_between_two_steps_is_no_way_back() {
    let idle = channel(ChannelState::Idle);
    let starting = before(Phase::Starting);
    assert_eq!(
        phase_since(&placed(), Some(&idle), Some(&starting)),
        Phase::Starting
    );
    assert_eq!(phase_since(&placed(), Some(&idle), None), Phase::Pending);
    let homeless = DestinationPlan {
        assignment: None,
        waiting: Some(Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        }),
        ..placed()
    };
    assert_eq!(phase_since(&homeless, None, Some(&starting)), Phase::Pending);
}

#[test]
fn what_is_tried_again_within_seconds_changes_no_phase() {
    let tried_again = DestinationPlan {
        waiting: Some(throttled()),
        ..placed()
    };
    let idle = channel(ChannelState::Idle);
    assert_eq!(phase(&tried_again, Some(&idle)), Phase::Pending);
    let starting = before(Phase::Starting);
    assert_eq!(
        phase_since(&tried_again, Some(&idle), Some(&starting)),
        Phase::Starting
    );
    let failing = DestinationPlan {
        waiting: Some(backing_off()),
        ..placed()
    };
    assert_eq!(phase_since(&failing, Some(&idle), Some(&starting)), Phase::Error);
}

#[test]
fn a_transition_does_not_hide_what_else_is_in_the_way() {
    let mut failing = placed();
    failing.waiting = Some(Waiting::MaxConcurrent {
        channel: "4000002".into(),
        limit: 1,
    });
    let stopping = channel(ChannelState::Stopping);
    assert_eq!(phase(&failing, Some(&stopping)), Phase::Starting);
    failing.waiting = Some(Waiting::InterruptionForbidden {
        pool: "main".into(),
        slot: SlotId::new("4000001", "RTMP-Slot-1"),
        others: vec!["corp".into()],
        off_air: Duration::from_mins(3),
        cause: None,
        own: false,
    });
    assert_eq!(phase(&failing, Some(&stopping)), Phase::Pending);
}

#[test]
fn an_output_that_failed_by_itself_is_not_told_to_be_tried_again() {
    let failed = DestinationPlan {
        waiting: None,
        output: Some(OutputPlace {
            arn: Some("arn".into()),
            name: Some("output".into()),
            state: Some(OutputState::Error),
            messages: Arc::default(),
            next: Some("restart"),
            will_be_on_air: true,
        }),
        ..placed()
    };
    let declared = samples::destination("youtube");
    let view = View::of(&failed, &declared, &BTreeMap::new(), None);
    assert_eq!((view.phase, view.reason()), (Phase::Error, "AssignNew"));
}

#[test]
fn what_kept_failing_stays_an_error_while_it_is_tried_again() {
    let idle = channel(ChannelState::Idle);
    let failing = DestinationStatus {
        reason: "BackingOff",
        ..before(Phase::Error)
    };
    assert_eq!(phase_since(&placed(), Some(&idle), Some(&failing)), Phase::Error);
    let starting = channel(ChannelState::Starting);
    assert_eq!(
        phase_since(&placed(), Some(&starting), Some(&failing)),
        Phase::Starting
    );
    let refused = DestinationStatus {
        reason: "TargetRefused",
        ..before(Phase::Error)
    };
    assert_eq!(
        phase_since(&placed(), Some(&idle), Some(&refused)),
        Phase::Pending
    );
}

/// Not wanted, and on air with others.
fn leaving() -> DestinationPlan {
    DestinationPlan {
        state: WantedState::Ready,
        wanted: false,
        held: Some(SlotId::new("4000001", "RTMP-Slot-1")),
        on_air: true,
        assignment: None,
        reason: None,
        ..placed()
    }
}

fn backing_off() -> Waiting {
    Waiting::BackingOff {
        channel: "4000001".into(),
        failures: 2,
        attempts: 2,
        retry_at: NOW,
        what: "StartChannel: refused".to_owned(),
    }
}

/// A call was throttled once.
fn throttled() -> Waiting {
    Waiting::BackingOff {
        channel: "4000001".into(),
        failures: 0,
        attempts: 1,
        retry_at: NOW,
        what: "UpdateChannel: throttled (429 TooManyRequestsException)".to_owned(),
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

fn step(action: Action) -> Step {
    Step {
        action,
        reason: Reason::UpdateSlots,
        interrupts: Vec::new(),
        expected: Duration::from_mins(1),
    }
}

fn declared(name: &str) -> Destination {
    Destination {
        generation: 7,
        ..samples::destination(name)
    }
}

fn rejected(kind: &str, name: &str) -> Rejected {
    Rejected {
        object: ObjectId {
            kind: kind.to_owned(),
            name: name.to_owned(),
        },
        problem: Problem {
            location: Location {
                file: "a.yaml".into(),
                line: 1,
                column: 1,
                item: None,
            },
            severity: Severity::Error,
            object: None,
            field: "spec.pool".to_owned(),
            message: "there is no such pool".to_owned(),
            fix: "declare it".to_owned(),
        },
        last_good: false,
    }
}

/// What is true of `planned` and `channel`.
fn look(planned: DestinationPlan, channel: ChannelPlan, rejected: &[Rejected], previous: &Status) -> Status {
    let mut desired = Desired::empty(OwnerId::new("us"));
    let declared = declared(planned.name.as_str());
    desired
        .destinations
        .insert(declared.name.clone(), declared.into());
    let plan = Plan {
        routers: Vec::new(),
        feeds: Vec::new(),
        pools: Vec::new(),
        destinations: vec![planned],
        channels: vec![channel],
    };
    status(&desired, rejected, &plan, previous, NOW)
}

fn look_once(planned: DestinationPlan, channel: ChannelPlan) -> Arc<DestinationStatus> {
    let status = look(planned, channel, &[], &Status::default());
    Arc::clone(&status.destinations[0])
}

/// Whether a condition holds, and since when.
fn condition(status: &DestinationStatus, kind: &str) -> (bool, Timestamp) {
    let conditions = status.conditions();
    let one = conditions.iter().find(|one| one.kind == kind).unwrap();
    (one.status == ConditionStatus::True, one.last_transition_time)
}

#[test]
fn a_declaration_is_not_synced_while_a_step_on_its_behalf_waits_for_its_next_try() {
    let synced = |status: &DestinationStatus| {
        let conditions = status.conditions();
        let one = conditions.into_iter().find(|one| one.kind == "Synced").unwrap();
        (one.status, one.reason, one.message.to_string())
    };
    let failed = DestinationPlan {
        waiting: Some(throttled()),
        ..placed()
    };
    let first = look(failed, channel(ChannelState::Idle), &[], &Status::default());
    let (holds, reason, message) = synced(&first.destinations[0]);
    assert_eq!((holds, reason), (ConditionStatus::False, "BackingOff"));
    assert!(message.contains("TooManyRequestsException"), "{message}");

    let then = look(placed(), channel(ChannelState::Idle), &[], &first);
    let (holds, reason, _) = synced(&then.destinations[0]);
    assert_eq!((holds, reason), (ConditionStatus::True, "Declared"));
}

#[test]
fn an_unwanted_destination_stops_while_a_running_channel_holds_it() {
    let stands = |on_air: bool, held: bool, state: ChannelState| {
        let held = leaving().held.filter(|_| held);
        let planned = DestinationPlan {
            held,
            on_air,
            ..leaving()
        };
        phase(&planned, Some(&channel(state)))
    };
    assert_eq!(stands(true, true, ChannelState::Running), Phase::Stopping);
    assert_eq!(stands(false, true, ChannelState::Starting), Phase::Stopping);
    assert_eq!(stands(false, true, ChannelState::Idle), Phase::Ready);
    assert_eq!(stands(false, false, ChannelState::Running), Phase::Ready);
}

#[test]
fn a_destination_paused_on_air_streams_whatever_was_wanted() {
    let mut planned = DestinationPlan {
        waiting: Some(paused()),
        ..leaving()
    };
    let running = channel(ChannelState::Running);
    assert_eq!(phase(&planned, Some(&running)), Phase::Streaming);
    planned.on_air = false;
    planned.held = None;
    assert_eq!(phase(&planned, Some(&running)), Phase::Ready);
}

#[test]
fn what_only_its_owner_can_mend_is_an_error() {
    let mut planned = placed();
    planned.waiting = Some(backing_off());
    assert_eq!(phase(&planned, Some(&channel(ChannelState::Idle))), Phase::Error);
}

#[test]
fn a_message_says_where_it_is_and_what_comes_next() {
    let streaming = DestinationPlan {
        state: WantedState::Streaming,
        ..leaving()
    };
    let at_rest = DestinationPlan {
        on_air: false,
        ..leaving()
    };
    let nowhere = DestinationPlan {
        held: None,
        ..at_rest.clone()
    };
    for (planned, state, next, words) in [
        (streaming, ChannelState::Running, None, "on air in 4000001/"),
        (
            placed(),
            ChannelState::Idle,
            Some(Action::Start),
            "goes to 4000001/",
        ),
        (placed(), ChannelState::Starting, None, "4000001/RTMP-Slot-1: the"),
        (leaving(), ChannelState::Running, None, "leaves 4000001/"),
        (at_rest, ChannelState::Idle, None, "off air; 4000001/"),
        (nowhere.clone(), ChannelState::Idle, None, "off air"),
    ] {
        let mut channel = channel(state);
        channel.steps = next.map(step).into_iter().collect();
        let status = look_once(planned, channel);
        assert!(status.message.starts_with(words), "{}", status.message);
    }
    let other = DestinationPlan {
        also_on_air: Some(crate::plan::OtherPlace {
            channel: "4000009".into(),
            output_group: None,
        }),
        ..nowhere
    };
    assert_eq!(
        *look_once(other, channel(ChannelState::Idle)).message,
        *"in no slot; its stream is, or may be, on air on 4000009 as well"
    );
    let mut waits = placed();
    waits.waiting = Some(Waiting::NoFreeSlot {
        pool: "main".into(),
        outranked_by: None,
    });
    let status = look_once(waits.clone(), channel(ChannelState::Idle));
    assert_eq!(*status.message, *waits.waiting.unwrap().to_string());
    assert_eq!(status.reason, "NoFreeSlot");
    assert!(!status.ways_out.is_empty());
}

#[test]
fn on_air_with_a_previous_target_it_is_where_that_is() {
    let elsewhere = SlotId::new("4000002", "RTMP-Slot-1");
    let planned = DestinationPlan {
        held: Some(SlotId::new("4000001", "RTMP-Slot-1")),
        on_air: true,
        is_previous: true,
        assignment: Some(elsewhere),
        ..placed()
    };
    let status = look_once(planned, channel(ChannelState::Running));
    assert_eq!(&*status.message, "on air in 4000001/RTMP-Slot-1");
    assert_eq!(status.slot.as_ref().unwrap().channel, "4000001");
}

#[test]
fn what_comes_next_is_the_first_step_or_what_the_channel_is_about() {
    use ChannelState::{Idle, Recovering, Starting, Stopping, Updating};
    let adopt = || Action::Adopt {
        tags: Vec::new(),
        takeover: None,
    };
    let update = || Action::Update {
        writes: Vec::new(),
        tags: Vec::new(),
        adopts: false,
    };
    for (state, action, words) in [
        (Idle, Some(adopt()), "is adopted"),
        (ChannelState::Running, Some(Action::Stop), "stops"),
        (Idle, Some(update()), "is updated, then"),
        (Idle, Some(Action::Start), "the channel starts"),
        (Starting, Some(Action::Wait), "is starting"),
        (Stopping, Some(Action::Wait), "is stopping"),
        (Updating, Some(Action::Wait), "is being updated"),
        (Starting, None, "is starting"),
        (Idle, None, "waits for its channel"),
        (Recovering, Some(Action::Stop), "recovers"),
    ] {
        let mut channel = channel(state);
        channel.steps = action.map(step).into_iter().collect();
        let message = &look_once(placed(), channel).message;
        assert!(message.contains(words), "{state}: {message}");
    }
}

#[test]
fn a_reason_is_what_it_waits_for_or_why_it_is_there() {
    let reason = |change: fn(&mut DestinationPlan)| {
        let mut planned = placed();
        change(&mut planned);
        look_once(planned, channel(ChannelState::Idle)).reason
    };
    assert_eq!(reason(|_| ()), "AssignNew");
    assert_eq!(reason(|one| one.waiting = Some(paused())), "Paused");
    assert_eq!(reason(|one| one.reason = None), "AsWanted");
}

#[test]
fn blocked_means_waiting_and_not_on_the_way() {
    let blocked = |planned: &DestinationPlan, waiting: Option<Waiting>, state| {
        let planned = DestinationPlan {
            waiting,
            ..planned.clone()
        };
        condition(&look_once(planned, channel(state)), "Blocked").0
    };
    let full = || {
        Some(Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        })
    };
    let moves = || {
        Some(Waiting::ChannelInTransition {
            channel: "4000001".into(),
            state: ChannelState::Starting,
        })
    };
    assert!(!blocked(&placed(), None, ChannelState::Idle));
    assert!(blocked(&placed(), full(), ChannelState::Idle));
    assert!(blocked(&placed(), Some(backing_off()), ChannelState::Idle));
    assert!(!blocked(&placed(), moves(), ChannelState::Starting));
    let shares = Waiting::SharesChannel {
        pool: "main".into(),
        slot: SlotId::new("4000001", "RTMP-Slot-1"),
        others: vec!["corp".into()],
        off_air: Duration::from_mins(3),
    };
    assert!(blocked(&leaving(), Some(shares), ChannelState::Running));
    assert!(!blocked(&leaving(), None, ChannelState::Running));
}

#[test]
fn degraded_means_on_a_failing_or_recovering_channel() {
    let degraded = |waiting, state| {
        let planned = DestinationPlan { waiting, ..placed() };
        condition(&look_once(planned, channel(state)), "Degraded").0
    };
    assert!(!degraded(None, ChannelState::Running));
    assert!(degraded(None, ChannelState::Recovering));
    assert!(degraded(Some(backing_off()), ChannelState::Idle));
    let failed = Waiting::ChannelFailed {
        channel: "4000001".into(),
        state: ChannelState::CreateFailed,
    };
    assert!(degraded(Some(failed), ChannelState::CreateFailed));
}

#[test]
fn each_time_is_when_that_last_changed_and_what_has_not_changed_is_shared() {
    let before = |phase, held: bool| {
        let kinds = [(ConditionKind::Assigned, held), (ConditionKind::OnAir, false)];
        let status = DestinationStatus {
            conditions: Conditions::new(kinds, None, EARLIER),
            ..before(phase)
        };
        Status {
            feeds: Vec::new(),
            destinations: vec![status.into()],
            ..Status::default()
        }
    };
    let idle = || channel(ChannelState::Idle);
    let same = look(placed(), idle(), &[], &before(Phase::Pending, true));
    let one = same.destination("youtube").unwrap();
    assert_eq!(one.since, EARLIER);
    assert_eq!(condition(one, "Assigned"), (true, EARLIER));
    assert_eq!(
        (one.observed_generation, one.wanted),
        (7, Some(WantedState::Streaming))
    );
    let other = look(placed(), idle(), &[], &before(Phase::Ready, false));
    let other = other.destination("youtube").unwrap();
    assert_eq!(other.since, NOW);
    assert_eq!(condition(other, "Assigned"), (true, NOW));
    assert_eq!(condition(other, "OnAir"), (false, EARLIER));

    let again = look(placed(), idle(), &[], &same);
    assert!(Arc::ptr_eq(&again.destinations[0], &same.destinations[0]));
    let moved = look(placed(), channel(ChannelState::Starting), &[], &same);
    assert!(!Arc::ptr_eq(&moved.destinations[0], &same.destinations[0]));
}

#[test]
fn what_is_set_aside_says_so_and_what_was_never_valid_is_an_error() {
    let rejected = [
        rejected("Destination", "youtube"),
        rejected("Destination", "aaa"),
        rejected("Destination", ""),
        rejected("ChannelPool", "zzz"),
    ];
    let idle = || channel(ChannelState::Idle);
    let status = look(placed(), idle(), &rejected, &Status::default());
    let names: Vec<&str> = status.destinations.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["aaa", "youtube"]);
    let valid = status.destination("youtube").unwrap();
    assert_eq!(valid.phase, Phase::Pending);
    assert!(valid.set_aside().unwrap().contains("there is no such pool"));
    assert!(!condition(valid, "Synced").0);
    let invalid = status.destination("aaa").unwrap();
    assert_eq!((invalid.phase, invalid.reason), (Phase::Error, "Invalid"));
    assert_eq!(invalid.ways_out, ["declare it"]);
    assert_eq!((invalid.since, invalid.set_aside()), (NOW, None));

    let mut earlier = status.clone();
    Arc::make_mut(&mut earlier.destinations[0]).since = EARLIER;
    let again = look(placed(), idle(), &rejected, &earlier);
    assert_eq!(again.destinations[0].since, EARLIER);
    let pool = look(placed(), idle(), &rejected[3..], &Status::default());
    assert!(condition(&pool.destinations[0], "Synced").0);
    assert_eq!(pool.destinations.len(), 1);
}

#[test]
fn a_channel_shows_what_its_slots_hold() {
    let slot = |group: &str, now: Content| SlotPlan {
        output_group: group.into(),
        target: None,
        then: now.clone(),
        now,
        reason: None,
    };
    let (host, why) = ("x.example".to_owned(), "it has two outputs".to_owned());
    let mut full = channel(ChannelState::Idle);
    full.slots = vec![
        slot("1", Content::Parked),
        slot("2", Content::Destination("youtube".into())),
        slot("3", Content::Previous("youtube".into())),
        slot("4", Content::Undeclared { host }),
        slot("5", Content::Unusable { why }),
    ];
    let shown = &look(placed(), full, &[], &Status::default()).channels[0];
    let slots: Vec<&str> = shown.slots.iter().map(|(_, holds)| holds.as_str()).collect();
    assert_eq!(
        slots,
        [
            "parked",
            "youtube",
            "previous target of youtube",
            "undeclared (x.example)",
            "unusable (it has two outputs)",
        ]
    );
    assert_eq!((shown.state, &*shown.name), (Some(ChannelState::Idle), "live"));
    let mut unseen = channel(ChannelState::Idle);
    unseen.seen = None;
    unseen.waiting = Some(Waiting::ChannelMissing {
        channel: "4000001".into(),
    });
    let shown = &look(placed(), unseen, &[], &Status::default()).channels[0];
    assert_eq!((shown.state, &*shown.name), (None, ""));
    assert_eq!(shown.waiting.as_ref().unwrap().0, "ChannelMissing");
}

#[test]
fn trust_and_leadership_have_the_time_of_their_change() {
    let doubted = Trust::Doubted {
        why: "a file is missing".to_owned(),
    };
    let first = vec![source_trusted(&Trust::Whole, &[], EARLIER)];
    let same = source_trusted(&Trust::Whole, &first, NOW);
    assert_eq!(same.last_transition_time, EARLIER);
    let other = source_trusted(&doubted, &first, NOW);
    assert_eq!(other.last_transition_time, NOW);
    assert_eq!(&*other.message, "a file is missing");

    let leader = |holds| Leader {
        status: ConditionStatus::of(holds),
        reason: "Lease",
        message: "".into(),
    };
    let mut status = Status::default();
    assert!(!status.is_source_trusted());
    status.set_leader(leader(true), &[], EARLIER);
    assert!(!status.is_source_trusted(), "that is another condition");
    status.conditions.push(same);
    assert!(status.is_source_trusted());
    let before = status.conditions.clone();
    for (holds, since) in [(true, EARLIER), (false, NOW)] {
        let mut next = Status::default();
        next.set_leader(leader(holds), &before, NOW);
        assert_eq!(next.conditions[0].last_transition_time, since);
    }
    status.conditions = vec![other];
    assert!(!status.is_source_trusted());
}

#[test]
fn a_phase_is_written_as_it_is_named() {
    for phase in Phase::ALL {
        assert_eq!(phase.to_string(), format!("{phase:?}"));
    }
}
