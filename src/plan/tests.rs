//! The planner's rules, by behaviour; what holds of every plan is in `properties`.

mod combined;
mod first_contact;
mod hurried_edits;
mod idle;
mod moves;
mod occupants;
mod own_change;
mod placement_rules;
mod pools_edited;
mod properties;
mod refused;
mod restart;
mod stops;
mod tags;
mod takeover;
mod waiting;
