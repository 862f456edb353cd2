//! Lives of a pool with a channel in front, which others start and stop as well, and whose input others take.
//!
//! Safety: channel and input stop only if slotwise started them, not under a wanted or paused destination, nor under a running
//! output of anybody; they start and stop in order. Liveness: what slotwise started is stopped in the end where nothing is fed.

use super::{
    CALM, DISTURBED, Desired, Duration, INPUT, Instant, Life, NAMES, Op, Operation, Request, ResourceKind,
    Rng, Stage, Value, WantedState, json,
};

pub(super) const CHANNEL: &str = "4000009";

/// How long after work by hand a state may be its doing: a call of slotwise's may be on its way.
const BY_HAND: Duration = Duration::from_secs(30);

/// Channel and input at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Front {
    channel: String,
    input: String,
    /// Whether slotwise started them, by their tags.
    channel_is_ours: bool,
    input_is_ours: bool,
    /// Outputs that take the input and are not stopped.
    takers: Vec<String>,
}

/// What feeds the pool of a life that has a source.
#[derive(Debug)]
pub(super) struct InFront {
    before: Option<Front>,
    /// When it was last worked on by hand, or failed.
    by_hand: Option<Instant>,
}

impl InFront {
    pub(super) fn new() -> Self {
        Self {
            before: None,
            by_hand: None,
        }
    }
}

impl Life {
    fn front(&self) -> Front {
        self.emulator.with_world(|world, _| {
            let channel = world.channel(CHANNEL).unwrap().describe();
            let input = world.router().resource(INPUT).unwrap();
            let outputs = world.router().resources();
            let takers = outputs.filter(|one| {
                let runs = one.state().name() != "STANDBY";
                one.kind() == ResourceKind::Output && runs && one.routed_input() == Some(INPUT)
            });
            let started = |tags: &Value| tags["slotwise.dev/started"] == "test";
            Front {
                channel: channel["state"].as_str().unwrap_or_default().to_owned(),
                input: input.state().name().to_owned(),
                channel_is_ours: started(&channel["tags"]) && channel["tags"]["slotwise.dev/owner"] == "test",
                input_is_ours: input.document().get("tags").is_some_and(started),
                takers: takers
                    .map(|one| one.document()["arn"].as_str().unwrap_or_default().to_owned())
                    .collect(),
            }
        })
    }

    /// Whether the outputs of the pool bring a programme, or bring none by slotwise's doing.
    pub(super) fn is_fed(&self) -> bool {
        let Some(in_front) = &self.in_front else {
            return true;
        };
        let is_by_hand = in_front.by_hand.is_some_and(|at| at.elapsed() < BY_HAND);
        let fed = |front: &Front| front.channel == "RUNNING" && front.input == "ACTIVE";
        !is_by_hand && in_front.before.as_ref().is_some_and(fed) && fed(&self.front())
    }

    /// Something happens, in front as well where there is something.
    pub(super) fn happen_anywhere(&mut self) {
        if self.in_front.is_some() && self.random.random_bool(0.25) {
            self.work_in_front();
        } else {
            self.happen();
        }
    }

    /// Others work on what is in front.
    fn work_in_front(&mut self) {
        let router = Operation::Router;
        let (operation, id) = match self.random.random_range(0..8) {
            0 => (Operation::StartChannel, CHANNEL),
            1 => (Operation::StopChannel, CHANNEL),
            2 => (router(Op::StartRouterInput), INPUT),
            3 => (router(Op::StopRouterInput), INPUT),
            4 => (router(Op::RestartRouterInput), INPUT),
            _ => return self.outsider(),
        };
        let request = Request::new(operation, id).with_body(json!({}));
        let done = self
            .emulator
            .with_world(|world, now| world.handle(&request, now).is_ok());
        if done {
            self.in_front.as_mut().unwrap().by_hand = Some(Instant::now());
        }
        self.note(format!("by hand {operation:?}: {done}"));
    }

    /// An output of somebody else takes the input, starts or stops.
    fn outsider(&mut self) {
        let found = self.emulator.with_world(|world, _| {
            let mut all = world.router().resources();
            let one = all.find(|one| one.document()["name"] == "outsider")?;
            let arn = one.document()["arn"].as_str()?.to_owned();
            let is_routed = one.routed_input() == Some(INPUT);
            Some((arn, one.state().name(), is_routed))
        });
        let (operation, arn, body) = match found {
            None => (Op::CreateRouterOutput, String::new(), self.outsiders_body()),
            Some((arn, "STANDBY", false)) => (Op::TakeRouterInput, arn, json!({ "routerInputArn": INPUT })),
            Some((arn, "STANDBY", true)) => (Op::StartRouterOutput, arn, json!({})),
            Some((arn, _, _)) => (Op::StopRouterOutput, arn, json!({})),
        };
        self.disturbed.insert(arn.clone(), Instant::now());
        let done = self.by_hand(operation, &arn, body);
        if done {
            self.in_front.as_mut().unwrap().by_hand = Some(Instant::now());
        }
        self.note(format!("outsider {operation:?}: {done}"));
    }

    fn outsiders_body(&self) -> Value {
        let desired = self.script.desired();
        let interface = desired
            .routers
            .values()
            .next()
            .unwrap()
            .network_interface
            .to_string();
        json!({
            "name": "outsider", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "OUTPUT_20",
            "configuration": {"standard": {"networkInterfaceArn": interface, "protocolConfiguration": {"rtmpPush": {
                "destinationAddress": "outsider.example", "destinationPort": 1935, "applicationName": "live",
                "streamName": "theirs"}}}},
        })
    }

    /// Destinations under which nothing in front may stop, as they have been declared for long enough.
    fn needing(&self) -> Vec<String> {
        let now = Instant::now();
        let desired = self.script.desired();
        let all = desired.destinations.values();
        let streaming = all.filter(|one| one.state == WantedState::Streaming && is_behind(&desired, one));
        let calm = streaming.filter(|one| {
            let since = self.since[one.name.as_str()];
            now - since.state.max(since.pool) >= CALM && now - since.pause >= CALM
        });
        calm.map(|one| one.name.to_string()).collect()
    }

    /// Compares what is in front with a second ago.
    pub(super) fn judge_front(&mut self) {
        if self.in_front.is_none() {
            return;
        }
        let now = self.front();
        let in_front = self.in_front.as_ref().unwrap();
        let is_by_hand = in_front.by_hand.is_some_and(|at| at.elapsed() < BY_HAND);
        let Some(before) = in_front.before.clone().filter(|_| !is_by_hand) else {
            self.in_front.as_mut().unwrap().before = Some(now);
            return;
        };
        let needing = self.needing();
        let stops = |from: &str, to: &str| {
            matches!(from, "RUNNING" | "ACTIVE") && matches!(to, "STOPPING" | "IDLE" | "STANDBY")
        };
        let mut found = Vec::new();
        for (name, from, to, is_ours) in [
            ("channel", &before.channel, &now.channel, before.channel_is_ours),
            ("input", &before.input, &now.input, before.input_is_ours),
        ] {
            if stops(from, to) {
                let is_fed = !before.takers.is_empty() && !now.takers.is_empty();
                if !is_ours || is_fed || !needing.is_empty() {
                    found.push(format!(
                        "source: {name} was stopped: {before:?} {now:?} {needing:?}"
                    ));
                }
            }
        }
        let stops_early =
            stops(&before.channel, &now.channel) && before.input_is_ours && now.input != "STANDBY";
        // What comes first may have ended within this second.
        let either_is = |is_so: fn(&Front) -> bool| is_so(&before) || is_so(&now);
        let starts = |from: &str, to: &str| from == "STANDBY" && matches!(to, "STARTING" | "ACTIVE");
        let starts_early =
            starts(&before.input, &now.input) && !either_is(|front| front.channel == "RUNNING");
        if stops_early || starts_early {
            found.push(format!("source: out of order: {before:?} {now:?}"));
        }
        let is_fed = either_is(|front| front.channel == "RUNNING" && front.input == "ACTIVE");
        for (arn, shown) in self.outputs() {
            let from = self.before.get(&arn).map_or("", |shown| shown.state.as_str());
            let is_disturbed = self
                .disturbed
                .get(&arn)
                .is_some_and(|at| at.elapsed() < DISTURBED);
            let is_behind = now.takers.contains(&arn);
            if shown.ours && is_behind && !is_disturbed && starts(from, &shown.state) && !is_fed {
                found.push(format!(
                    "source: an output was started without a programme: {before:?}"
                ));
            }
        }
        assert!(found.is_empty(), "{}\n{}", found.join("; "), self.tail());
        self.in_front.as_mut().unwrap().before = Some(now);
    }

    /// Trouble has ended. What was in trouble is restarted by its operator.
    pub(super) fn end_trouble(&mut self) {
        self.emulator.with_world(|world, _| world.faults().clear());
        if self.in_front.is_some() && self.front().input == "ERROR" {
            let restarted = self.by_hand(Op::RestartRouterInput, INPUT, json!({}));
            self.in_front.as_mut().unwrap().by_hand = Some(Instant::now());
            self.note(format!("by hand RestartRouterInput: {restarted}"));
        }
    }

    /// What slotwise started is stopped where nothing is fed.
    fn assert_front_settled(&self, stage: &Stage) {
        let front = self.front();
        let desired = self.script.desired();
        let mut all = desired.destinations.values();
        let is_needed = all.any(|one| one.state == WantedState::Streaming && is_behind(&desired, one));
        if is_needed || !front.takers.is_empty() || !self.kept.is_empty() {
            return;
        }
        let runs = front.channel_is_ours && front.channel != "IDLE"
            || front.input_is_ours && front.input != "STANDBY";
        let feeds = stage.controller.status().feeds.clone();
        assert!(!runs, "source: not stopped: {front:?} {feeds:?}\n{}", self.tail());
    }

    /// Everything is off: both stop, if slotwise started them.
    pub(super) async fn end_in_front(&mut self, stage: Stage) {
        self.assert_front_settled(&stage);
        drop(stage);
        for name in NAMES {
            self.change(
                name,
                |since, now| since.state = now,
                |desired, name| {
                    if let Some(one) = desired.destination_mut(name) {
                        (one.state, one.paused) = (WantedState::Ready, None);
                    }
                },
            );
        }
        let stage = self.tenure(Duration::from_hours(1), None).await;
        self.assert_front_settled(&stage);
    }
}

/// Whether a destination gets its programme from what is in front.
fn is_behind(desired: &Desired, one: &slotwise::testing::model::Destination) -> bool {
    desired
        .routers
        .get(&one.pool)
        .is_some_and(|pool| pool.input.as_str() == INPUT)
}
