//! Everything that slotwise prints, shows or writes, searched for stream keys.
//!
//! Every key of a life is a canary: part of it is [`CANARY`], which is in nothing else.

use std::io;
use std::sync::{Arc, Mutex};

use slotwise::testing::controller::{Event, Listener, Pulse};
use slotwise::testing::metrics::Metrics;
use slotwise::testing::plan::Plan;
use slotwise::testing::record::{Recording, Replay, StandIns};
use slotwise::testing::render::progress::{Reporter, Stamp};
use slotwise::testing::render::{self, Style};
use tracing_subscriber::layer::SubscriberExt;

use super::world::CANARY;

/// Where a key was found, first of all.
type Found = Arc<Mutex<Option<String>>>;

/// The outputs of one process, as every reader gets them.
#[derive(Clone)]
pub(super) struct Outputs {
    metrics: Metrics,
    /// The stand-ins for keys in recordings.
    stand_ins: Arc<Mutex<StandIns>>,
    found: Found,
}

impl Outputs {
    pub(super) fn new() -> Self {
        Self {
            metrics: Metrics::new().unwrap(),
            stand_ins: Arc::default(),
            found: Found::default(),
        }
    }

    /// A listener that searches each event, and what is shown of it, before it hands it on.
    pub(super) fn listener(&self, mut next: impl FnMut(Event) + Send + 'static) -> Listener {
        let (found, mut reporter) = (Arc::clone(&self.found), Reporter::of_run());
        let search = move |event: Event| {
            if !event.is_only_counted() {
                search(&found, "an event", &format!("{event:?}"));
                search(
                    &found,
                    "a line of the event log",
                    &reporter.lines(&event, Stamp::None, Style::PLAIN).join("\n"),
                );
            }
            if let Event::Planned(plan) = &event {
                search_plan(&found, plan);
            }
            next(event);
        };
        self.metrics.beside(Box::new(search))
    }

    /// Where a key showed up so far, the status and the metrics of now included.
    pub(super) fn leak(&self, pulse: &Pulse) -> Option<String> {
        if let Some(view) = &pulse.view {
            search(
                &self.found,
                "the status",
                &render::status::status(&view.status, Some(view.at), Style::PLAIN),
            );
            search(
                &self.found,
                "the status as JSON",
                &render::status::status_json(&view.status),
            );
        }
        if let Some(view) = &pulse.view {
            let recording = Recording::of(&view.case(), &mut self.stand_ins.lock().unwrap());
            search(&self.found, "a recording", &recording.text());
        }
        search(&self.found, "a metric", &self.metrics.text(pulse).unwrap());
        self.found.lock().unwrap().take()
    }
}

/// Why the plan of now cannot be made again from its recording.
pub(super) fn unlike_its_recording(pulse: &Pulse) -> Option<String> {
    let view = pulse.view.as_ref()?;
    let recording = Recording::of(&view.case(), &mut StandIns::default());
    if !recording.is_faithful() {
        return Some("a recording shows another plan than was made".to_owned());
    }
    match Replay::read(&recording.text()) {
        Ok(replay) if replay.run().is_same() => None,
        Ok(_) => Some("a recording that is replayed gives another plan".to_owned()),
        Err(error) => Some(format!("a recording cannot be read: {error}")),
    }
}

fn search_plan(found: &Found, made: &Plan) {
    search(found, "a plan", &render::plan::plan(made, Style::PLAIN));
    search(found, "a plan as JSON", &render::plan_json::plan_json(made));
    search(
        found,
        "a plan as Markdown",
        &render::plan_markdown::plan_markdown(made),
    );
}

fn search(found: &Found, place: &str, text: &str) {
    if text.contains(CANARY) {
        found.lock().unwrap().get_or_insert_with(|| place.to_owned());
    }
}

/// What slotwise logs on this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes the place of whatever logs on this thread until the guard is dropped.
    pub(super) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        // Of the crates below, which log whole requests, `cli::telemetry` lets nothing through, and tests that itself.
        let ours = tracing_subscriber::filter::Targets::new().with_target("slotwise", tracing::Level::TRACE);
        tracing::subscriber::set_default(tracing_subscriber::registry().with(ours).with(lines))
    }

    /// Whether a key was logged since the last time.
    pub(super) fn leaks(&self) -> bool {
        let text = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8_lossy(&text).contains(CANARY)
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
