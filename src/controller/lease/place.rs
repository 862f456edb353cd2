//! Where the lock is, and what it is about.
//!
//! The place follows from the owner and the MediaLive alone, never from HOME, TMPDIR or XDG_RUNTIME_DIR: a login shell, root
//! and a service would otherwise each lock a file of their own.
//!
//! ```text
//!   /run/slotwise   where it exists: the shipped unit makes it with mode 1777, since a service of systemd with DynamicUser=
//!                   has a /tmp of its own. Nothing cleans it, and a reboot empties it
//!   /tmp            otherwise: every user may lock a file there, on every system, without anything installed
//! ```

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use url::{Host, Url};

/// Shared with services, made by the unit.
const SHARED: &str = "/run/slotwise";
/// Shared by all users.
const TEMPORARY: &str = "/tmp";
/// The mounts of this process, where the system lists them.
const MOUNTS: &str = "/proc/self/mountinfo";
/// File names have at most 255 bytes; this leaves room for the owner and the rest of the name.
const SITE_MAX: usize = 120;

/// Which MediaLive, in one spelling for all that lead to the same one: the region, or an endpoint that is not AWS's own
/// with scheme and host in lower case, one name for this machine, and without default port and final slash.
pub fn site(endpoint: Option<&str>, region: Option<&str>) -> String {
    let region = || region.unwrap_or("no-region").to_owned();
    let Some(endpoint) = endpoint else {
        return region();
    };
    match Url::parse(endpoint) {
        Ok(url) if is_of_aws(&url) => region_of(&url).unwrap_or_else(region),
        Ok(url) => canonical(&url),
        // Nothing can be called there; its text may hold a password.
        Err(_) => "no-url".to_owned(),
    }
}

/// `endpoint` in the spelling of [`site`], unless it is one of AWS itself.
pub fn foreign_site(endpoint: &str) -> Option<String> {
    let url = Url::parse(endpoint).ok()?;
    (!is_of_aws(&url)).then(|| canonical(&url))
}

/// Whether `url` is an endpoint of AWS itself, such as that of a VPC.
pub fn is_of_aws(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    domains.iter().any(|domain| host.ends_with(domain))
}

/// Whether `url` leads to this machine.
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => leads_here(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => leads_here(IpAddr::V6(address)),
        None => false,
    }
}

/// A client that calls 0.0.0.0 or :: reaches this machine, too.
fn leads_here(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// The region in a host such as `vpce-1.medialive.eu-central-1.vpce.amazonaws.com`.
fn region_of(url: &Url) -> Option<String> {
    let mut labels = url.host_str()?.split('.');
    labels.find(|label| *label == "medialive" || *label == "medialive-fips")?;
    let region = labels.next()?;
    let is_region = region.split('-').count() >= 3;
    is_region.then(|| region.to_owned())
}

fn canonical(url: &Url) -> String {
    let host = if is_local(url) {
        Ipv4Addr::LOCALHOST.to_string()
    } else {
        let host = url.host_str().unwrap_or_default();
        host.trim_end_matches('.').to_ascii_lowercase()
    };
    // `Url` leaves out the default port of the scheme, and writes the scheme in lower case.
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{}://{host}{port}{path}", url.scheme())
}

/// The place of the lock of `owner` on `site`, the same for every process of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPlace {
    path: PathBuf,
    /// Whether it is the default, so that it has to be where other processes look, too.
    is_default: bool,
}

impl LockPlace {
    /// A file named by the user.
    pub fn named(path: PathBuf) -> Self {
        Self {
            path,
            is_default: false,
        }
    }

    /// The file for `owner` on `site`.
    pub fn default_of(owner: &str, site: &str) -> Self {
        Self {
            path: shared_directory().join(file_name(owner, site)),
            is_default: true,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a lock here would keep no other process away.
    pub(super) fn is_hidden(&self) -> bool {
        self.is_default
            && self.path.starts_with(TEMPORARY)
            && fs::read_to_string(MOUNTS).is_ok_and(|mounts| is_private(&mounts))
    }

    /// The place where others look by now, if it is another one: the directory for services was made since.
    pub(super) fn moved(&self) -> Option<PathBuf> {
        let name = self.path.file_name()?;
        let now = shared_directory().join(name);
        (self.is_default && now != self.path).then_some(now)
    }

    /// The same, as it is now.
    pub(super) fn now(&self) -> Self {
        Self {
            path: self.moved().unwrap_or_else(|| self.path.clone()),
            is_default: self.is_default,
        }
    }
}

fn shared_directory() -> &'static Path {
    let shared = Path::new(SHARED);
    if fs::symlink_metadata(shared).is_ok() {
        shared
    } else {
        Path::new(TEMPORARY)
    }
}

/// No owner has an `@`, so that no two pairs give one name.
fn file_name(owner: &str, site: &str) -> String {
    let plain = |letter: char| match letter {
        '.' | '-' => letter,
        _ if letter.is_ascii_alphanumeric() => letter,
        _ => '_',
    };
    let mut readable: String = site.chars().map(plain).collect();
    if readable.len() > SITE_MAX {
        readable.truncate(SITE_MAX);
        readable = format!("{readable}-{:016x}", fingerprint(site));
    }
    format!("slotwise-{owner}@{readable}.lock")
}

/// FNV-1a: the same in every build, which the standard library's is not.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether /tmp is one that systemd made for a single service (PrivateTmp=).
///
/// A line has: id, parent, device, root of the mount within its file system, mount point.
fn is_private(mounts: &str) -> bool {
    mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, point) = (fields.next(), fields.next());
        point == Some(TEMPORARY) && root.is_some_and(|root| root.contains("/systemd-private-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_medialive_has_one_spelling() {
        let of = |endpoint| site(Some(endpoint), Some("eu-central-1"));
        for endpoint in [
            "http://127.0.0.1:4570",
            "HTTP://LocalHost:4570/",
            "http://localhost.:4570",
            "http://medialive.localhost:4570",
            "http://[::1]:4570",
            "http://127.0.1.1:4570//",
            "http://[::ffff:127.0.0.1]:4570",
            "http://0.0.0.0:4570",
            "http://2130706433:4570",
        ] {
            assert_eq!(of(endpoint), "http://127.0.0.1:4570", "{endpoint}");
        }
        assert_eq!(
            of("HTTPS://Media.Example:443/Live/"),
            "https://media.example/Live"
        );
        for (one, other) in [
            ("http://127.0.0.1:4570", "http://127.0.0.1:4571"),
            ("http://media.example", "https://media.example"),
            ("http://media.example/a", "http://media.example/b"),
        ] {
            assert_ne!(of(one), of(other));
        }
    }

    #[test]
    fn the_region_names_the_medialive_of_aws_however_it_is_reached() {
        assert_eq!(site(None, Some("eu-central-1")), "eu-central-1");
        for endpoint in [
            "https://medialive.eu-central-1.amazonaws.com",
            "https://medialive-fips.eu-central-1.amazonaws.com/",
            "https://vpce-1.medialive.eu-central-1.vpce.amazonaws.com",
        ] {
            assert_eq!(
                site(Some(endpoint), Some("us-east-1")),
                "eu-central-1",
                "{endpoint}"
            );
            assert_eq!(foreign_site(endpoint), None);
        }
        assert_eq!(
            site(Some("https://x.amazonaws.com"), Some("us-east-1")),
            "us-east-1"
        );
        assert!(!site(Some("http://user:pw@127.0.0.1:1"), None).contains("pw"));
    }

    #[test]
    fn a_lock_file_is_named_after_what_it_guards() {
        assert_eq!(
            file_name("studio.eu", "http://127.0.0.1:4570"),
            "slotwise-studio.eu@http___127.0.0.1_4570.lock"
        );
        let long = |end| file_name("o", &format!("http://{}{end}", "a".repeat(300)));
        assert!(long("b").len() < 255 && long("b") != long("c"));
    }

    #[test]
    fn the_tmp_of_one_service_differs_from_the_shared_one() {
        let line =
            |root: &str, point: &str| format!("36 35 98:0 {root} {point} rw,noatime - ext4 /dev/sda1 rw\n");
        let private = line("/tmp/systemd-private-1-slotwise.service-x/tmp", "/tmp");
        assert!(is_private(&(line("/", "/") + &private)));
        assert!(!is_private(&(line("/", "/") + &line("/", "/tmp"))));
        assert!(!is_private(&line("/tmp/systemd-private-1-x/tmp", "/var/tmp")));
    }
}
