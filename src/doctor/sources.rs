//! Channels in front of RouterPools: `spec.source.channel`.

use std::collections::BTreeMap;

use super::make::{self, Front};
use super::{Check, TookTooLong, UnderWay};
use crate::medialive::{ChannelDocument, MediaLive};
use crate::model::{ChannelId, Desired, PoolName, RouterPool};
use crate::service::{CallError, CallErrorKind};

/// What a look at a channel gave.
type Looked = Result<Result<ChannelDocument, CallError>, TookTooLong>;

/// What was found of the channels in front.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) checks: Vec<Check>,
    /// Those that a router input can take.
    pub(super) fronts: BTreeMap<ChannelId, Front>,
}

/// Looks at the channel in front of every RouterPool that names one; `medialive` is `None` where that is of no use.
pub(super) async fn examine(
    desired: Option<&Desired>,
    medialive: Option<&MediaLive>,
    under_way: &UnderWay,
) -> Sources {
    let pools = desired.into_iter().flat_map(|desired| desired.routers.values());
    let named = pools.filter_map(|pool: &RouterPool| Some((&pool.name, pool.source.as_ref()?)));
    let mut sources = Sources::default();
    for (pool, channel) in named {
        let Some(medialive) = medialive else {
            let why = "not looked at, since channels cannot be listed";
            sources.checks.push(Check::unknown(name(pool), why, ""));
            continue;
        };
        let looked = under_way
            .wait_for("channels in front", medialive.describe(channel))
            .await;
        if let Ok(Ok(document)) = &looked
            && let Some(feed) = document.router_feeds().first().cloned()
        {
            let arn = document.summary.arn.to_string();
            sources.fronts.insert(channel.clone(), Front { arn, feed });
        }
        sources.checks.push(check(pool, channel, &looked));
    }
    sources
}

fn name(pool: &PoolName) -> String {
    format!("source of {pool}")
}

fn check(pool: &PoolName, channel: &ChannelId, looked: &Looked) -> Check {
    let document = match looked {
        Ok(Ok(document)) => document,
        Ok(Err(error)) if error.kind == CallErrorKind::NotFound => {
            let what = format!("MediaLive knows no channel {channel}");
            let fix = format!("correct spec.source.channel of pool {pool}, or check the account and region");
            return Check::failed(name(pool), what, fix);
        }
        Ok(Err(error)) if error.kind == CallErrorKind::Denied => {
            let fix = "allow medialive:DescribeChannel, as manifests/iam-policy.json does";
            return Check::failed(name(pool), error.said(), fix);
        }
        Ok(Err(error)) => return Check::unknown(name(pool), error.said(), error.kind.fix()),
        Err(late) => return Check::unknown(name(pool), late, ""),
    };
    if document.router_feeds().is_empty() {
        let what = format!(
            "channel {channel} has no MediaConnect Router output group, so that the input gets nothing"
        );
        let fix = format!("give channel {channel} one, or correct spec.source.channel of pool {pool}");
        let region = document.summary.arn.split(':').nth(3).unwrap_or_default();
        return Check::failed(name(pool), what, fix).by(make::router_group(channel, region));
    }
    Check::ok(
        name(pool),
        format!("channel {channel} is {}", document.summary.state),
    )
}
