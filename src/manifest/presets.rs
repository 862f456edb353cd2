//! URLs of platforms that everybody streams to.

use super::raw::RawPlatform;

/// Where a platform takes streams. The stream key is the stream name, never part of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// URL of the first pipeline.
    pub url: &'static str,
    /// URL of the second pipeline, where the platform has a second ingest for one and the same key.
    pub backup_url: Option<&'static str>,
}

/// YouTube: RTMPS on port 443, primary and backup ingest for one key.
///
/// Source: obs-studio `plugins/rtmp-services/data/services.json`, "YouTube - RTMPS";
/// <https://developers.google.com/youtube/v3/live/guides/rtmps-ingestion>.
const YOUTUBE: Preset = Preset {
    url: "rtmps://a.rtmps.youtube.com:443/live2",
    backup_url: Some("rtmps://b.rtmps.youtube.com:443/live2?backup=1"),
};

/// Twitch: the host that answers with the nearest ingest. It has no backup: two publishers of one key throw each
/// other out.
///
/// Source: <https://ingest.twitch.tv/ingests> (`url_template`),
/// <https://dev.twitch.tv/docs/video-broadcast/reference>.
const TWITCH: Preset = Preset {
    url: "rtmp://ingest.global-contribute.live-video.net/app",
    backup_url: None,
};

/// Facebook: RTMPS only since November 2019. A backup has a key of its own there, so there is none here.
///
/// Source: obs-studio `services.json`, "Facebook Live";
/// <https://developers.facebook.com/docs/live-video-api/changelog>.
const FACEBOOK: Preset = Preset {
    url: "rtmps://rtmp-api.facebook.com:443/rtmp/",
    backup_url: None,
};

impl RawPlatform {
    /// Its URLs.
    pub fn preset(self) -> Preset {
        match self {
            Self::Youtube => YOUTUBE,
            Self::Twitch => TWITCH,
            Self::Facebook => FACEBOOK,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Youtube => "youtube",
            Self::Twitch => "twitch",
            Self::Facebook => "facebook",
        }
    }
}

/// The platform that takes streams at `host`.
pub fn platform_at(host: &str) -> Option<RawPlatform> {
    let host = host.to_ascii_lowercase();
    let at =
        |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if at("youtube.com") {
        Some(RawPlatform::Youtube)
    } else if at("twitch.tv") || at("live-video.net") {
        Some(RawPlatform::Twitch)
    } else if at("facebook.com") {
        Some(RawPlatform::Facebook)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_recognized_by_its_host_and_holds_no_key() {
        for platform in [RawPlatform::Youtube, RawPlatform::Twitch, RawPlatform::Facebook] {
            let preset = platform.preset();
            for url in [Some(preset.url), preset.backup_url].into_iter().flatten() {
                let url = url::Url::parse(url).unwrap();
                assert_eq!(platform_at(url.host_str().unwrap()), Some(platform));
                let path = url.path().trim_matches('/');
                assert!(!path.is_empty() && !path.contains('/'), "{path}");
            }
        }
    }

    #[test]
    fn only_a_whole_domain_is_a_platform() {
        assert_eq!(platform_at("A.RTMP.YouTube.com"), Some(RawPlatform::Youtube));
        assert_eq!(platform_at("notyoutube.com"), None);
        assert_eq!(platform_at("youtube.com.example"), None);
    }
}
