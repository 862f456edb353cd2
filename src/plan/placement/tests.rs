//! The solution against all placements of small problems, and how far the proof goes.

mod brute;
mod pools;
mod rules;
