//! Pages of a list: maxResults, nextToken.
//!
//! A token names the last item of the page before, so that a list that changes between two pages neither repeats
//! nor skips what stayed. MediaLive's page sizes are not published: [`Switches::list_page_default`] and
//! [`Switches::list_page_max`].

use std::fmt::Write as _;

use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::Query;
use crate::emulator::switches::Switches;

/// One page, and the token of the next
pub(in crate::emulator) struct Page<T> {
    /// What the page holds
    pub(in crate::emulator) items: Vec<T>,
    /// Where the next one begins; none on the last page
    pub(in crate::emulator) next: Option<String>,
}

/// Cuts one page out of `items`, which come in a stable order with their names
pub(in crate::emulator) fn page<N: AsRef<str>, T>(
    list: &str,
    items: impl Iterator<Item = (N, T)>,
    query: &Query,
    switches: &Switches,
) -> Result<Page<T>, ApiError> {
    let size = page_size(query, switches)?;
    let after = query
        .next_token
        .as_deref()
        .map(|token| read_token(list, token))
        .transpose()?;
    let mut kept: Vec<(N, T)> = match after {
        None => items.take(size + 1).collect(),
        Some(after) => items
            .skip_while(|(name, _)| name.as_ref() <= after.as_str())
            .take(size + 1)
            .collect(),
    };
    let more = kept.len() > size;
    kept.truncate(size);
    let next = kept
        .last()
        .filter(|_| more)
        .map(|(name, _)| token(list, name.as_ref()));
    Ok(Page {
        items: kept.into_iter().map(|(_, item)| item).collect(),
        next,
    })
}

fn page_size(query: &Query, switches: &Switches) -> Result<usize, ApiError> {
    let Some(text) = query.max_results.as_deref() else {
        return Ok(switches.list_page_default.max(1));
    };
    match text.parse::<usize>() {
        Ok(size) if size > 0 => Ok(size.min(switches.list_page_max.max(1))),
        _ => Err(ApiError::new(
            ErrorKind::BadRequest,
            "maxResults must be a number greater than 0",
        )),
    }
}

/// Opaque on purpose: hexadecimal of the list's name and the last item's
fn token(list: &str, name: &str) -> String {
    format!("{list}:{name}")
        .bytes()
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            _ = write!(text, "{byte:02x}");
            text
        })
}

fn read_token(list: &str, token: &str) -> Result<String, ApiError> {
    let bytes: Option<Vec<u8>> = token
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(&format!("{list}:")).map(str::to_owned))
        .ok_or_else(|| ApiError::new(ErrorKind::BadRequest, "Invalid nextToken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> impl Iterator<Item = (String, usize)> {
        (0..count).map(|index| (format!("{index:04}"), index))
    }

    fn query(size: &str, token: Option<String>) -> Query {
        Query {
            max_results: Some(size.into()),
            next_token: token,
            ..Query::default()
        }
    }

    #[test]
    fn pages_together_hold_everything_once() {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let page = page("x", names(7), &query("3", token), &Switches::default())
                .unwrap_or_else(|e| panic!("{e}"));
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_last_page_has_no_token() {
        let page =
            page("x", names(3), &query("3", None), &Switches::default()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((page.items.len(), page.next), (3, None));
    }

    #[test]
    fn a_bad_token_or_size_is_refused() {
        let bad = |query: Query| {
            page("x", names(3), &query, &Switches::default())
                .map(|_| ())
                .unwrap_err()
                .kind
        };
        let foreign = token("y", "0001");
        for query in [
            query("0", None),
            query("-1", None),
            query("ten", None),
            query("3", Some(foreign)),
        ] {
            assert_eq!(bad(query), ErrorKind::BadRequest);
        }
        assert_eq!(bad(query("3", Some("zz\u{e9}".into()))), ErrorKind::BadRequest);
    }
}
