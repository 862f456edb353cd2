//! `reasons.md`: why a step is taken, and why one is not.
//!
//! The texts are those that plans show, of examples with placeholders in capitals. `tests/it/cli/docs.rs` finds every
//! variant of the enums here.

use std::time::Duration;

use jiff::Timestamp;

use super::{escaped, line};
use crate::model::tag::TakeoverTag;
use crate::model::{
    Cause, ChannelId, ChannelState, DestinationName, GroupName, NoSlot, OtherGroup, OutputGroup, OutputState,
    OwnerId, Pause, PoolName, RouterArn, SlotId,
};
use crate::plan::router::{Feed, FeedWaiting, NotReady, OnAirAt, OutputReason, OutputWaiting, RouterLimit};
use crate::plan::{NoTakeover, Reason, Stray, Waiting};
use crate::status::DESCRIBED;

/// All tables.
pub(super) fn page() -> String {
    let mut page = String::from(
        "## Why a step is taken, or a slot given\n\n\
         In `reason` of plans, status, events and metrics.\n\n\
         | code | what a plan says |\n|---|---|\n",
    );
    for reason in reasons() {
        let said = escaped(&reason.to_string());
        line(&mut page, &format!("| `{}` | {said} |", reason.code()));
    }
    page.push_str(
        "\n## Why a destination or a channel waits\n\n\
         In `waiting` of plans, status and metrics. A code with several lines has several cases.\n\n\
         | code | what a plan says | what ends it |\n|---|---|---|\n",
    );
    for waiting in waitings() {
        waiting_line(&mut page, &waiting);
    }
    page.push_str(
        "\n## Why a step on a router output is taken\n\nOf destinations in a RouterPool.\n\n\
         | code | what a plan says |\n|---|---|\n",
    );
    for reason in output_reasons() {
        let said = escaped(&reason.to_string());
        line(&mut page, &format!("| `{}` | {said} |", reason.code()));
    }
    page.push_str(
        "\n## Why a destination in a RouterPool, or a router output, waits\n\n\
         | code | what a plan says | what ends it |\n|---|---|---|\n",
    );
    for waiting in output_waitings() {
        waiting_line(&mut page, &Waiting::Output(waiting));
    }
    page.push_str(
        "\n## Why what feeds a RouterPool waits\n\nThe channel that its `source` names, and its input.\n\n\
         | code | what a plan says | what ends it |\n|---|---|---|\n",
    );
    for waiting in feed_waitings() {
        feed_line(&mut page, &waiting);
    }
    page.push_str(
        "\n## Conditions\n\nIn `conditions[]` of a status, each `True`, `False` or `Unknown`, since when, and with one of the codes \
         above.\n\n| condition | true while |\n|---|---|\n",
    );
    for (condition, meaning) in DESCRIBED {
        line(&mut page, &format!("| `{condition}` | {} |", escaped(meaning)));
    }
    page
}

fn waiting_line(page: &mut String, waiting: &Waiting) {
    let ways = if waiting.ends_by_itself() {
        Vec::new()
    } else {
        waiting.ways_out_of(&name("NAME"))
    };
    says_line(page, waiting.code(), waiting, &ways);
}

fn feed_line(page: &mut String, waiting: &FeedWaiting) {
    says_line(page, waiting.code(), waiting, &waiting.ways_out());
}

fn says_line(page: &mut String, code: &str, said: &impl ToString, ways: &[String]) {
    let ends = if ways.is_empty() {
        "ends by itself".to_owned()
    } else {
        ways.iter()
            .map(|way| escaped(way))
            .collect::<Vec<_>>()
            .join("<br>")
    };
    let said = escaped(&said.to_string()).replace("1970-01-01T00:00:00Z", "TIME");
    line(page, &format!("| `{code}` | {said} | {ends} |"));
}

fn name(text: &str) -> DestinationName {
    DestinationName::from(text)
}

fn channel() -> ChannelId {
    ChannelId::from("CHANNEL")
}

fn pool() -> PoolName {
    PoolName::from("POOL")
}

fn input() -> RouterArn {
    RouterArn::new("INPUT")
}

fn slot() -> SlotId {
    SlotId {
        channel: channel(),
        output_group: group(),
    }
}

fn group() -> OutputGroup {
    OutputGroup::from("GROUP")
}

fn other() -> Vec<DestinationName> {
    vec![name("OTHER")]
}

/// One of each variant.
pub fn reasons() -> Vec<Reason> {
    let destination = || name("NAME");
    vec![
        Reason::AssignNew,
        Reason::AssignAfterStop,
        Reason::AssignGroup {
            group: GroupName::from("GROUP"),
        },
        Reason::AssignPinned,
        Reason::AssignInterrupting { others: other() },
        Reason::AssignWarm,
        Reason::AssignReturning,
        Reason::OnAir,
        Reason::TargetChanged {
            destination: destination(),
        },
        Reason::NoLongerWanted {
            destination: destination(),
        },
        Reason::Moved {
            destination: destination(),
        },
        Reason::NotDeclared {
            host: "HOST".to_owned(),
        },
        Reason::AdoptUnowned {
            owner: OwnerId::new("OWNER"),
        },
        Reason::RecordSlots,
        Reason::RecordTakeover {
            tag: Some(TakeoverTag::Done),
        },
        Reason::StopForUpdate {
            destinations: vec![destination()],
        },
        Reason::StopUnwanted,
        Reason::UpdateSlots,
        Reason::StartWanted {
            destinations: vec![destination()],
        },
        Reason::InTransition,
    ]
}

/// One of each variant.
pub fn output_reasons() -> Vec<OutputReason> {
    vec![
        OutputReason::Wanted,
        OutputReason::NotWanted,
        OutputReason::Retarget,
        OutputReason::ComesBack,
        OutputReason::Surplus,
        OutputReason::Moved,
        OutputReason::Vanished,
        OutputReason::DeclaredAgain,
        OutputReason::Recognised,
        OutputReason::PlaceNeeded(name("OTHER")),
        OutputReason::KeptLongEnough,
        OutputReason::Failed,
        OutputReason::Stopped,
    ]
}

/// At least one of each variant.
pub fn waitings() -> Vec<Waiting> {
    let mut all = of_the_pool();
    all.extend(of_the_destination());
    all.extend(of_the_channel());
    all
}

/// Others, or what the pool grants, are in the way.
fn of_the_pool() -> Vec<Waiting> {
    let forbidden = |cause, own| Waiting::InterruptionForbidden {
        pool: pool(),
        slot: slot(),
        others: other(),
        off_air: Duration::from_mins(3),
        cause,
        own,
    };
    let shares = |others| Waiting::SharesChannel {
        pool: pool(),
        slot: slot(),
        others,
        off_air: Duration::from_mins(3),
    };
    vec![
        Waiting::NoFreeSlot {
            pool: pool(),
            outranked_by: Some(name("OTHER")),
        },
        Waiting::NoSlot {
            pool: pool(),
            output_groups: "GLOB".to_owned(),
            unusable: None,
            there: vec![group()],
        },
        Waiting::NoSlot {
            pool: pool(),
            output_groups: "GLOB".to_owned(),
            unusable: Some((slot(), NoSlot::Outputs(2))),
            there: Vec::new(),
        },
        forbidden(None, false),
        forbidden(Some(Cause::Start), false),
        forbidden(None, true),
        Waiting::OutsideWindow {
            slot: slot(),
            others: other(),
            opens: Some(Timestamp::UNIX_EPOCH),
        },
        Waiting::Uninterruptible {
            slot: slot(),
            by: other(),
        },
        shares(other()),
        shares(Vec::new()),
        Waiting::MaxConcurrent {
            channel: channel(),
            limit: 1,
        },
    ]
}

/// The destination itself, its key or its declaration is in the way.
fn of_the_destination() -> Vec<Waiting> {
    let elsewhere = |pool| Waiting::OnAirElsewhere {
        channel: channel(),
        output_group: Some(group()),
        pool,
    };
    vec![
        Waiting::SecretUnavailable {
            reference: "REFERENCE".to_owned(),
            why: "CAUSE".to_owned(),
        },
        Waiting::TargetRefused {
            what: "CAUSE".to_owned(),
        },
        Waiting::SlotIncompatible {
            slot: slot(),
            why: "CAUSE".to_owned(),
        },
        Waiting::PinnedSlotTaken {
            slot: slot(),
            by: "OTHER".to_owned(),
            is_declared: true,
        },
        Waiting::PinnedElsewhere {
            on_air: slot(),
            pinned: SlotId {
                channel: ChannelId::from("CHANNEL-2"),
                output_group: group(),
            },
        },
        Waiting::SameTarget { other: name("OTHER") },
        elsewhere(None),
        elsewhere(Some(pool())),
        Waiting::OnAirInOutput {
            output: "OUTPUT".into(),
            of: None,
        },
        Waiting::OnAirInOutput {
            output: "OUTPUT".into(),
            of: Some(name("OTHER")),
        },
        Waiting::Paused {
            pool: None,
            pause: Pause {
                until: Some(Timestamp::UNIX_EPOCH),
                by: Some("USER".to_owned()),
                why: Some("REASON".to_owned()),
            },
        },
        Waiting::SourceUntrusted {
            why: "CAUSE".to_owned(),
        },
    ]
}

/// The channel is in the way.
fn of_the_channel() -> Vec<Waiting> {
    vec![
        Waiting::ChannelInTransition {
            channel: channel(),
            state: ChannelState::Starting,
        },
        Waiting::ChannelRecovering { channel: channel() },
        Waiting::ChannelFailed {
            channel: channel(),
            state: ChannelState::UpdateFailed,
        },
        Waiting::ChannelMissing { channel: channel() },
        Waiting::ChannelUnreadable {
            channel: channel(),
            why: "CAUSE".to_owned(),
        },
        Waiting::BackingOff {
            channel: channel(),
            failures: 2,
            attempts: 2,
            retry_at: Timestamp::UNIX_EPOCH,
            what: "CAUSE".to_owned(),
        },
        Waiting::NotAdopted {
            channel: channel(),
            strays: vec![Stray {
                output_group: group(),
                beside: false,
                host: "HOST".to_owned(),
                of: None,
            }],
            others: vec![OtherGroup {
                name: "OTHER-GROUP".into(),
                kind: "HLS".into(),
            }],
            no_slots: Vec::new(),
            takeover: NoTakeover::NotSet,
        },
        Waiting::Undeclared {
            slot: slot(),
            host: "HOST".to_owned(),
            takeover: NoTakeover::NotSet,
        },
        Waiting::UnusableSlot {
            slot: slot(),
            why: NoSlot::Outputs(2),
            takeover: NoTakeover::NotSet,
        },
        Waiting::OnAirBesideSlots {
            channel: channel(),
            output_group: Some(group()),
            destination: name("NAME"),
        },
        Waiting::OtherGroupOnAir {
            channel: channel(),
            elsewhere: ChannelId::new("CHANNEL-2"),
        },
        Waiting::TagsFull { channel: channel() },
        Waiting::OwnedByAnother {
            channel: channel(),
            owner: OwnerId::new("OWNER"),
        },
    ]
}

/// At least one of each variant.
pub fn output_waitings() -> Vec<OutputWaiting> {
    let mut all = of_the_output();
    all.extend(of_its_destination());
    all
}

/// The output, its input or MediaConnect is in the way.
fn of_the_output() -> Vec<OutputWaiting> {
    let full = |limit, at| OutputWaiting::QuotaReached {
        limit,
        at,
        pool: pool(),
    };
    vec![
        OutputWaiting::OutputInTransition {
            state: OutputState::Starting,
        },
        OutputWaiting::BackingOff {
            failures: 1,
            until: Timestamp::UNIX_EPOCH,
            what: "CAUSE".to_owned(),
        },
        OutputWaiting::InputMissing {
            pool: pool(),
            input: input(),
        },
        OutputWaiting::SourceNotReady {
            pool: pool(),
            feed: Feed::Channel("ID".into()),
            state: Some("IDLE"),
            why: NotReady::Starts,
        },
        OutputWaiting::SourceNotReady {
            pool: pool(),
            feed: Feed::Input("INPUT".into()),
            state: Some("STANDBY"),
            why: NotReady::LeftAlone,
        },
        OutputWaiting::OtherInput {
            input: input(),
            pool: pool(),
        },
        full(RouterLimit::PerRegion, 20),
        full(RouterLimit::PerInput, 10),
        OutputWaiting::RoomIsMade,
        OutputWaiting::Moves { from: pool() },
        OutputWaiting::OfAnother { pool: pool() },
        OutputWaiting::ListIncomplete,
        OutputWaiting::OutputsUnreadable {
            why: "no answer within 10 s".to_owned(),
            denied: None,
        },
        OutputWaiting::OutputsUnreadable {
            why: "ListRouterOutputs: access denied".to_owned(),
            denied: Some("mediaconnect:ListRouterOutputs".to_owned()),
        },
        OutputWaiting::Undeclared,
    ]
}

/// The destination itself, its key, its declaration or what its pool grants is in the way.
fn of_its_destination() -> Vec<OutputWaiting> {
    let forbidden = |cause| OutputWaiting::InterruptionForbidden { pool: pool(), cause };
    let same = |at| OutputWaiting::SameTarget { at };
    vec![
        OutputWaiting::SecretUnavailable {
            reference: "REFERENCE".to_owned(),
            why: "CAUSE".to_owned(),
        },
        OutputWaiting::TargetRefused {
            what: "CAUSE".to_owned(),
        },
        forbidden(None),
        forbidden(Some(Cause::Retarget)),
        OutputWaiting::Uninterruptible,
        OutputWaiting::OutsideWindow {
            opens: Some(Timestamp::UNIX_EPOCH),
        },
        same(OnAirAt::Destination(name("OTHER"))),
        same(OnAirAt::Before(name("OTHER"))),
        same(OnAirAt::Output("OUTPUT".into())),
        same(OnAirAt::Channel),
        OutputWaiting::OnAirElsewhere {
            pool: pool(),
            others: vec!["twitch-main".into()],
        },
        OutputWaiting::PoolGone { pool: pool() },
        OutputWaiting::Paused {
            pool: Some(pool()),
            pause: Pause {
                until: Some(Timestamp::UNIX_EPOCH),
                by: Some("USER".to_owned()),
                why: Some("REASON".to_owned()),
            },
        },
        OutputWaiting::SourceUntrusted,
    ]
}

/// One of each waiting of what feeds a RouterPool, several where it has several cases.
pub fn feed_waitings() -> Vec<FeedWaiting> {
    let in_use = |output: Option<&str>, ends| FeedWaiting::SourceInUse {
        output: output.map(str::to_owned),
        ends,
    };
    let paused = |pool| FeedWaiting::Paused {
        pool,
        pause: Pause {
            until: None,
            by: None,
            why: None,
        },
    };
    vec![
        FeedWaiting::SourceMissing,
        FeedWaiting::SourceUnreadable {
            why: "CAUSE".to_owned(),
        },
        FeedWaiting::SourceInTransition { state: "STARTING" },
        FeedWaiting::BackingOff {
            failures: 1,
            until: Timestamp::UNIX_EPOCH,
            what: "CAUSE".to_owned(),
        },
        FeedWaiting::SourceFailed { state: "ERROR" },
        FeedWaiting::SourceNotOwned {
            owner: OwnerId::new("OWNER"),
        },
        FeedWaiting::InputTakesOther {
            takes: channel(),
            pool: pool(),
        },
        FeedWaiting::AfterChannel { channel: channel() },
        FeedWaiting::AfterInput { input: input() },
        paused(None),
        paused(Some(pool())),
        in_use(Some("OUTPUT"), true),
        in_use(Some("OUTPUT"), false),
        in_use(None, false),
        FeedWaiting::OtherGroupsRun {
            groups: vec!["GROUP (Archive)".to_owned()],
        },
        FeedWaiting::NotStartedHere,
        FeedWaiting::SourceUntrusted,
    ]
}
