//! What came of a life: the rule that was broken, if one was, and what was counted.

use std::collections::BTreeMap;

/// A rule that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    /// Which check found it, in a few words.
    pub(crate) check: &'static str,
    /// What happened.
    pub(crate) what: String,
}

/// What was counted of a life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Calls of any kind.
    pub(crate) calls: usize,
    /// Those of them that look, List and Describe.
    pub(crate) looks: usize,
    /// Destinations that were taken off air while they were wanted, by a granted stop.
    pub(crate) interruptions: usize,
    /// What a world had or met that is not in every one, by its kind: how often, and in how many lives.
    pub(crate) met: BTreeMap<String, (usize, usize)>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.looks += other.looks;
        self.interruptions += other.interruptions;
        for (kind, (times, lives)) in &other.met {
            let sum = self.met.entry(kind.clone()).or_default();
            *sum = (sum.0 + times, sum.1 + lives);
        }
    }

    /// Takes note of a kind that was met in this life.
    pub(crate) fn meet(&mut self, kind: &str) {
        let met = self.met.entry(kind.to_owned()).or_default();
        *met = (met.0 + 1, 1);
    }
}
