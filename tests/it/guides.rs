//! The guides beside the examples: every `sh` block runs, and every command line of slotwise in a document parses.

mod blocks;
mod commands;
mod running;

use std::fs;
use std::path::{Path, PathBuf};

use self::blocks::{Block, blocks};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names of the examples that have a guide.
fn names() -> Vec<String> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| guide(name).exists())
        .collect();
    names.sort();
    assert!(names.len() >= 7, "{names:?}");
    names
}

fn guide(name: &str) -> PathBuf {
    root().join("examples").join(name).join("README.md")
}

fn blocks_of(path: &Path) -> Vec<Block> {
    let text = fs::read_to_string(path).unwrap();
    let shown = path.strip_prefix(root()).unwrap().display();
    blocks(&shown.to_string(), &text)
}

/// Commands are in `sh` blocks, which are run, or in `console` blocks, which are for readers; in no others.
#[test]
fn commands_stand_in_blocks_that_are_known() {
    for name in names() {
        for block in blocks_of(&guide(&name)) {
            let at = block.at();
            let is_known = ["sh", "console", "text", "yaml", "json", "promql", "lua", "ini"]
                .contains(&block.tag.as_str());
            assert!(is_known, "{at}: a block of kind '{}'", block.tag);
            let is_empty = block.tag == "console" && block.command_lines().is_empty();
            assert!(
                !is_empty,
                "{at}: no line begins with '$ ', so no command is in it"
            );
        }
    }
}
