//! What slotwise calls its outputs, and the token that makes a creation repeatable.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::model::{DestinationName, Identity, OwnerId, PoolName, TargetDigest};

/// Longest name of an output.
///
/// Source: botocore service model, `CreateRouterOutputRequestNameString`: 1 to 128, without a pattern.
const NAME_MAX: usize = 128;

/// Digits of the hash in a name: a person tells two outputs apart by it, a program by their ARNs.
const NAME_HASH: usize = 6;

/// Digits of a token: as many as a UUID has.
const TOKEN_HASH: usize = 32;

/// The name of the output of a destination, for people: names need not be unique, and anybody may change them.
pub fn output_name(
    owner: &OwnerId,
    pool: &PoolName,
    destination: &DestinationName,
    identity: &Identity,
) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    let readable = format!("slotwise-{pool}-{destination}");
    let readable: String = readable
        .chars()
        .map(plain)
        .take(NAME_MAX - NAME_HASH - 1)
        .collect();
    let texts = [
        "slotwise output name 1",
        owner.as_str(),
        pool.as_str(),
        identity.as_str(),
    ];
    format!("{readable}-{}", hex(&texts, NAME_HASH))
}

/// The `clientToken` of a creation: the same for a creation that is repeated after its reply was lost.
///
/// `counter` tells a creation from an earlier one whose output has gone since: MediaConnect answers a token that it remembers
/// with the ARN of that one. It rises when the answered ARN is not found.
///
/// Of the target only the short digest is in it: tokens are in CloudTrail, and a key could be guessed from a longer one. Where two
/// targets have one digest, the second creation is refused with 409 and makes nothing ([`crate::service::CallErrorKind::Conflict`]).
pub fn client_token(
    owner: &OwnerId,
    region: &str,
    pool: &PoolName,
    destination: &Identity,
    target: TargetDigest,
    counter: u32,
) -> String {
    let (target, counter) = (target.to_string(), counter.to_string());
    let texts = [
        "slotwise client token 1",
        owner.as_str(),
        region,
        pool.as_str(),
        destination.as_str(),
        &target,
        &counter,
    ];
    format!("slotwise-{}", hex(&texts, TOKEN_HASH))
}

/// The first digits of a hash of `texts` in their order.
fn hex(texts: &[&str], digits: usize) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut hex = String::with_capacity(64);
    for byte in hasher.finalize() {
        // A String takes everything.
        write!(hex, "{byte:02x}").ok();
    }
    hex.truncate(digits);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Secret};

    fn name(owner: &str, pool: &str, destination: &str, identity: &str) -> String {
        output_name(&owner.into(), &pool.into(), &destination.into(), &identity.into())
    }

    #[test]
    fn a_name_is_readable_and_as_short_as_mediaconnect_takes() {
        let plain = name("us", "main", "youtube-main", "youtube-main");
        assert!(plain.starts_with("slotwise-main-youtube-main-"), "{plain}");
        assert_eq!(plain.len(), "slotwise-main-youtube-main-".len() + NAME_HASH);
        let long = name("us", &"p".repeat(63), &"d".repeat(63), "d");
        assert_eq!(long.len(), NAME_MAX);
        assert!(long.contains("-ddddddddddddddddddddd"), "both are in it: {long}");
        let odd = name("us", "main", "ä \"1", "x");
        assert!(
            odd.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{odd}"
        );
    }

    #[test]
    fn a_name_differs_by_owner_pool_and_identity() {
        let one = name("us", "main", "yt", "yt");
        for other in [
            name("them", "main", "yt", "yt"),
            name("us", "other", "yt", "yt"),
            name("us", "main", "yt", "item-2"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, name("us", "main", "yt", "yt"));
    }

    #[test]
    fn a_token_is_of_all_it_is_made_of_and_shows_none_of_it() {
        let digest = |key: &str| {
            let target = Endpoint::new("rtmp://a.example/live", Secret::new(key));
            TargetDigest::of_output(&"us".into(), &"main".into(), &"yt".into(), &target)
        };
        let token = |owner: &str, region, pool: &str, identity: &str, key, counter| {
            let (owner, pool, identity) = (owner.into(), pool.into(), identity.into());
            client_token(&owner, region, &pool, &identity, digest(key), counter)
        };
        let base = token("us", "r", "main", "yt", "k3y", 0);
        assert_eq!(base, token("us", "r", "main", "yt", "k3y", 0));
        for other in [
            token("them", "r", "main", "yt", "k3y", 0),
            token("us", "s", "main", "yt", "k3y", 0),
            token("us", "r", "other", "yt", "k3y", 0),
            token("us", "r", "main", "fb", "k3y", 0),
            token("us", "r", "main", "yt", "other", 0),
            token("us", "r", "main", "yt", "k3y", 1),
        ] {
            assert_ne!(base, other);
        }
        // botocore service model, `ClientToken`: at most 256 of `[!-~]`.
        assert!(base.len() <= 256 && base.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
        assert!(!base.contains("k3y"));
    }
}
