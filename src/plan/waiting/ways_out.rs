//! What would change a waiting, in phrases that a person can act on.

use std::time::Duration;

use super::words::Owner;
use super::{Approximately, NoTakeover, Waiting};
use crate::model::tag::TAKEOVER_TAG;
use crate::model::{Cause, ChannelId, DestinationName, NoSlot, OutputGroup, PoolName, SlotId};
use crate::plan::Stray;
use crate::plan::reason::Names;

pub(in crate::plan) const JUST_THIS_ONCE: &str = "just this once: apply with --interrupt and its name";

/// Off air and on air again, where it may be somewhere else.
pub(in crate::plan) const AGAIN: &str = "set state: Ready, then Streaming again";

/// Of two destinations of one stream; `validate` says so too.
pub(in crate::plan) const OWN_KEY: &str = "give it its own key in streamKeyFrom:";

impl Waiting {
    /// As [`Waiting::ways_out`], in words for `destination`, which waits.
    ///
    /// Says what to add to a command, not the command itself: only the reader knows its source and its endpoint.
    pub fn ways_out_of(&self, destination: &DestinationName) -> Vec<String> {
        if let Self::OnAirInOutput { of: Some(of), .. } = self
            && of == destination
        {
            // Its own output in another pool: it ends once the destination is off.
            return vec![AGAIN.to_owned()];
        }
        let flag = format!("just this once: apply with --interrupt {destination}");
        let ways = self.ways_out().into_iter();
        ways.map(|way| way.replace(JUST_THIS_ONCE, &flag)).collect()
    }

    /// As [`Waiting::ways_out`], where no destination is declared to which a one-off grant could be given.
    pub(in crate::plan) fn ways_out_of_none(&self) -> Vec<String> {
        let mut ways = self.ways_out();
        ways.retain(|way| !way.starts_with(JUST_THIS_ONCE));
        ways
    }

    /// What would change it, each a short phrase a person can act on: the field of the declaration and its value, where it
    /// is one. Empty where it ends by itself.
    pub fn ways_out(&self) -> Vec<String> {
        match self {
            Self::Output(waiting) => waiting.ways_out(),
            Self::MaxConcurrent { .. }
            | Self::ChannelInTransition { .. }
            | Self::ChannelRecovering { .. }
            | Self::BackingOff { .. } => Vec::new(),
            Self::NoSlot {
                pool,
                output_groups,
                unusable,
                ..
            } => no_slot_ways_out(pool, output_groups, unusable.as_ref()),
            Self::NoFreeSlot { .. }
            | Self::InterruptionForbidden { .. }
            | Self::OutsideWindow { .. }
            | Self::Uninterruptible { .. }
            | Self::SharesChannel { .. } => self.ways_past_others(),
            Self::ChannelFailed { .. }
            | Self::ChannelMissing { .. }
            | Self::ChannelUnreadable { .. }
            | Self::NotAdopted { .. }
            | Self::Undeclared { .. }
            | Self::UnusableSlot { .. }
            | Self::OnAirBesideSlots { .. }
            | Self::OtherGroupOnAir { .. }
            | Self::TagsFull { .. }
            | Self::OwnedByAnother { .. } => self.ways_to_the_channel(),
            Self::SecretUnavailable { reference, .. } => vec![format!("make {reference} readable")],
            Self::TargetRefused { .. } => {
                vec!["correct spec.url or spec.platform; what is refused is tried again by itself where that interrupts nobody".to_owned()]
            }
            Self::SlotIncompatible { slot, .. } => {
                let channel = &slot.channel;
                vec![format!(
                    "correct spec.slot, or give channel {channel} such an output group"
                )]
            }
            Self::PinnedSlotTaken { by, is_declared, .. } => {
                let mut ways = vec!["remove or change spec.slot".to_owned()];
                if *is_declared {
                    ways.insert(0, format!("set state: Ready for {by}"));
                }
                ways
            }
            Self::PinnedElsewhere { .. } => vec![AGAIN.to_owned()],
            Self::SameTarget { other } => vec![format!("set state: Ready for {other}"), OWN_KEY.to_owned()],
            Self::OnAirElsewhere { channel, pool, .. } => elsewhere_ways_out(channel, pool.as_ref()),
            Self::OnAirInOutput { of: Some(other), .. } => vec![format!("set state: Ready for {other}")],
            Self::OnAirInOutput { output, of: None } => vec![format!("stop router output {output}")],
            Self::Paused { pool, .. } => vec![end_of_pause(pool.as_ref())],
            Self::SourceUntrusted { .. } => vec![
                "repair the source".to_owned(),
                "declare it with state: Ready to take it off air".to_owned(),
            ],
        }
    }

    /// Others are in the way.
    fn ways_past_others(&self) -> Vec<String> {
        match self {
            Self::NoFreeSlot { pool, outranked_by } => no_free_slot_ways_out(pool, outranked_by.as_ref()),
            Self::InterruptionForbidden {
                pool,
                others,
                off_air: time,
                cause,
                own,
                ..
            } => forbidden_ways_out(pool, (others, *time), *cause, *own),
            Self::OutsideWindow { .. } => vec!["wait for the window".to_owned(), JUST_THIS_ONCE.to_owned()],
            Self::Uninterruptible { by, .. } => {
                vec![
                    format!("set state: Ready for {}", Names(by)),
                    format!("remove interruptible: false or paused: of {}", Names(by)),
                    "add a channel to channels: of the pool".to_owned(),
                ]
            }
            Self::SharesChannel { pool, others, .. } if others.is_empty() => vec![
                format!("set idle: Stop in pool {pool}"),
                JUST_THIS_ONCE.to_owned(),
                anytime(pool, Cause::Stop),
            ],
            Self::SharesChannel {
                pool,
                others,
                off_air: time,
                ..
            } => vec![
                format!("set state: Ready for {}", Names(others)),
                format!("{JUST_THIS_ONCE} ({})", off_air(others, *time)),
                anytime(pool, Cause::Stop),
            ],
            _ => Vec::new(),
        }
    }

    /// The channel itself is in the way.
    fn ways_to_the_channel(&self) -> Vec<String> {
        match self {
            Self::ChannelFailed { channel, .. } => vec![
                format!("repair or delete channel {channel} in MediaLive"),
                "add a channel to channels: of the pool".to_owned(),
            ],
            Self::ChannelMissing { channel } => {
                vec![format!(
                    "correct the id {channel} in the pool, or check the region"
                )]
            }
            Self::ChannelUnreadable { .. } => vec!["see the cause; it is tried again every cycle".to_owned()],
            Self::NotAdopted {
                channel,
                strays,
                no_slots,
                takeover,
                ..
            } => {
                let takeover = takeover_way_out(channel, takeover, ", which releases them");
                not_adopted_ways_out(channel, strays, no_slots, takeover)
            }
            Self::Undeclared { slot, takeover, .. } => vec![
                "declare it as a Destination (state: Ready takes it off air)".to_owned(),
                format!("stop channel {} yourself", slot.channel),
                takeover_way_out(&slot.channel, takeover, ", which releases it"),
            ],
            Self::UnusableSlot { slot, why, takeover } => vec![
                why.advice().to_owned(),
                format!("stop channel {} yourself", slot.channel),
                takeover_way_out(&slot.channel, takeover, ""),
            ],
            Self::OnAirBesideSlots {
                channel,
                output_group,
                destination,
            } => beside_slots_ways_out(channel, output_group.as_ref(), destination),
            Self::OtherGroupOnAir { channel, elsewhere } => vec![
                format!("end it on channel {elsewhere}"),
                format!("take it out of that output group of channel {channel} yourself"),
            ],
            Self::TagsFull { channel } => {
                vec![format!("remove tags that are not needed from channel {channel}")]
            }
            Self::OwnedByAnother { channel, owner } => vec![
                format!(
                    "remove channel {channel} from this pool, or from what {} declares",
                    Owner(owner)
                ),
                format!("run with --owner-id {}, if that is you", Owner(owner)),
                format!("remove the tag slotwise.dev/owner from channel {channel}"),
            ],
            _ => Vec::new(),
        }
    }
}

/// `a and b off air about 3 min`.
pub(in crate::plan) fn off_air(others: &[DestinationName], time: Duration) -> String {
    format!("{} off air about {}", Names(others), Approximately(time))
}

/// What ends a pause of the destination, or of its pool.
pub(in crate::plan) fn end_of_pause(pool: Option<&PoolName>) -> String {
    match pool {
        None => "remove its paused:".to_owned(),
        Some(pool) => format!("remove paused: of pool {pool}"),
    }
}

fn elsewhere_ways_out(channel: &ChannelId, pool: Option<&PoolName>) -> Vec<String> {
    match pool {
        None => vec![format!("end it on channel {channel}")],
        Some(pool) => vec![
            AGAIN.to_owned(),
            anytime(pool, Cause::Retarget),
            JUST_THIS_ONCE.to_owned(),
            format!("set pool: {pool} again"),
        ],
    }
}

fn no_free_slot_ways_out(pool: &PoolName, outranked_by: Option<&DestinationName>) -> Vec<String> {
    let mut ways = vec![
        format!("set state: Ready for another destination of pool {pool}"),
        add_channel(pool),
    ];
    // What is on air keeps its slot, whatever the priorities.
    ways.extend(
        outranked_by.map(|other| format!("raise its priority above that of {other}, before that is on air")),
    );
    ways
}

/// The grant of every interruption for `cause`.
pub(in crate::plan) fn anytime(pool: &PoolName, cause: Cause) -> String {
    format!("set disruption.interrupt: Anytime in pool {pool}, with {cause} in for:")
}

fn add_channel(pool: &PoolName) -> String {
    format!("add a channel to channels: of pool {pool}")
}

fn forbidden_ways_out(
    pool: &PoolName,
    (others, time): (&[DestinationName], Duration),
    cause: Option<Cause>,
    own: bool,
) -> Vec<String> {
    let loss = match (own, others.is_empty()) {
        (true, true) => format!("it is off air about {}", Approximately(time)),
        (true, false) => format!("it and {}", off_air(others, time)),
        (false, true) => "nothing wanted goes off air".to_owned(),
        (false, false) => off_air(others, time),
    };
    let grant = match (cause, own) {
        (None, true) => format!("{} ({loss})", anytime(pool, Cause::Retarget)),
        (None, false) => format!("{} ({loss})", anytime(pool, Cause::Start)),
        (Some(cause), _) => format!("add {cause} to disruption.for: of pool {pool} ({loss})"),
    };
    let mut ways = vec![grant, JUST_THIS_ONCE.to_owned()];
    if own {
        ways.push(AGAIN.to_owned());
    }
    if !others.is_empty() {
        ways.push(format!("set state: Ready for {}", Names(others)));
    }
    ways.push(add_channel(pool));
    ways
}

fn no_slot_ways_out(
    pool: &PoolName,
    output_groups: &str,
    unusable: Option<&(SlotId, NoSlot)>,
) -> Vec<String> {
    let correct = format!("correct slots.outputGroups of pool {pool}");
    match unusable {
        None => vec![
            correct,
            format!("give its channels RTMP output groups named {output_groups}"),
        ],
        Some((_, why)) => vec![why.advice().to_owned(), correct],
    }
}

/// How `takeover: true` would help after all.
fn takeover_way_out(channel: &ChannelId, takeover: &NoTakeover, then: &str) -> String {
    match takeover {
        NoTakeover::NotSet => {
            format!("set takeover: true on channel {channel} in channels: of the pool{then}")
        }
        NoTakeover::Used => format!(
            "set takeover: false on channel {channel} in channels: of the pool, apply, and set it to true again{then}"
        ),
        NoTakeover::Denied { .. } => format!(
            "allow medialive:CreateTags and medialive:DeleteTags for {TAKEOVER_TAG}, as manifests/iam-policy.json does"
        ),
        NoTakeover::TagsFull => format!("remove tags that are not needed from channel {channel}{then}"),
    }
}

fn not_adopted_ways_out(
    channel: &ChannelId,
    strays: &[Stray],
    no_slots: &[(OutputGroup, NoSlot)],
    takeover: String,
) -> Vec<String> {
    let mut ways: Vec<String> = Vec::new();
    for (_, why) in no_slots {
        if !ways.iter().any(|one| one == why.advice()) {
            ways.push(why.advice().to_owned());
        }
    }
    let undeclared = || strays.iter().filter(|stray| stray.of.is_none());
    if undeclared().any(|stray| !stray.beside) {
        ways.push("declare these targets as Destinations".to_owned());
    }
    // One without a name cannot be a slot, which `no_slots` has.
    let beside = undeclared().filter(|stray| stray.beside && !stray.output_group.as_str().is_empty());
    let groups: Vec<&str> = beside.map(|stray| stray.output_group.as_str()).collect();
    if !groups.is_empty() {
        ways.push(format!(
            "let slots.outputGroups of the pool match {}, and declare what is in there as Destinations",
            groups.join(", ")
        ));
    }
    ways.extend([
        format!("stop channel {channel} yourself"),
        takeover,
        format!("remove channel {channel} from the pool"),
    ]);
    ways
}

fn beside_slots_ways_out(
    channel: &ChannelId,
    output_group: Option<&OutputGroup>,
    destination: &DestinationName,
) -> Vec<String> {
    let widen = output_group
        .map(|group| format!("let slots.outputGroups of the pool match {group}, so that it is a slot"));
    let others = [
        format!("set state: Ready for {destination}"),
        format!("take its target out of that output group of channel {channel} yourself"),
    ];
    widen.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_out_names_the_field_the_value_and_the_pool() {
        let shares = Waiting::SharesChannel {
            pool: "main".into(),
            slot: SlotId::new("4000001", "RTMP-Slot-1"),
            others: vec!["corp-cdn".into()],
            off_air: Duration::from_mins(3),
        };
        assert_eq!(
            shares.ways_out_of(&"twitch".into()),
            [
                "set state: Ready for corp-cdn",
                "just this once: apply with --interrupt twitch (corp-cdn off air about 3 min)",
                "set disruption.interrupt: Anytime in pool main, with Stop in for:",
            ]
        );
        let forbidden = |cause| Waiting::InterruptionForbidden {
            pool: "main".into(),
            slot: SlotId::new("4000001", "RTMP-Slot-1"),
            others: vec!["corp-cdn".into()],
            off_air: Duration::from_mins(3),
            cause,
            own: false,
        };
        let first = |waiting: Waiting| waiting.ways_out().remove(0);
        assert_eq!(
            first(forbidden(None)),
            "set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn off air about 3 min)"
        );
        assert_eq!(
            first(forbidden(Some(Cause::Start))),
            "add Start to disruption.for: of pool main (corp-cdn off air about 3 min)"
        );
    }
}
