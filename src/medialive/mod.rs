//! The one way to MediaLive.
//!
//! ```text
//!   document   JSON text ──► channel as seen;  channel + writes ──► body of UpdateChannel   (pure, lossless)
//!   client     the only one that names SDK operations; client::probe makes those that change nothing, for `doctor`
//!   wire       which operation a request is, and how urgent
//! ```
//!
//! Pace, errors and permits are those of every service: [`crate::service`].
//!
//! There is no mock: in tests the emulator is behind the same client, on a socket or in memory.

mod client;
mod document;
mod wire;

pub use client::probe::{Home, NoRehearsal, Rehearsal};
pub use client::{MediaLive, Settings};
pub use document::{ChannelDocument, Layout, RouterFeed, SlotTarget, Summary};

pub use crate::model::tag::OWNER_TAG;
pub(crate) use crate::service::Limits;
pub use crate::service::{CallError, CallErrorKind, Meter, Permit, RateLimit};
