//! Keys in AWS: read in batches, side by side, and remembered.
//!
//! ```text
//!   look_up ──► cache ──► answer                      what was never read is waited for, for a limited time
//!                 ▲  │
//!   is_due ───────┘  └─► due ──► a task reads it      what was read before is read again in the background
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::cache::{Answer, Cache};
use super::secrets_manager::{self, SecretsManager};
use super::ssm::{self, Ssm};
use super::trouble::{AwsKeyError, Trouble};
use crate::aws::Connect;
use crate::manifest::reference::{KeyLookup, KeyReference, secret_and_field};
use crate::manifest::validate::{KeyMistake, key_of};
use crate::medialive::CallErrorKind;
use crate::model::Secret;

/// Limit of one attempt of a call.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Limit of a call with all its attempts.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// Attempts of a call.
const ATTEMPTS_MAX: u32 = 3;
/// Calls under way at once.
const CALLS_AT_ONCE: usize = 4;
/// Longest time that a look-up waits for keys that were never read. What is left then is read in the background.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// Longest time that reading in the background may take: 20 calls a second make 12 000 parameters of it.
const BACKGROUND_LIMIT: Duration = Duration::from_mins(1);
/// Shortest time to live, so that keys are not read four times a second.
const TTL_MIN: Duration = Duration::from_secs(1);

/// What one call gave, by the names that were asked for.
pub(super) type Texts = BTreeMap<String, Result<Secret, Trouble>>;

/// What reading gave.
type Answers = BTreeMap<KeyReference, Answer>;

/// Limits of every call.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(ATTEMPT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT)
        .build()
}

/// How every call is tried again.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX)
}

/// Keys that AWS keeps.
#[derive(Debug)]
pub(super) struct Remote {
    stores: Arc<Stores>,
    cache: Cache,
    /// Reads again in the background; one task at most.
    reading: JoinSet<Answers>,
}

impl Remote {
    pub(super) fn new(ssm: Connect, secrets_manager: Connect, ttl: Duration) -> Self {
        Self {
            stores: Arc::new(Stores {
                ssm: Store::new(ssm),
                secrets_manager: Store::new(secrets_manager),
            }),
            cache: Cache::new(ttl.max(TTL_MIN)),
            reading: JoinSet::new(),
        }
    }

    /// What became of each of `references`, which are all that there are.
    pub(super) async fn look_up(
        &mut self,
        references: BTreeSet<KeyReference>,
    ) -> BTreeMap<KeyReference, KeyLookup> {
        self.collect();
        let unknown = self.cache.want(&references, now());
        if !unknown.is_empty() {
            let answers = read(Arc::clone(&self.stores), [unknown], WAIT_LIMIT).await;
            self.cache.note(answers, now());
        }
        self.cache.give_out();
        let look_up = |reference: KeyReference| {
            let found = match self.cache.answer(&reference) {
                Some(Ok(key)) => KeyLookup::Found(key.clone()),
                Some(Err(error)) => KeyLookup::Missing {
                    what: error.to_string(),
                    fix: error.fix(),
                },
                None => KeyLookup::NotAsked,
            };
            (reference, found)
        };
        references.into_iter().map(look_up).collect()
    }

    /// Reads `references` before they are looked up next, whatever is known of them.
    pub(super) fn read_again(&mut self, references: &BTreeSet<KeyReference>) {
        self.cache.question(references);
    }

    /// Begins to read what is due. Whether reading brought anything new.
    pub(super) fn is_due(&mut self) -> bool {
        self.collect();
        if self.reading.is_empty() {
            let due = self.cache.due(now());
            if !due.is_empty() {
                let stores = Arc::clone(&self.stores);
                self.reading
                    .spawn(read(stores, [due.well, due.failed], BACKGROUND_LIMIT));
            }
        }
        self.cache.has_news()
    }

    /// Takes what was read in the background.
    fn collect(&mut self) {
        while let Some(ended) = self.reading.try_join_next() {
            // One that ended in a fault of slotwise is begun again: everything that it was to read is still due.
            if let Ok(answers) = ended {
                self.cache.note(answers, now());
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// The services that keep keys.
#[derive(Debug)]
struct Stores {
    ssm: Store<Ssm>,
    secrets_manager: Store<SecretsManager>,
}

/// One of them, connected when it is first asked.
#[derive(Debug)]
struct Store<T> {
    connect: Connect,
    client: OnceCell<T>,
}

impl<T> Store<T> {
    fn new(connect: Connect) -> Self {
        Self {
            connect,
            client: OnceCell::new(),
        }
    }

    async fn client(&self, make: impl FnOnce(&SdkConfig, String) -> T) -> Result<&T, Trouble> {
        let connect = async || {
            let config = self.connect.config().await;
            let region = config.region().ok_or(Trouble::NoRegion)?.to_string();
            Ok(make(&config, region))
        };
        self.client.get_or_try_init(connect).await
    }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Service {
    Ssm,
    SecretsManager,
}

impl Service {
    fn batch_max(self) -> usize {
        match self {
            Self::Ssm => ssm::NAMES_MAX,
            Self::SecretsManager => secrets_manager::IDS_MAX,
        }
    }
}

/// Names for one call.
#[derive(Debug, Clone)]
struct Batch {
    service: Service,
    names: Vec<String>,
}

impl Stores {
    async fn read(&self, batch: &Batch) -> Result<Texts, Trouble> {
        match batch.service {
            Service::Ssm => self.ssm.client(Ssm::new).await?.read(&batch.names).await,
            Service::SecretsManager => {
                let client = self.secrets_manager.client(SecretsManager::new).await?;
                client.read(&batch.names).await
            }
        }
    }
}

/// Reads `groups` of references in batches of their own, within `limit`. Every one of them has an answer.
async fn read<const GROUPS: usize>(
    stores: Arc<Stores>,
    groups: [BTreeSet<KeyReference>; GROUPS],
    limit: Duration,
) -> Answers {
    let deadline = Instant::now() + limit;
    let mut queue: VecDeque<Batch> = groups.iter().flat_map(batches).collect();
    let mut texts: BTreeMap<(Service, String), Result<Secret, Trouble>> = BTreeMap::new();
    let mut calls = JoinSet::new();
    loop {
        while calls.len() < CALLS_AT_ONCE
            && let Some(batch) = queue.pop_front()
        {
            let stores = Arc::clone(&stores);
            calls.spawn(async move {
                let result = stores.read(&batch).await;
                (batch, result)
            });
        }
        // Nothing left, or no time: what has no answer by then timed out.
        let Ok(Some(ended)) = timeout_at(deadline, calls.join_next()).await else {
            break;
        };
        let Ok((Batch { service, names }, result)) = ended else {
            continue;
        };
        match result {
            Ok(found) => texts.extend(found.into_iter().map(|(name, text)| ((service, name), text))),
            // One that may not be read has spoiled it for all: each is asked for alone.
            Err(trouble) if names.len() > 1 && !trouble.is_passing() => {
                queue.extend(names.into_iter().map(|name| Batch {
                    service,
                    names: vec![name],
                }));
            }
            Err(trouble) => {
                texts.extend(
                    names
                        .into_iter()
                        .map(|name| ((service, name), Err(trouble.clone()))),
                );
            }
        }
    }
    let answer = |reference: KeyReference| {
        let (service, name) = place(&reference);
        let text = texts.get(&(service, name.to_owned())).cloned();
        let key = text
            .unwrap_or(Err(Trouble::Passing(CallErrorKind::TimedOut)))
            .and_then(|text| key_in(&text, &reference))
            .map_err(|trouble| AwsKeyError::new(&reference, trouble));
        (reference, key)
    };
    groups.into_iter().flatten().map(answer).collect()
}

/// `references` in as few calls as possible. Several fields of one secret are read once.
fn batches(references: &BTreeSet<KeyReference>) -> Vec<Batch> {
    let places: BTreeSet<(Service, &str)> = references.iter().map(place).collect();
    let mut batches: Vec<Batch> = Vec::new();
    for (service, name) in places {
        match batches.last_mut() {
            Some(last) if last.service == service && last.names.len() < service.batch_max() => {
                last.names.push(name.to_owned());
            }
            _ => batches.push(Batch {
                service,
                names: vec![name.to_owned()],
            }),
        }
    }
    batches
}

/// Which service keeps it, and under what name. Local ones never come here.
fn place(reference: &KeyReference) -> (Service, &str) {
    match reference {
        KeyReference::SecretsManager(written) => (Service::SecretsManager, secret_and_field(written).0),
        KeyReference::Ssm(name) | KeyReference::Env(name) | KeyReference::File { written: name, .. } => {
            (Service::Ssm, name)
        }
    }
}

/// The key for `reference` in what its place holds. Says nothing of it where that is no key.
fn key_in(text: &Secret, reference: &KeyReference) -> Result<Secret, Trouble> {
    let text = text.reveal();
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    // A bare number or word is JSON as well, and may be a key.
    let is_structure = matches!(
        &json,
        Some(serde_json::Value::Object(_) | serde_json::Value::Array(_))
    );
    let field = match reference {
        KeyReference::SecretsManager(written) => secret_and_field(written).1,
        _ if is_structure => return Err(Trouble::NotAKey(KeyMistake::Json)),
        _ => None,
    };
    match (field, json) {
        (Some(field), Some(serde_json::Value::Object(fields))) => match fields.get(field) {
            Some(serde_json::Value::String(key)) => key_of(key).map_err(Trouble::NotAKey),
            Some(_) => Err(Trouble::FieldNotText),
            None => Err(Trouble::NoField),
        },
        (Some(_), _) => Err(Trouble::NotJson),
        (None, _) if is_structure => Err(Trouble::FieldNotNamed),
        (None, _) => key_of(text).map_err(Trouble::NotAKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(written: &str) -> KeyReference {
        KeyReference::SecretsManager(written.to_owned())
    }

    #[test]
    fn a_secret_is_the_key_or_a_json_object_with_a_named_field_that_is() {
        let read = |text: &str, written: &str| key_in(&Secret::new(text), &secret(written));
        let json = r#"{"streamKey":"CANARY-1\n","user":"CANARY-2","port":1}"#;
        for (text, written, key) in [
            ("CANARY-1\r\n", "live", "CANARY-1"),
            ("4711", "live", "4711"),
            (json, "live#streamKey", "CANARY-1"),
        ] {
            assert_eq!(read(text, written).unwrap().reveal(), key);
        }
        for (text, written, trouble) in [
            (json, "live", Trouble::FieldNotNamed),
            ("[\"CANARY\"]", "live", Trouble::FieldNotNamed),
            (json, "live#key", Trouble::NoField),
            (json, "live#port", Trouble::FieldNotText),
            ("CANARY", "live#streamKey", Trouble::NotJson),
            ("4711", "live#streamKey", Trouble::NotJson),
            ("", "live", Trouble::NotAKey(KeyMistake::Empty)),
            ("{CANARY }", "live", Trouble::NotAKey(KeyMistake::Json)),
            ("CANARY 1", "live", Trouble::NotAKey(KeyMistake::Spaced)),
            (
                r#"{"streamKey":"rtmp://a.example/live/CANARY"}"#,
                "live#streamKey",
                Trouble::NotAKey(KeyMistake::Url),
            ),
        ] {
            let found = read(text, written).unwrap_err();
            assert_eq!(found, trouble);
            let error = AwsKeyError::new(&secret(written), found);
            let shown = format!("{error} {error:?} {}", error.fix());
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        let parameter = KeyReference::Ssm("/live/a".to_owned());
        let is_json = Trouble::NotAKey(KeyMistake::Json);
        assert_eq!(key_in(&Secret::new("{\"a\":1}"), &parameter), Err(is_json));
    }

    #[test]
    fn fields_of_one_secret_are_read_once_and_calls_are_filled_up() {
        let of = |references: Vec<KeyReference>| batches(&references.into_iter().collect());
        let one = of(vec![secret("live#a"), secret("live#b"), secret("live")]);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].names, ["live"]);
        let many = (0..25).map(|number| KeyReference::Ssm(format!("/live/{number}")));
        let many = many.chain((0..25).map(|number| secret(&number.to_string())));
        let sizes: Vec<usize> = of(many.collect()).iter().map(|batch| batch.names.len()).collect();
        assert_eq!(sizes, [10, 10, 5, 20, 5]);
    }
}
