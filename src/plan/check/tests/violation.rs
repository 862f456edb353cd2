//! What is said of a plan that breaks a rule.

use super::hand::{joins, one_on_air};

#[test]
fn who_is_taken_off_air_is_told_by_name() {
    let told = |interrupts: &[&str]| {
        let mut hand = joins(one_on_air().anytime());
        hand.channel_plan("c1").steps[0].interrupts = interrupts.iter().map(|name| (*name).into()).collect();
        hand.found()[0].to_string()
    };
    assert_eq!(told(&[]), "channel c1: stop takes off air a, but says none");
    assert_eq!(
        told(&["b", "a"]),
        "channel c1: stop takes off air a, but says a, b"
    );
}
