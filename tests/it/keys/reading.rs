//! What is read, how often, and the messages about what cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use slotwise::testing::manifest::reference::{KeyLookup, KeyReference};
use slotwise::testing::secrets::Keys;
use tokio::time::{Instant, sleep};

use super::aws::{CANARY, FakeAws, Fault};

const TTL: Duration = Duration::from_mins(5);
const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);
/// How often a controller asks whether a key is due.
const POLL: Duration = Duration::from_millis(250);

fn ssm(name: &str) -> KeyReference {
    KeyReference::Ssm(name.to_owned())
}

fn secret(written: &str) -> KeyReference {
    KeyReference::SecretsManager(written.to_owned())
}

async fn look_up<const N: usize>(keys: &mut Keys, references: [KeyReference; N]) -> [String; N] {
    let found = keys.look_up(BTreeSet::from(references.clone())).await;
    references.map(|reference| said(&found, &reference))
}

/// The key without its canary, or the message instead of one, which must not hold the canary.
fn said(found: &BTreeMap<KeyReference, KeyLookup>, reference: &KeyReference) -> String {
    match &found[reference] {
        KeyLookup::Found(key) => key.reveal().strip_prefix(CANARY).unwrap().to_owned(),
        KeyLookup::Missing { what, fix } => {
            let reported = format!("{what}; {fix}");
            assert!(!reported.contains(CANARY), "{reported}");
            reported
        }
        KeyLookup::NotAsked => panic!("{reference} was not asked for"),
    }
}

/// Lets time pass as a controller does that finds nothing new; whether there was anything new, and when it was seen.
async fn pass(keys: &mut Keys, time: Duration) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        sleep(POLL).await;
        if keys.is_due() {
            return Some(begun.elapsed());
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_in_the_fewest_calls_and_kept() {
    let aws = FakeAws::default();
    let mut references = BTreeSet::new();
    for number in 0..25 {
        let name = format!("/live/{number:02}");
        aws.put(&name);
        references.insert(ssm(&name));
    }
    for number in 0..45 {
        let key = format!(r#"{{"a":"{CANARY}-a","b":"{CANARY}-b"}}"#);
        aws.state().secrets.insert(format!("live/{number:02}"), key);
        references.insert(secret(&format!("live/{number:02}#a")));
        references.insert(secret(&format!("live/{number:02}#b")));
    }
    let mut keys = aws.keys(TTL);
    for _ in 0..3 {
        let found = keys.look_up(references.clone()).await;
        assert_eq!(found.len(), 25 + 2 * 45);
        assert!(found.values().all(|found| matches!(found, KeyLookup::Found(_))));
    }
    let mut calls = aws.calls();
    calls.sort();
    assert_eq!(
        calls,
        [
            "BatchGetSecretValue 20",
            "BatchGetSecretValue 20",
            "BatchGetSecretValue 5",
            "GetParameters 10",
            "GetParameters 10",
            "GetParameters 5",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_of_aws_while_no_key_is_kept_there() {
    let connect = slotwise::testing::aws::Connect::new(async || panic!("AWS is not needed"));
    let mut keys = Keys::with_aws(connect.clone(), connect, TTL);
    let env = KeyReference::Env("SLOTWISE_NOT_SET".to_owned());
    assert_eq!(
        look_up(&mut keys, [env]).await,
        [
            "the environment variable SLOTWISE_NOT_SET is not set; set SLOTWISE_NOT_SET in the environment of slotwise"
        ]
    );
    assert_eq!(pass(&mut keys, 2 * TTL).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_read_again_after_its_ttl() {
    let aws = FakeAws::default();
    aws.put("/live/a");
    let mut keys = aws.keys(TTL);
    assert_eq!(look_up(&mut keys, [ssm("/live/a")]).await, ["-first"]);
    assert_eq!(aws.calls().len(), 1);

    assert_eq!(pass(&mut keys, TTL.saturating_sub(SECOND)).await, None);
    assert_eq!(look_up(&mut keys, [ssm("/live/a")]).await, ["-first"]);
    assert_eq!(aws.calls().len(), 0, "still fresh");
    assert_eq!(pass(&mut keys, 2 * SECOND).await, None, "the same key is no news");
    assert_eq!(aws.calls().len(), 1);

    aws.rotate("/live/a", "second");
    let seen = pass(&mut keys, 2 * TTL).await.unwrap();
    assert!(seen <= TTL + SECOND, "{seen:?}");
    assert_eq!(look_up(&mut keys, [ssm("/live/a")]).await, ["-second"]);
    assert_eq!(aws.calls().len(), 1);
    assert_eq!(pass(&mut keys, MINUTE).await, None, "reported once");
}

#[tokio::test(start_paused = true)]
async fn only_a_new_reference_is_read_at_once() {
    let aws = FakeAws::default();
    aws.put("/live/a");
    aws.put("/live/b");
    let mut keys = aws.keys(TTL);
    look_up(&mut keys, [ssm("/live/a")]).await;
    pass(&mut keys, MINUTE).await;
    assert_eq!(
        look_up(&mut keys, [ssm("/live/a"), ssm("/live/b")]).await,
        ["-first", "-first"]
    );
    assert_eq!(aws.calls(), ["GetParameters 1", "GetParameters 1"]);
    // Read a minute apart, and due a minute apart: more than what is taken along.
    pass(&mut keys, TTL + SECOND).await;
    assert_eq!(aws.calls(), ["GetParameters 1", "GetParameters 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_denied_key_affects_no_other() {
    let aws = FakeAws::default();
    let names: [String; 10] = std::array::from_fn(|number| format!("/live/{number}"));
    let all = names.clone().map(|name| ssm(&name));
    for name in &names {
        aws.put(name);
    }
    aws.state().denied.insert(names[3].clone());
    let mut keys = aws.keys(TTL);
    let found = look_up(&mut keys, all.clone()).await;
    for (number, said) in found.iter().enumerate() {
        if number == 3 {
            assert_eq!(
                said,
                "reading the parameter /live/3 is denied: ssm:GetParameters is missing; allow slotwise ssm:GetParameters \
                 on it, as manifests/iam-policy.json does"
            );
        } else {
            assert_eq!(said, "-first", "{number}");
        }
    }
    assert_eq!(aws.calls().len(), 11, "together, and then each alone");
    assert_eq!(
        pass(&mut keys, 65 * SECOND).await,
        None,
        "the same failure is no news"
    );
    assert_eq!(
        aws.calls(),
        ["GetParameters 1"; 2],
        "after 10 s and 20 s more, and only that one"
    );

    aws.state().denied.clear();
    let seen = pass(&mut keys, MINUTE).await.unwrap();
    assert!(seen <= 10 * SECOND, "{seen:?}");
    assert_eq!(look_up(&mut keys, all).await, ["-first"; 10]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_key_is_read_apart_from_the_batch() {
    let aws = FakeAws::default();
    let names: [KeyReference; 10] = std::array::from_fn(|number| {
        aws.put(&format!("/live/{number}"));
        ssm(&format!("/live/{number}"))
    });
    aws.state().denied.insert("/live/3".to_owned());
    // Tries follow after 10, 20, 40, 80 and 160 s, the last one just before the others are due.
    let mut keys = aws.keys(315 * SECOND);
    look_up(&mut keys, names).await;
    pass(&mut keys, 305 * SECOND).await;
    aws.calls();
    pass(&mut keys, 30 * SECOND).await;
    let mut calls = aws.calls();
    calls.sort();
    assert_eq!(calls, ["GetParameters 1", "GetParameters 9"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_reported_with_a_fix() {
    let aws = FakeAws::default();
    {
        let mut state = aws.state();
        for name in ["live/denied", "live/locked", "live/gone", "live/bytes"] {
            state.secrets.insert(name.to_owned(), CANARY.to_owned());
        }
        state
            .parameters
            .insert("/live/locked".to_owned(), CANARY.to_owned());
        state
            .secrets
            .insert("live/json".to_owned(), format!(r#"{{"{CANARY}":"x","port":1}}"#));
        state.denied.insert("live/denied".to_owned());
        state.undecryptable.insert("live/locked".to_owned());
        state.undecryptable.insert("/live/locked".to_owned());
        state.deleted.insert("live/gone".to_owned());
        state.binary.insert("live/bytes".to_owned());
    }
    let mut keys = aws.keys(TTL);
    let references = [
        ssm("/live/nowhere"),
        ssm("/live/locked"),
        secret("live/nowhere"),
        secret("live/denied"),
        secret("live/locked"),
        secret("live/gone"),
        secret("live/bytes"),
        secret("live/json"),
        secret("live/json#key"),
        secret("live/json#port"),
    ];
    insta::assert_snapshot!(look_up(&mut keys, references).await.join("\n"), @r"
    there is no parameter /live/nowhere in eu-central-1; create it there, or correct the name
    the parameter /live/locked cannot be decrypted: kms:Decrypt is missing or its KMS key is disabled; allow slotwise kms:Decrypt on the KMS key that encrypts it, and see that this key is enabled
    there is no secret live/nowhere in eu-central-1; create it there, or correct the name
    reading the secret live/denied is denied: secretsmanager:GetSecretValue is missing; allow slotwise secretsmanager:GetSecretValue on it, as manifests/iam-policy.json does
    the secret live/locked cannot be decrypted: kms:Decrypt is missing or its KMS key is disabled; allow slotwise kms:Decrypt on the KMS key that encrypts it, and see that this key is enabled
    the secret live/gone is marked for deletion; restore it, or name another one
    the secret live/bytes is binary; store the key as text
    the secret live/json is JSON, not a key; name the field that holds the key: live/json#FIELD
    the secret live/json has no field key; correct the name after #, or add the field
    the field port of the secret live/json is not a text; put the key into that field, in quotes
    ");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_read_one_by_one_where_batches_are_not_permitted() {
    let aws = FakeAws::default();
    for name in ["a", "b", "c"] {
        aws.state()
            .secrets
            .insert(name.to_owned(), format!("{CANARY}-{name}"));
    }
    aws.state().no_batches = true;
    aws.state().denied.insert("c".to_owned());
    let mut keys = aws.keys(TTL);
    let [a, b, c] = look_up(&mut keys, ["a", "b", "c"].map(secret)).await;
    assert_eq!([a.as_str(), b.as_str()], ["-a", "-b"]);
    assert!(c.contains("secretsmanager:GetSecretValue is missing"), "{c}");
    assert_eq!(
        aws.calls(),
        [
            "BatchGetSecretValue 3",
            "GetSecretValue 1",
            "GetSecretValue 1",
            "GetSecretValue 1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_good_key_survives_failures_of_the_service() {
    for fault in [Fault::Throttled, Fault::Failing, Fault::Slow(MINUTE)] {
        let aws = FakeAws::default();
        aws.put("/live/a");
        let mut keys = aws.keys(TTL);
        look_up(&mut keys, [ssm("/live/a")]).await;
        aws.state().fault = Some(fault);
        assert_eq!(pass(&mut keys, 60 * MINUTE).await, None, "{fault:?}");
        let begun = Instant::now();
        assert_eq!(
            look_up(&mut keys, [ssm("/live/a")]).await,
            ["-first"],
            "{fault:?}"
        );
        assert_eq!(
            begun.elapsed(),
            Duration::ZERO,
            "no wait for a key that was read before"
        );

        aws.rotate("/live/a", "second");
        aws.state().fault = None;
        let seen = pass(&mut keys, TTL + MINUTE).await.unwrap();
        assert!(seen <= TTL + SECOND, "{fault:?}: {seen:?}");
        assert_eq!(
            look_up(&mut keys, [ssm("/live/a")]).await,
            ["-second"],
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_good_key_the_failure_is_reported_until_it_ends() {
    for (fault, reported) in [
        (
            Fault::Throttled,
            "could not be read: too many requests; nothing: slotwise tries",
        ),
        (
            Fault::Failing,
            "could not be read: AWS failed; nothing: slotwise tries",
        ),
        (
            Fault::Slow(MINUTE),
            "could not be read: no answer in time; nothing: slotwise tries",
        ),
    ] {
        let aws = FakeAws::default();
        aws.put("/live/a");
        aws.state().fault = Some(fault);
        let mut keys = aws.keys(TTL);
        let [said] = look_up(&mut keys, [ssm("/live/a")]).await;
        assert!(said.contains(reported), "{said}");
        aws.state().fault = None;
        let seen = pass(&mut keys, MINUTE).await.unwrap();
        assert!(seen <= 11 * SECOND, "{fault:?}: {seen:?}");
        assert_eq!(look_up(&mut keys, [ssm("/live/a")]).await, ["-first"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_answer_is_waited_for_once_for_all_keys() {
    let aws = FakeAws::default();
    let names = (0..1000).map(|number| format!("/live/{number}"));
    let references: BTreeSet<KeyReference> = names.map(|name| ssm(&name)).collect();
    aws.state().fault = Some(Fault::Slow(60 * MINUTE));
    let mut keys = aws.keys(TTL);
    let begun = Instant::now();
    let found = keys.look_up(references).await;
    assert!(begun.elapsed() <= 10 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(found.len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn calls_go_side_by_side_four_at_a_time() {
    let aws = FakeAws::default();
    let mut references = BTreeSet::new();
    for number in 0..120 {
        let name = format!("/live/{number}");
        aws.put(&name);
        references.insert(ssm(&name));
    }
    aws.state().fault = Some(Fault::Slow(SECOND));
    let begun = Instant::now();
    aws.keys(TTL).look_up(references).await;
    assert!(begun.elapsed() < 4 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(aws.state().peak, 4);
}
