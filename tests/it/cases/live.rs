//! Edits of what is on air.

use serde_json::Value;

use super::{Daemon, POOL, destination, fleet, group, json, ours, planned, text};

const EDITED: &str = "03-live-pool-edited";

/// The four destinations on air, two on each channel.
async fn on_air() -> Daemon {
    let pool = text(EDITED, "declared/pool.yaml");
    let destinations = text(EDITED, "declared/destinations.yaml");
    let declared = [("pool.yaml", &*pool), ("destinations.yaml", &*destinations)];
    let mut daemon = Daemon::new(&json(EDITED, "fleet.json"), &declared);
    daemon.run().await;
    assert_eq!([daemon.state("4000001"), daemon.state("4000002")], ["RUNNING"; 2]);
    let placed = daemon.placed();
    assert!(
        placed
            .values()
            .all(|(phase, _)| format!("{phase:?}") == "Streaming"),
        "{placed:?}"
    );
    daemon.writes();
    daemon.log();
    daemon
}

/// Runs on with an edit of the pool, which touches nothing. Returns the log.
async fn edited(daemon: &mut Daemon, pool: &str) -> String {
    edited_with(daemon, pool, &[]).await
}

/// The same, with these calls.
async fn edited_with(daemon: &mut Daemon, pool: &str, writes: &[&str]) -> String {
    let before = daemon.placed();
    daemon.write("pool.yaml", pool);
    daemon.run().await;
    assert_eq!(daemon.writes(), writes, "{pool}");
    assert_eq!(daemon.placed(), before, "{pool}");
    daemon.log()
}

#[tokio::test(start_paused = true)]
async fn another_glob_takes_nothing_off_air_and_newcomers_wait_for_a_slot() {
    let mut daemon = on_air().await;
    let log = edited(
        &mut daemon,
        &text(EDITED, "edits/a-output-groups-in-another-case.yaml"),
    )
    .await;
    assert!(log.contains("outputGroups RTMP-Slot-* → rtmp-slot-*"), "{log}");
    assert_eq!(log.matches("newcomers would wait").count(), 1, "{log}");
    let text = daemon.plan();
    assert!(
        text.contains("newcomers would wait: NoSlot pool main has no slot")
            && text.contains("RTMP-Slot-1, RTMP-Slot-2, RTMP-Slot-3 (globs are case sensitive)"),
        "{text}"
    );

    let newcomer = destination("e", "  url: rtmp://e.example/live\n  streamKey: key-of-e\n");
    daemon.write("newcomer.yaml", &newcomer);
    daemon.run().await;
    assert_eq!(daemon.writes(), [""; 0]);
    let waits = daemon.waits("e");
    assert!(
        waits.starts_with("NoSlot: pool main has no slot")
            && waits.contains("RTMP-Slot-1, RTMP-Slot-2, RTMP-Slot-3 (globs are case sensitive)"),
        "{waits}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_parking_url_is_written_with_the_next_update() {
    let mut daemon = on_air().await;
    let log = edited(&mut daemon, &text(EDITED, "edits/b-parking-url.yaml")).await;
    assert!(log.contains("parkingUrl at 127.0.0.1 → 10.0.0.9"), "{log}");

    let placed = daemon.placed();
    let [channel, first] = ["4000001", "4000001/RTMP-Slot-1"];
    let destinations = text(EDITED, "declared/destinations.yaml");
    let ready: Vec<String> = destinations
        .split("---\n")
        .map(|one| {
            let is_there = placed.iter().any(|(name, (_, slot))| {
                slot.starts_with(channel) && one.contains(&format!("name: {name}\n"))
            });
            one.replace("Streaming", if is_there { "Ready" } else { "Streaming" })
        })
        .collect();
    daemon.write("destinations.yaml", &ready.join("---\n"));
    daemon.run().await;
    assert_eq!(daemon.writes(), ["StopChannel 4000001"]);
    let url = |daemon: &Daemon| daemon.targets(channel)[1].0.clone();
    assert_eq!(url(&daemon), "rtmp://127.0.0.1:1935/parked");
    // The one in its first slot has a new key, so that the channel is updated before it starts.
    let (name, _) = placed.iter().find(|(_, (_, slot))| slot == first).unwrap();
    let key = format!("streamKey: key-of-{name}\n");
    daemon.write(
        "destinations.yaml",
        &destinations.replace(&key, "streamKey: another-key\n"),
    );
    daemon.run().await;
    assert_eq!(daemon.state(channel), "RUNNING");
    assert_eq!(url(&daemon), "rtmp://10.0.0.9:1935/parked");
}

#[tokio::test(start_paused = true)]
async fn a_channel_removed_from_its_pool_runs_on_and_is_shown() {
    let mut daemon = on_air().await;
    let log = edited(&mut daemon, &text(EDITED, "edits/c-channel-taken-out.yaml")).await;
    assert!(log.contains("channel 4000002 removed"), "{log}");
    let named = |daemon: &Daemon| {
        let plan = daemon.controller.plan().unwrap();
        let in_plan = plan
            .channels
            .iter()
            .any(|one| one.id == "4000002" && one.pool.is_none());
        let mut status = daemon.controller.status().channels.iter();
        (
            in_plan,
            status.any(|one| one.id == "4000002" && one.pool.is_none()),
        )
    };
    assert_eq!(named(&daemon), (true, true));
    let text = std::fs::read_to_string(daemon.dir.path().join("pool.yaml")).unwrap();
    assert!(!text.contains("4000002"));

    // It stops when no destination on it is wanted, and begins elsewhere.
    let destinations = super::text(EDITED, "declared/destinations.yaml");
    daemon.write("destinations.yaml", &destinations.replace("Streaming", "Ready"));
    daemon.run().await;
    assert_eq!([daemon.state("4000001"), daemon.state("4000002")], ["IDLE"; 2]);
}

/// Pools may be edited in any way at all.
#[tokio::test(start_paused = true)]
async fn no_edit_of_a_pool_touches_what_is_on_air() {
    let pool = text(EDITED, "declared/pool.yaml");
    for (edit, said) in [
        (pool.replace("RTMP-Slot-*", "RTMP-Slot-3"), "outputGroups"),
        (
            pool.clone() + "  placement: Pack\n  idle: KeepRunning\n",
            "placement Spread → Pack, idle Stop → KeepRunning",
        ),
        (
            pool.replace("'4000001'", "'4000001'\n    takeover: true"),
            "channel 4000001 with takeover",
        ),
        // Where a destination pushes to as well.
        (
            pool.replace("rtmp://127.0.0.1:1935/parked", "rtmp://a.example/live"),
            "parkingUrl at 127.0.0.1 → a.example",
        ),
        (
            pool.replace("rtmp://127.0.0.1:1935/parked", "rtmp://a.example/live/parked"),
            "parkingUrl",
        ),
    ] {
        let mut daemon = on_air().await;
        // That there is nothing to take over is recorded.
        let records = edit.contains("takeover: true").then_some("CreateTags");
        let log = edited_with(&mut daemon, &edit, records.as_slice()).await;
        assert!(log.contains(said), "{said}: {log}");
        // Nor is it stopped once what shares its channel has ended.
        let placed = daemon.placed();
        let (_, of_a) = &placed["a"];
        let beside = |slot: &str| slot != of_a && slot.split('/').next() == of_a.split('/').next();
        let (neighbour, _) = placed.iter().find(|(_, (_, slot))| beside(slot)).unwrap();
        let destinations = text(EDITED, "declared/destinations.yaml");
        let one = format!("name: {neighbour}\nspec:\n  pool: main\n  state: ");
        let edit = destinations.replace(&format!("{one}Streaming"), &format!("{one}Ready"));
        assert_ne!(edit, destinations);
        daemon.write("destinations.yaml", &edit);
        daemon.run().await;
        assert_eq!(daemon.writes(), [""; 0], "{said}");
        assert_eq!(daemon.placed()["a"], placed["a"]);
    }
}

/// A destination may push to where slots are parked: its key distinguishes the two.
#[tokio::test(start_paused = true)]
async fn a_declared_key_at_the_parking_url_is_not_parked() {
    let show = destination("show", "  url: rtmp://a.example/live\n  streamKey: k1\n");
    for parking in [
        "rtmp://a.example/live",
        "rtmps://a.example/live",
        "rtmp://a.example/live/parked",
    ] {
        let declared = POOL
            .replace("rtmp://127.0.0.1:1935/parked", parking)
            .replace(", {id: '4000002'}", "")
            + &show;
        let running = super::channel(
            "4000001",
            "RUNNING",
            &[group("RTMP-Slot-1", &[&[("rtmp://a.example/live", "k1")]])],
        );
        for channel in [running.clone(), ours(running)] {
            let fleet = fleet(&[channel]);
            let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
            daemon.run().await;
            assert_eq!(daemon.writes(), ["CreateTags"], "{parking}");
            assert_eq!(daemon.placed()["show"].1, "4000001/RTMP-Slot-1");
            assert!(planned(&fleet, &declared).contains("RTMP-Slot-1 = show on air here"));

            // And with its key changed, by what is recorded.
            daemon.write("declared.yaml", &declared.replace("k1", "k2"));
            daemon.run().await;
            assert_eq!(daemon.writes(), [""; 0], "{parking}");
            assert!(daemon.waits("show").starts_with("InterruptionForbidden"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_respelled_url_is_no_change_and_a_new_key_waits() {
    const CASE: &str = "07-respelled-url-stops-the-show";
    let fleet = json(CASE, "fleet.json");
    let with_new_key = text(CASE, "declared.yaml");
    let declared = with_new_key.replace("new-key", "old-key");
    let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
    daemon.run().await;
    assert_eq!(daemon.writes(), ["CreateTags"]);
    for url in [
        "rtmp://ingest.example.com/live/",
        "rtmp://ingest.example.com:1935/live",
        "rtmp://INGEST.Example.com/live",
        "RTMP://ingest.example.com//live",
        "rtmp://ingest.example.com.:01935/live",
    ] {
        daemon.write(
            "declared.yaml",
            &declared.replace("rtmp://ingest.example.com/live", url),
        );
        daemon.run().await;
        assert_eq!(daemon.writes(), [""; 0], "{url}");
        assert_eq!(daemon.waits("show"), "", "{url}");
        assert_eq!(daemon.placed()["show"].1, "4000001/RTMP-Slot-1");
    }
    let may_be_interrupted = with_new_key.replace("interruptible: false", "interruptible: true");
    for (declared, said) in [
        (
            &with_new_key,
            [
                "must not be interrupted",
                "set state: Ready for show",
                "add a channel",
            ],
        ),
        (
            &may_be_interrupted,
            [
                "its new URL or key is written while 4000001 is stopped",
                "apply with --interrupt show",
                "state: Ready, then Streaming again",
            ],
        ),
    ] {
        daemon.write("declared.yaml", declared);
        daemon.run().await;
        assert_eq!(daemon.writes(), [""; 0]);
        assert_eq!(daemon.state("4000001"), "RUNNING");
        let waits = daemon.waits("show");
        for said in said {
            assert!(waits.contains(said), "{said}: {waits}");
        }
    }
}

/// At the first look nothing is recorded yet: a stream with another key may be of any destination.
#[tokio::test(start_paused = true)]
async fn a_key_that_was_changed_before_the_first_look_stops_nothing() {
    const CASE: &str = "07-respelled-url-stops-the-show";
    let (fleet, declared): (Value, _) = (json(CASE, "fleet.json"), text(CASE, "declared.yaml"));
    let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
    daemon.run().await;
    assert_eq!(daemon.writes(), [""; 0]);
    let out = planned(&fleet, &declared);
    assert!(
        out.starts_with("No changes.") && out.contains("4000001 is not stopped"),
        "{out}"
    );
}
