//! Alerts of a channel.
//!
//! An alert stays in the list for about five minutes after it is cleared; ids are unique in a channel only and
//! start over with each start (botocore service model, ListAlerts; user guide, monitoring-api).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channels::with_token;
use super::{Channel, World};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;
use crate::emulator::request::{Now, Request};

/// How long a cleared alert is still listed
const CLEARED_SHOWN: SignedDuration = SignedDuration::from_mins(5);

/// An alert, set or cleared
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as MediaLive calls it")]
pub struct Alert {
    /// Unique in the channel since its last start
    pub id: u64,
    /// For example "Failed RTMP Connection"
    pub alert_type: String,
    /// Free text
    pub message: String,
    /// "0" or "1"
    pub pipeline_id: String,
    /// When it was raised
    pub set: Timestamp,
    /// When it was cleared; still set when absent
    pub cleared: Option<Timestamp>,
}

impl Alert {
    const fn state(&self) -> &'static str {
        if self.cleared.is_some() { "CLEARED" } else { "SET" }
    }

    fn json(&self) -> Value {
        let mut alert = json!({
            "alertType": self.alert_type,
            "id": self.id.to_string(),
            "message": self.message,
            "pipelineId": self.pipeline_id,
            "setTimestamp": self.set,
            "state": self.state(),
        });
        if let Some(cleared) = self.cleared {
            alert["clearedTimestamp"] = json!(cleared);
        }
        alert
    }
}

impl Channel {
    /// Raises an alert
    pub fn raise(&mut self, alert_type: &str, message: &str, pipeline_id: &str, now: Now) {
        self.alerts_raised += 1;
        self.alerts.push(Alert {
            id: self.alerts_raised,
            alert_type: alert_type.to_owned(),
            message: message.to_owned(),
            pipeline_id: pipeline_id.to_owned(),
            set: now.wall,
            cleared: None,
        });
    }

    pub(super) fn clear_alerts(&mut self, now: Now) {
        for alert in &mut self.alerts {
            alert.cleared.get_or_insert(now.wall);
        }
    }

    pub(super) fn reset_alerts(&mut self) {
        self.alerts.clear();
        self.alerts_raised = 0;
    }

    pub(super) fn forget_alerts(&mut self, now: Now) {
        let shown = |cleared: Timestamp| now.wall.duration_since(cleared) <= CLEARED_SHOWN;
        self.alerts.retain(|alert| alert.cleared.is_none_or(shown));
    }
}

impl World {
    pub(super) fn list_alerts(&self, request: &Request, _now: Now) -> Result<Value, ApiError> {
        let channel = self.known_channel(&request.id)?;
        let wanted = match request.query.state_filter.as_deref() {
            // What is listed when nothing is asked for is unconfirmed.
            None | Some("SET") => Some("SET"),
            Some("CLEARED") => Some("CLEARED"),
            Some("ALL") => None,
            Some(_) => {
                return Err(ApiError::new(
                    ErrorKind::BadRequest,
                    "stateFilter must be SET, CLEARED or ALL",
                ));
            }
        };
        let shown = channel
            .alerts
            .iter()
            .filter(|alert| wanted.is_none_or(|wanted| alert.state() == wanted))
            // Zero-padded, as pages are in the order of names.
            .map(|alert| (format!("{:020}", alert.id), alert.json()));
        let page = page("alerts", shown, &request.query, &self.settings.switches)?;
        Ok(with_token(json!({"alerts": page.items}), page.next))
    }
}
