//! What MediaLive answers when it refuses: error types, status codes and texts.

use serde_json::{Map, Value, json};

/// The error types of the wire, each with its HTTP status
///
/// Modelled by MediaLive (botocore service model, medialive 2017-10-14) or by MediaConnect (mediaconnect 2018-11-14), which
/// spell those that both have alike; or sent by the front end of every AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400: the request is malformed
    BadRequest,
    /// 403: modelled, but MediaLive itself rarely sends it
    Forbidden,
    /// 404: no such id, and there never was
    NotFound,
    /// 409: the resource is in a state that forbids this
    Conflict,
    /// 422: the request is well-formed, its content is not; carries `validationErrors`
    Unprocessable,
    /// 429: too many calls, or a quota is reached
    TooManyRequests,
    /// 500
    Internal,
    /// 502
    BadGateway,
    /// 503: modelled by MediaConnect
    Unavailable,
    /// 504
    GatewayTimeout,
    /// 403: IAM says no
    AccessDenied,
    /// 403: the session token has expired
    ExpiredToken,
    /// 404: the emulator does not serve this path
    UnknownOperation,
    /// 413: the body is larger than the front door takes
    TooLarge,
    /// 420: as many router outputs as the region may have
    RouterOutputQuota,
    /// 420: as many router inputs
    RouterInputQuota,
    /// 420: as many router network interfaces
    RouterNetworkInterfaceQuota,
}

impl ErrorKind {
    /// The type as `x-amzn-errortype` spells it
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::Forbidden => "ForbiddenException",
            Self::NotFound => "NotFoundException",
            Self::Conflict => "ConflictException",
            Self::Unprocessable => "UnprocessableEntityException",
            Self::TooManyRequests => "TooManyRequestsException",
            Self::Internal => "InternalServerErrorException",
            Self::BadGateway => "BadGatewayException",
            Self::Unavailable => "ServiceUnavailableException",
            Self::GatewayTimeout => "GatewayTimeoutException",
            Self::AccessDenied => "AccessDeniedException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::TooLarge => "RequestEntityTooLargeException",
            Self::RouterOutputQuota => "RouterOutputServiceQuotaExceededException",
            Self::RouterInputQuota => "RouterInputServiceQuotaExceededException",
            Self::RouterNetworkInterfaceQuota => "RouterNetworkInterfaceServiceQuotaExceededException",
        }
    }

    /// The HTTP status that goes with the type
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden | Self::AccessDenied | Self::ExpiredToken => 403,
            Self::NotFound | Self::UnknownOperation => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::RouterOutputQuota | Self::RouterInputQuota | Self::RouterNetworkInterfaceQuota => 420,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::GatewayTimeout => 504,
        }
    }
}

/// One entry of a 422's `validationErrors`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    /// Where, from the encoder's root: `outputGroups[0].outputs[0].outputSettings`
    pub element_path: String,
    /// What is wrong there
    pub error_message: String,
}

/// A refusal
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct ApiError {
    /// Which of the wire's error types
    pub kind: ErrorKind,
    /// The body's `message`
    pub message: String,
    /// The body's `validationErrors`; empty except for a 422
    pub validation: Vec<ValidationError>,
}

impl ApiError {
    /// A refusal without `validationErrors`
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            validation: Vec::new(),
        }
    }

    /// A 422 that names every problem; its message joins them the way the SDKs show them (`<path> <message>; …`)
    pub fn unprocessable(validation: Vec<ValidationError>) -> Self {
        let message = validation
            .iter()
            .map(|error| format!("{} {}", error.element_path, error.error_message))
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            kind: ErrorKind::Unprocessable,
            message,
            validation,
        }
    }

    /// No resource of this kind ever had this id
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("{kind} with id {id} not found"))
    }

    /// The reply's body: `message`, and `validationErrors` on a 422
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("message".into(), json!(self.message));
        if self.kind == ErrorKind::Unprocessable {
            let errors = self
                .validation
                .iter()
                .map(|error| json!({"elementPath": error.element_path, "errorMessage": error.error_message}));
            body.insert("validationErrors".into(), errors.collect());
        }
        Value::Object(body)
    }
}
