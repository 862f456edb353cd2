use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Moments from the wanted destinations, with `!` after those whose target changes: `"1 2!"`.
fn life(moments: &[&str]) -> Vec<Moment> {
    let moment = |text: &&str| {
        let mut moment = Moment::default();
        for word in text.split_whitespace() {
            let number = word.trim_end_matches('!').parse().unwrap();
            moment.wanted.insert(number);
            if word.ends_with('!') {
                moment.rotated.insert(number);
            }
        }
        moment
    };
    moments.iter().map(moment).collect()
}

fn least(slots: &[usize], moments: &[&str]) -> usize {
    least_interruptions(slots, &life(moments)).unwrap()
}

#[test]
fn a_joiner_interrupts_the_channel_unless_there_is_another() {
    assert_eq!(least(&[2], &["1", "1 2"]), 1);
    assert_eq!(least(&[2, 1], &["1", "1 2"]), 0);
}

#[test]
fn a_leaver_interrupts_those_that_stay_and_nothing_if_all_go() {
    assert_eq!(least(&[3], &["1 2 3", "1 2"]), 2);
    assert_eq!(least(&[3], &["1 2 3", ""]), 0);
}

#[test]
fn a_changed_target_interrupts_every_destination_on_the_channel() {
    assert_eq!(least(&[2], &["1", "1!"]), 1);
    assert_eq!(least(&[2], &["1 2", "1! 2"]), 2);
    assert_eq!(least(&[2], &["1!"]), 0);
}

#[test]
fn all_that_changes_at_one_moment_shares_one_stop() {
    assert_eq!(least(&[3], &["1 2", "1! 3"]), 1);
    assert_eq!(least(&[3], &["1 2", "1", "1 3"]), 2);
}

#[test]
fn hindsight_puts_together_what_ends_together() {
    let moments = ["1 2 3 4", "1 3", "3"];
    assert_eq!(least(&[2, 2], &moments), 1);
    assert_eq!(first_fit(&[2, 2], &life(&moments)), Ok(2));
}

#[test]
fn too_many_destinations_differ_from_too_many_placements() {
    assert_eq!(least_interruptions(&[1], &life(&["1 2"])), Err(Unknown::NoRoom));
    let all: Vec<String> = (1..=24).map(|number| number.to_string()).collect();
    let crowd = life(&[&all.join(" ")]);
    assert_eq!(
        least_interruptions(&[4; 6], &crowd),
        Err(Unknown::TooManyPlacements)
    );
    assert_eq!(first_fit(&[4; 6], &crowd), Ok(0));
}

/// The same by trying every channel for every stretch in which a destination is wanted.
#[test]
fn trying_every_placement_finds_the_same() {
    let (mut foresight, mut cases) = (0, 0);
    for seed in 0..200 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let slots: Vec<usize> = (0..random.random_range(1..=3))
            .map(|_| random.random_range(1..=3))
            .collect();
        let moments = draw(random);
        let stretches = stretches(&moments);
        let placements = slots.len().pow(u32::try_from(stretches.len()).unwrap());
        if placements > 3_000 {
            continue;
        }
        let costs = (0..placements).filter_map(|number| cost(&slots, &moments, &stretches, number));
        let (found, best) = (least_interruptions(&slots, &moments), costs.min());
        assert_eq!(found.ok(), best, "seed {seed}: {slots:?} {moments:?}");
        cases += usize::from(best.is_some());
        if let (Some(best), Ok(greedy)) = (best, first_fit(&slots, &moments)) {
            assert!(best <= greedy, "seed {seed}: {slots:?} {moments:?}");
            foresight += usize::from(best < greedy);
        }
    }
    assert!(cases > 60, "only {cases} lives had room");
    assert!(
        foresight > 5,
        "only {foresight} lives were any better with foresight"
    );
}

fn draw(random: &mut ChaCha8Rng) -> Vec<Moment> {
    let moment = |_| {
        let mut moment = Moment::default();
        for number in 0..5 {
            if random.random_bool(0.6) {
                moment.wanted.insert(number);
            }
            if random.random_bool(0.1) {
                moment.rotated.insert(number);
            }
        }
        moment
    };
    (0..4).map(moment).collect()
}

/// The wanted destinations, each from which moment to before which.
fn stretches(moments: &[Moment]) -> Vec<(u32, usize, usize)> {
    let mut found = Vec::new();
    for number in 0..5 {
        let wanted = |at: usize| {
            moments
                .get(at)
                .is_some_and(|moment| moment.wanted.contains(&number))
        };
        for from in (0..moments.len()).filter(|at| wanted(*at) && (*at == 0 || !wanted(*at - 1))) {
            let until = (from..=moments.len()).find(|at| !wanted(*at)).unwrap();
            found.push((number, from, until));
        }
    }
    found
}

/// What the placement of this number costs: its digits are the channels of the stretches.
fn cost(
    slots: &[usize],
    moments: &[Moment],
    stretches: &[(u32, usize, usize)],
    number: usize,
) -> Option<usize> {
    let mut digits = number;
    let mut on = vec![Vec::new(); slots.len()];
    for stretch in stretches {
        on[digits % slots.len()].push(*stretch);
        digits /= slots.len();
    }
    let mut cost = 0;
    for (at, moment) in moments.iter().enumerate() {
        for (slots, here) in slots.iter().zip(&on) {
            let now: Vec<_> = here
                .iter()
                .filter(|(_, from, until)| (*from..*until).contains(&at))
                .collect();
            if now.len() > *slots {
                return None;
            }
            let stay = now.iter().filter(|(_, from, _)| *from < at);
            let comes_or_goes = here.iter().any(|(_, from, until)| *from == at || *until == at);
            let changes = stay.clone().any(|(number, ..)| moment.rotated.contains(number));
            if comes_or_goes || changes {
                cost += stay.count();
            }
        }
    }
    Some(cost)
}
