//! What nobody outside AWS has confirmed about MediaLive, each as a switch.

use serde::{Deserialize, Serialize};

/// How MediaLive behaves where no source says so
///
/// The default is the stricter reading, so that a client which works here works there. The other reading can be
/// tried by turning the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent unknown, not a state"
)]
pub struct Switches {
    /// StartChannel on STARTING, RUNNING or RECOVERING answers 200 and does nothing, instead of 409
    pub quiet_start_when_running: bool,
    /// StopChannel on IDLE or UPDATE_FAILED answers 200 and does nothing, instead of 409
    pub quiet_stop_when_idle: bool,
    /// StopChannel is taken while RECOVERING; only one third party says so (aws-bench)
    pub stop_from_recovering: bool,
    /// UpdateChannel is taken in UPDATE_FAILED; on by default, as nothing else would ever heal the channel
    pub update_from_update_failed: bool,
    /// StartChannel is taken in UPDATE_FAILED
    pub start_from_update_failed: bool,
    /// After a failed update the channel has its old configuration; otherwise it has the new one
    pub failed_update_keeps_old: bool,
    /// Two RTMP outputs of a channel may not have the same URL and stream name ("Outputs must have unique
    /// destinations" is a rejection the CDK records for Microsoft Smooth)
    pub unique_rtmp_targets: bool,
    /// An RTMP output group takes one output only (user guide, creating-rtmp-output-group; other pages differ)
    pub one_output_per_rtmp_group: bool,
    /// Output group names are unique in a channel
    pub unique_group_names: bool,
    /// An RTMP URL needs an application name after the host
    pub rtmp_app_required: bool,
    /// List shows DELETED channels and inputs too
    pub list_shows_deleted: bool,
    /// How many a List page holds when the caller does not say; public tools ask for 20
    pub list_page_default: usize,
    /// The most a List page holds, however many the caller asks for
    pub list_page_max: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            quiet_start_when_running: false,
            quiet_stop_when_idle: false,
            stop_from_recovering: false,
            update_from_update_failed: true,
            start_from_update_failed: false,
            failed_update_keeps_old: true,
            unique_rtmp_targets: true,
            one_output_per_rtmp_group: true,
            unique_group_names: true,
            rtmp_app_required: true,
            list_shows_deleted: false,
            list_page_default: 20,
            list_page_max: 100,
        }
    }
}

impl Switches {
    /// Every switch turned to the reading that lets more through
    pub fn lenient() -> Self {
        Self {
            quiet_start_when_running: true,
            quiet_stop_when_idle: true,
            stop_from_recovering: true,
            update_from_update_failed: true,
            start_from_update_failed: true,
            failed_update_keeps_old: false,
            unique_rtmp_targets: false,
            one_output_per_rtmp_group: false,
            unique_group_names: false,
            rtmp_app_required: false,
            list_shows_deleted: true,
            list_page_default: 1_000,
            list_page_max: 1_000,
        }
    }
}
