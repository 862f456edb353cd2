//! The one way to MediaConnect's routers: outputs, inputs, network interfaces.
//!
//! ```text
//!   document   JSON text ──► outputs, inputs, interfaces as seen;  what is wanted ──► bodies   (pure)
//!   target     an RTMP endpoint ◄──► the address, port and names of an RTMP push                (pure)
//!   names      the name of an output, for people; the token that makes a creation repeatable    (pure)
//!   client     the only one that names SDK operations
//!   wire       which operation a request is, and how urgent
//! ```
//!
//! Pace, errors and permits are those of every service: [`crate::service`]. What is asked of MediaConnect only when a pool is
//! declared for it is the caller's to know: nothing here makes a call by itself.
//!
//! There is no mock: in tests the emulator is behind the same client, on a socket or in memory.

mod client;
mod document;
mod names;
mod target;
mod wire;

pub use client::{Listed, MediaConnect, Settings};
pub use document::{InputDocument, NetworkInterface, NewOutput, OutputDocument, OutputSummary};
pub use names::{client_token, output_name};
