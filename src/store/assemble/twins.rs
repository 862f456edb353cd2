//! Destinations that are one stream, found by an index: tens of thousands have one URL and a key each.

use std::collections::BTreeMap;

use crate::model::{Endpoint, Stream};

/// A destination that is the same stream as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Twin {
    /// Which.
    pub(super) one: usize,
    /// The other.
    pub(super) other: usize,
    /// Whether the two are the two ingests that a platform has for one key, which may be meant so.
    pub(super) is_backup: bool,
}

/// One [`Twin`] for each of `destinations` that has any. Each comes with its number and the endpoints of its pipelines.
pub(super) fn twins(destinations: &[(usize, Vec<Endpoint>)]) -> Vec<Twin> {
    let mut index: BTreeMap<Stream, [Vec<usize>; 2]> = BTreeMap::new();
    let mut roles = Vec::with_capacity(destinations.len());
    for (number, endpoints) in destinations {
        let mut own: BTreeMap<Stream, bool> = BTreeMap::new();
        // In their order: where both pipelines are one stream, the first one's ingest decides which of the two it is.
        for endpoint in endpoints {
            own.entry(endpoint.stream())
                .or_insert_with(|| endpoint.is_backup_ingest());
        }
        for (stream, is_backup) in &own {
            // Two are enough: one of them is another one than the destination that is compared.
            let known = &mut index.entry(stream.clone()).or_default()[usize::from(*is_backup)];
            if known.len() < 2 {
                known.push(*number);
            }
        }
        roles.push((*number, own));
    }
    let other_than = |number: usize, known: &[usize]| known.iter().copied().find(|other| *other != number);
    let twin = |(number, own): (usize, BTreeMap<Stream, bool>)| {
        let find = |same: bool| {
            own.iter().find_map(|(stream, is_backup)| {
                let ingests = index.get(stream)?;
                other_than(number, &ingests[usize::from(*is_backup == same)])
            })
        };
        let twin = |other, is_backup| Twin {
            one: number,
            other,
            is_backup,
        };
        let same = find(true).map(|other| twin(other, false));
        same.or_else(|| find(false).map(|other| twin(other, true)))
    };
    roles.into_iter().filter_map(twin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn pairs(destinations: &[&[(&str, &str)]]) -> Vec<(usize, usize, bool)> {
        let endpoints = |urls: &&[(&str, &str)]| {
            let endpoint = |(url, key): &(&str, &str)| Endpoint::new(*url, Secret::new(*key));
            urls.iter().map(endpoint).collect()
        };
        let numbered: Vec<(usize, Vec<Endpoint>)> = destinations.iter().map(endpoints).enumerate().collect();
        let twins = twins(&numbered).into_iter();
        twins.map(|twin| (twin.one, twin.other, twin.is_backup)).collect()
    }

    const YOUTUBE: &str = "rtmps://a.rtmps.youtube.com:443/live2";
    const BACKUP: &str = "rtmps://b.rtmps.youtube.com:443/live2?backup=1";

    #[test]
    fn one_stream_in_any_spelling_is_a_mistake_of_both() {
        for other in [
            ("rtmp://a.example:1935/live/", "k"),
            ("rtmps://A.example/live", "k"),
            ("rtmp://a.example/live", "k"),
        ] {
            let pairs = pairs(&[&[("rtmp://a.example/live", "k")], &[other]]);
            assert_eq!(pairs, [(0, 1, false), (1, 0, false)], "{other:?}");
        }
        assert_eq!(
            pairs(&[
                &[("rtmp://a.example/live", "k")],
                &[("rtmp://a.example/live", "k2")]
            ]),
            []
        );
    }

    #[test]
    fn any_pipeline_counts() {
        let two = [("rtmp://a.example/live", "k"), ("rtmp://b.example/live", "k")];
        assert_eq!(
            pairs(&[&two, &[("rtmp://b.example/live", "k")]]),
            [(0, 1, false), (1, 0, false)]
        );
        // Its own two pipelines are no two destinations.
        assert_eq!(pairs(&[&[(YOUTUBE, "k"), (BACKUP, "k")]]), []);
    }

    #[test]
    fn the_two_ingests_of_a_platform_may_be_meant() {
        let preset = [(YOUTUBE, "k"), (BACKUP, "k")];
        for first in [&preset[..1], &preset] {
            assert_eq!(pairs(&[first, &[(BACKUP, "k")]]), [(0, 1, true), (1, 0, true)]);
        }
        // A mistake comes before what may be meant.
        assert_eq!(
            pairs(&[&[(YOUTUBE, "k")], &[(BACKUP, "k")], &[(BACKUP, "k")]]),
            [(0, 1, true), (1, 2, false), (2, 1, false)]
        );
    }

    #[test]
    fn many_with_one_url_are_compared_with_none_of_the_others() {
        // With a comparison of each with each other one this would be billions.
        let many = (0..60_000).map(|number| {
            let key = Secret::new(format!("key-{number}"));
            (number, vec![Endpoint::new("rtmp://a.example/live", key)])
        });
        assert_eq!(twins(&many.collect::<Vec<_>>()), []);
        let same = (0..60_000).map(|number| {
            let endpoint = Endpoint::new("rtmp://a.example/live", Secret::new("k"));
            (number, vec![endpoint])
        });
        assert_eq!(twins(&same.collect::<Vec<_>>()).len(), 60_000);
    }
}
