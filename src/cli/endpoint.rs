//! Which endpoint is in force, and the flag or variable that names it.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use url::Url;

use super::exit::ExitCode;
use super::failure::Failure;
use crate::controller::lease::place;

/// The variable by which the SDK finds an endpoint for all services.
const OF_ALL: &str = "AWS_ENDPOINT_URL";

/// A service of AWS that slotwise talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// MediaLive.
    MediaLive,
    /// DynamoDB, for tables of destinations and of the lease.
    DynamoDb,
    /// Systems Manager, for stream keys.
    Ssm,
    /// Secrets Manager, for stream keys.
    SecretsManager,
    /// Security Token Service, for the identity of the credentials.
    Sts,
}

impl Service {
    /// The variable by which the SDK finds its endpoint, before the one for all services.
    fn variable(self) -> &'static str {
        match self {
            Self::MediaLive => "AWS_ENDPOINT_URL_MEDIALIVE",
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::Ssm => "AWS_ENDPOINT_URL_SSM",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
        }
    }
}

/// An endpoint that was named, instead of the region's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The URL.
    pub(super) url: String,
    /// The flag or the variable that names it.
    pub(super) named_by: &'static str,
}

impl Endpoint {
    /// MediaLive's: what `flag` says, or else the environment.
    pub(super) fn of(flag: Option<&str>) -> Option<Self> {
        let flag = flag.map(|url| Self {
            url: url.to_owned(),
            named_by: "--endpoint-url",
        });
        flag.or_else(|| Self::of_environment(Service::MediaLive))
    }

    /// The endpoint of `service` that the environment names.
    pub(super) fn of_environment(service: Service) -> Option<Self> {
        [service.variable(), OF_ALL]
            .into_iter()
            .find_map(|named_by| variable(named_by).map(|url| Self { url, named_by }))
    }

    /// Refuses what is no URL here, where the flag or variable that gave it is known.
    pub(super) fn check(&self) -> Result<(), Failure> {
        parse_endpoint(&self.url).map(drop).map_err(|why| {
            Failure::new(
                ExitCode::Usage,
                format!("{} is no endpoint: {why}", self.named_by),
            )
        })
    }

    /// Whether it is on this machine, where only an emulator answers.
    pub(super) fn is_local(&self) -> bool {
        is_local(&self.url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_user(&self.url).trim_end_matches('/'))
    }
}

/// `--endpoint-url`.
pub(super) fn parse_endpoint(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "write it with scheme and host, for example http://127.0.0.1:4570";
    let url = Url::parse(text).map_err(|_| FORM)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(FORM);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an endpoint takes no user and no password; credentials come from the AWS profile");
    }
    Ok(text.to_owned())
}

/// A variable that is set and not empty. Flags read their own through clap; these belong to the AWS SDK.
pub(super) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.into_string().ok()?;
    (!value.is_empty()).then_some(value)
}

/// The region that the environment names, as the SDK reads it.
pub(super) fn region_of_environment() -> Option<String> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"))
}

fn is_local(endpoint: &str) -> bool {
    Url::parse(endpoint).is_ok_and(|url| place::is_local(&url))
}

/// `url` without everything before an `@`, which may be user and password; also if it is not a URL.
fn without_user(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    }
}

/// `--endpoint-url`. What clap itself says of a value that is refused repeats it.
#[derive(Debug, Clone)]
pub(super) struct EndpointParser;

impl TypedValueParser for EndpointParser {
    type Value = String;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        let text = value.to_string_lossy();
        parse_endpoint(&text).map_err(|why| {
            let name = arg.map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "invalid value '{}' for '{name}': {why}\n\nFor more information, try '--help'.\n",
                without_user(&text)
            );
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(cmd)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for endpoint in [
            "http://127.0.0.1:4570",
            "http://localhost:1",
            "http://[::1]:4570/",
        ] {
            assert!(is_local(endpoint), "{endpoint}");
        }
        for endpoint in [
            "https://medialive.eu-central-1.amazonaws.com",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "localhost",
        ] {
            assert!(!is_local(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn nothing_before_an_at_sign_is_shown() {
        for (text, clean) in [
            ("http://user:pw@127.0.0.1:1/", "…@127.0.0.1:1/"),
            ("user:pw@host", "…@host"),
            ("http://us@er:p'w@host", "…@host"),
            ("http://127.0.0.1:4570", "http://127.0.0.1:4570"),
        ] {
            assert_eq!(without_user(text), clean);
        }
        let endpoint = Endpoint {
            url: "https://user:pw@media.example/".to_owned(),
            named_by: "AWS_ENDPOINT_URL",
        };
        assert_eq!(endpoint.to_string(), "…@media.example");
    }

    #[test]
    fn an_endpoint_has_scheme_and_host_and_no_password() {
        assert!(parse_endpoint("http://127.0.0.1:4570").is_ok());
        assert!(parse_endpoint("https://vpce-1.medialive.example/").is_ok());
        for text in [
            "",
            "nonsense",
            "127.0.0.1:4570",
            "ftp://x",
            "http://",
            "http://a:b@x",
        ] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }
}
