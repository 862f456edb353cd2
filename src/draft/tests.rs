//! Drafts of channels of several kinds.

use std::sync::Arc;

use super::*;
use crate::model::ChannelState::{Idle, Running};
use crate::model::{
    ChannelClass, ChannelState, ChannelTags, Endpoint, Login, NoSlot, ObservedGroup, OtherGroup, Target,
};

const KEY: &str = "k3y";

/// A channel with an RTMP output group for each of `targets`; a pipeline of each is `URL KEY`.
fn channel(id: &str, state: ChannelState, targets: &[&[&str]]) -> ObservedChannel {
    let endpoint = |text: &&str| {
        let (url, key) = text.split_once(' ').unwrap();
        Endpoint::new(url, Secret::new(key))
    };
    let group = |(at, target): (usize, &&[&str])| ObservedGroup {
        name: format!("RTMP-Slot-{}", at + 1).as_str().into(),
        target: Ok(Target::from(target.iter().map(endpoint).collect::<Vec<_>>())),
    };
    let is_standard = targets.iter().any(|target| target.len() == 2);
    ObservedChannel {
        id: id.into(),
        arn: "arn".into(),
        name: format!("studio-{id}").into(),
        class: if is_standard {
            ChannelClass::Standard
        } else {
            ChannelClass::SinglePipeline
        },
        state,
        owner: None,
        tags: Arc::new(ChannelTags::default()),
        groups: Arc::new(targets.iter().enumerate().map(group).collect()),
        others: Arc::from([]),
        stray_endpoints: Arc::from([]),
        trouble: None,
    }
}

fn draft(channels: &[ObservedChannel]) -> Draft {
    Draft::of(channels, &options(KeysIn::Files))
}

fn options(keys: KeysIn) -> Options {
    Options {
        pool: "main".to_owned(),
        parking_url: None,
        keys,
        owner: OwnerId::new("us"),
    }
}

/// Why the only thing that is left out is.
fn why(target: &[&str]) -> String {
    let draft = draft(&[channel("1", Running, &[target])]);
    assert!(draft.keys.is_empty());
    let [left_out] = draft.left_out.as_slice() else {
        panic!("{:?}", draft.left_out)
    };
    assert!(!left_out.why.contains(KEY), "{}", left_out.why);
    left_out.why.clone()
}

#[test]
fn what_runs_is_wanted_and_what_is_stopped_is_off() {
    let draft = draft(&[
        channel("1", Idle, &[&["rtmps://a.rtmps.youtube.com/live2 k3y"]]),
        channel(
            "2",
            Running,
            &[
                &["rtmp://live.twitch.tv/app k3y"],
                &["rtmp://127.0.0.1:1935/parked x"],
            ],
        ),
    ]);
    assert_eq!(draft.left_out, []);
    assert_eq!((draft.channels, draft.slots), (2, 3));
    assert!(draft.pool.contains("outputGroups: RTMP-Slot-*"));
    let documents: Vec<&str> = draft.destinations.split("---\n").collect();
    let [youtube, twitch] = documents.as_slice() else {
        panic!("{}", draft.destinations)
    };
    for line in [
        "name: youtube",
        "state: Ready",
        "url: rtmps://a.rtmps.youtube.com/live2",
    ] {
        assert!(youtube.contains(line), "{youtube}");
    }
    for line in [
        "name: twitch",
        "state: Streaming",
        "file: keys/twitch",
        "on air in 2/RTMP-Slot-1",
    ] {
        assert!(twitch.contains(line), "{twitch}");
    }
    assert!(!draft.destinations.contains(KEY));
    assert_eq!(draft.keys[1].secret.reveal(), KEY);
}

#[test]
fn both_pipelines_and_a_login_are_declared() {
    let mut standard = channel(
        "1",
        Running,
        &[&["rtmp://a.example/live k3y", "rtmp://b.example/live k3y"]],
    );
    let groups = standard.groups_mut();
    let login = Login {
        username: "studio".into(),
        password_parameter: "/live/password".into(),
    };
    let target = groups[0].target.clone().unwrap().0;
    let with_login = target
        .iter()
        .map(|one| one.clone().with_login(Some(login.clone())))
        .collect();
    groups[0].target = Ok(Target(with_login));
    let draft = draft(&[standard]);
    for line in [
        "name: a-example",
        "backupUrl: rtmp://b.example/live",
        "username: studio",
        "passwordParameter: /live/password",
    ] {
        assert!(draft.destinations.contains(line), "{}", draft.destinations);
    }
}

#[test]
fn of_two_pipelines_that_push_to_one_place_one_is_declared() {
    let doubled: &[&str] = &["rtmp://cdn.example/live k3y", "rtmp://cdn.example:1935/live k3y"];
    let draft = draft(&[channel("1", Running, &[doubled])]);
    assert!(
        !draft.destinations.contains("backupUrl"),
        "{}",
        draft.destinations
    );
    assert!(draft.destinations.contains("parked with the next update"));
}

#[test]
fn a_key_in_the_url_is_taken_out() {
    let draft = draft(&[channel("1", Idle, &[&["rtmp://cdn.example/live/k3y "]])]);
    assert!(!draft.destinations.contains(KEY), "{}", draft.destinations);
    assert_eq!(draft.keys[0].secret.reveal(), KEY);
}

#[test]
fn a_stream_is_declared_once_where_it_is_on_air() {
    let same: &[&str] = &["rtmp://cdn.example/live k3y"];
    let stopped = draft(&[channel("1", Idle, &[same]), channel("2", Running, &[same])]);
    assert_eq!(stopped.left_out, []);
    assert!(stopped.destinations.contains("on air in 2/RTMP-Slot-1"));
    let twice = draft(&[channel("1", Running, &[same]), channel("2", Running, &[same])]);
    assert_eq!(
        twice.left_out[0].why,
        "it pushes the same stream as 1/RTMP-Slot-1"
    );
    assert_eq!(twice.keys.len(), 1);
}

#[test]
fn what_no_destination_can_say_is_left_out_without_its_secrets() {
    let url = "rtmp://cdn.example/live k3y";
    assert!(why(&[url, "rtmp://cdn.example/live other"]).contains("two streams"));
    assert!(why(&["rtmp://127.0.0.1:1935/parked x", url]).contains("only its second"));
    assert!(why(&["rtmp://user:k3y@cdn.example/live k3y"]).contains("a user or a query"));
    assert!(why(&["rtmp://cdn.example/live?token=k3y k3y"]).contains("a user or a query"));
    assert!(why(&["srt://cdn.example/live k3y"]).contains("not rtmp://"));
    assert!(why(&["rtmp://cdn.example/live "]).contains("no stream name"));
}

#[test]
fn channels_of_others_and_those_without_slots_are_left_out() {
    let mut others = channel("1", Idle, &[&["rtmp://cdn.example/live k3y"]]);
    others.owner = Some(OwnerId::new("them"));
    let without = channel("2", Idle, &[]);
    let mut unusable = channel("3", Idle, &[&["rtmp://cdn.example/live k3y"]]);
    unusable.groups_mut()[0].target = Err(NoSlot::NoName);
    let draft = draft(&[others, without, unusable]);
    assert_eq!(draft.channels, 0);
    let whys: Vec<&str> = draft.left_out.iter().map(|one| one.why.as_str()).collect();
    assert_eq!(whys[0], "it belongs to them; add --owner-id them");
    assert_eq!(whys[1], "it has no RTMP output group");
    assert!(whys[2].contains("RTMP-Slot-1: it has no name"), "{}", whys[2]);
}

#[test]
fn a_running_channel_with_other_output_groups_keeps_running() {
    let mut with_hls = channel("1", Running, &[&["rtmp://cdn.example/live k3y"]]);
    with_hls.name = "two\u{2028}lines".into();
    with_hls.others = Arc::from([OtherGroup {
        name: "HLS".into(),
        kind: "HLS".into(),
    }]);
    let pool = draft(&[with_hls]).pool;
    assert!(pool.contains("idle: KeepRunning"), "{pool}");
    assert!(pool.contains("# 1  two lines; ends with it: HLS\n"), "{pool}");
}

#[test]
fn an_ended_show_stays_off_and_deleted_channels_are_left_out() {
    let target: &[&str] = &["rtmp://cdn.example/live k3y"];
    let stopping = draft(&[channel("1", ChannelState::Stopping, &[target])]);
    assert!(
        stopping.destinations.contains("state: Ready"),
        "{}",
        stopping.destinations
    );
    let deleting = draft(&[channel("1", ChannelState::Deleting, &[target])]);
    assert_eq!(deleting.left_out[0].why, "it is DELETING");
}

#[test]
fn parked_slots_stay_parked_where_they_are() {
    let parked = channel("1", Idle, &[&["rtmp://sink.example/off 1-RTMP-Slot-1-0"]]);
    let draft = draft(&[parked]);
    assert!(draft.pool.contains("parkingUrl: rtmp://sink.example/off"));
    assert_eq!(draft.destinations, "");
}

#[test]
fn keys_in_aws_are_named_and_not_written() {
    let channels = [channel("1", Idle, &[&["rtmp://cdn.example/live k3y"]])];
    let in_ssm = Draft::of(&channels, &options(KeysIn::Ssm("/live/".to_owned())));
    assert!(in_ssm.destinations.contains("ssm: /live/cdn-example"));
    assert_eq!(in_ssm.keys[0].place, "/live/cdn-example");
    let in_secrets = Draft::of(&channels, &options(KeysIn::SecretsManager("live".to_owned())));
    assert!(
        in_secrets
            .destinations
            .contains("secretsManager: live/cdn-example")
    );
}

#[test]
fn what_slotwise_would_not_take_is_left_out_and_said() {
    let spaced = channel(
        "1",
        Running,
        &[
            &["rtmp://cdn.example/live my key"],
            &["rtmp://ingest.example/live k3y"],
        ],
    );
    let draft = draft(&[spaced]);
    assert_eq!((draft.keys.len(), draft.refused), (1, None));
    let why = &draft.left_out[0].why;
    assert!(why.starts_with("a Destination cannot say it: "), "{why}");
    assert!(!why.contains("my key"), "{why}");
    assert!(
        !draft.destinations.contains("cdn.example"),
        "{}",
        draft.destinations
    );
}

#[test]
fn a_pool_that_slotwise_would_not_take_is_said() {
    let channels = [channel("1", Running, &[&["rtmp://cdn.example/live k3y"]])];
    let refused = |change: fn(&mut Options)| {
        let mut options = options(KeysIn::Files);
        change(&mut options);
        Draft::of(&channels, &options).refused
    };
    assert_eq!(refused(|_| ()), None);
    let named = refused(|options| options.pool = "Bad Name".to_owned()).unwrap();
    assert!(named.starts_with("metadata.name: "), "{named}");
    let parked = refused(|options| options.parking_url = Some("http://sink.example/off".to_owned())).unwrap();
    assert!(parked.contains("parkingUrl"), "{parked}");
}
