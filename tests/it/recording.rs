//! What slots hold, written into tags; and what else is on air in the account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::{Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::execute::{ChannelOutcome, Executor, Grounds, StepError, StepPermit};
use slotwise::testing::medialive::{self, MediaLive, OWNER_TAG};
use slotwise::testing::model::tag::slot_tag_key;
use slotwise::testing::model::{
    ChannelId, ChannelObservation, ObservedChannel, OutputGroup, OwnerId, Recorded, Recording, SlotId,
    SlotTag, Target, TargetDigest,
};
use slotwise::testing::observe::{AccountView, Observer};
use slotwise::testing::plan::{
    Action, Adoption, ChannelPlan, Content, Reason, Seen, SlotPlan, SlotRecord, SlotWrite, Step,
};
use slotwise::testing::wiring;
use slotwise::testing::write_lease::{Holding, WriteLease};

use super::stage::{desired, fleet, pool, wanted};

const GROUP: &str = "RTMP-Slot-1";

/// Two channels that are IDLE and parked, and a controller.
struct Scene {
    emulator: Emulator,
    client: MediaLive,
    executor: Executor,
    owner: OwnerId,
}

#[derive(Debug)]
struct Alone;

impl WriteLease for Alone {
    fn held_for(&self) -> Option<Holding> {
        Some(Holding::default())
    }
}

impl Scene {
    fn new() -> Self {
        let emulator = Emulator::new(Options::default(), fleet(&desired(pool(&["1", "2"]), vec![])));
        let client = wiring::emulated_client(&emulator, &medialive::Settings::default());
        let owner = OwnerId::new("test");
        Self {
            executor: Executor::new(client.clone(), Arc::new(Alone), owner.clone()),
            emulator,
            client,
            owner,
        }
    }

    fn observer(&self) -> Observer {
        Observer::new(self.client.clone(), 4, self.owner.clone())
    }

    /// Channel 1 as it is.
    async fn seen(&self) -> ObservedChannel {
        self.client.describe(&"1".into()).await.unwrap().observed()
    }

    /// What a plan says of channel 1 as it is, with one step.
    async fn planned(&self, action: Action) -> (ChannelPlan, Step) {
        let seen = self.seen().await;
        let slots = seen.groups.iter().map(|group| SlotPlan {
            output_group: group.name.clone(),
            target: group.target.clone().ok(),
            now: Content::Parked,
            then: Content::Parked,
            reason: None,
        });
        let step = Step {
            action,
            reason: Reason::UpdateSlots,
            interrupts: Vec::new(),
            expected: Duration::ZERO,
        };
        let plan = ChannelPlan {
            id: seen.id.clone(),
            pool: Some("main".into()),
            slots: slots.collect(),
            others: seen.others.clone(),
            seen: Some(Seen {
                arn: seen.arn,
                name: seen.name,
                class: seen.class,
                state: seen.state,
                owner: seen.owner,
                tags: seen.tags,
            }),
            adoption: Adoption::Adopt,
            steps: vec![step.clone()],
            follows: None,
            runs: false,
            waiting: None,
        };
        self.emulator.clear_calls();
        (plan, step)
    }

    async fn take(&self, action: Action) -> Result<ChannelOutcome, StepError> {
        let (plan, step) = self.planned(action).await;
        self.executor
            .take(&plan, &step, &Grounds::default(), &StepPermit::given_now())
            .await
    }

    /// The operations called since, in step_permit.
    fn calls(&self) -> Vec<String> {
        let calls = self.emulator.calls().into_iter();
        calls.map(|call| call.operation).collect()
    }

    fn tags(&self, id: &str) -> BTreeMap<String, String> {
        let channel = self
            .emulator
            .with_world(|world, _| world.channel(id).unwrap().describe());
        serde_json::from_value(channel["tags"].clone()).unwrap()
    }

    /// Writes a tag of a channel from outside.
    fn tag(&self, id: &str, key: &str, value: &str) {
        self.emulator.with_world(|world, now| {
            let arn = world.channel(id).unwrap().describe()["arn"].clone();
            let mut request = Request::new(Operation::CreateTags, arn.as_str().unwrap());
            request.body = json!({"tags": {key: value}});
            world.handle(&request, now).unwrap();
        });
    }

    fn run(&self, id: &str) {
        let set = |state| {
            self.emulator
                .with_world(|world, now| world.force_state(id, state, now))
        };
        assert!(set(State::Running));
    }

    /// A record of a slot of channel 1 that points at `target`.
    fn record(&self, group: &str, occupant: Recorded, target: &Target) -> SlotRecord {
        let output_group = OutputGroup::new(group);
        let slot = SlotId::new("1", group);
        let digest = TargetDigest::of(&self.owner, &slot, target);
        SlotRecord {
            output_group,
            tag: SlotTag { occupant, digest },
        }
    }

    /// The update that points the first slot at `a`, with its tag.
    fn update(&self, adopts: bool) -> Action {
        let declared = wanted("a");
        let seen_class = slotwise::testing::model::ChannelClass::SinglePipeline;
        let target = declared.target(seen_class, &Target::from(vec![])).unwrap();
        Action::Update {
            tags: vec![self.record(GROUP, Recorded::destination("a".into()), &target)],
            writes: vec![SlotWrite {
                output_group: GROUP.into(),
                target,
                content: Content::Destination("a".into()),
            }],
            adopts,
        }
    }
}

fn recording(outcome: &ChannelOutcome) -> &Recording {
    match outcome {
        ChannelOutcome::Accepted { recording, .. } => recording,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_first_records_occupant_and_owner_in_one_call() {
    let scene = Scene::new();
    let outcome = scene.take(scene.update(true)).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags", "UpdateChannel"]);
    assert_eq!(*recording(&outcome), Recording::Allowed);
    let seen = scene.seen().await;
    assert_eq!(seen.owner, Some(scene.owner.clone()));
    let occupant = seen.recorded(&scene.owner, &seen.groups[0]).unwrap().occupant;
    assert_eq!(occupant, Recorded::destination("a".into()));
    let ChannelOutcome::Accepted { channel, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(channel.observed().tags, seen.tags, "as the answer is remembered");
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_record_is_missing_is_not_done() {
    let scene = Scene::new();
    scene.take(scene.update(true)).await.unwrap();
    let done = scene.take(scene.update(true)).await.unwrap();
    assert!(matches!(done, ChannelOutcome::AlreadyDone { .. }), "{done:?}");
    tokio::time::sleep(Duration::from_mins(2)).await;
    scene.tag("1", &slot_tag_key(&GROUP.into()), "b 0000");
    scene.take(scene.update(true)).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags", "UpdateChannel"]);
    let seen = scene.seen().await;
    let occupant = seen.recorded(&scene.owner, &seen.groups[0]).unwrap().occupant;
    assert_eq!(occupant, Recorded::destination("a".into()));
}

#[tokio::test(start_paused = true)]
async fn tags_that_are_there_are_not_written_again() {
    let scene = Scene::new();
    let Action::Update { tags, .. } = scene.update(true) else {
        unreachable!()
    };
    scene.take(Action::Adopt { tags, takeover: None }).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags"]);
    scene.take(scene.update(false)).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "UpdateChannel"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_for_the_owner_tag_alone_is_enough_and_reported() {
    let denied = || Fault::new(FaultKind::AccessDenied).on(Operation::CreateTags);
    let scene = Scene::new();
    scene.emulator.inject(denied().times(1));
    let outcome = scene.take(scene.update(true)).await.unwrap();
    assert_eq!(
        scene.calls(),
        ["DescribeChannel", "CreateTags", "CreateTags", "UpdateChannel"]
    );
    let Recording::Denied { why } = recording(&outcome) else {
        panic!("{outcome:?}")
    };
    assert!(
        why.contains("medialive:CreateTags for slotwise.dev/slot/*"),
        "{why}"
    );
    assert_eq!(
        scene.tags("1"),
        BTreeMap::from([(OWNER_TAG.to_owned(), "test".to_owned())])
    );

    // Ours already: nothing but the slots' tags to be written, and nothing to be tried again.
    let scene = Scene::new();
    scene.tag("1", OWNER_TAG, "test");
    scene.emulator.inject(denied());
    let outcome = scene.take(scene.update(false)).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags", "UpdateChannel"]);
    assert!(matches!(recording(&outcome), Recording::Denied { .. }));

    // Not even the owner tag: nothing is updated.
    let scene = Scene::new();
    scene.emulator.inject(denied());
    let error = scene.take(scene.update(true)).await.unwrap_err();
    assert!(matches!(error, StepError::Act(_)), "{error}");
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags", "CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_writes_removes_and_is_done_once() {
    let scene = Scene::new();
    scene.tag("1", OWNER_TAG, "test");
    let left_over = slot_tag_key(&"Gone".into());
    scene.tag("1", &left_over, "a 1234");
    let parked = scene.seen().await.groups[0].target.clone().unwrap();
    let action = Action::Record {
        tags: vec![scene.record(GROUP, Recorded::Parked, &parked)],
        remove: vec![left_over.as_str().into()],
        takeover: None,
    };
    let outcome = scene.take(action.clone()).await.unwrap();
    assert_eq!(scene.calls(), ["DescribeChannel", "CreateTags", "DeleteTags"]);
    let tags = scene.tags("1");
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert!(tags[&slot_tag_key(&GROUP.into())].starts_with("- "));
    let ChannelOutcome::Accepted { channel, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(channel.observed().tags.count, 2);
    let again = scene.take(action).await.unwrap();
    assert!(matches!(again, ChannelOutcome::AlreadyDone(_)), "{again:?}");
    assert_eq!(scene.calls(), ["DescribeChannel"]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_cannot_be_removed_is_reported_and_no_failure() {
    let scene = Scene::new();
    scene.tag("1", OWNER_TAG, "test");
    let left_over = slot_tag_key(&"Gone".into());
    scene.tag("1", &left_over, "a 1234");
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::DeleteTags);
    scene.emulator.inject(denied);
    let action = Action::Record {
        tags: Vec::new(),
        remove: vec![left_over.as_str().into()],
        takeover: None,
    };
    let outcome = scene.take(action).await.unwrap();
    assert!(
        matches!(
            outcome,
            ChannelOutcome::Accepted {
                keeps_leftovers: true,
                recording: Recording::Allowed,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_is_stale_once_its_tag_has_changed() {
    let scene = Scene::new();
    scene.tag("1", OWNER_TAG, "test");
    let parked = scene.seen().await.groups[1].target.clone().unwrap();
    let key = slot_tag_key(&"RTMP-Slot-2".into());
    let says = |name: &str| {
        let record = scene.record("RTMP-Slot-2", Recorded::destination(name.into()), &parked);
        record.tag.to_string()
    };
    scene.tag("1", &key, &says("b"));
    let (plan, step) = scene.planned(Action::Start).await;
    let step_permit = StepPermit::given_now();
    let grounds = Grounds::default();
    let take = || scene.executor.take(&plan, &step, &grounds, &step_permit);

    // A foreign tag, and one that does not fit, say nothing of the slot.
    scene.tag("1", "team", "sport");
    scene.tag("1", &slot_tag_key(&GROUP.into()), "c 0000");
    scene.tag("1", &key, &says("c"));
    let outcome = take().await.unwrap();
    let ChannelOutcome::Stale { why, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(why, "what is recorded of output group RTMP-Slot-2 changed");

    scene.tag("1", &key, &says("b"));
    assert!(matches!(take().await.unwrap(), ChannelOutcome::Accepted { .. }));
}

/// Channels that were seen whole, in what state; and the channels that are on air elsewhere.
fn summary(view: &AccountView) -> (Vec<String>, Vec<String>) {
    let of = |(id, observation): (&ChannelId, &ChannelObservation)| match observation {
        ChannelObservation::Seen(channel) => format!("{id} {}", channel.state),
        ChannelObservation::Missing => format!("{id} missing"),
        ChannelObservation::Unreadable { .. } => format!("{id} unreadable"),
    };
    let elsewhere = view.elsewhere.iter().map(|(id, on)| format!("{id} {}", on.len()));
    (view.channels.iter().map(of).collect(), elsewhere.collect())
}

#[tokio::test(start_paused = true)]
async fn channels_in_no_pool_are_described_only_if_owned() {
    let scene = Scene::new();
    let mut observer = scene.observer();
    let wanted = [ChannelId::new("1")];
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(summary(&view), (vec!["1 IDLE".to_owned()], vec![]));

    scene.run("2");
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(
        summary(&view),
        (vec!["1 IDLE".to_owned()], vec!["2 3".to_owned()])
    );

    scene.tag("2", OWNER_TAG, "test");
    let both = (vec!["1 IDLE".to_owned(), "2 RUNNING".to_owned()], vec![]);
    scene.emulator.clear_calls();
    for _ in 0..3 {
        assert_eq!(summary(&observer.look(wanted.iter()).await.unwrap()), both);
    }
    assert_eq!(
        scene.calls(),
        ["ListChannels", "DescribeChannel", "ListChannels", "ListChannels"]
    );

    scene
        .emulator
        .with_world(|world, now| world.force_state("2", State::Idle, now));
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(summary(&view), (vec!["1 IDLE".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn streams_of_an_unreadable_channel_count_as_on_air() {
    let scene = Scene::new();
    scene.run("1");
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::DescribeChannel);
    scene.emulator.inject(denied);
    let view = scene.observer().look([ChannelId::new("1")].iter()).await.unwrap();
    assert_eq!(
        summary(&view),
        (vec!["1 unreadable".to_owned()], vec!["1 3".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_missing_in_a_list_counts_as_on_air_for_a_while() {
    let scene = Scene::new();
    scene.run("2");
    let mut observer = scene.observer();
    let wanted = [ChannelId::new("1")];
    let elsewhere = vec!["2 3".to_owned()];
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(summary(&view).1, elsewhere);
    scene.emulator.with_world(|world, _| world.remove_channel("2"));
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(summary(&view).1, elsewhere);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(summary(&view).1, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn tags_are_read_from_the_list_and_an_old_list_is_not_believed() {
    let scene = Scene::new();
    let mut observer = scene.observer();
    let wanted = [ChannelId::new("1")];
    observer.look(wanted.iter()).await.unwrap();
    let tags = |view: &AccountView| view.channels[&wanted[0]].seen().unwrap().tags.clone();

    // A tag written from outside is seen without a Describe.
    scene.tag("1", "team", "sport");
    scene.emulator.clear_calls();
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(
        (scene.calls(), tags(&view).count),
        (vec!["ListChannels".to_owned()], 1)
    );

    // What we write ourselves is known, and a list from before does not undo it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let Action::Update { tags: records, .. } = scene.update(true) else {
        unreachable!()
    };
    let outcome = scene
        .take(Action::Adopt {
            tags: records,
            takeover: None,
        })
        .await
        .unwrap();
    let ChannelOutcome::Accepted { channel, .. } = outcome else {
        panic!("{outcome:?}")
    };
    observer.remember(&channel);
    let stale = Fault::new(FaultKind::StaleList { seconds: 3.0 }).times(1);
    scene.emulator.inject(stale);
    let view = observer.look(wanted.iter()).await.unwrap();
    assert_eq!(tags(&view).count, 3);
    assert_eq!(tags(&view).slots.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_many_channels_takes_few_calls() {
    let ids: Vec<String> = (1..=150).map(|id| format!("{id}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let emulator = Emulator::new(Options::default(), fleet(&desired(pool(&ids), vec![])));
    let client = wiring::emulated_client(&emulator, &medialive::Settings::default());
    assert_eq!(client.list().await.unwrap().len(), 150);
    assert_eq!(
        emulator.calls().len(),
        2,
        "MediaLive gives 20 a page unless it is asked"
    );
}
