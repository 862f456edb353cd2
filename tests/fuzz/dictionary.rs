//! Words and values that mean something at a surface, from the files that libFuzzer would read too.

/// What there is to put in.
pub(crate) struct Dictionary {
    /// Words.
    pub(crate) words: Vec<String>,
    /// Values to put in the place of others.
    pub(crate) values: Vec<String>,
}

impl Dictionary {
    /// Reads libFuzzer's format: `"word"` or `name="word"` a line, bytes as `\x0A`. What is called `value` is one.
    pub(crate) fn read(text: &str) -> Self {
        let (mut words, mut values) = (Vec::new(), Vec::new());
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, quoted) = line.split_once('"').unwrap();
            let word = unescape(quoted.strip_suffix('"').unwrap());
            if name == "value=" {
                values.push(word);
            } else {
                words.push(word);
            }
        }
        Self { words, values }
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = (byte == b'\\').then(|| rest.next().unwrap());
        if escaped == Some(b'x') {
            let pair = [rest.next().unwrap(), rest.next().unwrap()];
            let pair = std::str::from_utf8(&pair).unwrap();
            bytes.push(u8::from_str_radix(pair, 16).unwrap());
        } else {
            bytes.push(escaped.unwrap_or(byte));
        }
    }
    String::from_utf8(bytes).unwrap()
}
