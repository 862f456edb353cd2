//! The one way in for declared state: raw types → `validate`, which reports every problem at once → valid types.
//!
//! - [`yaml`]: text → documents → trees, and the place of a field
//! - [`table`]: items of a table → the same trees, and the attribute of a field
//! - [`document`]: either of the two
//! - [`decode`]: trees → [`raw`] objects, every mistake reported, by way of [`de`]
//! - [`validate`]: raw objects → `model`, rule by rule, with [`presets`] and [`mod@reference`]
//! - [`report`]: what is wrong with one object, as [`Problem`]s
//! - [`schema`]: JSON Schemas of the raw types
//!
//! Pure: bytes come in as arguments, keys by way of a function. Rules about several objects, and the last good state of a
//! bad one, are in `store::assemble`.

mod advice;
pub mod de;
pub mod decode;
pub mod document;
pub mod node;
pub mod presets;
pub mod problem;
pub mod raw;
pub mod reference;
pub mod report;
pub mod schema;
pub mod table;
pub mod validate;
pub mod words;
pub mod yaml;

pub use problem::{Location, ObjectId, Problem, Rejected, Severity};
