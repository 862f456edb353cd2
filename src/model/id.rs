//! Names of things, each its own type so that a channel id is never taken for a pool's name. They are used in many
//! places at once, so a clone shares the text.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is. Text from manifests was checked by `manifest` before.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                *self.0 == *text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                *self.0 == **text
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
    };
}

name! {
    /// `metadata.name` of a Destination: a DNS label, unique among all sources.
    DestinationName
}
name! {
    /// Identifies a declaration independently of its name: what slot tags hold. For an object in a file its name; for an item
    /// of a table made from the item's key, so that a name that is reused by another item takes over no slot.
    Identity
}
name! {
    /// `metadata.name` of a ChannelPool: a DNS label, unique among all sources.
    PoolName
}
name! {
    /// `spec.group` of a Destination: those that like to share a channel.
    GroupName
}
name! {
    /// Id of a MediaLive channel, as in the last part of its ARN. Names of channels are not unique, ids are.
    ChannelId
}
name! {
    /// Which controller a channel belongs to: the value of the tag `slotwise.dev/owner`.
    OwnerId
}

name! {
    /// ARN of a MediaConnect router output, router input or router network interface. Their names may change and need not be
    /// unique, ARNs are.
    RouterArn
}

impl RouterArn {
    /// The region that it names; empty in what is no ARN.
    pub fn region(&self) -> &str {
        self.as_str().split(':').nth(3).unwrap_or_default()
    }

    /// Its last part, which tells it from others of its kind; all of it where it is no ARN.
    pub fn id(&self) -> &str {
        self.as_str().rsplit(':').next().unwrap_or_default()
    }
}

name! {
    /// Name of an output group, unique within its channel.
    OutputGroup
}

/// One RTMP output group of one channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotId {
    /// The channel.
    pub channel: ChannelId,
    /// The output group.
    pub output_group: OutputGroup,
}

impl SlotId {
    /// The slot of `channel` that is its output group `output_group`.
    pub fn new(channel: impl Into<ChannelId>, output_group: impl Into<OutputGroup>) -> Self {
        Self {
            channel: channel.into(),
            output_group: output_group.into(),
        }
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.channel, self.output_group)
    }
}

/// What carries one destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlet {
    /// A slot of a channel.
    Slot(SlotId),
    /// A router output.
    Output(RouterArn),
}

impl Outlet {
    /// The slot, if it is one.
    pub fn slot(&self) -> Option<&SlotId> {
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Output(_) => None,
        }
    }

    /// The router output, if it is one.
    pub fn output(&self) -> Option<&RouterArn> {
        match self {
            Self::Slot(_) => None,
            Self::Output(arn) => Some(arn),
        }
    }
}

impl From<SlotId> for Outlet {
    fn from(slot: SlotId) -> Self {
        Self::Slot(slot)
    }
}
