//! Calls that make what a RouterPool lacks, as commands of the AWS CLI: for `doctor --print`.
//!
//! slotwise makes none of this itself. What only the reader knows is a value of the documentation's own (`203.0.113.0/24`).

use serde_json::{Value, json};

use crate::medialive::RouterFeed;
use crate::model::{ChannelId, PoolName, RouterArn, RouterPool};

/// A router network interface, in the variable `interface` of the shell.
pub(super) fn interface(pool: &RouterPool, region: &str) -> Vec<String> {
    let configuration = json!({ "Public": { "AllowRules": [{ "Cidr": "203.0.113.0/24" }] } });
    let create = command(
        "create-router-network-interface",
        region,
        &[("name", &pool.name), ("configuration", &quoted(&configuration))],
    );
    let get = format!("aws mediaconnect get-router-network-interface --region {region} --arn \"$interface\"");
    vec![
        format!("interface=$({create} --query RouterNetworkInterface.Arn --output text)"),
        format!("until {get} | grep -q '\"ACTIVE\"'; do sleep 3; done"),
        to_write("networkInterface", "interface", &pool.name),
    ]
}

/// A channel in front, as far as an input needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Front {
    /// Its ARN.
    pub(super) arn: String,
    /// The output that the input takes.
    pub(super) feed: RouterFeed,
}

/// A router input of the pool's bitrate, which takes the channel in front, or listens for SRT on the pool's interface, or on the one that
/// was made just before.
pub(super) fn input(
    pool: &RouterPool,
    front: Option<&Front>,
    has_interface: bool,
    region: &str,
) -> Vec<String> {
    let interface = if has_interface {
        pool.network_interface.as_str()
    } else {
        INTERFACE
    };
    let configuration = match front {
        Some(front) => json!({ "MediaLiveChannel": {
            "MediaLiveChannelArn": front.arn,
            "MediaLivePipelineId": "PIPELINE_0",
            "MediaLiveChannelOutputName": &*front.feed.output,
            "SourceTransitDecryption": { "EncryptionKeyConfiguration": { "Automatic": {} } },
        }}),
        None => json!({ "Standard": {
            "NetworkInterfaceArn": interface,
            "ProtocolConfiguration": { "SrtListener": { "Port": 5000, "MinimumLatencyMilliseconds": 200 } },
        }}),
    };
    let bitrate = pool.settings.maximum_bitrate;
    let tier = if bitrate <= 20_000_000 {
        "INPUT_20"
    } else if bitrate <= 50_000_000 {
        "INPUT_50"
    } else {
        "INPUT_100"
    };
    let mut create = command(
        "create-router-input",
        region,
        &[
            ("name", &pool.name),
            ("maximum-bitrate", &bitrate),
            ("routing-scope", &"REGIONAL"),
            ("tier", &tier),
            ("configuration", &quoted(&configuration)),
        ],
    );
    let zone = front.and_then(|front| front.feed.zones.first());
    if let Some(zone) = zone.or(pool.settings.availability_zone.as_ref()) {
        create = format!("{create} --availability-zone {zone}");
    }
    let mut lines = vec![
        format!("input=$({create} --query RouterInput.Arn --output text)"),
        to_write("input", "input", &pool.name),
    ];
    // slotwise starts one that has a source.
    if pool.source.is_none() {
        lines.push(format!(
            "aws mediaconnect wait input-standby --region {region} --arn \"$input\""
        ));
        lines.push(format!(
            "aws mediaconnect start-router-input --region {region} --arn \"$input\""
        ));
    }
    lines
}

/// In JSON, the interface that was made just before.
const INTERFACE: &str = "$interface";

/// The start of an input.
pub(super) fn start(input: &RouterArn, region: &str) -> Vec<String> {
    vec![command("start-router-input", region, &[("arn", input)])]
}

/// What leads to the output group that a channel in front needs: MediaLive has no call that adds one.
pub(super) fn router_group(channel: &ChannelId, region: &str) -> Vec<String> {
    let show =
        format!("aws medialive describe-channel --region {region} --channel-id {channel} > channel.json");
    let zones = format!(
        "# add an output group with OutputGroupSettings {{\"MediaconnectRouterGroupSettings\": {{\"AvailabilityZones\": [\"{region}a\"]}}}} to its EncoderSettings"
    );
    let update = format!(
        "# while it is stopped: aws medialive update-channel --region {region} --channel-id {channel} --encoder-settings file://encoder.json"
    );
    vec![show, zones, update]
}

/// Prints a line for the pool's `spec`.
fn to_write(field: &str, variable: &str, pool: &PoolName) -> String {
    format!("echo \"{field}: ${variable}  # in spec of pool {pool}\"")
}

fn command(operation: &str, region: &str, options: &[(&str, &dyn std::fmt::Display)]) -> String {
    let options = options.iter().map(|(name, value)| format!(" --{name} {value}"));
    format!(
        "aws mediaconnect {operation} --region {region}{}",
        options.collect::<String>()
    )
}

/// JSON for a shell: nothing in it has a single quote, as ARNs and names of outputs have none, and variables are read.
fn quoted(value: &Value) -> String {
    let text = value.to_string().replace('\'', "'\\''");
    format!("'{}'", text.replace(INTERFACE, &format!("'\"{INTERFACE}\"'")))
}
