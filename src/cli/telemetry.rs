//! The log: to standard error, for whoever runs slotwise, as text or as JSON lines.

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::LogFormat;
use super::output::Output;

/// Target of the records that `--log-format json` tells the story with. Always written.
pub const STORY: &str = "slotwise::story";

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
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(output.note_style().color);
    let registry = tracing_subscriber::registry();
    // It fails only where a subscriber is installed already, which serves as well.
    match format {
        LogFormat::Text => registry.with(limited(lines, verbosity)).try_init().ok(),
        LogFormat::Json => registry
            .with(limited(lines.json().flatten_event(true), verbosity))
            .try_init()
            .ok(),
    };
}

fn limited<S>(layer: impl Layer<S>, verbosity: u8) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    layer.with_filter(asked_for(verbosity).and(filter_fn(may_be_logged)))
}

fn asked_for(verbosity: u8) -> EnvFilter {
    let builder = EnvFilter::builder();
    let filter = match verbosity {
        0 => match std::env::var_os("RUST_LOG") {
            Some(wish) => builder.parse_lossy(wish.to_string_lossy()),
            None => EnvFilter::new("error,slotwise=warn"),
        },
        1 => EnvFilter::new("warn,slotwise=info"),
        2 => EnvFilter::new("info,slotwise=debug"),
        _ => EnvFilter::new("info,slotwise=trace"),
    };
    match format!("{STORY}=info").parse() {
        Ok(story) => filter.add_directive(story),
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
    fn no_verbosity_opens_the_wire_log_of_the_sdk() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(limited(layer, 9));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "aws_smithy_runtime::client", "body with live_canary_key");
            tracing::trace!(target: "hyper::proto", "bytes with live_canary_key");
            tracing::error!(target: "aws_smithy_runtime::client::retries", "answer with live_canary_key");
            tracing::debug!(target: "slotwise_like", "body with live_canary_key");
            tracing::warn!(target: "aws_config", "a foreign warning");
            tracing::trace!(target: "slotwise::observe", "a detail of ours");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("live_canary_key"), "{text}");
        assert!(
            text.contains("a foreign warning") && text.contains("a detail of ours"),
            "{text}"
        );
    }
}
