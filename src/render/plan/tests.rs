use super::super::samples::{self, CANARY};
use super::*;
use crate::model::ChannelState;
use crate::plan::{NoTakeover, Stray};

fn text(of: &Plan) -> String {
    let text = plan(of, Style::PLAIN);
    assert!(!text.contains(CANARY), "a key is shown:\n{text}");
    text
}

#[test]
fn a_plan_shows_steps_reasons_waitings_and_ways_out() {
    insta::assert_snapshot!(text(&samples::start_two()), @"
    4 wanted, 1 off · pool main: 2 channels, 6 slots, Spread, interrupt: Never

      4000001 (live-1)  IDLE → RUNNING                                                  about 2 min 40 s
        adopt   not owned yet; adopted by default
        update  RTMP-Slot-1 ← youtube-main  new; on a stopped channel, interrupts nothing
                RTMP-Slot-2 ← twitch-main   same group: launch-event
        start   about 2 min 30 s
      4000002 (live-2)  RUNNING, stays                                                  on air: corp-cdn

      facebook waits: InterruptionForbidden
        4000002 has a place for it, but corp-cdn is on air there and the pool never interrupts
        ways out: set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn off air
        about 3 min) · just this once: apply with --interrupt facebook · set state: Ready for corp-cdn ·
        add a channel to channels: of pool main

    1 adoption, 1 update, 1 start, 0 stops · 2 go on air, 1 waits · interruptions 0 (least possible 0) · 6 API calls
    ");
}

#[test]
fn what_is_on_air_in_no_slot_is_said_of_each_destination() {
    let mut plan = samples::converged();
    plan.destinations[0].also_on_air = Some(OtherPlace {
        channel: "4000009".into(),
        output_group: Some("main-out".into()),
    });
    insta::assert_snapshot!(text(&plan), @"
    No changes. 1 of 1 on air.

    1 wanted, 0 off · pool main: 1 channel, 3 slots, Spread, interrupt: Never

      4000002 (live-2)  RUNNING, stays                                                  on air: corp-cdn

      corp-cdn is on air twice
        on air on 4000009 (main-out) as well, or about to be, in no slot that slotwise holds
        ways out: end it on channel 4000009 yourself
    ");
    (plan.destinations[0].on_air, plan.destinations[0].wanted) = (false, false);
    assert!(text(&plan).contains("corp-cdn is off, and on air elsewhere"));
}

#[test]
fn an_interruption_names_what_goes_off_air_for_how_long_and_why() {
    insta::assert_snapshot!(text(&samples::interrupt_one()), @"
    2 wanted, 1 off · pool main: 1 channel, 3 slots, Spread, interrupt: Anytime
      large pool: not every placement was looked at; priorities come first all the same

      4000001 (live-1)  RUNNING → IDLE → RUNNING                                        about 3 min 10 s
        stop    to change archive and youtube-main
                interrupts corp-cdn: off air about 3 min 10 s
        update  RTMP-Slot-2 ← parked        archive is no longer wanted here
                RTMP-Slot-3 ← youtube-main  joins corp-cdn, interrupted for it (was previous target of
                                            youtube-main)
        start   about 2 min
        keep    RTMP-Slot-1 = corp-cdn      on air here

    1 update, 1 start, 1 stop · 1 goes on air, 1 goes off air, 0 wait · interruptions 1 (least possible 1) · 6 API calls
    ");
}

#[test]
fn without_anything_to_do_the_first_words_say_so() {
    insta::assert_snapshot!(text(&samples::converged()), @"
    No changes. 1 of 1 on air.

    1 wanted, 0 off · pool main: 1 channel, 3 slots, Spread, interrupt: Never

      4000002 (live-2)  RUNNING, stays                                                  on air: corp-cdn
    ");
}

#[test]
fn a_channel_that_is_left_alone_says_why_and_shows_hosts_only() {
    let mut plan = samples::converged();
    let stray = |number: u32, of: Option<&str>| Stray {
        output_group: format!("RTMP-Slot-{number}").into(),
        beside: false,
        host: "live.example".to_owned(),
        of: of.map(Into::into),
    };
    let strays = vec![
        stray(1, None),
        stray(2, Some("youtube")),
        stray(3, Some("twitch")),
    ];
    let channel = &mut plan.channels[0];
    channel.adoption = Adoption::Refused {
        strays: strays.clone(),
    };
    channel.slots[0].now = Content::Undeclared {
        host: "live.example".to_owned(),
    };
    channel.waiting = Some(Waiting::NotAdopted {
        channel: channel.id.clone(),
        strays,
        others: Vec::new(),
        no_slots: Vec::new(),
        takeover: NoTakeover::NotSet,
    });
    insta::assert_snapshot!(text(&plan), @"
    No changes. 1 of 1 on air; not as it should be: channel 4000002 (NotAdopted).

    1 wanted, 0 off · pool main: 1 channel, 3 slots, Spread, interrupt: Never

      4000002 (live-2)  RUNNING, left as it is
        waits  NotAdopted: 4000002 is left alone: it is on air with targets that no Destination
               explains: RTMP-Slot-1 → live.example, and targets of destinations that have no slot
               there: RTMP-Slot-2 → youtube, RTMP-Slot-3 → twitch
               ways out: declare these targets as Destinations · stop channel 4000002 yourself · set
               takeover: true on channel 4000002 in channels: of the pool, which releases them · remove
               channel 4000002 from the pool
    ");
}

#[test]
fn a_large_plan_folds_unchanged_channels_and_equal_waitings() {
    let mut plan = samples::start_two();
    for number in 10..60 {
        let state = if number < 40 {
            ChannelState::Running
        } else {
            ChannelState::Idle
        };
        plan.channels
            .push(samples::channel(&format!("40000{number}"), state));
    }
    for number in 60..70 {
        let mut missing = samples::channel(&format!("40000{number}"), ChannelState::Idle);
        missing.seen = None;
        missing.waiting = Some(Waiting::ChannelMissing {
            channel: missing.id.clone(),
        });
        plan.channels.push(missing);
    }
    for number in 0..300 {
        plan.destinations.push(DestinationPlan {
            waiting: Some(Waiting::NoFreeSlot {
                pool: "main".into(),
                outranked_by: None,
            }),
            ..samples::destination(&format!("zz-{number:03}"))
        });
    }
    insta::assert_snapshot!(text(&plan), @"
    304 wanted, 1 off · pool main: 2 channels, 6 slots, Spread, interrupt: Never

      4000001 (live-1)  IDLE → RUNNING                                                  about 2 min 40 s
        adopt   not owned yet; adopted by default
        update  RTMP-Slot-1 ← youtube-main  new; on a stopped channel, interrupts nothing
                RTMP-Slot-2 ← twitch-main   same group: launch-event
        start   about 2 min 30 s
      4000060  not seen
        waits  ChannelMissing: MediaLive knows no channel 4000060
               ways out: correct the id 4000060 in the pool, or check the region
      4000061  not seen
        waits  ChannelMissing: MediaLive knows no channel 4000061
               ways out: correct the id 4000061 in the pool, or check the region
      4000062  not seen
        waits  ChannelMissing: MediaLive knows no channel 4000062
               ways out: correct the id 4000062 in the pool, or check the region
      4000063  not seen
        waits  ChannelMissing: MediaLive knows no channel 4000063
               ways out: correct the id 4000063 in the pool, or check the region
      and 6 channels more: ChannelMissing
      51 channels unchanged: 20 IDLE, 31 RUNNING with 1 on air

      facebook waits: InterruptionForbidden
        4000002 has a place for it, but corp-cdn is on air there and the pool never interrupts
        ways out: set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn off air
        about 3 min) · just this once: apply with --interrupt facebook · set state: Ready for corp-cdn ·
        add a channel to channels: of pool main

      zz-000, zz-001 and 298 others wait: NoFreeSlot
        every slot of pool main that could carry it is taken
        ways out: set state: Ready for another destination of pool main · add a channel to channels: of
        pool main

    1 adoption, 1 update, 1 start, 0 stops · 2 go on air, 301 wait · interruptions 0 (least possible 0) · 6 API calls
    ");
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let colored = plan(
        &samples::start_two(),
        Style {
            color: true,
            ..Style::PLAIN
        },
    );
    assert!(colored.contains("\u{1b}[32mstart\u{1b}[0m"));
    assert_eq!(
        anstream::adapter::strip_str(&colored).to_string(),
        text(&samples::start_two())
    );
}
