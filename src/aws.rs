//! How to reach a service of AWS, made once somebody asks for it.

pub(crate) mod caught;
pub(crate) mod credentials;
pub(crate) mod http;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aws_types::SdkConfig;

type Load = dyn Fn() -> Pin<Box<dyn Future<Output = SdkConfig> + Send>> + Send + Sync;

/// How to reach one service of AWS. Asked only once it is needed: who has no table and no key there needs no
/// credentials.
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
