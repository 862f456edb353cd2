//! The lease: no two processes write at once, and one does.
//!
//! ```text
//!   candidates   the protocol alone, over a table that delays, loses and forgets; stopped and killed processes
//!   replicas     whole controllers in virtual time, with the default lease of 15 s
//!   processes    the binary, twice, over DynamoDB: killed, stopped, cut off. The emulator records the writers
//!   locks        the binary, twice, over a locked file; grants handed to its holder
//! ```

mod candidates;
mod locks;
mod processes;
mod replicas;
mod tools;
