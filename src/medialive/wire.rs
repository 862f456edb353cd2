//! What a request to MediaLive is, by its path.

use crate::service::{Priority, Service};

/// MediaLive allows 20 requests per second, 40 in a burst, for the whole account (User Guide,
/// eml-limitations-and-rules): twice as many at once.
pub(super) static MEDIALIVE: Service = Service {
    name: "medialive",
    burst_seconds: 2.0,
    operation,
    priority,
};

/// The order of requests: those that put a destination on or off air before the looks of a whole cycle.
fn priority(operation: &str) -> Priority {
    match operation {
        "StartChannel" | "StopChannel" => Priority::Power,
        "UpdateChannel" | "CreateTags" => Priority::Change,
        _ => Priority::Read,
    }
}

/// The operation of a request, by the paths of MediaLive's service model.
fn operation(method: &str, path: &str) -> &'static str {
    let Some((_, path)) = path.split_once("/prod/") else {
        return "Other";
    };
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["channels"]) => "ListChannels",
        ("GET", ["channels", _]) => "DescribeChannel",
        ("PUT", ["channels", _]) => "UpdateChannel",
        ("POST", ["channels", _, "start"]) => "StartChannel",
        ("POST", ["channels", _, "stop"]) => "StopChannel",
        ("POST", ["tags", ..]) => "CreateTags",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_client_is_known_by_its_path() {
        for (method, path, name) in [
            (
                "GET",
                "https://medialive.eu-central-1.amazonaws.com/prod/channels",
                "ListChannels",
            ),
            (
                "GET",
                "http://127.0.0.1:4570/prod/channels/4000001",
                "DescribeChannel",
            ),
            ("PUT", "/prod/channels/4000001", "UpdateChannel"),
            ("POST", "/prod/channels/4000001/start", "StartChannel"),
            ("POST", "/prod/channels/4000001/stop", "StopChannel"),
            ("POST", "/prod/tags/arn%3Aaws%3Amedialive", "CreateTags"),
            ("DELETE", "/prod/channels/4000001", "Other"),
            ("GET", "/", "Other"),
        ] {
            assert_eq!(operation(method, path), name, "{method} {path}");
        }
    }
}
