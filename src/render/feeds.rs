//! What feeds router outputs, in plans for people and as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan_json::{Waits, Why};
use super::style::{Style, Tone};
use super::table::{Table, cell};
use crate::model::PoolName;
use crate::plan::router::{Feed, FeedAction, FeedPlan, FeedStep, FeedWaiting};

/// The plan for a channel in front of router inputs, or for a router input, of RouterPools with a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedDocument {
    /// `channel` or `input`.
    pub kind: String,
    /// The channel's id, or the input's ARN.
    pub id: String,
    /// The pools whose outputs it feeds.
    pub pools: Vec<String>,
    /// Its state; `null` where it could not be seen.
    pub state: Option<String>,
    /// Whether it is to run when all of the plan is carried out; `null` where it stays as it is.
    pub runs: Option<bool>,
    /// The next call.
    pub step: Option<FeedStepDocument>,
    /// What keeps it from where it should be.
    pub waiting: Option<Waits>,
}

/// A step on a channel in front, or on a router input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedStepDocument {
    /// `start`, `stop` or `forget`.
    pub action: String,
    /// Why.
    pub reason: Why,
}

/// `of` as JSON.
pub(super) fn document(of: &FeedPlan) -> FeedDocument {
    let (kind, id) = match &of.feed {
        Feed::Channel(id) => ("channel", id.to_string()),
        Feed::Input(arn) => ("input", arn.to_string()),
    };
    let step = |step: &FeedStep| FeedStepDocument {
        action: step.action.name().to_owned(),
        reason: Why {
            code: step.reason.code().to_owned(),
            message: step.reason.to_string(),
        },
    };
    let waits = |waiting: &FeedWaiting| Waits {
        code: waiting.code().to_owned(),
        message: waiting.to_string(),
        ways_out: waiting.ways_out(),
    };
    FeedDocument {
        kind: kind.to_owned(),
        id,
        pools: of.pools.iter().map(ToString::to_string).collect(),
        state: of.state.map(str::to_owned),
        runs: of.runs,
        step: of.step.as_ref().map(step),
        waiting: of.waiting.as_ref().map(waits),
    }
}

/// Those that feed `pool`, with their steps. One that feeds several pools is told with the first.
pub(super) fn of_pool(feeds: &[FeedPlan], pool: &PoolName, style: Style) -> Vec<String> {
    let own = feeds.iter().filter(|feed| feed.pools.first() == Some(pool));
    own.flat_map(|feed| lines(feed, style)).collect()
}

/// All of them, with their steps.
pub(super) fn all(feeds: &[FeedPlan], style: Style) -> Vec<String> {
    feeds.iter().flat_map(|feed| lines(feed, style)).collect()
}

/// `source 4000009  IDLE → RUNNING`.
pub(super) fn title(of: &FeedPlan) -> String {
    match &of.feed {
        Feed::Channel(id) => format!("source {id}"),
        Feed::Input(arn) => format!("input {}", arn.id()),
    }
}

fn lines(of: &FeedPlan, style: Style) -> Vec<String> {
    let is_quiet = of.step.is_none() && of.waiting.is_none();
    let tone = if is_quiet { Tone::Muted } else { Tone::Change };
    let mut lines = vec![format!(
        "  {}  {}",
        style.paint(Tone::Strong, title(of)),
        style.paint(tone, of.course())
    )];
    let mut table = Table::default();
    if let Some(step) = &of.step {
        let tone = match step.action {
            FeedAction::Start { .. } => Tone::Good,
            FeedAction::Stop => Tone::Bad,
            FeedAction::Forget => Tone::Change,
        };
        table.row([cell(tone, step.action.name()), cell(Tone::Muted, why(step))]);
    }
    if let Some(waiting) = &of.waiting {
        let text = format!("{}: {waiting}", waiting.code());
        table.row([cell(Tone::Waits, "waits"), cell(Tone::Plain, text)]);
    }
    lines.extend(table.lines(style, 4));
    lines
}

fn why(step: &FeedStep) -> String {
    match step.action {
        FeedAction::Start { adopts: true } => format!("{}; not owned yet, it is adopted", step.reason),
        _ => step.reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::router::OutputReason;

    /// A cold channel in front, and its input.
    fn cold() -> Vec<FeedPlan> {
        let feed = |feed, state, step, waiting| FeedPlan {
            feed,
            pools: vec!["live".into()],
            state: Some(state),
            runs: Some(true),
            step,
            waiting,
        };
        let start = FeedStep {
            action: FeedAction::Start { adopts: true },
            reason: OutputReason::Wanted,
        };
        let after = FeedWaiting::AfterChannel {
            channel: "4000009".into(),
        };
        let arn = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6";
        vec![
            feed(Feed::Channel("4000009".into()), "IDLE", Some(start), None),
            feed(Feed::Input(arn.into()), "STANDBY", None, Some(after)),
        ]
    }

    #[test]
    fn a_source_is_told_with_its_course_and_what_is_done() {
        let text = of_pool(&cold(), &"live".into(), Style::PLAIN).join("\n");
        insta::assert_snapshot!(text, @"
          source 4000009  IDLE → RUNNING
            start  wanted; not owned yet, it is adopted
          input a1b2c3d4e5f6  STANDBY → ACTIVE
            waits  AfterChannel: it starts once channel 4000009 is RUNNING
        ");
        assert!(of_pool(&cold(), &"other".into(), Style::PLAIN).is_empty());
    }

    #[test]
    fn a_program_reads_the_same() {
        let documents: Vec<FeedDocument> = cold().iter().map(document).collect();
        let text = serde_json::to_string(&documents[1]).unwrap();
        let expected =
            r#""state":"STANDBY","runs":true,"step":null,"waiting":{"code":"AfterChannel","message":""#;
        assert!(text.contains(expected), "{text}");
    }
}
