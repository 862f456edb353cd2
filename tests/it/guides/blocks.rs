//! Fenced blocks of Markdown, and the command lines in them.

/// What stands between two fences.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// `examples/emulator/README.md`
    file: String,
    /// The line of its first fence, from 1.
    line: usize,
    /// What the first fence names: `sh`.
    pub(super) tag: String,
    pub(super) text: String,
}

/// Every fenced block of `text`, which is that of `file`.
pub(super) fn blocks(file: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (open.as_mut(), line.trim_start().strip_prefix("```")) {
            (None, Some(tag)) => {
                open = Some(Block {
                    file: file.to_owned(),
                    line: at + 1,
                    tag: tag.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{file}: a fence is not closed");
    blocks
}

impl Block {
    /// `examples/emulator/README.md:12`
    pub(super) fn at(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Its command lines: in `sh` all but comments and here-documents, in `console` those after `$ `.
    pub(super) fn command_lines(&self) -> Vec<String> {
        let is_prompted = self.tag == "console";
        let mut commands = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(first) = (if is_prompted {
                line.strip_prefix("$ ")
            } else {
                Some(line)
            }) else {
                continue;
            };
            let mut command = first.to_owned();
            while let Some(begun) = command.strip_suffix('\\') {
                command = format!("{begun} {}", lines.next().unwrap_or_default().trim_start());
            }
            if let Some(end) = here_document(&command) {
                lines.by_ref().find(|line| line.trim() == end);
            }
            let is_comment = command.trim_start().starts_with('#');
            if !is_comment && !command.trim().is_empty() {
                commands.push(command);
            }
        }
        commands
    }
}

/// What ends the here-document that `command` begins.
fn here_document(command: &str) -> Option<String> {
    let (_, after) = command.split_once("<<")?;
    let word: String = after
        .trim_start_matches(['-', '\'', '"', '\\'])
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (!word.is_empty()).then_some(word)
}

/// `code` between single backticks of `text`, fenced blocks left out.
pub(super) fn inline_code(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let code = prose.split('`').skip(1).step_by(2);
    code.map(|code| code.replace('\n', " ")).collect()
}

#[test]
fn blocks_and_their_command_lines_are_found() {
    let text = "a\n```sh\n# c\nslotwise \\\n  plan x\ncat > f <<'EOF'\nslotwise no\nEOF\nslotwise run x\n```\n\
                ```console\n$ slotwise status x\nshown\n```\n`slotwise run` and `x`\n";
    let found = blocks("f", text);
    assert_eq!(found[0].at(), "f:2");
    assert_eq!(
        found[0].command_lines(),
        ["slotwise  plan x", "cat > f <<'EOF'", "slotwise run x"]
    );
    assert_eq!(found[1].command_lines(), ["slotwise status x"]);
    assert_eq!(inline_code(text), ["slotwise run", "x"]);
}
