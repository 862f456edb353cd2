//! Words that several modules write the same way.

/// `0 stops`, `1 stop`, `2 stops`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
