//! What a slot points at.

use std::fmt;
use std::sync::Arc;

use super::Secret;

/// User name and the name of the parameter that holds its password, for servers that ask for them.
///
/// `passwordParam` is the "key used to extract the password from EC2 Parameter store" (botocore service model): the name of
/// an SSM parameter, never the password.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login {
    /// The user name.
    pub username: Arc<str>,
    /// Name of the SSM parameter with the password.
    pub password_parameter: Arc<str>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

/// URL and stream name that one pipeline of an output pushes to.
///
/// MediaLive keeps the two apart: `url` is "the RTMP endpoint excluding the stream name", `streamName` is
/// the stream key (botocore service model, OutputDestinationSettings).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// `rtmp://` or `rtmps://`, host, application path; no stream name. In a channel that was configured by
    /// hand this may be any text, also a pasted key: print [`Endpoint::host`], never this.
    pub url: Arc<str>,
    /// The stream key.
    pub stream_name: Secret,
    /// The login that the server asks for, if it does.
    pub login: Option<Login>,
}

impl Endpoint {
    /// An endpoint from its two parts, of a server that asks for no user.
    pub fn new(url: impl Into<Arc<str>>, stream_name: Secret) -> Self {
        Self {
            url: url.into(),
            stream_name,
            login: None,
        }
    }

    /// The same endpoint, of a server that asks for a user if `login` is one.
    #[must_use]
    pub fn with_login(self, login: Option<Login>) -> Self {
        Self { login, ..self }
    }

    /// Host of the URL: the part of an undeclared target that may be shown.
    pub fn host(&self) -> &str {
        let after_scheme = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or("");
        let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host_port.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(""),
            None => host_port.split(':').next().unwrap_or(""),
        };
        if host.is_empty() { "(no host)" } else { host }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.host())
    }
}

/// What a slot points at: one [`Endpoint`] per pipeline, one for a SINGLE_PIPELINE channel, two for a STANDARD one.
/// Observations and plans hold the same one, so a clone shares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(pub Arc<[Endpoint]>);

impl From<Vec<Endpoint>> for Target {
    fn from(endpoints: Vec<Endpoint>) -> Self {
        Self(endpoints.into())
    }
}

impl Target {
    /// Hosts of all pipelines, each once.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self.0.iter().map(Endpoint::host).collect();
        hosts.dedup();
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_shows_neither_user_nor_path() {
        for (url, host) in [
            ("rtmp://a.example/live/k3y", "a.example"),
            ("rtmps://user:k3y@a.example:443/live?k3y", "a.example"),
            ("rtmp://[::1]:1935/live", "::1"),
            ("k3y", "(no host)"),
            ("rtmp://", "(no host)"),
        ] {
            assert_eq!(Endpoint::new(url, Secret::new("s")).host(), host);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let target = Target::from(vec![Endpoint::new(
            "rtmp://a.example/live/k3y",
            Secret::new("k3y"),
        )]);
        assert_eq!(format!("{target:?}"), "Target([Endpoint(a.example)])");
        assert_eq!(format!("{:?}", Secret::new("k3y")), "Secret(***)");
    }

    #[test]
    fn a_host_of_both_pipelines_is_shown_once() {
        let target =
            |urls: [&str; 2]| Target::from(urls.map(|url| Endpoint::new(url, Secret::new("s"))).to_vec());
        let a = "rtmp://a.example/live";
        assert_eq!(target([a, a]).hosts(), ["a.example"]);
        assert_eq!(
            target([a, "rtmp://b.example/live"]).hosts(),
            ["a.example", "b.example"]
        );
    }
}
