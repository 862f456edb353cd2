//! MediaLive: whether it answers, what its clock shows, what is allowed, how many channels there may be.

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use super::{Check, UnderWay};
use crate::controller::Clock;
use crate::medialive::{
    CallError, CallErrorKind, Home, MediaLive, NoRehearsal, OWNER_TAG, Rehearsal, Summary,
};
use crate::model::tag::{SLOT_TAG_PREFIX, TAKEOVER_TAG};
use crate::model::{ChannelId, OwnerId};
use crate::plan::waiting::Approximately;

/// A clock that is this far off is worth a warning.
const SKEW_WARNING: SignedDuration = SignedDuration::from_mins(1);
/// A clock that is this far off is about to be refused: AWS takes no signature that is more than 5 min off (IAM User
/// Guide, "Signing AWS API requests").
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(4);

/// Channels per region, unless Service Quotas says otherwise (MediaLive User Guide, quotas).
const QUOTA: usize = 5;

const LIST: &str = "ListChannels";
const DESCRIBE: &str = "DescribeChannel";
const ADOPT: &str = "CreateTags";

/// What was found of the service, and what the further checks need.
pub(super) struct Service {
    pub(super) checks: Vec<Check>,
    channels: Option<Vec<Summary>>,
    rehearsal: Option<Rehearsal>,
}

pub(super) async fn examine(
    medialive: Option<&MediaLive>,
    endpoint: Option<&str>,
    is_embedded: bool,
    clock: &Clock,
    under_way: &UnderWay,
) -> Service {
    let Some(medialive) = medialive else {
        let check = Check::unknown(
            "medialive",
            "not asked, since no region is set",
            "set the region first",
        );
        return Service::alone(vec![check]);
    };
    let asked_at = clock.now();
    let (date, list) = tokio::join!(
        under_way.wait_for("clock", medialive.date()),
        under_way.wait_for(LIST, medialive.list())
    );
    let middle = halfway(asked_at, clock.now());
    let mut checks = Vec::new();
    if !is_embedded {
        checks.push(clock_check(date.ok().flatten().as_deref(), middle));
    }
    let channels = match list {
        Ok(Ok(channels)) => {
            checks.push(Check::ok(LIST, "allowed"));
            Some(channels)
        }
        Ok(Err(error)) => {
            checks.push(refused(LIST, &error, endpoint));
            if !error.kind.is_of_the_channel() {
                let why = format!("not asked, since MediaLive does not answer: {}", error.kind);
                checks.push(Check::unknown("permissions", why, ""));
                return Service::alone(checks);
            }
            None
        }
        Err(late) => {
            checks.push(Check::failed(LIST, late, where_to_look(endpoint)));
            return Service::alone(checks);
        }
    };
    let (findings, rehearsal) = rehearsal(medialive, channels.as_deref(), endpoint, under_way).await;
    checks.extend(findings);
    Service {
        checks,
        channels,
        rehearsal,
    }
}

/// What every call that changes something needs, where it is available.
async fn rehearsal(
    medialive: &MediaLive,
    channels: Option<&[Summary]>,
    endpoint: Option<&str>,
    under_way: &UnderWay,
) -> (Vec<Check>, Option<Rehearsal>) {
    let had = under_way.wait_for(DESCRIBE, medialive.rehearsal()).await;
    let why = match had {
        Ok(Ok(rehearsal)) => return (vec![Check::ok(DESCRIBE, "allowed")], Some(rehearsal)),
        Ok(Err(why)) => why,
        Err(late) => {
            let check = Check::unknown(DESCRIBE, late, "");
            return (vec![check, not_rehearsed(&late.to_string())], None);
        }
    };
    let described = describe(medialive, channels, &why, endpoint, under_way).await;
    let why = match &why {
        NoRehearsal::Call(error) => format!("DescribeChannel: {}", error.kind),
        exists @ NoRehearsal::Exists => exists.to_string(),
    };
    (vec![described, not_rehearsed(&why)], None)
}

fn not_rehearsed(why: &str) -> Check {
    let what = format!("whether channels may be updated, started, stopped and adopted is not tried: {why}");
    Check::unknown("changes", what, "")
}

impl Service {
    fn alone(checks: Vec<Check>) -> Self {
        Self {
            checks,
            channels: None,
            rehearsal: None,
        }
    }

    /// `medialive`, where it is worth looking at channels.
    pub(super) fn reached<'a>(&self, medialive: Option<&'a MediaLive>) -> Option<&'a MediaLive> {
        medialive.filter(|_| self.channels.is_some())
    }

    /// Where the channels are.
    pub(super) fn home(&self) -> Option<Home> {
        let channels = self.channels.iter().flatten();
        channels
            .map(|channel| &channel.arn)
            .find_map(|arn| Home::of_arn(arn))
    }

    /// Makes every call that changes something, for a channel that does not exist.
    pub(super) async fn rehearse(
        &self,
        home: Option<&Home>,
        owner: &OwnerId,
        under_way: &UnderWay,
    ) -> Rehearsed {
        let Some(rehearsal) = &self.rehearsal else {
            return Rehearsed::default();
        };
        let limited = under_way.wait_for("permissions", async {
            let tags = async {
                let home = home?;
                let (adopt, record, take_over, remove) = tokio::join!(
                    rehearsal.adopt(home, owner),
                    rehearsal.record(home, owner),
                    rehearsal.take_over(home, owner),
                    rehearsal.remove(home)
                );
                Some(Tags {
                    adopt,
                    record,
                    take_over,
                    remove,
                })
            };
            tokio::join!(rehearsal.update(), rehearsal.start(), rehearsal.stop(), tags)
        });
        let Ok((update, start, stop, tags)) = limited.await else {
            return Rehearsed::default();
        };
        Rehearsed {
            changes: vec![
                ("UpdateChannel", update),
                ("StartChannel", start),
                ("StopChannel", stop),
            ],
            tags,
        }
    }

    /// Whether the region takes `missing`, which pools name and which do not exist.
    pub(super) fn quota(&self, missing: &[ChannelId]) -> Option<Check> {
        const NAME: &str = "quota";
        let count = self.channels.as_ref()?.len();
        let what = format!("{count} of {QUOTA} channels by the default quota; Service Quotas shows yours");
        Some(if count > QUOTA {
            Check::ok(
                NAME,
                format!("{count} channels in the region, more than the default quota of {QUOTA}"),
            )
        } else if !missing.is_empty() && count + missing.len() > QUOTA {
            let fix = format!(
                "raise the quota before you make {}",
                match missing {
                    [one] => format!("channel {one}"),
                    more => format!("the {} channels that are missing", more.len()),
                }
            );
            Check::warning(NAME, what, fix)
        } else {
            Check::ok(NAME, what)
        })
    }
}

/// What the calls that change something ended in.
#[derive(Default)]
pub(super) struct Rehearsed {
    changes: Vec<(&'static str, Result<(), CallError>)>,
    tags: Option<Tags>,
}

/// What the calls that change tags ended in.
struct Tags {
    adopt: Result<(), CallError>,
    record: Result<(), CallError>,
    take_over: Result<(), CallError>,
    remove: Result<(), CallError>,
}

impl Rehearsed {
    /// As checks for `owner`, which `adopts` channels when it runs, or owns them all.
    pub(super) fn checks(&self, owner: &OwnerId, adopts: bool) -> Vec<Check> {
        let changes = self.changes.iter();
        let mut checks: Vec<Check> = changes
            .map(|(name, ended)| change_check(name, ended, owner))
            .collect();
        if let Some(tags) = &self.tags {
            checks.push(match &tags.record {
                Err(error) if error.kind == CallErrorKind::Denied && is_allowed(&tags.adopt) => {
                    record_check()
                }
                _ if is_allowed(&tags.adopt) && is_denied(&tags.take_over) => take_over_check(),
                _ => adopt_check(&tags.adopt, owner, adopts),
            });
            checks.push(remove_check(&tags.remove, owner));
        }
        checks
    }
}

/// Whether DescribeChannel is allowed, where the answer for a missing channel does not show it.
async fn describe(
    medialive: &MediaLive,
    channels: Option<&[Summary]>,
    why: &NoRehearsal,
    endpoint: Option<&str>,
    under_way: &UnderWay,
) -> Check {
    let NoRehearsal::Call(error) = why else {
        return Check::ok(DESCRIBE, "allowed");
    };
    // A policy may allow the channels that there are, and no other.
    let one = channels.and_then(<[Summary]>::first);
    let Some(one) = one.filter(|_| error.kind.is_of_the_channel()) else {
        return refused(DESCRIBE, error, endpoint);
    };
    match under_way.wait_for(DESCRIBE, medialive.describe(&one.id)).await {
        Ok(Ok(_)) => Check::ok(DESCRIBE, format!("allowed for channel {}", one.id)),
        Ok(Err(error)) => refused(DESCRIBE, &error, endpoint),
        Err(late) => Check::unknown(DESCRIBE, late, ""),
    }
}

/// A read that did not work.
fn refused(name: &str, error: &CallError, endpoint: Option<&str>) -> Check {
    let kind = match error.kind {
        // Every account has a list, so MediaLive does not answer this.
        CallErrorKind::NotFound if name == LIST => CallErrorKind::BadAnswer,
        kind => kind,
    };
    let what = match error.message.as_str() {
        "" => kind.to_string(),
        message => format!("{kind}: {message}"),
    };
    match kind {
        CallErrorKind::Denied => {
            let fix = format!("allow medialive:{name}, as manifests/iam-policy.json does");
            Check::failed(name, what, fix)
        }
        CallErrorKind::Unreachable | CallErrorKind::TimedOut | CallErrorKind::BadAnswer => {
            Check::failed(name, what, where_to_look(endpoint))
        }
        CallErrorKind::Throttled => Check::warning(name, what, kind.fix()),
        _ => Check::failed(name, what, kind.fix()),
    }
}

/// What to do where nothing answers, or not MediaLive.
fn where_to_look(endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("see what answers at {endpoint}"),
        None => CallErrorKind::Unreachable.fix().to_owned(),
    }
}

fn change_check(name: &str, ended: &Result<(), CallError>, owner: &OwnerId) -> Check {
    match ended {
        Err(error) if error.kind == CallErrorKind::NotFound => Check::ok(name, "allowed"),
        Err(error) if error.kind == CallErrorKind::Denied => Check::unknown(
            name,
            "denied for a channel that does not exist, as it is by a policy for tagged channels only",
            format!(
                "see that it allows medialive:{name} where {OWNER_TAG} is {owner}, as manifests/iam-policy.json does"
            ),
        ),
        Err(error) => Check::unknown(name, error.kind, error.kind.fix()),
        Ok(()) => Check::unknown(name, "answered as if a channel existed that does not", ""),
    }
}

/// Whether a tag can be hung on what does not exist is not documented; either way it was allowed.
fn is_allowed(ended: &Result<(), CallError>) -> bool {
    match ended {
        Ok(()) => true,
        Err(error) => error.kind == CallErrorKind::NotFound,
    }
}

fn is_denied(ended: &Result<(), CallError>) -> bool {
    matches!(ended, Err(error) if error.kind == CallErrorKind::Denied)
}

/// An older policy allows the owner tag and no other.
fn record_check() -> Check {
    Check::warning(
        ADOPT,
        "allowed for the owner tag, denied for tags of slots: what a slot holds is known by its target alone",
        format!(
            "allow medialive:{ADOPT} of {SLOT_TAG_PREFIX}* and {TAKEOVER_TAG}, as manifests/iam-policy.json does"
        ),
    )
}

/// One that is less old allows those of slots, too.
fn take_over_check() -> Check {
    Check::warning(
        ADOPT,
        "allowed for the owner tag and tags of slots, denied for that of takeovers: takeover: true waits",
        format!("allow medialive:{ADOPT} of {TAKEOVER_TAG}, as manifests/iam-policy.json does"),
    )
}

fn remove_check(ended: &Result<(), CallError>, owner: &OwnerId) -> Check {
    const NAME: &str = "DeleteTags";
    if is_allowed(ended) {
        return Check::ok(NAME, "allowed");
    }
    let check = change_check(NAME, ended, owner);
    if !ended
        .as_ref()
        .is_err_and(|error| error.kind == CallErrorKind::Denied)
    {
        return check;
    }
    let fix = format!(
        "see that it allows medialive:{NAME} of {SLOT_TAG_PREFIX}* and {TAKEOVER_TAG} where {OWNER_TAG} is {owner}, \
         as manifests/iam-policy.json does"
    );
    Check::unknown(NAME, check.what, fix)
}

fn adopt_check(ended: &Result<(), CallError>, owner: &OwnerId, adopts: bool) -> Check {
    let denied = "denied for a channel without an owner";
    let fix = format!("allow medialive:{ADOPT} of {OWNER_TAG} = {owner}, as manifests/iam-policy.json does");
    match ended {
        Err(error) if error.kind == CallErrorKind::Denied && adopts => Check::failed(ADOPT, denied, fix),
        Err(error) if error.kind == CallErrorKind::Denied => Check::warning(ADOPT, denied, fix),
        Err(error) if !is_allowed(ended) => Check::unknown(ADOPT, error.kind, error.kind.fix()),
        _ => Check::ok(ADOPT, "allowed"),
    }
}

fn halfway(from: Timestamp, to: Timestamp) -> Timestamp {
    from + to.duration_since(from) / 2
}

/// Whether this clock, which showed `here` when MediaLive's showed `date`, is right.
fn clock_check(date: Option<&str>, here: Timestamp) -> Check {
    const NAME: &str = "clock";
    const FIX: &str = "set it by NTP: AWS refuses signatures that are more than 5 min off";
    let Some(there) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()) else {
        return Check::unknown(NAME, "MediaLive did not say what time it is", "");
    };
    let skew = here.duration_since(there);
    let way = if skew.is_negative() { "behind" } else { "ahead of" };
    let what = format!(
        "{} {way} MediaLive's",
        Approximately(std::time::Duration::from_secs(skew.unsigned_abs().as_secs()))
    );
    if skew.abs() > SKEW_MAX {
        Check::failed(NAME, what, FIX)
    } else if skew.abs() > SKEW_WARNING {
        Check::warning(NAME, what, FIX)
    } else {
        Check::ok(NAME, "right")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckOutcome;

    fn clock_off_by(seconds: i64) -> Check {
        let there = Timestamp::from_second(1_795_489_833).unwrap();
        let here = there + SignedDuration::from_secs(seconds);
        clock_check(Some("Tue, 24 Nov 2026 03:10:33 GMT"), here)
    }

    #[test]
    fn a_clock_that_is_off_is_reported_before_signatures_are_refused() {
        for (seconds, outcome, what) in [
            (0, CheckOutcome::Ok, "right"),
            (-59, CheckOutcome::Ok, "right"),
            (90, CheckOutcome::Warning, "1 min 30 s ahead of MediaLive's"),
            (-90, CheckOutcome::Warning, "1 min 30 s behind MediaLive's"),
            (250, CheckOutcome::Failed, "4 min 10 s ahead of MediaLive's"),
            (-7200, CheckOutcome::Failed, "2 h behind MediaLive's"),
        ] {
            let check = clock_off_by(seconds);
            assert_eq!((check.outcome, &*check.what), (outcome, what), "{seconds}");
        }
    }

    #[test]
    fn without_a_date_the_clock_is_unknown() {
        for date in [None, Some(""), Some("yesterday")] {
            let check = clock_check(date, Timestamp::UNIX_EPOCH);
            assert_eq!(check.outcome, CheckOutcome::Unknown);
        }
    }

    fn error(kind: CallErrorKind) -> Result<(), CallError> {
        Err(CallError {
            operation: "StartChannel",
            subject: None,
            kind,
            message: String::new(),
        })
    }

    #[test]
    fn a_denied_change_proves_nothing_and_a_denied_adoption_does() {
        let owner = OwnerId::new("default");
        let change = |kind| change_check("StartChannel", &error(kind), &owner).outcome;
        assert_eq!(change(CallErrorKind::NotFound), CheckOutcome::Ok);
        assert_eq!(change(CallErrorKind::Denied), CheckOutcome::Unknown);
        assert_eq!(change(CallErrorKind::Throttled), CheckOutcome::Unknown);
        let adopt = |kind, adopts| adopt_check(&error(kind), &owner, adopts).outcome;
        assert_eq!(adopt(CallErrorKind::Denied, true), CheckOutcome::Failed);
        assert_eq!(adopt(CallErrorKind::Denied, false), CheckOutcome::Warning);
        assert_eq!(adopt(CallErrorKind::NotFound, true), CheckOutcome::Ok);
    }

    #[test]
    fn a_policy_that_allows_only_the_owner_tag_is_reported() {
        let owner = OwnerId::new("default");
        let checks = |adopt, record, take_over, remove| {
            let tags = Tags {
                adopt: error(adopt),
                record: error(record),
                take_over: error(take_over),
                remove: error(remove),
            };
            let rehearsed = Rehearsed {
                changes: Vec::new(),
                tags: Some(tags),
            };
            rehearsed.checks(&owner, true)
        };
        let all = checks(
            CallErrorKind::NotFound,
            CallErrorKind::NotFound,
            CallErrorKind::NotFound,
            CallErrorKind::NotFound,
        );
        assert!(
            all.iter().all(|check| check.outcome == CheckOutcome::Ok),
            "{all:?}"
        );
        let old = checks(
            CallErrorKind::NotFound,
            CallErrorKind::Denied,
            CallErrorKind::Denied,
            CallErrorKind::Denied,
        );
        assert_eq!(
            [old[0].outcome, old[1].outcome],
            [CheckOutcome::Warning, CheckOutcome::Unknown]
        );
        assert!(
            old.iter().all(|check| check.fix.contains("slotwise.dev/slot/*")),
            "{old:?}"
        );
        let less_old = checks(
            CallErrorKind::NotFound,
            CallErrorKind::NotFound,
            CallErrorKind::Denied,
            CallErrorKind::Denied,
        );
        assert_eq!(less_old[0].outcome, CheckOutcome::Warning);
        assert!(
            less_old[0].fix.contains("CreateTags of slotwise.dev/takeover"),
            "{less_old:?}"
        );
        let none = checks(
            CallErrorKind::Denied,
            CallErrorKind::Denied,
            CallErrorKind::Denied,
            CallErrorKind::Denied,
        );
        assert_eq!(
            none[0].outcome,
            CheckOutcome::Failed,
            "the owner tag matters more"
        );
    }

    #[test]
    fn the_quota_matters_where_channels_are_still_to_be_made() {
        let service = Service {
            channels: Some(Vec::new()),
            ..Service::alone(Vec::new())
        };
        let missing: Vec<ChannelId> = ["1", "2", "3", "4", "5", "6"].map(ChannelId::new).into();
        assert_eq!(service.quota(&missing[..5]).unwrap().outcome, CheckOutcome::Ok);
        assert_eq!(service.quota(&missing).unwrap().outcome, CheckOutcome::Warning);
        assert!(Service::alone(Vec::new()).quota(&missing).is_none());
    }
}
