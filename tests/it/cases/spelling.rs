//! One stream, however it is spelled.

use serde_json::Value;

use super::{Daemon, destination, json, plan, text};

const CASE: &str = "06-same-stream-other-spelling";

#[tokio::test(start_paused = true)]
async fn a_stream_in_another_spelling_is_kept() {
    let pool = text(CASE, "pool.yaml");
    for pair in json(CASE, "same.json").as_array().unwrap() {
        let mut fleet = json(CASE, "fleet.json");
        let setting = &mut fleet["Channels"][0]["Destinations"][0]["Settings"][0];
        setting["Url"] = pair["onAir"]["url"].clone();
        setting["StreamName"] = pair["onAir"]["streamName"].clone();
        let (field, value) = pair["declared"].as_object().unwrap().iter().next().unwrap();
        let declared = pool.clone()
            + &destination(
                "show",
                &format!("  {field}: {value}\n  streamKey: {}\n", pair["streamKey"]),
            );
        for is_ours in [false, true] {
            if is_ours {
                fleet["Channels"][0]["Tags"] = serde_json::json!({"slotwise.dev/owner": "default"});
            }
            let mut daemon = Daemon::new(&fleet, &[("declared.yaml", &declared)]);
            daemon.run().await;
            let writes = daemon.writes();
            assert!(writes.iter().all(|one| one == "CreateTags"), "{pair}: {writes:?}");
            assert_eq!(
                [daemon.state("4000001"), daemon.state("4000002")],
                ["RUNNING", "IDLE"],
                "{pair}"
            );
            assert_eq!(daemon.placed()["show"].1, "4000001/RTMP-Slot-1", "{pair}");
        }
    }
}

#[test]
fn two_destinations_that_are_one_stream_are_a_mistake() {
    let pool = text(CASE, "pool.yaml");
    let fleet = json(CASE, "fleet.json");
    for pair in json(CASE, "same.json").as_array().unwrap() {
        let declared = |name: &str, field: &str, value: &Value, key: &Value| {
            destination(name, &format!("  {field}: {value}\n  streamKey: {key}\n"))
        };
        if pair["onAir"]["streamName"] != pair["streamKey"] {
            // A URL with a key in it is refused as such.
            continue;
        }
        let (field, value) = pair["declared"].as_object().unwrap().iter().next().unwrap();
        let key = &pair["streamKey"];
        let both = pool.clone()
            + &declared("one", field, value, key)
            + &declared("two", "url", &pair["onAir"]["url"], key);
        let ran = plan(&fleet, &both);
        assert_eq!(ran.code, 6, "{pair}: {}", ran.err);
        assert!(ran.err.contains("error"), "{pair}: {}", ran.err);
    }
}
