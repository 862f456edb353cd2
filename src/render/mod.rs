//! Plans, status and events as text and JSON.
//!
//! Pure: values in, text out. [`Style`] says whether there is a terminal, how wide it is and whether it shows colours; the
//! caller gives the time. Everything that came from outside (names of channels, hosts, messages of the service) loses
//! its control characters on the way, so that nothing can move a reader's cursor.
//!
//! | module | of | for |
//! |---|---|---|
//! | [`plan`] | [`Plan`](crate::plan::Plan) | a terminal |
//! | [`plan_json`] | the same | programs, and the saved plan |
//! | [`plan_markdown`] | the same | a comment on a pull request |
//! | [`explain`] | [`Explanation`](crate::plan::Explanation) | a terminal |
//! | [`explain_json`] | the same | programs |
//! | [`status`] | [`Status`](crate::status::Status) | a terminal, and programs |
//! | [`progress`] | [`Event`](crate::controller::Event) | a terminal with `run` or `apply` |
//! | [`doctor`] | [`Check`](crate::doctor::Check)s | the setup of slotwise, and programs |
//! | [`replay`] | [`Replayed`](crate::record::Replayed) | a bug report |
//! | [`problems`] | [`Problem`](crate::manifest::Problem)s | authors of YAML, and CI |

pub mod differences;
pub mod doctor;
pub mod explain;
pub mod explain_json;
pub mod feeds;
pub mod plan;
pub mod plan_json;
pub mod plan_markdown;
pub mod problems;
pub mod progress;
pub mod replay;
mod routers;
pub mod routers_json;
#[cfg(test)]
mod samples;
pub mod stale;
pub mod status;
pub mod style;
mod summary;
mod table;

pub use style::Style;
pub use summary::Summary;
