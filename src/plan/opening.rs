//! Which kept channels a placement opens: whether what joins and leaves one grants its interruption.
//!
//! Whose former target is on a channel is told by the URL, which others may share. Where it may be another's, two rules
//! keep from granting what the other would not be granted: who may be its owner does not open the channel by joining
//! unless `Retarget` is granted ([`Item::mistakable`](super::assign::Item::mistakable)), and its leaving opens the channel
//! for all to whom it may belong, or for none ([`Problem::leaves_for_all`]).

use std::collections::{BTreeMap, BTreeSet};

use super::assign::{Pinned, Place, Problem};
use super::survey::Survey;

impl Problem {
    /// Whether `item` alone, placed in `bin`, makes the interruption of a kept bin a granted one.
    pub(super) fn opens(&self, item: usize, bin: usize) -> bool {
        let here = Place::Decided(Some(bin));
        if self.is_former(item, bin) {
            self.former_opens(item, bin, here)
        } else {
            let one = &self.items[item];
            one.granted || self.granting.start && !one.mistakable.contains(&bin)
        }
    }

    /// Whether the former target of `item`, which is on `bin`, grants its interruption: a matter of `Retarget` where its
    /// destination gets a slot of `bin`, of `Stop` where that goes to another channel. While it waits, its former target
    /// grants nothing: a stop would take it off air for the good of others.
    fn former_opens(&self, item: usize, bin: usize, place: Place) -> bool {
        let granted = self.items[item].granted;
        match place {
            Place::Undecided => granted || self.granting.retarget || self.granting.stop,
            Place::Decided(Some(at)) if at == bin => granted || self.granting.retarget,
            Place::Decided(Some(_)) => granted || self.granting.stop,
            Place::Decided(None) => false,
        }
    }

    /// Whether the former target of `item`, which leaves `bin`, is none that has to stay there: of all to whom it may
    /// belong nobody waits, and nobody joins `bin` unless `Retarget` grants it. Else it would be another's as soon as
    /// `item` is on air, and what it granted would not be granted any more.
    pub(super) fn leaves_for_all(&self, item: usize, bin: usize, place: impl Fn(usize) -> Place) -> bool {
        let goes = |other: &usize| match place(*other) {
            Place::Undecided => true,
            Place::Decided(None) => false,
            Place::Decided(Some(at)) => at != bin || self.granting.retarget,
        };
        self.contenders_of(item).iter().all(goes)
    }

    /// Items without a former target on a running channel to whom that of `item` may belong as well.
    pub(super) fn contenders_of(&self, item: usize) -> &[usize] {
        self.items[item].contested.map_or(&[], |at| &self.contenders[at])
    }

    /// Whether a slot of `bin` has the former target of `item`.
    pub(super) fn is_former(&self, item: usize, bin: usize) -> bool {
        self.items[item].outdated.is_some_and(|(at, _)| at == bin)
    }

    /// Whether `bin` is or gets stopped with `items` in it: a kept one only if its interruption is granted. `place`
    /// tells where other items are.
    pub(super) fn is_open(&self, bin: usize, items: &[usize], place: impl Fn(usize) -> Place) -> bool {
        let at = &self.bins[bin];
        !at.kept
            || at.opened
            || items.iter().any(|item| self.opens(*item, bin))
            || at.formers.iter().any(|item| {
                let here = place(*item);
                let leaves = !matches!(here, Place::Decided(Some(at)) if at == bin);
                self.former_opens(*item, bin, here) && (!leaves || self.leaves_for_all(*item, bin, &place))
            })
    }

    /// Whether `bin` stops wherever the items go, as long as those whose former target is on it do not wait.
    pub(super) fn is_open_wherever(&self, bin: usize) -> bool {
        let always = |item: &usize| {
            let one = &self.items[*item];
            let either_way = one.granted || self.granting.stop && self.granting.retarget;
            one.pin != Pinned::Nowhere && either_way && self.contenders_of(*item).is_empty()
        };
        let at = &self.bins[bin];
        !at.kept || at.opened || at.formers.iter().any(always)
    }

    /// Finds the bins that items do not open by joining.
    pub(super) fn find_mistakable(&mut self, survey: &Survey<'_>) {
        if !self.granting.start || self.granting.retarget {
            return;
        }
        let mut former: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for slot in &survey.slots {
            let bin = self.bin_of[slot.channel].filter(|bin| self.bins[*bin].kept);
            if let (Some(bin), Some(url)) = (bin, slot.former_url()) {
                former.entry(url).or_default().insert(bin);
            }
        }
        for item in &mut self.items {
            let bins = former.get(&*survey.dests[item.dest].decl.url);
            let own = item.outdated.map(|(bin, _)| bin);
            let others = bins.into_iter().flatten().copied();
            item.mistakable = others.filter(|bin| Some(*bin) != own).collect();
        }
    }

    /// Finds who shares a URL with one whose former target is on a running channel.
    pub(super) fn find_contenders(&mut self, survey: &Survey<'_>) {
        let runs = |slot: usize| survey.channel_of(slot).is_running();
        let mut by_url: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (item, one) in self.items.iter().enumerate() {
            let dest = &survey.dests[one.dest];
            let (with, without) = by_url.entry(&*dest.decl.url).or_default();
            match dest.outdated.filter(|slot| runs(*slot)) {
                Some(_) => with.push(item),
                None => without.push(item),
            }
        }
        let contested = by_url.into_values();
        for (with, without) in contested.filter(|(with, without)| !with.is_empty() && !without.is_empty()) {
            for item in with {
                self.items[item].contested = Some(self.contenders.len());
            }
            for item in &without {
                self.items[*item].contends = true;
            }
            self.contenders.push(without);
        }
    }
}
