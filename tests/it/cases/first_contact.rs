//! The first look at channels that run already.

use serde_json::{Value, json};

use super::{
    Daemon, POOL, channel, destination, fleet, group, json, one_line, ours, parked, plan, planned, text,
};

const YT: (&str, &str) = ("rtmp://a.rtmp.youtube.com/live2", "aaaa-bbbb");
const OTHER: (&str, &str) = ("rtmp://b.example/live", "k2");

fn yt() -> String {
    destination(
        "yt",
        "  url: rtmp://a.rtmp.youtube.com/live2\n  streamKey: aaaa-bbbb\n",
    )
}

/// Runs the daemon on a fleet of which nothing may be touched, and on the same without Destinations.
async fn left_alone(fleet: &Value, declared: &str) {
    let pools_only = declared.split("---").next().unwrap();
    for declared in [declared, pools_only] {
        let mut daemon = Daemon::new(fleet, &[("declared.yaml", declared)]);
        daemon.run().await;
        assert_eq!(daemon.writes(), [""; 0], "{declared}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_channel_without_rtmp_is_left_alone() {
    const CASE: &str = "01-first-contact-mediapackage-only";
    let (fleet, declared) = (json(CASE, "fleet.json"), text(CASE, "declared.yaml"));
    left_alone(&fleet, &declared).await;
    let out = planned(&fleet, &declared);
    assert!(out.starts_with("No changes."), "{out}");
    for said in [
        "1400131 is left alone: it is on air with outputs that are no slots (HD, Archive)",
        "stop channel 1400131 yourself",
        "takeover: true on channel 1400131 in channels: of the pool",
        "remove channel 1400131 from the pool",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_rtmp_is_left_alone() {
    const CASE: &str = "01-first-contact-mediapackage-only";
    let declared = text(CASE, "declared.yaml");
    let channel = json(CASE, "fleet.json");
    let no_groups = |channel: &mut Value| channel["EncoderSettings"]["OutputGroups"] = json!([]);
    let udp = |channel: &mut Value| {
        let group = &mut channel["EncoderSettings"]["OutputGroups"][1];
        group["Name"] = "RTMP-Slot-1".into();
        group["OutputGroupSettings"] = json!({"UdpGroupSettings": {}});
        let to = json!({"DestinationRefId": "clmtwp"});
        group["Outputs"][0]["OutputSettings"] =
            json!({"UdpOutputSettings": {"Destination": to, "ContainerSettings": {"M2tsSettings": {}}}});
    };
    let recovering = |channel: &mut Value| channel["State"] = "RECOVERING".into();
    let starting = |channel: &mut Value| channel["State"] = "STARTING".into();
    let variations: [&dyn Fn(&mut Value); 4] = [&no_groups, &udp, &recovering, &starting];
    for change in variations {
        let mut channel = channel.clone();
        change(&mut channel);
        left_alone(&channel, &declared).await;
        let out = planned(&channel, &declared);
        assert!(out.contains("1400131 is left alone"), "{out}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_glob_in_the_wrong_case_touches_nothing_and_says_what_is_there() {
    const CASE: &str = "02-first-contact-glob-in-wrong-case";
    let (fleet, declared) = (json(CASE, "fleet.json"), text(CASE, "declared.yaml"));
    left_alone(&fleet, &declared).await;
    for (glob, said) in [
        ("rtmp-slot-*", "matches rtmp-slot-*"),
        ("RTMP_Slot_*", "matches RTMP_Slot_*"),
    ] {
        let declared = declared.replace("rtmp-slot-*", glob);
        let out = planned(&fleet, &declared);
        assert!(out.starts_with("No changes. 0 of 2 on air; waiting: "), "{out}");
        for said in [
            "x and yt wait: NoSlot",
            said,
            "its RTMP output groups are RTMP-Slot-1, RTMP-Slot-2 (globs are case sensitive)",
            "correct slots.outputGroups of pool main",
        ] {
            assert!(out.contains(said), "{said}: {out}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_glob_that_misses_one_target_starts_no_second_copy_of_it() {
    const CASE: &str = "02-first-contact-glob-in-wrong-case";
    let mut channels = vec![json(CASE, "fleet.json")];
    channels.push(parked("4000002"));
    let declared = text(CASE, "declared.yaml")
        .replace("rtmp-slot-*", "RTMP-Slot-1")
        .replace("- id: '4000001'", "- id: '4000001'\n  - id: '4000002'");
    for is_ours in [false, true] {
        if is_ours {
            channels[0] = ours(channels[0].clone());
        }
        let mut daemon = Daemon::new(&fleet(&channels), &[("declared.yaml", &declared)]);
        daemon.run().await;
        let writes = daemon.writes();
        let touched = |one: &&String| one.contains("Channel");
        assert_eq!(writes.iter().find(touched), None, "{writes:?}");
        assert_eq!(
            [daemon.state("4000001"), daemon.state("4000002")],
            ["RUNNING", "IDLE"]
        );
        assert!(
            daemon.waits("x").starts_with("OnAirElsewhere"),
            "{}",
            daemon.waits("x")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_cannot_be_slots_are_left_alone_and_nothing_starts_twice() {
    const CASE: &str = "10-cdk-unnamed-output-groups";
    let declared =
        text(CASE, "declared.yaml").replace("- id: '5000001'", "- id: '5000001'\n  - id: '5000002'");
    let mut running = json(CASE, "fleet.json");
    running["Channels"][0]["State"] = "RUNNING".into();
    running["Channels"][1] = parked("5000002");
    let mut unnamed = running.clone();
    for group in unnamed["Channels"][0]["EncoderSettings"]["OutputGroups"]
        .as_array_mut()
        .unwrap()
    {
        group.as_object_mut().unwrap().remove("Name");
    }
    for (fleet, advice) in [
        (&running, "give each output group a name of its own"),
        (
            &unnamed,
            "RTMP output groups without a name cannot be slots: give each a name",
        ),
    ] {
        let mut daemon = Daemon::new(fleet, &[("declared.yaml", &declared)]);
        daemon.run().await;
        assert_eq!(daemon.writes(), ["CreateTags"], "the idle channel is adopted");
        assert_eq!(
            [daemon.state("5000001"), daemon.state("5000002")],
            ["RUNNING", "IDLE"]
        );
        assert!(
            daemon.waits("yt").starts_with("OnAirElsewhere"),
            "{}",
            daemon.waits("yt")
        );
        let out = planned(fleet, &declared);
        assert!(out.contains("5000001 is left alone"), "{out}");
        assert!(out.contains(advice), "{out}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_reason_why_a_group_is_no_slot_has_its_own_advice() {
    const CASE: &str = "10-cdk-unnamed-output-groups";
    let declared = text(CASE, "declared.yaml");
    let idle = json(CASE, "fleet.json");
    let out = planned(&idle, &declared);
    assert!(
        out.contains("another output group has the same name")
            && out.contains("give each output group a name"),
        "{out}"
    );
    let with = |change: &dyn Fn(&mut Value)| {
        let mut fleet = idle.clone();
        let groups = fleet["Channels"][0]["EncoderSettings"]["OutputGroups"]
            .as_array_mut()
            .unwrap();
        groups.truncate(2);
        change(&mut groups[1]);
        planned(&fleet, &declared)
    };
    let no_name = with(&|group| {
        group.as_object_mut().unwrap().remove("Name");
    });
    let two_outputs = with(&|group| {
        let mut second = group["Outputs"][0].clone();
        second["OutputName"] = "second".into();
        group["Outputs"].as_array_mut().unwrap().push(second);
    });
    for (out, why, advice) in [
        (no_name, "without a name", "give each"),
        (
            two_outputs,
            "it has 2 outputs",
            "give each output an output group of its own",
        ),
    ] {
        assert!(out.contains("yt waits: NoSlot"), "{out}");
        assert!(
            out.contains(why) && out.contains(advice),
            "{why}, {advice}: {out}"
        );
    }
}

/// What runs and cannot be slots is named as it is called in MediaLive, so that it is found there.
#[test]
fn streams_in_groups_that_cannot_be_slots_are_named_by_group() {
    let twice = channel(
        "4000001",
        "RUNNING",
        &[group("RTMP-Slot-1", &[&[YT]]), group("RTMP-Slot-1", &[&[OTHER]])],
    );
    let outputs = channel("4000001", "RUNNING", &[group("RTMP-Slot-1", &[&[YT], &[OTHER]])]);
    for channel in [twice, outputs] {
        let out = planned(
            &fleet(&[channel]),
            &(POOL.replace(", {id: '4000002'}", "") + &yt()),
        );
        assert!(out.contains("4000001 is left alone"), "{out}");
        assert!(out.contains("RTMP-Slot-1 cannot be a slot: "), "{out}");
        assert!(out.contains("of its own · "), "{out}");
        assert!(!out.contains("without a name"), "{out}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_different_user_name_is_no_reason_to_stop() {
    const CASE: &str = "13-rtmp-user-and-password";
    let plain = text(CASE, "declared.yaml");
    let login = |user: &str| format!("{plain}  username: {user}\n  passwordParameter: /live/wowza\n");
    let mut channels = json(CASE, "fleet.json");
    for is_ours in [false, true] {
        if is_ours {
            channels = ours(channels);
        }
        for declared in [plain.clone(), login("joe"), login("ann")] {
            let mut daemon = Daemon::new(&channels, &[("declared.yaml", &declared)]);
            daemon.run().await;
            let writes = daemon.writes();
            assert!(writes.iter().all(|one| one == "CreateTags"), "{writes:?}");
            assert_eq!(daemon.state("4000001"), "RUNNING");
            assert_eq!(daemon.placed()["wowza"].1, "4000001/RTMP-Slot-1");
        }
    }
    // While it is stopped it is written as declared.
    channels["State"] = "IDLE".into();
    for (declared, name, parameter) in [
        (plain.clone(), None, None),
        (login("ann"), Some("ann"), Some("/live/wowza")),
    ] {
        let mut daemon = Daemon::new(&channels, &[("declared.yaml", &declared)]);
        daemon.run().await;
        assert_eq!(daemon.state("4000001"), "RUNNING");
        let setting = daemon.channel("4000001")["destinations"][0]["settings"][0].clone();
        let log = |field: &str| {
            setting[field]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        assert_eq!(log("username").as_deref(), name);
        assert_eq!(log("passwordParam").as_deref(), parameter);
    }
}

#[tokio::test(start_paused = true)]
async fn settings_in_the_other_order_are_the_same_destination() {
    const CASE: &str = "34-settings-in-the-other-order";
    let declared = text(CASE, "declared.yaml");
    let primary = json!({"Url": "rtmps://a.rtmps.youtube.com:443/live2", "StreamName": "aaaa-bbbb"});
    let backup = json!({"Url": "rtmps://b.rtmps.youtube.com:443/live2?backup=1", "StreamName": "aaaa-bbbb"});
    let mut reversed = json(CASE, "fleet.json");
    reversed["Channels"][0]["Destinations"][0]["Settings"] = json!([backup, primary]);
    let mut not_ours = reversed.clone();
    not_ours["Channels"][0]["Tags"] = json!({});
    for fleet in [json(CASE, "fleet.json"), reversed.clone(), not_ours] {
        let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
        daemon.run().await;
        let writes = daemon.writes();
        assert!(writes.iter().all(|one| one == "CreateTags"), "{writes:?}");
        assert_eq!(daemon.placed()["yt"].1, "4000001/RTMP-Slot-1");
    }
    // The order is put right with the next update.
    let mut daemon = Daemon::new(&reversed, &[("declared.yaml", &declared)]);
    daemon.run().await;
    daemon.write("declared.yaml", &declared.replace("Streaming", "Ready"));
    daemon.run().await;
    daemon.write("declared.yaml", &declared);
    daemon.run().await;
    assert_eq!(daemon.placed()["yt"].1, "4000001/RTMP-Slot-1");
    let urls: Vec<String> = daemon
        .targets("4000001")
        .into_iter()
        .map(|(url, _)| url)
        .collect();
    assert!(
        urls[0].contains("a.rtmps") && urls[1].contains("b.rtmps"),
        "{urls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_room_for_the_owner_tag_is_left_alone() {
    let mut full = channel("4000001", "RUNNING", &[group("RTMP-Slot-1", &[&[YT]])]);
    for number in 0..50 {
        full["Tags"][format!("tag-{number}")] = "x".into();
    }
    let other = destination("other", "  url: rtmp://b.example/live\n  streamKey: k2\n");
    let declared = POOL.to_owned() + &yt() + &other;
    for state in ["RUNNING", "IDLE"] {
        full["State"] = state.into();
        let fleet = fleet(&[full.clone(), parked("4000002")]);
        let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
        daemon.run().await;
        let touched = |one: &&String| one.contains("4000001");
        assert_eq!(daemon.writes().iter().find(touched), None, "{state}");
        assert_eq!(
            [daemon.state("4000001"), daemon.state("4000002")],
            [state, "RUNNING"]
        );
        let out = planned(&fleet, &declared);
        assert!(
            out.contains("4000001 has as many tags as a channel may have"),
            "{out}"
        );
    }
}

/// An owned channel without any slot, as after an edit of the glob by hand, runs on and says so.
#[test]
fn an_owned_channel_without_a_slot_runs_on_and_says_so() {
    const CASE: &str = "01-first-contact-mediapackage-only";
    let fleet = ours(json(CASE, "fleet.json"));
    let in_pool = text(CASE, "declared.yaml");
    let in_none = in_pool.replace("1400131", "1400132");
    for declared in [in_pool, in_none] {
        let out = planned(&fleet, &declared);
        assert!(out.starts_with("No changes."), "{out}");
        assert!(
            out.contains(
                "1400131 (Livestream HIDEF) RUNNING, stays runs none of its output groups is a slot"
            ),
            "{out}"
        );
    }
}

/// A channel that is kept running says why, also without a destination.
#[test]
fn an_unwanted_destination_on_a_kept_channel_says_so() {
    let declared =
        POOL.replace(", {id: '4000002'}", "") + "  idle: KeepRunning\n" + &yt().replace("Streaming", "Ready");
    let running = ours(channel("4000001", "RUNNING", &[group("RTMP-Slot-1", &[&[YT]])]));
    let out = planned(&fleet(&[running]), &declared);
    assert!(
        out.contains(
            "yt stays on air: SharesChannel stays on air on 4000001: the pool keeps its channels running"
        ),
        "{out}"
    );
    assert!(
        out.contains("idle: Stop in pool main · just this once: apply with --interrupt yt ·"),
        "{out}"
    );
    assert!(!out.contains("no destination"), "{out}");
}

#[test]
fn a_glob_that_is_none_is_refused_with_what_is_wrong() {
    for (glob, said) in [
        ("", "an empty glob"),
        ("[", "a `[` is not closed"),
        ("RTMP-Slot-* ", "spaces at an end of the glob"),
        ("RTMP-Slot-\u{200b}*", "invisible characters"),
    ] {
        let declared = POOL.replace("RTMP-Slot-*", &format!("'{glob}'"));
        let ran = plan(&fleet(&[parked("4000001")]), &declared);
        assert_eq!((ran.code, ran.out.as_str()), (6, ""));
        assert!(one_line(&ran.err).contains(said), "{}", ran.err);
    }
}
