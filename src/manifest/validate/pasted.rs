//! Pasted stream keys: a mark or a line end is taken off; anything else around the key or in its place is a reported
//! mistake.

use std::fmt;

use crate::manifest::presets::platform_at;
use crate::model::Secret;

/// Longest stream key. Platforms use below 100 characters, with parameters some hundred.
pub(super) const KEY_LIMIT: usize = 1000;
/// Shortest text of one repeated letter that is a placeholder for a key, as in `xxxx-xxxx-xxxx-xxxx`.
const STAND_IN: usize = 8;

/// The key that `text` is, without a byte order mark before it and line ends around it; or why it cannot be one.
///
/// The same for files, variables, parameters, secrets and keys in a declaration.
pub fn key_of(text: &str) -> Result<Secret, KeyMistake> {
    const LINE_ENDS: [char; 2] = ['\n', '\r'];
    let key = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .trim_matches(LINE_ENDS);
    let trimmed = key.trim();
    for (is_so, mistake) in MISTAKES {
        if is_so(trimmed) {
            return Err(mistake);
        }
    }
    if key
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        Err(KeyMistake::Spaced)
    } else if key.len() > KEY_LIMIT {
        Err(KeyMistake::TooLong)
    } else {
        Ok(Secret::new(key))
    }
}

/// What is wrong with a stream key. Holds nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMistake {
    /// Nothing there.
    Empty,
    /// Longer than any key.
    TooLong,
    /// Spaces or line breaks within.
    Spaced,
    /// Invisible characters: zero-width ones, marks of direction, soft hyphens.
    Invisible,
    /// In quotes.
    Quoted,
    /// `STREAM_KEY=…`, as in an environment file.
    Assignment,
    /// URL and key in one.
    Url,
    /// A document that may hold the key in a field.
    Json,
    /// `${STREAM_KEY}`, `%STREAM_KEY%`, `{{ key }}`: a variable that was not filled in.
    Unfilled,
    /// Asterisks or bullets in its place, as a page shows it.
    Masked,
    /// `<your-key>`, `xxxx-xxxx-xxxx-xxxx`, `null`.
    Placeholder,
    /// Dashes as word processors write them, letters of other alphabets among Latin ones.
    Lookalike,
    /// `#N/A`, `1.23457E+15`.
    Spreadsheet,
    /// `arn:aws:secretsmanager:…`, `ssm:/live/key`, `ENC[AES256_GCM,…]`.
    Reference,
    /// `&amp;` for `&`.
    Escaped,
    /// `KEY;`, `youtube,KEY`: a line of a list.
    Listed,
}

type Rule = (fn(&str) -> bool, KeyMistake);

/// In this order: the first that applies is reported. All of them before spaces, which some have as well.
const MISTAKES: [Rule; 14] = [
    (str::is_empty, KeyMistake::Empty),
    (is_quoted, KeyMistake::Quoted),
    (is_unfilled, KeyMistake::Unfilled),
    (is_document, KeyMistake::Json),
    (is_assignment, KeyMistake::Assignment),
    (is_reference, KeyMistake::Reference),
    (is_url, KeyMistake::Url),
    (is_spreadsheet, KeyMistake::Spreadsheet),
    (is_placeholder, KeyMistake::Placeholder),
    (is_masked, KeyMistake::Masked),
    (is_partly_invisible, KeyMistake::Invisible),
    (is_lookalike, KeyMistake::Lookalike),
    (is_escaped, KeyMistake::Escaped),
    (is_listed, KeyMistake::Listed),
];

impl fmt::Display for KeyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the stream key is empty",
            Self::TooLong => "the stream key is longer than 1000 bytes",
            Self::Spaced => "there are spaces or line breaks in the stream key",
            Self::Invisible => "there are invisible characters in the stream key",
            Self::Quoted => "the stream key is in quotes",
            Self::Assignment => "a name and `=` precede the stream key",
            Self::Url => "this is a URL with the stream key in it, not the key alone",
            Self::Json => "this is JSON, not a stream key",
            Self::Unfilled => "this is a variable that was not filled in, not a stream key",
            Self::Masked => "asterisks or dots hide the stream key",
            Self::Placeholder => "this is a placeholder, not a stream key",
            Self::Lookalike => "there are characters in the stream key that only look like those of a key",
            Self::Spreadsheet => "this is what a spreadsheet shows in place of a text, not a stream key",
            Self::Reference => {
                "this says where a key is kept, or is encrypted: it is not the stream key itself"
            }
            Self::Escaped => "the stream key is escaped for HTML",
            Self::Listed => "what separates entries of a list stands in the stream key",
        })
    }
}

impl KeyMistake {
    /// What to do about it; `place` is where the key was read, as `file keys/youtube`, or `here`.
    pub fn fix(self, place: &str) -> String {
        let at = if place == "here" {
            "write the key and nothing else".to_owned()
        } else {
            format!("put the key and nothing else into {place}")
        };
        match self {
            Self::Empty | Self::TooLong | Self::Spaced => at,
            Self::Invisible => format!("{at}: copy it again from the platform as plain text"),
            Self::Quoted => format!("{at}, without the quotes"),
            Self::Assignment => format!("{at}: the part after the `=`"),
            Self::Url => format!("{at}: the part after the last `/`; the rest of it is the url"),
            Self::Json => format!("{at}; one field of JSON is read from secretsManager only: NAME#FIELD"),
            Self::Unfilled => {
                format!("{at}: slotwise fills in no variables, streamKeyFrom: {{ env: NAME }} reads one")
            }
            Self::Masked => format!("{at}: show the key on the platform's page before you copy it"),
            Self::Placeholder => format!("{at}: the one that the platform shows you"),
            Self::Lookalike => {
                format!("{at}: copy it again from the platform, not from a document or a chat")
            }
            Self::Spreadsheet => format!("{at}: copy it again from the platform, as text"),
            Self::Reference => {
                format!(
                    "{at}; streamKeyFrom: {{ ssm: NAME }} or {{ secretsManager: NAME }} reads one that AWS keeps"
                )
            }
            Self::Escaped => format!("{at}, with `&` where `&amp;` stands"),
            Self::Listed => format!("{at}: without the comma or semicolon"),
        }
    }
}

/// A quote at either end: no key has any, and one that was cut off has one.
fn is_quoted(text: &str) -> bool {
    const QUOTES: [char; 12] = ['"', '\'', '`', '´', '“', '”', '„', '‘', '’', '‚', '«', '»'];
    text.starts_with(QUOTES) || text.ends_with(QUOTES)
}

/// What shells, Windows, templates of deployment tools and CI systems fill in.
fn is_unfilled(text: &str) -> bool {
    let is_name = |name: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            && name.chars().all(fits)
    };
    let between = |start, end| text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    ["${", "$(", "{{", "$[["].iter().any(|mark| text.contains(mark))
        || text.strip_prefix('$').is_some_and(is_name)
        || between("%", "%").is_some_and(is_name)
        || between("{", "}").is_some_and(is_name)
        || between("__", "__").is_some_and(is_name)
        || between("@", "@").is_some_and(is_name)
}

fn is_document(text: &str) -> bool {
    text.starts_with('{') || text.starts_with('[') && text.contains(['"', '{', ','])
}

/// A name in capitals, as variables have, or `streamKey` in any spelling, and `=`. Base64 ends with `=` as well, and keys may have a query with names in
/// small letters.
fn is_assignment(text: &str) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let Some((name, value)) = text.split_once('=') else {
        return false;
    };
    let name = name.trim_end();
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let letters = name.replace(['-', '_'], "").to_ascii_lowercase();
    let is_padding = matches!(value, "" | "=") && text.len().is_multiple_of(4) && !name.contains("KEY");
    let is_variable = name.starts_with(|letter: char| letter.is_ascii_uppercase() || letter == '_')
        && name.bytes().all(fits)
        && !is_padding;
    is_variable || letters == "streamkey"
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if let Some(scheme) = scheme
        && !scheme.is_empty()
        && scheme.bytes().all(fits)
    {
        return true;
    }
    // A part of one, a link as Markdown writes it.
    if text.starts_with(['/', '?']) || text.contains("](") {
        return true;
    }
    // Copied without its scheme.
    let host = text.split_once('/').map(|(host, _)| host);
    let host = host.map(|host| host.split(':').next().unwrap_or_default());
    host.is_some_and(|host| platform_at(host).is_some())
}

fn is_placeholder(text: &str) -> bool {
    let lower = text.to_lowercase();
    let letters: String = lower.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let is_between = |start, end| text.starts_with(start) && text.ends_with(end);
    // Behind `live_` as well.
    let is_one_letter = letters.ends_with(&"x".repeat(STAND_IN));
    is_between('<', '>')
        || is_between('[', ']')
        || text.find('<').is_some_and(|start| text[start..].contains('>'))
        || is_one_letter
        || ["yourkey", "yourstreamkey", "mystreamkey"]
            .iter()
            .any(|words| letters == *words || letters.strip_suffix("here") == Some(*words))
        || PLACEHOLDERS.contains(&letters.as_str())
}

/// What programs print for nothing, and what people write for later.
const PLACEHOLDERS: [&str; 9] = [
    "changeme",
    "replaceme",
    "null",
    "none",
    "nil",
    "undefined",
    "nan",
    "todo",
    "tbd",
];

/// A value of an error, or a number in scientific notation.
fn is_spreadsheet(text: &str) -> bool {
    let is_error = text.starts_with('#') && (text.ends_with(['!', '?']) || text == "#N/A");
    let is_number = |number: &str| {
        !number.is_empty()
            && number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".,".contains(&byte))
    };
    is_error
        || text
            .split_once("E+")
            .is_some_and(|(mantissa, exponent)| is_number(mantissa) && is_number(exponent))
}

/// The name of a place, or what SOPS and Ansible leave.
fn is_reference(text: &str) -> bool {
    const MARKS: [&str; 6] = [
        "arn:aws",
        "ssm:",
        "secretsmanager:",
        "vault:",
        "ENC[",
        "$ANSIBLE_VAULT",
    ];
    MARKS.iter().any(|mark| text.starts_with(mark))
}

/// Dashes that are no hyphen, full-width forms, and letters of other alphabets among Latin ones.
fn is_lookalike(text: &str) -> bool {
    let is_dash = |letter: char| {
        matches!(
            letter,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
        )
    };
    let is_wide = |letter: char| matches!(letter, '\u{ff01}'..='\u{ff5e}');
    let has_latin = text.chars().any(|letter| letter.is_ascii_alphabetic());
    let is_other = |letter: char| !letter.is_ascii() && letter.is_alphabetic();
    text.chars()
        .any(|letter| is_dash(letter) || is_wide(letter) || has_latin && is_other(letter))
}

fn is_escaped(text: &str) -> bool {
    ["&amp;", "&#38;", "&quot;", "&lt;"]
        .iter()
        .any(|entity| text.contains(entity))
}

/// The end of an entry, or the name of a platform before the key.
fn is_listed(text: &str) -> bool {
    let before = text
        .split_once([',', ';'])
        .map(|(before, _)| before.to_ascii_lowercase());
    text.ends_with([',', ';']) || before.is_some_and(|name| PLATFORM_NAMES.contains(&name.as_str()))
}

/// As people call them in a list.
const PLATFORM_NAMES: [&str; 6] = ["youtube", "twitch", "facebook", "kick", "x", "restream"];

fn is_masked(text: &str) -> bool {
    let hides = |letter: &char| "*•●∗⁎＊…".contains(*letter);
    let hidden = text.chars().filter(hides).count();
    hidden > 1 || hidden > 0 && (hidden == text.chars().count() || text.ends_with('…'))
}

/// Invisible characters, as in text that was copied from a page.
pub(super) fn is_partly_invisible(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_before_and_line_ends_around_a_key_are_not_part_of_it() {
        for text in ["k-1", "\u{feff}k-1", "k-1\r\n", "\u{feff}k-1\n\n", "\nk-1"] {
            assert_eq!(key_of(text).unwrap().reveal(), "k-1", "{text:?}");
        }
    }

    #[test]
    fn keys_of_platforms_and_servers_are_fine() {
        for key in [
            "live_1234567_AbCdEfGhIj",
            "live_1234567_AbCdEfGhIj?bandwidthtest=true",
            "FB-1020304050-0-AbcDeF?s_bl=1&s_oil=2&s_psm=1&s_sw=0&s_tids=1&s_vt=api-s&a=AbX",
            "abcd-1234-efgh-5678-9ijk",
            "stream.name-with_dots.and=signs&more",
            "key=value",
            "Key=value",
            "QUJDREVGR0g=",
            "QUJDRA==",
            "a*b",
            "$1$salt",
            "100%",
            "path/of/a/stream",
            "example-not-a-real-key",
            "k",
            "4711",
            "ключ",
            "a:b@c",
            "MAIN",
            "3E+x",
            "a,b",
            "x",
        ] {
            assert_eq!(key_of(key).unwrap().reveal(), key, "{key}");
        }
    }

    #[test]
    fn a_pasted_mistake_is_reported_without_the_key() {
        use KeyMistake::{
            Assignment, Empty, Escaped, Invisible, Json, Listed, Lookalike, Masked, Placeholder, Quoted,
            Reference, Spaced, Spreadsheet, TooLong, Unfilled, Url,
        };
        let long = "CANARY".repeat(200);
        for (text, mistake) in [
            ("", Empty),
            ("\n", Empty),
            ("\u{feff}\r\n", Empty),
            ("  ", Empty),
            (long.as_str(), TooLong),
            ("CANARY 1", Spaced),
            ("CANARY\n1", Spaced),
            ("CANARY ", Spaced),
            ("CANARY\u{a0}", Spaced),
            ("CAN\u{200b}ARY", Invisible),
            ("\u{200e}CANARY", Invisible),
            ("CANARY\u{feff}", Invisible),
            ("CAN\u{ad}ARY", Invisible),
            ("\"CANARY\"", Quoted),
            ("'CANARY'", Quoted),
            ("“CANARY”", Quoted),
            ("CANARY\"", Quoted),
            ("`CANARY`", Quoted),
            ("STREAM_KEY=CANARY", Assignment),
            ("KEY=CANARY", Assignment),
            ("KEY=", Assignment),
            ("export YOUTUBE_KEY=CANARY", Assignment),
            ("KEY = CANARY", Assignment),
            ("rtmp://a.example/live/CANARY", Url),
            ("RTMPS://a.example/live/CANARY", Url),
            ("srt://a.example:7000?streamid=CANARY", Url),
            ("a.rtmp.youtube.com/live2/CANARY", Url),
            ("{\"streamKey\":\"CANARY\"}", Json),
            ("{ streamKey: CANARY }", Json),
            ("[\"CANARY\"]", Json),
            ("${CANARY}", Unfilled),
            ("live_${CANARY}", Unfilled),
            ("$CANARY", Unfilled),
            ("%CANARY%", Unfilled),
            ("{{ .Values.CANARY }}", Unfilled),
            ("{{resolve:ssm:/live/CANARY}}", Unfilled),
            ("$(cat CANARY)", Unfilled),
            ("{CANARY}", Unfilled),
            ("********", Masked),
            ("live_CANARY****", Masked),
            ("••••••", Masked),
            ("CANARY…", Masked),
            ("<your-CANARY>", Placeholder),
            ("<CANARY key>", Placeholder),
            ("live_<CANARY>", Placeholder),
            ("[CANARY]", Placeholder),
            ("xxxx-xxxx-xxxx-xxxx", Placeholder),
            ("YOUR_STREAM_KEY", Placeholder),
            ("your-key-here", Placeholder),
            ("live_XXXXXXXXXXXX", Placeholder),
            ("null", Placeholder),
            ("None", Placeholder),
            ("undefined", Placeholder),
            ("TODO", Placeholder),
            ("CANARY\u{2013}1", Lookalike),
            ("CANARY\u{2011}1", Lookalike),
            ("CANARY\u{430}", Lookalike),
            ("\u{ff23}ANARY", Lookalike),
            ("#N/A", Spreadsheet),
            ("#REF!", Spreadsheet),
            ("1.23457E+15", Spreadsheet),
            ("1,2E+15", Spreadsheet),
            (
                "arn:aws:secretsmanager:eu-central-1:111122223333:secret:CANARY",
                Reference,
            ),
            ("ssm:/live/CANARY", Reference),
            ("ENC[AES256_GCM,data:CANARY]", Reference),
            ("CANARY?a=1&amp;b=2", Escaped),
            ("CANARY;", Listed),
            ("CANARY,", Listed),
            ("youtube,CANARY", Listed),
            ("/live2/CANARY", Url),
            ("?key=CANARY", Url),
            ("[CANARY](https://a.example)", Url),
        ] {
            let found = key_of(text).unwrap_err();
            assert_eq!(found, mistake, "{text:?}");
            for place in ["here", "file keys/a"] {
                let shown = format!("{found} {found:?} {}", found.fix(place));
                assert!(!shown.contains("CANARY"), "{shown}");
            }
        }
    }
}
