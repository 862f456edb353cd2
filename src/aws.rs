//! How to reach a service of AWS, made on first use.

pub(crate) mod caught;
pub(crate) mod credentials;
pub(crate) mod http;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_types::SdkConfig;
use aws_types::os_shim_internal::{Env, Fs};

type Load = dyn Fn() -> Pin<Box<dyn Future<Output = SdkConfig> + Send>> + Send + Sync;

/// How to reach one service of AWS. Made only when it is needed: without tables and keys in AWS no credentials are
/// needed.
#[derive(Clone)]
pub struct Connect(Arc<Load>);

impl Connect {
    /// `connect` gives credentials, region and HTTP client.
    pub fn new<F: Future<Output = SdkConfig> + Send + 'static>(
        connect: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Box::pin(connect())))
    }

    /// Credentials, region and HTTP client.
    pub async fn config(&self) -> SdkConfig {
        (self.0)().await
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

/// A named profile that is in no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no AWS profile {name}{}", shown(known))]
pub struct MissingProfile {
    /// Its name.
    pub name: String,
    /// Those that there are.
    pub known: Vec<String>,
}

fn shown(known: &[String]) -> String {
    /// More are not read.
    const SHOWN_MAX: usize = 10;
    match known.len() {
        0 => " (there is none at all)".to_owned(),
        count if count > SHOWN_MAX => format!(" ({count} others exist)"),
        _ => format!(" (known: {})", known.join(", ")),
    }
}

impl MissingProfile {
    /// `None` where there is a profile `name`, or where the files cannot be read, which the SDK reports better.
    pub async fn look(name: &str) -> Option<Self> {
        let (fs, env) = (Fs::real(), Env::real());
        #[expect(
            clippy::default_trait_access,
            reason = "its type has no name here that is not deprecated"
        )]
        let profiles = aws_config::profile::load(&fs, &env, &Default::default(), None).await;
        let profiles = profiles.ok()?;
        if profiles.get_profile(name).is_some() {
            return None;
        }
        let mut known: Vec<String> = profiles.profiles().map(str::to_owned).collect();
        known.sort();
        let name = name.to_owned();
        Some(Self { name, known })
    }
}

/// Credentials, with a word about the profile where there are none. The SDK tries all other sources after a profile that
/// does not exist, and reports in the end that there are no credentials.
#[derive(Debug)]
pub struct OfProfile {
    profile: Arc<str>,
    inner: SharedCredentialsProvider,
}

impl OfProfile {
    /// Credentials of `inner`, which looks at `profile` among other things.
    pub fn new(profile: &str, inner: SharedCredentialsProvider) -> Self {
        let profile = profile.into();
        Self { profile, inner }
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        match self.inner.provide_credentials().await {
            // Any error: the SDK says only once what was wrong with the profile.
            Err(error) => {
                let missing = MissingProfile::look(&self.profile).await;
                Err(missing.map_or(error, CredentialsError::invalid_configuration))
            }
            Ok(credentials) => Ok(credentials),
        }
    }
}

impl ProvideCredentials for OfProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}
