//! How fast the planner is.
//!
//! Each world is a mix of what planners meet: half of the channels run and half are stopped, destinations are on air,
//! warm, new, switched off, in groups and alone, with three priorities, and more are wanted than there are slots. Four
//! sizes, a factor of about three apart, show how the time grows: the exponent is that of time over size from the smallest
//! to the largest, so 1 is linear and anything up to about 1.1 is n log n.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use globset::Glob;
use jiff::Timestamp;
use slotwise::testing::model::{
    Cause, ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
    Disruption, Endpoint, Interrupt, Observed, ObservedChannel, ObservedGroup, OwnerId, Placement,
    PoolChannel, PoolName, Secret, SlotId, SlotSelector, StreamKey, Target, WantedState,
};
use slotwise::testing::plan::plan;
use tokio::time::Instant;

/// Destinations in the four worlds; four slots per channel, four destinations per channel.
const SIZES: [usize; 4] = [3_000, 10_000, 30_000, 100_000];
const SLOTS: usize = 4;
const CLASS: ChannelClass = ChannelClass::SinglePipeline;
const WARM_UP: usize = 2;
const REPEATS: usize = 9;

/// Prints the rows whose title has `words`, with worlds of `sizes` if there are any.
pub(crate) fn run(words: &str, sizes: &[usize]) {
    let sizes = if sizes.is_empty() { &SIZES } else { sizes };
    anstream::println!("planner, one core                  minimum      median  per destination");
    for (title, channels_per_pool) in [
        ("one pool", usize::MAX),
        ("pools of 25 channels", 25),
        ("pools of 5 channels", 5),
    ] {
        for (policy, interrupt, placement) in [
            ("Never, Spread", Interrupt::Never, Placement::Spread),
            ("Anytime, Spread", Interrupt::Anytime, Placement::Spread),
            ("Anytime, Pack", Interrupt::Anytime, Placement::Pack),
        ] {
            let title = format!("{title}, {policy}");
            if title.contains(words) {
                let world = |size| world(size, channels_per_pool, interrupt, placement);
                print_rows(&title, sizes, world, plan_once);
            }
        }
    }
}

/// Makes a plan, and forgets it.
pub(crate) fn plan_once(desired: &Desired, observed: &Observed) {
    drop(black_box(plan(desired, observed, now())));
}

/// Prints how long `work` takes on worlds of `sizes`.
pub(crate) fn print_rows(
    title: &str,
    sizes: &[usize],
    world: impl Fn(usize) -> (Desired, Observed),
    work: impl Fn(&Desired, &Observed),
) {
    anstream::println!("{title}");
    let mut first = None;
    let mut last = None;
    for &size in sizes {
        let (desired, observed) = world(size);
        let (minimum, median) = measure(|| work(&desired, &observed));
        let each = minimum / u32::try_from(size).unwrap_or(u32::MAX);
        let (minimum_text, median) = (format!("{minimum:.1?}"), format!("{median:.1?}"));
        anstream::println!("  {size:>7} destinations    {minimum_text:>12} {median:>11} {each:>12.0?}");
        first = first.or(Some((size, minimum)));
        last = Some((size, minimum));
    }
    if let (Some((small, quick)), Some((large, slow))) = (first, last)
        && small != large
    {
        anstream::println!(
            "  growth: time ~ size ^ {:.2}",
            exponent(small, quick, large, slow)
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn exponent(small: usize, quick: Duration, large: usize, slow: Duration) -> f64 {
    (slow.as_secs_f64() / quick.as_secs_f64()).ln() / (large as f64 / small as f64).ln()
}

/// Minimum and median of several runs after a few that do not count.
fn measure(run: impl Fn()) -> (Duration, Duration) {
    for _ in 0..WARM_UP {
        run();
    }
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[0], times[REPEATS / 2])
}

pub(crate) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// `size` destinations on a quarter as many channels, in pools of 25.
pub(crate) fn pools_of_25(size: usize) -> (Desired, Observed) {
    world(size, 25, Interrupt::Never, Placement::Pack)
}

/// `size` destinations on a quarter as many channels, in pools of `channels_per_pool`.
fn world(
    size: usize,
    channels_per_pool: usize,
    interrupt: Interrupt,
    placement: Placement,
) -> (Desired, Observed) {
    let mut desired = Desired::empty(OwnerId::from("bench"));
    let mut observed = Observed::default();
    let channels = size / SLOTS;
    for first in (0..channels).step_by(channels_per_pool.min(channels)) {
        let here = first..channels.min(first.saturating_add(channels_per_pool));
        let mut pool = pool(first, interrupt, placement);
        for channel in here {
            let destinations: Vec<Destination> = (0..SLOTS)
                .map(|slot| destination(&pool.name, channel * SLOTS + slot))
                .collect();
            let seen = seen(&pool, channel, &destinations);
            pool.channels.push(PoolChannel {
                id: seen.id.clone(),
                takeover: false,
            });
            observed
                .channels
                .insert(seen.id.clone(), ChannelObservation::Seen(Box::new(seen)));
            for destination in destinations {
                desired
                    .destinations
                    .insert(destination.name.clone(), Arc::new(destination));
            }
        }
        desired.pools.insert(pool.name.clone(), pool);
    }
    (desired, observed)
}

fn pool(number: usize, interrupt: Interrupt, placement: Placement) -> ChannelPool {
    ChannelPool {
        name: format!("pool-{number:06}").as_str().into(),
        channels: Vec::new(),
        slots: SlotSelector {
            output_groups: Glob::new("RTMP-Slot-*").expect("a valid glob").compile_matcher(),
            parking_url: "rtmp://127.0.0.1:1935/parked".into(),
        },
        placement,
        idle: slotwise::testing::model::Idle::Stop,
        disruption: Disruption {
            interrupt,
            causes: [Cause::Start, Cause::Stop, Cause::Retarget].into(),
            windows: Vec::new(),
            max_concurrent: 1000,
        },
        paused: None,
    }
}

/// Of 20 destinations 3 are off, 8 belong to groups of four that live on neighbouring channels, the rest are alone.
pub(crate) fn destination(pool: &PoolName, number: usize) -> Destination {
    let name = format!("destination-{number:06}");
    Destination {
        identity: name.as_str().into(),
        pool: pool.clone(),
        state: if number % 20 < 3 {
            WantedState::Ready
        } else {
            WantedState::Streaming
        },
        url: format!("rtmps://ingest-{}.example.com:443/live2", number % 7).into(),
        backup_url: None,
        is_preset: false,
        login: None,
        key: StreamKey::Known(Secret::new(format!(
            "{:016x}",
            number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ))),
        group: (number % 5 < 2).then(|| format!("event-{:05}", number / 10).as_str().into()),
        priority: i32::try_from(number % 3).unwrap_or(0) * 10,
        interruptible: !number.is_multiple_of(11),
        pin: None,
        paused: None,
        generation: 1,
        name: name.as_str().into(),
    }
}

/// Half of the channels run with two or three of their destinations, the other half are stopped: one third of them
/// warm, one third parked, one third with something undeclared.
fn seen(pool: &ChannelPool, channel: usize, destinations: &[Destination]) -> ObservedChannel {
    let id = ChannelId::from(format!("{:07}", 4_000_000 + channel).as_str());
    let runs = channel.is_multiple_of(2);
    let groups = destinations.iter().enumerate().map(|(slot, destination)| {
        let name = format!("RTMP-Slot-{}", slot + 1);
        let parking = pool.slots.parking(&SlotId::new(id.clone(), name.clone()), CLASS);
        let own = destination.target(CLASS, &parking);
        let target = match (runs, slot, channel % 3) {
            (true, 0 | 1, _) | (true, 2, 0) | (false, 0 | 1, 0) => own.unwrap_or(parking),
            (false, 3, 1) => Target::from(vec![Endpoint::new(
                "rtmp://elsewhere.example/live",
                Secret::new("x"),
            )]),
            _ => parking,
        };
        ObservedGroup {
            name: name.into(),
            target: Ok(target),
        }
    });
    ObservedChannel {
        arn: format!("arn:aws:medialive:eu-west-1:123456789012:channel:{id}").into(),
        name: format!("channel {channel}").into(),
        class: CLASS,
        state: if runs {
            ChannelState::Running
        } else {
            ChannelState::Idle
        },
        owner: Some(OwnerId::from("bench")),
        groups: Arc::new(groups.collect()),
        tags: std::sync::Arc::default(),
        others: std::sync::Arc::default(),
        stray_endpoints: std::sync::Arc::default(),
        trouble: None,
        id: id.clone(),
    }
}
