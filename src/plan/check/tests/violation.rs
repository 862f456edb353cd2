//! Messages about a plan that breaks a rule.

use super::hand::{joins, one_on_air};

#[test]
fn a_violation_names_the_destinations_taken_off_air() {
    let message = |interrupts: &[&str]| {
        let mut hand = joins(one_on_air().anytime());
        hand.channel_plan("c1").steps[0].interrupts = interrupts.iter().map(|name| (*name).into()).collect();
        hand.found()[0].to_string()
    };
    assert_eq!(message(&[]), "channel c1: stop takes off air a, but says none");
    assert_eq!(
        message(&["b", "a"]),
        "channel c1: stop takes off air a, but says a, b"
    );
}
