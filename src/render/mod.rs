//! Plans, status and events as people and programs read them.
//!
//! Pure: values in, text out. Whether there is a terminal, how wide it is and whether it shows colours is said by
//! [`Style`]; what time it is, by the caller. Everything that came from outside (names of channels, hosts, messages
//! of the service) loses its control characters on the way, so that nothing can move a reader's cursor.
//!
//! | module | of | for |
//! |---|---|---|
//! | [`plan`] | [`Plan`](crate::plan::Plan) | a terminal |
//! | [`plan_json`] | the same | programs, and the saved plan |
//! | [`plan_markdown`] | the same | a comment on a pull request |
//! | [`explain`] | [`Explanation`](crate::plan::Explanation) | a terminal |
//! | [`explain_json`] | the same | programs |
//! | [`status`] | [`Status`](crate::status::Status) | a terminal, and programs |
//! | [`progress`] | [`Event`](crate::controller::Event) | somebody watching `run` or `apply` |
//! | [`doctor`] | [`Check`](crate::doctor::Check)s | somebody setting slotwise up, and programs |
//! | [`replay`] | [`Replayed`](crate::record::Replayed) | somebody with a bug report |
//! | [`problems`] | [`Problem`](crate::manifest::Problem)s | whoever wrote the YAML, and CI |

pub mod differences;
pub mod doctor;
pub mod explain;
pub mod explain_json;
pub mod plan;
pub mod plan_json;
pub mod plan_markdown;
pub mod problems;
pub mod progress;
pub mod replay;
#[cfg(test)]
mod samples;
pub mod stale;
pub mod status;
pub mod style;
mod summary;
mod table;

pub use style::Style;
pub use summary::Summary;
