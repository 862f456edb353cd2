//! The Parameter Store of Systems Manager. The only file that names its SDK.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::Parameter;
use aws_types::SdkConfig;

use super::remote::{Texts, retries, timeouts};
use super::trouble::Trouble;
use crate::medialive::CallErrorKind;
use crate::model::Secret;

/// Names that one call takes.
pub(super) const NAMES_MAX: usize = 10;

/// The parameters of one account and region.
#[derive(Debug)]
pub(super) struct Ssm {
    sdk: Client,
    region: String,
}

impl Ssm {
    pub(super) fn new(aws: &SdkConfig, region: String) -> Self {
        let config = aws_sdk_ssm::config::Builder::from(aws)
            .retry_config(retries())
            .timeout_config(timeouts());
        Self {
            sdk: Client::from_conf(config.build()),
            region,
        }
    }

    /// Reads up to [`NAMES_MAX`] parameters in one call. One that may not be read, or decrypted, fails the call as a
    /// whole; one that does not exist fails alone.
    pub(super) async fn read(&self, names: &[String]) -> Result<Texts, Trouble> {
        let call = self
            .sdk
            .get_parameters()
            .set_names(Some(names.to_vec()))
            .with_decryption(true);
        let answer = call
            .send()
            .await
            .map_err(|error| Trouble::of_call(&error, &self.region))?;
        let read = |name: &String| {
            let parameter = answer.parameters().iter().find(|one| is_named(one, name));
            match parameter.and_then(Parameter::value) {
                Some(text) => Ok(Secret::new(text)),
                None if answer.invalid_parameters().contains(name) => Err(Trouble::NotFound {
                    region: self.region.clone(),
                }),
                None => Err(Trouble::Passing(CallErrorKind::BadAnswer)),
            }
        };
        Ok(names.iter().map(|name| (name.clone(), read(name))).collect())
    }
}

/// Whether `parameter` is the one that was asked for as `asked`: by name or ARN, with or without version or label.
fn is_named(parameter: &Parameter, asked: &str) -> bool {
    let selector = parameter.selector().unwrap_or_default().trim_start_matches(':');
    let names = [parameter.name(), parameter.arn()].into_iter().flatten();
    let mut rests = names.filter_map(|name| asked.strip_prefix(name));
    rests.any(|rest| match rest.strip_prefix(':') {
        Some(wanted) => wanted == selector || wanted == parameter.version().to_string(),
        None => rest.is_empty() && selector.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_again_by_name_arn_version_and_label() {
        let arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/live/a";
        let plain = Parameter::builder().name("/live/a").arn(arn).version(4).build();
        assert!(is_named(&plain, "/live/a") && is_named(&plain, arn) && is_named(&plain, "/live/a:4"));
        assert!(
            !is_named(&plain, "/live/ab") && !is_named(&plain, "/live/a:1") && !is_named(&plain, "/live")
        );
        let spare = Parameter::builder()
            .name("/live/a")
            .arn(arn)
            .version(3)
            .selector(":spare");
        let spare = spare.build();
        assert!(is_named(&spare, "/live/a:spare") && is_named(&spare, &format!("{arn}:spare")));
        assert!(
            !is_named(&spare, "/live/a"),
            "an older version is not the parameter as it is now"
        );
    }
}
