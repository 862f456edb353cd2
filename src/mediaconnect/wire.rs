//! What a request to MediaConnect is, by its path.

use crate::service::{Priority, Service};

/// MediaConnect allows 5 requests per second and 30 in a burst for all that slotwise calls (user guide, "Quotas"). A burst of
/// five seconds' worth leaves a third of it to others.
pub(super) static MEDIACONNECT: Service = Service {
    name: "mediaconnect",
    burst_seconds: 5.0,
    operation,
    priority,
};

/// The order of requests: those that put a destination on or off air before the looks of a whole cycle.
fn priority(operation: &str) -> Priority {
    match operation {
        "StartRouterOutput"
        | "StopRouterOutput"
        | "RestartRouterOutput"
        | "TakeRouterInput"
        | "StartRouterInput"
        | "StopRouterInput" => Priority::Power,
        "CreateRouterOutput"
        | "UpdateRouterOutput"
        | "DeleteRouterOutput"
        | "TagGlobalResource"
        | "UntagGlobalResource" => Priority::Change,
        _ => Priority::Read,
    }
}

/// The operation of a request, by the paths of MediaConnect's service model. ARNs have no slash.
fn operation(method: &str, path: &str) -> &'static str {
    if path.contains("/tags/global/") {
        return match method {
            "POST" => "TagGlobalResource",
            "DELETE" => "UntagGlobalResource",
            _ => "Other",
        };
    }
    let Some((_, path)) = path.split_once("/v1/") else {
        return "Other";
    };
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["routerOutputs"]) => "ListRouterOutputs",
        ("GET", ["routerOutputs"]) => "BatchGetRouterOutput",
        ("POST", ["routerOutput"]) => "CreateRouterOutput",
        ("GET", ["routerOutput", _]) => "GetRouterOutput",
        ("PUT", ["routerOutput", _]) => "UpdateRouterOutput",
        ("DELETE", ["routerOutput", _]) => "DeleteRouterOutput",
        ("POST", ["routerOutput", "start", _]) => "StartRouterOutput",
        ("POST", ["routerOutput", "stop", _]) => "StopRouterOutput",
        ("POST", ["routerOutput", "restart", _]) => "RestartRouterOutput",
        ("PUT", ["routerOutput", "takeRouterInput", _]) => "TakeRouterInput",
        ("GET", ["routerInput", _]) => "GetRouterInput",
        ("POST", ["routerInput", "start", _]) => "StartRouterInput",
        ("POST", ["routerInput", "stop", _]) => "StopRouterInput",
        ("GET", ["routerNetworkInterface", _]) => "GetRouterNetworkInterface",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_ask_is_none_of_the_operations() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/v1/flows"),
            ("PUT", "/v1/routerInput/arn"),
            ("GET", "/tags/global/arn"),
            ("POST", "/tags/arn"),
        ] {
            assert_eq!(operation(method, path), "Other", "{method} {path}");
        }
    }
}
