//! Which requests are answered.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Api;
use super::problem::Problem;

/// The shortest token taken: 96 bits in hexadecimal have 24; a short one chosen by hand is refused.
const TOKEN_MIN: usize = 16;

/// Longer ones do not fit into the headers of a request.
const TOKEN_MAX: usize = 1_024;

/// Which requests get more than the health of the process.
#[derive(Debug, Clone)]
pub enum Access {
    /// Requests from this machine. A page in a browser is on this machine too, so a request has to be addressed to it by a
    /// name that no other machine can have.
    Local,
    /// Requests with this token.
    Token(Token),
}

/// A bearer token. It is never shown.
#[derive(Clone)]
pub struct Token(Arc<str>);

/// A text that is not a token. Holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has {TOKEN_MIN} to {TOKEN_MAX} letters, digits or other visible ASCII characters")]
pub struct TokenError;

impl Token {
    /// The token that `text` holds, white space around it left out.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let fits =
            (TOKEN_MIN..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into())).ok_or(TokenError)
    }

    /// Takes equally long for every wrong token.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Passes the requests that [`Access`] allows.
pub(super) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.access.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused,
    }
}

impl Access {
    #[expect(clippy::result_large_err, reason = "the answer itself, made once per request")]
    fn check(&self, headers: &HeaderMap) -> Result<(), Response> {
        match self {
            Self::Local if is_local(headers) => Ok(()),
            Self::Local => {
                let detail = "without a token only requests to localhost or a loopback address are answered";
                Err(Problem::new(StatusCode::FORBIDDEN, detail).into_response())
            }
            Self::Token(token) if bearer(headers).is_some_and(|shown| token.is(shown)) => Ok(()),
            Self::Token(_) => {
                let detail = "send the token: Authorization: Bearer TOKEN";
                let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
                Err(([(WWW_AUTHENTICATE, "Bearer")], problem).into_response())
            }
        }
    }
}

/// The token that a request shows.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(token.trim_ascii())
}

/// Whether the request is addressed to this machine by name. A site that lets its own name point here gets nothing.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    // HTTP/1.0 needs none, and no browser speaks it.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_none_or(is_local_host)
}

/// Whether the page that a browser names as a request's origin is this machine's own.
pub(crate) fn is_local_origin(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    host.is_some_and(|(_, host)| is_local_host(host))
}

fn is_local_host(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = without_port.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_enough_and_never_shown() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert_eq!(
            format!("{token:?} {:?}", Access::Token(token.clone())),
            "Token(***) Token(Token(***))"
        );
        assert!(token.is(b"0123456789abcdef"));
        for other in [&b"0123456789abcdeF"[..], b"0123456789abcde", b""] {
            assert!(!token.is(other));
        }
        for text in ["", "short", "with a space in the middle", "ümlaut-ümlaut-ümlaut"] {
            assert_eq!(Token::new(text).err(), Some(TokenError), "{text}");
        }
    }

    #[test]
    fn a_page_is_local_by_its_host() {
        for (origin, local) in [
            ("http://localhost:8080", true),
            ("http://[::1]", true),
            ("https://evil.example", false),
            ("null", false),
        ] {
            assert_eq!(is_local_origin(&origin.parse().unwrap()), local, "{origin}");
        }
    }

    #[test]
    fn names_that_no_other_machine_can_have_are_local() {
        let host = |name: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, name.parse().unwrap());
            is_local(&headers)
        };
        for name in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(host(name), "{name}");
        }
        for name in [
            "evil.example",
            "localhost.evil.example:8080",
            "10.0.0.1:8080",
            "0.0.0.0",
            "",
        ] {
            assert!(!host(name), "{name}");
        }
    }
}
