//! The one way to MediaLive.
//!
//! ```text
//!   document   JSON text ──► channel as seen;  channel + writes ──► body of UpdateChannel   (pure, lossless)
//!   error      whatever went wrong ──► one kind, by code, once
//!   client     the only one that names SDK operations; client::probe makes those that change nothing, for `doctor`
//!   limit      how many requests a second leave this process; limiter says which one is next
//!   meter      and what came of each
//!   permit     leave to make one mutating call: until when, in whose name
//! ```
//!
//! There is no mock: in tests the emulator stands behind the same client, on a socket or in memory.

mod client;
mod document;
mod error;
mod limit;
mod limiter;
mod meter;
mod permit;

pub use client::probe::{Home, NoRehearsal, Rehearsal};
pub use client::{MediaLive, Settings};
pub use document::{ChannelDocument, DocumentError, Layout, OWNER_TAG, SlotTarget, Summary};
pub use error::{CallError, Kind};
pub use limit::RateLimit;
pub use meter::Meter;
pub(crate) use permit::Limits;
pub use permit::Permit;
