//! The vocabulary: what is declared and what was seen, in types that cannot hold an invalid value.
//!
//! Pure, and at the bottom: it imports no other module. Every map is sorted, so nothing computed from these types
//! depends on the order of files, answers or hash seeds.
//!
//! - [`id`]: names of things
//! - [`secret`]: a stream key that cannot be printed
//! - [`target`]: what a slot points at
//! - [`stream`]: which of those are equal, and which the same stream
//! - [`tag`]: what is recorded of a slot
//! - [`digest`]: short digests of what may not be shown
//! - [`destination`], [`pool`]: what is declared
//! - [`desired`]: all of it together, and how far it can be trusted
//! - [`router`]: router outputs of MediaConnect, as declared and as seen
//! - [`source`]: the MediaLive channels in front of their inputs
//! - [`channel`]: what was seen

pub mod channel;
pub mod desired;
pub mod destination;
pub mod digest;
pub mod id;
pub mod pool;
pub mod router;
#[cfg(test)]
pub(crate) mod samples;
pub mod secret;
pub mod source;
pub mod stream;
pub mod tag;
pub mod target;

pub use channel::{
    ChannelClass, ChannelObservation, ChannelState, ChannelTags, NoSlot, Observed, ObservedChannel,
    ObservedGroup, OtherGroup, Recording, Refused, Returning, Trouble,
};
pub use desired::{Desired, Trust};
pub use destination::{Destination, Pause, Pin, StreamKey, WantedState};
pub use digest::ShortDigest;
pub use id::{
    ChannelId, DestinationName, GroupName, Identity, Outlet, OutputGroup, OwnerId, PoolName, RouterArn,
    SlotId,
};
pub use pool::{
    Cause, ChannelPool, Disruption, Idle, Interrupt, Placement, Pool, PoolChannel, SlotSelector, Window,
};
pub use router::{
    InputState, Maintenance, MaintenanceWindow, ObservedRouters, OutputRecord, OutputState, RouteState,
    RouterInput, RouterOutput, RouterPool, RouterQuota, RouterSettings, Tier, Unreadable,
};
pub use secret::Secret;
pub use source::{SourceChannel, SourceObservation};
pub use stream::Stream;
pub use tag::{Mark, Recorded, SlotTag, TargetDigest};
pub use target::{Endpoint, Login, Target};
