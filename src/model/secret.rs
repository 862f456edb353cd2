//! A stream key that cannot be printed.

use std::fmt;
use std::sync::Arc;

/// Text that must never reach a log, plan, page, metric, error or file of slotwise.
///
/// It has no `Display` and no `Serialize`, and its `Debug` shows nothing. The one way out is [`Secret::reveal`],
/// whose call sites are few on purpose: `medialive` puts it into the channel configuration, and `slotwise init` the keys
/// of channels that exist into files of their own; nothing else does. A clone
/// shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Whether it has no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has no text but spaces.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The text itself, for the channel configuration.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
