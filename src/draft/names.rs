//! What Destinations are called.

use std::collections::{BTreeMap, BTreeSet};

/// Longest name that is made of a host: a number may follow, and 63 letters are the most.
const HOST_MAX: usize = 50;
/// First labels that name a host's purpose, not its operator.
const LABELS_OF_USE: [&str; 8] = ["a", "b", "ingest", "live", "push", "rtmp", "rtmps", "stream"];

/// Gives names out, each once.
pub(super) struct Names {
    /// How many want each.
    wanted: BTreeMap<String, usize>,
    given: BTreeSet<String>,
}

impl Names {
    /// For slots with these names as candidates.
    pub(super) fn among(bases: &[String]) -> Self {
        let mut wanted = BTreeMap::new();
        for base in bases {
            *wanted.entry(base.clone()).or_insert(0) += 1;
        }
        let given = BTreeSet::new();
        Self { wanted, given }
    }

    /// The next name with candidate `base`; numbered where several have the same.
    pub(super) fn next(&mut self, base: &str) -> String {
        let is_alone = self.wanted.get(base).copied().unwrap_or_default() < 2;
        let alone = is_alone.then(|| base.to_owned()).into_iter();
        let numbered = (1..).map(|number: usize| format!("{base}-{number}"));
        let mut free = alone.chain(numbered).filter(|name| {
            let wants_it = self.wanted.contains_key(name) && name != base;
            !self.given.contains(name) && !wants_it
        });
        let name = free.next().unwrap_or_default();
        self.given.insert(name.clone());
        name
    }
}

/// A name made of a host: `rtmp.corp.example` is `corp-example`.
pub(super) fn of_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let mut labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    while labels.len() > 2 && LABELS_OF_USE.contains(&labels[0]) {
        labels.remove(0);
    }
    let joined = labels.join("-");
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let name: String = joined
        .chars()
        .map(|letter| if fits(letter) { letter } else { '-' })
        .take(HOST_MAX)
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        "destination".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_makes_a_name_that_kubernetes_would_take() {
        for (host, name) in [
            ("rtmp.corp.example", "corp-example"),
            ("live.example", "live-example"),
            ("203.0.113.7", "203-0-113-7"),
            ("2001:db8::7", "2001-db8--7"),
            ("MEDIA_1.example", "media-1-example"),
            ("(no host)", "no-host"),
            ("::", "destination"),
        ] {
            assert_eq!(of_host(host), name);
        }
        assert!(of_host(&"a".repeat(200)).len() <= HOST_MAX);
    }

    #[test]
    fn equal_names_are_numbered() {
        let bases = ["youtube", "twitch", "youtube", "youtube-1"].map(str::to_owned);
        let mut names = Names::among(&bases);
        let given: Vec<String> = bases.iter().map(|base| names.next(base)).collect();
        assert_eq!(given, ["youtube-2", "twitch", "youtube-3", "youtube-1"]);
    }
}
