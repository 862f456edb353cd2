//! Credentials that can be sent.
//!
//! The SDK panics over an access key or a session token that no request header can carry, such as one that was pasted
//! with a line break in it.

use std::future::poll_fn;
use std::task::Poll;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};

use super::caught::caught;

/// Hands on what another provider gives, unless it cannot be sent.
#[derive(Debug)]
pub(crate) struct Sendable(pub(crate) SharedCredentialsProvider);

impl ProvideCredentials for Sendable {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut given = Box::pin(self.0.provide_credentials());
            let given = poll_fn(|context| match caught(|| given.as_mut().poll(context)) {
                Some(poll) => poll,
                None => Poll::Ready(Err(CredentialsError::invalid_configuration(
                    "the AWS SDK cannot make sense of what the environment or the profile says of them",
                ))),
            });
            check(given.await?)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.fallback_on_interrupt()
    }
}

fn check(credentials: Credentials) -> Result {
    let parts = [
        ("access key ID", credentials.access_key_id()),
        ("secret access key", credentials.secret_access_key()),
        ("session token", credentials.session_token().unwrap_or_default()),
    ];
    let unsendable = parts.into_iter().find(|(_, text)| !can_be_sent(text));
    match unsendable.map(|(part, _)| part) {
        None => Ok(credentials),
        // Never the text itself: it is a secret, but for one letter.
        Some(part) => Err(CredentialsError::invalid_configuration(format!(
            "line break or other control character not allowed in the {part}; copy it again, in one line"
        ))),
    }
}

/// Whether a header can carry `text` (RFC 9110: no control character).
pub(crate) fn can_be_sent(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn given(key: &str, secret: &str, token: Option<&str>) -> Result {
        let credentials = Credentials::from_keys(key, secret, token.map(str::to_owned));
        Sendable(SharedCredentialsProvider::new(credentials))
            .provide_credentials()
            .await
    }

    #[derive(Debug)]
    struct Panics;

    impl ProvideCredentials for Panics {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async { panic!("for the test") })
        }
    }

    #[tokio::test]
    async fn a_provider_that_panics_is_an_error() {
        let sendable = Sendable(SharedCredentialsProvider::new(Panics));
        assert!(sendable.provide_credentials().await.is_err());
    }

    #[tokio::test]
    async fn what_no_header_can_carry_is_named_and_not_shown() {
        assert!(given("AKIAEXAMPLE", "se/cr+et=", Some("to/ken")).await.is_ok());
        for bad in [
            "CANARY\n",
            "CAN\rARY",
            "\0CANARY",
            "CANARY\u{7f}",
            "CANARY\u{85}",
            "CAN\tARY",
        ] {
            for (given, part) in [
                (given(bad, "x", None).await, "access key ID"),
                (given("x", bad, None).await, "secret access key"),
                (given("x", "x", Some(bad)).await, "session token"),
            ] {
                let text = crate::error_chain(&given.unwrap_err());
                assert!(text.contains(part) && !text.contains("CANARY"), "{text}");
            }
        }
    }
}
