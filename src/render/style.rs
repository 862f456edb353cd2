//! How text may look: colours, width, and what of a foreign text may be shown.

use std::borrow::Cow;
use std::fmt;

use anstyle::{AnsiColor, Effects};
use unicode_width::UnicodeWidthStr;

/// What the reader's end can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colours may be used.
    pub color: bool,
    /// Columns; sentences are wrapped to it.
    pub width: usize,
}

impl Style {
    /// Columns where the width is unknown: what fits a page and most terminals.
    pub const DEFAULT_WIDTH: usize = 100;

    /// Without colours, [`Style::DEFAULT_WIDTH`] wide: for files, pipes and goldens.
    pub const PLAIN: Self = Self {
        color: false,
        width: Self::DEFAULT_WIDTH,
    };

    /// `text` in `tone`, where colours may be used.
    pub fn paint(self, tone: Tone, text: impl fmt::Display) -> String {
        let text = text.to_string();
        let text = clean(&text);
        let style = tone.style();
        if self.color && !text.is_empty() && style != anstyle::Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.into_owned()
        }
    }
}

/// What a piece of text says, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Something to find a line by: a name, an id.
    Strong,
    /// Goes or is on air.
    Good,
    /// Changes.
    Change,
    /// Waits: nothing goes off air, but a wish is open.
    Waits,
    /// Takes a wanted destination off air, or failed.
    Bad,
    /// Less important than the text beside it.
    Muted,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        match self {
            Self::Plain => plain,
            Self::Strong => plain.effects(Effects::BOLD),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Change => AnsiColor::Cyan.on_default(),
            Self::Waits => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Muted => plain.effects(Effects::DIMMED),
        }
    }
}

/// `text` without control characters: a line feed becomes a space, any other the replacement character.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let replace = |character| match character {
        '\n' | '\t' => ' ',
        unsafe_one if is_unsafe(unsafe_one) => char::REPLACEMENT_CHARACTER,
        harmless => harmless,
    };
    Cow::Owned(text.chars().map(replace).collect())
}

/// Columns that `text` takes; it must be free of escape sequences.
pub fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` in lines of at most `width` columns, broken between words. A word that is longer has a line of its own, and a
/// unit (`20 s`, `slot = name`) is not broken.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(first) = words.next() {
        let mut piece = first.to_owned();
        let mut last = first;
        while let Some(next) = words.next_if(|next| belong_together(last, next)) {
            piece.push(' ');
            piece.push_str(next);
            last = next;
        }
        if !line.is_empty() && columns(&line) + 1 + columns(&piece) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&piece);
    }
    lines.push(line);
    lines
}

/// Whether a line break between the two would tear apart what reads as one.
fn belong_together(word: &str, next: &str) -> bool {
    const UNITS: [&str; 5] = ["ms", "s", "min", "h", "d"];
    let is_number = word.starts_with(|letter: char| letter.is_ascii_digit())
        && word
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    let unit = next.trim_end_matches([',', ';', ')', ':']);
    is_number && UNITS.contains(&unit) || word == "=" || next == "=" || next == "·"
}

/// Control characters, and those that reorder what is shown after them.
fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_appear_only_on_request() {
        let colored = Style {
            color: true,
            ..Style::PLAIN
        };
        assert_eq!(Style::PLAIN.paint(Tone::Bad, "off"), "off");
        assert_eq!(colored.paint(Tone::Bad, "off"), "\u{1b}[31moff\u{1b}[0m");
        assert_eq!(colored.paint(Tone::Plain, "off"), "off");
        assert_eq!(colored.paint(Tone::Bad, ""), "");
    }

    #[test]
    fn a_foreign_text_cannot_move_the_cursor() {
        let name = "live\u{1b}[2J\u{202e}\nmain";
        assert_eq!(
            Style::PLAIN.paint(Tone::Strong, name),
            "live\u{fffd}[2J\u{fffd} main"
        );
    }

    #[test]
    fn lines_break_between_words_and_long_words_stand_alone() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
        assert_eq!(wrap("日本 日本", 5), ["日本", "日本"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn what_reads_as_one_is_not_torn_apart() {
        assert_eq!(wrap("wait about 20 s, then", 13), ["wait about", "20 s, then"]);
        assert_eq!(wrap("slot-1 = parked", 8), ["slot-1 = parked"]);
        assert_eq!(wrap("one · two", 5), ["one ·", "two"]);
    }
}
