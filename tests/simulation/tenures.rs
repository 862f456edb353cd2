//! Of several processes only the one that holds the lease writes, and says so.

use std::collections::BTreeMap;

use slotwise::testing::emulator::Call;

use super::leases::SharedRow;

/// The writers and their tenures.
pub(super) struct Tenures {
    /// The row that the processes contend for.
    row: SharedRow,
    /// The holder named by the last call.
    last: Option<String>,
    /// The writer of each epoch of the lease.
    epochs: BTreeMap<u64, String>,
}

impl Tenures {
    pub(super) fn new(row: SharedRow) -> Self {
        Self {
            row,
            last: None,
            epochs: BTreeMap::new(),
        }
    }

    /// The holder and epoch named by the last call.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Takes note of the caller. Whether it is another one than before.
    pub(super) fn change_with(&mut self, call: &Call) -> bool {
        let stamp = call.user_agent.as_deref().and_then(stamp);
        let is_another = self.last.as_deref() != stamp;
        self.last = stamp.map(str::to_owned);
        is_another
    }

    /// Whether the last call, which was this one, was made by the holder of the lease.
    pub(super) fn check(&mut self, call: &Call) -> Result<(), String> {
        let row = self.row.lock().unwrap().clone();
        let holds = row.and_then(|row| Some(format!("{}.{}", row.holder?, row.epoch)));
        if self.last.is_none() || self.last != holds {
            return Err(format!(
                "{} is made by {:?} while {holds:?} holds the lease",
                call.operation, self.last
            ));
        }
        let (holder, epoch) = self
            .last
            .as_deref()
            .and_then(|stamp| stamp.rsplit_once('.'))
            .unwrap();
        let epoch: u64 = epoch.parse().unwrap();
        let of = self.epochs.entry(epoch).or_insert_with(|| holder.to_owned());
        if of != holder {
            return Err(format!("{of} and {holder} both write in epoch {epoch}"));
        }
        match self.epochs.last_key_value() {
            Some((last, _)) if *last > epoch => {
                Err(format!("{holder} writes in epoch {epoch}, which has ended"))
            }
            _ => Ok(()),
        }
    }
}

/// The holder and epoch that a call names.
fn stamp(user_agent: &str) -> Option<&str> {
    let (_, rest) = user_agent.split_once("md/slotwise-lease#")?;
    rest.split_whitespace().next()
}
