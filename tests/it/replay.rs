//! Recordings: those of `tests/recordings` are replayed, and those of a running loop hold what they must and no key.
//!
//! A recording from a bug report becomes a test by being put into `tests/recordings`. Where a plan is meant to be another
//! one from now on, `SLOTWISE_UPDATE_RECORDINGS=1 cargo test --test it replay` writes the outcome of each today.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::Ended;
use slotwise::testing::emulator::{Fault, FaultKind};
use slotwise::testing::model::{Interrupt, Secret, StreamKey, Trust, WantedState};
use slotwise::testing::plan::Action;
use slotwise::testing::record::{self, Case, Recording, Replay, StandIns};
use slotwise::testing::recorder::{Limits, Recorder};
use slotwise::testing::render::replay::differences;
use slotwise::testing::render::{self, Style};

use super::stage::{Stage, desired, pool, ready, wanted};

const UPDATE: &str = "SLOTWISE_UPDATE_RECORDINGS";

#[test]
fn every_recording_of_a_bug_report_comes_to_the_same_plan() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    let mut failed = Vec::new();
    for file in files {
        let replay = Replay::read(&fs::read_to_string(&file).unwrap()).unwrap();
        assert!(replay.faithful, "{}", file.display());
        if std::env::var_os(UPDATE).is_some() {
            let text = record::document(&replay.case(), &mut StandIns::default());
            fs::write(&file, text).unwrap();
        } else {
            let different = differences(&replay.run());
            if !different.is_empty() {
                failed.push(format!("{}:\n  {}", file.display(), different.join("\n  ")));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "plans differ; if they are meant to: {UPDATE}=1 cargo test --test it replay\n{}",
        failed.join("\n")
    );
}

/// Collects what a loop plans from.
fn watch(stage: &mut Stage) -> Arc<Mutex<Vec<Case>>> {
    let cases = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&cases);
    stage
        .controller
        .show_to(Box::new(move |case| shown.lock().unwrap().push(case)));
    cases
}

/// What is recorded of `cases` by one process, after a look that it replays as recorded and holds no key.
fn texts(cases: &[Case]) -> Vec<String> {
    let mut stand_ins = StandIns::default();
    let texts = cases.iter().map(|case| record::document(case, &mut stand_ins));
    let texts: Vec<String> = texts.collect();
    for text in &texts {
        assert!(!text.contains("k3y"), "{text}");
        let replay = Replay::read(text).unwrap();
        assert!(replay.faithful, "{text}");
        assert_eq!(differences(&replay.run()), [""; 0], "{text}");
    }
    texts
}

/// How many files would be written of `cases`.
fn written(cases: &[Case]) -> usize {
    let mut stand_ins = StandIns::default();
    let mut fingerprints: Vec<u64> = cases
        .iter()
        .map(|case| Recording::of(case, &mut stand_ins).fingerprint())
        .collect();
    fingerprints.dedup();
    fingerprints.len()
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_recorded_until_the_return() {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), ready("b")]));
    let cases = watch(&mut stage);
    stage.converge(60).await;
    stage
        .script
        .change(|d| d.destination_mut("b").unwrap().state = WantedState::Streaming);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    let cases = std::mem::take(&mut *cases.lock().unwrap());
    let texts = texts(&cases);
    let interrupts = |case: &Case| {
        let plan = case.outcome.plan.as_ref().unwrap();
        plan.steps()
            .any(|(_, step)| step.action == Action::Stop && step.interrupts == ["a"])
    };
    assert!(cases.iter().any(interrupts));
    let coming_back = cases.iter().position(|case| !case.observed.returning.is_empty());
    assert!(texts[coming_back.unwrap()].contains("\"returning\": {\n      \"a\": {"));
    assert!(
        (8..=cases.len()).contains(&written(&cases)),
        "{} of {}",
        written(&cases),
        cases.len()
    );

    let steady = watch(&mut stage);
    stage.run_for(Duration::from_hours(1)).await;
    let steady = std::mem::take(&mut *steady.lock().unwrap());
    assert!(steady.len() > 50, "{}", steady.len());
    assert_eq!(written(&steady), 1);
}

#[tokio::test(start_paused = true)]
async fn equal_keys_stay_equal_and_a_rotated_one_shows_as_another() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a"), wanted("b")]));
    let cases = watch(&mut stage);
    stage.converge(60).await;
    stage.script.change(|d| {
        let rotated = Secret::new("k3y-that-is-new");
        d.destination_mut("a").unwrap().key = StreamKey::Known(rotated);
    });
    stage.run_for(Duration::from_mins(2)).await;
    let texts = texts(&cases.lock().unwrap());
    let stand_in = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["desired"]["destinations"][0]["key"]["standIn"].to_string()
    };
    let mut seen: Vec<String> = texts.iter().map(|text| stand_in(text)).collect();
    seen.dedup();
    assert_eq!(seen.len(), 2, "{seen:?}");
    // On air it is still the previous key that was declared at first.
    let observed = texts.last().unwrap().split("\"observed\"").nth(1).unwrap();
    assert!(observed.contains(&seen[0]) && texts.last().unwrap().contains("\"holds\": \"Previous\""));
}

#[tokio::test(start_paused = true)]
async fn what_the_vanish_guard_decided_is_in_it() {
    let all = ["a", "b", "c", "d", "e", "f"];
    let mut stage = Stage::new(desired(pool(&["1", "2"]), all.into_iter().map(wanted).collect()));
    let cases = watch(&mut stage);
    stage.converge(60).await;
    stage.script.change(|d| d.destinations.clear());
    stage.run_for(Duration::from_mins(2)).await;
    let doubted =
        |case: &Case| matches!(&case.desired.trust, Trust::Doubted { why } if why.contains("--max-vanish"));
    assert!(doubted(cases.lock().unwrap().last().unwrap()));
    texts(&cases.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_failing_channel_is_recorded_at_each_failure() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    let cases = watch(&mut stage);
    stage.emulator.inject(Fault::new(FaultKind::StartFails));
    stage.run_for(Duration::from_hours(1)).await;
    let cases = std::mem::take(&mut *cases.lock().unwrap());
    texts(&cases);
    let failures = |case: &Case| {
        let channel = case.observed.channels.values().next().unwrap().seen();
        channel
            .unwrap()
            .trouble
            .as_ref()
            .map_or(0, |trouble| trouble.failures)
    };
    assert!(cases.iter().map(failures).max() >= Some(1));
    assert!(
        written(&cases) * 2 < cases.len(),
        "{} of {}",
        written(&cases),
        cases.len()
    );
}

#[tokio::test]
async fn a_recording_that_shows_another_plan_than_was_made_says_so() {
    let mut case = some_cases().await.swap_remove(0);
    case.outcome.plan = None;
    let replay = Replay::read(&record::document(&case, &mut StandIns::default())).unwrap();
    let shown = render::replay::replay(&replay, &replay.run(), Style::PLAIN);
    assert!(!replay.faithful);
    assert!(
        shown.contains("\nnote: with the real keys another plan was made"),
        "{shown}"
    );
    assert!(shown.ends_with("\nsame as recorded, bit for bit\n"), "{shown}");
}

/// Files of `directory`, by name.
fn recorded(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Some cases that differ from each other.
async fn some_cases() -> Vec<Case> {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
    let cases = watch(&mut stage);
    tokio::time::pause();
    stage.converge(60).await;
    tokio::time::resume();
    std::mem::take(&mut *cases.lock().unwrap())
}

#[tokio::test]
async fn each_case_that_is_new_becomes_a_file_in_order() {
    let cases = some_cases().await;
    let dir = tempfile::tempdir().unwrap();
    let (recorder, mut witness) = Recorder::start(dir.path(), Limits::default()).unwrap();
    for case in &cases[..3] {
        witness(case.clone());
    }
    drop(witness);
    recorder.finish().await;
    let names = recorded(dir.path());
    assert_eq!(names.len(), written(&cases[..3]));
    for (name, case) in names.iter().zip(&cases) {
        let text = fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(Replay::read(&text).unwrap().at, case.at);
    }
    assert!(names[0].ends_with("Z-000001.json"), "{names:?}");
}

/// The loop never waits for the recorder, whatever happens to the files, and nothing is lost once it works again.
#[tokio::test]
async fn a_missing_directory_blocks_nothing_and_is_used_when_back() {
    let cases = some_cases().await;
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("recordings");
    let (recorder, mut witness) = Recorder::start(&directory, Limits::default()).unwrap();
    fs::remove_dir(&directory).unwrap();
    let begun = tokio::time::Instant::now();
    for _ in 0..10_000 {
        witness(cases[0].clone());
    }
    // A loop that waited for the thread would wait ten thousand times.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(!directory.exists(), "what an operator took away stays away");
    fs::create_dir(&directory).unwrap();
    // The queue may be full of the earlier ones.
    for _ in 0..500 {
        witness(cases[0].clone());
        if !recorded(&directory).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(witness);
    recorder.finish().await;
    assert_eq!(recorded(&directory).len(), 1);
}
