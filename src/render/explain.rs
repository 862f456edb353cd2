//! Why one destination is where it is.

use super::feeds;
use super::plan::predicate;
use super::routers;
use super::style::{Style, Tone};
use super::table::{Cell, Table, cell};
use crate::model::WantedState;
use crate::plan::waiting::Approximately;
use crate::plan::{Candidate, DestinationPlan, Explanation, Verdict};
use crate::words::counted;

/// More rows than this do not help to understand anything; the rest is counted.
const LIST_AT_MOST: usize = 24;

/// `explanation` as text that ends with a line feed.
pub fn explain(explanation: &Explanation, style: Style) -> String {
    let destination = &explanation.destination;
    let mut lines = vec![format!(
        "{} {}",
        style.paint(Tone::Strong, &destination.name),
        stands(explanation, style)
    )];
    lines.push(format!("  wanted: {}", wanted(destination)));
    if let Some(held) = &destination.held {
        lines.push(format!(
            "  held slot: {held} ({})",
            if destination.on_air { "on air" } else { "off air" }
        ));
    }
    if let (Some(slot), Some(reason)) = (&destination.assignment, &destination.reason) {
        lines.push(format!("  slot: {slot}, because: {reason}"));
    }
    lines.extend(feeds::all(&explanation.feeds, style));
    if let Some(output) = &explanation.output {
        lines.extend(routers::of_destination(output, style));
    }
    if let Some(time) = destination.off_air {
        lines.push(format!(
            "  {}",
            style.paint(
                Tone::Bad,
                format!("the plan interrupts it: off air about {}", Approximately(time))
            )
        ));
    }
    if let Some(waiting) = &destination.waiting {
        let mut table = Table::default();
        table.row([cell(Tone::Plain, format!("{}: {waiting}", waiting.code()))]);
        lines.push(String::new());
        lines.push("What is in the way".to_owned());
        lines.extend(table.lines(style, 2));
        let mut ways_out = waiting.ways_out_of(&destination.name);
        if ways_out.is_empty() {
            ways_out.push("time; it continues by itself".to_owned());
        }
        lines.push(String::new());
        lines.push("What would change it".to_owned());
        let mut table = Table::default();
        for way in ways_out {
            table.row([cell(Tone::Muted, "-"), cell(Tone::Plain, way)]);
        }
        lines.extend(table.lines(style, 2));
    }
    if destination.waiting.is_none() && destination.state == WantedState::Ready && !destination.on_air {
        lines.push("  to put it on air: state: Streaming".to_owned());
        return lines.join("\n") + "\n";
    }
    if explanation.output.is_none() {
        lines.extend(candidates(&explanation.candidates, style));
    }
    lines.join("\n") + "\n"
}

/// The head line after the name.
fn stands(explanation: &Explanation, style: Style) -> String {
    let destination = &explanation.destination;
    match (&destination.waiting, &destination.assignment) {
        (Some(waiting), _) => format!(
            "{}: {}",
            predicate(destination),
            style.paint(Tone::Waits, waiting.code())
        ),
        (None, Some(slot)) if destination.on_air => {
            format!("{} in {slot}", style.paint(Tone::Good, "is on air"))
        }
        (None, Some(slot)) => format!("{} in {slot}", style.paint(Tone::Change, "is to go on air")),
        (None, None) if explanation.output.is_some() && destination.will_be_on_air() => {
            let how = if destination.on_air {
                style.paint(Tone::Good, "is on air")
            } else {
                style.paint(Tone::Change, "is to go on air")
            };
            format!("{how} in a router output of its own")
        }
        (None, None) if destination.on_air => style.paint(Tone::Change, "is going off air"),
        (None, None) => style.paint(Tone::Muted, "is off air, as wanted"),
    }
}

fn wanted(destination: &DestinationPlan) -> String {
    let state = match destination.state {
        WantedState::Streaming => "Streaming",
        WantedState::Ready => "Ready",
    };
    let paused = if destination.state == WantedState::Streaming && !destination.wanted {
        ", paused"
    } else {
        ""
    };
    let group = destination
        .group
        .as_ref()
        .map_or_else(String::new, |group| format!(", group {group}"));
    format!("{state}{paused}, pool {}{group}", destination.pool)
}

/// Slots of one channel with the same verdict share a row: `4000002 (3 slots)`.
fn candidates(candidates: &[Candidate], style: Style) -> Vec<String> {
    if candidates.is_empty() {
        return vec![String::new(), "Its pool has no usable slot.".to_owned()];
    }
    let runs: Vec<&[Candidate]> = candidates
        .chunk_by(|a, b| a.slot.channel == b.slot.channel && a.verdict == b.verdict)
        .collect();
    let mut table = Table::default();
    let mut left_out = 0;
    for run in &runs {
        let Some(first) = run.first() else { continue };
        let chosen = matches!(first.verdict, Verdict::Chosen(_));
        if runs.len() > LIST_AT_MOST && !chosen && table.len() >= LIST_AT_MOST {
            left_out += run.len();
            continue;
        }
        let place = match run.len() {
            1 => first.slot.to_string(),
            several => format!("{} ({})", first.slot.channel, counted(several, "slot")),
        };
        let [verdict, why] = verdict(&first.verdict);
        table.row([cell(Tone::Strong, place), verdict, why]);
    }
    let mut lines = vec![String::new(), "Slots".to_owned()];
    lines.extend(table.lines(style, 2));
    if left_out > 0 {
        lines.push(format!("  and {left_out} more, none of them chosen"));
    }
    lines
}

fn verdict(verdict: &Verdict) -> [Cell; 2] {
    match verdict {
        Verdict::Chosen(reason) => [cell(Tone::Good, "chosen"), cell(Tone::Plain, reason)],
        Verdict::Blocked(waiting) => [
            cell(Tone::Waits, "blocked"),
            cell(Tone::Plain, format!("{}: {waiting}", waiting.code())),
        ],
        Verdict::Taken { by } => [cell(Tone::Plain, "taken"), cell(Tone::Plain, format!("by {by}"))],
        Verdict::Worse { why } => [cell(Tone::Muted, "worse"), cell(Tone::Plain, why)],
        Verdict::NotWanted => [
            cell(Tone::Muted, "not needed"),
            cell(Tone::Plain, "the destination is not wanted on air"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::model::SlotId;
    use crate::plan::Reason;

    fn candidate(slot: usize, verdict: Verdict) -> Candidate {
        Candidate {
            slot: SlotId::new("4000001", format!("RTMP-Slot-{slot}")),
            verdict,
        }
    }

    #[test]
    fn one_that_is_placed_says_which_slots_were_worse_and_why() {
        let slot = SlotId::new("4000001", "RTMP-Slot-2");
        let explanation = Explanation {
            output: None,
            feeds: Vec::new(),
            destination: samples::placed("twitch-main", &slot, Reason::AssignNew),
            candidates: vec![
                candidate(
                    1,
                    Verdict::Taken {
                        by: "youtube-main".to_owned(),
                    },
                ),
                candidate(2, Verdict::Chosen(Reason::AssignNew)),
                candidate(
                    3,
                    Verdict::Worse {
                        why: "a later name".to_owned(),
                    },
                ),
            ],
        };
        insta::assert_snapshot!(explain(&explanation, Style::PLAIN), @"
        twitch-main is to go on air in 4000001/RTMP-Slot-2
          wanted: Streaming, pool main
          slot: 4000001/RTMP-Slot-2, because: new; on a stopped channel, interrupts nothing

        Slots
          4000001/RTMP-Slot-1  taken   by youtube-main
          4000001/RTMP-Slot-2  chosen  new; on a stopped channel, interrupts nothing
          4000001/RTMP-Slot-3  worse   a later name
        ");
    }

    #[test]
    fn a_waiting_destination_has_a_reason_and_ways_out() {
        let facebook = samples::start_two().destinations.swap_remove(2);
        let waiting = facebook.waiting.clone().unwrap();
        let explanation = Explanation {
            output: None,
            feeds: Vec::new(),
            destination: facebook,
            candidates: vec![candidate(2, Verdict::Blocked(waiting))],
        };
        insta::assert_snapshot!(explain(&explanation, Style::PLAIN), @"
        facebook waits: InterruptionForbidden
          wanted: Streaming, pool main

        What is in the way
          InterruptionForbidden: 4000002 has a place for it, but corp-cdn is on air there and the pool never
          interrupts

        What would change it
          -  set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn off air about
             3 min)
          -  just this once: apply with --interrupt facebook
          -  set state: Ready for corp-cdn
          -  add a channel to channels: of pool main

        Slots
          4000001/RTMP-Slot-2  blocked  InterruptionForbidden: 4000002 has a place for it, but corp-cdn is
                                        on air there and the pool never interrupts
        ");
    }

    #[test]
    fn slots_with_one_verdict_share_a_row() {
        let slot = SlotId::new("4000001", "RTMP-Slot-90");
        let candidates = (1..=100).map(|number| match number {
            90 => candidate(90, Verdict::Chosen(Reason::AssignWarm)),
            40..90 => candidate(number, Verdict::NotWanted),
            other => candidate(
                other,
                Verdict::Taken {
                    by: format!("other-{other}"),
                },
            ),
        });
        let text = explain(
            &Explanation {
                output: None,
                feeds: Vec::new(),
                destination: samples::placed("twitch-main", &slot, Reason::AssignWarm),
                candidates: candidates.collect(),
            },
            Style::PLAIN,
        );
        assert!(text.contains("4000001/RTMP-Slot-24  taken"), "{text}");
        assert!(!text.contains("RTMP-Slot-25"), "{text}");
        assert!(text.contains("4000001/RTMP-Slot-90  chosen"), "{text}");
        assert!(text.ends_with("and 75 more, none of them chosen\n"), "{text}");

        let candidates = (1..=3).map(|number| candidate(number, Verdict::NotWanted));
        let text = explain(
            &Explanation {
                output: None,
                feeds: Vec::new(),
                destination: samples::placed("twitch-main", &slot, Reason::AssignWarm),
                candidates: candidates.collect(),
            },
            Style::PLAIN,
        );
        assert!(text.contains("  4000001 (3 slots)  not needed"), "{text}");
    }

    #[test]
    fn an_off_destination_says_how_it_goes_on_air() {
        let explanation = Explanation {
            output: None,
            feeds: Vec::new(),
            destination: DestinationPlan {
                state: WantedState::Ready,
                wanted: false,
                ..samples::destination("archive")
            },
            candidates: vec![candidate(1, Verdict::NotWanted)],
        };
        insta::assert_snapshot!(explain(&explanation, Style::PLAIN), @"
        archive is off air, as wanted
          wanted: Ready, pool main
          to put it on air: state: Streaming
        ");
    }
}
