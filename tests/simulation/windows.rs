//! Windows, read by hand for the patterns that these worlds draw, in UTC: `*/20 * * * *` and `30 4 * * *`.

use jiff::{SignedDuration, Timestamp};
use slotwise::testing::model::Window;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// Whether the window opened less than its duration ago.
pub(super) fn is_open(window: &Window, now: Timestamp) -> bool {
    let length = i64::try_from(window.duration.as_secs()).unwrap();
    let now = now.as_second();
    let mut minutes = (now - length).div_euclid(60)..=now.div_euclid(60);
    minutes.any(|minute| minute * 60 > now - length && fires(window, minute))
}

/// When the next of `windows` opens after `now`.
pub(super) fn next_opening(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let this = now.as_second().div_euclid(60);
    let mut minutes = this + 1..=this + DAY;
    let minute = minutes.find(|minute| windows.iter().any(|window| fires(window, *minute)))?;
    Timestamp::UNIX_EPOCH
        .checked_add(SignedDuration::from_mins(minute))
        .ok()
}

/// Whether the window opens at the beginning of this minute, counted from 1970.
fn fires(window: &Window, minute: i64) -> bool {
    let pattern = window.cron.as_str();
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let [minutes, hours, "*", "*", "*"] = fields[..] else {
        panic!("the oracle cannot read the window {pattern}");
    };
    let matches = |field: &str, value: i64| match field.split_once('/') {
        _ if field == "*" => true,
        Some(("*", step)) => value % step.parse::<i64>().unwrap() == 0,
        _ => value == field.parse::<i64>().unwrap(),
    };
    assert_eq!(
        window.time_zone,
        jiff::tz::TimeZone::UTC,
        "the oracle reads UTC only"
    );
    matches(minutes, minute.rem_euclid(60)) && matches(hours, minute.div_euclid(60).rem_euclid(24))
}
