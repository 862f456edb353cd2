//! An RTMP endpoint as MediaConnect has it: address, port, application and stream name, each by itself.
//!
//! Source: MediaConnect user guide, "Creating router outputs", RTMP push: `rtmp(s)://Address[:Port]/ApplicationName`, port 1935 for
//! RTMP and 443 for RTMPS where none is given; botocore service model, `RtmpPushRouterOutputConfiguration`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::model::{Endpoint, Secret};

/// Why a router output cannot push to a target. It repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `rtmp://` nor `rtmps://`.
    #[error("a router output pushes to rtmp:// and rtmps:// only")]
    Scheme,
    /// A user in the URL, or a user name and password.
    #[error("a router output takes no user name and password")]
    Login,
    /// No host in the URL.
    #[error("the URL has no host")]
    Host,
    /// The port is no number that there is.
    #[error("the port of the URL is no number from 1 to 65535")]
    Port,
    /// No application in the URL.
    #[error("the URL has no application: rtmp://HOST/APPLICATION")]
    Application,
    /// No stream key.
    #[error("there is no stream key")]
    StreamName,
}

const fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 1935 }
}

/// The members of `rtmpPush` for `endpoint`. Whatever else MediaConnect asks of them, its answer says.
pub(super) fn to_push(endpoint: &Endpoint) -> Result<Map<String, Value>, TargetError> {
    if endpoint.login.is_some() {
        return Err(TargetError::Login);
    }
    // The canonical form has the key apart from the URL, and no needless slashes.
    let endpoint = endpoint.canonical();
    let (scheme, rest) = endpoint.url.split_once("://").ok_or(TargetError::Scheme)?;
    let is_tls = match scheme {
        "rtmp" => false,
        "rtmps" => true,
        _ => return Err(TargetError::Scheme),
    };
    let (authority, application) = rest.split_once('/').ok_or(TargetError::Application)?;
    if authority.contains('@') {
        return Err(TargetError::Login);
    }
    let (host, port) = host_and_port(authority, is_tls)?;
    // A query belongs to the application: `live2?backup=1`.
    if application.is_empty() || application.starts_with('?') {
        return Err(TargetError::Application);
    }
    if endpoint.stream_name.reveal().is_empty() {
        return Err(TargetError::StreamName);
    }
    let mut push = json!({
        "destinationAddress": host,
        "destinationPort": port,
        "applicationName": application,
        "streamName": endpoint.stream_name.reveal(),
    });
    if is_tls {
        push["tlsEncryption"] = json!({
            "encryptionType": "PUBLIC",
            "encryptionConfiguration": {"public": {}},
        });
    }
    match push {
        Value::Object(push) => Ok(push),
        _ => Ok(Map::new()),
    }
}

/// Host without the brackets of IPv6, and port.
fn host_and_port(authority: &str, is_tls: bool) -> Result<(&str, u16), TargetError> {
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(TargetError::Host);
    }
    let port = match port {
        None => default_port(is_tls),
        Some(port) => port.parse().map_err(|_| TargetError::Port)?,
    };
    if port == 0 {
        return Err(TargetError::Port);
    }
    Ok((host, port))
}

/// The endpoint that `rtmpPush` names; `None` where a part of it is missing.
pub(super) fn of_push(push: &Map<String, Value>) -> Option<Endpoint> {
    let text = |key: &str| push.get(key).and_then(Value::as_str);
    let is_tls = push.get("tlsEncryption").is_some_and(|tls| !tls.is_null());
    let scheme = if is_tls { "rtmps" } else { "rtmp" };
    let address = text("destinationAddress")?;
    let host = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("[{address}]"),
        _ => address.to_owned(),
    };
    let port = match push.get("destinationPort").and_then(Value::as_u64) {
        Some(port) if port != u64::from(default_port(is_tls)) => format!(":{port}"),
        _ => String::new(),
    };
    let application = text("applicationName")?;
    let url = format!("{scheme}://{host}{port}/{application}");
    Some(Endpoint::new(url, Secret::new(text("streamName")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Login;

    fn endpoint(url: &str, key: &str) -> Endpoint {
        Endpoint::new(url, Secret::new(key))
    }

    fn parts(url: &str, key: &str) -> (String, u64, String, String, bool) {
        let push = Value::Object(to_push(&endpoint(url, key)).unwrap());
        let text = |key: &str| push[key].as_str().unwrap().to_owned();
        (
            text("destinationAddress"),
            push["destinationPort"].as_u64().unwrap(),
            text("applicationName"),
            text("streamName"),
            push.get("tlsEncryption").is_some(),
        )
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, key, host, port, application, name, is_tls) in [
            (
                "rtmp://a.example/live",
                "k",
                "a.example",
                1935,
                "live",
                "k",
                false,
            ),
            (
                "rtmps://a.example/live2",
                "k",
                "a.example",
                443,
                "live2",
                "k",
                true,
            ),
            (
                "RTMPS://A.example:8443//live/",
                "k",
                "a.example",
                8443,
                "live",
                "k",
                true,
            ),
            (
                "rtmp://a.example/app/inst",
                "k",
                "a.example",
                1935,
                "app/inst",
                "k",
                false,
            ),
            (
                "rtmps://b.example/live2?backup=1",
                "k",
                "b.example",
                443,
                "live2?backup=1",
                "k",
                true,
            ),
            (
                "rtmp://a.example/live/k3y",
                "",
                "a.example",
                1935,
                "live",
                "k3y",
                false,
            ),
            (
                "rtmp://[2001:db8::1]:1936/live",
                "k",
                "2001:db8::1",
                1936,
                "live",
                "k",
                false,
            ),
        ] {
            let expected = (
                host.to_owned(),
                port,
                application.to_owned(),
                name.to_owned(),
                is_tls,
            );
            assert_eq!(parts(url, key), expected, "{url}");
        }
    }

    #[test]
    fn what_is_read_back_is_equal_to_what_was_written() {
        for (url, key) in [
            ("rtmp://a.example/live", "k"),
            ("rtmps://a.rtmps.youtube.com:443/live2", "a-b?c=d"),
            ("rtmps://a.example:1935/live/x?y=1", "k"),
            ("rtmp://[2001:db8::1]/live", "k"),
            ("rtmp://192.0.2.1:19350/live", "k"),
            ("rtmp://a.example/live/k3y", ""),
        ] {
            let written = endpoint(url, key);
            let read = of_push(&to_push(&written).unwrap()).unwrap();
            assert_eq!(read.canonical(), written.canonical(), "{url}");
        }
    }

    #[test]
    fn what_no_output_can_push_to_is_refused() {
        use TargetError as E;
        for (url, key, error) in [
            ("srt://a.example/live", "k", E::Scheme),
            ("k3y", "k", E::Scheme),
            ("rtmp://user:pass@a.example/live", "k", E::Login),
            ("rtmp:///live", "k", E::Host),
            ("rtmp://a.example:99999/live", "k", E::Port),
            ("rtmp://a.example", "k", E::Application),
            ("rtmp://a.example/?x=1", "k", E::Application),
            ("rtmp://a.example/live", "", E::StreamName),
        ] {
            assert_eq!(to_push(&endpoint(url, key)), Err(error), "{url}");
        }
        let login = Login {
            username: "user".into(),
            password_parameter: "/live/password".into(),
        };
        let asks = endpoint("rtmp://a.example/live", "k").with_login(Some(login));
        assert_eq!(to_push(&asks), Err(E::Login));
    }

    #[test]
    fn a_push_without_a_part_is_no_endpoint() {
        let push = to_push(&endpoint("rtmp://a.example/live", "k")).unwrap();
        for key in ["destinationAddress", "applicationName", "streamName"] {
            let mut less = push.clone();
            less.shift_remove(key);
            assert_eq!(of_push(&less), None, "{key}");
        }
    }
}
