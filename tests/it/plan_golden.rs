//! Golden plans: each `tests/scenarios/NAME.yaml` is a small world, `NAME.snap` beside it its plan as text.
//!
//! Every scenario is also checked by the second author, and carried out to the end, after which nothing may be left to do.
//!
//! A world in short: a pool `main`, and others that are else the same, where they are named; slots `RTMP-1`, `RTMP-2`, …; in a
//! slot stands a destination's name, recorded as its on channels of ours; `=name` for the same, of which nothing is recorded;
//! `~name` for what is recorded as its previous target; `^name` for what is recorded of one that is no longer declared; `-` for
//! parked, `?host` for what is not declared, `!` for an unusable group.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use slotwise::testing::model::{
    Cause, ChannelClass, ChannelObservation, ChannelState, Desired, Interrupt, Observed, ObservedGroup,
    OwnerId, Pin, Placement, SlotId, Trouble, Trust, WantedState, Window,
};
use slotwise::testing::plan::plan;
use slotwise::testing::render::{self, Style};

use super::plan_support as support;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Scenario {
    /// What it shows, one sentence.
    about: String,
    #[serde(default)]
    pool: PoolSpec,
    destinations: BTreeMap<String, DestinationSpec>,
    channels: BTreeMap<String, ChannelSpec>,
    /// What of the declaration could not be read.
    doubted: Option<String>,
    #[serde(default)]
    grants: BTreeSet<String>,
    #[serde(default)]
    returning: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct PoolSpec {
    placement: String,
    interrupt: String,
    #[serde(rename = "for")]
    causes: Vec<String>,
    /// Cron patterns; each window is 30 minutes long, in UTC.
    windows: Vec<String>,
    max_concurrent: u32,
    paused: bool,
    /// `RTMP-*` where it is left out.
    output_groups: Option<String>,
}

impl Default for PoolSpec {
    fn default() -> Self {
        Self {
            placement: "Spread".to_owned(),
            interrupt: "Never".to_owned(),
            causes: ["Start", "Stop", "Retarget"].map(str::to_owned).to_vec(),
            windows: Vec::new(),
            max_concurrent: 1,
            paused: false,
            output_groups: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct DestinationSpec {
    ready: bool,
    group: Option<String>,
    priority: i32,
    interruptible: bool,
    /// `channel/slot`.
    pin: Option<String>,
    paused: bool,
    key_unreadable: bool,
    /// A second endpoint for STANDARD channels.
    backup: bool,
    /// Its URL and key are those of this other destination.
    same_as: Option<String>,
    pool: String,
}

impl Default for DestinationSpec {
    fn default() -> Self {
        Self {
            ready: false,
            group: None,
            priority: 0,
            interruptible: true,
            pin: None,
            paused: false,
            key_unreadable: false,
            backup: false,
            same_as: None,
            pool: "main".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChannelSpec {
    /// On the wire, or `missing`, or `unreadable`.
    state: String,
    #[serde(default = "main")]
    pool: String,
    #[serde(default)]
    slots: Vec<String>,
    #[serde(default)]
    standard: bool,
    /// Another owner's name; `none` for a channel without owner. Slotwise's own where it is left out.
    owner: Option<String>,
    #[serde(default)]
    takeover: bool,
    #[serde(default)]
    failures: u32,
}

fn main() -> String {
    "main".to_owned()
}

impl Scenario {
    fn build(&self) -> (Desired, Observed) {
        let mut desired = Desired::empty(support::owner());
        let mut observed = Observed::default();
        if let Some(why) = &self.doubted {
            desired.trust = Trust::Doubted { why: why.clone() };
        }
        self.build_pool(&mut desired);
        for (name, spec) in &self.destinations {
            build_destination(name, spec, &mut desired);
        }
        for (id, spec) in &self.channels {
            build_channel(id, spec, &mut desired, &mut observed);
        }
        desired.grants = self.grants.iter().map(|name| name.as_str().into()).collect();
        for (name, slot) in &self.returning {
            observed.returning.insert(name.as_str().into(), slot_id(slot));
        }
        (desired, observed)
    }

    fn build_pool(&self, desired: &mut Desired) {
        let mut pool = support::pool("main");
        pool.slots.output_groups = globset::Glob::new("RTMP-*").unwrap().compile_matcher();
        pool.placement = match self.pool.placement.as_str() {
            "Spread" => Placement::Spread,
            "Pack" => Placement::Pack,
            other => panic!("no placement {other}"),
        };
        pool.disruption.interrupt = match self.pool.interrupt.as_str() {
            "Never" => Interrupt::Never,
            "Window" => Interrupt::Window,
            "Anytime" => Interrupt::Anytime,
            other => panic!("no policy {other}"),
        };
        pool.disruption.causes = self
            .pool
            .causes
            .iter()
            .map(|cause| match cause.as_str() {
                "Start" => Cause::Start,
                "Stop" => Cause::Stop,
                "Retarget" => Cause::Retarget,
                other => panic!("no cause {other}"),
            })
            .collect();
        pool.disruption.windows = self
            .pool
            .windows
            .iter()
            .map(|cron| Window {
                cron: cron.parse().unwrap(),
                duration: std::time::Duration::from_mins(30),
                time_zone: jiff::tz::TimeZone::UTC,
            })
            .collect();
        pool.disruption.max_concurrent = self.pool.max_concurrent;
        pool.paused = self.pool.paused.then(support::pause);
        if let Some(pattern) = &self.pool.output_groups {
            pool.slots.output_groups = globset::Glob::new(pattern).unwrap().compile_matcher();
        }
        let destinations = self.destinations.values().map(|one| &one.pool);
        for name in destinations.chain(self.channels.values().map(|one| &one.pool)) {
            pool.name = name.as_str().into();
            desired.pools.insert(pool.name.clone(), pool.clone());
        }
    }
}

fn build_destination(name: &str, spec: &DestinationSpec, desired: &mut Desired) {
    let identity = spec.same_as.as_deref().unwrap_or(name);
    let mut destination = support::destination(identity, &spec.pool);
    destination.name = name.into();
    if spec.ready {
        destination.state = WantedState::Ready;
    }
    if spec.key_unreadable {
        destination.key = support::unknown_key();
    }
    destination.backup_url = spec.backup.then(|| format!("{}-backup", destination.url).into());
    destination.group = spec.group.as_deref().map(Into::into);
    destination.priority = spec.priority;
    destination.interruptible = spec.interruptible;
    destination.pin = spec.pin.as_deref().map(|slot| {
        let slot = slot_id(slot);
        Pin {
            channel: slot.channel,
            output_group: slot.output_group,
        }
    });
    destination.paused = spec.paused.then(support::pause);
    support::declare(desired, destination);
}

fn build_channel(id: &str, spec: &ChannelSpec, desired: &mut Desired, observed: &mut Observed) {
    let mut channel = support::channel(id, ChannelState::from_wire(&spec.state));
    if spec.standard {
        channel.class = ChannelClass::Standard;
    }
    match spec.owner.as_deref() {
        None => {}
        Some("none") => channel.owner = None,
        Some(other) => channel.owner = Some(OwnerId::new(other)),
    }
    channel.trouble = (spec.failures > 0).then(|| Trouble {
        failures: spec.failures,
        attempts: spec.failures,
        retry_at: support::now() + jiff::SignedDuration::from_mins(2),
        what: "StartChannel: the channel fell back to IDLE".to_owned(),
    });
    for (index, holds) in spec.slots.iter().enumerate() {
        let group = format!("RTMP-{}", index + 1);
        let class = channel.class;
        let parking = support::parking(&desired.pools[spec.pool.as_str()], id, &group, class);
        let url = |name: &str| desired.destinations[name].url.clone();
        let target = match holds.split_at(1) {
            ("-", "") => Ok(parking),
            ("~", name) => Ok(support::other_target(&url(name), class)),
            ("^", name) => Ok(support::other_target(
                &format!("rtmp://{name}.example/live"),
                class,
            )),
            ("=", name) => Ok(support::carried(&desired.destinations[name], class, &parking)),
            ("?", host) => Ok(support::other_target(&format!("rtmp://{host}/live"), class)),
            ("!", _) => Err(slotwise::testing::model::NoSlot::Outputs(2)),
            _ => Ok(support::carried(
                &desired.destinations[holds.as_str()],
                class,
                &parking,
            )),
        };
        channel.groups_mut().push(ObservedGroup {
            name: group.into(),
            target,
        });
        match holds.split_at(1) {
            ("~" | "^", name) => support::record(&mut channel, name),
            ("-", "") | ("?" | "!" | "=", _) => {}
            _ if spec.owner.is_none() => support::record(&mut channel, holds),
            _ => {}
        }
    }
    support::place(desired, observed, &spec.pool, channel);
    let pool = desired.pools.get_mut(spec.pool.as_str()).unwrap();
    pool.channels.last_mut().unwrap().takeover = spec.takeover;
    let unseen = match spec.state.as_str() {
        "missing" => ChannelObservation::Missing,
        "unreadable" => ChannelObservation::Unreadable {
            why: "DescribeChannel: access denied".to_owned(),
        },
        _ => return,
    };
    observed.channels.insert(id.into(), unseen);
}

fn slot_id(text: &str) -> SlotId {
    let (channel, group) = text.split_once('/').unwrap();
    SlotId::new(channel, group)
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Plans a scenario, has the plan checked, compares it with its golden, and carries it out to the end.
fn run(name: &str) {
    let text = fs::read_to_string(directory().join(format!("{name}.yaml"))).unwrap();
    let scenario: Scenario = serde_yaml::from_str(&text).unwrap();
    let (desired, mut observed) = scenario.build();
    let first = plan(&desired, &observed, support::now());
    assert_eq!(
        support::violations(&first, &desired, &observed),
        Vec::<String>::new()
    );
    let rendered = render::plan::plan(&first, Style::PLAIN);
    assert!(
        !rendered.contains("key-of-") && !rendered.contains("previous-key"),
        "{name}"
    );
    insta::with_settings!({
        snapshot_path => directory(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => scenario.about.as_str(),
    }, {
        insta::assert_snapshot!(name, rendered);
    });
    support::carry_out_to_the_end(&desired, &mut observed, first);
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const SCENARIOS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
    };
}

scenarios! {
    idle_cold_is_updated_then_started
    idle_warm_is_started_without_update
    idle_and_unwanted_stays_warm
    running_as_wanted_is_left_alone
    running_without_a_wanted_destination_stops
    running_without_a_wanted_destination_stops_for_another
    recovering_is_not_stopped_for_a_change
    recovering_without_a_wanted_destination_stops
    in_transition_is_waited_for
    update_failed_is_tried_again
    failed_and_missing_channels_are_gone_around
    start_waits_where_the_pool_never_interrupts
    start_waits_outside_the_window
    start_interrupts_inside_the_window
    start_interrupts_anytime
    stop_shares_the_channel_where_the_pool_never_interrupts
    stop_interrupts_anytime_and_others_ride_along
    stop_waits_outside_the_window
    stop_interrupts_inside_the_window
    stop_only_pool_does_not_interrupt_for_a_start
    retarget_waits_where_the_pool_never_interrupts
    retarget_interrupts_anytime_in_place
    retarget_waits_outside_the_window
    retarget_interrupts_inside_the_window
    one_off_grant_interrupts_where_the_pool_never_does
    uninterruptible_is_spared_even_with_a_grant
    the_cheapest_interruption_is_chosen
    most_interruptions_wait_their_turn
    group_shares_a_channel
    spread_gives_each_group_a_channel_of_its_own
    pack_runs_the_fewest_channels
    higher_priority_wins_the_last_slot
    lower_priority_on_air_is_not_evicted
    pin_is_kept
    pin_is_taken_or_missing
    pinned_but_on_air_elsewhere_stays
    paused_destinations_stay_where_they_are
    paused_pool_is_left_alone
    live_channel_without_owner_is_refused
    stopped_channel_without_owner_is_adopted
    takeover_releases_undeclared_targets
    foreign_owner_is_left_alone
    doubted_source_releases_nothing
    unreadable_key_keeps_its_slot
    interrupted_comes_back_to_its_slot
    interrupted_with_an_unreadable_key_comes_back_to_its_own_channel
    standard_channels_take_two_endpoints
    a_channel_in_trouble_is_the_last_choice
    same_target_is_pushed_to_once
    vanished_destination_is_released
    a_new_key_in_another_slot_is_a_retarget_too
    a_previous_target_is_no_stop_while_its_destination_stays_off_air
    an_unreadable_key_outweighs_a_pin
    an_unreadable_key_puts_nothing_on_air
    a_pause_outlives_a_new_key
    update_failed_is_written_again_even_where_it_is_warm
    moved_to_another_pool_goes_on_there_when_it_has_ended_here
    same_target_in_two_pools_is_pushed_to_once
    a_copy_on_a_channel_without_owner_is_not_called_undeclared
    no_output_group_matches
    no_output_group_that_matches_can_be_a_slot
    an_undeclared_target_blocks_the_stop
    a_new_key_begins_on_a_stopped_channel
    an_old_stream_ends_once_the_new_one_runs
    a_first_look_records_what_is_on_air
    a_moved_one_leaves_for_its_reserved_slot
}

#[test]
fn every_scenario_in_the_directory_is_run() {
    let files: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let run: BTreeSet<String> = SCENARIOS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files, run);
}
