//! slotwise: every restreaming destination of AWS MediaLive on its own switch.
//!
//! A MediaLive channel cannot be updated while it runs. slotwise is a reconciliation controller around that: it gives
//! each declared destination a *slot*, an RTMP output group configured once, on a channel that is stopped; changes a
//! channel only while it is stopped; and starts and stops channels, so that nothing on air is interrupted.
//!
//! # Structure
//!
//! *Stores give Desired, observe gives Observed, plan turns both into a Plan with reasons, execute carries it out
//! step by step, status says what is true.*
//!
//! ```text
//!   store ──► Desired ─┐                         ┌─► check ─► execute ──► medialive ──► AWS, or
//!                      ├─► read ─► guard ─► plan ┤                            ▲         the emulator
//!   observe ► Observed ┘                         └─► status ► render ► cli,api│
//!      └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! One way, once per cycle. `read` finds the occupant of each slot, from the slot's target and the tag that records it; `guard`
//! takes the reading and decides whether what vanished from the declaration may be released; `plan` places, grants and
//! orders; `check` reads the same channels again with code of its own and refuses what breaks a rule. What is not done has
//! a [`plan::Waiting`]: no later part drops a step without a reason.
//!
//! | module | does | may |
//! |---|---|---|
//! | [`model`] | the vocabulary: what is declared, what was seen | nothing: pure, imports no other module |
//! | [`manifest`] | the one way in for declared state: raw → validated, every problem at once | nothing: pure |
//! | [`draft`] | declared state written from channels that exist | nothing: pure |
//! | [`plan`] | what to do and why; `plan::check`, the second author, rejects what breaks a rule | nothing: pure |
//! | [`record`] | what a plan was made from, without secrets, as text; and the plan made again from that | nothing: pure |
//! | [`status`] | what is true of every destination and channel | nothing: pure |
//! | [`render`] | plans, status and events as text and versioned JSON | nothing: pure |
//! | [`store`] | where Desired comes from, and status goes back: files, tables | read and watch files, call DynamoDB |
//! | [`secrets`] | references to stream keys → keys | read files and the environment, call AWS |
//! | [`medialive`] | the one way to MediaLive: client, lossless documents | call AWS |
//! | [`mediaconnect`] | the one way to MediaConnect's routers, likewise; used where a RouterPool is declared, and once by a process without one | call AWS |
//! | [`service`] | what the ways to services share: pace, permits, errors classified once | nothing by itself |
//! | [`observe`] | List, and Describe where neither the list nor channels that look alike suffice → Observed | call AWS, reads only |
//! | [`execute`] | one step of one channel: lease → precheck → act → record | call AWS |
//! | [`doctor`] | whether all that a controller needs is there, check by check | call AWS, reads and dry checks only |
//! | [`controller`] | one cycle after the other; what to remember | wait |
//! | [`controller::lease`] | which of several processes may write: a file lock, or a row in DynamoDB | call DynamoDB, lock a file |
//! | [`write_lease`] | the leave to write, for those who ask for it | nothing: types |
//! | [`recorder`] | `run --record`: a file for each cycle that differs, off the loop | write files |
//! | [`metrics`] | what is counted, for Prometheus | nothing but count |
//! | [`api`] | the last view over HTTP, read only | listen on a socket |
//! | [`aws`] | how a service of AWS is reached, on first use | nothing by itself |
//! | `files` | opens files named by users: regular files only, up to a size; writes in one piece | read and write files |
//! | `words` | words that several modules write the same way | nothing: pure |
//! | `retry` | how long to wait after failures in a row | nothing: chance is an argument |
//! | [`emulator`] | a MediaLive emulator with MediaConnect's routers, for tests and for a first try | listen on a socket |
//! | [`wiring`] | options → live parts; the only composition root | all of it |
//! | [`cli`] | the command line, one file per subcommand | print |
//! | [`testing`] | what tests, benchmarks and examples use of all this; beside it and [`main`] nothing is public, so that dead code is found | nothing |
//!
//! # What always holds
//!
//! Each is kept by a type or by a test (`tests/it/tidy.rs` for those about the code itself):
//!
//! - Nothing wanted and on air is stopped unless the pool's policy grants it. No running channel is updated. Nothing
//!   outside the slots is changed. The planner keeps to it, `plan::check` refuses what does not, the channel is read again
//!   before every step (a start right after an update relies on the look that showed the end of the update; before the
//!   stop of a second copy the channel of the first one is read, too), and every call that changes anything needs a
//!   [`service::Permit`].
//! - A channel is stopped only if every slot of it is parked, surplus or held by a destination that is not wanted, or if an
//!   interruption is granted and the channel can start again (`plan/protection.rs`, and from the raw channel again
//!   `plan/check/stops.rs`). What is not recognised is a reason to leave a channel alone. `takeover: true` of a channel releases it
//!   once; that this has begun and that it is used up are recorded in a tag of the channel, without which nothing is released
//!   (`plan/reading/takeover.rs`).
//! - The occupant of a slot is recorded in a tag of its channel before the slot is pointed. A tag whose digest does not fit the
//!   present target proves nothing ([`model::SlotTag`]).
//! - A router output is known by its tags, and touched only where it is this owner's and of a declared pool. No step of one changes
//!   another one. A wanted destination's output is stopped for its own change only, by a grant (`plan/router/`, and from the raw
//!   outputs again `plan/check/outputs.rs`).
//! - A declared stream is on air once, whatever its spelling ([`model::Stream`]). Every channel of the account counts for
//!   that, whatever its owner.
//! - A stream key is a [`model::Secret`], which cannot be printed. It leaves the process in three bodies only: of
//!   UpdateChannel, CreateRouterOutput and UpdateRouterOutput.
//! - One controller per owner writes at a time. The gate asks the lease before each mutating call, and the client once more
//!   right before the request leaves; each such call names holder and epoch in its user agent.
//! - No call is begun on a declaration that was read more than 15 s before ([`execute::StepPermit`]), however long a look took or the
//!   machine was suspended.
//! - The plan decides, the executor obeys: no choice is left at execution time. A pool whose plan is refused is held
//!   ([`plan::held`]); the others continue.
//! - Triggers carry no data: they say "look again". A crash at any point is healed by the next cycle.
//! - The inputs of a plan determine it: a replay of what [`record`] keeps is compared in every field.
//! - Pure modules have no I/O, no clock and no chance: time and seeds are arguments, maps are sorted.
//! - A simulation tests all of this together in virtual time: `tests/simulation.rs` is its map.
//! - The emulator is always behind the wire format; there is no mock of the client.
//!
//! # Where this differs from the plan it was built from
//!
//! - `Secret` is in [`model`], not in `secrets`: the planner compares targets, so the vocabulary needs the type.
//!   `secrets` makes it from references.
//! - Tables are read and written by tasks of [`store`], not by the cycle: a load takes the last look, and a status is
//!   handed over. Only the holder of the lease writes statuses, by the same [`write_lease::WriteLease`] as the gate.
//! - A controller's memory of its own work (interrupted destinations and their slots, failures of channels) is part of
//!   [`model::Observed`]. The planner stays a function of its arguments.
//! - The plan of a RouterPool is a folder, `plan/router/`. How many outputs a region may have is learned where MediaConnect says
//!   that it is full, not asked.
//! - A destination that moves to a RouterPool with the input and the interface that its output has keeps that output: nothing ends.
//!   An output whose pool is declared no longer goes on in the RouterPool that has its destination, by name and stream.
//! - A process whose sources declare no RouterPool looks once whether outputs of this owner are there: a pool may have been taken out
//!   while nobody ran, and its destination put into a ChannelPool, which would push the stream again. Denied, absent or slow, it
//!   goes on without (`controller/outputs/look.rs`).
//! - A channel that a RouterPool names as its source and that has other output groups is left running, although slotwise started
//!   it: a RouterPool has no `idle:` by which an operator said that they may end.

mod api;
mod aws;
mod cli;
mod controller;
mod doctor;
mod draft;
mod emulator;
mod execute;
mod files;
mod manifest;
mod mediaconnect;
mod medialive;
mod metrics;
mod model;
mod observe;
mod plan;
mod record;
mod recorder;
mod render;
mod retry;
mod secrets;
mod service;
mod status;
mod store;
pub mod testing;
mod wiring;
mod words;
mod write_lease;

pub use cli::main;

/// An error with its causes, each once: `cannot look at the channels: ListChannels: access denied`.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
