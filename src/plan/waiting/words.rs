//! What a waiting says to a person, in one sentence.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;

use super::{NoTakeover, Waiting};
use crate::model::{
    Cause, ChannelId, DestinationName, NoSlot, OtherGroup, OutputGroup, OwnerId, Pause, PoolName, SlotId,
};
use crate::plan::Stray;
use crate::plan::reason::Names;
use crate::plan::router::say_on_air_in_output;

impl Display for Waiting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(waiting) => waiting.fmt(f),
            Self::NoFreeSlot { pool, .. } => {
                write!(f, "every slot of pool {pool} that could carry it is taken")
            }
            Self::NoSlot {
                pool,
                output_groups,
                unusable,
                there,
            } => no_slot(f, pool, output_groups, unusable.as_ref(), there),
            Self::InterruptionForbidden {
                slot,
                others,
                cause,
                own: true,
                ..
            } => own_change(f, slot, others, *cause),
            Self::InterruptionForbidden {
                slot, others, cause, ..
            } => forbidden(f, slot, others, *cause),
            Self::OutsideWindow { slot, others, opens } => outside_window(f, slot, others, *opens),
            Self::Uninterruptible { slot, by } => uninterruptible(f, slot, by),
            Self::SharesChannel { slot, others, .. } => shares_channel(f, slot, others),
            Self::MaxConcurrent { channel, limit } => {
                write!(
                    f,
                    "{channel} waits its turn: the pool interrupts at most {limit} at once"
                )
            }
            Self::SecretUnavailable { reference, why } => {
                write!(f, "its key ({reference}) cannot be read: {why}")
            }
            Self::TargetRefused { what } => write!(f, "MediaLive refused to point a slot at it: {what}"),
            Self::SlotIncompatible { slot, why } => write!(f, "{slot} cannot carry it: {why}"),
            Self::PinnedSlotTaken { slot, by, .. } => pinned_slot_taken(f, slot, by),
            Self::PinnedElsewhere { on_air, pinned } => {
                write!(
                    f,
                    "on air in {on_air}; goes to {pinned}, where it is pinned, when it is next off air"
                )
            }
            Self::SameTarget { other } => write!(f, "{other} is the same stream and comes first"),
            Self::OnAirInOutput { output, of } => say_on_air_in_output(f, output, of.as_ref()),
            Self::OnAirElsewhere {
                channel,
                output_group,
                pool,
            } => on_air_elsewhere(f, channel, output_group.as_ref(), pool.as_ref()),
            Self::Paused { pool, pause } => paused(f, pool.as_ref(), pause),
            Self::SourceUntrusted { why } => write!(f, "the declaration may not be whole: {why}"),
            of_the_channel => of_the_channel.fmt_of_channel(f),
        }
    }
}

impl Waiting {
    /// What is the matter with a channel.
    fn fmt_of_channel(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelInTransition { channel, state } => write!(f, "{channel} is {state}"),
            Self::ChannelRecovering { channel } => {
                write!(
                    f,
                    "{channel} is RECOVERING and is not stopped for a change meanwhile"
                )
            }
            Self::ChannelFailed { channel, state } => write!(f, "{channel} is {state} and cannot be used"),
            Self::ChannelMissing { channel } => write!(f, "MediaLive knows no channel {channel}"),
            Self::ChannelUnreadable { channel, why } => write!(f, "{channel} could not be read: {why}"),
            Self::BackingOff {
                channel,
                failures,
                attempts,
                retry_at,
                what,
            } => backing_off(f, channel, *failures.max(attempts), *retry_at, what),
            Self::NotAdopted {
                channel,
                strays,
                others,
                no_slots,
                takeover,
            } => {
                not_adopted(f, channel, strays, others, no_slots)?;
                takeover.fmt(f)
            }
            Self::Undeclared { slot, host, takeover } => write!(
                f,
                "{} is not stopped: no Destination explains what is on air in {} ({host}){takeover}",
                slot.channel, slot.output_group
            ),
            Self::UnusableSlot { slot, why, takeover } => {
                let (channel, group) = (&slot.channel, Group(&slot.output_group));
                write!(
                    f,
                    "{channel} is not stopped: {group} cannot be a slot: {why}{takeover}"
                )
            }
            Self::OnAirBesideSlots {
                channel,
                output_group,
                destination,
            } => beside_slots(f, channel, output_group.as_ref(), destination),
            Self::OtherGroupOnAir { channel, elsewhere } => other_group_on_air(f, channel, elsewhere),
            Self::TagsFull { channel } => {
                write!(
                    f,
                    "{channel} has as many tags as a channel may have: no more slots of it can be given"
                )
            }
            Self::OwnedByAnother { channel, owner } => {
                write!(f, "{channel} belongs to the owner {}", Owner(owner))
            }
            _ => f.write_str(self.code()),
        }
    }
}

fn backing_off(
    f: &mut Formatter<'_>,
    channel: &ChannelId,
    failures: u32,
    retry_at: Timestamp,
    what: &str,
) -> fmt::Result {
    match failures {
        0 | 1 => write!(f, "{channel} failed ({what})")?,
        more => write!(f, "{channel} failed {more} times in a row ({what})")?,
    }
    write!(f, "; next try at {retry_at:.0}")
}

fn forbidden(
    f: &mut Formatter<'_>,
    slot: &SlotId,
    others: &[DestinationName],
    cause: Option<Cause>,
) -> fmt::Result {
    let channel = &slot.channel;
    if others.is_empty() {
        write!(
            f,
            "{channel} has a place for it, but the pool keeps its channels running and "
        )?;
    } else {
        write!(
            f,
            "{channel} has a place for it, but {} on air there and ",
            Are(others)
        )?;
    }
    match cause {
        None => f.write_str("the pool never interrupts"),
        Some(cause) => write!(f, "the pool does not interrupt for {cause}"),
    }
}

/// A destination on air whose own URL or key has changed.
fn own_change(
    f: &mut Formatter<'_>,
    slot: &SlotId,
    others: &[DestinationName],
    cause: Option<Cause>,
) -> fmt::Result {
    write!(
        f,
        "its new URL or key is written while {} is stopped, and it is on air there",
        slot.channel
    )?;
    if !others.is_empty() {
        write!(f, " with {}", Names(others))?;
    }
    match cause {
        None => f.write_str("; the pool never interrupts"),
        Some(cause) => write!(f, "; the pool does not interrupt for {cause}"),
    }
}

fn outside_window(
    f: &mut Formatter<'_>,
    slot: &SlotId,
    others: &[DestinationName],
    opens: Option<Timestamp>,
) -> fmt::Result {
    write!(
        f,
        "{} on air on {}, and no window is open",
        Are(others),
        slot.channel
    )?;
    opens.map_or(Ok(()), |at| write!(f, "; the next opens at {at:.0}"))
}

fn uninterruptible(f: &mut Formatter<'_>, slot: &SlotId, by: &[DestinationName]) -> fmt::Result {
    write!(
        f,
        "{} on air on {} and must not be interrupted",
        Are(by),
        slot.channel
    )
}

fn shares_channel(f: &mut Formatter<'_>, slot: &SlotId, others: &[DestinationName]) -> fmt::Result {
    let channel = &slot.channel;
    if others.is_empty() {
        return write!(
            f,
            "stays on air on {channel}: the pool keeps its channels running"
        );
    }
    write!(
        f,
        "stays on air on {channel} until {} ended: they share the channel",
        Have(others)
    )
}

pub(in crate::plan) fn paused(f: &mut Formatter<'_>, pool: Option<&PoolName>, pause: &Pause) -> fmt::Result {
    match pool {
        Some(pool) => write!(f, "pool {pool} is paused")?,
        None => f.write_str("paused")?,
    }
    if let Some(until) = pause.until {
        write!(f, " until {until:.0}")?;
    }
    if let Some(by) = &pause.by {
        write!(f, " by {by}")?;
    }
    pause.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
}

fn no_slot(
    f: &mut Formatter<'_>,
    pool: &PoolName,
    output_groups: &str,
    unusable: Option<&(SlotId, NoSlot)>,
    there: &[OutputGroup],
) -> fmt::Result {
    match unusable {
        None => write!(
            f,
            "pool {pool} has no slot: no output group of a channel that may be used matches {output_groups}"
        )?,
        Some((slot, why)) => write!(
            f,
            "pool {pool} has no slot: of the output groups that match {output_groups} none can be one; {} of {}: {why}",
            Group(&slot.output_group),
            slot.channel
        )?,
    }
    match there {
        [] => Ok(()),
        there => {
            let names: Vec<String> = there.iter().map(|name| Group(name).to_string()).collect();
            write!(
                f,
                "; its RTMP output groups are {} (globs are case sensitive)",
                names.join(", ")
            )
        }
    }
}

fn pinned_slot_taken(f: &mut Formatter<'_>, slot: &SlotId, by: &str) -> fmt::Result {
    write!(f, "{slot}, where it is pinned, is taken by {by}")
}

fn beside_slots(
    f: &mut Formatter<'_>,
    channel: &ChannelId,
    output_group: Option<&OutputGroup>,
    destination: &DestinationName,
) -> fmt::Result {
    write!(f, "{channel} is left as it is: {destination} is in ")?;
    match output_group {
        Some(group) => write!(f, "{}, which is no slot of the pool", Group(group)),
        None => f.write_str("an output group that is no slot"),
    }
}

fn other_group_on_air(f: &mut Formatter<'_>, channel: &ChannelId, elsewhere: &ChannelId) -> fmt::Result {
    write!(
        f,
        "{channel} is left as it is: the stream of an output group of it that is no slot is, or may be, on air on {elsewhere}, and \
         has to end there first"
    )
}

fn on_air_elsewhere(
    f: &mut Formatter<'_>,
    channel: &ChannelId,
    output_group: Option<&OutputGroup>,
    pool: Option<&PoolName>,
) -> fmt::Result {
    write!(f, "its stream is, or may be, on air on {channel}")?;
    if let Some(output_group) = output_group {
        write!(f, " ({output_group})")?;
    }
    if let Some(pool) = pool {
        write!(f, " of pool {pool}")?;
    }
    f.write_str(", and has to end there first")
}

fn not_adopted(
    f: &mut Formatter<'_>,
    channel: &ChannelId,
    strays: &[Stray],
    others: &[OtherGroup],
    no_slots: &[(OutputGroup, NoSlot)],
) -> fmt::Result {
    write!(f, "{channel} is left alone: it is on air with ")?;
    let of_none = strays
        .iter()
        .filter(|stray| stray.of.is_none())
        .collect::<Vec<_>>();
    let of_some = strays
        .iter()
        .filter(|stray| stray.of.is_some())
        .collect::<Vec<_>>();
    let mut parts = Vec::new();
    if !of_none.is_empty() {
        parts.push(format!(
            "targets that no Destination explains: {}",
            Strays(&of_none)
        ));
    }
    if !of_some.is_empty() {
        let words = "targets of destinations that have no slot there";
        parts.push(format!("{words}: {}", Strays(&of_some)));
    }
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(other_group).collect();
        parts.push(format!("outputs that are no slots ({})", names.join(", ")));
    }
    if parts.is_empty() {
        parts.push("nothing that is declared and wanted".to_owned());
    }
    f.write_str(&parts.join(", and "))?;
    for (group, why) in no_slots {
        write!(f, "; {} cannot be a slot: {why}", Group(group))?;
    }
    Ok(())
}

/// What follows on what is not taken over.
impl Display for NoTakeover {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet => Ok(()),
            Self::Used => f.write_str("; takeover: true is used up, as it releases once"),
            Self::Denied { why } => write!(f, "; takeover: true waits: {why}"),
            Self::TagsFull => {
                f.write_str("; takeover: true waits: the channel has as many tags as a channel may have")
            }
        }
    }
}

fn other_group(group: &OtherGroup) -> String {
    if group.name.is_empty() {
        format!("a {} group without a name", group.kind)
    } else {
        group.name.to_string()
    }
}

/// An output group's name, or words for one that has none.
struct Group<'a>(&'a OutputGroup);

impl Display for Group<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => f.write_str("an output group without a name"),
            name => f.write_str(name),
        }
    }
}

/// An owner as its tag says; in quotes where it cannot be read without.
pub(super) struct Owner<'a>(pub(super) &'a OwnerId);

impl Display for Owner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            owner if owner.is_empty() || owner.contains(char::is_whitespace) => write!(f, "'{owner}'"),
            owner => f.write_str(owner),
        }
    }
}

/// `RTMP-2 → live.example`, `RTMP-2 → youtube`.
struct Strays<'a>(&'a [&'a Stray]);

impl Display for Strays<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, stray) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let target = stray
                .of
                .as_ref()
                .map_or(stray.host.as_str(), DestinationName::as_str);
            // What cannot be a slot is known by where it goes only.
            let group = match stray.output_group.as_str() {
                "" => "what is no slot",
                name => name,
            };
            write!(f, "{comma}{group} → {target}")?;
        }
        Ok(())
    }
}

/// `a is`, `a and b are`.
struct Are<'a>(&'a [DestinationName]);

impl Display for Are<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verb = if self.0.len() == 1 { "is" } else { "are" };
        write!(f, "{} {verb}", Names(self.0))
    }
}

/// `a has`, `a and b have`.
struct Have<'a>(&'a [DestinationName]);

impl Display for Have<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verb = if self.0.len() == 1 { "has" } else { "have" };
        write!(f, "{} {verb}", Names(self.0))
    }
}
