//! What a running controller shows over HTTP: the real router and socket, the real controller, the emulator.

mod binary;
mod counts;
mod documents;
mod health;
mod limits;
mod live;
