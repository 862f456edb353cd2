//! Which requests are answered, by the daemon's rules ([`crate::api::access`]): local ones, or those with the token.
//!
//! A client of AWS signs its requests and cannot show a bearer token; its access key id, which every signed request names,
//! is the token then. The signature itself is not checked.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::api::Access;
use crate::api::access::{bearer, is_local, is_local_origin};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Passes the requests that `access` allows
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // No client of MediaLive sends one: the request comes from a page in a browser.
    let is_of_page = headers.get(ORIGIN).is_some_and(|origin| !is_local_origin(origin));
    match &access {
        _ if is_of_page => refuse("requests of web pages from elsewhere are not answered"),
        Access::Local if is_local(headers) => next.run(request).await,
        Access::Local => {
            refuse("without a token only requests to localhost or a loopback address are answered")
        }
        Access::Token(token) if shown(headers).is_some_and(|shown| token.is(shown)) => {
            next.run(request).await
        }
        Access::Token(_) => ask(request.uri().path()),
    }
}

/// What a request shows as its token: of a bearer, or the access key id of a signature
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    bearer(headers).or_else(|| access_key(headers))
}

/// `AWS4-HMAC-SHA256 Credential=KEY/20261231/us-east-1/medialive/aws4_request, SignedHeaders=…`
fn access_key(headers: &HeaderMap) -> Option<&[u8]> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, rest) = header
        .strip_prefix("AWS4-HMAC-SHA256")?
        .split_once("Credential=")?;
    let credential = rest.split([',', ' ']).next()?;
    credential.rsplitn(5, '/').nth(4).map(str::as_bytes)
}

fn refuse(message: &str) -> Response {
    answer(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

/// Asks for the token, in the way that the asker understands
fn ask(path: &str) -> Response {
    let message = "show the token: as the AWS access key id, or as Authorization: Bearer TOKEN";
    if path.starts_with("/_emulator") {
        let answer = answer(StatusCode::UNAUTHORIZED, "UnrecognizedClientException", message);
        return ([(WWW_AUTHENTICATE, "Bearer")], answer).into_response();
    }
    // What AWS answers to an access key that it does not know.
    answer(StatusCode::FORBIDDEN, "UnrecognizedClientException", message)
}

fn answer(status: StatusCode, kind: &'static str, message: &str) -> Response {
    (status, [(ERROR_TYPE, kind)], Json(json!({ "message": message }))).into_response()
}

/// Takes JSON only, and only with its content type: a browser's request to another site without a preflight has another
/// type, or none
pub(super) async fn json_only(request: Request, next: Next) -> Response {
    let is_change = matches!(*request.method(), Method::POST | Method::PUT);
    if !is_change || is_json(request.headers()) {
        return next.run(request).await;
    }
    let message = "send it as Content-Type: application/json";
    let body = Json(json!({ "message": message }));
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, body).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn the_access_key_of_a_signature_is_shown_as_the_token() {
        let signed = |key: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/20261231/us-east-1/medialive/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=abc"
            )
        };
        for key in ["0123456789abcdef", "a/b+c="] {
            assert_eq!(shown(&headers(&signed(key))), Some(key.as_bytes()));
        }
        assert_eq!(
            shown(&headers("Bearer 0123456789abcdef")),
            Some(&b"0123456789abcdef"[..])
        );
        for other in [
            "Basic abc",
            "AWS4-HMAC-SHA256 Credential=short",
            "AWS4-HMAC-SHA256",
        ] {
            assert_eq!(shown(&headers(other)), None, "{other}");
        }
    }
}
