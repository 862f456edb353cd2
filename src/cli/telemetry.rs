//! The log: to standard error, for the operator, as text or as JSON lines.

use std::ffi::OsString;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::LogFormat;
use super::output::Output;

/// Target of the records that `--log-format json` writes the event log with. Always written.
pub const EVENT_LOG: &str = "slotwise::event";

/// Crates, by the beginning of their names, that handle requests and answers.
const WIRE: [&str; 8] = [
    "aws_sdk",
    "aws_smithy",
    "aws_runtime",
    "hyper",
    "h2",
    "tower",
    "axum",
    "rustls",
];

/// Installs the log of this process. `verbosity` counts `-v`; without any, `RUST_LOG` decides.
pub fn install(verbosity: u8, format: LogFormat, output: &Output) {
    let writer = output.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        // It would say so on standard error, and panic where that cannot be written to.
        .log_internal_errors(false)
        .with_ansi(output.note_style().color);
    let registry = tracing_subscriber::registry();
    // It fails only where a subscriber is installed already, which serves as well.
    let (filter, trouble) = asked_for(verbosity, std::env::var_os("RUST_LOG"));
    if let Some(why) = trouble {
        output.warning(&format_args!("RUST_LOG is not used: {why}"));
    }
    match format {
        LogFormat::Text => registry.with(limited(lines, filter)).try_init().ok(),
        LogFormat::Json => registry
            .with(limited(lines.json().flatten_event(true), filter))
            .try_init()
            .ok(),
    };
}

fn limited<S>(layer: impl Layer<S>, filter: EnvFilter) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    layer.with_filter(filter.and(filter_fn(may_be_logged)))
}

/// What to log. A wish that cannot be understood is reported, and the default is logged.
fn asked_for(verbosity: u8, wish: Option<OsString>) -> (EnvFilter, Option<ParseError>) {
    let usual = || EnvFilter::new("error,slotwise=warn");
    let filter = match (verbosity, wish) {
        (0, None) => usual(),
        // Not parsed leniently: that writes to standard error by itself, and panics where it cannot.
        (0, Some(wish)) => match EnvFilter::builder().parse(wish.to_string_lossy()) {
            Ok(filter) => filter,
            Err(why) => return (with_event_log(usual()), Some(why)),
        },
        (1, _) => EnvFilter::new("warn,slotwise=info"),
        (2, _) => EnvFilter::new("info,slotwise=debug"),
        _ => EnvFilter::new("info,slotwise=trace"),
    };
    (with_event_log(filter), None)
}

fn with_event_log(filter: EnvFilter) -> EnvFilter {
    match format!("{EVENT_LOG}=info").parse() {
        Ok(events) => filter.add_directive(events),
        Err(_) => filter,
    }
}

/// Whether a record may be written at all, whatever `-v` and `RUST_LOG` ask for.
///
/// MediaLive sends stream keys in clear in every answer. The SDK's runtime and the HTTP client below it log requests and
/// answers, whole ones at debug, parts of failed ones at any level; so they are never written. Of other foreign crates,
/// among them the one that looks for credentials, nothing below info is.
fn may_be_logged(record: &Metadata<'_>) -> bool {
    let target = record.target();
    let crate_name = target.split("::").next().unwrap_or(target);
    match crate_name {
        "slotwise" => true,
        wire if WIRE.iter().any(|start| wire.starts_with(start)) => false,
        _ => *record.level() <= tracing::Level::INFO,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_invalid_log_filter_falls_back_to_the_default() {
        assert!(asked_for(0, Some("info,=,=x".into())).1.is_some());
        assert!(asked_for(0, Some("slotwise=debug".into())).1.is_none());
        assert!(asked_for(1, Some("=".into())).1.is_none(), "-v goes before");
    }

    #[test]
    fn no_verbosity_opens_the_wire_log_of_the_sdk() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(limited(layer, asked_for(9, None).0));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "aws_smithy_runtime::client", "body with live_canary_key");
            tracing::trace!(target: "hyper::proto", "bytes with live_canary_key");
            tracing::error!(target: "aws_smithy_runtime::client::retries", "answer with live_canary_key");
            tracing::debug!(target: "slotwise_like", "body with live_canary_key");
            tracing::warn!(target: "aws_config", "a foreign warning");
            tracing::trace!(target: "slotwise::observe", "a detail of slotwise");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("live_canary_key"), "{text}");
        assert!(
            text.contains("a foreign warning") && text.contains("a detail of slotwise"),
            "{text}"
        );
    }
}
