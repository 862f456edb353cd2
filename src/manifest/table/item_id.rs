//! Which item of a table: its identity in tags, and its name in messages.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::manifest::words::{has_key_form, label_of};
use crate::model::Identity;

/// Digits of the hash in an identity whose readable part holds all of the key.
const HASH: usize = 6;
/// The same where the readable part says less.
const LONG_HASH: usize = 12;
/// Letters of a label.
const LABEL: usize = 63;
/// Longest part of a key that is shown.
const SHOWN: usize = 63;

/// A part of an item's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// The attribute.
    pub attribute: Arc<str>,
    /// Its type, as DynamoDB has it: `S`, `N` or `B`.
    pub kind: &'static str,
    /// Its value; of a binary one its bytes in hexadecimal digits.
    pub text: String,
}

/// Which item of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemId {
    /// What slot tags call its destination, whatever its name is: `acme-k-17-3fa2b1`. A label, stable as long as the
    /// table has its name and the item its key.
    pub identity: Identity,
    /// The key, for display: `tenant=acme, id=k-17`.
    pub shown: Arc<str>,
}

impl ItemId {
    /// The item of the table named `table` whose primary key is `key`.
    pub fn new(table: &str, key: &[KeyPart]) -> Self {
        let readable: Vec<&str> = key.iter().map(|part| part.text.as_str()).collect();
        let readable = readable.join("-");
        // Nothing forbids keys that are stream keys, and an identity is written into tags.
        let label = if key.iter().any(|part| is_secretive(&part.text)) {
            String::new()
        } else {
            label_of(&readable, LABEL - 1 - HASH)
        };
        let digits = hash(table, key);
        let identity = if label.is_empty() || readable.len() > LABEL - 1 - HASH {
            let label = if label.is_empty() { "item" } else { &label };
            let label = label[..label.len().min(LABEL - 1 - LONG_HASH)].trim_end_matches('-');
            format!("{label}-{}", &digits[..LONG_HASH])
        } else {
            format!("{label}-{}", &digits[..HASH])
        };
        let shown: Vec<String> = key.iter().map(shown).collect();
        Self {
            identity: Identity::new(identity),
            shown: shown.join(", ").into(),
        }
    }

    /// What makes a name of this item's own of one that another item has: six digits, from its key.
    pub fn suffix(&self) -> &str {
        let identity = self.identity.as_str();
        &identity[identity.len().saturating_sub(HASH)..]
    }
}

/// In hexadecimal digits. Lengths keep apart what would be one text together.
fn hash(table: &str, key: &[KeyPart]) -> String {
    let parts = key.iter().flat_map(|part| [part.kind, part.text.as_str()]);
    let mut hash = Sha256::new();
    for text in std::iter::once(table).chain(parts) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let digest = hash.finalize();
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn shown(part: &KeyPart) -> String {
    let text = if is_secretive(&part.text) || part.text.chars().any(char::is_control) {
        "(not repeated here)".to_owned()
    } else if part.text.chars().count() > SHOWN {
        format!("{}…", part.text.chars().take(SHOWN).collect::<String>())
    } else {
        part.text.clone()
    };
    format!("{}={text}", part.attribute)
}

fn is_secretive(text: &str) -> bool {
    text.contains("://") || text.split(['/', '#', ':', '|']).any(has_key_form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::words::is_label;

    fn of(table: &str, parts: &[(&'static str, &str)]) -> ItemId {
        let part = |(kind, text): &(&'static str, &str)| KeyPart {
            attribute: "id".into(),
            kind,
            text: (*text).to_owned(),
        };
        ItemId::new(table, &parts.iter().map(part).collect::<Vec<_>>())
    }

    #[test]
    fn an_identity_is_a_label_that_says_which_item_it_is_and_stays() {
        let one = of("live", &[("S", "acme"), ("N", "17")]);
        // Written into tags: it must be the same in every version.
        assert_eq!(one.identity, "acme-17-da29c0");
        assert_eq!(&*one.shown, "id=acme, id=17");
        assert!(one.identity.as_str().ends_with(one.suffix()));
        for parts in [
            &[("S", "Bühne 1")][..],
            &[("S", "日本語")],
            &[("S", "!")],
            &[("S", "")],
            &[("S", "x".repeat(2000).as_str())],
            &[("B", "00ff"), ("S", "a b")],
        ] {
            let identity = of("live", parts).identity;
            assert!(is_label(identity.as_str()), "{identity}");
        }
    }

    #[test]
    fn other_tables_and_other_keys_have_other_identities() {
        let all = [
            of("live", &[("S", "a"), ("S", "b-c")]),
            of("live", &[("S", "a-b"), ("S", "c")]),
            of("live", &[("S", "a-b-c")]),
            of("live", &[("S", "A-b-c")]),
            of("other", &[("S", "a-b-c")]),
            of("live", &[("S", "17")]),
            of("live", &[("N", "17")]),
            of("live", &[("S", &format!("{}1", "x".repeat(100)))]),
            of("live", &[("S", &format!("{}2", "x".repeat(100)))]),
        ];
        let identities: std::collections::BTreeSet<&Identity> =
            all.iter().map(|item| &item.identity).collect();
        assert_eq!(identities.len(), all.len(), "{identities:?}");
    }

    #[test]
    fn a_key_that_is_a_stream_key_is_nowhere() {
        for key in [
            "live_1234_CANARY",
            "rtmp://a.example/live/CANARY",
            "acme/FB-12-0-CANARY",
        ] {
            let item = of("live", &[("S", key)]);
            let text = format!("{item:?}").to_lowercase();
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
