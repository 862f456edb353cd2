//! Why AWS gave no key: classified once, and reported without a word of the answer's content.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::manifest::reference::{KeyReference, secret_and_field};
use crate::manifest::validate::KeyMistake;
use crate::medialive::CallErrorKind;

/// A key that AWS keeps and that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeyError {
    /// Where the key is kept.
    pub reference: KeyReference,
    /// Why it could not be read.
    pub trouble: Trouble,
}

/// Why a key that AWS keeps could not be read. Holds nothing that a service said but its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It does not exist.
    NotFound {
        /// Where it was looked for.
        region: String,
    },
    /// The secret is marked for deletion.
    Deleted,
    /// The permission to read it is missing.
    Denied,
    /// It may be read, but not the key that it is encrypted with.
    Undecryptable,
    /// The service does not take the name.
    Refused,
    /// Something that passes by itself, or that concerns every key and not this one.
    Passing(CallErrorKind),
    /// No region is set.
    NoRegion,
    /// The secret is bytes, not text.
    Binary,
    /// The secret is JSON, and no field is named.
    FieldNotNamed,
    /// A field is named, and the secret is no JSON object.
    NotJson,
    /// The secret has no such field.
    NoField,
    /// The field holds something other than a text.
    FieldNotText,
    /// What was read cannot be a key; says why.
    NotAKey(KeyMistake),
}

impl Trouble {
    /// What went wrong with a call.
    pub(super) fn of_call<E>(error: &SdkError<E, Response>, region: &str) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let meta = match error {
            SdkError::ServiceError(service) => Some(service.err().meta()),
            _ => None,
        };
        let code = meta.and_then(|meta| meta.code()).unwrap_or_default();
        let message = meta.and_then(|meta| meta.message()).unwrap_or_default();
        Self::of(code, CallErrorKind::of(error), message, region)
    }

    /// What an answer says went wrong with one key of several.
    pub(super) fn of_code(code: &str, message: &str, region: &str) -> Self {
        const BAD_REQUEST: u16 = 400;
        Self::of(code, CallErrorKind::of_code(code, BAD_REQUEST), message, region)
    }

    fn of(code: &str, kind: CallErrorKind, message: &str, region: &str) -> Self {
        match (code, kind) {
            ("InvalidKeyId" | "DecryptionFailure", _) => Self::Undecryptable,
            ("InvalidRequestException", _) => Self::Deleted,
            ("ResourceNotFoundException", _) => Self::NotFound {
                region: region.to_owned(),
            },
            // One code for two permissions: only the text says which one, and only the advice depends on it.
            (_, CallErrorKind::Denied) if speaks_of_kms(message) => Self::Undecryptable,
            (_, CallErrorKind::Denied) => Self::Denied,
            (_, CallErrorKind::Invalid | CallErrorKind::Conflict) => Self::Refused,
            // These services say by code that something does not exist. A bare 404 comes from something else.
            (_, CallErrorKind::NotFound) => Self::Passing(CallErrorKind::BadAnswer),
            (_, passing) => Self::Passing(passing),
        }
    }

    /// Whether it says nothing of the key itself, so that what was read before still holds.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_) | Self::NoRegion)
    }
}

fn speaks_of_kms(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("kms") || message.contains("ciphertext")
}

impl AwsKeyError {
    /// `trouble` with the key at `reference`.
    pub(super) fn new(reference: &KeyReference, trouble: Trouble) -> Self {
        Self {
            reference: reference.clone(),
            trouble,
        }
    }

    /// What to do.
    pub fn fix(&self) -> String {
        let thing = self.thing();
        match &self.trouble {
            Trouble::NotFound { .. } => format!("create it there, or correct the {}", thing.is_named_by()),
            Trouble::Deleted => "restore it, or name another one".to_owned(),
            Trouble::Denied => format!(
                "allow slotwise {} on it, as manifests/iam-policy.json does",
                thing.permission
            ),
            Trouble::Undecryptable => {
                "allow slotwise kms:Decrypt on the KMS key that encrypts it, and see that this key is enabled"
                    .to_owned()
            }
            Trouble::Refused => format!(
                "write the name of {} in this account, or an ARN of this region",
                thing.kind
            ),
            Trouble::NoRegion => "set AWS_REGION, or region in the AWS profile".to_owned(),
            Trouble::Passing(kind) if kind.is_of_credentials() || *kind == CallErrorKind::Unreachable => {
                kind.fix().to_owned()
            }
            Trouble::Passing(_) => "nothing: slotwise tries again by itself".to_owned(),
            Trouble::Binary => "store the key as text".to_owned(),
            Trouble::FieldNotNamed => format!("name the field that holds the key: {}#FIELD", thing.name),
            Trouble::NotJson => "leave out # and what follows, or store the secret as JSON".to_owned(),
            Trouble::NoField => "correct the name after #, or add the field".to_owned(),
            Trouble::FieldNotText => "put the key into that field, in quotes".to_owned(),
            Trouble::NotAKey(why) => why.fix(&self.reference.to_string()),
        }
    }

    fn thing(&self) -> Thing<'_> {
        let written = self.reference.shown();
        match &self.reference {
            KeyReference::SecretsManager(_) => {
                let (name, field) = secret_and_field(written);
                Thing {
                    kind: "secret",
                    name,
                    field: field.unwrap_or_default(),
                    permission: "secretsmanager:GetSecretValue",
                }
            }
            KeyReference::Ssm(_) | KeyReference::Env(_) | KeyReference::File { .. } => Thing {
                kind: "parameter",
                name: written,
                field: "",
                permission: "ssm:GetParameters",
            },
        }
    }
}

/// What a key is kept in.
struct Thing<'a> {
    kind: &'static str,
    name: &'a str,
    field: &'a str,
    /// The permission to read it.
    permission: &'static str,
}

impl Thing<'_> {
    fn is_named_by(&self) -> &'static str {
        if self.name.starts_with("arn:") {
            "ARN"
        } else {
            "name"
        }
    }
}

impl fmt::Display for AwsKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Thing {
            kind,
            name,
            field,
            permission,
        } = self.thing();
        match &self.trouble {
            Trouble::NotFound { region } => write!(f, "there is no {kind} {name} in {region}"),
            Trouble::Deleted => write!(f, "the {kind} {name} is marked for deletion"),
            Trouble::Denied => write!(f, "reading the {kind} {name} is denied: {permission} is missing"),
            Trouble::Undecryptable => {
                write!(
                    f,
                    "the {kind} {name} cannot be decrypted: kms:Decrypt is missing or its KMS key is disabled"
                )
            }
            Trouble::Refused => write!(f, "AWS refuses {name} as the name of a {kind}"),
            Trouble::Passing(CallErrorKind::Server) => {
                write!(f, "the {kind} {name} could not be read: AWS failed")
            }
            Trouble::Passing(cause) => write!(f, "the {kind} {name} could not be read: {cause}"),
            Trouble::NoRegion => write!(f, "the {kind} {name} could not be read: no AWS region is set"),
            Trouble::Binary => write!(f, "the {kind} {name} is binary"),
            Trouble::FieldNotNamed => write!(f, "the {kind} {name} is JSON, not a key"),
            Trouble::NotJson => write!(
                f,
                "the {kind} {name} is not JSON, so there is no field {field} in it"
            ),
            Trouble::NoField => write!(f, "the {kind} {name} has no field {field}"),
            Trouble::FieldNotText => write!(f, "the field {field} of the {kind} {name} is not a text"),
            Trouble::NotAKey(why) => write!(f, "{why}"),
        }
    }
}

impl Error for AwsKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_what_passes_and_what_is_reported() {
        let found = |code| Trouble::of_code(code, "", "eu-central-1");
        for code in [
            "ThrottlingException",
            "InternalServiceError",
            "ExpiredTokenException",
        ] {
            assert!(found(code).is_passing(), "{code}");
        }
        for (code, trouble) in [
            ("AccessDeniedException", Trouble::Denied),
            ("DecryptionFailure", Trouble::Undecryptable),
            ("InvalidKeyId", Trouble::Undecryptable),
            ("InvalidRequestException", Trouble::Deleted),
            ("ValidationException", Trouble::Refused),
        ] {
            assert_eq!(found(code), trouble, "{code}");
        }
        let not_found = Trouble::of_code("ResourceNotFoundException", "", "eu-central-1");
        assert!(matches!(not_found, Trouble::NotFound { region } if region == "eu-central-1"));
        assert!(
            Trouble::of("", CallErrorKind::NotFound, "", "").is_passing(),
            "a bare 404 is no answer of AWS"
        );
    }

    #[test]
    fn the_missing_permission_is_named() {
        let problem = |reference, message| {
            let trouble = Trouble::of_code("AccessDeniedException", message, "");
            let error = AwsKeyError::new(&reference, trouble);
            format!("{error}; {}", error.fix())
        };
        let ssm = KeyReference::Ssm("/live/a".to_owned());
        let text = problem(
            ssm.clone(),
            "User: arn:aws:iam::1:user/x is not authorized to perform: ssm:GetParameters",
        );
        assert!(
            text.contains("/live/a") && text.contains("ssm:GetParameters is missing"),
            "{text}"
        );
        let text = problem(
            ssm,
            "The ciphertext refers to a customer master key that you are not allowed to access.",
        );
        assert!(
            text.contains("/live/a") && text.contains("kms:Decrypt is missing"),
            "{text}"
        );
        let secret = KeyReference::SecretsManager("live/a#key".to_owned());
        let text = problem(secret, "");
        assert!(
            text.contains("secret live/a is") && text.contains("secretsmanager:GetSecretValue is missing"),
            "{text}"
        );
    }
}
