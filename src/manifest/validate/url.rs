//! RTMP URLs: complete, and without anything secret in them.

use std::sync::Arc;

use url::Url;

use super::pasted::is_partly_invisible;
use crate::manifest::node::FieldPath;
use crate::manifest::presets::platform_at;
use crate::manifest::report::Report;
use crate::manifest::words::has_key_form;
use crate::model::Secret;

/// Longest URL. RTMP has no limit of its own; MediaLive's is not published.
const URL_LIMIT: usize = 1024;
/// Keys shorter than this are found in any URL by chance.
const SHORTEST_SOUGHT_KEY: usize = 4;

/// Rejects `text` unless it is an RTMP(S) URL with host and application path. The URL beyond its host is
/// never repeated: a key may be pasted into it.
pub(super) fn check_url(text: &str, path: &FieldPath, report: &mut Report) -> bool {
    match mistake(text) {
        None => true,
        Some((message, fix)) => {
            report.reject(path, message, fix);
            false
        }
    }
}

/// As [`check_url`], for a place that takes no stream: nothing but host and application path.
pub(super) fn check_parking_url(text: &str, path: &FieldPath, report: &mut Report) {
    const LOGIN: &str = "the URL holds a user and a password";
    // Also an empty one: whether MediaLive takes that is not known.
    let has_login = authority(text).contains('@');
    if has_login && matches!(mistake(text), None | Some((LOGIN, _))) {
        report.reject(
            path,
            LOGIN,
            "remove everything before the `@`: a parked slot needs neither",
        );
    } else if !check_url(text, path, report) {
        // Reported already.
    } else if text.contains('?') {
        report.reject(
            path,
            "a parking URL has no query",
            "remove `?` and what follows it",
        );
    } else if segments(text).any(has_key_form) {
        report.reject(
            path,
            "the URL seems to hold a stream key",
            "remove it: a parked slot has no key",
        );
    }
}

/// A parking URL as it is written: without a slash at its end, which changes nothing, and which MediaLive may refuse with every
/// update that parks a slot.
pub(super) fn parking_as_written(text: &str) -> Arc<str> {
    as_written(text.trim_end_matches('/'))
}

/// Rejects a URL that holds a stream key: it would show in every plan, log and page.
pub(super) fn check_no_key(text: &str, key: Option<&Secret>, path: &FieldPath, report: &mut Report) {
    let key = key
        .map(Secret::reveal)
        .filter(|key| key.len() >= SHORTEST_SOUGHT_KEY);
    let host = Url::parse(text)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let platform = host.as_deref().and_then(platform_at);
    let parts = || text.split(['/', '?', '&', '=']);
    let message = if key.is_some_and(|key| text.contains(key)) {
        "the URL holds the stream key".to_owned()
    } else if parts().any(has_key_form) {
        "the URL seems to hold a stream key".to_owned()
    } else if let Some(platform) = platform.filter(|_| segments(text).count() > 1) {
        format!("{platform} takes one path segment, what follows it seems to be a stream key")
    } else {
        return;
    };
    let key = match report.document().item() {
        None => "streamKeyFrom".to_owned(),
        Some(item) => item.layout.attributes_of_key(),
    };
    let fix = format!("end the URL after the application, and give the key with {key}");
    report.reject(path, message, fix);
}

/// `text` with its scheme in lower case: equal by the standard, but not known to be so for MediaLive.
pub(super) fn as_written(text: &str) -> Arc<str> {
    match text.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()).into(),
        None => text.into(),
    }
}

fn mistake(text: &str) -> Option<(&'static str, &'static str)> {
    const FORM: &str = "write it as rtmps://HOST/APP";
    if text.len() > URL_LIMIT {
        return Some(("the URL is too long", FORM));
    }
    if text
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Some(("a URL has no spaces or line breaks", "remove them"));
    }
    if ["${", "$(", "{{", "}}", "<", ">"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return Some((
            "a variable in the URL was not filled in",
            "write the URL itself: slotwise fills in no variables",
        ));
    }
    if is_partly_invisible(text) {
        return Some((
            "there are invisible characters in the URL",
            "copy it again as plain text",
        ));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Some(("this is not a URL", FORM));
    };
    if !["rtmp", "rtmps"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Some(("the URL is neither rtmp:// nor rtmps://", FORM));
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) {
        return Some(("the URL has no host", FORM));
    }
    let Ok(url) = Url::parse(text) else {
        return Some(("this is not a URL", FORM));
    };
    if !authority(text).is_ascii() {
        return Some((
            "the host has letters that DNS does not have",
            "write the host as DNS has it: `xn--…`",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some((
            "the URL holds a user and a password",
            "remove everything before the `@`; username and passwordParameter take the two, the latter by the name of an SSM parameter",
        ));
    }
    if text.contains('#') {
        return Some((
            "a URL that is streamed to has no `#`",
            "remove `#` and what follows it",
        ));
    }
    if segments(text).next().is_none() {
        return Some((
            "the URL has no application path",
            "write it as rtmps://HOST/APP, for example …/live",
        ));
    }
    None
}

/// Host and port, with user and password.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The segments of the path that hold anything.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or("");
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_scheme_host_and_application_and_nothing_else() {
        for good in [
            "rtmp://a.example/live",
            "rtmps://a.example:443/live/app",
            "rtmps://b.rtmps.youtube.com:443/live2?backup=1",
            "rtmp://127.0.0.1:1935/parked",
            "rtmp://[::1]/live",
            "RTMP://A.Example/live",
            "rtmps://rtmp-api.facebook.com:443/rtmp/",
        ] {
            assert_eq!(mistake(good), None, "{good}");
        }
        for (bad, said) in [
            ("a.example/live", "not a URL"),
            ("https://a.example/live", "neither"),
            ("rtmp:///live", "no host"),
            ("rtmp://a.example", "no application"),
            ("rtmp://a.example/", "no application"),
            ("rtmp://a.example/?x", "no application"),
            ("rtmp://u:p@a.example/live", "a user and a password"),
            ("rtmp://a.example/live#x", "`#`"),
            ("rtmp://a.example/li ve", "spaces"),
            ("rtmp://${HOST}/live", "not filled in"),
            ("rtmp://a.example/{{ app }}", "spaces"),
            ("rtmp://a.example/<app>", "not filled in"),
            ("rtmp://a.example/li\u{200b}ve", "invisible"),
            ("rtmp://a.example:99999/live", "not a URL"),
            ("rtmp://bühne.example/live", "DNS"),
        ] {
            let (message, _) = mistake(bad).unwrap_or(("", ""));
            assert!(message.contains(said), "{bad}: {message}");
        }
    }

    #[test]
    fn a_parking_url_is_written_without_a_slash_at_its_end() {
        for (text, written) in [
            ("rtmp://127.0.0.1:1935/parked", "rtmp://127.0.0.1:1935/parked"),
            ("RTMP://127.0.0.1:1935/parked//", "rtmp://127.0.0.1:1935/parked"),
        ] {
            assert_eq!(&*parking_as_written(text), written);
        }
    }
}
