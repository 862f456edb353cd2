//! Which pool an output belongs to.
//!
//! | its tags name | its destination is declared | it belongs to |
//! |---|---|---|
//! | a declared pool | in that pool, or not at all | that pool |
//! | a declared pool | in another RouterPool, which has the same input and interface | that other pool: it goes on as it is |
//! | a declared pool | in another pool | the pool of its tags, until it has ended there |
//! | a pool that is not declared | in a RouterPool, with the same stream | that pool: it was renamed |
//! | a pool that this process saw declared | in a RouterPool | that pool: it was renamed, and another stream was declared with it |
//! | a pool that is not declared | in any other way | none: another slotwise of this owner may have it |
//! | nothing | in a RouterPool | that pool |
//! | nothing | not at all | the pool with its input |

use std::collections::BTreeMap;

use super::reading::{Fit, Occupant, Reading};
use crate::model::{Destination, PoolName, RouteState, RouterArn, RouterOutput, RouterPool, TargetDigest};

impl<'a> Reading<'a> {
    pub(super) fn find_homes(&mut self) {
        let home = |(arn, occupant): (&&'a RouterArn, &Occupant<'a>)| {
            let output = self.output(arn);
            let home = match (&output.record, occupant) {
                (Some(record), Occupant::Destination(one, fit)) => {
                    self.recorded_home(&record.pool, one, *fit == Fit::Exact, output)
                }
                (None, Occupant::Destination(one, _)) => self.pools.get(&one.pool).copied(),
                (Some(record), _) => self.pools.get(&record.pool).copied(),
                (None, _) => self.fed_by(output),
            };
            Some((*arn, &home?.name))
        };
        let homes: BTreeMap<&RouterArn, &PoolName> = self.occupants.iter().filter_map(home).collect();
        self.homes = homes;
    }

    fn recorded_home(
        &self,
        name: &PoolName,
        one: &Destination,
        is_exact: bool,
        output: &RouterOutput,
    ) -> Option<&'a RouterPool> {
        let recorded = self.pools.get(name).copied();
        let declared = self.pools.get(&one.pool).copied();
        match (recorded, declared) {
            (Some(from), Some(to)) if self.is_carried_over(from, to, output) => Some(to),
            (Some(from), _) => Some(from),
            (None, to) => to.filter(|_| is_exact || self.desired.seen_pools.contains(name)),
        }
    }

    /// Whether an output goes on as it is when its destination moves from one pool to another.
    fn is_carried_over(&self, from: &RouterPool, to: &RouterPool, output: &RouterOutput) -> bool {
        let takes_its_input =
            output.route != RouteState::Unrouted && output.input.as_ref() == Some(&to.input);
        let is_same = takes_its_input && output.interface.as_ref() == Some(&to.network_interface);
        is_same && [from, to].iter().all(|pool| pool.pause_at(self.now).is_none())
    }

    fn fed_by(&self, output: &RouterOutput) -> Option<&'a RouterPool> {
        let mut pools = self.pools.values().copied();
        pools.find(|pool| output.input.as_ref() == Some(&pool.input))
    }

    /// The pool that an output belongs to.
    pub(super) fn home(&self, arn: &RouterArn) -> Option<&'a RouterPool> {
        self.pools.get(self.homes.get(arn)?).copied()
    }

    /// Whether an output's tags say that it is that of a destination in this pool, and nothing else.
    pub(super) fn is_recorded(&self, output: &RouterOutput, one: &Destination, pool: &RouterPool) -> bool {
        let (Some(record), Some(target)) = (&output.record, &output.target) else {
            return false;
        };
        let digest = TargetDigest::of_output(&self.desired.owner, &pool.name, &one.identity, target);
        record.pool == pool.name
            && record.identity == one.identity
            && record.digest == digest
            && !record.released
            && !record.kept
    }
}
