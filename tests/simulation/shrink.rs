//! From a failure to the fewest deeds that still fail.

use std::collections::BTreeSet;

use super::{Report, Wish, live};

/// Lives that are lived at most to shrink one.
const TRIES_MAX: usize = 48;

/// A life that fails, with no more deeds than it takes, as far as that could be found out in [`TRIES_MAX`] tries.
pub(crate) struct Shrunk {
    pub(crate) wish: Wish,
    pub(crate) report: Report,
    /// Lives that were lived for it.
    pub(crate) tries: usize,
}

/// Shrinks the life of `wish`, which failed as `report` says: first to its shortest prefix that fails, then by leaving out
/// ever smaller runs of deeds. Nothing else changes, as every deed is drawn by itself.
pub(crate) fn shrink(wish: &Wish, report: Report, told: impl Fn(usize, usize)) -> Shrunk {
    let check = report.broken.as_ref().map(|broken| broken.check);
    let mut best = Shrunk {
        wish: wish.clone(),
        report,
        tries: 0,
    };
    let mut deeds = best.report.deeds.clone();
    let fails = |best: &mut Shrunk, deeds: &[usize]| {
        if best.tries == TRIES_MAX {
            return false;
        }
        best.tries += 1;
        told(best.tries, deeds.len());
        let wish = Wish {
            only: Some(deeds.iter().copied().collect()),
            ..wish.clone()
        };
        let report = live(&wish);
        let same = report.broken.as_ref().map(|broken| broken.check) == check;
        if same {
            (best.wish, best.report) = (wish, report);
        }
        same
    };
    shorten(&mut deeds, |deeds| fails(&mut best, deeds));
    thin_out(&mut deeds, |deeds| fails(&mut best, deeds));
    best
}

/// The shortest prefix that fails, as far as halving finds it.
fn shorten(deeds: &mut Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) {
    let (mut passes, mut length) = (0, deeds.len());
    while passes + 1 < length {
        let middle = usize::midpoint(passes, length);
        if fails(&deeds[..middle]) {
            length = middle;
        } else {
            passes = middle;
        }
    }
    deeds.truncate(length);
}

/// Leaves out runs of deeds, half of them first, then ever fewer at a time.
fn thin_out(deeds: &mut Vec<usize>, mut fails: impl FnMut(&[usize]) -> bool) {
    let mut run = deeds.len() / 2;
    while run > 0 {
        // From the back: what failed last is seldom what came first.
        let mut end = deeds.len();
        while end > 0 {
            let start = end.saturating_sub(run);
            let without: Vec<usize> = [&deeds[..start], &deeds[end..]].concat();
            if fails(&without) {
                *deeds = without;
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
        let fails = |deeds: &[usize]| needed.iter().all(|one| deeds.contains(one));
        let mut deeds: Vec<usize> = (0..100).collect();
        shorten(&mut deeds, fails);
        assert_eq!(deeds.last(), Some(&40));
        thin_out(&mut deeds, fails);
        assert_eq!(deeds, needed);
    }

    #[test]
    fn ranges_are_read_back() {
        let numbers = BTreeSet::from([1, 2, 3, 7, 9, 10]);
        assert_eq!(ranges(&numbers), "1-3,7,9-10");
        assert_eq!(parse_ranges(&ranges(&numbers)).unwrap(), numbers);
        assert!(parse_ranges("1,x").is_err());
    }
}
