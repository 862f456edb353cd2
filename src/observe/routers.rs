//! Observation of router outputs: one List per page, and a batch for what it does not tell.
//!
//! The list shows states and routes, but neither targets nor tags. Those are asked for once per output, and again when the list
//! shows that something has changed. At rest a look costs the list, and the inputs once in a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::mediaconnect::{MediaConnect, OutputSummary};
use crate::model::{InputState, ObservedRouters, OutputState, OwnerId, RouterArn, RouterInput, RouterOutput};
use crate::service::CallError;

/// How long what was seen of an active input is good for another look, as long as no output that it feeds fails: a failing input
/// shows there.
const INPUT_GOOD_FOR: Duration = Duration::from_mins(5);

/// Looks at router outputs, and remembers what need not be asked again.
#[derive(Debug)]
pub struct RouterObserver {
    client: MediaConnect,
    owner: OwnerId,
    known: BTreeMap<RouterArn, Known>,
    /// Outputs of which a call may have changed something, or which were just made: the list may lag behind.
    distrusted: BTreeSet<RouterArn>,
    inputs: BTreeMap<RouterArn, (RouterInput, Instant)>,
    /// Outputs that were made by this process and then not found.
    not_found: BTreeSet<RouterArn>,
}

/// An output as it was last read.
#[derive(Debug)]
struct Known {
    /// How the list showed it then; `None` where it was read before a list showed it.
    listed: Option<OutputSummary>,
    output: RouterOutput,
}

impl RouterObserver {
    /// An observer for `owner`.
    pub fn new(client: MediaConnect, owner: OwnerId) -> Self {
        Self {
            client,
            owner,
            known: BTreeMap::new(),
            distrusted: BTreeSet::new(),
            inputs: BTreeMap::new(),
            not_found: BTreeSet::new(),
        }
    }

    /// Looks at every router output of the region, and at these inputs; and if it `follows_routes` at all that running outputs
    /// take, as far as they can be read.
    ///
    /// Fails where the list or an input cannot be read. An output that cannot be read by itself makes the list incomplete, so that
    /// none is made meanwhile; it is in no state that is acted upon.
    pub async fn look<'a>(
        &mut self,
        inputs: impl Iterator<Item = &'a RouterArn>,
        follows_routes: bool,
    ) -> Result<ObservedRouters, CallError> {
        let listed = self.client.list_outputs().await?;
        let listing: BTreeMap<RouterArn, OutputSummary> = listed
            .outputs
            .into_iter()
            .map(|summary| (summary.arn.clone(), summary))
            .collect();
        let unread = self.unread(&listing);
        let read = self.client.get_outputs(&unread).await?;
        let mut is_complete = listed.is_complete;
        let mut doubted: BTreeSet<RouterArn> = BTreeSet::new();
        for arn in unread {
            match read.get(&arn) {
                Some(Some(output)) => {
                    doubted.extend(output.input.clone().filter(|_| output.state.is_failing()));
                    let known = Known {
                        listed: listing.get(&arn).cloned(),
                        output: output.clone(),
                    };
                    self.distrusted.remove(&arn);
                    self.known.insert(arn, known);
                }
                Some(None) => self.forget(&arn),
                None => is_complete = false,
            }
        }
        let mut observed = ObservedRouters {
            is_complete,
            inputs: self.look_at_inputs(inputs, &doubted, follows_routes).await?,
            ..ObservedRouters::default()
        };
        for (arn, known) in &self.known {
            let mut output = known.output.clone();
            if self.distrusted.contains(arn) {
                output.state = OutputState::Unknown;
            }
            observed.outputs.insert(arn.clone(), output);
        }
        Ok(observed)
    }

    /// Outputs that have to be read: those that nothing is known of, that the list shows otherwise than when they were read, or
    /// shows no longer. One that it does not show may exist all the same.
    fn unread(&self, listing: &BTreeMap<RouterArn, OutputSummary>) -> Vec<RouterArn> {
        let is_as_read = |arn: &RouterArn| {
            let (known, listed) = (self.known.get(arn), listing.get(arn));
            let same = known.zip(listed).is_some_and(|(known, listed)| {
                let has_time = listed.updated_at.is_some();
                has_time && known.listed.as_ref() == Some(listed) && known.output.state == listed.state
            });
            same && !self.distrusted.contains(arn)
        };
        let all: BTreeSet<&RouterArn> = listing
            .keys()
            .chain(self.known.keys())
            .chain(&self.distrusted)
            .collect();
        all.into_iter().filter(|arn| !is_as_read(arn)).cloned().collect()
    }

    async fn look_at_inputs<'a>(
        &mut self,
        arns: impl Iterator<Item = &'a RouterArn>,
        doubted: &BTreeSet<RouterArn>,
        follows_routes: bool,
    ) -> Result<BTreeMap<RouterArn, RouterInput>, CallError> {
        let arns: BTreeSet<&RouterArn> = arns.collect();
        let mut all: BTreeSet<RouterArn> = arns.iter().copied().cloned().collect();
        if follows_routes {
            let outputs = self.known.values().map(|known| &known.output);
            let running = outputs.filter(|output| output.state != OutputState::Standby);
            all.extend(running.filter_map(|output| output.input.clone()));
        }
        self.inputs.retain(|arn, _| all.contains(arn));
        let now = Instant::now();
        for arn in all {
            let is_named = arns.contains(&arn);
            let is_good = self.inputs.get(&arn).is_some_and(|(input, seen)| {
                let rests = input.state == InputState::Active || !is_named;
                rests && !doubted.contains(&arn) && now < *seen + INPUT_GOOD_FOR
            });
            if is_good {
                continue;
            }
            match self.client.get_input(&arn, &self.owner).await {
                Ok(Some(input)) => drop(self.inputs.insert(arn, (input, now))),
                Err(error) if is_named => return Err(error),
                // Of another one it is not known then what it takes.
                Ok(None) | Err(_) => drop(self.inputs.remove(&arn)),
            }
        }
        let inputs = self.inputs.iter();
        Ok(inputs
            .map(|(arn, (input, _))| (arn.clone(), input.clone()))
            .collect())
    }

    fn forget(&mut self, arn: &RouterArn) {
        if self.distrusted.remove(arn) && !self.known.contains_key(arn) {
            self.not_found.insert(arn.clone());
        }
        self.known.remove(arn);
    }

    /// Makes the next look read an output itself: a call may have had its effect, and the list may lag behind. One that was just
    /// made is looked for, whether the list shows it or not.
    pub fn distrust(&mut self, arn: &RouterArn) {
        self.distrusted.insert(arn.clone());
    }

    /// Makes the next look read an input: a call may have had its effect.
    pub fn distrust_input(&mut self, arn: &RouterArn) {
        self.inputs.remove(arn);
    }

    /// Outputs that were made and then not found, since this was last asked: a token made an earlier output's creation be repeated.
    pub fn take_not_found(&mut self) -> BTreeSet<RouterArn> {
        std::mem::take(&mut self.not_found)
    }
}
