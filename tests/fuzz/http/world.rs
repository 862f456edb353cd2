//! What must hold of the world behind the door.

use serde_json::Value;
use slotwise::emulator::channel::State;
use slotwise::emulator::{Emulator, World};

use super::Answer;

/// The world at one moment.
pub(super) struct Look {
    world: World,
    /// All of it that no refusal may change: not the dice, and not how often faults have struck.
    value: Value,
    /// Whether something may befall channels at any look.
    has_events: bool,
}

impl Look {
    /// Looks now.
    pub(super) fn at(emulator: &Emulator) -> Self {
        let (world, has_events) = emulator.with_world(|world, _| {
            let has_events = world.faults().list().any(|(fault, _)| fault.is_event());
            (world.clone(), has_events)
        });
        let mut value = serde_json::to_value(&world).unwrap();
        if let Value::Object(parts) = &mut value {
            parts.retain(|part, _| !matches!(part.as_str(), "dice" | "faults" | "nextId"));
        }
        Self {
            world,
            value,
            has_events,
        }
    }

    /// What `answer` says has happened since `before`, and no time has passed.
    pub(super) fn check_since(&self, before: &Self, answer: &Answer) {
        if self.has_events || before.has_events {
            return;
        }
        let is_same = self.value == before.value;
        assert!(is_same || !answer.is_refusal(), "a refusal changed the world: {}", answer.text);
        for (id, channel) in self.world.channels() {
            let Some(old) = before.world.channel(id) else { continue };
            if matches!(old.state(), State::Idle | State::UpdateFailed) {
                continue;
            }
            for part in ["destinations", "encoderSettings", "inputAttachments", "roleArn", "name", "channelClass"] {
                let same = old.document().get(part) == channel.document().get(part);
                assert!(same, "{part} of {id} changed in {:?}", old.state());
            }
        }
    }

    /// Inputs and channels agree on who is attached to whom.
    pub(super) fn check_alone(&self) {
        for (id, channel) in self.world.channels() {
            let attachments = channel.document().get("inputAttachments").and_then(Value::as_array);
            let gone = channel.state() == State::Deleted;
            for attachment in attachments.into_iter().flatten().filter(|_| !gone) {
                let Some(input) = attachment["inputId"].as_str() else { continue };
                let owner = self.world.inputs().get(input).and_then(|input| input.attached_to());
                assert_eq!(owner, Some(id.as_str()), "input {input} of channel {id}");
            }
            channel.describe();
            channel.summary();
        }
    }
}

/// A world is the same after it has been a state file.
pub(super) fn check_kept(emulator: &Emulator) {
    let text = emulator.with_world(|world, _| serde_json::to_string(world).unwrap());
    let world: World = serde_json::from_str(&text).unwrap_or_else(|error| panic!("the state file is not read: {error}"));
    assert!(serde_json::to_string(&world).unwrap() == text, "the state file is read as another world");
}
