//! The lease: that no two write at once, and that somebody does.
//!
//! ```text
//!   candidates   the protocol alone, over a table that delays, loses and forgets; stopped and killed processes
//!   replicas     whole controllers in virtual time, with the default lease of 15 s
//!   processes    the binary, twice, over DynamoDB: killed, stopped, cut off. The emulator's record says who wrote what
//!   locks        the binary, twice, over a locked file; grants that are handed to who holds it
//! ```

mod candidates;
mod locks;
mod processes;
mod replicas;
mod tools;
