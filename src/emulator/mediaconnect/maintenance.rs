//! When MediaConnect maintains a running output or input: 60 to 66 days after its start, in the window that it prefers.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::Time, civil::Weekday};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emulator::dice::Dice;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// From a start to the day from which maintenance is due; it comes on the preferred weekday of the week that begins then
const DUE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// How long a window lasts; MediaConnect does not publish it
const WINDOW_HOURS: i64 = 2;

/// When maintenance comes
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    start: Timestamp,
    /// Within the window
    at: Timestamp,
}

impl Window {
    /// The window after a start; day and time are drawn where the configuration prefers none
    pub(super) fn after(started: Timestamp, configuration: Option<&Value>, dice: &mut Dice) -> Option<Self> {
        let preferred = configuration.and_then(|configuration| configuration.get("preferredDayTime"));
        let text = |key: &str| preferred?.get(key)?.as_str();
        let day = text("day")
            .and_then(weekday)
            .unwrap_or_else(|| WEEK[dice.pick(WEEK.len())]);
        let time = text("time").and_then(time_of_day).unwrap_or_else(|| drawn(dice));
        let earliest = started.checked_add(DUE).ok()?.to_zoned(TimeZone::UTC);
        let mut date = earliest
            .date()
            .to_datetime(time)
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp();
        while date.to_zoned(TimeZone::UTC).weekday() != day || date < earliest.timestamp() {
            date = date.checked_add(DAY).ok()?;
        }
        let minutes = i64::try_from(dice.pick(110)).unwrap_or_default();
        let at = date.checked_add(SignedDuration::from_mins(minutes)).ok()?;
        Some(Self { start: date, at })
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.at
    }

    /// As the wire has it
    pub(super) fn shown(&self) -> Value {
        let end = self.start.checked_add(SignedDuration::from_hours(WINDOW_HOURS));
        json!({"window": {
            "end": end.unwrap_or(self.start),
            "scheduledTime": self.at,
            "start": self.start,
        }})
    }
}

/// `03:00`, in UTC
pub(super) fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

fn drawn(dice: &mut Dice) -> Time {
    let hour = i8::try_from(dice.pick(24)).unwrap_or_default();
    Time::new(hour, 0, 0, 0).unwrap_or_default()
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn weekday(name: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = [
        "MONDAY",
        "TUESDAY",
        "WEDNESDAY",
        "THURSDAY",
        "FRIDAY",
        "SATURDAY",
        "SUNDAY",
    ];
    let place = NAMES.iter().position(|known| *known == name)?;
    WEEK.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_comes_60_to_67_days_after_a_start_on_the_day_and_time_preferred() {
        let mut dice = Dice::new(1, 2);
        for hour in 0..24 * 7 {
            let started: Timestamp = "2026-11-30T09:17:03Z".parse().unwrap();
            let started = started + SignedDuration::from_hours(hour);
            let wanted = json!({"preferredDayTime": {"day": "MONDAY", "time": "03:30"}});
            let window = Window::after(started, Some(&wanted), &mut dice).unwrap();
            let begins = window.start.to_zoned(TimeZone::UTC);
            assert_eq!(begins.weekday(), Weekday::Monday);
            assert_eq!((begins.hour(), begins.minute()), (3, 30));
            let after = window.start.duration_since(started).as_secs_f64() / 86_400.0;
            assert!((60.0..67.0).contains(&after), "{after}");
            assert!(!window.is_due(window.start - SignedDuration::from_secs(1)));
            assert!(window.is_due(window.start + SignedDuration::from_hours(WINDOW_HOURS)));
        }
    }

    #[test]
    fn a_window_without_preference_has_one_all_the_same() {
        let started: Timestamp = "2026-11-30T09:17:03Z".parse().unwrap();
        let default = json!({"default": {}});
        let window = Window::after(started, Some(&default), &mut Dice::new(1, 2)).unwrap();
        let shown = window.shown();
        let date = |key: &str| -> Timestamp { shown["window"][key].as_str().unwrap().parse().unwrap() };
        assert!(date("start") <= date("scheduledTime") && date("scheduledTime") < date("end"));
    }

    #[test]
    fn a_time_of_day_has_two_digits_each() {
        assert!(time_of_day("03:00").is_some() && time_of_day("23:59").is_some());
        for bad in ["3:00", "24:00", "03:60", "03:00:00", "+3:00", "", "0300"] {
            assert_eq!(time_of_day(bad), None, "{bad}");
        }
    }
}
