//! Platforms that take streams at a published URL: one table.

use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where a platform takes streams. The stream key is the stream name, never part of the URL.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// What is written: `platform: youtube`.
    pub name: &'static str,
    /// A description.
    pub about: &'static str,
    /// URL of the first pipeline.
    pub url: &'static str,
    /// URL of the second pipeline, where the platform has a second ingest for one and the same key.
    pub backup_url: Option<&'static str>,
    /// Where it is published.
    pub source: &'static str,
}

const OBS: &str = "obs-studio, plugins/rtmp-services/data/services.json";

const fn twitch(name: &'static str, about: &'static str, url: &'static str) -> Preset {
    Preset {
        name,
        about,
        url,
        backup_url: None,
        source: OBS,
    }
}

/// Every platform. The hosts of one city are for streams whose viewers are not near the channel's region.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "youtube",
        about: "YouTube Live over RTMPS, with its backup ingest",
        url: "rtmps://a.rtmps.youtube.com:443/live2",
        backup_url: Some("rtmps://b.rtmps.youtube.com:443/live2?backup=1"),
        source: "https://developers.google.com/youtube/v3/live/guides/rtmps-ingestion",
    },
    Preset {
        name: "twitch",
        about: "Twitch, the nearest ingest; no backup: two publishers of one key throw each other out",
        url: "rtmp://ingest.global-contribute.live-video.net/app",
        backup_url: None,
        source: "https://ingest.twitch.tv/ingests (url_template), https://dev.twitch.tv/docs/video-broadcast/reference",
    },
    Preset {
        name: "facebook",
        about: "Facebook Live over RTMPS; no backup: that has a key of its own",
        url: "rtmps://rtmp-api.facebook.com:443/rtmp/",
        backup_url: None,
        source: "https://developers.facebook.com/docs/live-video-api/changelog",
    },
    Preset {
        name: "kick",
        about: "Kick; where its Creator Dashboard shows another URL, write url: instead",
        url: "rtmps://fa723fc1b171.global-contribute.live-video.net:443/app",
        backup_url: None,
        source: "https://github.com/cleanunicorn/multistream README",
    },
    Preset {
        name: "x",
        about: "X, US East; where its Media Studio shows the URL of another region, write url: instead",
        url: "rtmps://va.pscp.tv:443/x",
        backup_url: None,
        source: "https://github.com/branpurn/retrans README",
    },
    twitch(
        "twitch-amsterdam",
        "Twitch, Amsterdam",
        "rtmp://live-ams.twitch.tv/app",
    ),
    twitch(
        "twitch-ashburn",
        "Twitch, Ashburn",
        "rtmp://live-iad.twitch.tv/app",
    ),
    twitch(
        "twitch-atlanta",
        "Twitch, Atlanta",
        "rtmp://live-atl.twitch.tv/app",
    ),
    twitch("twitch-berlin", "Twitch, Berlin", "rtmp://live-ber.twitch.tv/app"),
    twitch(
        "twitch-buenos-aires",
        "Twitch, Argentina",
        "rtmp://live-eze.twitch.tv/app",
    ),
    twitch(
        "twitch-chicago",
        "Twitch, Chicago",
        "rtmp://live-ord.twitch.tv/app",
    ),
    twitch(
        "twitch-copenhagen",
        "Twitch, Copenhagen",
        "rtmp://live-cph.twitch.tv/app",
    ),
    twitch("twitch-dallas", "Twitch, Dallas", "rtmp://live-dfw.twitch.tv/app"),
    twitch("twitch-denver", "Twitch, Denver", "rtmp://live-den.twitch.tv/app"),
    twitch(
        "twitch-frankfurt",
        "Twitch, Frankfurt",
        "rtmp://live-fra.twitch.tv/app",
    ),
    twitch(
        "twitch-helsinki",
        "Twitch, Helsinki",
        "rtmp://live-hel.twitch.tv/app",
    ),
    twitch(
        "twitch-hong-kong",
        "Twitch, Hong Kong",
        "rtmp://live-hkg.twitch.tv/app",
    ),
    twitch(
        "twitch-houston",
        "Twitch, Houston",
        "rtmp://live-hou.twitch.tv/app",
    ),
    twitch("twitch-lima", "Twitch, Lima", "rtmp://live-lim.twitch.tv/app"),
    twitch("twitch-lisbon", "Twitch, Lisbon", "rtmp://live-lis.twitch.tv/app"),
    twitch("twitch-london", "Twitch, London", "rtmp://live-lhr.twitch.tv/app"),
    twitch(
        "twitch-los-angeles",
        "Twitch, Los Angeles",
        "rtmp://live-lax.twitch.tv/app",
    ),
    twitch("twitch-madrid", "Twitch, Madrid", "rtmp://live-mad.twitch.tv/app"),
    twitch(
        "twitch-marseille",
        "Twitch, Marseille",
        "rtmp://live-mrs.twitch.tv/app",
    ),
    twitch(
        "twitch-medellin",
        "Twitch, Medellin",
        "rtmp://live-mde.twitch.tv/app",
    ),
    twitch(
        "twitch-mexico-city",
        "Twitch, Mexico City",
        "rtmp://live-qro.twitch.tv/app",
    ),
    twitch("twitch-miami", "Twitch, Miami", "rtmp://live-mia.twitch.tv/app"),
    twitch("twitch-milan", "Twitch, Milan", "rtmp://live-mil.twitch.tv/app"),
    twitch(
        "twitch-new-york",
        "Twitch, New York",
        "rtmp://live-jfk.twitch.tv/app",
    ),
    twitch("twitch-oslo", "Twitch, Oslo", "rtmp://live-osl.twitch.tv/app"),
    twitch("twitch-paris", "Twitch, Paris", "rtmp://live-cdg.twitch.tv/app"),
    twitch(
        "twitch-phoenix",
        "Twitch, Phoenix",
        "rtmp://live-phx.twitch.tv/app",
    ),
    twitch(
        "twitch-portland",
        "Twitch, Portland",
        "rtmp://live-pdx.twitch.tv/app",
    ),
    twitch("twitch-prague", "Twitch, Prague", "rtmp://live-prg.twitch.tv/app"),
    twitch("twitch-quebec", "Twitch, Quebec", "rtmp://live-ymq.twitch.tv/app"),
    twitch(
        "twitch-rio-de-janeiro",
        "Twitch, Rio de Janeiro",
        "rtmp://live-rio.twitch.tv/app",
    ),
    twitch(
        "twitch-salt-lake-city",
        "Twitch, Salt Lake City",
        "rtmp://live-slc.twitch.tv/app",
    ),
    twitch(
        "twitch-san-francisco",
        "Twitch, San Francisco",
        "rtmp://live-sfo.twitch.tv/app",
    ),
    twitch(
        "twitch-san-jose",
        "Twitch, San Jose",
        "rtmp://live-sjc.twitch.tv/app",
    ),
    twitch(
        "twitch-santiago",
        "Twitch, Chile",
        "rtmp://live-scl.twitch.tv/app",
    ),
    twitch(
        "twitch-sao-paulo",
        "Twitch, Sao Paulo",
        "rtmp://live-sao.twitch.tv/app",
    ),
    twitch(
        "twitch-seattle",
        "Twitch, Seattle",
        "rtmp://live-sea.twitch.tv/app",
    ),
    twitch("twitch-seoul", "Twitch, Seoul", "rtmp://live-sel.twitch.tv/app"),
    twitch(
        "twitch-singapore",
        "Twitch, Singapore",
        "rtmp://live-sin.twitch.tv/app",
    ),
    twitch(
        "twitch-stockholm",
        "Twitch, Stockholm",
        "rtmp://live-arn.twitch.tv/app",
    ),
    twitch("twitch-sydney", "Twitch, Sydney", "rtmp://live-syd.twitch.tv/app"),
    twitch("twitch-taipei", "Twitch, Taipei", "rtmp://live-tpe.twitch.tv/app"),
    twitch("twitch-tokyo", "Twitch, Tokyo", "rtmp://live-tyo.twitch.tv/app"),
    twitch(
        "twitch-toronto",
        "Twitch, Toronto",
        "rtmp://live-yto.twitch.tv/app",
    ),
    twitch("twitch-vienna", "Twitch, Vienna", "rtmp://live-vie.twitch.tv/app"),
    twitch("twitch-warsaw", "Twitch, Warsaw", "rtmp://live-waw.twitch.tv/app"),
];

/// Platforms that show another URL for each broadcast, and where.
pub const WITHOUT_PRESET: [(&str, &str); 3] = [
    (
        "instagram",
        "Instagram shows the URL of each broadcast in its Live Producer",
    ),
    (
        "linkedin",
        "LinkedIn shows the URL of each event in its live studio, some hours before",
    ),
    (
        "tiktok",
        "TikTok shows the URL of each broadcast in its LIVE Producer",
    ),
];

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| PRESETS.iter().map(|one| one.name).collect());

/// What to write instead of `platform: NAME` where there is no preset of it.
pub fn instead_of(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let (_, why) = WITHOUT_PRESET.iter().find(|(platform, _)| *platform == name)?;
    Some(format!("{why}: write url: with it"))
}

/// `spec.platform`: the name of a preset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawPlatform(pub &'static Preset);

impl fmt::Debug for RawPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for RawPlatform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let preset = PRESETS.iter().find(|preset| preset.name == name);
        preset
            .map(Self)
            .ok_or_else(|| D::Error::unknown_variant(&name, &NAMES))
    }
}

impl JsonSchema for RawPlatform {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Platform".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = PRESETS.iter().map(|preset| {
            json_schema!({
                "type": "string",
                "const": preset.name,
                "description": format!("{}: {}", preset.about, preset.url),
            })
        });
        json_schema!({
            "oneOf": words.collect::<Vec<_>>(),
            "description": "A platform whose URLs are known.",
        })
    }
}

/// The platform that takes streams at `host`: what its presets are called, or begin with.
///
/// Below `global-contribute.live-video.net` each account of Amazon IVS has a host of its own; Kick is one of them.
pub fn platform_at(host: &str) -> Option<&'static str> {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let at =
        |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let known = [
        ("youtube", "youtube.com"),
        ("twitch", "twitch.tv"),
        ("twitch", "contribute.live-video.net"),
        ("twitch", "ingest.global-contribute.live-video.net"),
        ("facebook", "facebook.com"),
        ("kick", "fa723fc1b171.global-contribute.live-video.net"),
        ("x", "pscp.tv"),
    ];
    known
        .iter()
        .find(|(_, domain)| at(domain))
        .map(|(platform, _)| *platform)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_preset_is_recognized_by_its_host_and_holds_no_key() {
        for preset in PRESETS {
            for url in [Some(preset.url), preset.backup_url].into_iter().flatten() {
                let url = url::Url::parse(url).unwrap();
                let platform = platform_at(url.host_str().unwrap()).unwrap();
                assert!(preset.name.starts_with(platform), "{}", preset.name);
                let path = url.path().trim_matches('/');
                assert!(!path.is_empty() && !path.contains('/'), "{path}");
            }
        }
    }

    #[test]
    fn no_two_presets_have_one_name_or_one_url() {
        let names: BTreeSet<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let urls: BTreeSet<&str> = PRESETS.iter().map(|preset| preset.url).collect();
        assert_eq!((names.len(), urls.len()), (PRESETS.len(), PRESETS.len()));
        assert!(WITHOUT_PRESET.iter().all(|(name, _)| !names.contains(name)));
    }

    #[test]
    fn only_a_whole_domain_is_a_platform() {
        assert_eq!(platform_at("A.RTMP.YouTube.com"), Some("youtube"));
        assert_eq!(platform_at("fra05.contribute.live-video.net."), Some("twitch"));
        assert_eq!(platform_at("notyoutube.com"), None);
        assert_eq!(platform_at("youtube.com.example"), None);
        assert_eq!(platform_at("0123456789ab.global-contribute.live-video.net"), None);
    }

    #[test]
    fn a_platform_with_a_url_for_each_broadcast_says_where_that_is() {
        let advice = instead_of("LinkedIn").unwrap();
        assert!(advice.ends_with("write url: with it"), "{advice}");
        assert_eq!(instead_of("youtub"), None);
    }
}
