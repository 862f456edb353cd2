//! The planner's rules, by behaviour; what holds of every plan is in `properties`.

mod properties;
