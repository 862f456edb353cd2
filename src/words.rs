//! Words that several modules write the same way.

/// `0 stops`, `1 stop`, `2 stops`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `1 pool with 3 channels`, `2 pools`: a RouterPool has no channels.
pub(crate) fn pools_with(pools: usize, channels: usize) -> String {
    match channels {
        0 => counted(pools, "pool"),
        _ => format!("{} with {}", counted(pools, "pool"), counted(channels, "channel")),
    }
}
