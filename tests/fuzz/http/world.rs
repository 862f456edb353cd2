//! What must hold of the world behind the surface.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{Emulator, World};

use super::Answer;

/// The world at one moment.
pub(super) struct Look {
    world: World,
    /// All of it that no refusal may change.
    kept: Kept,
    /// Whether something may befall channels at any look.
    has_events: bool,
}

/// What a refusal leaves as it was, as text: neither the dice, nor how often faults have struck.
#[derive(Deserialize)]
struct Kept {
    channels: Box<RawValue>,
    inputs: Box<RawValue>,
    groups: Box<RawValue>,
    requests: Box<RawValue>,
    router: Router,
}

/// Without its dice.
#[derive(Deserialize)]
struct Router {
    resources: Box<RawValue>,
    tokens: Box<RawValue>,
}

impl Kept {
    fn parts(&self) -> [&str; 6] {
        [
            &self.channels,
            &self.inputs,
            &self.groups,
            &self.requests,
            &self.router.resources,
            &self.router.tokens,
        ]
        .map(|part| part.get())
    }
}

impl Look {
    /// Looks now.
    pub(super) fn at(emulator: &Emulator) -> Self {
        let (world, has_events) = emulator.with_world(|world, _| {
            let has_events = world.faults().list().any(|(fault, _)| fault.is_event());
            (world.clone(), has_events)
        });
        let text = serde_json::to_string(&world).unwrap();
        Self {
            world,
            kept: serde_json::from_str(&text).unwrap(),
            has_events,
        }
    }

    /// What `answer` says has happened since `before`, and no time has passed.
    pub(super) fn check_since(&self, before: &Self, answer: &Answer) {
        if self.has_events || before.has_events {
            return;
        }
        let is_same = self.kept.parts() == before.kept.parts();
        assert!(
            is_same || !answer.is_refusal(),
            "a refusal changed the world: {}",
            answer.text
        );
        for (id, channel) in self.world.channels() {
            let Some(old) = before.world.channel(id) else {
                continue;
            };
            if matches!(old.state(), State::Idle | State::UpdateFailed) {
                continue;
            }
            for part in [
                "destinations",
                "encoderSettings",
                "inputAttachments",
                "roleArn",
                "name",
                "channelClass",
            ] {
                let same = old.document().get(part) == channel.document().get(part);
                assert!(same, "{part} of {id} changed in {:?}", old.state());
            }
        }
    }

    /// Inputs and channels agree on their attachments.
    pub(super) fn check_alone(&self) {
        for (id, channel) in self.world.channels() {
            let attachments = channel
                .document()
                .get("inputAttachments")
                .and_then(Value::as_array);
            let gone = channel.state() == State::Deleted;
            for attachment in attachments.into_iter().flatten().filter(|_| !gone) {
                let Some(input) = attachment["inputId"].as_str() else {
                    continue;
                };
                let owner = self
                    .world
                    .inputs()
                    .get(input)
                    .and_then(|input| input.attached_to());
                assert_eq!(owner, Some(id.as_str()), "input {input} of channel {id}");
            }
        }
    }
}

/// A world is the same after it has been a state file.
pub(super) fn check_kept(emulator: &Emulator) {
    let text = emulator.with_world(|world, _| serde_json::to_string(world).unwrap());
    let world: World =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("the state file is not read: {error}"));
    assert!(
        serde_json::to_string(&world).unwrap() == text,
        "the state file is read as another world"
    );
}
