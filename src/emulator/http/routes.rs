//! Paths: which operation a request asks for (botocore service model, `requestUri`).

use axum::http::Method;

use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::mediaconnect::operation as router;
use crate::emulator::request::{Operation, Query, Request};

/// The operation, resource and query of a request; its body is still to come
pub(super) fn find(method: &Method, path: &str, query: Option<&str>) -> Result<Request, ApiError> {
    let segments: Option<Vec<String>> = path.split('/').skip(1).map(decode).collect();
    let segments = segments.unwrap_or_default();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (operation, id) = operation(method, &segments).ok_or_else(|| unknown(method, path))?;
    let mut request = Request::new(operation, id);
    request.query = read_query(query.unwrap_or_default());
    Ok(request)
}

fn operation<'a>(method: &Method, segments: &[&'a str]) -> Option<(Operation, &'a str)> {
    let ["prod", rest @ ..] = segments else {
        let found = router::Operation::find(method.as_str(), segments);
        return found.map(|(operation, arn)| (Operation::Router(operation), arn));
    };
    match rest {
        ["channels", rest @ ..] => channels(method, rest),
        ["inputs", rest @ ..] => inputs(method, rest),
        ["inputSecurityGroups", rest @ ..] => groups(method, rest),
        ["tags", arn] if !arn.is_empty() => tags(method).map(|operation| (operation, *arn)),
        ["batch", what] => batch(method, what).map(|operation| (operation, "")),
        _ => None,
    }
}

fn channels<'a>(method: &Method, rest: &[&'a str]) -> Option<(Operation, &'a str)> {
    use Operation as Op;
    let operation = match (method.as_str(), rest) {
        ("POST", []) => Op::CreateChannel,
        ("GET", []) => Op::ListChannels,
        ("GET", [_]) => Op::DescribeChannel,
        ("PUT", [_]) => Op::UpdateChannel,
        ("DELETE", [_]) => Op::DeleteChannel,
        ("POST", [_, "start"]) => Op::StartChannel,
        ("POST", [_, "stop"]) => Op::StopChannel,
        ("POST", [_, "restartChannelPipelines"]) => Op::RestartChannelPipelines,
        ("PUT", [_, "channelClass"]) => Op::UpdateChannelClass,
        ("GET", [_, "alerts"]) => Op::ListAlerts,
        ("PUT", [_, "schedule"]) => Op::BatchUpdateSchedule,
        ("GET", [_, "schedule"]) => Op::DescribeSchedule,
        ("DELETE", [_, "schedule"]) => Op::DeleteSchedule,
        _ => return None,
    };
    with_id(operation, rest)
}

fn inputs<'a>(method: &Method, rest: &[&'a str]) -> Option<(Operation, &'a str)> {
    use Operation as Op;
    let operation = match (method.as_str(), rest) {
        ("POST", []) => Op::CreateInput,
        ("GET", []) => Op::ListInputs,
        ("GET", [_]) => Op::DescribeInput,
        ("PUT", [_]) => Op::UpdateInput,
        ("DELETE", [_]) => Op::DeleteInput,
        _ => return None,
    };
    with_id(operation, rest)
}

fn groups<'a>(method: &Method, rest: &[&'a str]) -> Option<(Operation, &'a str)> {
    use Operation as Op;
    let operation = match (method.as_str(), rest) {
        ("POST", []) => Op::CreateInputSecurityGroup,
        ("GET", []) => Op::ListInputSecurityGroups,
        ("GET", [_]) => Op::DescribeInputSecurityGroup,
        ("PUT", [_]) => Op::UpdateInputSecurityGroup,
        ("DELETE", [_]) => Op::DeleteInputSecurityGroup,
        _ => return None,
    };
    with_id(operation, rest)
}

/// The first of the rest is the id; an empty one is no id
fn with_id<'a>(operation: Operation, rest: &[&'a str]) -> Option<(Operation, &'a str)> {
    match rest.first() {
        Some(&"") => None,
        id => Some((operation, id.copied().unwrap_or_default())),
    }
}

fn tags(method: &Method) -> Option<Operation> {
    match method.as_str() {
        "POST" => Some(Operation::CreateTags),
        "GET" => Some(Operation::ListTagsForResource),
        "DELETE" => Some(Operation::DeleteTags),
        _ => None,
    }
}

fn batch(method: &Method, what: &str) -> Option<Operation> {
    match (method.as_str(), what) {
        ("POST", "start") => Some(Operation::BatchStart),
        ("POST", "stop") => Some(Operation::BatchStop),
        ("POST", "delete") => Some(Operation::BatchDelete),
        _ => None,
    }
}

fn unknown(method: &Method, path: &str) -> ApiError {
    let text = format!(
        "The emulator does not serve {method} {path}; it serves MediaLive's channels, inputs, inputSecurityGroups, \
         tags, schedule, alerts and batch under /prod/, MediaConnect's routers under /v1/ and /tags/, and its own scripting under \
         /_emulator/"
    );
    ApiError::new(ErrorKind::UnknownOperation, text)
}

fn read_query(query: &str) -> Query {
    let mut read = Query::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "maxResults" => read.max_results = Some(value.into_owned()),
            "nextToken" => read.next_token = Some(value.into_owned()),
            "stateFilter" => read.state_filter = Some(value.into_owned()),
            "arns" => read.arns.push(value.into_owned()),
            "tagKeys" => read.tag_keys.push(value.into_owned()),
            _ => {}
        }
    }
    read
}

/// Undoes percent-encoding; none if the result is not text. A plus stays a plus in a path.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            bytes.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The value of a digit; not by `from_str_radix`, which takes a sign before digits
fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_arn_is_one_segment() {
        let request = find(
            &Method::GET,
            "/prod/tags/arn%3Aaws%3Amedialive%3Ax%3A1%3Achannel%3A2",
            None,
        )
        .unwrap();
        assert_eq!(request.operation, Operation::ListTagsForResource);
        assert_eq!(request.id, "arn:aws:medialive:x:1:channel:2");
    }

    #[test]
    fn an_unserved_path_differs_from_a_missing_channel() {
        for (method, path) in [
            (Method::GET, "/prod/multiplexes"),
            (Method::PATCH, "/prod/channels/1"),
            (Method::GET, "/channels"),
            (Method::GET, "/prod/channels/"),
            (Method::GET, "/prod/channels/%zz"),
            (Method::GET, "/prod/channels/%+1"),
        ] {
            let error = find(&method, path, None).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnknownOperation, "{path}");
        }
    }

    #[test]
    fn mediaconnect_is_told_by_its_paths() {
        let arn = "arn%3Aaws%3Amediaconnect%3Ax%3A1%3ArouterOutput%3Aa";
        let path = format!("/v1/routerOutput/takeRouterInput/{arn}");
        let request = find(&Method::PUT, &path, None).unwrap();
        assert_eq!(
            request.operation,
            Operation::Router(router::Operation::TakeRouterInput)
        );
        assert_eq!(request.id, "arn:aws:mediaconnect:x:1:routerOutput:a");
        let batch = find(&Method::GET, "/v1/routerInputs", Some("arns=a%3Ab&arns=c")).unwrap();
        assert_eq!(batch.query.arns, ["a:b", "c"]);
    }

    #[test]
    fn repeated_tag_keys_are_all_read() {
        let request = find(&Method::DELETE, "/prod/tags/a", Some("tagKeys=x&tagKeys=y%20z")).unwrap();
        assert_eq!(request.query.tag_keys, ["x", "y z"]);
    }
}
