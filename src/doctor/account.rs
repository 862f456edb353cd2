//! Credentials, their identity, and the region.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};

use super::{Check, Found, UnderWay};
use crate::aws::Connect;
use crate::medialive::{CallErrorKind, Home};
use crate::plan::waiting::Approximately;

/// Credentials that end sooner than this and are not renewed by themselves are worth a warning.
const SOON: SignedDuration = SignedDuration::from_mins(15);
/// Limit of one attempt to ask for the identity of the credentials.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Limit of all of them.
const CALL_LIMIT: Duration = Duration::from_secs(6);

/// How AWS is reached.
#[derive(Debug)]
pub struct Account {
    /// Credentials and region.
    pub connect: Connect,
    /// Whether the credentials are made up, for an endpoint on this machine.
    pub made_up: bool,
    /// The flag or variable that names the region, where one does.
    pub region_named_by: Option<&'static str>,
    /// How to ask for the identity of the credentials; `None` where no service can be asked.
    pub identity: Option<Connect>,
}

pub(super) async fn examine(account: Option<&Account>, now: Timestamp, under_way: &UnderWay) -> Found {
    let Some(account) = account else {
        let what = "none needed: the emulator is inside this process";
        return Found {
            checks: vec![Check::ok("credentials", what)],
            home: None,
        };
    };
    let config = match under_way.wait_for("credentials", account.connect.config()).await {
        Ok(config) => config,
        Err(late) => {
            let fix = "look at the AWS profile: its source of credentials does not answer";
            return Found {
                checks: vec![Check::failed("credentials", late, fix)],
                home: None,
            };
        }
    };
    let region = config.region().map(ToString::to_string);
    let (credentials, identity) = tokio::join!(
        credentials(&config, account.made_up, now, under_way),
        identity(account.identity.as_ref(), region.as_deref(), under_way)
    );
    let (identity, home) = identity.unzip();
    let region = region_check(region.as_deref(), account);
    Found {
        checks: [Some(credentials), identity, Some(region)]
            .into_iter()
            .flatten()
            .collect(),
        home: home.flatten(),
    }
}

async fn credentials(config: &SdkConfig, made_up: bool, now: Timestamp, under_way: &UnderWay) -> Check {
    const NAME: &str = "credentials";
    if made_up {
        return Check::ok(NAME, "made up: an endpoint on this machine asks for none");
    }
    let Some(provider) = config.credentials_provider() else {
        return missing(CallErrorKind::CredentialsMissing.to_string());
    };
    match under_way.wait_for(NAME, provider.provide_credentials()).await {
        Err(late) => missing(late.to_string()),
        Ok(Err(error)) => {
            let (kind, why) = CallErrorKind::of_credentials(&error);
            let why = if why.is_empty() { why } else { format!(": {why}") };
            Check::failed(NAME, format!("{kind}{why}"), kind.fix())
        }
        Ok(Ok(credentials)) => of(&credentials, now),
    }
}

fn missing(what: String) -> Check {
    Check::failed("credentials", what, CallErrorKind::CredentialsMissing.fix())
}

/// Where `credentials` come from, and how long they last.
fn of(credentials: &Credentials, now: Timestamp) -> Check {
    const NAME: &str = "credentials";
    let (from, renewed) = origin(credentials);
    let what = format!("access key {}{from}", masked(credentials.access_key_id()));
    let expiry = credentials
        .expiry()
        .and_then(|at| Timestamp::try_from(at).ok())
        .map(|at| at.duration_since(now));
    let left = |left: SignedDuration| Approximately(left.unsigned_abs());
    match expiry {
        Some(over) if over.is_negative() => Check::failed(
            NAME,
            format!("{what}; they ended {} ago", left(over)),
            CallErrorKind::CredentialsExpired.fix(),
        ),
        Some(soon) if soon < SOON && !renewed => Check::warning(
            NAME,
            format!("{what}; they end in {}", left(soon)),
            "renew them, or use some that renew themselves",
        ),
        Some(_) if renewed => Check::ok(NAME, format!("{what}; renewed by themselves")),
        Some(later) => Check::ok(NAME, format!("{what}; they end in {}", left(later))),
        None if credentials.session_token().is_some() => {
            Check::ok(NAME, format!("{what}; temporary; their expiry is not known"))
        }
        None => Check::ok(NAME, what),
    }
}

/// Where credentials come from, in words that follow them, and whether the SDK gets new ones by itself.
fn origin(credentials: &Credentials) -> (&'static str, bool) {
    let features = credentials.get_property::<Vec<Feature>>();
    let mut features = features.into_iter().flatten();
    let origin = features.find_map(|feature| match feature {
        Feature::CredentialsEnvVars => Some((" from the environment", false)),
        Feature::CredentialsEnvVarsStsWebIdToken
        | Feature::CredentialsProfileStsWebIdToken
        | Feature::CredentialsStsAssumeRoleWebId => Some((" from a web identity token", true)),
        Feature::CredentialsHttp => Some((" from the container's role", true)),
        Feature::CredentialsImds => Some((" from the instance's role", true)),
        Feature::CredentialsProfileSso | Feature::CredentialsSso => Some((" from AWS SSO", false)),
        Feature::CredentialsProfileProcess | Feature::CredentialsProcess => {
            Some((" from credential_process of the AWS profile", true))
        }
        Feature::CredentialsProfileSourceProfile | Feature::CredentialsStsAssumeRole => {
            Some((" from a role that the AWS profile assumes", true))
        }
        Feature::CredentialsProfile => Some((" from the AWS profile", false)),
        _ => None,
    });
    origin.unwrap_or(("", false))
}

/// `AKIA…XYZ`.
fn masked(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    if letters.len() < 12 {
        return "…".to_owned();
    }
    let (first, last) = (&letters[..4], &letters[letters.len() - 3..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// The identity of the credentials, and the account; `None` where no service can be asked.
async fn identity(
    connect: Option<&Connect>,
    region: Option<&str>,
    under_way: &UnderWay,
) -> Option<(Check, Option<Home>)> {
    const NAME: &str = "identity";
    let (connect, region) = (connect?, region?);
    let asked = under_way.wait_for(NAME, async { caller(&connect.config().await).await });
    Some(match asked.await {
        Ok(Ok(arn)) => {
            let home = Home::of_arn(&arn).map(|home| Home {
                region: region.to_owned(),
                ..home
            });
            (Check::ok(NAME, arn), home)
        }
        Ok(Err(
            kind @ (CallErrorKind::CredentialsExpired
            | CallErrorKind::CredentialsInvalid
            | CallErrorKind::ClockOff),
        )) => (Check::failed(NAME, kind, kind.fix()), None),
        Ok(Err(kind)) => (
            Check::unknown(NAME, format!("STS GetCallerIdentity: {kind}"), ""),
            None,
        ),
        Err(late) => (
            Check::unknown(NAME, format!("STS GetCallerIdentity: {late}"), ""),
            None,
        ),
    })
}

/// The ARN of the identity that has the credentials. Needs no permission.
async fn caller(config: &SdkConfig) -> Result<String, CallErrorKind> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT)
        .build();
    let config = aws_sdk_sts::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    let client = aws_sdk_sts::Client::from_conf(config.build());
    let answer = client.get_caller_identity().send().await;
    let answer = answer.map_err(|error| CallErrorKind::of(&error))?;
    answer.arn().map(str::to_owned).ok_or(CallErrorKind::BadAnswer)
}

fn region_check(region: Option<&str>, account: &Account) -> Check {
    const NAME: &str = "region";
    match (region, account.region_named_by) {
        (Some(region), Some(name)) => Check::ok(NAME, format!("{region}, named by {name}")),
        (Some(region), None) if account.made_up => Check::ok(
            NAME,
            format!("{region}, made up: an endpoint on this machine has none"),
        ),
        (Some(region), None) => Check::ok(NAME, format!("{region}, from the AWS profile or the instance")),
        (None, _) => Check::failed(
            NAME,
            "no AWS region is set",
            "set --region, AWS_REGION, or region in the AWS profile",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckOutcome;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn credentials(ends_in_seconds: Option<u64>, feature: Feature) -> Credentials {
        let mut builder = Credentials::builder()
            .access_key_id("AKIAIOSFODNN7EXAMPLE")
            .secret_access_key("wJalrXUtnFEMI-CANARY")
            .provider_name("test");
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        builder.set_expiry(ends_in_seconds.map(|seconds| epoch + Duration::from_secs(seconds)));
        let mut credentials = builder.build();
        credentials.set_property(vec![feature]);
        credentials
    }

    #[test]
    fn credentials_show_origin_and_expiry_and_no_secret() {
        let of = |seconds, feature| super::of(&credentials(seconds, feature), NOW);
        let check = of(None, Feature::CredentialsEnvVars);
        assert_eq!(check.what, "access key AKIA…PLE from the environment");
        assert_eq!(check.outcome, CheckOutcome::Ok);
        let check = of(Some(300), Feature::CredentialsProfileSso);
        assert_eq!(check.what, "access key AKIA…PLE from AWS SSO; they end in 5 min");
        assert_eq!(check.outcome, CheckOutcome::Warning);
        let check = of(Some(300), Feature::CredentialsImds);
        assert_eq!(check.outcome, CheckOutcome::Ok, "{check:?}");
        let late = credentials(Some(300), Feature::CredentialsEnvVars);
        let check = super::of(&late, NOW + SignedDuration::from_mins(10));
        assert_eq!(check.outcome, CheckOutcome::Failed);
        assert!(check.what.ends_with("they ended 5 min ago"), "{check:?}");
    }

    #[test]
    fn a_short_access_key_is_not_shown_at_all() {
        assert_eq!(masked("emulator"), "…");
    }
}
