//! Which output group uses which destination.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::model::{NoSlot, OtherGroup, OutputGroup};

/// Output groups in the channel's order. They can only change while the channel is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wiring {
    pub(super) rtmp: Vec<RtmpGroup>,
    pub(super) others: Arc<[OtherGroup]>,
    pub(super) feeds: Arc<[RouterFeed]>,
}

/// An output of a MediaConnect Router group, which a router input of MediaConnect takes by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterFeed {
    /// Its name.
    pub output: Arc<str>,
    /// Its zone for each pipeline, and that of the input that takes it.
    pub zones: Vec<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RtmpGroup {
    pub(super) name: OutputGroup,
    /// Id of the destination that its one output refers to, or why it cannot be a slot.
    pub(super) wired: Result<String, NoSlot>,
    /// Ids of all destinations that its outputs refer to.
    pub(super) destinations: Vec<String>,
}

impl Wiring {
    pub(super) fn read(settings: &WireEncoder) -> Self {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for group in &settings.output_groups {
            *names.entry(group.name.as_deref().unwrap_or("")).or_default() += 1;
            for id in group.destination_ids() {
                *uses.entry(id).or_default() += 1;
            }
        }
        let wired = |group: &WireGroup| -> Result<String, NoSlot> {
            let name = group.name.as_deref().unwrap_or("");
            if name.is_empty() {
                return Err(NoSlot::NoName);
            }
            if names[name] > 1 {
                return Err(NoSlot::NameTwice);
            }
            let [output] = group.outputs.as_slice() else {
                return Err(NoSlot::Outputs(group.outputs.len()));
            };
            let Some(id) = output.destination_id() else {
                return Err(NoSlot::NoReference);
            };
            if uses[id] > 1 {
                return Err(NoSlot::SharedDestination(id.to_owned()));
            }
            Ok(id.to_owned())
        };
        let (mut rtmp, mut others) = (Vec::new(), Vec::new());
        for group in &settings.output_groups {
            let name = group.name.as_deref().unwrap_or_default();
            match group.kind() {
                Some(RTMP_GROUP) => rtmp.push(RtmpGroup {
                    name: name.into(),
                    wired: wired(group),
                    destinations: group.destination_ids().map(str::to_owned).collect(),
                }),
                kind => others.push(OtherGroup {
                    name: name.into(),
                    kind: kind.map_or("unknown", in_words).into(),
                }),
            }
        }
        let feeds = settings.output_groups.iter().flat_map(WireGroup::feeds);
        Self {
            rtmp,
            others: others.into(),
            feeds: feeds.collect(),
        }
    }

    pub(super) fn destination_of(&self, output_group: &str) -> Option<&str> {
        let mut groups = self.rtmp.iter();
        let group = groups.find(|group| group.name == output_group)?;
        group.wired.as_deref().ok()
    }
}

/// Member of `outputGroupSettings` that an RTMP group has.
const RTMP_GROUP: &str = "rtmpGroupSettings";

/// And one of MediaConnect's routers.
const ROUTER_GROUP: &str = "mediaConnectRouterGroupSettings";

/// What an output group is, by its member of `outputGroupSettings` (botocore service model, `OutputGroupSettings`).
fn in_words(member: &str) -> &str {
    match member {
        "archiveGroupSettings" => "Archive",
        "cmafIngestGroupSettings" => "CMAF Ingest",
        "frameCaptureGroupSettings" => "Frame Capture",
        "hlsGroupSettings" => "HLS",
        ROUTER_GROUP => "MediaConnect Router",
        "mediaPackageGroupSettings" => "MediaPackage",
        "msSmoothGroupSettings" => "MS Smooth",
        "multiplexGroupSettings" => "Multiplex",
        "srtGroupSettings" => "SRT",
        "udpGroupSettings" => "UDP",
        newer => newer.strip_suffix("GroupSettings").unwrap_or(newer),
    }
}

// What is read of the wire.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEncoder {
    #[serde(default)]
    output_groups: Vec<WireGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup {
    name: Option<String>,
    /// One member says what the group is.
    #[serde(default)]
    output_group_settings: BTreeMap<String, Option<WireGroupKind>>,
    #[serde(default)]
    outputs: Vec<WireOutput>,
}

/// Any kind of group: one of them names zones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroupKind {
    availability_zones: Option<Vec<Arc<str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOutput {
    output_name: Option<Arc<str>>,
    #[serde(default)]
    output_settings: BTreeMap<String, Option<WireOutputKind>>,
}

/// Any kind of output: most name a destination in the same place.
#[derive(Deserialize)]
struct WireOutputKind {
    destination: Option<WireDestinationRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDestinationRef {
    destination_ref_id: Option<String>,
}

impl WireGroup {
    /// The member of its settings that is given.
    fn kind(&self) -> Option<&str> {
        let mut given = self.output_group_settings.iter();
        given.find_map(|(member, settings)| settings.as_ref().map(|_| member.as_str()))
    }

    fn feeds(&self) -> impl Iterator<Item = RouterFeed> {
        let router = self
            .output_group_settings
            .get(ROUTER_GROUP)
            .and_then(Option::as_ref);
        let names = self
            .outputs
            .iter()
            .filter_map(|output| output.output_name.clone());
        names
            .zip(std::iter::repeat(router))
            .filter_map(|(output, router)| {
                let zones = router?.availability_zones.clone().unwrap_or_default();
                Some(RouterFeed { output, zones })
            })
    }

    fn destination_ids(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().filter_map(WireOutput::destination_id)
    }
}

impl WireOutput {
    fn destination_id(&self) -> Option<&str> {
        let mut kinds = self.output_settings.values().flatten();
        kinds.find_map(|kind| kind.destination.as_ref()?.destination_ref_id.as_deref())
    }
}
