//! What a pool says of interruptions, as a recording has it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::inputs::WrongInput;
use crate::model::{Cause, Disruption, Interrupt, Window};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WindowDocument {
    cron: String,
    duration: Duration,
    time_zone: String,
}

impl From<&Window> for WindowDocument {
    fn from(window: &Window) -> Self {
        Self {
            cron: window.cron.as_str().to_owned(),
            duration: window.duration,
            // The one zone without a name that can be declared.
            time_zone: window.time_zone.iana_name().unwrap_or("Etc/Unknown").to_owned(),
        }
    }
}

/// What a pool says of interruptions; `place` names a field of it in messages.
pub(super) fn disruption(
    (interrupt, causes): (Interrupt, BTreeSet<Cause>),
    windows: Vec<WindowDocument>,
    max_concurrent: u32,
    place: &dyn Fn(&str) -> String,
) -> Result<Disruption, WrongInput> {
    let window = |window: WindowDocument| {
        Ok(Window {
            cron: window
                .cron
                .parse()
                .map_err(|error| WrongInput::new(place("cron"), &error))?,
            duration: window.duration,
            time_zone: TimeZone::get(&window.time_zone)
                .map_err(|error| WrongInput::new(place("timeZone"), &error))?,
        })
    };
    Ok(Disruption {
        interrupt,
        causes,
        windows: windows
            .into_iter()
            .map(window)
            .collect::<Result<_, WrongInput>>()?,
        max_concurrent,
    })
}
