//! Sources, keys, channels, slots, owners, quota.

use serde_json::json;

use super::{CANARY, Clinic, POOL, start, tag};

#[tokio::test]
async fn a_channel_that_does_not_exist_is_named() {
    let clinic = Clinic::with(&["4000001"]);
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" channel 4000002 "),
        "FAIL channel 4000002 MediaLive knows no channel 4000002; fix: correct the id 4000002 in the pool, or check the region"
    );
    assert!(report.line(" quota ").starts_with("ok quota 1 of 5 channels"));
}

#[tokio::test]
async fn a_name_in_the_place_of_an_id_is_answered_with_the_id() {
    let clinic = Clinic::new();
    clinic.emulator.with_world(|world, _| {
        let document = world.channel_mut("4000001").unwrap().document_mut();
        document.insert("name".to_owned(), json!("studio-a"));
    });
    clinic.write("pool.yaml", &POOL.replace("4000001", "studio-a"));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" channel studio-a "),
        "FAIL channel studio-a studio-a is the name of 4000001, and a pool names ids; fix: write id: \"4000001\" in pool main"
    );
    assert!(report.ran.out.contains("ids are digits"), "{}", report.ran.out);
}

#[tokio::test]
async fn a_missing_channel_beyond_the_quota_is_reported() {
    let clinic = Clinic::with(&["4000001", "1", "2", "3", "4"]);
    let report = clinic.doctor(&[]).await;
    let line = report.line(" quota ");
    assert!(
        line.starts_with("warn quota 5 of 5 channels") && line.contains("channel 4000002"),
        "{line}"
    );
}

#[tokio::test]
async fn a_glob_without_a_match_is_reported_with_the_groups() {
    let clinic = Clinic::new();
    clinic.write("pool.yaml", &POOL.replace("RTMP-Slot-*", "Slot-*"));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" channel 4000001 "),
        "FAIL channel 4000001 no output group matches Slot-*; its RTMP output groups are RTMP-Slot-1, RTMP-Slot-2, \
         RTMP-Slot-3; fix: correct slots.outputGroups of pool main, or name the groups so"
    );
}

#[tokio::test]
async fn a_group_that_cannot_be_a_slot_says_why() {
    let clinic = Clinic::new();
    clinic.emulator.with_world(|world, _| {
        let document = world.channel_mut("4000001").unwrap().document_mut();
        let groups = document["encoderSettings"]["outputGroups"]
            .as_array_mut()
            .unwrap();
        let group = groups.iter_mut().find(|group| group["name"] == "RTMP-Slot-1");
        let outputs = group.unwrap()["outputs"].as_array_mut().unwrap();
        outputs.push(outputs[0].clone());
    });
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    let line = report.line("cannot be a slot");
    assert!(
        line.starts_with("warn channel 4000001 RTMP-Slot-1 cannot be a slot: it has 2 outputs"),
        "{line}"
    );
    assert!(
        report
            .line("SINGLE_PIPELINE, 2 slots")
            .starts_with("ok channel 4000001")
    );
}

#[tokio::test]
async fn foreign_and_live_channels_are_reported_with_ways_out() {
    let clinic = Clinic::new();
    tag(&clinic.emulator, "4000001", "another-team");
    clinic.emulator.with_world(|world, _| {
        let document = world.channel_mut("4000002").unwrap().document_mut();
        let destinations = document["destinations"].as_array_mut().unwrap();
        let mut settings = destinations.iter_mut().map(|one| &mut one["settings"]);
        let settings = settings.find(|settings| settings[0]["url"].is_string()).unwrap();
        settings[0] = json!({"url": "rtmp://live.example/app", "streamName": format!("{CANARY}-foreign")});
    });
    start(&clinic.emulator, "4000002").await;
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" channel 4000001 ");
    assert!(
        line.starts_with("FAIL channel 4000001 4000001 belongs to the owner another-team; fix: "),
        "{line}"
    );
    assert!(line.contains("run with --owner-id another-team"), "{line}");
    let line = report.line(" channel 4000002 ");
    assert!(line.starts_with("warn channel 4000002"), "{line}");
    assert!(
        line.contains("RTMP-Slot-1 → live.example") && line.contains("takeover: true"),
        "{line}"
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_one_line() {
    let clinic = Clinic::new();
    let mut command = clinic.command(&[]);
    command.env_remove("KEY_OF_A");
    let report = clinic.run(command).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line("KEY_OF_A");
    assert!(
        line.starts_with("FAIL key env KEY_OF_A: the environment variable KEY_OF_A is not set; fix: "),
        "{line}"
    );
    assert!(
        report
            .line(" sources ")
            .starts_with("ok sources 1 pool with 2 channels, 1 destination")
    );
}

#[tokio::test]
async fn mistakes_are_a_line_each_and_hide_nothing() {
    let clinic = Clinic::new();
    clinic.write("b.yaml", "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: b }\nspec: { pool: none, state: Streaming, url: http://x }\n");
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert!(
        report.line("spec.url").starts_with("FAIL sources b.yaml:4:"),
        "{}",
        report.ran.out
    );
    assert!(report.line(" channel 4000001 ").starts_with("ok"));
}

#[tokio::test]
async fn sources_that_cannot_be_read_hide_nothing_of_the_account() {
    let clinic = Clinic::new();
    for file in ["pool.yaml", "a.yaml"] {
        std::fs::remove_file(clinic.dir.path().join(file)).unwrap();
    }
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert!(
        report
            .line(" sources ")
            .starts_with("FAIL sources no ChannelPool and no Destination in [dir]; fix: ")
    );
    assert_eq!(report.line(" StopChannel "), "ok StopChannel allowed");
}
