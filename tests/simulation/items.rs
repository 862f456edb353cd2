//! The items of a table, as a front end writes them, and what slotwise says in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use slotwise::testing::controller::View;
use slotwise::testing::emulator::World;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::model::{Desired, Destination, StreamKey, WantedState};

use super::ground::{Ground, Occupant};
use super::table::{NAME, Plan, Table, key_file};

/// The attributes of an item, as the JSON of DynamoDB has them.
pub(super) type Item = BTreeMap<String, Value>;

/// Where a front end has the parts of a status: field and attribute.
const PARTS: [(&str, &str); 7] = [
    ("phase", "shown"),
    ("reason", "reason"),
    ("message", "why"),
    ("channel", "onChannel"),
    ("slot", "inSlot"),
    ("since", "since"),
    ("observedGeneration", "seen"),
];

/// The YAML that declares the table.
pub(super) fn declaration(plan: &Plan) -> String {
    let mut text = format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: {{ name: front-end }}\nspec:\n  table: {NAME}\n  poll: {}s\n  localKeys: true\n",
        plan.poll.as_secs()
    );
    if plan.own_words {
        let parts: Vec<String> = PARTS
            .iter()
            .map(|(field, attribute)| format!("{field}: {attribute}"))
            .collect();
        let _written = write!(
            text,
            "  attributes:\n    name: {{ attribute: id }}\n    state: {{ attribute: wanted, streaming: [true], ready: [false] }}\n    \
             pool: pool\n    url: url\n    backupUrl: backupUrl\n    streamKey: streamKey\n    streamKeyFrom: {{ file: keyFile }}\n    \
             group: group\n    priority: priority\n    interruptible: interruptible\n    slot: slot\n    paused: paused\n  \
             status:\n    attributes: {{ {} }}\n    phases: {{ Streaming: live }}\n",
            parts.join(", ")
        );
    }
    text
}

/// The attribute with the name.
fn name(plan: &Plan) -> &'static str {
    if plan.own_words { "id" } else { "name" }
}

/// The attributes by which items are found: tenant and number, or the name.
pub(super) fn key(plan: &Plan) -> &'static [&'static str] {
    match (plan.two_tenants, plan.own_words) {
        (true, _) => &["tenant", "number"],
        (false, true) => &["id"],
        (false, false) => &["name"],
    }
}

/// The key of an item.
pub(super) fn key_in(plan: &Plan, item: &Value) -> Value {
    let parts = key(plan)
        .iter()
        .map(|part| ((*part).to_owned(), item[part].clone()));
    Value::Object(parts.collect())
}

/// What people call an item.
pub(super) fn name_in<'a>(plan: &Plan, item: &'a Value) -> &'a str {
    item[name(plan)]["S"].as_str().unwrap_or_default()
}

/// The identity of the item that is made at `serial`: the two tenants count alike.
pub(super) fn identity(serial: usize) -> String {
    format!("{}-{}", ["acme", "zenith"][serial % 2], serial / 2)
}

/// Whether slotwise writes `attribute`.
pub(super) fn is_status(plan: &Plan, attribute: &str) -> bool {
    if plan.own_words {
        PARTS.iter().any(|(_, own)| *own == attribute)
    } else {
        attribute == "status"
    }
}

/// What people write of `one`, and something that is only theirs.
pub(super) fn item(plan: &Plan, one: &Destination) -> Item {
    let text = |text: &str| json!({"S": text});
    let mut item = Item::from([
        (name(plan).to_owned(), text(one.name.as_str())),
        ("pool".to_owned(), text(one.pool.as_str())),
        ("url".to_owned(), text(&one.url)),
        ("priority".to_owned(), json!({"N": one.priority.to_string()})),
        ("interruptible".to_owned(), json!({"BOOL": one.interruptible})),
        ("note".to_owned(), text("for people")),
    ]);
    let is_wanted = one.state == WantedState::Streaming;
    let mut add = |attribute: &str, value| drop(item.insert(attribute.to_owned(), value));
    if plan.two_tenants {
        let (tenant, number) = one.identity.as_str().split_once('-').unwrap();
        add("tenant", text(tenant));
        add("number", text(number));
    }
    match (plan.own_words, is_wanted) {
        (true, _) => add("wanted", json!({"BOOL": is_wanted})),
        (false, true) => add("state", text("Streaming")),
        (false, false) => add("state", text("Ready")),
    }
    match (key_file(plan, one), &one.key) {
        (Some(file), _) if plan.own_words => add("keyFile", text(&file)),
        (Some(file), _) => add("streamKeyFrom", json!({"M": {"file": text(&file)}})),
        (None, StreamKey::Known(key)) => add("streamKey", text(key.reveal())),
        (None, StreamKey::Unavailable { .. }) => {}
    }
    if let Some(url) = &one.backup_url {
        add("backupUrl", text(url));
    }
    if let Some(group) = &one.group {
        add("group", text(group.as_str()));
    }
    if let Some(pin) = &one.pin {
        let (channel, group) = (text(pin.channel.as_str()), text(pin.output_group.as_str()));
        add("slot", json!({"M": {"channel": channel, "outputGroup": group}}));
    }
    if let Some(pause) = &one.paused {
        let mut fields = serde_json::Map::from_iter([("by".to_owned(), text("ana"))]);
        fields.extend(
            pause
                .until
                .map(|until| ("until".to_owned(), text(&until.to_string()))),
        );
        add("paused", json!({"M": fields}));
    }
    item
}

/// What slotwise says in `field` of an item.
fn said<'a>(plan: &Plan, item: &'a Item, field: &str) -> Option<&'a str> {
    let value = if plan.own_words {
        let (_, attribute) = PARTS.iter().find(|(name, _)| *name == field)?;
        item.get(*attribute)?
    } else {
        item.get("status")?.get("M")?.get(field)?
    };
    value["S"].as_str()
}

/// What the items of `table` say and is not true, once everything is at rest.
pub(super) fn untrue(
    table: &Table,
    world: &World,
    declared: &Desired,
    wall: Timestamp,
    view: &View,
) -> Option<String> {
    let mine = declared.destinations.values().filter(|one| table.plan.holds(one));
    let names = mine.clone().map(|one| one.name.to_string());
    let (there, names) = (table.names(), names.collect());
    if there != names {
        return Some(format!(
            "the table holds {there:?}, and people have written {names:?}"
        ));
    }
    mine.clone().find_map(|one| {
        let item = table.item(&table.key_of(one))?;
        let lie = untrue_item(&table.plan, &item, &places(world, declared, wall, one), one)
            .or_else(|| unlike(&table.plan, &item, view, one))
            .or_else(|| touched(table, &item, one));
        lie.map(|what| format!("the item of {}: {what}", one.name))
    })
}

/// What an item says and the world does not bear out, where `one` is on air at `places`.
fn untrue_item(plan: &Plan, item: &Item, places: &[(String, String)], one: &Destination) -> Option<String> {
    let shown = said(plan, item, "phase").unwrap_or("nothing");
    let phase = if shown == "live" { "Streaming" } else { shown };
    let is_wanted = one.state == WantedState::Streaming;
    let expected: &[&str] = match (places.is_empty(), is_wanted, one.paused.is_some()) {
        (false, true, _) | (false, _, true) => &["Streaming"],
        (false, false, false) => &["Stopping"],
        (true, true, _) => &["Pending", "Error"],
        (true, false, _) => &["Ready"],
    };
    if !expected.contains(&phase) {
        return Some(format!("it says {phase}, and {expected:?} is true"));
    }
    let stated = (said(plan, item, "channel"), said(plan, item, "slot"));
    let is_there =
        |(channel, slot): &(String, String)| stated == (Some(channel.as_str()), Some(slot.as_str()));
    let is_true = places.is_empty() || places.iter().any(is_there);
    (!is_true).then(|| format!("it says {stated:?}, and it is on air in {places:?}"))
}

/// What users have written and is missing now.
fn touched(table: &Table, item: &Item, one: &Destination) -> Option<String> {
    let mut theirs = item.clone();
    theirs.retain(|attribute, _| !is_status(&table.plan, attribute));
    let is_same = table
        .written(one.name.as_str())
        .is_some_and(|written| written == theirs);
    (!is_same).then(|| "it is not what people have written".to_owned())
}

/// Where it is on air, on channels of any owner: channel and slot. Of a target and its copies the status names one.
fn places(world: &World, declared: &Desired, wall: Timestamp, one: &Destination) -> Vec<(String, String)> {
    let ground = Ground::read(world, declared, wall);
    let running = ground.places.iter().filter(|place| place.is_in(State::Running));
    let slots = running.flat_map(|place| place.slots.iter().map(move |slot| (place.id, slot)));
    slots
        .filter(|(_, slot)| matches!(slot.is, Occupant::Of(is, _) if is.name == one.name))
        .map(|(id, slot)| (id.to_owned(), slot.group.clone()))
        .collect()
}

/// Where an item differs from the status that the same process shows.
fn unlike(plan: &Plan, item: &Item, view: &View, one: &Destination) -> Option<String> {
    let shown = view.status.destination(one.name.as_str())?;
    let said = (said(plan, item, "reason"), said(plan, item, "message"));
    let is_same = said == (Some(shown.reason), Some(&*shown.message));
    (!is_same).then(|| format!("it says {said:?}, and the status {:?}", shown.message))
}
