//! For each rule a plan that keeps it, and its neighbour that does not and is caught.

mod air;
mod goals;
mod hand;
mod reading;
mod steps;
mod stops;
mod tags;
mod violation;

pub(in crate::plan) use hand::occupants;
