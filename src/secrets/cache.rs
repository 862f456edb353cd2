//! What is known of the keys that AWS keeps: until when it holds, and when to ask again. Time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::trouble::AwsKeyError;
use crate::manifest::reference::KeyReference;
use crate::model::Secret;

/// What reading one key gave.
pub(super) type Answer = Result<Secret, AwsKeyError>;

/// Wait after a first failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_secs(10);
/// Longest wait between two tries.
const RETRY_MAX: Duration = Duration::from_mins(5);
/// An unreferenced key is kept this long: a file that cannot be parsed for a while refers to nothing, and a key that was
/// read before must outlive that.
const UNWANTED_KEPT: Duration = Duration::from_hours(1);
/// What is due within this share of the time to live is read together with what is due now.
const TAKEN_ALONG: f64 = 0.1;

impl Due {
    /// Whether it is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.well.is_empty() && self.failed.is_empty()
    }
}

/// The last answer for each reference, and when to ask again.
#[derive(Debug)]
pub(super) struct Cache {
    ttl: Duration,
    entries: BTreeMap<KeyReference, Entry>,
    /// When the first of the wanted ones is due.
    next: Option<Instant>,
    /// Whether an answer changed that was given out.
    news: bool,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    due: Instant,
    /// Tries in a row that failed.
    failures: u32,
    /// Since when it is unreferenced.
    unwanted: Option<Instant>,
    /// Whether it is to be read before it is given out again.
    in_question: bool,
}

/// What to read again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Those read well last time.
    pub(super) well: BTreeSet<KeyReference>,
    /// Those that failed last time. They are asked for apart: one of them may spoil the batch that it is in.
    pub(super) failed: BTreeSet<KeyReference>,
}

impl Cache {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            entries: BTreeMap::new(),
            next: None,
            news: false,
        }
    }

    /// Notes that `wanted` are all that are referred to. Gives those to be read before the load can continue: never read, in
    /// question, or not read for so long that the known key is stale.
    pub(super) fn want(&mut self, wanted: &BTreeSet<KeyReference>, now: Instant) -> BTreeSet<KeyReference> {
        self.entries.retain(|reference, entry| {
            let is_wanted = wanted.contains(reference);
            is_wanted || now < *entry.unwanted.get_or_insert(now) + UNWANTED_KEPT
        });
        let entries = &mut self.entries;
        let is_missing = |reference: &&KeyReference| match entries.get_mut(*reference) {
            None => true,
            Some(entry) => {
                let is_stale = entry.unwanted.take().is_some() && entry.due <= now;
                std::mem::take(&mut entry.in_question) || is_stale
            }
        };
        let missing = wanted.iter().filter(is_missing).cloned().collect();
        self.reckon();
        missing
    }

    /// Puts what is known of `references` in question: they are read before they are given out again.
    pub(super) fn question(&mut self, references: &BTreeSet<KeyReference>) {
        for reference in references {
            if let Some(entry) = self.entries.get_mut(reference) {
                entry.in_question = true;
            }
        }
    }

    /// Notes what reading keys gave. A failure that passes leaves what is known as it is.
    pub(super) fn note(&mut self, answers: impl IntoIterator<Item = (KeyReference, Answer)>, now: Instant) {
        for (reference, answer) in answers {
            self.note_one(reference, answer, now);
        }
        self.reckon();
    }

    fn note_one(&mut self, reference: KeyReference, answer: Answer, now: Instant) {
        let ttl = self.ttl;
        let entry = self.entries.entry(reference).or_insert_with(|| Entry {
            answer: answer.clone(),
            due: now,
            failures: 0,
            unwanted: None,
            in_question: false,
        });
        if answer.is_ok() {
            entry.failures = 0;
            entry.due = now + ttl;
        } else {
            entry.failures = entry.failures.saturating_add(1);
            entry.due = now + retry_after(entry.failures);
        }
        if entry.gives_way_to(&answer) && entry.answer != answer {
            entry.answer = answer;
            self.news |= entry.unwanted.is_none();
        }
    }

    /// What is known of `reference`.
    pub(super) fn answer(&self, reference: &KeyReference) -> Option<&Answer> {
        self.entries.get(reference).map(|entry| &entry.answer)
    }

    /// What to read again at `now`; nothing before the first of them is due. Cheap until then.
    pub(super) fn due(&self, now: Instant) -> Due {
        let mut due = Due::default();
        if self.next.is_none_or(|next| now < next) {
            return due;
        }
        let soon = now + self.ttl.mul_f64(TAKEN_ALONG);
        for (reference, entry) in self.wanted() {
            if entry.failures > 0 {
                if entry.due <= now {
                    due.failed.insert(reference.clone());
                }
            } else if entry.due <= soon {
                due.well.insert(reference.clone());
            }
        }
        due
    }

    /// Whether an answer changed since they were last given out.
    pub(super) fn has_news(&self) -> bool {
        self.news
    }

    /// Notes that all answers are given out.
    pub(super) fn give_out(&mut self) {
        self.news = false;
    }

    fn wanted(&self) -> impl Iterator<Item = (&KeyReference, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.unwanted.is_none())
    }

    fn reckon(&mut self) {
        self.next = self.wanted().map(|(_, entry)| entry.due).min();
    }
}

impl Entry {
    /// Whether `answer` says more of the key than what is known of it.
    fn gives_way_to(&self, answer: &Answer) -> bool {
        let is_passing = |answer: &Answer| matches!(answer, Err(error) if error.trouble.is_passing());
        !is_passing(answer) || is_passing(&self.answer)
    }
}

/// 10 s, 20 s, 40 s … 5 min.
fn retry_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::trouble::Trouble;
    use super::*;
    use crate::medialive::CallErrorKind;

    const TTL: Duration = Duration::from_mins(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn reference(name: &str) -> KeyReference {
        KeyReference::Ssm(name.to_owned())
    }

    fn all(names: &[&str]) -> BTreeSet<KeyReference> {
        names.iter().map(|name| reference(name)).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "read like its opposite below")]
    fn key(text: &str) -> Answer {
        Ok(Secret::new(text))
    }

    fn trouble(trouble: Trouble) -> Answer {
        Err(AwsKeyError::new(&reference("a"), trouble))
    }

    fn note(cache: &mut Cache, reference: KeyReference, answer: Answer, now: Instant) {
        cache.note([(reference, answer)], now);
    }

    fn throttled() -> Answer {
        trouble(Trouble::Passing(CallErrorKind::Throttled))
    }

    /// A cache that knows the keys of `names`, all wanted.
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn known(names: &[&str]) -> (Cache, Instant) {
        let (mut cache, now) = (Cache::new(TTL), Instant::now());
        assert_eq!(cache.want(&all(names), now), all(names));
        for name in names {
            note(&mut cache, reference(name), key(name), now);
        }
        cache.give_out();
        (cache, now)
    }

    #[test]
    fn what_was_read_holds_until_its_time_is_over() {
        let (cache, now) = known(&["a"]);
        assert_eq!(cache.due(now + TTL.saturating_sub(SECOND)), Due::default());
        assert_eq!(cache.due(now + TTL).well, all(&["a"]));
        assert!(!cache.has_news());
    }

    #[test]
    fn what_is_due_soon_is_taken_along_and_nothing_else() {
        let (mut cache, now) = known(&["a", "soon", "late"]);
        note(&mut cache, reference("soon"), key("soon"), now + 29 * SECOND);
        note(&mut cache, reference("late"), key("late"), now + 60 * SECOND);
        assert_eq!(cache.due(now + TTL).well, all(&["a", "soon"]));
    }

    #[test]
    fn a_new_key_is_news_and_the_same_one_is_not() {
        let (mut cache, now) = known(&["a"]);
        note(&mut cache, reference("a"), key("a"), now + TTL);
        assert!(!cache.has_news());
        note(&mut cache, reference("a"), key("rotated"), now + 2 * TTL);
        assert!(cache.has_news());
        cache.give_out();
        assert!(!cache.has_news(), "reported once");
        assert_eq!(cache.answer(&reference("a")), Some(&key("rotated")));
    }

    #[test]
    fn a_failure_that_passes_leaves_the_last_good_key_and_is_no_news() {
        let (mut cache, now) = known(&["a"]);
        for tries in 1..100 {
            note(&mut cache, reference("a"), throttled(), now + TTL * tries);
        }
        assert_eq!(cache.answer(&reference("a")), Some(&key("a")));
        assert!(!cache.has_news());
    }

    #[test]
    fn a_failure_that_lasts_takes_the_key_away_and_is_no_longer_hidden_by_one_that_passes() {
        let (mut cache, now) = known(&["a"]);
        note(&mut cache, reference("a"), trouble(Trouble::Denied), now);
        assert!(cache.has_news());
        note(&mut cache, reference("a"), throttled(), now);
        assert_eq!(cache.answer(&reference("a")), Some(&trouble(Trouble::Denied)));
        note(&mut cache, reference("a"), key("back"), now);
        assert_eq!(cache.answer(&reference("a")), Some(&key("back")));
    }

    #[test]
    fn failures_are_tried_again_after_10_s_growing_to_5_min_apart_from_the_others() {
        let (mut cache, mut now) = known(&["a", "b"]);
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            note(&mut cache, reference("a"), trouble(Trouble::Denied), now);
            note(&mut cache, reference("b"), key("b"), now);
            let wait = SECOND * seconds;
            assert_eq!(
                cache.due(now + wait.saturating_sub(SECOND)).failed,
                all(&[]),
                "{seconds}"
            );
            now += wait;
            assert_eq!(cache.due(now).failed, all(&["a"]), "{seconds}");
        }
        note(&mut cache, reference("a"), key("a"), now);
        note(&mut cache, reference("a"), throttled(), now);
        assert_eq!(
            cache.due(now + 10 * SECOND).failed,
            all(&["a"]),
            "one success resets it"
        );
    }

    #[test]
    fn what_is_in_question_is_read_once_and_kept_where_it_cannot_be_read() {
        let (mut cache, now) = known(&["a", "b"]);
        cache.question(&all(&["a"]));
        assert_eq!(cache.want(&all(&["a", "b"]), now), all(&["a"]));
        note(&mut cache, reference("a"), throttled(), now);
        assert!(cache.want(&all(&["a", "b"]), now).is_empty());
        assert_eq!(cache.answer(&reference("a")), Some(&key("a")));
    }

    #[test]
    fn an_unreferenced_key_is_not_read_and_is_kept_for_a_while() {
        let (mut cache, now) = known(&["a", "b"]);
        cache.want(&all(&["b"]), now);
        assert_eq!(cache.due(now + TTL).well, all(&["b"]));
        assert!(
            cache.want(&all(&["a", "b"]), now + SECOND).is_empty(),
            "still fresh"
        );

        cache.want(&all(&["b"]), now);
        assert_eq!(
            cache.want(&all(&["a", "b"]), now + TTL),
            all(&["a"]),
            "stale by now"
        );
        assert_eq!(
            cache.answer(&reference("a")),
            Some(&key("a")),
            "in case it cannot be read"
        );

        cache.want(&all(&["b"]), now);
        cache.want(&all(&["b"]), now + UNWANTED_KEPT);
        assert_eq!(cache.answer(&reference("a")), None);
    }
}
