//! Edits: of bytes, words, lines, and parts of an input.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::engine::Surface;

/// How deep what is put in may nest: beyond every limit there is.
const DEPTH_MAX: usize = 300;
/// Longest run of one sign.
const LONG_MAX: usize = 5_000;

/// One edit of `input`; `other` is another input to take from.
pub(crate) fn mutate(surface: &Surface, mut input: Vec<u8>, other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    match rng.random_range(0..20) {
        0 => flip(&mut input, rng),
        1 => drop(input.drain(span(&input, rng))),
        2 => repeat(&mut input, rng),
        3 | 4 => put(&mut input, rng, |rng| pick(&surface.dictionary.words, rng).into()),
        5 => put(&mut input, rng, nested),
        6 => put(&mut input, rng, |rng| {
            let sign = *b"a0[ \n-%:\"".choose(rng).unwrap_or(&b'a');
            vec![sign; rng.random_range(1..LONG_MAX)]
        }),
        7 => put(&mut input, rng, |rng| other[span(other, rng)].to_vec()),
        8 => splice(&mut input, other, rng),
        9 | 10 => swap_word(&mut input, rng, |rng| pick(&surface.dictionary.words, rng).into()),
        11 => swap_word(&mut input, rng, |rng| a_word(other, rng)),
        12 | 13 => swap_value(&mut input, rng, |rng| {
            pick(&surface.dictionary.values, rng).into()
        }),
        14 => return edit_parts(&input, other, "\n", rng),
        15 | 16 => return edit_parts(&input, other, surface.between, rng),
        _ => return (surface.rewrite)(&input, &surface.dictionary, rng).unwrap_or(input),
    }
    input
}

fn pick<'a>(list: &'a [String], rng: &mut ChaCha8Rng) -> &'a str {
    list.choose(rng).map_or("", String::as_str)
}

/// A short stretch of `text`.
fn span(text: &[u8], rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=text.len());
    let length = rng.random_range(0..=64).min(text.len() - start);
    start..start + length
}

fn flip(input: &mut [u8], rng: &mut ChaCha8Rng) {
    if let Some(at) = input.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
        input[at] = if rng.random() {
            input[at] ^ (1 << rng.random_range(0..8))
        } else {
            rng.random()
        };
    }
}

fn repeat(input: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let span = span(input, rng);
    let end = span.end;
    let copies = input[span].repeat(rng.random_range(1..40));
    input.splice(end..end, copies);
}

fn put(input: &mut Vec<u8>, rng: &mut ChaCha8Rng, what: impl FnOnce(&mut ChaCha8Rng) -> Vec<u8>) {
    let at = rng.random_range(0..=input.len());
    let what = what(rng);
    input.splice(at..at, what);
}

/// Brackets in brackets, closed again or not.
fn nested(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let pairs = [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("{a: ", "}"),
        ("- ", ""),
        ("? ", ""),
    ];
    let (open, close) = *pairs.choose(rng).unwrap_or(&pairs[0]);
    let depth = rng.random_range(1..DEPTH_MAX);
    let close = if rng.random() {
        close.repeat(depth)
    } else {
        String::new()
    };
    format!("{}1{close}", open.repeat(depth)).into()
}

fn splice(input: &mut Vec<u8>, other: &[u8], rng: &mut ChaCha8Rng) {
    input.truncate(rng.random_range(0..=input.len()));
    input.extend(&other[rng.random_range(0..=other.len())..]);
}

/// Where the words of `text` are.
fn words(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let mut words = Vec::new();
    let mut start = 0;
    for word in text.split(|byte| !is_word(byte)) {
        if !word.is_empty() {
            words.push(start..start + word.len());
        }
        start += word.len() + 1;
    }
    words
}

fn a_word(text: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let word = words(text).choose(rng).cloned();
    word.map_or_else(Vec::new, |word| text[word].to_vec())
}

fn swap_word(input: &mut Vec<u8>, rng: &mut ChaCha8Rng, new: impl FnOnce(&mut ChaCha8Rng) -> Vec<u8>) {
    if let Some(word) = words(input).choose(rng).cloned() {
        let new = new(rng);
        input.splice(word, new);
    }
}

/// Puts a value between some colon and what ends the value there.
fn swap_value(input: &mut Vec<u8>, rng: &mut ChaCha8Rng, new: impl FnOnce(&mut ChaCha8Rng) -> Vec<u8>) {
    let colons: Vec<usize> = (0..input.len()).filter(|at| input[*at] == b':').collect();
    let Some(colon) = colons.choose(rng) else { return };
    let rest = &input[colon + 1..];
    let ends = |byte: &u8| b"\n,}]".contains(byte);
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    let mut value = b" ".to_vec();
    value.extend(new(rng));
    input.splice(colon + 1..colon + 1 + end, value);
}

/// Drops, doubles, swaps or borrows one of the parts between `between`.
fn edit_parts(input: &[u8], other: &[u8], between: &str, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let cut = |text: &[u8]| -> Vec<Vec<u8>> {
        let mut parts = vec![Vec::new()];
        let mut rest = text;
        while let Some((first, more)) = rest.split_first() {
            if let Some(next) = rest.strip_prefix(between.as_bytes()) {
                parts.push(Vec::new());
                rest = next;
            } else {
                if let Some(part) = parts.last_mut() {
                    part.push(*first);
                }
                rest = more;
            }
        }
        parts
    };
    let (mut parts, others) = (cut(input), cut(other));
    let (one, two) = (rng.random_range(0..parts.len()), rng.random_range(0..parts.len()));
    match rng.random_range(0..5) {
        0 => drop(parts.remove(one)),
        1 => parts.insert(two, parts[one].clone()),
        2 => parts.swap(one, two),
        3 => parts[one].splice(0..0, *b"  ").for_each(drop),
        _ => parts.insert(one, others.choose(rng).cloned().unwrap_or_default()),
    }
    parts.join(between.as_bytes())
}
