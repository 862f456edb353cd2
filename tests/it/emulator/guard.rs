//! Access to an emulator on a socket.

use axum::http::{Method, StatusCode};
use slotwise::testing::api::{Access, Token};
use tokio::net::TcpListener;

use super::emulator;
use super::wire::exchange;
use crate::cli::tool::slotwise;

const TOKEN: &str = "0123456789abcdef-0123456789abcdef";

/// Serves an emulator with `access` while `f` runs.
async fn serve<F: Future<Output = ()>>(access: Access, f: impl FnOnce(String) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let emulator = emulator();
    let served = emulator.serve_guarded(access, listener, async move { drop(stopped.await) });
    let client = async {
        f(address).await;
        drop(stop);
    };
    let (served, ()) = tokio::join!(served, client);
    served.expect("the server ends well");
}

async fn ask(address: &str, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    exchange(address, &request).await
}

#[tokio::test]
async fn without_a_token_only_local_requests_are_answered() {
    serve(Access::Local, async |address| {
        for path in ["/prod/channels", "/_emulator/state"] {
            let local = format!("host: {address}\r\n");
            assert!(ask(&address, path, &local).await.starts_with("HTTP/1.1 200"));
            let other = ask(&address, path, "host: rebound.example\r\n").await;
            assert!(other.starts_with("HTTP/1.1 403"), "{other}");
            assert!(
                other.contains("x-amzn-errortype: AccessDeniedException"),
                "{other}"
            );
            let page = format!("{local}origin: https://evil.example\r\n");
            assert!(ask(&address, path, &page).await.starts_with("HTTP/1.1 403"));
            let own = format!("{local}origin: http://localhost:1\r\n");
            assert!(ask(&address, path, &own).await.starts_with("HTTP/1.1 200"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_is_an_access_key_or_a_bearer_token() {
    let access = Access::Token(Token::new(TOKEN).expect("a token"));
    serve(access, async |address| {
        let signed = |key: &str| {
            format!(
                "host: x\r\nauthorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/medialive/aws4_request, \
                 SignedHeaders=host, Signature=0\r\n"
            )
        };
        let bearer = format!("host: x\r\nauthorization: Bearer {TOKEN}\r\n");
        for path in ["/prod/channels", "/_emulator/state"] {
            for headers in [&signed(TOKEN), &bearer] {
                assert!(ask(&address, path, headers).await.starts_with("HTTP/1.1 200"), "{path}");
            }
        }
        for headers in ["host: localhost\r\n", &signed("emulator")] {
            let refused = ask(&address, "/prod/channels", headers).await;
            assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
            assert!(refused.contains("x-amzn-errortype: UnrecognizedClientException"), "{refused}");
            let refused = ask(&address, "/_emulator/state", headers).await;
            assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
            assert!(refused.contains("www-authenticate: Bearer"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn scripting_takes_what_says_that_it_is_json_and_nothing_else() {
    serve(Access::Local, async |address| {
        let post = async |method: Method, path: &str, kind: &str| {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{kind}content-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            let answer = exchange(&address, &request).await;
            let status = answer.get(9..12).and_then(|status| status.parse::<u16>().ok());
            status.expect("a status")
        };
        let refused = StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16();
        for kind in ["", "content-type: text/plain\r\n", "content-type: application/x-www-form-urlencoded\r\n"] {
            assert_eq!(post(Method::POST, "/_emulator/reset", kind).await, refused, "{kind}");
            assert_eq!(post(Method::PUT, "/_emulator/switches", kind).await, refused, "{kind}");
        }
        let json = "content-type: application/json; charset=utf-8\r\n";
        assert_eq!(post(Method::POST, "/_emulator/reset", json).await, 200);
        assert_eq!(post(Method::PUT, "/_emulator/switches", json).await, 200);
    })
    .await;
}

#[test]
fn an_address_that_others_reach_is_not_served_without_a_token() {
    // The fleet, which is read after that, keeps a version that lets it pass from serving for ever.
    let run = slotwise([
        "emulator",
        "--listen",
        "0.0.0.0:0",
        "--fleet",
        "/nowhere/fleet.json",
    ]);
    assert_eq!(run.code, 64, "{}", run.err);
    assert!(
        run.err.contains("need a token") && run.err.contains("--api-token-file"),
        "{}",
        run.err
    );
}
