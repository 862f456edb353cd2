//! Whatever can go wrong with a call, classified once, by code and never by text.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::permit::TooLate;
use crate::aws::http::too_large;
use crate::model::ChannelId;

/// A call to MediaLive that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}{}: {kind}{}{}", on(channel.as_ref()), after(": ", message), after("; ", kind.fix()))]
pub struct CallError {
    /// The operation: `StartChannel`.
    pub operation: &'static str,
    /// On which channel.
    pub channel: Option<ChannelId>,
    /// What went wrong.
    pub kind: Kind,
    /// What MediaLive or the network said, with every URL cut down to its host. May be empty.
    pub message: String,
}

fn on(channel: Option<&ChannelId>) -> String {
    channel.map_or_else(String::new, |id| format!(" on channel {id}"))
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
pub enum Kind {
    /// 404, NotFoundException: no such channel.
    #[error("no such channel")]
    NotFound,
    /// 409, ConflictException: wrong state, or somebody else changes it at this moment.
    #[error("the channel's state does not allow it now")]
    Conflict,
    /// 400, 422: MediaLive refuses the request as such.
    #[error("MediaLive refuses the request")]
    Invalid,
    /// 429, or any of the throttling codes.
    #[error("too many requests")]
    Throttled,
    /// 403: the credentials lack a permission.
    #[error("access denied")]
    Denied,
    /// No credentials could be loaded.
    #[error("no usable AWS credentials")]
    CredentialsMissing,
    /// The credentials have expired or are not known.
    #[error("the AWS credentials have expired or are not valid")]
    CredentialsExpired,
    /// Nothing answered.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// The leave to write ended before the call left; nothing was sent.
    #[error("not sent")]
    NotSent,
    /// No answer in time. The call may have had its effect.
    #[error("no answer in time")]
    TimedOut,
    /// 5xx. The call may have had its effect.
    #[error("MediaLive failed")]
    Server,
    /// An answer that cannot be understood. The call may have had its effect.
    #[error("the answer cannot be understood")]
    BadAnswer,
}

impl Kind {
    /// Whether the call may have had its effect all the same, so that the channel must be looked at afresh.
    pub fn is_ambiguous(self) -> bool {
        matches!(
            self,
            Self::TimedOut | Self::Server | Self::BadAnswer | Self::Unreachable
        )
    }

    /// Whether it tells something of the channel that the call was for. The others would have befallen any channel.
    pub fn is_of_the_channel(self) -> bool {
        !matches!(
            self,
            Self::Throttled
                | Self::CredentialsMissing
                | Self::CredentialsExpired
                | Self::Unreachable
                | Self::NotSent
                | Self::TimedOut
        )
    }

    /// What a person can do about it; empty where there is nothing but to wait.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Throttled => "MediaLive allows 20 a second for the whole account",
            Self::Denied => "see manifests/iam-policy.json for the permissions that slotwise needs",
            Self::CredentialsMissing => {
                "set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run \
                 aws sso login"
            }
            Self::CredentialsExpired => "renew them, for example with aws sso login",
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
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::CredentialsMissing => "credentials_missing",
            Self::CredentialsExpired => "credentials_expired",
            Self::Unreachable => "unreachable",
            Self::NotSent => "not_sent",
            Self::TimedOut => "timed_out",
            Self::Server => "server",
            Self::BadAnswer => "bad_answer",
        }
    }

    /// By the code that AWS gives, MediaLive's and other services'; by the status where the code is unknown.
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
            "ExpiredToken"
            | "ExpiredTokenException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::CredentialsExpired,
            "ForbiddenException" | "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Self::Denied,
            "InternalServerError" | "InternalServiceError" | "InternalFailure" | "ServiceUnavailable" => {
                Self::Server
            }
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
                let code = service.err().meta().code();
                Self::of_code(code.unwrap_or(""), service.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::ResponseError(_) => Self::BadAnswer,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            other => dispatch(other).0,
        }
    }

    /// For an answer without a code that is known: a proxy's, or one of a newer MediaLive.
    fn of_status(status: u16) -> Self {
        match status {
            404 => Self::NotFound,
            409 => Self::Conflict,
            429 => Self::Throttled,
            401 | 403 => Self::Denied,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        }
    }
}

impl CallError {
    /// Classifies what the SDK says went wrong with `operation` on `channel`.
    pub(super) fn classify<E>(
        operation: &'static str,
        channel: Option<&ChannelId>,
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
            channel: channel.cloned(),
            kind: Kind::of(error),
            message: without_paths(&message),
        }
    }

    /// An answer that was received and cannot be understood.
    pub(super) fn bad_answer(operation: &'static str, channel: Option<&ChannelId>, why: &dyn Error) -> Self {
        Self {
            operation,
            channel: channel.cloned(),
            kind: Kind::BadAnswer,
            message: why.to_string(),
        }
    }
}

/// Nothing was received: either there were no credentials to sign with, or nothing answered.
fn dispatch(error: &(dyn Error + 'static)) -> (Kind, String) {
    use aws_credential_types::provider::error::CredentialsError;
    let mut innermost = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<TooLate>() {
            return (Kind::NotSent, inner.to_string());
        }
        match inner.downcast_ref::<CredentialsError>() {
            Some(CredentialsError::CredentialsNotLoaded(_)) => {
                return (Kind::CredentialsMissing, String::new());
            }
            // A provider was tried and failed; its cause says which and why.
            Some(other) => {
                let why = other.source().map(crate::error_chain).unwrap_or_default();
                return (Kind::CredentialsMissing, why);
            }
            None => {}
        }
        // The innermost says it. The SDK's own texts around it may print a whole request, body and keys included.
        innermost = inner.to_string();
        cause = inner.source();
    }
    (Kind::Unreachable, innermost)
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
    let texts = message.map(str::to_owned).into_iter().chain(details);
    texts
        .filter(|text| !text.trim().is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Cuts every RTMP URL down to its host: what MediaLive repeats of a bad request may hold a key.
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
            ("ConflictException", 409, Kind::Conflict),
            ("NotFoundException", 404, Kind::NotFound),
            ("ExpiredTokenException", 403, Kind::CredentialsExpired),
            ("AccessDeniedException", 403, Kind::Denied),
            ("ProvisionedThroughputExceededException", 400, Kind::Throttled),
            (
                "MissingAuthenticationTokenException",
                400,
                Kind::CredentialsExpired,
            ),
            ("", 429, Kind::Throttled),
            ("", 503, Kind::Server),
            ("SomethingNew", 418, Kind::Invalid),
        ] {
            assert_eq!(Kind::of_code(code, status), kind, "{code} {status}");
        }
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
