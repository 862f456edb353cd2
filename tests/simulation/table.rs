//! The DynamoDB table that the destinations of some pools live in, and what people do to it.
//!
//! ```text
//!   people ── put, delete, as a front end does ──► table ◄── wire: each process through its own tap
//!   mishaps ── emptied, throttled, denied, … ────────┘
//! ```
//!
//! The database is dynoxide, the same that the tests of tables have, asked without a socket. Items are read and written
//! by slotwise's own code and the SDK; nothing here knows how.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slotwise::testing::model::{Desired, Destination, DestinationName, PoolName, StreamKey, WantedState};
use tokio::time::Instant;

use super::items::{self, Item};
use super::mishaps::Trouble;

/// Its name.
pub(super) const NAME: &str = "live";

/// For how long a table must have held more than one wanted destination before it is emptied. One item may be deleted on
/// purpose, and a process that has not looked for a while does not know yet of a second one.
const FULL_FOR: Duration = Duration::from_hours(1);

/// Looks of a process that are remembered.
const LOOKS_KEPT: usize = 64;

/// How a world keeps its table.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The pools whose destinations are its items.
    pub(super) pools: BTreeSet<PoolName>,
    /// Whether items hold the stream keys, or name the files that do.
    pub(super) keys_inside: bool,
    /// Whether attributes have the names of a front end, or those of slotwise.
    pub(super) own_words: bool,
    /// Whether its items are those of two tenants, with equal numbers, whose names pass from one to the other.
    pub(super) two_tenants: bool,
    pub(super) poll: Duration,
    /// Items on a page of a scan.
    page: usize,
    seed: u64,
}

impl Plan {
    /// Draws one in a third of the worlds; nothing else of a world is drawn otherwise for it.
    pub(super) fn draw(seed: u64, desired: &Desired) -> Option<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::MAX - 1);
        if !random.random_bool(1.0 / 3.0) {
            return None;
        }
        let all: Vec<PoolName> = desired.pools.keys().cloned().collect();
        let one = all.choose(&mut random)?.clone();
        let pools = if random.random_bool(0.5) {
            all.into_iter().collect()
        } else {
            BTreeSet::from([one])
        };
        Some(Self {
            pools,
            keys_inside: random.random_bool(0.5),
            own_words: random.random_bool(0.5),
            poll: Duration::from_secs(random.random_range(240..1_500)),
            page: *[3, 5, 1_000].choose(&mut random)?,
            two_tenants: random.random_bool(0.5),
            seed,
        })
    }

    /// Records those of `desired` that live in it by their keys.
    pub(super) fn identify(&self, desired: &mut Desired) {
        let all = desired.destinations.values_mut();
        for (serial, one) in all.filter(|one| self.is_of_tenant(one)).enumerate() {
            Arc::make_mut(one).identity = items::identity(serial).into();
        }
    }

    /// Whether tags call it by a key that is not its name.
    pub(super) fn is_of_tenant(&self, one: &Destination) -> bool {
        self.two_tenants && self.holds(one)
    }

    pub(super) fn holds(&self, one: &Destination) -> bool {
        self.pools.contains(&one.pool)
    }
}

/// The table; its clones are the same.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) plan: Arc<Plan>,
    database: Database,
    state: Arc<Mutex<State>>,
}

struct State {
    /// What people have written, by name.
    written: BTreeMap<String, Item>,
    /// Since when how many of them are wanted.
    wanted: VecDeque<(Instant, usize)>,
    /// What was in it when it was emptied, until it is restored.
    aside: Option<Vec<Value>>,
    /// When it was restored last.
    restored: Option<Instant>,
    /// Whether it is emptied as soon as a process has read a part of it.
    is_emptied_amid_scan: bool,
    /// When its stream is switched off again, where it is on.
    stream_until: Option<Instant>,
    troubles: Vec<Trouble>,
    /// Decides which process a trouble hits.
    random: ChaCha8Rng,
    /// What the process in each seat knows.
    looks: BTreeMap<char, Looks>,
    /// Calls that slotwise made, by operation.
    calls: BTreeMap<String, usize>,
}

/// What a process knows of the table.
#[derive(Default)]
struct Looks {
    /// Scans that it believed: when they began and when they had ended.
    believed: VecDeque<(Instant, Instant)>,
    /// Keys of the items of the last one of them.
    keys: Option<BTreeSet<String>>,
    /// Whether the look under way has a scan that lacks some of them, which the next one has to confirm.
    is_unconfirmed: bool,
}

impl Table {
    pub(super) fn new(plan: Plan) -> Self {
        let random = ChaCha8Rng::seed_from_u64(!plan.seed);
        let table = Self {
            plan: Arc::new(plan),
            database: Database::memory().unwrap(),
            state: Arc::new(Mutex::new(State {
                written: BTreeMap::new(),
                wanted: VecDeque::new(),
                aside: None,
                restored: None,
                is_emptied_amid_scan: false,
                stream_until: None,
                troubles: Vec::new(),
                random,
                looks: BTreeMap::new(),
                calls: BTreeMap::new(),
            })),
        };
        let key = items::key(&table.plan).iter();
        let types = key
            .clone()
            .map(|part| json!({"AttributeName": part, "AttributeType": "S"}));
        let schema = key
            .zip(["HASH", "RANGE"])
            .map(|(part, kind)| json!({"AttributeName": part, "KeyType": kind}));
        table.ask(
            "CreateTable",
            &json!({
                "TableName": NAME,
                "AttributeDefinitions": types.collect::<Vec<_>>(),
                "KeySchema": schema.collect::<Vec<_>>(),
                "BillingMode": "PAY_PER_REQUEST",
            }),
        );
        table
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Has the items say what `desired` says. A table that was emptied is restored first.
    pub(super) fn write(&self, desired: &Desired) {
        self.restore();
        let mine = desired.destinations.values().filter(|one| self.plan.holds(one));
        let items: BTreeMap<String, Item> = mine
            .map(|one| (one.name.to_string(), items::item(&self.plan, one)))
            .collect();
        let before = std::mem::replace(&mut self.state().written, items.clone());
        for (name, item) in &items {
            if before.get(name) != Some(item) {
                self.put(item);
            }
        }
        let keys: Vec<Value> = items.values().map(|item| self.key_in(item)).collect();
        let gone = before.values().map(|item| self.key_in(item));
        for key in gone.filter(|key| !keys.contains(key)) {
            self.ask("DeleteItem", &json!({"TableName": NAME, "Key": key}));
        }
        let wanted = desired
            .destinations
            .values()
            .filter(|one| self.plan.holds(one) && one.state == WantedState::Streaming);
        let wanted = wanted.count();
        self.state().wanted.push_back((Instant::now(), wanted));
    }

    /// Writes what people write of an item; what slotwise has written there stays.
    fn put(&self, item: &Item) {
        let mut whole = item.clone();
        let there = self.item(&self.key_in(item)).unwrap_or_default();
        whole.extend(
            there
                .into_iter()
                .filter(|(attribute, _)| items::is_status(&self.plan, attribute)),
        );
        self.ask("PutItem", &json!({"TableName": NAME, "Item": whole}));
    }

    /// Whether `name` is its only destination.
    pub(super) fn is_last(&self, name: &DestinationName) -> bool {
        let state = self.state();
        state.written.len() == 1 && state.written.contains_key(name.as_str())
    }

    fn key_in(&self, item: &Item) -> Value {
        items::key_in(&self.plan, &json!(item))
    }

    /// The key of the item of `one`.
    pub(super) fn key_of(&self, one: &Destination) -> Value {
        self.key_in(&items::item(&self.plan, one))
    }

    /// The whole item of this key.
    pub(super) fn item(&self, key: &Value) -> Option<Item> {
        let answer = self.ask("GetItem", &json!({"TableName": NAME, "Key": key}));
        serde_json::from_value(answer.get("Item")?.clone()).ok()
    }

    /// What people have written into the item `name`.
    pub(super) fn written(&self, name: &str) -> Option<Item> {
        self.state().written.get(name).cloned()
    }

    /// Names of all items that are there.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let all = self.all();
        let names = all.iter().map(|item| items::name_in(&self.plan, item));
        names.map(str::to_owned).collect()
    }

    /// Keys of all items that are there.
    fn keys(&self) -> BTreeSet<String> {
        let all = self.all();
        let keys = all.iter().map(|item| items::key_in(&self.plan, item));
        keys.map(|key| key.to_string()).collect()
    }

    fn all(&self) -> Vec<Value> {
        let answer = self.ask("Scan", &json!({"TableName": NAME, "ConsistentRead": true}));
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    /// Removes every item, if there have been enough of them for long enough that it cannot be meant: at once, or when a
    /// process has read a part of them.
    pub(super) fn empty(&self, amid_scan: bool) -> bool {
        let is_full = {
            let state = self.state();
            let begun = Instant::now().checked_sub(FULL_FOR);
            let last = |at: &Instant| begun.is_none_or(|begun| *at <= begun);
            let since = state.wanted.iter().rposition(|(at, _)| last(at)).unwrap_or(0);
            state.aside.is_none() && state.wanted.iter().skip(since).all(|(_, wanted)| *wanted > 1)
        };
        if is_full && amid_scan {
            self.state().is_emptied_amid_scan = true;
        } else if is_full {
            self.take_all();
        }
        is_full
    }

    fn take_all(&self) {
        let all = self.all();
        for item in &all {
            let key = items::key_in(&self.plan, item);
            self.ask("DeleteItem", &json!({"TableName": NAME, "Key": key}));
        }
        self.state().aside = Some(all);
    }

    /// Puts back what was there before it was emptied.
    fn restore(&self) {
        self.state().is_emptied_amid_scan = false;
        let Some(aside) = self.state().aside.take() else {
            return;
        };
        for item in aside {
            self.ask("PutItem", &json!({"TableName": NAME, "Item": item}));
        }
        self.state().restored = Some(Instant::now());
    }

    /// Switches its stream on for a while.
    pub(super) fn stream_for(&self, time: Duration) {
        self.stream(true);
        self.state().stream_until = Some(Instant::now() + time);
    }

    fn stream(&self, on: bool) {
        let stream = if on {
            json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        } else {
            json!({"StreamEnabled": false})
        };
        let request = json!({"TableName": NAME, "StreamSpecification": stream});
        // What is no change is refused as such.
        drop(self.answer("UpdateTable", &request));
    }

    pub(super) fn afflict(&self, trouble: Trouble) {
        self.state().troubles.push(trouble);
    }

    /// Everything that went wrong is right again.
    pub(super) fn recover(&self) {
        self.state().troubles.clear();
        self.restore();
        self.stream(false);
    }

    /// What becomes of a call of slotwise.
    pub(super) fn trouble(&self, operation: &str, body: &Value) -> Option<Trouble> {
        let mut state = self.state();
        let now = Instant::now();
        state.troubles.retain(|trouble| now < trouble.until);
        let hit = state
            .troubles
            .iter()
            .find(|trouble| trouble.is_about(operation, body))?
            .clone();
        state.random.random_bool(hit.rate).then_some(hit)
    }

    /// Answers slotwise, a page at a time.
    pub(super) fn answer_slotwise(&self, operation: &str, mut body: Value) -> Result<Value, DynoxideError> {
        if operation == "Scan" {
            body["Limit"] = json!(self.plan.page);
            let goes_on = body.get("ExclusiveStartKey").is_some();
            if goes_on && std::mem::take(&mut self.state().is_emptied_amid_scan) {
                self.take_all();
            }
        }
        self.answer(operation, &body)
    }

    pub(super) fn count(&self, operation: &str) {
        let is_over = {
            let mut state = self.state();
            *state.calls.entry(operation.to_owned()).or_default() += 1;
            state
                .stream_until
                .take_if(|until| *until <= Instant::now())
                .is_some()
        };
        if is_over {
            self.stream(false);
        }
    }

    /// Calls of slotwise so far, by operation.
    pub(super) fn calls(&self) -> BTreeMap<String, usize> {
        self.state().calls.clone()
    }

    /// Another process sits in `seat`, which has not looked yet.
    pub(super) fn seat(&self, seat: char) {
        self.state().looks.insert(seat, Looks::default());
    }

    /// The process in `seat` begins another look, as the one before has failed.
    pub(super) fn looks_afresh(&self, seat: char) {
        self.state().looks.entry(seat).or_default().is_unconfirmed = false;
    }

    /// The process in `seat` has seen the whole table as it was at `begun`. No process believes an emptied one, nor one that
    /// lacks an item before another scan has shown the same.
    pub(super) fn looked(&self, seat: char, begun: Instant) {
        let keys = self.keys();
        let mut state = self.state();
        let was_emptied = state.aside.is_some() || state.restored.is_some_and(|restored| begun <= restored);
        let looks = state.looks.entry(seat).or_default();
        if was_emptied {
            looks.is_unconfirmed = false;
            return;
        }
        let lacks_some = looks.keys.as_ref().is_none_or(|known| !keys.is_superset(known));
        if lacks_some && !looks.is_unconfirmed {
            looks.is_unconfirmed = true;
            return;
        }
        looks.is_unconfirmed = false;
        looks.keys = Some(keys);
        looks.believed.push_back((begun, Instant::now()));
        if looks.believed.len() > LOOKS_KEPT {
            looks.believed.pop_front();
        }
    }

    /// Whether it was empty at some time since `moment`.
    pub(super) fn was_empty_since(&self, moment: Instant) -> bool {
        let state = self.state();
        state.aside.is_some() || state.restored.is_some_and(|restored| restored >= moment)
    }

    /// From when the items are that the process in `seat`, or else in any seat, has known at `moment`.
    pub(super) fn known_from(&self, seat: Option<char>, moment: Instant) -> Instant {
        let state = self.state();
        let of = |looks: &Looks| {
            let before = looks.believed.iter().rfind(|(_, ended)| *ended <= moment);
            before.map(|(begun, _)| *begun)
        };
        let mine = state
            .looks
            .iter()
            .filter(|(letter, _)| seat.is_none_or(|seat| seat == **letter));
        mine.filter_map(|(_, looks)| of(looks)).min().unwrap_or(moment)
    }

    /// The answer to what is always answered.
    fn ask(&self, operation: &str, body: &Value) -> Value {
        self.answer(operation, body)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn answer(&self, operation: &str, body: &Value) -> Result<Value, DynoxideError> {
        let database = &self.database;
        match operation {
            "CreateTable" => run(body, |request| database.create_table(request)),
            "UpdateTable" => run(body, |request| database.update_table(request)),
            "DescribeTable" => run(body, |request| database.describe_table(request)),
            "Scan" => run(body, |request| database.scan(request)),
            "GetItem" => run(body, |request| database.get_item(request)),
            "PutItem" => run(body, |request| database.put_item(request)),
            "UpdateItem" => run(body, |request| database.update_item(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "DescribeStream" => run(body, |request| database.describe_stream(request)),
            "GetShardIterator" => run(body, |request| database.get_shard_iterator(request)),
            "GetRecords" => run(body, |request| database.get_records(request)),
            other => panic!("{other} is never called"),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &Value,
    call: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let request = Q::deserialize(body).unwrap();
    call(request).map(|answer| serde_json::to_value(answer).unwrap())
}

/// The key file of a destination that lives in the table, unless the item holds the key.
pub(super) fn key_file(plan: &Plan, one: &Destination) -> Option<String> {
    let inside = plan.keys_inside && matches!(one.key, StreamKey::Known(_));
    (!inside).then(|| format!("keys/{}", one.name))
}
