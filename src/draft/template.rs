//! A channel to begin with: the document that `aws medialive create-channel --cli-input-json` takes.
//!
//! In the spelling of the AWS CLI (botocore service model, `CreateChannelRequest`). It has RTMP output groups and nothing
//! else, each parked and each with a destination of its own; a picture of 1080p and sound of 128 kbit/s, as the platforms
//! require.

use serde_json::{Value, json};

use super::PARKING_URL;

/// What the document says.
#[derive(Debug, Clone)]
pub struct Template {
    /// Name of the channel.
    pub name: String,
    /// RTMP output groups.
    pub slots: usize,
    /// Id of the input; a channel has an input of its own.
    pub input: String,
    /// ARN of the role that MediaLive takes.
    pub role: String,
}

/// Placeholder for the input.
pub const INPUT: &str = "INPUT_ID";
/// Placeholder for the role.
pub const ROLE: &str = "arn:aws:iam::ACCOUNT_ID:role/MediaLiveAccessRole";

impl Template {
    /// The document.
    pub fn document(&self) -> Value {
        let numbers = || 1..=self.slots;
        json!({
            "Name": self.name,
            "ChannelClass": "SINGLE_PIPELINE",
            "RoleArn": self.role,
            "InputAttachments": [{"InputId": self.input, "InputAttachmentName": "programme"}],
            "InputSpecification": {"Codec": "AVC", "MaximumBitrate": "MAX_10_MBPS", "Resolution": "HD"},
            "LogLevel": "WARNING",
            "Destinations": numbers().map(|number| self.destination(number)).collect::<Vec<_>>(),
            "EncoderSettings": {
                "TimecodeConfig": {"Source": "SYSTEMCLOCK"},
                "AudioDescriptions": [audio()],
                "VideoDescriptions": [video()],
                "OutputGroups": numbers().map(output_group).collect::<Vec<_>>(),
            },
        })
    }

    /// A parked one: no two outputs of a channel push to one place.
    fn destination(&self, number: usize) -> Value {
        json!({
            "Id": reference(number),
            "Settings": [{"Url": PARKING_URL, "StreamName": format!("{}-{number}", self.name)}],
        })
    }
}

fn reference(number: usize) -> String {
    format!("rtmp-slot-{number}")
}

fn audio() -> Value {
    json!({
        "Name": "audio",
        "AudioSelectorName": "default",
        "CodecSettings": {"AacSettings": {
            "Bitrate": 128_000, "CodingMode": "CODING_MODE_2_0", "RateControlMode": "CBR", "SampleRate": 48_000,
        }},
    })
}

fn video() -> Value {
    json!({
        "Name": "video",
        "Width": 1920,
        "Height": 1080,
        "CodecSettings": {"H264Settings": {
            "Bitrate": 4_500_000, "RateControlMode": "CBR",
            "FramerateControl": "SPECIFIED", "FramerateNumerator": 30, "FramerateDenominator": 1,
            "GopSize": 2, "GopSizeUnits": "SECONDS",
        }},
    })
}

fn output_group(number: usize) -> Value {
    json!({
        "Name": format!("RTMP-Slot-{number}"),
        "OutputGroupSettings": {"RtmpGroupSettings": {"InputLossAction": "EMIT_OUTPUT", "RestartDelay": 15}},
        "Outputs": [{
            "OutputName": reference(number),
            "AudioDescriptionNames": ["audio"],
            "VideoDescriptionName": "video",
            "OutputSettings": {"RtmpOutputSettings": {
                "Destination": {"DestinationRefId": reference(number)},
                "ConnectionRetryInterval": 2,
                "NumRetries": 10,
            }},
        }],
    })
}
