//! The one way to MediaLive.
//!
//! ```text
//!   document   JSON text ──► channel as seen;  channel + writes ──► body of UpdateChannel   (pure, lossless)
//!   error      any failure ──► one kind, by code
//!   client     the only one that names SDK operations; client::probe makes those that change nothing, for `doctor`
//!   limit      how many requests a second leave this process; limiter says which one is next
//!   meter      the result of each
//!   permit     permission for one mutating call: its end, and the lease it is made under
//! ```
//!
//! There is no mock: in tests the emulator is behind the same client, on a socket or in memory.

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
