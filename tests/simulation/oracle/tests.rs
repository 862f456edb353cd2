use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::{Interrupt, Pin, Secret, Window};

use super::*;
use crate::stage::{PARKING, Stage, desired, pool, ready, wanted};
use slotwise::testing::emulator::channel::State;

/// A world at rest, what is declared in it, and what the controller made of it.
#[derive(Clone)]
struct Scene {
    world: World,
    desired: Desired,
    wall: Timestamp,
    plan: Plan,
}

impl Scene {
    /// Waits until the controller is at rest, changes the declaration, and waits again.
    async fn after(
        declared: Desired,
        prepare: impl FnOnce(&mut World),
        change: impl FnOnce(&mut Desired),
    ) -> Self {
        let mut stage = Stage::new(declared);
        stage.emulator.with_world(|world, _| prepare(world));
        stage.run_for(Duration::from_mins(20)).await;
        stage.script.change(change);
        stage.run_for(Duration::from_mins(20)).await;
        let mut declared = None;
        stage.script.look(|desired| declared = Some(desired.clone()));
        Self {
            world: stage.emulator.with_world(|world, _| world.clone()),
            desired: declared.unwrap(),
            wall: stage.clock.now(),
            plan: Plan::clone(stage.controller.plan().unwrap()),
        }
    }

    fn planned(&self, name: &str) -> &DestinationPlan {
        self.plan
            .destinations
            .iter()
            .find(|one| one.name == *name)
            .unwrap()
    }

    fn refuted(&self, name: &str) -> Option<String> {
        refute(
            &self.world,
            &self.desired,
            self.wall,
            &self.plan,
            self.planned(name),
        )
    }

    /// The destination waits for this, and all that the plan says is true.
    #[track_caller]
    fn tells(&self, name: &str, code: &str) {
        let waiting = self.planned(name).waiting.as_ref();
        assert_eq!(waiting.map(Waiting::code), Some(code));
        for planned in &self.plan.destinations {
            assert_eq!(self.refuted(planned.name.as_str()), None);
        }
        for planned in &self.plan.channels {
            let refuted = refute_channel(&self.world, &self.desired, self.wall, &self.plan, planned);
            assert_eq!(refuted, None);
        }
    }

    /// Once the scene is another one, what the plan says is refuted with this.
    #[track_caller]
    fn lies_once(&self, name: &str, why: &str, alter: impl FnOnce(&mut Self)) {
        let mut altered = self.clone();
        alter(&mut altered);
        let refuted = altered.refuted(name).unwrap_or_default();
        assert!(refuted.contains(why), "{refuted:?}");
    }

    fn one(&mut self, name: &str) -> &mut Destination {
        self.desired.destination_mut(name).unwrap()
    }

    fn policy(&mut self) -> &mut slotwise::testing::model::Disruption {
        &mut self.desired.pools.get_mut("main").unwrap().disruption
    }
}

/// A pool of one channel.
fn small(destinations: Vec<Destination>) -> Desired {
    desired(pool(&["1"]), destinations)
}

fn add(one: Destination) -> impl FnOnce(&mut Desired) {
    |desired| drop(desired.destinations.insert(one.name.clone(), Arc::new(one)))
}

fn pinned(name: &str, group: &str) -> Destination {
    Destination {
        pin: Some(Pin {
            channel: "1".into(),
            output_group: group.into(),
        }),
        ..wanted(name)
    }
}

/// Points a slot of channel 1 at something.
fn point(world: &mut World, number: usize, url: &str, stream_name: &str) {
    let group = json!(format!("RTMP-Slot-{number}"));
    let document = world.channel_mut("1").unwrap().document_mut();
    let id = super::super::reading::wiring(document)[group.as_str().unwrap()].clone();
    let entries = document["destinations"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry["id"] == id).unwrap();
    entry["settings"][0] = json!({ "url": url, "streamName": stream_name });
}

fn park(world: &mut World, number: usize) {
    point(world, number, PARKING, &format!("1-RTMP-Slot-{number}-0"));
}

fn tag(world: &mut World, owner: Option<&str>) {
    let tags = owner.map_or(json!({}), |owner| json!({ OWNER_TAG: owner }));
    world
        .channel_mut("1")
        .unwrap()
        .document_mut()
        .insert("tags".to_owned(), tags);
}

/// Stops or starts channel 1 by hand, at once.
fn set_state(world: &mut World, state: State) {
    let now = slotwise::testing::emulator::request::Now {
        elapsed: Duration::ZERO,
        wall: Timestamp::UNIX_EPOCH,
    };
    assert!(world.force_state("1", state, now));
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_free_while_each_holds_a_wanted_destination() {
    let full = small(vec![wanted("a"), wanted("b"), wanted("c")]);
    let scene = Scene::after(full, |_| {}, add(wanted("d"))).await;
    scene.tells("d", "NoFreeSlot");
    let c = scene.planned("c").held.clone().unwrap().output_group;
    let number = c.as_str().trim_start_matches("RTMP-Slot-").parse().unwrap();
    scene.lies_once("d", "is not held by a kept destination", |scene| {
        park(&mut scene.world, number);
    });
    scene.lies_once("d", "is not held by a kept destination", |scene| {
        scene.one("c").state = WantedState::Ready;
    });
    scene.lies_once("d", "would do", |scene| set_state(&mut scene.world, State::Idle));
}

/// `a` is on air in the first slot of channel 1, and in its third group, which is no slot of the pool.
async fn beside_slots() -> Scene {
    let mut declared = small(vec![wanted("a")]);
    let pool = declared.pools.get_mut("main").unwrap();
    pool.slots.output_groups = globset::Glob::new("RTMP-Slot-[12]").unwrap().compile_matcher();
    pool.disruption.interrupt = Interrupt::Anytime;
    let on_air = |world: &mut World| {
        tag(world, Some("test"));
        point(world, 1, "rtmp://a.example/live", "k3y-of-a");
        point(world, 3, "rtmps://a.example/live", "k3y-of-a");
        set_state(world, State::Running);
    };
    Scene::after(declared, on_air, add(wanted("d"))).await
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_could_not_start_again_is_no_way() {
    let scene = beside_slots().await;
    scene.tells("d", "OnAirBesideSlots");
    scene.lies_once("d", "would do", |scene| park(&mut scene.world, 3));
    scene.lies_once("d", "would do", |scene| scene.one("a").state = WantedState::Ready);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_forbidden_while_the_policy_says_so() {
    let scene = Scene::after(small(vec![wanted("a")]), |_| {}, add(wanted("d"))).await;
    scene.tells("d", "InterruptionForbidden");
    scene.lies_once("d", "would do", |scene| {
        scene.policy().interrupt = Interrupt::Anytime;
    });
    scene.lies_once("d", "would do", |scene| scene.one("a").state = WantedState::Ready);
    scene.lies_once("d", "must not be interrupted at all", |scene| {
        scene.one("a").interruptible = false;
    });
    scene.lies_once("d", "never interrupts, whatever the cause", |scene| {
        let at = scene
            .plan
            .destinations
            .iter()
            .position(|one| one.name == *"d")
            .unwrap();
        let waiting = &mut scene.plan.destinations[at].waiting;
        if let Some(Waiting::InterruptionForbidden { cause, .. }) = waiting {
            *cause = Some(Cause::Start);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_switched_off_destination_shares_the_channel_with_others() {
    let off = |desired: &mut Desired| desired.destination_mut("b").unwrap().state = WantedState::Ready;
    let scene = Scene::after(small(vec![wanted("a"), wanted("b")]), |_| {}, off).await;
    scene.tells("b", "SharesChannel");
    scene.lies_once("b", "would do", |scene| scene.one("a").state = WantedState::Ready);
    scene.lies_once("b", "would do", |scene| {
        scene.policy().interrupt = Interrupt::Anytime;
    });
    scene.lies_once("b", "of those there it is about", |scene| {
        let taken = ["a", "b"].map(|name| scene.planned(name).held.clone().unwrap().output_group);
        let free = (1..=3)
            .find(|number| !taken.contains(&format!("RTMP-Slot-{number}").into()))
            .unwrap();
        point(&mut scene.world, free, "rtmp://x.example/live", "k3y-of-x");
        add(wanted("x"))(&mut scene.desired);
    });
}

#[tokio::test(start_paused = true)]
async fn an_uninterruptible_or_paused_destination_is_not_interrupted() {
    let mut firm = small(vec![Destination {
        interruptible: false,
        ..wanted("a")
    }]);
    firm.pools.get_mut("main").unwrap().disruption.interrupt = Interrupt::Anytime;
    let scene = Scene::after(firm, |_| {}, add(wanted("d"))).await;
    scene.tells("d", "Uninterruptible");
    scene.lies_once("d", "would do", |scene| scene.one("a").interruptible = true);
    scene.lies_once("d", "of those there it is about", |scene| {
        scene.policy().interrupt = Interrupt::Never;
        scene.one("a").interruptible = true;
    });
}

#[tokio::test(start_paused = true)]
async fn a_window_is_closed_and_opens_at_the_stated_time() {
    let mut windows = small(vec![wanted("a")]);
    let policy = &mut windows.pools.get_mut("main").unwrap().disruption;
    policy.interrupt = Interrupt::Window;
    policy.windows.push(Window {
        cron: "30 4 * * *".parse().unwrap(),
        duration: Duration::from_mins(30),
        time_zone: jiff::tz::TimeZone::UTC,
    });
    let scene = Scene::after(windows, |_| {}, add(wanted("d"))).await;
    scene.tells("d", "OutsideWindow");
    let at = |time: &str| format!("2026-01-01T{time}Z").parse::<Timestamp>().unwrap();
    scene.lies_once("d", "would do", |scene| scene.wall = at("04:30:00"));
    scene.lies_once("d", "would do", |scene| scene.wall = at("04:59:59"));
    scene.lies_once("d", "the next window opens at", |scene| {
        scene.wall = at("05:00:00");
    });
    scene.lies_once("d", "no window is for Start", |scene| {
        scene.policy().causes = BTreeSet::from([Cause::Stop]);
    });
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_in_force_as_stated() {
    let pause = Pause {
        until: Some("2026-01-01T12:00:00Z".parse().unwrap()),
        by: None,
        why: None,
    };
    let off = Destination {
        paused: Some(pause),
        ..wanted("a")
    };
    let scene = Scene::after(small(vec![off]), |_| {}, |_| {}).await;
    scene.tells("a", "Paused");
    scene.lies_once("a", "wanted is true", |scene| {
        scene.wall = "2026-01-01T12:00:00Z".parse().unwrap();
    });
    scene.lies_once("a", "in force is", |scene| {
        scene.one("a").paused.as_mut().unwrap().until = None;
    });
}

#[tokio::test(start_paused = true)]
async fn a_pinned_slot_is_taken_or_does_not_exist() {
    let scene = Scene::after(
        small(vec![pinned("a", "RTMP-Slot-1"), wanted("m")]),
        |_| {},
        |desired| {
            add(pinned("b", "RTMP-Slot-1"))(desired);
            add(pinned("c", "RTMP-Slot-9"))(desired);
            desired.destination_mut("a").unwrap().pin = None;
        },
    );
    let scene = scene.await;
    scene.tells("b", "PinnedSlotTaken");
    scene.tells("c", "SlotIncompatible");
    scene.lies_once("b", "is not taken", |scene| park(&mut scene.world, 1));
    scene.lies_once("b", "is not pinned to", |scene| {
        scene.one("b").pin = pinned("b", "RTMP-Slot-2").pin;
    });
    scene.lies_once("c", "is not pinned to", |scene| {
        scene.one("c").pin = pinned("c", "RTMP-Slot-2").pin;
    });
}

#[tokio::test(start_paused = true)]
async fn on_air_elsewhere_than_pinned() {
    let scene = Scene::after(
        small(vec![pinned("a", "RTMP-Slot-1")]),
        |_| {},
        |desired| {
            desired.destination_mut("a").unwrap().pin = pinned("a", "RTMP-Slot-2").pin;
        },
    );
    let scene = scene.await;
    scene.tells("a", "PinnedElsewhere");
    scene.lies_once("a", "is not pinned to", |scene| scene.one("a").pin = None);
    scene.lies_once("a", "is not on air in", |scene| {
        park(&mut scene.world, 1);
        point(&mut scene.world, 2, "rtmp://a.example/live", "k3y-of-a");
    });
}

#[tokio::test(start_paused = true)]
async fn a_key_is_missing_or_another_has_the_same_target() {
    let nowhere = StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "it is not set".to_owned(),
    };
    let keyless = Destination {
        key: nowhere,
        ..wanted("k")
    };
    let twin = Destination {
        name: "twin".into(),
        identity: "twin".into(),
        ..wanted("a")
    };
    let scene = Scene::after(small(vec![wanted("a"), twin, keyless]), |_| {}, |_| {}).await;
    scene.tells("k", "SecretUnavailable");
    scene.tells("twin", "SameTarget");
    scene.lies_once("k", "its key is there", |scene| {
        scene.one("k").key = StreamKey::Known(Secret::new("k3y"));
    });
    scene.lies_once("twin", "has another target", |scene| {
        scene.one("twin").url = "rtmp://b.example/live".into();
    });
}

#[tokio::test(start_paused = true)]
async fn a_changed_key_waits_and_a_lost_key_changes_nothing() {
    let scene = Scene::after(
        small(vec![wanted("a"), wanted("b"), wanted("k")]),
        |_| {},
        |desired| {
            desired.destination_mut("a").unwrap().key = StreamKey::Known(Secret::new("k3y-of-a-2"));
            desired.destination_mut("k").unwrap().key = StreamKey::Unavailable {
                reference: "env KEY".to_owned(),
                why: "it is not set".to_owned(),
            };
        },
    )
    .await;
    scene.tells("a", "InterruptionForbidden");
    assert_eq!(scene.planned("k").waiting, None);
    scene.lies_once("a", "would do", |scene| {
        scene.policy().interrupt = Interrupt::Anytime;
    });
    scene.lies_once("a", "of those there it is about", |scene| {
        scene.one("b").state = WantedState::Ready;
    });
    // Without a record its destination is unknown.
    scene.lies_once("k", "on air is false", |scene| {
        let mut tags = scene.world.channel("1").unwrap().document()["tags"].clone();
        tags.as_object_mut().unwrap().retain(|key, _| key == OWNER_TAG);
        let document = scene.world.channel_mut("1").unwrap().document_mut();
        document.insert("tags".to_owned(), tags);
    });
}

#[tokio::test(start_paused = true)]
async fn a_channel_with_an_unrecognised_target_is_not_stopped() {
    let scene = Scene::after(small(vec![wanted("a"), wanted("b")]), |_| {}, |_| {}).await;
    let mut stage_world = scene.world.clone();
    point(
        &mut stage_world,
        3,
        "rtmp://undeclared.example/live",
        "k3y-undeclared",
    );
    let altered = Scene {
        world: stage_world,
        ..scene.clone()
    };
    let channel = |scene: &Scene| {
        let planned = &scene.plan.channels[0];
        refute_channel(&scene.world, &scene.desired, scene.wall, &scene.plan, planned)
    };
    assert_eq!(channel(&scene), None);
    assert!(channel(&altered).is_some_and(|why| why.contains("nothing says why")));
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_missing_or_belongs_to_another() {
    let one = || small(vec![wanted("a")]);
    let theirs = Scene::after(one(), |world| tag(world, Some("them")), |_| {}).await;
    theirs.tells("a", "OwnedByAnother");
    theirs.lies_once("a", "would do", |scene| tag(&mut scene.world, None));
    theirs.lies_once("a", "its other owner is", |scene| {
        tag(&mut scene.world, Some("others"));
    });
    let gone = Scene::after(one(), |world| drop(world.remove_channel("1")), |_| {}).await;
    gone.tells("a", "ChannelMissing");
    gone.lies_once("a", "MediaLive knows it", |scene| {
        scene.world = theirs.world.clone();
    });
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_runs_with_undeclared_targets_is_not_adopted() {
    let strange = |world: &mut World| {
        for slot in 1..=3 {
            point(
                world,
                slot,
                "rtmp://undeclared.example/live",
                &format!("k3y-undeclared-{slot}"),
            );
        }
        set_state(world, State::Running);
    };
    let scene = Scene::after(small(vec![wanted("a"), ready("b")]), strange, |_| {}).await;
    scene.tells("a", "NotAdopted");
    scene.lies_once("a", "would do", |scene| set_state(&mut scene.world, State::Idle));
    scene.lies_once("a", "undeclared or elsewhere are", |scene| {
        point(&mut scene.world, 3, "rtmp://other.example/live", "k3y-of-other");
    });
}

#[tokio::test(start_paused = true)]
async fn at_rest_every_destination_off_air_has_a_reason() {
    let scene = Scene::after(small(vec![wanted("a")]), |_| {}, |_| {}).await;
    scene.lies_once("a", "it is where it is wanted and waits", |scene| {
        scene.plan.destinations[0].waiting = Some(Waiting::ChannelRecovering { channel: "1".into() });
    });
    scene.lies_once("a", "on air is false", |scene| {
        set_state(&mut scene.world, State::Idle);
    });
    scene.lies_once("a", "waits for nothing", |scene| {
        set_state(&mut scene.world, State::Idle);
        scene.plan.destinations[0].on_air = false;
    });
}

/// A second pool, of channel 2.
fn and_another(mut declared: Desired) -> Desired {
    let mut other = pool(&["2"]);
    other.name = "other".into();
    declared.pools.insert(other.name.clone(), other);
    declared
}

#[tokio::test(start_paused = true)]
async fn a_moved_destination_waits_while_on_air_in_its_old_pool() {
    let declared = and_another(small(vec![wanted("a"), wanted("m")]));
    let go = |desired: &mut Desired| desired.destination_mut("m").unwrap().pool = "other".into();
    let scene = Scene::after(declared, |_| {}, go).await;
    scene.tells("m", "OnAirElsewhere");
    scene.lies_once("m", "on air is false", |scene| {
        set_state(&mut scene.world, State::Idle);
    });
    scene.lies_once("m", "would do", |scene| {
        scene.policy().interrupt = Interrupt::Anytime;
    });
    scene.lies_once("m", "the slot is of pool Some", |scene| {
        let at = scene
            .plan
            .destinations
            .iter()
            .position(|one| one.name == *"m")
            .unwrap();
        if let Some(Waiting::OnAirElsewhere { pool, .. }) = &mut scene.plan.destinations[at].waiting {
            *pool = None;
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_moved_unwanted_destination_stays_on_air_in_its_old_pool() {
    let declared = and_another(small(vec![wanted("a"), wanted("m")]));
    let go = |desired: &mut Desired| {
        let moved = desired.destination_mut("m").unwrap();
        (moved.pool, moved.state) = ("other".into(), WantedState::Ready);
    };
    let scene = Scene::after(declared, |_| {}, go).await;
    scene.tells("m", "SharesChannel");
    scene.lies_once("m", "on air is false", |scene| {
        set_state(&mut scene.world, State::Idle);
    });
    scene.lies_once("m", "waits for nothing", |scene| {
        let mut all = scene.plan.destinations.iter_mut();
        all.find(|one| one.name == *"m").unwrap().waiting = None;
    });
}

#[tokio::test(start_paused = true)]
async fn of_two_pools_with_one_target_one_waits_for_the_other() {
    let twin = Destination {
        name: "twin".into(),
        identity: "twin".into(),
        pool: "other".into(),
        ..wanted("a")
    };
    let scene = Scene::after(and_another(small(vec![wanted("a"), twin])), |_| {}, |_| {}).await;
    scene.tells("twin", "SameTarget");
    // Once `a` is off, what is on air in its slot is the stream of the one that is wanted.
    scene.lies_once("twin", "on air is true", |scene| {
        scene.one("a").state = WantedState::Ready;
    });
}

#[tokio::test(start_paused = true)]
async fn there_is_no_slot_at_all_where_no_output_group_matches() {
    let mut declared = small(vec![wanted("a")]);
    let selector = |glob: &str| globset::Glob::new(glob).unwrap().compile_matcher();
    declared.pools.get_mut("main").unwrap().slots.output_groups = selector("Slot-*");
    let scene = Scene::after(declared, |_| {}, |_| {}).await;
    scene.tells("a", "NoSlot");
    for (glob, why) in [
        ("RTMP-*", "would do"),
        ("Other-*", "the pool's slots are Other-*"),
    ] {
        scene.lies_once("a", why, |scene| {
            scene.desired.pools.get_mut("main").unwrap().slots.output_groups = selector(glob);
        });
    }
    scene.lies_once("a", "there is no slot at all", |scene| {
        scene.plan.destinations[0].waiting = Some(Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        });
    });
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_prevents_adoption_is_named() {
    let copy = |world: &mut World| {
        point(world, 1, "rtmp://a.example/live", "k3y-of-a");
        for slot in 2..=3 {
            point(
                world,
                slot,
                "rtmp://undeclared.example/live",
                &format!("k3y-undeclared-{slot}"),
            );
        }
        set_state(world, State::Running);
    };
    let mut declared = desired(pool(&["1", "2"]), vec![wanted("a"), ready("b")]);
    declared.destination_mut("a").unwrap().pin = Some(Pin {
        channel: "2".into(),
        output_group: "RTMP-Slot-1".into(),
    });
    // While it is on air on channel 2, a channel of another owner starts with the same target.
    let mut stage = Stage::new(declared);
    stage.run_for(Duration::from_mins(20)).await;
    stage.emulator.with_world(|world, _| copy(world));
    stage.emulator.with_world(|world, _| tag(world, None));
    stage.run_for(Duration::from_mins(20)).await;
    let mut declared = None;
    stage.script.look(|desired| declared = Some(desired.clone()));
    let mut scene = Scene {
        world: stage.emulator.with_world(|world, _| world.clone()),
        desired: declared.unwrap(),
        wall: stage.clock.now(),
        plan: Plan::clone(stage.controller.plan().unwrap()),
    };
    let stated = |scene: &Scene| {
        let channel = scene.plan.channels.iter().find(|one| one.id == *"1").unwrap();
        refute_channel(&scene.world, &scene.desired, scene.wall, &scene.plan, channel)
    };
    assert_eq!(stated(&scene), None);
    let channel = scene.plan.channels.iter_mut().find(|one| one.id == *"1").unwrap();
    let Some(Waiting::NotAdopted { strays, .. }) = &mut channel.waiting else {
        panic!("{:?}", channel.waiting);
    };
    assert_eq!(strays[0].of, Some("a".into()));
    strays[0].of = None;
    assert!(stated(&scene).is_some_and(|why| why.contains("undeclared or elsewhere are")));
}
