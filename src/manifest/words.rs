//! Words in messages: what may be repeated, and what was probably meant.

use unidecode::unidecode_char;

/// Longest word that is repeated in a message: a DNS label.
const LONGEST_SHOWN: usize = 63;
/// Longest path or ARN that is repeated in a message.
const KEY_PLACE: usize = 300;
/// Most digits at the end of a name: a year.
const NUMBER: usize = 4;
/// Letters and digits mixed over this many characters in one word are taken for a key.
const KEY_WORD: usize = 10;

/// `text` in backquotes where it can be repeated in a message; otherwise words that say it is not.
///
/// Keys get pasted into the wrong field. So a text that could be one is not repeated, in whatever field it is.
pub fn shown(text: &str) -> String {
    if is_harmless(text) {
        format!("`{text}`")
    } else {
        NOT_REPEATED.to_owned()
    }
}

/// In the place of a text that is not repeated.
pub const NOT_REPEATED: &str = "(not repeated here: it could be a key)";

/// Whether `text` may be repeated in a message.
pub fn is_harmless(text: &str) -> bool {
    text.chars().count() <= LONGEST_SHOWN && !text.chars().any(char::is_control) && !could_be_key(text)
}

/// What a name may look like.
pub const NAME_FORM: &str = "use lower case letters, digits and `-`, at most 63 of them: `youtube-main`";

/// Whether `text` is a DNS label: lower case letters, digits and `-` within, 1 to 63 characters.
pub fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_SHOWN).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The label that is nearest to `name`, in whatever script that is; `None` where nothing is left of it, or only what may
/// not be repeated.
pub fn as_label(name: &str) -> Option<String> {
    let label = label_of(name, LONGEST_SHOWN);
    (is_label(&label) && !has_key_form(name.trim()) && is_harmless_name(&label)).then_some(label)
}

/// What is left of `text` as a label of at most `limit` letters; nothing where that is nothing.
pub(super) fn label_of(text: &str, limit: usize) -> String {
    // Longer names are not looked at to their end: each letter may become several.
    let letters = text.chars().take(4 * LONGEST_SHOWN);
    let mut label = String::new();
    for letter in letters {
        let latin = if letter.is_ascii() {
            ""
        } else {
            unidecode_char(letter)
        };
        // A letter that it does not know.
        let latin = if latin == "[?]" { "-" } else { latin };
        let own = letter.is_ascii().then_some(letter);
        for letter in own.into_iter().chain(latin.chars()) {
            if letter.is_ascii_alphanumeric() {
                label.push(letter.to_ascii_lowercase());
            } else if !label.is_empty() && !label.ends_with('-') {
                label.push('-');
            }
        }
    }
    label.truncate(limit);
    label.truncate(label.trim_end_matches('-').len());
    label
}

/// Whether an object's name may be repeated: it is meant to be seen, so only the form of a known key is too much.
pub fn is_harmless_name(text: &str) -> bool {
    if is_label(text) {
        !has_key_form(text)
    } else {
        is_harmless(text)
    }
}

/// Whether `text` has the form of a stream key of a known platform, or of a URL that could hold one.
fn could_be_key(text: &str) -> bool {
    if text.contains("://") || has_key_form(text) {
        return true;
    }
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(is_key_word)
}

fn is_key_word(word: &str) -> bool {
    word.len() >= KEY_WORD
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether `text` has the form of a stream key: `live_…` (Twitch), `FB-…` (Facebook), `xxxx-xxxx-xxxx-xxxx` (YouTube).
pub fn has_key_form(text: &str) -> bool {
    let twitch = text
        .strip_prefix("live_")
        .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
    let facebook = text
        .strip_prefix("FB-")
        .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
    let groups: Vec<&str> = text.split('-').collect();
    let youtube = (4..=5).contains(&groups.len())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && groups
            .iter()
            .all(|group| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    twitch || facebook || youtube
}

/// Whether `text` looks like a path or a name of something that keeps a key: a parameter, a variable. What has the letters of a
/// key, or signs that names and paths do not have, may be the key itself, pasted in that place.
pub fn looks_like_a_place(text: &str) -> bool {
    if text.len() > KEY_PLACE || text.chars().any(char::is_control) {
        return false;
    }
    // The parts of a path, of an ARN, and the field of a secret.
    let parts = || text.split(['/', ':', '#']);
    if parts().any(has_key_form) {
        return false;
    }
    let is_path = parts().count() > 1 || has_extension(text);
    let fits = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    is_path || text.chars().all(fits) && !text.split(['_', '-', '.']).any(is_mixed)
}

/// `youtube.key`
fn has_extension(text: &str) -> bool {
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether digits stand among the letters of `word`, and not only behind them as in `youtube2026`.
fn is_mixed(word: &str) -> bool {
    let name = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = word.len() - name.len();
    let is_number = name.is_empty() && number < KEY_WORD;
    word.len() >= KEY_WORD
        && !is_number
        && (number > NUMBER || name.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether a field may have this name: no field has a digit, and few of them are longer.
pub fn looks_like_a_field(name: &str) -> bool {
    const LONGEST: usize = 24;
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.chars().count() <= LONGEST && digits < NUMBER && is_harmless(name)
}

/// The one of `candidates` that `word` is probably a slip of; the first of several equally near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the word may be wrong, three letters at most: more is another word.
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Fewest letters inserted, deleted, replaced or swapped with their neighbour that make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Longer words are no slips of field names, and the table below is quadratic.
    if a.len() > LONGEST_SHOWN || b.len() > LONGEST_SHOWN {
        return usize::MAX;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = last;
        last = row;
    }
    last[b.len()]
}

/// `a`, `a or b`, `a, b or c`.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_key_is_not_repeated() {
        for key in [
            "live_1234_abcdef",
            "FB-1020-0-Ab_c",
            "abcd-ef12-gh34-ij56",
            "sk3y9canary77",
            "rtmp://a.example/live",
            "a\nb",
        ] {
            assert!(!is_harmless(key), "{key}");
            assert!(!shown(key).contains(key));
        }
        for word in [
            "youtube-main",
            "eu-west-1-production-main",
            "4000001",
            "Streamin",
            "launch event",
            "20261224T000000",
        ] {
            assert_eq!(is_harmless(word), word != "20261224T000000", "{word}");
        }
    }

    #[test]
    fn a_key_in_place_of_a_path_or_name_is_recognised() {
        for place in [
            "YOUTUBE_KEY",
            "YOUTUBEKEY2026",
            "youtube",
            "keys/youtube-main",
            "keys/a1b2c3d4e5f6",
            "/run/secrets/a1b2c3d4e5f6",
            "youtube main.key",
            "a1b2c3d4e5f6.txt",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/live/youtube",
            "live/youtube#streamKey",
            "4000001",
        ] {
            assert!(looks_like_a_place(place), "{place}");
        }
        for key in [
            "a1b2c3d4e5f6",
            "abcd1234efgh5678",
            "key with spaces",
            "K9x?s_bl=1&s_l=2",
            "live_1234_abcdef",
            "keys/live_1234_abcdef",
            "prefix-a1b2c3d4e5f6",
            "12345678901234567890",
            "AbCdEfGh==",
        ] {
            assert!(!looks_like_a_place(key), "{key}");
        }
        assert!(looks_like_a_field("plaform") && looks_like_a_field("field2"));
        assert!(!looks_like_a_field("abcd1234") && !looks_like_a_field("qwertyuiopasdfghjklzxcvbn"));
    }

    #[test]
    fn a_name_in_any_script_becomes_a_label() {
        for (name, label) in [
            ("Main Stage", "main-stage"),
            ("Bühne 1", "buhne-1"),
            ("Bu\u{308}hne 1", "buhne-1"),
            ("日本語", "ri-ben-yu"),
            ("Сцена 2", "stsena-2"),
            ("  -- Side / stage! ", "side-stage"),
            ("7", "7"),
        ] {
            assert_eq!(as_label(name).as_deref(), Some(label), "{name}");
        }
        let long = as_label(&"日本".repeat(100)).unwrap();
        assert!(is_label(&long), "{long}");
        for name in ["", "!?", "🎥", "live_123456_abc", "abcd-1234-efgh-5678"] {
            assert_eq!(as_label(name), None, "{name}");
        }
    }

    #[test]
    fn a_slip_finds_the_word_it_was_meant_to_be() {
        let fields = ["pool", "state", "platform", "priority", "streamKeyFrom"];
        assert_eq!(nearest("plaform", fields), Some("platform"));
        assert_eq!(nearest("pirority", fields), Some("priority"));
        assert_eq!(nearest("stream_key_from", fields), Some("streamKeyFrom"));
        assert_eq!(nearest("PRIORITY", fields), Some("priority"));
        assert_eq!(nearest("colour", fields), None);
        assert_eq!(nearest("x", fields), None);
    }
}
