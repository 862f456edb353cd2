//! Whatever can go wrong with a call, classified once, by code and never by text.

use std::cmp::Reverse;
use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws_credential_types::provider::error::CredentialsError;
use url::form_urlencoded;

use super::limiter::QueueFull;
use super::permit::TooLate;
use crate::aws::MissingProfile;
use crate::aws::http::too_large;
use crate::model::{ChannelId, RouterArn, Secret};

/// A call to a service that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{}", self.said(), after("; ", kind.fix()))]
pub struct CallError {
    /// The operation: `StartChannel`.
    pub operation: &'static str,
    /// On what; `None` for a list.
    pub subject: Option<Subject>,
    /// What went wrong.
    pub kind: CallErrorKind,
    /// What the service or the network said, with every URL cut down to its host. May be empty.
    pub message: String,
}

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A MediaLive channel.
    Channel(ChannelId),
    /// A MediaConnect router output, router input or router network interface.
    Router(RouterArn),
}

impl From<&ChannelId> for Subject {
    fn from(id: &ChannelId) -> Self {
        Self::Channel(id.clone())
    }
}

impl From<&RouterArn> for Subject {
    fn from(arn: &RouterArn) -> Self {
        Self::Router(arn.clone())
    }
}

fn on(subject: Option<&Subject>) -> String {
    match subject {
        None => String::new(),
        Some(Subject::Channel(id)) => format!(" on channel {id}"),
        Some(Subject::Router(arn)) => format!(" on {arn}"),
    }
}

fn after(mark: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{mark}{text}")
    }
}

/// What went wrong, as far as it makes a difference to what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallErrorKind {
    /// 404, NotFoundException: there is no such thing.
    #[error("not found")]
    NotFound,
    /// 409, ConflictException: wrong state, or another caller changes it at this moment.
    #[error("its state does not allow it now")]
    Conflict,
    /// 400, 422: the service refuses the request as such.
    #[error("the request is refused")]
    Invalid,
    /// 420 of MediaConnect: the account has as many of them as it may have.
    #[error("the quota is reached")]
    QuotaExceeded,
    /// 429, or any of the throttling codes.
    #[error("too many requests")]
    Throttled,
    /// 403: the credentials lack a permission.
    #[error("access denied")]
    Denied,
    /// No credentials could be loaded.
    #[error("no usable AWS credentials")]
    CredentialsMissing,
    /// The profile that was named does not exist.
    #[error("no usable AWS credentials")]
    ProfileMissing,
    /// The session that the credentials are of is over.
    #[error("the session of the AWS credentials has expired")]
    CredentialsExpired,
    /// AWS does not know the credentials, or they do not fit together.
    #[error("the AWS credentials are not valid")]
    CredentialsInvalid,
    /// The signature's time is not AWS's.
    #[error("the clock of this machine is off, so AWS refuses what it signs")]
    ClockOff,
    /// Nothing answered.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// The leave to write ended before the call left, or too many calls wait; nothing was sent.
    #[error("not sent")]
    NotSent,
    /// No answer in time. The call may have had its effect.
    #[error("no answer in time")]
    TimedOut,
    /// 5xx. The call may have had its effect.
    #[error("the service failed")]
    Server,
    /// An answer that cannot be understood. The call may have had its effect.
    #[error("the answer cannot be understood")]
    BadAnswer,
}

impl CallErrorKind {
    /// Whether the call may have had its effect all the same, so that the channel must be looked at afresh.
    pub fn is_ambiguous(self) -> bool {
        matches!(
            self,
            Self::TimedOut | Self::Server | Self::BadAnswer | Self::Unreachable
        )
    }

    /// Whether it concerns the channel, or the output, of the call. The others could happen to any.
    pub fn is_of_the_channel(self) -> bool {
        !matches!(
            self,
            Self::QuotaExceeded | Self::Throttled | Self::Unreachable | Self::NotSent | Self::TimedOut
        ) && !self.is_of_credentials()
    }

    /// Whether AWS would have answered with other credentials, or at another time.
    pub fn is_of_credentials(self) -> bool {
        matches!(
            self,
            Self::CredentialsMissing
                | Self::ProfileMissing
                | Self::CredentialsExpired
                | Self::CredentialsInvalid
                | Self::ClockOff
        )
    }

    /// What an operator can do about it; empty where there is nothing but to wait.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Throttled => "the limit is the whole account's, so other tools count, too",
            Self::QuotaExceeded => "raise it in Service Quotas, or delete what is no longer needed",
            Self::Denied => "see manifests/iam-policy.json for the permissions that slotwise needs",
            Self::CredentialsMissing => {
                "set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run \
                 aws sso login"
            }
            Self::ProfileMissing => {
                "set AWS_PROFILE to one that exists, as aws configure list-profiles shows them, or make this one with \
                 aws configure --profile NAME"
            }
            Self::CredentialsExpired => {
                "renew it: aws sso login, or a new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
            }
            Self::CredentialsInvalid => {
                "compare AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those of the profile, with the account's; aws sts \
                 get-caller-identity tries them"
            }
            Self::ClockOff => {
                "set the clock, for example with timedatectl set-ntp true; AWS takes 5 min of difference"
            }
            Self::Unreachable => "check the network, the region and the endpoint URL",
            Self::NotFound
            | Self::Conflict
            | Self::Invalid
            | Self::NotSent
            | Self::TimedOut
            | Self::Server
            | Self::BadAnswer => "",
        }
    }

    /// Stable label, for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::CredentialsMissing => "credentials_missing",
            Self::ProfileMissing => "profile_missing",
            Self::CredentialsExpired => "credentials_expired",
            Self::CredentialsInvalid => "credentials_invalid",
            Self::ClockOff => "clock_off",
            Self::Unreachable => "unreachable",
            Self::NotSent => "not_sent",
            Self::TimedOut => "timed_out",
            Self::Server => "server",
            Self::BadAnswer => "bad_answer",
        }
    }

    /// By the code that AWS gives, whichever service; by the status where the code is unknown.
    pub fn of_code(code: &str, status: u16) -> Self {
        match code {
            "NotFoundException" | "ResourceNotFoundException" => Self::NotFound,
            "ConflictException" => Self::Conflict,
            "BadRequestException" | "UnprocessableEntityException" | "ValidationException" => Self::Invalid,
            "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded" => Self::Throttled,
            "ExpiredToken" | "ExpiredTokenException" => Self::CredentialsExpired,
            "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => Self::ClockOff,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::CredentialsInvalid,
            "ForbiddenException" | "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Self::Denied,
            "InternalServerError" | "InternalServiceError" | "InternalFailure" | "ServiceUnavailable" => {
                Self::Server
            }
            // RouterOutputServiceQuotaExceededException and its like of MediaConnect, one for each kind of resource.
            code if code.ends_with("ServiceQuotaExceededException") => Self::QuotaExceeded,
            _ => Self::of_status(status),
        }
    }

    /// What went wrong with a call to any service of AWS.
    pub fn of<E>(error: &SdkError<E, aws_smithy_runtime_api::http::Response>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let kind = Self::of_code(meta.code().unwrap_or(""), service.raw().status().as_u16());
                // One code for a wrong key and for a wrong time: only the text says which.
                match kind {
                    Self::CredentialsInvalid if is_of_the_time(meta.message().unwrap_or("")) => {
                        Self::ClockOff
                    }
                    kind => kind,
                }
            }
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::ResponseError(_) => Self::BadAnswer,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            other => dispatch(other).0,
        }
    }

    /// What went wrong with credentials, with details.
    pub fn of_credentials(error: &CredentialsError) -> (Self, String) {
        if let CredentialsError::CredentialsNotLoaded(_) = error {
            return (Self::CredentialsMissing, String::new());
        }
        // A provider was tried and failed; its cause says which and why.
        let cause = error.source();
        if let Some(missing) = cause.and_then(|cause| cause.downcast_ref::<MissingProfile>()) {
            return (Self::ProfileMissing, missing.to_string());
        }
        let why = cause.map(crate::error_chain).unwrap_or_default();
        // These errors have no code, and their types are the SDK's own secret.
        let kind = if is_of_the_time(&why) {
            Self::ClockOff
        } else if [
            "token has expired",
            "ExpiredToken",
            "Session token not found or invalid",
        ]
        .iter()
        .any(|text| why.contains(text))
        {
            Self::CredentialsExpired
        } else {
            Self::CredentialsMissing
        };
        (kind, why)
    }

    /// For an answer without a code that is known: a proxy's, or one of a newer version of the service.
    fn of_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            409 => Self::Conflict,
            420 => Self::QuotaExceeded,
            429 => Self::Throttled,
            401 | 403 => Self::Denied,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        }
    }
}

impl CallError {
    /// What failed and why, without what to do about it.
    pub fn said(&self) -> String {
        let Self {
            operation,
            subject,
            kind,
            message,
        } = self;
        format!(
            "{operation}{}: {kind}{}",
            on(subject.as_ref()),
            after(": ", message)
        )
    }

    /// Classifies what the SDK says went wrong with `operation` on `subject`.
    pub(crate) fn classify<E>(
        operation: &'static str,
        subject: Option<Subject>,
        error: &SdkError<E, aws_smithy_runtime_api::http::Response>,
    ) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let message = match error {
            SdkError::ServiceError(service) => {
                let body = service.raw().body().bytes().unwrap_or_default();
                service_message(service.err().meta().message(), body)
            }
            SdkError::TimeoutError(_) => String::new(),
            SdkError::ResponseError(_) => too_large(error).unwrap_or_default(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => String::new(),
            other => dispatch(other).1,
        };
        Self {
            operation,
            subject,
            kind: CallErrorKind::of(error),
            message: without_paths(&message),
        }
    }

    /// The same, but "not found" only where the service itself says so by its code: a bare 404 comes from something else,
    /// as from a proxy, or from a region without that API.
    pub(crate) fn classify_by_code<E>(
        operation: &'static str,
        subject: Option<Subject>,
        error: &SdkError<E, aws_smithy_runtime_api::http::Response>,
    ) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let classified = Self::classify(operation, subject, error);
        let code = match error {
            SdkError::ServiceError(service) => service.err().meta().code(),
            _ => None,
        };
        match classified.kind {
            CallErrorKind::NotFound if code != Some("NotFoundException") => Self {
                kind: CallErrorKind::BadAnswer,
                ..classified
            },
            _ => classified,
        }
    }

    /// The same without `keys`: a service may repeat what it refuses, as it was sent or escaped.
    pub(crate) fn without(self, keys: &[Secret]) -> Self {
        let message = without_keys(self.message, keys);
        Self { message, ..self }
    }

    /// An answer that was received and cannot be understood.
    pub(crate) fn bad_answer(operation: &'static str, subject: Option<Subject>, why: &dyn Error) -> Self {
        Self {
            operation,
            subject,
            kind: CallErrorKind::BadAnswer,
            message: why.to_string(),
        }
    }
}

/// Nothing was received: either there were no credentials to sign with, or nothing answered.
fn dispatch(error: &(dyn Error + 'static)) -> (CallErrorKind, String) {
    let mut innermost = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<TooLate>() || inner.is::<QueueFull>() {
            return (CallErrorKind::NotSent, inner.to_string());
        }
        if let Some(error) = inner.downcast_ref::<CredentialsError>() {
            return CallErrorKind::of_credentials(error);
        }
        // The innermost says it. The SDK's own texts around it may print a whole request, body and keys included.
        innermost = inner.to_string();
        cause = inner.source();
    }
    (CallErrorKind::Unreachable, innermost)
}

/// Whether a refused signature was refused for its time: `Signature expired: 20260101T000000Z is now earlier than …`,
/// `Signature not yet current: …`.
fn is_of_the_time(message: &str) -> bool {
    [
        "Signature expired",
        "Signature not yet current",
        "RequestTimeTooSkewed",
    ]
    .iter()
    .any(|text| message.contains(text))
}

/// The message, with the validation errors that a 422 adds.
fn service_message(message: Option<&str>, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[serde(default)]
        validation_errors: Vec<ValidationError>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ValidationError {
        #[serde(default)]
        element_path: String,
        #[serde(default)]
        error_message: String,
    }
    let details = serde_json::from_slice::<Body>(body)
        .map(|body| body.validation_errors)
        .unwrap_or_default();
    let details = details
        .iter()
        .map(|error| format!("{} {}", error.element_path, error.error_message));
    let message = message.unwrap_or_default();
    let details = details.filter(|detail| !message.contains(detail.as_str()));
    let texts = std::iter::once(message.to_owned()).chain(details);
    texts
        .filter(|text| !text.trim().is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

/// A text of a service without `keys`, and without the paths of URLs, which may hold others.
pub(crate) fn without_secrets(text: &str, keys: &[Secret]) -> String {
    without_keys(without_paths(text), keys)
}

fn without_keys(mut text: String, keys: &[Secret]) -> String {
    let mut forms: Vec<String> = keys.iter().flat_map(forms_of).collect();
    // A longer one may hold a shorter one.
    forms.sort_by_key(|form| Reverse(form.len()));
    for form in forms {
        text = text.replace(&form, "…");
    }
    text
}

/// How a key may stand in a message. What is shorter than any key would be found everywhere.
fn forms_of(key: &Secret) -> Vec<String> {
    const SHORTEST: usize = 4;
    let whole = key.reveal();
    let before_query = whole.split('?').next().unwrap_or_default();
    let texts = [whole, before_query].map(str::to_owned);
    let escaped = [whole, before_query]
        .map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let quoted = serde_json::Value::from(whole).to_string();
    let quoted = quoted.trim_matches('"').to_owned();
    let forms = texts.into_iter().chain(escaped).chain([quoted]);
    forms.filter(|form| form.len() >= SHORTEST).collect()
}

/// Cuts every RTMP URL down to its host: what a service repeats of a bad request may hold a key.
fn without_paths(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (position, word) in text.split(' ').enumerate() {
        if position > 0 {
            clean.push(' ');
        }
        match word.find("rtmp://").or_else(|| word.find("rtmps://")) {
            Some(start) => {
                let (before, url) = word.split_at(start);
                let scheme = url.split("://").next().unwrap_or("rtmp");
                let host = crate::model::Endpoint::new(url, crate::model::Secret::new(""))
                    .host()
                    .to_owned();
                clean.extend([before, scheme, "://", &host, "/…"]);
            }
            None => clean.push_str(word),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_the_status_stands_in_for_an_unknown_one() {
        for (code, status, kind) in [
            ("ConflictException", 409, CallErrorKind::Conflict),
            ("NotFoundException", 404, CallErrorKind::NotFound),
            ("ExpiredTokenException", 403, CallErrorKind::CredentialsExpired),
            ("AccessDeniedException", 403, CallErrorKind::Denied),
            (
                "ProvisionedThroughputExceededException",
                400,
                CallErrorKind::Throttled,
            ),
            (
                "MissingAuthenticationTokenException",
                400,
                CallErrorKind::CredentialsInvalid,
            ),
            (
                "UnrecognizedClientException",
                403,
                CallErrorKind::CredentialsInvalid,
            ),
            ("RequestTimeTooSkewed", 403, CallErrorKind::ClockOff),
            (
                "RouterOutputServiceQuotaExceededException",
                420,
                CallErrorKind::QuotaExceeded,
            ),
            ("", 420, CallErrorKind::QuotaExceeded),
            ("", 429, CallErrorKind::Throttled),
            ("", 503, CallErrorKind::Server),
            ("SomethingNew", 418, CallErrorKind::Invalid),
        ] {
            assert_eq!(CallErrorKind::of_code(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn each_fault_of_credentials_has_its_own_way_out() {
        let missing = MissingProfile {
            name: "studoi".to_owned(),
            known: vec!["studio".to_owned()],
        };
        let provider = |why: &str| CredentialsError::provider_error(why.to_owned());
        let faults: Vec<(CallErrorKind, String)> = [
            CredentialsError::not_loaded("x"),
            CredentialsError::invalid_configuration(missing),
            provider("the SSO token has expired and cannot be refreshed"),
            provider("AssumeRole: Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"),
        ]
        .iter()
        .map(CallErrorKind::of_credentials)
        .collect();
        let kinds: Vec<CallErrorKind> = faults.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(
            kinds,
            [
                CallErrorKind::CredentialsMissing,
                CallErrorKind::ProfileMissing,
                CallErrorKind::CredentialsExpired,
                CallErrorKind::ClockOff
            ]
        );
        assert_eq!(faults[1].1, "there is no AWS profile studoi (known: studio)");
        let mut fixes: Vec<&str> = kinds.iter().map(|kind| kind.fix()).collect();
        fixes.push(CallErrorKind::CredentialsInvalid.fix());
        assert!(fixes.iter().all(|fix| !fix.is_empty()));
        fixes.sort_unstable();
        fixes.dedup();
        assert_eq!(fixes.len(), 5, "{fixes:?}");
    }

    #[test]
    fn a_message_keeps_no_key_however_it_is_escaped() {
        let keys = ["k-1\\2 3", "live_123_abc?test=true", "a"].map(Secret::new);
        let error = CallError {
            operation: "UpdateChannel",
            subject: None,
            kind: CallErrorKind::Invalid,
            message: r"k-1\2 3, k-1\\2 3, k-1%5C2+3, live_123_abc, live_123_abc?test=true, live_123_abc%3Ftest%3Dtrue is bad"
                .to_owned(),
        };
        assert_eq!(error.without(&keys).message, "…, …, …, …, …, … is bad");
    }

    #[test]
    fn a_message_keeps_no_path_of_a_url() {
        let text = r#"destinations[0].settings[0].url "rtmp://a.example/live/k3y" is invalid, rtmps://b.example:443/k3y too"#;
        let clean = without_paths(text);
        assert!(!clean.contains("k3y"), "{clean}");
        assert!(
            clean.contains("a.example") && clean.contains("b.example"),
            "{clean}"
        );
    }
}
