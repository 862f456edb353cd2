//! What came of a life: the rule that was broken, if one was, and what was counted.

/// A rule that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    /// Which check found it, in a few words.
    pub(crate) check: &'static str,
    /// What happened.
    pub(crate) what: String,
}

/// What was counted of a life.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Calls of any kind.
    pub(crate) calls: usize,
    /// Those of them that look, List and Describe.
    pub(crate) looks: usize,
    /// Destinations that were taken off air while they were wanted, by a granted stop.
    pub(crate) interruptions: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.looks += other.looks;
        self.interruptions += other.interruptions;
    }
}
