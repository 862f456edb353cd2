//! Grants in the row: `grants.NAME = {id, identity, by, taken, outcome, message}`.
//!
//! ```text
//!   apply    writes {id, identity, by}, if the holder is the one that it saw; looks each second
//!   holder   finds it in the answer to its next renewal; writes taken, then outcome and message; removes it
//! ```

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder as UpdateItem;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::grants::{GrantOutcome, Grantee, HandError, Handed, Mailbox, Progress};
use super::{Item, LeaseRow, is_refused, number, parse, text};
use crate::model::{DestinationName, Identity};

/// Grants in a row at once: a row is read and written with each renewal.
const GRANTS_MAX: usize = 16;
/// How often the giver of a grant looks for its outcome.
const GRANT_LOOK: Duration = Duration::from_secs(1);
/// How long the end of a grant stays in the row for its giver.
const END_SHOWN_FOR: Duration = Duration::from_secs(30);
/// How often the holder tries to write the progress of a grant, each time after [`GRANT_LOOK`].
const REPORT_TRIES: u32 = 5;

/// Grants in the row on their way to the controller of this process.
#[derive(Debug)]
pub(super) struct Delivery {
    mailbox: Arc<Mailbox>,
    /// Ids of those that were handed on and are still in the row.
    known: Mutex<BTreeSet<String>>,
    /// One task for each, which writes its progress into the row.
    couriers: Mutex<JoinSet<()>>,
}

/// A grant that was written into a row.
#[derive(Debug)]
pub(in super::super) struct GrantOnRow {
    row: LeaseRow,
    name: String,
    id: String,
    seen: Progress,
}

impl LeaseRow {
    /// Leaves grants for the holder in `mailbox`, while this process is the holder.
    pub(in super::super) fn delivering_to(self, mailbox: Arc<Mailbox>) -> Self {
        let delivery = Delivery {
            mailbox,
            known: Mutex::default(),
            couriers: Mutex::default(),
        };
        Self {
            delivery: Some(Arc::new(delivery)),
            ..self
        }
    }

    /// Hands what is new in `item` on.
    pub(super) fn deliver(&self, delivery: &Arc<Delivery>, item: &Item) {
        let none = Item::new();
        let grants = item.get("grants").and_then(|grants| grants.as_m().ok());
        let grants = grants.unwrap_or(&none);
        let ids = grants.values().filter_map(|grant| field(grant, "id"));
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        let mut known = delivery.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id| ids.contains(id));
        for (name, grant) in grants {
            let Some(id) = field(grant, "id").filter(|_| field(grant, "outcome").is_none()) else {
                continue;
            };
            if known.contains(id) {
                continue;
            }
            let by = field(grant, "by").unwrap_or("an unknown user");
            // An earlier version wrote none: the identity of what a file declares is its name.
            let grantee = Grantee {
                name: DestinationName::new(name),
                identity: Identity::new(field(grant, "identity").unwrap_or(name)),
            };
            let (handed, followed) = Handed::new(grantee, by);
            if delivery.mailbox.offer(handed) {
                known.insert(id.to_owned());
                let courier = Courier {
                    row: Self {
                        delivery: None,
                        ..self.clone()
                    },
                    name: name.clone(),
                    id: id.to_owned(),
                };
                let mut couriers = delivery.couriers.lock().unwrap_or_else(PoisonError::into_inner);
                while couriers.try_join_next().is_some() {}
                couriers.spawn(courier.run(followed));
            }
        }
    }

    /// Writes a grant for `grantee` into the row, for `holder` in `epoch`.
    pub(in super::super) async fn hand(
        &self,
        holder: &str,
        epoch: u64,
        grantee: &Grantee,
        by: &str,
    ) -> Result<GrantOnRow, HandError> {
        const OPERATION: &str = "UpdateItem";
        let name = &grantee.name;
        let to_holder = |call: UpdateItem, condition: &str| {
            call.condition_expression(format!("#holder = :holder AND #epoch = :epoch AND {condition}"))
                .expression_attribute_names("#holder", "holder")
                .expression_attribute_names("#epoch", "epoch")
                .expression_attribute_names("#grants", "grants")
                .expression_attribute_values(":holder", text(holder))
                .expression_attribute_values(":epoch", number(epoch))
        };
        let make = to_holder(self.update(), "attribute_not_exists(#grants)")
            .update_expression("SET #grants = :none")
            .expression_attribute_values(":none", AttributeValue::M(HashMap::new()));
        match make.send().await {
            Ok(_) => {}
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(self.classify(OPERATION, &error).into()),
        }
        let random = RandomState::new();
        let id = format!(
            "{:016x}",
            random.hash_one((std::process::id(), name.as_str(), by))
        );
        let grant = [
            ("id", text(&id)),
            ("identity", text(grantee.identity.as_str())),
            ("by", text(by)),
        ];
        let grant = grant.map(|(field, value)| (field.to_owned(), value)).into();
        let free = "size(#grants) < :max \
                    AND (attribute_not_exists(#grants.#name) OR attribute_exists(#grants.#name.#outcome))";
        let add = to_holder(self.update(), free)
            .update_expression("SET #grants.#name = :grant")
            .expression_attribute_names("#name", name.as_str())
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_values(":max", AttributeValue::N(GRANTS_MAX.to_string()))
            .expression_attribute_values(":grant", AttributeValue::M(grant));
        match add.send().await {
            Ok(_) => Ok(GrantOnRow {
                row: self.clone(),
                name: name.to_string(),
                id,
                seen: Progress::Waiting,
            }),
            Err(error) if is_refused(&error) => Err(self.why_refused(holder, epoch, name).await),
            Err(error) => Err(self.classify(OPERATION, &error).into()),
        }
    }

    async fn why_refused(&self, holder: &str, epoch: u64, name: &DestinationName) -> HandError {
        let item = match self.item().await {
            Ok(item) => item.unwrap_or_default(),
            Err(error) => return error.into(),
        };
        let is_same =
            parse(&item).is_ok_and(|row| row.holder.as_deref() == Some(holder) && row.epoch == epoch);
        let grants = item.get("grants").and_then(|grants| grants.as_m().ok());
        match grants.and_then(|grants| grants.get(name.as_str())) {
            _ if !is_same => HandError::HolderGone,
            Some(other) => HandError::Refused(format!(
                "one for {name} by {} is under way",
                field(other, "by").unwrap_or("an unknown user")
            )),
            None => HandError::Refused(format!("it has {GRANTS_MAX} grants already")),
        }
    }
}

/// Writes the progress of one grant into the row.
struct Courier {
    row: LeaseRow,
    name: String,
    id: String,
}

impl Courier {
    /// Until the grant has ended and its end was shown.
    async fn run(self, mut followed: mpsc::Receiver<Progress>) {
        // Ends with the grant: its sender is gone then.
        while let Some(progress) = followed.recv().await {
            self.write(&progress).await;
            if matches!(progress, Progress::Ended { .. }) {
                sleep(END_SHOWN_FOR).await;
                // Where this fails it goes with the next holder.
                let remove = self.update().update_expression("REMOVE #grants.#name");
                remove.send().await.ok();
                return;
            }
        }
    }

    async fn write(&self, progress: &Progress) {
        for _ in 0..REPORT_TRIES {
            let call = match progress {
                Progress::Waiting => return,
                Progress::Taken { by } => self
                    .update()
                    .update_expression("SET #grants.#name.#taken = :by")
                    .expression_attribute_names("#taken", "taken")
                    .expression_attribute_values(":by", text(by)),
                Progress::Ended { outcome, message } => self
                    .update()
                    .update_expression(
                        "SET #grants.#name.#outcome = :outcome, #grants.#name.#message = :message",
                    )
                    .expression_attribute_names("#outcome", "outcome")
                    .expression_attribute_names("#message", "message")
                    .expression_attribute_values(":outcome", text(outcome.code()))
                    .expression_attribute_values(":message", text(message)),
            };
            match call.send().await {
                Ok(_) => return,
                Err(error) if is_refused(&error) => return,
                Err(_) => sleep(GRANT_LOOK).await,
            }
        }
    }

    /// A request that concerns this grant and no later one for the same destination.
    fn update(&self) -> UpdateItem {
        let call = self.row.update().condition_expression("#grants.#name.#id = :id");
        call.expression_attribute_names("#grants", "grants")
            .expression_attribute_names("#name", &self.name)
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":id", text(&self.id))
    }
}

impl GrantOnRow {
    /// Its next progress.
    pub(in super::super) async fn next(&mut self) -> Result<Progress, HandError> {
        loop {
            let item = match self.row.item().await {
                Ok(item) => item.unwrap_or_default(),
                Err(error) if error.kind.is_lasting() => return Err(error.into()),
                // The grant is there all the same.
                Err(_) => {
                    sleep(GRANT_LOOK).await;
                    continue;
                }
            };
            let now = self.read(&item).ok_or(HandError::HolderGone)?;
            if now != self.seen {
                self.seen = now.clone();
                return Ok(now);
            }
            sleep(GRANT_LOOK).await;
        }
    }

    /// The progress since the last look; `None` where the grant is no longer in the row.
    fn read(&self, item: &Item) -> Option<Progress> {
        let grant = item.get("grants")?.as_m().ok()?.get(&self.name)?;
        if field(grant, "id")? != self.id {
            return None;
        }
        let taken = field(grant, "taken").map(|by| Progress::Taken { by: by.to_owned() });
        if let (Progress::Waiting, Some(taken)) = (&self.seen, &taken) {
            return Some(taken.clone());
        }
        if let Some(outcome) = field(grant, "outcome") {
            return Some(Progress::Ended {
                outcome: GrantOutcome::of_code(outcome).unwrap_or(GrantOutcome::Waits),
                message: field(grant, "message").unwrap_or_default().to_owned(),
            });
        }
        Some(taken.unwrap_or(Progress::Waiting))
    }
}

fn field<'a>(grant: &'a AttributeValue, name: &str) -> Option<&'a str> {
    grant.as_m().ok()?.get(name)?.as_s().ok().map(String::as_str)
}
