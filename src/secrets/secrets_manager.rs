//! Secrets Manager. The only file that names its SDK.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{ApiErrorType, SecretValueEntry};
use aws_types::SdkConfig;

use super::remote::{Texts, retries, timeouts};
use super::trouble::Trouble;
use crate::model::Secret;

/// Secrets that one call takes.
pub(super) const IDS_MAX: usize = 20;

/// What Secrets Manager puts after a name to make an ARN of it: `-` and six characters.
const ARN_SUFFIX: usize = 7;

/// The secrets of one account and region.
#[derive(Debug)]
pub(super) struct SecretsManager {
    sdk: Client,
    region: String,
}

impl SecretsManager {
    pub(super) fn new(aws: &SdkConfig, region: String) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(aws)
            .retry_config(retries())
            .timeout_config(timeouts());
        Self {
            sdk: Client::from_conf(config.build()),
            region,
        }
    }

    /// Reads up to [`IDS_MAX`] secrets in one call; a single one in the call that needs no permission for batches.
    pub(super) async fn read(&self, ids: &[String]) -> Result<Texts, Trouble> {
        match ids {
            [id] => Ok([(id.clone(), self.read_one(id).await)].into()),
            ids => self.read_batch(ids).await,
        }
    }

    async fn read_one(&self, id: &str) -> Result<Secret, Trouble> {
        let answer = self.sdk.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|error| Trouble::of_call(&error, &self.region))?;
        text(answer.secret_string())
    }

    async fn read_batch(&self, ids: &[String]) -> Result<Texts, Trouble> {
        let call = self
            .sdk
            .batch_get_secret_value()
            .set_secret_id_list(Some(ids.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|error| Trouble::of_call(&error, &self.region))?;
        let read = |id: &String| {
            if let Some(entry) = answer.secret_values().iter().find(|entry| is_named(entry, id)) {
                return text(entry.secret_string());
            }
            let mut errors = answer.errors().iter();
            match errors.find(|error| error.secret_id() == Some(id)) {
                Some(error) => Err(self.trouble(error)),
                None => Err(Trouble::NotFound {
                    region: self.region.clone(),
                }),
            }
        };
        Ok(ids.iter().map(|id| (id.clone(), read(id))).collect())
    }

    fn trouble(&self, error: &ApiErrorType) -> Trouble {
        let (code, message) = (error.error_code(), error.message());
        Trouble::of_code(
            code.unwrap_or_default(),
            message.unwrap_or_default(),
            &self.region,
        )
    }
}

fn text(text: Option<&str>) -> Result<Secret, Trouble> {
    text.map(Secret::new).ok_or(Trouble::Binary)
}

/// Whether `entry` is the one that was asked for as `asked`: by name, by ARN, or by ARN without its suffix.
fn is_named(entry: &SecretValueEntry, asked: &str) -> bool {
    let is_partial = |arn: &str| {
        let suffix = arn.strip_prefix(asked).unwrap_or_default();
        suffix.len() == ARN_SUFFIX && suffix.starts_with('-')
    };
    entry.name() == Some(asked) || entry.arn().is_some_and(|arn| arn == asked || is_partial(arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_again_by_name_arn_and_arn_without_suffix() {
        let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:live/a-b1C2d3";
        let entry = SecretValueEntry::builder().name("live/a").arn(arn).build();
        for asked in ["live/a", arn, arn.strip_suffix("-b1C2d3").unwrap()] {
            assert!(is_named(&entry, asked), "{asked}");
        }
        for asked in ["live/", "live", arn.strip_suffix("d3").unwrap()] {
            assert!(!is_named(&entry, asked), "{asked}");
        }
    }
}
