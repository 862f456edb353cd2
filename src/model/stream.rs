//! When two spellings are one address, and when two addresses are one stream.
//!
//! | relation | holds for | serves |
//! |---|---|---|
//! | *equal* | one [canonical form](Endpoint::canonical): scheme and host in lower case, no dot at the end of the host, IPv6 as RFC 5952 writes it, default ports left out, no trailing or double slash, a key in the URL taken for the stream name | "nothing to do" |
//! | *the same stream* | equal [`Stream`]s: equal addresses; rtmp and rtmps of one host, application and key; a key with spaces around it; hosts of one platform with equal keys, whatever their query | the occupants of slots, what is on air twice |
//!
//! Both are equivalence relations on endpoints, so that indices can be built of them.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::{Endpoint, Secret, Target};

/// What a viewer would see: equal for two endpoints exactly if they are the same stream.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    ingest: Ingest,
    /// The key, without the query that some platforms take after it.
    key: Secret,
}

/// Who takes a stream.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Ingest {
    /// A platform, at whichever of its hosts.
    Platform(&'static str),
    /// Host and application.
    At(Arc<str>),
}

// By hand: the application may hold a pasted key.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(***)")
    }
}

impl Endpoint {
    /// The one spelling of all that are equal.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let Some((url, name)) = Address::of(self).map(|address| (address.url(), address.name)) else {
            return self.clone();
        };
        let url = if url == *self.url {
            Arc::clone(&self.url)
        } else {
            url.into()
        };
        let stream_name = match name {
            Cow::Borrowed(name) if name == self.stream_name.reveal() => self.stream_name.clone(),
            name => Secret::new(&*name),
        };
        Self {
            url,
            stream_name,
            login: self.login.clone(),
        }
    }

    /// The stream that it is an address of.
    pub fn stream(&self) -> Stream {
        let Some(address) = Address::of(self) else {
            return Stream {
                ingest: Ingest::At(Arc::clone(&self.url)),
                key: self.stream_name.clone(),
            };
        };
        let platform = platform_at(&address.host);
        let key = match platform {
            Some(_) => address.name.split('?').next().unwrap_or_default(),
            None => &address.name,
        };
        // A key pasted into the console may have spaces around it.
        let key = key.trim();
        Stream {
            ingest: platform.map_or_else(|| Ingest::At(address.ingest().into()), Ingest::Platform),
            key: if key == self.stream_name.reveal() {
                self.stream_name.clone()
            } else {
                Secret::new(key)
            },
        }
    }

    /// Whether it is the second of a platform's two ingests for one key: both may be on air at once.
    pub fn is_backup_ingest(&self) -> bool {
        Address::of(self).is_some_and(|address| {
            platform_at(&address.host) == Some("youtube")
                && (address.host.starts_with("b.") || address.query == Some("backup=1"))
        })
    }
}

impl Target {
    /// The one spelling of all that are equal.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self(self.0.iter().map(Endpoint::canonical).collect())
    }

    /// Whether the two differ in their spelling at most.
    pub fn equals(&self, other: &Self) -> bool {
        self == other || self.0.len() == other.0.len() && self.canonical() == other.canonical()
    }
}

/// An RTMP URL and a stream name, taken apart.
struct Address<'a> {
    scheme: Cow<'a, str>,
    user: Option<&'a str>,
    host: Cow<'a, str>,
    /// Left out where it is the scheme's own.
    port: Option<&'a str>,
    /// The application's path, which may begin, end and be divided with more than one slash.
    path: &'a str,
    query: Option<&'a str>,
    name: Cow<'a, str>,
}

impl<'a> Address<'a> {
    /// `None` for what is no URL at all.
    fn of(endpoint: &'a Endpoint) -> Option<Self> {
        let (scheme, rest) = endpoint.url.split_once("://")?;
        let scheme = lower(scheme);
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query).filter(|query| !query.is_empty())),
            None => (rest, None),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (host, Some(port)),
            _ => (place, None),
        };
        let default = default_port(&scheme);
        let port = port.map(|port| port.trim_start_matches('0'));
        let mut address = Self {
            host: plain_host(host),
            port: port.filter(|port| !port.is_empty() && Some(*port) != default),
            user,
            path,
            query,
            name: Cow::Borrowed(endpoint.stream_name.reveal().trim_start_matches('/')),
            scheme,
        };
        address.take_key_from_url();
        Some(address)
    }

    /// An address without a stream name whose URL continues after the application has its key there.
    fn take_key_from_url(&mut self) {
        if !self.name.is_empty() {
            return;
        }
        let ended = self.path.trim_end_matches('/');
        if let Some((application, last)) = ended.rsplit_once('/')
            && !application.trim_start_matches('/').is_empty()
        {
            self.path = application;
            self.name = match self.query.take() {
                Some(query) => Cow::Owned(format!("{last}?{query}")),
                None => Cow::Borrowed(last),
            };
        }
    }

    fn url(&self) -> String {
        let mut url = format!("{}://", self.scheme);
        if let Some(user) = self.user {
            url.push_str(user);
            url.push('@');
        }
        url.push_str(&self.ingest());
        url
    }

    /// Host, application and query: where a key is pushed to, whatever the scheme.
    fn ingest(&self) -> String {
        let rest = self.port.map_or(0, str::len) + self.path.len() + self.query.map_or(0, str::len) + 3;
        let mut text = String::with_capacity(self.host.len() + rest);
        text.push_str(&self.host);
        for (mark, part) in self.port.iter().map(|port| (':', *port)) {
            text.push(mark);
            text.push_str(part);
        }
        let path = self.path.split('/').filter(|part| !part.is_empty());
        let path = path.map(|part| ('/', part));
        for (mark, part) in path.chain(self.query.map(|query| ('?', query))) {
            text.push(mark);
            text.push_str(part);
        }
        text
    }
}

/// The one spelling of a host: without the dot that ends a complete name, an IPv6 address as RFC 5952 writes it.
fn plain_host(host: &str) -> Cow<'_, str> {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if let Some(address) = address.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
        return Cow::Owned(format!("[{address}]"));
    }
    lower(host.strip_suffix('.').unwrap_or(host))
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|letter| letter.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// As IANA lists them for rtmp, and as every platform has it for rtmps.
fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "rtmp" => Some("1935"),
        "rtmps" => Some("443"),
        _ => None,
    }
}

/// The platform that takes streams at `host`, which is in lower case. One key is one stream there, whichever of its hosts
/// takes it.
///
/// Sources: obs-studio `plugins/rtmp-services/data/services.json`; <https://ingest.twitch.tv/ingests>;
/// <https://developers.google.com/youtube/v3/live/guides/rtmps-ingestion>;
/// <https://developers.facebook.com/docs/live-video-api/getting-started>. Hosts of `global-contribute.live-video.net` other
/// than `ingest` are those of Amazon IVS, one an account.
fn platform_at(host: &str) -> Option<&'static str> {
    let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if is_below("youtube.com") {
        Some("youtube")
    } else if is_below("twitch.tv")
        || is_below("contribute.live-video.net")
        || host == "ingest.global-contribute.live-video.net"
    {
        Some("twitch")
    } else if is_below("facebook.com") {
        Some("facebook")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, key: &str) -> Endpoint {
        Endpoint::new(url, Secret::new(key))
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        let plain = endpoint("rtmp://ingest.example.com/live", "k1");
        for (url, key) in [
            ("rtmp://ingest.example.com:1935/live", "k1"),
            ("rtmp://ingest.example.com/live/", "k1"),
            ("rtmp://ingest.example.com//live", "k1"),
            ("RTMP://Ingest.Example.com/live", "k1"),
            ("rtmp://ingest.example.com/live/k1", ""),
            ("rtmp://ingest.example.com/live", "/k1"),
            ("rtmp://ingest.example.com:/live?", "k1"),
            ("rtmp://ingest.example.com./live", "k1"),
            ("rtmp://ingest.example.com.:01935/live", "k1"),
        ] {
            assert_eq!(endpoint(url, key).canonical(), plain, "{url}");
        }
        for (url, key) in [
            ("rtmp://ingest.example.com:1936/live", "k1"),
            ("rtmps://ingest.example.com/live", "k1"),
            ("rtmp://ingest.example.com/Live", "k1"),
            ("rtmp://ingest.example.com/live?x=1", "k1"),
            ("rtmp://ingest.example.com/live", "K1"),
            ("rtmp://ingest.example.com/live/k1", "k1"),
        ] {
            assert_ne!(endpoint(url, key).canonical(), plain, "{url}");
        }
        let login = Login {
            username: "u".into(),
            password_parameter: "p".into(),
        };
        assert_ne!(plain.clone().with_login(Some(login)).canonical(), plain);
    }

    #[test]
    fn an_ipv6_address_has_one_spelling() {
        let plain = endpoint("rtmp://[2001:db8::1]/live", "k1");
        for url in [
            "rtmp://[2001:DB8:0:0:0:0:0:1]/live",
            "rtmp://[2001:0db8::0001]:1935/live/",
        ] {
            assert_eq!(endpoint(url, "k1").canonical(), plain, "{url}");
        }
        assert_ne!(endpoint("rtmp://[2001:db8::2]/live", "k1").canonical(), plain);
    }

    #[test]
    fn a_key_in_the_url_takes_its_query_along() {
        let pasted = endpoint("rtmps://live-api-s.facebook.com:443/rtmp/FB-1-0-x?s_bl=1", "");
        let apart = endpoint("rtmps://live-api-s.facebook.com/rtmp", "FB-1-0-x?s_bl=1");
        assert_eq!(pasted.canonical(), apart);
    }

    #[test]
    fn what_is_no_url_is_equal_to_itself_alone() {
        let odd = endpoint("k3y", "");
        assert_eq!(odd.canonical(), odd);
        assert_ne!(odd.stream(), endpoint("other", "").stream());
        for url in ["rtmp://", "rtmp:///", "://x", "rtmp://[::1", "rtmp://a:b:c/d//"] {
            let once = endpoint(url, "k").canonical();
            assert_eq!(once.canonical(), once, "{url}");
        }
    }

    #[test]
    fn one_stream_has_several_addresses() {
        for (one, other) in [
            (("rtmp://a.example/live", "k"), ("rtmps://a.example/live", "k")),
            (("rtmp://a.example/live", "k"), ("rtmp://a.example/live", " k ")),
            (
                ("rtmps://a.rtmps.youtube.com:443/live2", "k"),
                ("rtmps://a.rtmps.youtube.com./live2", "k"),
            ),
            (
                ("rtmp://usw20.contribute.live-video.net/app/", "live_1"),
                (
                    "rtmp://ingest.global-contribute.live-video.net/app",
                    "live_1?bandwidthtest=true",
                ),
            ),
            (
                ("rtmps://a.rtmps.youtube.com:443/live2", "k"),
                ("rtmp://b.rtmp.youtube.com/live2?backup=1", "k"),
            ),
            (
                ("rtmps://live-api-s.facebook.com:443/rtmp/", "FB-1?x=1"),
                ("rtmps://rtmp-api.facebook.com:443/rtmp/", "FB-1"),
            ),
        ] {
            assert_eq!(
                endpoint(one.0, one.1).stream(),
                endpoint(other.0, other.1).stream(),
                "{} {}",
                one.0,
                other.0
            );
        }
    }

    #[test]
    fn other_keys_hosts_ports_and_applications_are_other_streams() {
        let one = endpoint("rtmp://a.example/live", "k").stream();
        for (url, key) in [
            ("rtmp://a.example/live", "k2"),
            ("rtmp://b.example/live", "k"),
            ("rtmp://a.example:1936/live", "k"),
            ("rtmp://a.example/live2", "k"),
            ("rtmp://a.example/live", "k?x"),
            ("rtmp://a.example/live", "k k"),
        ] {
            assert_ne!(endpoint(url, key).stream(), one, "{url} {key}");
        }
        // One account of Amazon IVS is no other's.
        let ivs = |account: &str| {
            endpoint(
                &format!("rtmps://{account}.global-contribute.live-video.net/app"),
                "k",
            )
        };
        assert_ne!(ivs("abc").stream(), ivs("def").stream());
        assert_ne!(
            endpoint("rtmp://notyoutube.com/live2", "k").stream(),
            endpoint("rtmp://a.rtmp.youtube.com/live2", "k").stream()
        );
    }

    #[test]
    fn only_the_backup_ingest_of_a_platform_is_one() {
        assert!(endpoint("rtmps://b.rtmps.youtube.com:443/live2?backup=1", "k").is_backup_ingest());
        assert!(!endpoint("rtmps://a.rtmps.youtube.com:443/live2", "k").is_backup_ingest());
        assert!(!endpoint("rtmp://b.example/live2?backup=1", "k").is_backup_ingest());
    }

    use crate::model::Login;
}
