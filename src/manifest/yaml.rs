//! YAML text → [`Node`] trees, and the place of a field. The only file that uses serde_yaml.
//!
//! serde_yaml gives positions in errors only. So a tree is built without them, and the line and column of a field are
//! found when a problem is reported: by walking to the field again and failing there.

mod build;
mod seek;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserializer as _;

use self::build::{Budget, Build, KEY_TYPE, TAGGED, TOO_MUCH};
use self::seek::Seek;
use super::node::{FieldPath, Node};
use super::problem::{Location, Problem, Severity};

/// Longest document in bytes. An object has some hundred.
const DOCUMENT_LIMIT: usize = 1 << 20;
/// Open brackets at once: the parser's time grows with their square.
const BRACKET_LIMIT: usize = 200;

/// One document of a file, or an item of a list that one is.
#[derive(Clone)]
pub struct Document {
    file: Arc<Path>,
    /// The whole file.
    source: Arc<str>,
    /// The document's range in it.
    range: Range<usize>,
    /// Lines of the file before it.
    lines_before: usize,
    /// The place of the object in the document.
    within: FieldPath,
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where.
    pub location: Location,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        Self {
            location: broken.location,
            severity: Severity::Error,
            object: None,
            field: String::new(),
            message: broken.message,
            fix: broken.fix,
        }
    }
}

/// Which part of an entry a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The field's name.
    Key,
    /// The field's name where it is written a second time.
    SecondKey,
    /// Its value.
    Value,
}

/// The text of `node` as a document. Everything in it is written, so nothing may be secret.
pub fn to_text(node: &Node) -> String {
    // Only a map with a key that is no text cannot be written, and there is none in a tree.
    serde_yaml::to_string(node).unwrap_or_default()
}

/// Cuts a file into its documents; those that hold nothing are left out.
///
/// Cut by hand, because the parser gives up on a file at the first mistake: so one broken document does not take
/// the others with it. A line that begins with `---` or `...` is always a boundary, even in the middle of a quoted text
/// (YAML 1.2.2, 9.1.2).
pub fn documents(file: &Path, bytes: &[u8]) -> Result<Vec<Document>, Broken> {
    let text = decode_text(file, bytes)?;
    let (file, source): (Arc<Path>, Arc<str>) = (Arc::from(file), Arc::from(text));
    let chunks = chunks(&source);
    let document = |(range, lines_before)| Document {
        file: Arc::clone(&file),
        source: Arc::clone(&source),
        range,
        lines_before,
        within: FieldPath::default(),
    };
    Ok(chunks.into_iter().map(document).collect())
}

fn decode_text<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a str, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        Broken {
            location: Location {
                file: file.to_owned(),
                line,
                column: 0,
                item: None,
            },
            message: format!(
                "is {}, not UTF-8",
                if utf16 { "UTF-16" } else { "another encoding" }
            ),
            fix: "save the file as UTF-8".to_owned(),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Byte ranges of the documents of `text` that hold anything, each with the number of lines before it.
fn chunks(text: &str) -> Vec<(Range<usize>, usize)> {
    let mut chunks = Vec::new();
    let (mut start, mut start_line, mut content) = (0, 0, false);
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            if content {
                chunks.push((start..offset, start_line));
            }
            // The marker line stays in: text may follow it, and columns have to hold. `...` only ends.
            let ends_only = line.starts_with("...");
            start = if ends_only { offset + line.len() } else { offset };
            start_line = if ends_only { number + 1 } else { number };
            content = !ends_only && is_content(rest);
        } else {
            content |= is_content(line);
        }
        offset += line.len();
    }
    if content {
        chunks.push((start..offset, start_line));
    }
    chunks
}

/// How many brackets are open at once at most. Those within quotes count too, which is near enough.
fn brackets(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn is_content(line: &str) -> bool {
    let text = line.trim();
    // A directive such as `%YAML 1.2` holds nothing: the parser can do without.
    !(text.is_empty() || text.starts_with('#') || line.starts_with('%'))
}

impl Document {
    /// The file that holds it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The value at `path`, as an object of its own.
    #[must_use]
    pub fn part(&self, path: FieldPath) -> Self {
        Self {
            within: path,
            ..self.clone()
        }
    }

    /// `path` of the object as a path of the document.
    pub fn whole_path(&self, path: &FieldPath) -> FieldPath {
        let segments = self.within.0.iter().chain(&path.0);
        FieldPath(segments.cloned().collect())
    }

    /// Where it begins.
    pub fn start(&self) -> Location {
        if self.within.0.is_empty() {
            self.first_line()
        } else {
            self.locate(&FieldPath::default(), Spot::Value)
        }
    }

    /// Where the document begins.
    fn first_line(&self) -> Location {
        let content_before = self
            .text()
            .lines()
            .take_while(|line| !is_content(line.trim_start_matches("---")));
        self.location(1 + content_before.count(), 1)
    }

    /// The tree of the whole document.
    pub fn parse(&self) -> Result<Node, Broken> {
        if self.range.len() > DOCUMENT_LIMIT {
            return Err(Broken {
                location: self.start(),
                message: format!("this document is longer than {} KiB", DOCUMENT_LIMIT >> 10),
                fix: "write one object per document, with `---` between them".to_owned(),
            });
        }
        if brackets(self.text()) > BRACKET_LIMIT {
            return Err(Broken {
                location: self.start(),
                message: format!("more than {BRACKET_LIMIT} brackets are open at once"),
                fix: "close them, or nest less deeply".to_owned(),
            });
        }
        if let Some(location) = self.not_allowed() {
            return Err(Broken {
                location,
                message: "control character not allowed in YAML".to_owned(),
                fix: "remove it, or write it as an escape in double quotes: \"\\x1b\"".to_owned(),
            });
        }
        let mut budget = Budget::default();
        serde_yaml::Deserializer::from_str(self.text())
            .deserialize_any(Build(&mut budget))
            .map_err(|error| self.broken(&error))
    }

    /// The place of `path`; where it does not exist, the innermost part of it that does.
    pub fn locate(&self, path: &FieldPath, spot: Spot) -> Location {
        let path = self.whole_path(path);
        let seek = Seek { path: &path.0, spot };
        match serde_yaml::Deserializer::from_str(self.text()).deserialize_any(seek) {
            Err(error) => error.location().map_or_else(
                || self.first_line(),
                |location| {
                    let (line, column) = self.as_editors_count((location.line(), location.column()));
                    self.location(line, column)
                },
            ),
            Ok(()) => self.first_line(),
        }
    }

    /// Line and column of a place of the parser, to which `\r`, U+0085, U+2028 and U+2029 end lines as well.
    fn as_editors_count(&self, (line, column): (usize, usize)) -> (usize, usize) {
        let mut rest = self.text();
        for _ in 1..line {
            let Some(at) = rest.find(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) else {
                break;
            };
            let end = &rest[at..];
            let mut letters = end.chars();
            letters.next();
            rest = end.strip_prefix("\r\n").unwrap_or(letters.as_str());
        }
        let before = &self.text()[..self.text().len() - rest.len()];
        let within = before.chars().rev().take_while(|letter| *letter != '\n').count();
        (1 + before.matches('\n').count(), within + column)
    }

    /// Where the first character is that YAML allows in escapes only (YAML 1.2.2, 5.1): the parser gives no place.
    fn not_allowed(&self) -> Option<Location> {
        let stray = |letter: char| {
            letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\u{85}')
                || matches!(letter, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        };
        let before = &self.text()[..self.text().find(stray)?];
        let column = before.chars().rev().take_while(|letter| *letter != '\n').count();
        Some(self.location(1 + before.matches('\n').count(), 1 + column))
    }

    fn text(&self) -> &str {
        &self.source[self.range.clone()]
    }

    fn location(&self, line: usize, column: usize) -> Location {
        Location {
            file: PathBuf::from(&*self.file),
            line: self.lines_before + line,
            column,
            item: None,
        }
    }

    fn broken(&self, error: &serde_yaml::Error) -> Broken {
        let said = error.to_string();
        let at = error
            .location()
            .map(|location| self.as_editors_count((location.line(), location.column())));
        // What is never closed is noticed at the end; only the text says where it was opened.
        let ends =
            |(line, _): (usize, usize)| self.text().lines().skip(line - 1).all(|line| !is_content(line));
        let at = if at.is_some_and(ends) {
            opened_at(&said).map(|at| self.as_editors_count(at))
        } else {
            at
        };
        let line = at.and_then(|(line, _)| self.text().lines().nth(line.saturating_sub(1)));
        let (message, fix) = explain(&said, line.unwrap_or(""));
        Broken {
            location: at.map_or_else(|| self.start(), |(line, column)| self.location(line, column)),
            message,
            fix: fix.to_owned(),
        }
    }
}

/// The second `line 3 column 7` of `said`; the parser leaves it out where it is the very first place.
fn opened_at(said: &str) -> Option<(usize, usize)> {
    let place = said.split(" at line ").nth(2)?;
    let (line, column) = place.split_once(" column ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// The parser's message in plainer words, with a fix. `line` is the one it stopped at.
///
/// Texts of the parser are constants, except where it shows a value that does not fit its tag: that is not repeated.
fn explain(said: &str, line: &str) -> (String, &'static str) {
    let indent: &str = &line[..line.len() - line.trim_start().len()];
    let text = said.split(" at line ").next().unwrap_or(said);
    let text = text.split(" at position ").next().unwrap_or(text);
    let known = [
        (
            "mapping values are not allowed",
            "check the indentation, and quote a text that has a `: ` in it",
        ),
        (
            "did not find expected key",
            "check the indentation of this line and of the one above it",
        ),
        (
            "did not find expected '-' indicator",
            "check the indentation of this line and of the one above it",
        ),
        (
            "did not find expected ',' or",
            "close the bracket, or put a comma between the entries",
        ),
        (
            "found unexpected end of stream",
            "close the quote or bracket that is open",
        ),
        (
            "found unexpected document indicator",
            "close the quote or bracket that is open",
        ),
        (
            "could not find expected ':'",
            "write `field: value`, with a space after the colon",
        ),
        (
            "unknown anchor",
            "define it with `&name` above, or quote a text that begins with `*`",
        ),
        ("recursion limit", "nest less deeply"),
        ("repetition limit", "use fewer aliases"),
        (TOO_MUCH, "use fewer aliases, or write one object per document"),
        (
            TAGGED,
            "remove the tag (the word that begins with `!`), or quote a text that begins with `!`",
        ),
        (KEY_TYPE, "write a field name there"),
    ];
    if indent.contains('\t') {
        return ("a tab indents this line".to_owned(), "indent with spaces");
    }
    if text.contains("invalid type") || text.contains("invalid value") {
        return (
            "a value does not fit its tag".to_owned(),
            "remove the tag (the word that begins with `!!`)",
        );
    }
    match known.into_iter().find(|(known, _)| text.contains(known)) {
        // Our own texts come with the path of the node before them, which may hold anything.
        Some((text, fix)) if [TOO_MUCH, TAGGED, KEY_TYPE].contains(&text) => (text.to_owned(), fix),
        Some((_, fix)) => (format!("cannot be read as YAML: {}", in_words(text)), fix),
        None => (
            "cannot be read as YAML".to_owned(),
            "correct the syntax here; a text with special characters has to be quoted",
        ),
    }
}

/// Only constants of the parser get here: see the table above.
fn in_words(text: &str) -> &str {
    text.split(", while").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(usize, String)> {
        let documents = documents(Path::new("x.yaml"), text.as_bytes()).unwrap();
        documents
            .iter()
            .map(|document| (document.start().line, document.text().to_owned()))
            .collect()
    }

    #[test]
    fn a_file_is_cut_at_markers_and_empty_documents_are_left_out() {
        let text = "# c\na: 1\n--- # d\n\n---\nb: 2\n...\n%YAML 1.2\n---\nc: |\n  ---\n  x\n---x: 3\n";
        let parts = parts(text);
        assert_eq!(
            parts,
            [
                (2, "# c\na: 1\n".to_owned()),
                (6, "---\nb: 2\n".to_owned()),
                (10, "---\nc: |\n  ---\n  x\n---x: 3\n".to_owned()),
            ]
        );
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        let text = "# c\n---\na:\n  - x: 1\n    \"y\": &k [p, q]\n  - {x: 2, x: 3, z: *k}\nb: ü\n";
        let documents = documents(Path::new("x.yaml"), text.as_bytes()).unwrap();
        let place = |path: FieldPath, spot| {
            let location = documents[0].locate(&path, spot);
            (location.line, location.column)
        };
        let a = FieldPath::from("a");
        assert_eq!(place(a.clone(), Spot::Key), (3, 1));
        assert_eq!(place(a.index(0).field("x"), Spot::Value), (4, 8));
        assert_eq!(place(a.index(0).field("y").index(1), Spot::Value), (5, 17));
        assert_eq!(place(a.index(1).field("x"), Spot::Key), (6, 6));
        assert_eq!(place(a.index(1).field("x"), Spot::SecondKey), (6, 12));
        assert_eq!(place(FieldPath::from("b"), Spot::Value), (7, 4));
        // What is not there is looked for as far as it goes.
        assert_eq!(place(a.index(0).field("nothing"), Spot::Value), (4, 5));
        assert_eq!(place(FieldPath::from("nothing.at.all"), Spot::Key), (3, 1));
    }

    #[test]
    fn a_syntax_mistake_is_reported_where_it_began() {
        for (text, line, said) in [
            ("a: 1\nb: \"open\nc: 2\n", 2, "close the quote or bracket"),
            ("a: [1, 2\n", 1, "close the bracket"),
            ("a: 1\n\tb: 2\n", 2, "indent with spaces"),
            ("a: b: c\n", 1, "quote a text"),
            ("a: 1\n b: 2\n", 2, "indentation"),
            ("a: *x\n", 1, "define it"),
            ("a: !!int live_1_x\n", 1, "remove the tag"),
            ("? [a]\n: b\n", 1, "write a field name"),
            // Ends of lines to the parser only.
            ("a: 1 # \u{2028} \r \u{85}\nb: c: d\n", 2, "quote a text"),
            ("\u{2028}\u{2028}\u{2028}\"", 1, "close the quote"),
        ] {
            let documents = documents(Path::new("x.yaml"), text.as_bytes()).unwrap();
            let broken = documents[0].parse().err().unwrap();
            assert_eq!(broken.location.line, line, "{text}: {broken:?}");
            assert!(broken.fix.contains(said), "{text}: {broken:?}");
            assert!(!broken.message.contains("live_1_x"));
        }
    }
}
