//! What holds whatever is called, in whatever order, at whatever time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ROLE, at, creation, world};
use crate::emulator::channel::State;
use crate::emulator::request::{Operation, Query, Request, TransitionOutcome, Twist};
use crate::emulator::world::{Document, World};

const CALLS: [Operation; 9] = [
    Operation::CreateChannel,
    Operation::UpdateChannel,
    Operation::UpdateChannelClass,
    Operation::StartChannel,
    Operation::StopChannel,
    Operation::DeleteChannel,
    Operation::RestartChannelPipelines,
    Operation::DeleteInput,
    Operation::BatchStop,
];

/// One call: what, which of the ids there are, which body, how long after the one before, how it ends
type Step = (usize, usize, usize, u64, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        (0..CALLS.len(), 0..6_usize, 0..4_usize, 0..200_u64, 0..8_u8),
        1..60,
    )
}

fn request(world: &mut World, step: Step) -> Request {
    let (operation, which, body, _, ends) = step;
    let operation = CALLS[operation];
    let id = match operation {
        Operation::DeleteInput => world.inputs().keys().nth(which % world.inputs().len()).cloned(),
        _ => world
            .channels()
            .keys()
            .nth(which % world.channels().len())
            .cloned(),
    };
    let id = id.unwrap_or_default();
    let input = format!("7{}", which % 3);
    let content = match (operation, body) {
        (Operation::CreateChannel, _) => creation(world, &input),
        (Operation::UpdateChannelClass, _) => json!({"channelClass": "SINGLE_PIPELINE"}),
        (Operation::BatchStop, _) => json!({"channelIds": [id]}),
        (_, 0) => json!({"name": format!("name-{which}"), "roleArn": ROLE}),
        (_, 1) => json!({"name": "no role"}),
        (_, 2) => json!({"inputAttachments": [{"inputId": input}], "roleArn": ROLE}),
        _ => json!({"destinations": []}),
    };
    let outcome = match ends {
        0 => TransitionOutcome::Fails,
        1 => TransitionOutcome::Stuck,
        _ => TransitionOutcome::Normal,
    };
    let mut request = Request::new(operation, id).with_body(content);
    request.twist = Twist {
        outcome,
        ..Twist::default()
    };
    request
}

fn look(world: &World) -> BTreeMap<String, (State, Document)> {
    world
        .channels()
        .iter()
        .map(|(id, channel)| (id.clone(), (channel.state(), channel.document().clone())))
        .collect()
}

fn is_stopped(state: State) -> bool {
    matches!(state, State::Idle | State::UpdateFailed)
}

/// Each live channel names only inputs that are attached to it
fn inputs_belong(world: &World) {
    for (id, channel) in world.channels() {
        if channel.state() == State::Deleted {
            continue;
        }
        for attachment in channel.document()["inputAttachments"].as_array().unwrap() {
            let input = &world.inputs()[attachment["inputId"].as_str().unwrap()];
            assert_eq!(input.attached_to(), Some(id.as_str()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn configuration_changes_only_while_stopped_and_tombstones_stay(steps in steps()) {
        let mut world = world();
        let mut now = 0;
        for step in steps {
            let before = look(&world);
            now += step.3;
            world.advance(at(now));
            let due = look(&world);
            for (id, (state, doc)) in &before {
                let rolled_back = *state == State::Updating;
                prop_assert!(rolled_back || due[id].1 == *doc, "time alone changed channel {} in {:?}", id, state);
                prop_assert!(*state != State::Deleted || due[id].0 == State::Deleted);
            }
            let request = request(&mut world, step);
            let answer = world.handle(&request, at(now));
            for (id, (state, doc)) in look(&world) {
                let Some((was, old)) = due.get(&id) else { continue };
                let changed = *old != doc;
                prop_assert!(!changed || (is_stopped(*was) && request.id == id && answer.is_ok()));
                prop_assert!(*was != State::Deleted || state == State::Deleted);
            }
            inputs_belong(&world);
        }
    }

    #[test]
    fn the_same_calls_at_the_same_times_give_the_same_world(steps in steps()) {
        let (mut one, mut other) = (world(), world());
        let mut now = 0;
        for step in steps {
            now += step.3;
            let request = request(&mut one, step);
            request_for_inputs(&mut other, step);
            prop_assert_eq!(one.handle(&request, at(now)), other.handle(&request, at(now)));
        }
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
    }

    #[test]
    fn no_body_makes_the_emulator_panic_or_forget_what_it_has(
        calls in prop::collection::vec((any::<prop::sample::Index>(), id(), json(), query()), 1..20),
    ) {
        let mut world = world();
        let all: Vec<Operation> = Operation::all().collect();
        for (now, (operation, id, body, query)) in calls.into_iter().enumerate() {
            let request = Request {
                operation: *operation.get(&all),
                id,
                query,
                body,
                twist: Twist::default(),
            };
            let answer = world.handle(&request, at(now as u64 * 50));
            if let Err(error) = answer {
                prop_assert!(!error.message.is_empty());
            }
            prop_assert!(world.channel("1").is_some() && world.channel("2").is_some());
            for channel in world.channels().values() {
                channel.describe();
                channel.summary();
            }
        }
    }
}

/// `request` admits inputs on the side; the second world needs the same ones
fn request_for_inputs(world: &mut World, step: Step) {
    request(world, step);
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("1".to_owned()),
        1 => Just("2".to_owned()),
        1 => Just("6000001".to_owned()),
        1 => Just("arn:aws:medialive:us-east-1:111122223333:channel:1".to_owned()),
        1 => ".{0,8}",
    ]
}

fn query() -> impl Strategy<Value = Query> {
    (
        prop::option::of(".{0,4}"),
        prop::option::of(".{0,8}"),
        prop::collection::vec(".{0,4}", 0..2),
    )
        .prop_map(|(max_results, next_token, tag_keys)| Query {
            max_results,
            next_token,
            tag_keys,
            ..Query::default()
        })
}

/// Names that the checks look for, so that random bodies get past the first of them
const KEYS: [&str; 37] = [
    "configuration",
    "standard",
    "public",
    "protocolConfiguration",
    "rtmpPush",
    "filters",
    "clientToken",
    "destinations",
    "id",
    "settings",
    "url",
    "streamName",
    "mediaPackageSettings",
    "encoderSettings",
    "outputGroups",
    "outputs",
    "outputGroupSettings",
    "rtmpGroupSettings",
    "outputSettings",
    "rtmpOutputSettings",
    "destination",
    "destinationRefId",
    "videoDescriptions",
    "audioDescriptions",
    "name",
    "inputAttachments",
    "inputId",
    "channelClass",
    "tags",
    "creates",
    "scheduleActions",
    "actionName",
    "scheduleActionSettings",
    "inputSwitchSettings",
    "deletes",
    "actionNames",
    "channelIds",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!("slot-1")),
        Just(json!("SINGLE_PIPELINE")),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..6).prop_map(|entries| {
                Value::Object(
                    entries
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}
