//! Short digests of what may not be shown: enough to notice another value, useless to find the value.
//!
//! A digest has 16 bits. One key in 65 536 has the same one, so that of any list of keys worth trying far too many fit; and a
//! changed value goes unnoticed as rarely.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{
    ChannelPool, Desired, Destination, Endpoint, OwnerId, PoolName, RouterSettings, Secret, StreamKey,
};

/// Four hex digits over some texts in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortDigest(pub(super) u16);

impl ShortDigest {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Sha256::new();
        for text in texts {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let hash = hasher.finalize();
        Self(u16::from_be_bytes([hash[0], hash[1]]))
    }
}

impl ShortDigest {
    /// As [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u16::from_str_radix(text, 16).ok()?;
        is_hex.then_some(Self(value))
    }
}

impl fmt::Display for ShortDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// What a declaration says of its target, each part by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclarationDigests {
    /// Of its URLs.
    pub url: ShortDigest,
    /// Of its key; `None` while that cannot be read.
    pub key: Option<ShortDigest>,
    /// Of its user name and password parameter; `None` where the server asks for none.
    pub login: Option<ShortDigest>,
}

impl Destination {
    /// Digests of what it declares of its target for `owner`. Another spelling of the same changes none.
    pub fn digests(&self, owner: &OwnerId) -> DeclarationDigests {
        let of = |what, values: &[&str]| {
            let whose = [what, owner.as_str(), self.identity.as_str()];
            ShortDigest::of(whose.into_iter().chain(values.iter().copied()))
        };
        let urls: Vec<_> = [Some(&self.url), self.backup_url.as_ref()]
            .into_iter()
            .flatten()
            .map(|declared| canonical_url(declared))
            .collect();
        let urls: Vec<&str> = urls.iter().map(AsRef::as_ref).collect();
        let key = match &self.key {
            StreamKey::Known(key) => Some(Endpoint::new(self.url.as_ref(), key.clone()).canonical()),
            StreamKey::Unavailable { .. } => None,
        };
        DeclarationDigests {
            url: of("slotwise url 1", &urls),
            key: key.map(|endpoint| of("slotwise key 1", &[endpoint.stream_name.reveal()])),
            login: self
                .login
                .as_ref()
                .map(|login| of("slotwise login 1", &[&login.username, &login.password_parameter])),
        }
    }
}

impl Destination {
    /// Digest of what it would have MediaLive write, in this very spelling: one spelling may be refused and another one not.
    pub fn spelling_digest(&self) -> ShortDigest {
        let login = self.login.as_ref();
        let key = match &self.key {
            StreamKey::Known(key) => key.reveal(),
            StreamKey::Unavailable { .. } => "",
        };
        ShortDigest::of([
            "slotwise spelling 1",
            self.identity.as_str(),
            &*self.url,
            self.backup_url.as_deref().unwrap_or_default(),
            key,
            login.map_or("", |login| &*login.username),
            login.map_or("", |login| &*login.password_parameter),
        ])
    }
}

impl Desired {
    /// Digest of what a pool adds to all that is written for its destinations; `None` where it is not declared.
    pub fn outlet_digest(&self, pool: &PoolName) -> Option<ShortDigest> {
        if let Some(pool) = self.pools.get(pool) {
            return Some(pool.parking_digest(&self.owner));
        }
        let pool = self.routers.get(pool)?;
        let RouterSettings {
            tier,
            maximum_bitrate,
            availability_zone,
            maintenance,
        } = &pool.settings;
        let maintenance = maintenance.as_ref();
        Some(ShortDigest::of([
            "slotwise outlet 1",
            pool.network_interface.as_str(),
            tier.as_str(),
            &maximum_bitrate.to_string(),
            availability_zone.as_deref().unwrap_or_default(),
            maintenance.map_or("", |one| &*one.day),
            maintenance.map_or("", |one| &*one.time),
        ]))
    }
}

impl ChannelPool {
    /// Digest of the URL of its parked slots, for `owner`. Another spelling of the same changes none.
    pub fn parking_digest(&self, owner: &OwnerId) -> ShortDigest {
        let url = canonical_url(&self.slots.parking_url);
        ShortDigest::of(["slotwise parking 1", owner.as_str(), self.name.as_str(), &url])
    }
}

/// A URL has one canonical form whatever the key, as long as there is one: without it a part of the path would be taken for the
/// key.
fn canonical_url(url: &str) -> Arc<str> {
    Endpoint::new(url, Secret::new("-")).canonical().url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Login, samples};

    fn digests(change: impl FnOnce(&mut Destination)) -> DeclarationDigests {
        let mut destination = samples::destination("yt");
        change(&mut destination);
        destination.digests(&"us".into())
    }

    #[test]
    fn each_part_changes_its_own_digest_and_no_other() {
        let base = digests(|_| ());
        let url = digests(|yt| yt.url = "rtmp://yt.example/other".into());
        assert_ne!(url.url, base.url);
        assert_eq!((url.key, url.login), (base.key, base.login));
        let backup = digests(|yt| yt.backup_url = Some("rtmp://b.yt.example/live".into()));
        assert_ne!(backup.url, base.url);
        let key = digests(|yt| yt.key = StreamKey::Known(Secret::new("another")));
        assert_ne!(key.key, base.key);
        assert_eq!((key.url, key.login), (base.url, base.login));
        let login = digests(|yt| {
            yt.login = Some(Login {
                username: "user".into(),
                password_parameter: "/live/password".into(),
            });
        });
        assert_ne!(login.login, base.login);
        assert_eq!((login.url, login.key), (base.url, base.key));
    }

    #[test]
    fn another_spelling_and_a_key_that_cannot_be_read_leave_the_url_as_it_is() {
        let base = digests(|_| ());
        assert_eq!(digests(|yt| yt.url = "RTMP://YT.example:1935/live/".into()), base);
        let unread = digests(|yt| {
            yt.url = "rtmp://yt.example/live/a".into();
            yt.key = StreamKey::Unavailable {
                reference: "env YT".into(),
                why: "not set".into(),
            };
        });
        let read = digests(|yt| yt.url = "rtmp://yt.example/live/a".into());
        assert_eq!((unread.url, unread.key), (read.url, None));
    }

    #[test]
    fn another_spelling_has_another_digest_of_its_own() {
        let base = samples::destination("yt");
        for change in [
            (|yt| yt.url = format!("{}/", yt.url).into()) as fn(&mut Destination),
            |yt| yt.backup_url = Some("rtmp://b.yt.example/live".into()),
            |yt| yt.key = StreamKey::Known(Secret::new("another")),
        ] {
            let mut changed = base.clone();
            change(&mut changed);
            assert_ne!(changed.spelling_digest(), base.spelling_digest());
        }
        let mut renamed = base.clone();
        renamed.priority = 7;
        assert_eq!(renamed.spelling_digest(), base.spelling_digest());
    }

    #[test]
    fn one_key_has_another_digest_for_each_owner_and_destination() {
        let yt = samples::destination("yt");
        let mut twin = yt.clone();
        twin.identity = "twin".into();
        let base = yt.digests(&"us".into());
        assert_ne!(yt.digests(&"them".into()).key, base.key);
        assert_ne!(twin.digests(&"us".into()).key, base.key);
    }
}
