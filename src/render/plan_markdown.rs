//! A plan as a comment on a pull request.
//!
//! Summary first, then a table per channel that changes, then what waits; the rest folds. Names and messages are
//! escaped: a name cannot make a link, a mention, a row of a table or an image.

use std::fmt::{self, Write as _};

use super::feeds;
use super::plan::{
    course, end_it, expected, gap, groups_of_waiting, groups_on_air_elsewhere, kept, newcomers_wait,
    other_place, pool_facts, router_pool_facts, slot, title, verb, ways_out, what_follows,
};
use super::routers;
use super::style::clean;
use super::summary::Summary;
use crate::plan::reason::Names;
use crate::plan::router::OutputPlan;
use crate::plan::waiting::Approximately;
use crate::plan::{Action, ChannelPlan, Plan, Reason, Step};
use crate::words::counted;

/// The first line of every comment, by which a job finds its earlier comment to replace it.
pub const MARKER: &str = "<!-- slotwise plan -->";

/// A comment above this length is refused by GitHub (65,536 characters); details are left out before that.
const DETAILS_LIMIT: usize = 50_000;

/// `plan` as GitHub-flavoured Markdown that ends with a line feed.
pub fn plan_markdown(plan: &Plan) -> String {
    let summary = Summary::of(plan);
    let mut page = Page::default();
    page.line(MARKER);
    if plan.is_empty() {
        page.line("### slotwise plan: no changes");
    } else {
        page.line(format_args!("### slotwise plan: {}", summary.steps()));
    }
    page.line("");
    page.line(format_args!(
        "**{}** · {} · {}",
        summary.destinations(),
        summary.interruptions(),
        counted(summary.api_calls, "API call")
    ));
    page.line("");
    for pool in &plan.pools {
        page.line(format_args!("- pool {}", escape(&pool_facts(pool))));
        if let Some(gap) = gap(pool) {
            page.line(format_args!("  - {gap}"));
        }
        let of_pool = plan.destinations.iter().filter(|one| one.pool == pool.name);
        if let Some(no_slot) = newcomers_wait(pool, of_pool) {
            let (code, no_slot) = (no_slot.code(), escape(&no_slot.to_string()));
            page.line(format_args!("  - newcomers would wait: `{code}`. {no_slot}"));
        }
    }
    for pool in &plan.routers {
        page.line(format_args!("- pool {}", escape(&router_pool_facts(pool))));
    }
    for feed in &plan.feeds {
        let why = feed.waiting.as_ref().map(ToString::to_string).unwrap_or_default();
        let gap = if why.is_empty() { "" } else { "; " };
        let line = format!("{}: {}{gap}{why}", feeds::title(feed), feed.course());
        page.line(format_args!("- {}", escape(&line)));
    }
    let outputs = plan.routers.iter().flat_map(|pool| &pool.outputs);
    for output in outputs.filter(|output| !output.steps.is_empty()) {
        page.room_or(DETAILS_LIMIT, |page| output_table(page, output));
    }
    let changed: Vec<&ChannelPlan> = plan
        .channels
        .iter()
        .filter(|one| !one.steps.is_empty() || one.follows.is_some())
        .collect();
    for channel in &changed {
        page.room_or(DETAILS_LIMIT, |page| channel_table(page, plan, channel));
    }
    waiting(&mut page, plan);
    on_air_elsewhere(&mut page, plan);
    details(&mut page, plan, changed.len());
    page.finish()
}

/// Lines of Markdown.
#[derive(Default)]
struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    fn line(&mut self, line: impl fmt::Display) {
        // Writing to a String cannot fail.
        writeln!(self.text, "{line}").ok();
    }

    /// Adds what `add` writes, unless the page is longer than `limit` already.
    fn room_or(&mut self, limit: usize, add: impl FnOnce(&mut Self)) {
        if self.text.len() < limit {
            add(self);
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let left_out = self.left_out;
            self.line("");
            self.line(format_args!(
                "_{left_out} more entries are left out: GitHub limits the length of a comment. \
                 `slotwise plan` shows them all._"
            ));
        }
        self.text
    }
}

fn output_table(page: &mut Page, output: &OutputPlan) {
    page.line("");
    let time = routers::expected(output).map_or_else(String::new, |time| format!(", {time}"));
    page.line(format_args!(
        "#### {}: {}{time}",
        escape(&output.carries.to_string()),
        routers::course(output)
    ));
    page.line("");
    page.line("| step | why |");
    page.line("|---|---|");
    for step in &output.steps {
        page.line(format_args!(
            "| {} | {} |",
            step.action.name(),
            escape(&step.reason.to_string())
        ));
    }
}

fn channel_table(page: &mut Page, plan: &Plan, channel: &ChannelPlan) {
    let time = expected(channel).map_or_else(String::new, |time| format!(", {time}"));
    page.line("");
    page.line(format_args!(
        "#### {}: {}{time}",
        escape(&title(channel)),
        course(channel)
    ));
    page.line("");
    page.line("| step | slot | becomes | why |");
    page.line("|---|---|---|---|");
    for step in &channel.steps {
        step_rows(page, plan, channel, step);
    }
    if let Some(stop) = &channel.follows {
        row(page, "stop, later", "", "", &what_follows(stop));
        interrupted_rows(page, plan, stop);
    }
    let others = channel.ends_with_it();
    if !others.is_empty() {
        row(
            page,
            "stop",
            &others.join(", "),
            "ends",
            "output groups that are no slots end with the channel",
        );
    }
    for (slot, name) in kept(channel) {
        let why = plan
            .destinations
            .iter()
            .find(|one| one.name == *name)
            .and_then(|one| one.reason.as_ref())
            .map_or_else(String::new, Reason::to_string);
        row(page, "keep", slot.output_group.as_str(), name.as_str(), &why);
    }
}

fn interrupted_rows(page: &mut Page, plan: &Plan, step: &Step) {
    for name in &step.interrupts {
        let off_air = plan
            .destinations
            .iter()
            .find(|one| one.name == *name)
            .and_then(|one| one.off_air)
            .map_or_else(String::new, |time| {
                format!("off air about {}", Approximately(time))
            });
        page.line(format_args!(
            "| ⚠️ interrupts |  | **{}** | {off_air} |",
            escape(name.as_str())
        ));
    }
}

fn step_rows(page: &mut Page, plan: &Plan, channel: &ChannelPlan, step: &Step) {
    let Action::Update { writes, .. } = &step.action else {
        row(page, step.action.name(), "", "", &step.reason.to_string());
        interrupted_rows(page, plan, step);
        return;
    };
    for write in writes {
        let why = slot(channel, write.output_group.as_str())
            .and_then(|slot| slot.reason.as_ref())
            .map_or_else(String::new, Reason::to_string);
        row(
            page,
            "update",
            write.output_group.as_str(),
            &write.content.to_string(),
            &why,
        );
    }
}

fn row(page: &mut Page, step: &str, slot: &str, becomes: &str, why: &str) {
    page.line(format_args!(
        "| {step} | {} | {} | {} |",
        escape(slot),
        escape(becomes),
        escape(why)
    ));
}

/// What is on air where nothing is planned.
fn on_air_elsewhere(page: &mut Page, plan: &Plan) {
    let groups = groups_on_air_elsewhere(&plan.destinations);
    if groups.is_empty() {
        return;
    }
    page.line("");
    page.line("#### On air elsewhere");
    page.line("");
    for (names, predicate, place) in groups {
        page.room_or(DETAILS_LIMIT, |page| {
            page.line(format_args!(
                "- **{}** {}: {}",
                escape(&Names(&names).to_string()),
                verb(names.len(), predicate),
                escape(&other_place(place))
            ));
            page.line(format_args!("  - {}", escape(&end_it(place))));
        });
    }
}

fn waiting(page: &mut Page, plan: &Plan) {
    let groups = groups_of_waiting(&plan.destinations);
    if groups.is_empty() {
        return;
    }
    page.line("");
    page.line("#### Waiting");
    page.line("");
    for (names, predicate, waiting) in groups {
        page.room_or(DETAILS_LIMIT, |page| {
            page.line(format_args!(
                "- **{}** {predicate}: `{}`. {}",
                escape(&Names(&names).to_string()),
                waiting.code(),
                escape(&waiting.to_string())
            ));
            for way in ways_out(waiting, &names) {
                page.line(format_args!("  - {}", escape(&way)));
            }
        });
    }
}

fn details(page: &mut Page, plan: &Plan, changed: usize) {
    page.line("");
    page.line("<details>");
    page.line(format_args!(
        "<summary>All {}, {} unchanged</summary>",
        counted(plan.destinations.len(), "destination"),
        counted(plan.channels.len() - changed, "channel")
    ));
    page.line("");
    page.line("| destination | pool | wanted | on air | slot | why |");
    page.line("|---|---|---|---|---|---|");
    for one in &plan.destinations {
        let slot = one.assignment.as_ref().map(ToString::to_string);
        let output = || one.output.as_ref()?.name.as_ref().map(ToString::to_string);
        let slot = slot.or_else(output).unwrap_or_default();
        let on_air = match one.on_air {
            true => "yes",
            false if one.is_unknown() => "not known",
            false => "no",
        };
        let why = match (&one.waiting, &one.reason) {
            (Some(waiting), _) => waiting.code().to_owned(),
            (None, Some(reason)) => reason.to_string(),
            (None, None) => String::new(),
        };
        page.room_or(DETAILS_LIMIT, |page| {
            page.line(format_args!(
                "| {} | {} | {} | {} | {} | {} |",
                escape(one.name.as_str()),
                escape(one.pool.as_str()),
                if one.wanted { "yes" } else { "no" },
                on_air,
                escape(&slot),
                escape(&why)
            ));
        });
    }
    page.line("");
    page.line("</details>");
}

/// `text` without anything that Markdown, HTML or GitHub would read as more than text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A mention notifies a user, an issue number links; an entity does neither.
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            harmless => escaped.push(harmless),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, CANARY};
    use super::*;

    fn text(plan: &Plan) -> String {
        let text = plan_markdown(plan);
        assert!(!text.contains(CANARY), "a key is shown:\n{text}");
        text
    }

    #[test]
    fn a_comment_begins_with_the_summary_and_shows_a_table_per_channel() {
        insta::assert_snapshot!(text(&samples::start_two()), @"
        <!-- slotwise plan -->
        ### slotwise plan: 1 adoption, 1 update, 1 start, 0 stops

        **2 go on air, 1 waits** · interruptions 0 (least possible 0) · 6 API calls

        - pool main: 2 channels, 6 slots, Spread, interrupt: Never

        #### 4000001 (live-1): IDLE → RUNNING, about 2 min 40 s

        | step | slot | becomes | why |
        |---|---|---|---|
        | adopt |  |  | not owned yet; adopted by default |
        | update | RTMP-Slot-1 | youtube-main | new; on a stopped channel, interrupts nothing |
        | update | RTMP-Slot-2 | twitch-main | same group: launch-event |
        | start |  |  | wanted: twitch-main and youtube-main |

        #### Waiting

        - **facebook** waits: `InterruptionForbidden`. 4000002 has a place for it, but corp-cdn is on air there and the pool never interrupts
          - set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn off air about 3 min)
          - just this once: apply with --interrupt facebook
          - set state: Ready for corp-cdn
          - add a channel to channels: of pool main

        <details>
        <summary>All 5 destinations, 1 channel unchanged</summary>

        | destination | pool | wanted | on air | slot | why |
        |---|---|---|---|---|---|
        | archive | main | no | no |  |  |
        | corp-cdn | main | yes | yes | 4000002/RTMP-Slot-1 | on air here |
        | facebook | main | yes | no |  | InterruptionForbidden |
        | twitch-main | main | yes | no | 4000001/RTMP-Slot-2 | same group: launch-event |
        | youtube-main | main | yes | no | 4000001/RTMP-Slot-1 | new; on a stopped channel, interrupts nothing |

        </details>
        ");
    }

    #[test]
    fn an_interruption_stands_out() {
        insta::assert_snapshot!(text(&samples::interrupt_one()), @"
        <!-- slotwise plan -->
        ### slotwise plan: 1 update, 1 start, 1 stop

        **1 goes on air, 1 goes off air, 0 wait** · interruptions 1 (least possible 1) · 6 API calls

        - pool main: 1 channel, 3 slots, Spread, interrupt: Anytime
          - large pool: not every placement was looked at; priorities come first all the same

        #### 4000001 (live-1): RUNNING → IDLE → RUNNING, about 3 min 10 s

        | step | slot | becomes | why |
        |---|---|---|---|
        | stop |  |  | to change archive and youtube-main |
        | ⚠️ interrupts |  | **corp-cdn** | off air about 3 min 10 s |
        | update | RTMP-Slot-2 | parked | archive is no longer wanted here |
        | update | RTMP-Slot-3 | youtube-main | joins corp-cdn, interrupted for it |
        | start |  |  | wanted: corp-cdn and youtube-main |
        | keep | RTMP-Slot-1 | corp-cdn | on air here |

        <details>
        <summary>All 3 destinations, 0 channels unchanged</summary>

        | destination | pool | wanted | on air | slot | why |
        |---|---|---|---|---|---|
        | archive | main | no | yes |  |  |
        | corp-cdn | main | yes | yes | 4000001/RTMP-Slot-1 | on air here |
        | youtube-main | main | yes | no | 4000001/RTMP-Slot-3 | joins corp-cdn, interrupted for it |

        </details>
        ");
    }

    #[test]
    fn what_is_on_air_in_no_slot_is_said() {
        let mut plan = samples::converged();
        for one in &mut plan.destinations {
            one.also_on_air = Some(crate::plan::OtherPlace {
                channel: "4000009".into(),
                output_group: Some("a|b".into()),
            });
        }
        let text = text(&plan);
        assert!(
            text.contains("#### On air elsewhere") && text.contains("4000009 (a\\|b) as well"),
            "{text}"
        );
    }

    #[test]
    fn a_name_is_text_whatever_it_holds() {
        let mut plan = samples::start_two();
        if let Some(seen) = &mut plan.channels[0].seen {
            seen.name = "x | @ana #1 <img src=x> [a](b) `c` **d**\nnew".into();
        }
        let text = text(&plan);
        let heading = text.lines().find(|line| line.contains("4000001 (")).unwrap();
        assert_eq!(
            heading,
            "#### 4000001 (x \\| &#64;ana &#35;1 &lt;img src=x&gt; \\[a\\](b) \\`c\\` \\*\\*d\\*\\* new): \
             IDLE → RUNNING, about 2 min 40 s"
        );
    }

    #[test]
    fn a_comment_fits_into_what_github_takes_however_large_the_plan() {
        let mut plan = samples::start_two();
        for number in 0..5_000 {
            plan.destinations.push(samples::destination(&format!(
                "zz-{number:04}-a-rather-long-name"
            )));
        }
        let text = text(&plan);
        assert!(text.len() < 65_536, "{} characters", text.len());
        assert!(text.ends_with("`slotwise plan` shows them all._\n"));
    }
}
