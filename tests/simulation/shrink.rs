//! From a failure to the fewest actions that still fail.

use std::collections::BTreeSet;

use super::{Report, Wish, live};

/// Lives that are lived at most to shrink one.
const TRIES_MAX: usize = 48;

/// A life that fails, with no more actions than it takes, as far as that could be found out in [`TRIES_MAX`] tries.
pub(crate) struct Shrunk {
    pub(crate) wish: Wish,
    pub(crate) report: Report,
    /// Lives that were lived for it.
    pub(crate) tries: usize,
}

/// Shrinks the life of `wish`, which failed as `report` says: first to its shortest prefix that fails, then by leaving out
/// ever smaller runs of actions. Nothing else changes, as every action is drawn by itself.
pub(crate) fn shrink(wish: &Wish, report: Report, reported: impl Fn(usize, usize)) -> Shrunk {
    let check = report.broken.as_ref().map(|broken| broken.check);
    let mut best = Shrunk {
        wish: wish.clone(),
        report,
        tries: 0,
    };
    let mut actions = best.report.actions.clone();
    let fails = |best: &mut Shrunk, actions: &[usize]| {
        if best.tries == TRIES_MAX {
            return false;
        }
        best.tries += 1;
        reported(best.tries, actions.len());
        let wish = Wish {
            only: Some(actions.iter().copied().collect()),
            ..wish.clone()
        };
        let report = live(&wish);
        let same = report.broken.as_ref().map(|broken| broken.check) == check;
        if same {
            (best.wish, best.report) = (wish, report);
        }
        same
    };
    shorten(&mut actions, |actions| fails(&mut best, actions));
    thin_out(&mut actions, |actions| fails(&mut best, actions));
    best
}

/// The shortest prefix that fails, as far as halving finds it.
fn shorten(actions: &mut Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) {
    let (mut passes, mut length) = (0, actions.len());
    while passes + 1 < length {
        let middle = usize::midpoint(passes, length);
        if fails(&actions[..middle]) {
            length = middle;
        } else {
            passes = middle;
        }
    }
    actions.truncate(length);
}

/// Leaves out runs of actions, half of them first, then ever fewer at a time.
fn thin_out(actions: &mut Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) {
    let mut run = actions.len() / 2;
    while run > 0 {
        // From the back: what failed last is seldom what came first.
        let mut end = actions.len();
        while end > 0 {
            let start = end.saturating_sub(run);
            let without: Vec<usize> = [&actions[..start], &actions[end..]].concat();
            if fails(&without) {
                *actions = without;
            }
            end = start;
        }
        run /= 2;
    }
}

/// Numbers as people write them: `1-3,7`.
pub(crate) fn ranges(numbers: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let texts = ranges.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    texts.collect::<Vec<_>>().join(",")
}

/// What [`ranges`] wrote.
pub(crate) fn parse_ranges(text: &str) -> Result<BTreeSet<usize>, String> {
    let mut numbers = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| {
            text.trim()
                .parse::<usize>()
                .map_err(|_| format!("`{part}` is no number and no range such as 3-7"))
        };
        numbers.extend(number(first)?..=number(last)?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_to_fail_is_left_out() {
        let needed = [3, 17, 18, 40];
        let fails = |actions: &[usize]| needed.iter().all(|one| actions.contains(one));
        let mut actions: Vec<usize> = (0..100).collect();
        shorten(&mut actions, fails);
        assert_eq!(actions.last(), Some(&40));
        thin_out(&mut actions, fails);
        assert_eq!(actions, needed);
    }

    #[test]
    fn ranges_are_read_back() {
        let numbers = BTreeSet::from([1, 2, 3, 7, 9, 10]);
        assert_eq!(ranges(&numbers), "1-3,7,9-10");
        assert_eq!(parse_ranges(&ranges(&numbers)).unwrap(), numbers);
        assert!(parse_ranges("1,x").is_err());
    }
}
