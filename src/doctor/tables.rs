//! Tables of destinations, and the one of the lease.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::problems::problem_checks;
use super::{Check, TookTooLong, UnderWay};
use crate::manifest::table::{DestinationTable, StatusLayout, TablePlace};
use crate::manifest::{Problem, Severity};
use crate::model::OwnerId;
use crate::plan::waiting::Approximately;
use crate::store::dynamodb::{Access, KEY, Look, TableClient, TableError, TableErrorKind};
use crate::words::counted;

/// The checks of each of `tables`, whose items have `problems`.
pub(super) async fn examine(
    tables: &[(Arc<DestinationTable>, Look)],
    problems: &[&Problem],
    access: &Access,
    under_way: &UnderWay,
) -> Vec<Check> {
    let mut asking = JoinSet::new();
    for (number, (table, look)) in tables.iter().enumerate() {
        let (table, look) = (Arc::clone(table), look.clone());
        let (access, under_way) = (access.clone(), under_way.clone());
        asking.spawn(async move {
            let name = table.place.to_string();
            let asked = under_way.wait_for(&name, ask(&table, &look, &access)).await;
            (number, asked)
        });
    }
    let mut asked: Vec<(usize, Result<Vec<Check>, TookTooLong>)> = Vec::new();
    while let Some(joined) = asking.join_next().await {
        asked.extend(joined);
    }
    asked.sort_by_key(|(number, _)| *number);
    let mut checks = Vec::new();
    for (number, asked) in asked {
        let (table, look) = &tables[number];
        let file = table.place.file();
        let of_table: Vec<&Problem> = problems
            .iter()
            .copied()
            .filter(|problem| problem.location.file == file)
            .collect();
        checks.extend(look_checks(table, look, &of_table));
        match asked {
            Ok(asked) => checks.extend(asked),
            Err(late) => checks.push(Check::unknown(&table.place, late, "")),
        }
    }
    checks
}

/// What the look at the items gave.
fn look_checks(table: &DestinationTable, look: &Look, problems: &[&Problem]) -> Vec<Check> {
    let name = table.place.to_string();
    if let Some(error) = &look.failed {
        return vec![refused(&name, error)];
    }
    let Some(rows) = &look.rows else {
        let fix = "check region and endpoint of the table, and the network";
        return vec![Check::failed(name, TookTooLong, fix)];
    };
    let mut what = format!("can be read, {}", counted(rows.all.len(), "item"));
    let invalid = problems.iter().filter(|one| one.severity == Severity::Error);
    let invalid: std::collections::BTreeSet<_> = invalid.map(|problem| &problem.object).collect();
    if !invalid.is_empty() {
        what = format!("{what}, {} of them not valid", invalid.len());
    }
    let mut checks = vec![Check::ok(&name, what)];
    checks.extend(problem_checks(&name, problems));
    checks
}

/// What only the table itself can answer: how soon changes are seen, and whether a status can be written.
async fn ask(table: &DestinationTable, look: &Look, access: &Access) -> Vec<Check> {
    let mut checks = Vec::new();
    if look.failed.is_some() || look.rows.is_none() {
        return checks;
    }
    let client = access.table(&table.place).await;
    checks.extend(stream(&client, table).await);
    if let Some(layout) = &table.status {
        checks.extend(status(&client, table, layout).await);
    }
    checks
}

async fn stream(client: &TableClient, table: &DestinationTable) -> Option<Check> {
    let name = table.place.to_string();
    let slowly = format!("changes are seen every {}", Approximately(table.poll));
    let arn = match client.describe().await {
        Ok(description) => description.stream,
        Err(error) => return Some(refused(&name, &error)),
    };
    let Some(arn) = arn else {
        return Some(Check::ok(name, format!("no stream: {slowly}")));
    };
    Some(match client.may_follow(&arn).await {
        Ok(()) => Check::ok(name, "stream followed: changes are seen within about 1 s"),
        Err(error) => Check::warning(name, format!("stream: {error}, so {slowly}"), error.fix()),
    })
}

async fn status(client: &TableClient, table: &DestinationTable, layout: &StatusLayout) -> Option<Check> {
    let name = table.place.to_string();
    let attribute = layout.attributes().next()?;
    let ended = match client.key().await {
        Ok(key) => client.may_update(&key, attribute).await,
        Err(error) => Err(error),
    };
    Some(match ended {
        Ok(()) => Check::ok(name, "statuses can be written"),
        Err(error) => refused(&name, &error),
    })
}

fn refused(name: &str, error: &TableError) -> Check {
    Check::failed(name, error, error.fix())
}

/// What is to be said of the table of the lease.
pub(super) async fn lease(
    table: Option<&str>,
    access: &Access,
    owner: &OwnerId,
    under_way: &UnderWay,
) -> Option<Check> {
    let table = table?;
    let name = format!("lease table {table}");
    let place = TablePlace {
        table: table.to_owned(),
        region: None,
        endpoint: None,
    };
    let asked = under_way.wait_for(&name, async {
        let client = access.table(&place).await;
        match client.may_lease(owner.as_str()).await {
            Err(error) if error.kind == TableErrorKind::Invalid => Err((error, client.key().await.ok())),
            Err(error) => Err((error, None)),
            Ok(()) => Ok(()),
        }
    });
    let fix = format!("make one: slotwise table create --lease {table}");
    Some(match asked.await {
        Ok(Ok(())) => Check::ok(name, "there, with the right key; can be read and written"),
        Ok(Err((error, None))) if error.kind == TableErrorKind::NoTable => Check::failed(name, error, fix),
        Ok(Err((error, None))) => refused(&name, &error),
        Ok(Err((_, Some(key)))) => {
            let parts = key
                .iter()
                .map(|part| format!("{} ({})", part.attribute, part.kind));
            let parts: Vec<String> = parts.collect();
            let what = format!(
                "its key is {}, and a lease needs {KEY} (S) and nothing else",
                parts.join(" and ")
            );
            Check::failed(name, what, "make another one: slotwise table create --lease NAME")
        }
        Err(late) => Check::failed(name, late, "check the region and the network"),
    })
}
