//! Command lines of slotwise in documents parse: commands and flags that are written down exist.

use std::fs;

use clap::error::ErrorKind;

use super::blocks::{blocks, inline_code};
use super::{guide, names, root};

/// Words of a shell that may stand before a command.
const BEFORE: [&str; 10] = [
    "if", "!", "then", "do", "else", "while", "until", "exec", "time", "timeout",
];

#[test]
fn every_command_line_in_a_document_parses() {
    let mut files = vec![
        root().join("README.md"),
        root().join("manifests/kubernetes/README.md"),
    ];
    files.extend(names().iter().map(|name| guide(name)));
    let mut parsed = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let shown = file.strip_prefix(root()).unwrap().display().to_string();
        for block in blocks(&shown, &text) {
            if !["sh", "console"].contains(&block.tag.as_str()) {
                continue;
            }
            for line in block.command_lines() {
                for words in invocations(&line) {
                    if let Err(error) = parse(&words) {
                        panic!("{}: {line}\n{error}", block.at());
                    }
                    parsed += 1;
                }
            }
        }
        for code in inline_code(&text) {
            for words in invocations(&code) {
                match parse(&words) {
                    Err(error) if !is_of_a_sentence(error.kind()) => panic!("{shown}: `{code}`\n{error}"),
                    _ => {}
                }
                parsed += 1;
            }
        }
    }
    assert!(parsed >= 60, "{parsed} command lines");
}

/// In a sentence a command stands without what it needs, and with words in the place of values.
fn is_of_a_sentence(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::ValueValidation
            | ErrorKind::InvalidValue
    )
}

fn parse(words: &[String]) -> Result<(), clap::Error> {
    match slotwise::testing::cli::command().try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Ok(()),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Ok(()),
        Err(error) => Err(error),
    }
}

/// The calls of slotwise in `line`, each as the words that it is started with.
fn invocations(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for words in simple_commands(line) {
        let of_cargo = words.starts_with(&["cargo", "run", "--"].map(str::to_owned));
        let at = if of_cargo {
            Some(2)
        } else {
            words.iter().position(|word| word == "slotwise")
        };
        let Some(at) = at else { continue };
        let is_prefix = |word: &String| {
            let is_time = word.starts_with(|c: char| c.is_ascii_digit());
            BEFORE.contains(&word.as_str()) || word.contains('=') || word.starts_with('-') || is_time
        };
        if of_cargo || words[..at].iter().all(is_prefix) {
            let mut words = words[at..].to_vec();
            "slotwise".clone_into(&mut words[0]);
            found.push(words);
        }
    }
    found
}

/// The words of each simple command of `line`, as a shell splits them; redirections are left out.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut is_target = false;
    let mut chars = line.chars().peekable();
    let end_word = |word: &mut Option<String>, is_target: &mut bool, commands: &mut Vec<Vec<String>>| {
        if let Some(word) = word.take() {
            // What stands after `>` or `<` is a file.
            if !std::mem::take(is_target)
                && let Some(command) = commands.last_mut()
            {
                command.push(word);
            }
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let quoted: String = chars.by_ref().take_while(|next| *next != c).collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '$' if chars.peek() == Some(&'(') => {
                let mut depth = 0;
                let nested = chars.by_ref().take_while(|next| {
                    depth += i32::from(*next == '(') - i32::from(*next == ')');
                    depth > 0
                });
                let nested: String = nested.skip(1).collect();
                commands.splice(0..0, simple_commands(&nested));
                word.get_or_insert_default().push('x');
            }
            '#' if word.is_none() => break,
            '|' | '&' | ';' | '(' | ')' => {
                end_word(&mut word, &mut is_target, &mut commands);
                commands.push(Vec::new());
            }
            '>' | '<' => {
                // `2>` is no argument.
                word = word.filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
                end_word(&mut word, &mut is_target, &mut commands);
                is_target = true;
                if chars.peek() == Some(&'&') {
                    chars.next();
                }
            }
            c if c.is_whitespace() => end_word(&mut word, &mut is_target, &mut commands),
            c => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut word, &mut is_target, &mut commands);
    commands
}

#[test]
fn calls_are_found_as_a_shell_finds_them() {
    let found =
        |line: &str| -> Vec<String> { invocations(line).iter().map(|words| words.join(" ")).collect() };
    assert_eq!(
        found("A=b slotwise plan 'x y' > f 2>&1 || echo slotwise"),
        ["slotwise plan x y"]
    );
    assert_eq!(
        found("if ! timeout 5 slotwise run x & slotwise stop"),
        ["slotwise run x", "slotwise stop"]
    );
    assert_eq!(
        found("cargo run -- run --emulator x   # see"),
        ["slotwise run --emulator x"]
    );
    assert_eq!(
        found("a=$(slotwise schema Plan) # slotwise x"),
        ["slotwise schema Plan"]
    );
    assert_eq!(found("install slotwise /usr/local/bin"), [""; 0]);
    assert!(parse(&invocations("slotwise plan --no-such-flag x")[0]).is_err());
}
