//! What the ways to the services of AWS share: below the SDK the pace and the count of requests, above it permits and errors.
//!
//! ```text
//!   error      any failure ──► one kind, by code
//!   limit      how many requests a second leave this process; limiter says which one is next
//!   meter      the result of each
//!   permit     permission for one mutating call: its end, and the lease it is made under
//!   wire       what tells one service from another there; the text of an answer, the text of a body
//! ```
//!
//! It names no operation of any service: [`crate::medialive`] and [`crate::mediaconnect`] do.

mod error;
mod limit;
mod limiter;
mod meter;
mod permit;
mod wire;

pub(crate) use error::without_secrets;
pub use error::{CallError, CallErrorKind, Subject};
pub(crate) use limit::LimitedHttpClient;
pub use limit::RateLimit;
pub(crate) use limiter::Priority;
pub use meter::Meter;
pub(crate) use permit::Limits;
pub use permit::Permit;
pub(crate) use wire::{Answer, Service, put_json};
